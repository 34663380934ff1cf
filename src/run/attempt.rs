//! What goes out in one call: a row, or several that share it.

use tokio::time::Instant;

use super::earlier::Earlier;
use super::retry::History;
use super::{Identity, ReadyRow};
use crate::model::{Fault, FinishReason, Model, Reply, Request, Usage};

/// How many rows may share a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// At most this many; at least 1.
    pub rows: usize,
    /// As long as their bodies have no more bytes than this together.
    pub bytes: usize,
}

impl Sharing {
    /// Every row has a call of its own.
    pub const NONE: Self = Self { rows: 1, bytes: 0 };

    /// Whether a row of `next` bytes may join `rows` rows of `bytes` bytes.
    pub fn takes(self, rows: usize, bytes: usize, next: usize) -> bool {
        rows < self.rows && bytes + next <= self.bytes
    }
}

/// A row's place among those that share its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many rows share it.
    pub rows: u32,
    /// Which of them this one is, from 1.
    pub place: u32,
}

impl Share {
    /// The row has its call to itself.
    pub const ALONE: Self = Self { rows: 1, place: 1 };

    /// Whether it is the first: what is counted by the call is counted at its first row.
    pub fn is_first(self) -> bool {
        self.place == 1
    }
}

/// One call on its way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) first: ReadyRow,
    /// Rows that share the call; nothing is allocated where there are none.
    pub(super) others: Vec<ReadyRow>,
    pub(super) history: History,
    pub(super) read: Instant,
    /// The invalid response of its row, where this call corrects it.
    pub(super) earlier: Option<Box<Earlier>>,
}

impl Attempt {
    /// A row that was read just now.
    pub(super) fn new(first: ReadyRow, now: Instant) -> Self {
        Self {
            first,
            others: Vec::new(),
            history: History::default(),
            read: now,
            earlier: None,
        }
    }

    /// The row that the call is known by: the first, if several share it.
    pub(super) fn identity(&self) -> &Identity {
        &self.first.identity
    }

    pub(super) fn rows(&self) -> usize {
        1 + self.others.len()
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = &Request> {
        let others = self.others.iter().map(|row| &row.request);
        std::iter::once(&self.first.request).chain(others)
    }

    /// The bytes of its rows' bodies.
    pub(super) fn bytes(&self) -> usize {
        self.calls().map(|call| call.body.len()).sum()
    }

    /// What it can cost at most, in USD; nothing where that is not known.
    pub(super) fn worst_cost_usd(&self) -> f64 {
        let worst = self.calls().map(|call| call.worst_cost_usd.unwrap_or(0.0));
        worst.sum()
    }

    /// What is reserved beyond that for corrections of the response, in USD.
    pub(super) fn reserve_usd(&self) -> f64 {
        self.calls().map(|call| call.reserve_usd).sum()
    }

    /// Sends it once, and waits for the reply to each of its rows.
    pub(super) async fn send<M: Model>(&self, model: &M) -> Result<Replies, Fault> {
        if self.others.is_empty() {
            let first = model.invoke(&self.first.request).await?;
            let others = Vec::new();
            return Ok(Replies { first, others });
        }
        let calls: Vec<&Request> = self.calls().collect();
        let mut replies = model.invoke_together(&calls).await?;
        assert_eq!(replies.len(), calls.len(), "a reply for each row");
        let others = replies.split_off(1);
        let first = replies.pop().expect("there is a first row");
        Ok(Replies { first, others })
    }

    /// Two calls of it: one with its first `at` rows, one with the others. There are more rows.
    pub(super) fn part(mut self, at: usize) -> [Self; 2] {
        self.history.was_shared |= self.history.was_sent;
        let mut behind = self.others.split_off(at - 1);
        let second = Self {
            first: behind.remove(0),
            others: behind,
            history: self.history,
            read: self.read,
            earlier: None,
        };
        [self, second]
    }
}

/// The reply to each row of a call, in the order of the rows.
#[derive(Debug)]
pub(super) struct Replies {
    pub(super) first: Reply,
    pub(super) others: Vec<Reply>,
}

impl Replies {
    /// What the call used.
    pub(super) fn usage(&self) -> Usage {
        let others = self.others.iter().map(|reply| reply.parsed.usage);
        others.fold(self.first.parsed.usage, Usage::plus)
    }

    /// What the call cost in USD, where that is known.
    pub(super) fn cost_usd(&self) -> Option<f64> {
        self.all().map(|reply| reply.cost_usd).sum()
    }

    /// Whether a guardrail blocked all of it, and no tokens are counted.
    pub(super) fn are_blocked(&self) -> bool {
        self.all().all(|reply| {
            let usage = &reply.parsed.usage;
            let is_counted = usage.input_tokens.is_some() || usage.output_tokens.is_some();
            reply.parsed.finish_reason == FinishReason::Guardrail && !is_counted
        })
    }

    fn all(&self) -> impl Iterator<Item = &Reply> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn parts_of_a_call_know_that_it_was_sent_whole_whatever_it_came_back_with() {
        let ready = ReadyRow {
            identity: Identity::default(),
            request: Request {
                body: "{}".into(),
                ..Request::default()
            },
        };
        let call = |was_sent| {
            let mut attempt = Attempt::new(ready.clone(), Instant::now());
            attempt.others.push(ready.clone());
            attempt.history.was_sent = was_sent;
            // A throttle is no attempt.
            attempt.history.start_over();
            attempt.part(1).map(|part| part.history.was_shared)
        };
        assert_eq!(call(true), [true, true]);
        assert_eq!(call(false), [false, false]);
    }
}
