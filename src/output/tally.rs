//! Counts of completed rows, by status, with tokens and cost.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use super::line::{self, Known, RecordError, Status};
use crate::catalog::rounded_usd;
use crate::model::{Category, FinishReason};
use crate::run::{CompletedRow, Outcome};

/// Counts of completed rows, of earlier runs or of this one.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Rows that succeeded.
    pub succeeded: u64,
    /// Rows whose response was filtered; billed like any other.
    pub filtered: u64,
    /// Rows that failed.
    pub failed: u64,
    /// Completions that were cut off at `max_tokens`.
    pub cut_off: u64,
    /// The longest completion, in tokens.
    pub longest_output: u64,
    /// Tokens of all responses that report them.
    pub usage: Totals,
    /// Cost of all responses whose price is known.
    #[serde(skip)]
    pub cost_usd: f64,
    /// What rows may have cost beyond that: attempts that timed out or could not be parsed, and responses
    /// without a token count, each at its worst case.
    #[serde(skip)]
    pub maybe_billed_usd: f64,
    /// Spend that no row of the output accounts for.
    #[serde(skip)]
    pub unattributed: Unattributed,
    /// Responses whose cost is unknown.
    pub unpriced: u64,
    /// Rows that an emulator completed.
    #[serde(skip)]
    pub emulated: u64,
    /// Rows with a response of a real model.
    #[serde(skip)]
    pub real: u64,
    /// Failures by category.
    pub failures: BTreeMap<String, Failures>,
}

/// Spend that no row of the output accounts for, in USD: of lines that were backed up and calls that
/// were abandoned.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Unattributed {
    /// All that may have been paid.
    pub usd: f64,
    /// The part of it that was paid for responses.
    pub answers_usd: f64,
}

impl std::ops::Add for Unattributed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            answers_usd: self.answers_usd + other.answers_usd,
        }
    }
}

/// Counts as the run file has them.
#[derive(Debug, Serialize)]
pub(crate) struct TallyFields<'a> {
    #[serde(flatten)]
    tally: &'a Tally,
    cost_usd: Option<f64>,
    /// The cost of the responses whose cost is known, whether that is all of them or not.
    known_cost_usd: f64,
    /// What rows may have cost beyond that.
    maybe_billed_usd: f64,
    /// Spend that no row accounts for; `run_file` reads it back.
    unlisted_usd: f64,
    /// The part of it that was paid for responses.
    unlisted_answers_usd: f64,
}

impl<'a> TallyFields<'a> {
    pub(crate) fn of(tally: &'a Tally) -> Self {
        Self {
            tally,
            cost_usd: tally.known_cost().map(rounded_usd),
            known_cost_usd: rounded_usd(tally.cost_usd),
            maybe_billed_usd: rounded_usd(tally.maybe_billed_usd),
            unlisted_usd: rounded_usd(tally.unattributed.usd),
            unlisted_answers_usd: rounded_usd(tally.unattributed.answers_usd),
        }
    }
}

/// Sums of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All input, cached included.
    pub input_tokens: u64,
    /// What the model wrote.
    pub output_tokens: u64,
    /// The part of the input read from the cache.
    pub cache_read_input_tokens: u64,
    /// The part of the input written to the cache.
    pub cache_write_input_tokens: u64,
}

