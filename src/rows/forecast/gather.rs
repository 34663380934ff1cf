//! What one look over the rows collects for the forecast: sums by size, never the rows.

use bytes::Bytes;

use super::Forecast;
use crate::job::Plan;
use crate::model::{Metered, Units};
use crate::output::EarlierRow;
use crate::output::statistics::Statistics;
use crate::output::statistics::bucket;
use crate::rows::RowMaker;
use crate::rows::standing::{Standing, has_changed};
use crate::run::{ReadyRow, Row, Sharing};

/// Sums over the rows of an input.
#[derive(Debug)]
pub struct Gathered {
    /// Rows that have ended with an answer.
    pub answered: u64,
    /// Rows that have ended in failure.
    pub failed: u64,
    /// Rows that are left and cannot be sent.
    pub unusable: u64,
    /// Rows that are left and can be sent, by the size of their prompt: at most 2,000 sums.
    pub(super) left: Vec<Sizes>,
    /// Calls that are left.
    pub(super) calls: u64,
    /// The largest call that is left, in bytes of its prompts.
    pub(super) largest: u64,
    /// The longest answer that any call that is left asks for.
    pub(super) most_output: u64,
    /// Bytes and tokens of the requests whose answers said how many tokens they had.
    pub(super) measured: Measured,
    /// The first row that is left, else the first of all.
    first: Option<(FirstCall, FirstIs)>,
    /// The call that the next row may share.
    last: Gathering,
    sharing: Sharing,
    layout_bytes: u64,
    default_max_tokens: u64,
    bodies: BodyAuthor,
}

/// Who says what is in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyAuthor {
    OfTheJob,
    OfRows,
}

/// Rows of about one size.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sizes {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) max_tokens: u64,
    /// The bytes of prompts whose tokens are billed.
    pub(super) metered_bytes: u64,
    /// Units with a price of their own, at least and at most.
    pub(super) least: Units,
    pub(super) most: Units,
    /// Rows whose billing unit is unknown.
    pub(super) unpriced: u64,
}

/// What is known of input tokens from answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) tokens: u64,
}

/// A call as rows join it.
#[derive(Debug, Clone, Copy, Default)]
struct Gathering {
    rows: usize,
    /// Of their bodies.
    bytes: usize,
    /// Of their prompts.
    prompts: u64,
    max_tokens: u64,
}

/// The first request.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstCall {
    /// The record's number, from 1.
    pub row: u64,
    /// The row's id.
    pub custom_id: Option<String>,
    /// Its body, and those of the rows that share its call.
    pub bodies: Vec<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstIs {
    Left,
    Ended,
}

impl Gathered {
    /// Nothing yet, before any row. Of each body, `layout_bytes` are no prompt; a
    /// call without a limit of its own may be answered with `default_max_tokens`. Rows share calls as
    /// `sharing` lets them.
    pub fn new(layout_bytes: usize, default_max_tokens: u64, sharing: Sharing) -> Self {
        Self {
            answered: 0,
            failed: 0,
            unusable: 0,
            left: Vec::new(),
            calls: 0,
            largest: 0,
            most_output: 0,
            measured: Measured::default(),
            first: None,
            last: Gathering::default(),
            sharing,
            layout_bytes: layout_bytes as u64,
            default_max_tokens,
            bodies: BodyAuthor::OfTheJob,
        }
    }

    /// Like [`Self::new`], but for rows that bring whole bodies: the job's parameters say nothing there.
    #[must_use]
    pub fn of_whole_bodies(self) -> Self {
        Self {
            bodies: BodyAuthor::OfRows,
            ..self
        }
    }

    /// The longest answer that the job asks for; `None` where each row says for itself.
    pub(super) fn limit(&self, plan: &Plan) -> Option<u32> {
        match self.bodies {
            BodyAuthor::OfTheJob => plan.longest_answer(),
            BodyAuthor::OfRows => None,
        }
    }

    /// Nothing yet, for the calls of the variant at `place`, which has this plan.
    pub fn of(plan: &Plan, maker: &RowMaker<'_>, place: usize) -> Self {
        let gathered = Self::new(
            maker.layout_bytes(place),
            plan.tokens.default_max_tokens,
            maker.sharing(place, plan.tokens.per_minute),
        );
        match maker.sends_bodies() {
            true => gathered.of_whole_bodies(),
            false => gathered,
        }
    }

    /// Takes in a row that would be bought again, and what others teach about it.
    pub fn take_again(&mut self, row: &Row, standing: Standing<'_>) {
        if standing.is_bought_again() {
            self.take(row, None);
        } else if let Some(line) = standing.line() {
            self.take(row, Some(line));
        }
    }

    /// What the rows that are left will cost, in USD, if that is known.
    pub fn cost_usd(&self, statistics: &Statistics, plan: &Plan) -> Option<f64> {
        let cost = Forecast::new(self, statistics, plan).in_tier;
        cost.expected.or(cost.low)
    }

    /// Takes in one row, and how it ended if it has.
    pub fn take(&mut self, row: &Row, before: Option<&EarlierRow>) {
        match before {
            Some(EarlierRow { failed: true, .. }) => self.failed += 1,
            Some(_) => self.answered += 1,
            None => {}
        }
        match (row, before) {
            (Row::Rejected(..), None) => self.unusable += 1,
            (Row::Rejected(..), Some(_)) | (Row::Completed(_), _) => {}
            (Row::Ready(ready), None) => self.left(ready),
            (Row::Ready(ready), Some(before)) => self.ended(ready, before),
        }
    }

    /// The first request that is left, else the first of all.
    pub fn first(&self) -> Option<&FirstCall> {
        self.first.as_ref().map(|(first, _)| first)
    }

    /// Rows that are left and can be sent.
    pub fn rows(&self) -> u64 {
        self.left.iter().map(|sizes| sizes.rows).sum()
    }

    fn left(&mut self, ready: &ReadyRow) {
        let bytes = self.bytes(ready);
        let max_tokens = ready.request.max_tokens.map(u64::from);
        let max_tokens = max_tokens.unwrap_or(self.default_max_tokens);
        let at = bucket(bytes);
        if self.left.len() <= at {
            self.left.resize(at + 1, Sizes::default());
        }
        let sizes = &mut self.left[at];
        sizes.rows += 1;
        sizes.bytes += bytes;
        // A limit of the user's own file may be any number.
        sizes.max_tokens = sizes.max_tokens.saturating_add(max_tokens);
        match ready.request.bill {
            Some(bill) => {
                sizes.least = sizes.least.and(bill.least);
                sizes.most = sizes.most.and(bill.most);
                if bill.tokens == Metered::Billed {
                    sizes.metered_bytes += bytes;
                }
            }
            None => sizes.unpriced += 1,
        }
        self.share(ready, bytes, max_tokens);
        match &mut self.first {
            Some((first, FirstIs::Left)) if self.calls == 1 => {
                first.bodies.push(ready.request.body.clone());
            }
            Some((_, FirstIs::Left)) => {}
            Some((_, FirstIs::Ended)) | None => {
                self.first = Some((FirstCall::of(ready), FirstIs::Left));
            }
        }
    }

    /// Puts a row into the call of those before it, or into a new one.
    fn share(&mut self, ready: &ReadyRow, bytes: u64, max_tokens: u64) {
        let body = ready.request.body.len();
        let Gathering {
            rows: shared_by,
            bytes: so_far,
            ..
        } = self.last;
        if shared_by == 0 || !self.sharing.takes(shared_by, so_far, body) {
            self.calls += 1;
            self.last = Gathering::default();
        }
        self.last.join(body, bytes, max_tokens);
        self.largest = self.largest.max(self.last.prompts);
        self.most_output = self.most_output.max(self.last.max_tokens);
    }

    fn ended(&mut self, ready: &ReadyRow, before: &EarlierRow) {
        if self.first.is_none() {
            self.first = Some((FirstCall::of(ready), FirstIs::Ended));
        }
        let Some(tokens) = before.input_tokens else {
            return;
        };
        if !has_changed(&ready.identity, before) {
            self.measured.rows += 1;
            self.measured.bytes += self.bytes(ready);
            self.measured.tokens += u64::from(tokens.get());
        }
    }

    /// The bytes of its prompt; a token at least is never without a byte.
    fn bytes(&self, ready: &ReadyRow) -> u64 {
        let body = ready.request.body.len() as u64;
        body.saturating_sub(self.layout_bytes).max(1)
    }
}

impl FirstCall {
    fn of(ready: &ReadyRow) -> Self {
        Self {
            row: ready.identity.row,
            custom_id: ready.identity.custom_id.clone(),
            bodies: vec![ready.request.body.clone()],
        }
    }
}

impl Gathering {
    fn join(&mut self, body: usize, prompt: u64, max_tokens: u64) {
        self.rows += 1;
        self.bytes += body;
        self.prompts += prompt;
        self.max_tokens = self.max_tokens.saturating_add(max_tokens);
    }
}