impl Totals {
    /// Counts come from outside: an absurd one must not overflow.
    fn add(&mut self, other: Self) {
        let sums = [
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (
                &mut self.cache_read_input_tokens,
                other.cache_read_input_tokens,
            ),
            (
                &mut self.cache_write_input_tokens,
                other.cache_write_input_tokens,
            ),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

impl From<line::TokenFields> for Totals {
    fn from(tokens: line::TokenFields) -> Self {
        Self {
            input_tokens: tokens.input_tokens.unwrap_or(0),
            output_tokens: tokens.output_tokens.unwrap_or(0),
            cache_read_input_tokens: tokens.cache_read_input_tokens.unwrap_or(0),
            cache_write_input_tokens: tokens.cache_write_input_tokens.unwrap_or(0),
        }
    }
}

/// Failures of one category.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// How many rows.
    pub count: u64,
    /// The first of them.
    pub example_row: u64,
    /// Its id.
    pub example_id: Option<String>,
    /// What was said of it.
    pub example_message: String,
}

impl Tally {
    /// Rows in the output, filtered ones included.
    pub fn answered(&self) -> u64 {
        self.succeeded + self.filtered
    }

    /// Rows with a response, invalid ones included: what they cost is counted.
    pub fn responses(&self) -> u64 {
        let invalid = self.failures.get(Category::InvalidOutput.as_str());
        self.answered() + invalid.map_or(0, |failures| failures.count)
    }

    /// Completed rows.
    pub fn ended(&self) -> u64 {
        self.answered() + self.failed
    }

    /// The cost of all responses; `None` if any is unknown.
    pub fn known_cost(&self) -> Option<f64> {
        (self.unpriced == 0).then_some(self.cost_usd)
    }

    /// Failures of this category.
    pub fn failed_of(&self, category: Category) -> u64 {
        let failures = self.failures.get(category.as_str());
        failures.map_or(0, |failures| failures.count)
    }

    /// What all of it may have cost, in USD: what the cost limit is compared with.
    pub fn charge_usd(&self) -> f64 {
        self.cost_usd + self.maybe_billed_usd + self.unattributed.usd
    }

    /// The part of it that is not for responses in the output, in USD.
    pub fn uncertain_usd(&self) -> f64 {
        self.maybe_billed_usd + self.unattributed.usd
    }

    /// All of it, as it counts once its lines are no longer in the output.
    pub(crate) fn as_unattributed(&self) -> Unattributed {
        Unattributed {
            usd: self.charge_usd(),
            answers_usd: self.cost_usd + self.unattributed.answers_usd,
        }
    }

    /// Adds `other`'s counts to these.
    pub fn add(&mut self, other: &Tally) {
        self.succeeded += other.succeeded;
        self.filtered += other.filtered;
        self.failed += other.failed;
        self.cut_off += other.cut_off;
        self.longest_output = self.longest_output.max(other.longest_output);
        self.cost_usd += other.cost_usd;
        self.maybe_billed_usd += other.maybe_billed_usd;
        self.unattributed = self.unattributed + other.unattributed;
        self.unpriced += other.unpriced;
        self.emulated += other.emulated;
        self.real += other.real;
        self.usage.add(other.usage);
        for (category, failures) in &other.failures {
            match self.failures.entry(category.clone()) {
                Entry::Vacant(none) => {
                    none.insert(failures.clone());
                }
                Entry::Occupied(mut sum) => sum.get_mut().count += failures.count,
            }
        }
    }

    pub(crate) fn take(&mut self, ended: &CompletedRow) {
        self.maybe_billed_usd += ended.maybe_billed_usd;
        let is_emulated = line::is_emulated(&ended.outcome);
        self.count(Status::of(&ended.outcome), is_emulated);
        match &ended.outcome {
            Outcome::Replied(reply) => {
                self.answer(
                    reply.parsed.finish_reason.as_str(),
                    reply.parsed.usage.into(),
                    reply.cost_usd,
                );
            }
            Outcome::Failed(fault) => {
                if let Some(reply) = &fault.invalid {
                    self.answer(
                        reply.parsed.finish_reason.as_str(),
                        reply.parsed.usage.into(),
                        reply.cost_usd,
                    );
                }
                self.failure(
                    fault.category.as_str(),
                    ended.identity.row,
                    ended.identity.custom_id.as_deref(),
                    &fault.words(),
                );
            }
        }
    }

    /// Counts a line that an earlier run wrote.
    pub(super) fn count_earlier(&mut self, known: &Known) {
        self.maybe_billed_usd += known.maybe_billed_usd;
        self.count(known.status, known.emulated);
        match known.status {
            Status::Succeeded | Status::Filtered => self.answer(
                known.finish_reason.as_deref().unwrap_or_default(),
                known.usage,
                known.cost_usd,
            ),
            Status::Failed => {
                let unsaid = RecordError::default();
                let error = known.error.as_ref().unwrap_or(&unsaid);
                if error.category == Category::InvalidOutput.as_str() {
                    self.answer(
                        known.finish_reason.as_deref().unwrap_or_default(),
                        known.usage,
                        known.cost_usd,
                    );
                }
                self.failure(
                    &error.category,
                    known.row,
                    known.custom_id.as_deref(),
                    &error.words(),
                );
            }
        }
    }

    /// Counts a row. A failure without the mark of an emulator may be either's.
    fn count(&mut self, status: Status, emulated: bool) {
        match status {
            Status::Succeeded => self.succeeded += 1,
            Status::Filtered => self.filtered += 1,
            Status::Failed => self.failed += 1,
        }
        self.emulated += u64::from(emulated);
        self.real += u64::from(status != Status::Failed && !emulated);
    }

    fn answer(&mut self, finish: &str, usage: line::TokenFields, cost_usd: Option<f64>) {
        self.cut_off += u64::from(finish == FinishReason::Length.as_str());
        self.longest_output = self.longest_output.max(usage.output_tokens.unwrap_or(0));
        self.usage.add(usage.into());
        match cost_usd {
            Some(cost) => self.cost_usd += cost,
            None => self.unpriced += 1,
        }
    }

    fn failure(&mut self, category: &str, row: u64, custom_id: Option<&str>, message: &str) {
        let failures = self.failures.entry(category.to_owned()).or_default();
        failures.count += 1;
        if failures.count == 1 {
            failures.example_row = row;
            failures.example_id = custom_id.map(str::to_owned);
            failures.example_message = message.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_are_the_same_count_together() {
        let mut one = Tally::default();
        one.failure("network", 7, Some("a"), "reset");
        let mut sum = Tally::default();
        for count in 1..=3 {
            sum.add(&one);
            assert_eq!(sum.failures["network"].count, count);
        }
    }

    #[test]
    fn the_status_of_a_line_says_how_its_row_ended() {
        let counts = |status: &str| {
            let line =
                format!(r#"{{"custom_id":null,"row":1,"status":"{status}","fingerprint":null}}"#);
            let mut tally = Tally::default();
            tally.count_earlier(&serde_json::from_str(&line).unwrap());
            [
                tally.succeeded,
                tally.filtered,
                tally.failed,
                tally.unpriced,
            ]
        };
        assert_eq!(counts("succeeded"), [1, 0, 0, 1]);
        assert_eq!(counts("filtered"), [0, 1, 0, 1]);
        assert_eq!(counts("failed"), [0, 0, 1, 0]);
    }

    #[test]
    fn impossible_counts_do_not_overflow() {
        let tokens = line::TokenFields {
            input_tokens: Some(u64::MAX),
            ..line::TokenFields::default()
        };
        let mut tally = Tally::default();
        tally.answer("stop", tokens, None);
        tally.answer("stop", tokens, None);
        let mut both = tally.clone();
        both.add(&tally);
        assert_eq!(both.usage.input_tokens, u64::MAX);
    }
}
