//! What the records of an output say together. Memory does not grow with their number.

use std::collections::BTreeMap;

use super::histogram::SizeHistogram;
use crate::output::RecordFigures;
use crate::report::failures::FailureGroups;

/// The slowest rows that are named.
const SLOWEST: usize = 15;

/// Tiers that are told apart: there are four, and what a later version writes.
const TIERS: usize = 16;

/// What the records say together.
#[derive(Debug, Default)]
pub(crate) struct PageFigures {
    pub(crate) succeeded: u64,
    pub(crate) filtered: u64,
    pub(crate) failed: u64,
    pub(crate) copied: u64,
    /// Completions that were cut off.
    pub(crate) cut_off: u64,
    /// Rows, known cost and responses without a price, by service tier.
    pub(crate) tiers: BTreeMap<String, TierRows>,
    pub(crate) maybe_billed_usd: f64,
    pub(crate) latency_ms: SizeHistogram,
    pub(crate) first_token_ms: SizeHistogram,
    pub(crate) input_tokens: SizeHistogram,
    pub(crate) output_tokens: SizeHistogram,
    pub(crate) failures: FailureGroups,
    /// The slowest rows, the slowest first.
    pub(crate) slowest: Vec<RecordFigures>,
}

/// The rows of one service tier.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TierRows {
    pub(crate) rows: u64,
    pub(crate) cost_usd: f64,
    pub(crate) unpriced: u64,
}

impl PageFigures {
    /// Takes in a record.
    pub(crate) fn take(&mut self, record: RecordFigures) {
        self.copied += u64::from(record.copied_from.is_some());
        self.maybe_billed_usd += record.maybe_billed_usd;
        match record.status.as_str() {
            "failed" => {
                self.failed += 1;
                // Its response may have been paid for: it broke the schema.
                if record.cost_usd.is_some() {
                    self.bill(&record);
                }
                self.failures.take(record);
                return;
            }
            "filtered" => self.filtered += 1,
            _ => self.succeeded += 1,
        }
        self.cut_off += u64::from(record.finish_reason.as_deref() == Some("length"));
        self.bill(&record);
        let numbers = [
            (
                &mut self.latency_ms,
                record.latency_ms.filter(|_| record.copied_from.is_none()),
            ),
            (&mut self.first_token_ms, record.first_token_ms),
            (&mut self.input_tokens, record.usage.input_tokens),
            (&mut self.output_tokens, record.usage.output_tokens),
        ];
        for (histogram, number) in numbers {
            if let Some(number) = number {
                histogram.add(number);
            }
        }
        let slowest_of_them = self.slowest.last().and_then(|last| last.latency_ms);
        if self.slowest.len() < SLOWEST || slowest_of_them < record.latency_ms {
            let place = self
                .slowest
                .partition_point(|other| record.latency_ms <= other.latency_ms);
            self.slowest.insert(place, record);
            self.slowest.truncate(SLOWEST);
        }
    }

    fn bill(&mut self, record: &RecordFigures) {
        let tier = record.service_tier.as_deref().unwrap_or("default");
        let tier = match self.tiers.len() < TIERS || self.tiers.contains_key(tier) {
            true => tier,
            false => "others",
        };
        let tier = self.tiers.entry(tier.to_owned()).or_default();
        tier.rows += 1;
        tier.cost_usd += record.cost_usd.unwrap_or(0.0);
        tier.unpriced += u64::from(record.cost_usd.is_none());
    }

    /// What is known of the cost, in USD, and how many responses have no known price.
    pub(crate) fn cost(&self) -> (f64, u64) {
        let tiers = self.tiers.values();
        tiers.fold((0.0, 0), |(usd, unpriced), tier| {
            (usd + tier.cost_usd, unpriced + tier.unpriced)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_rows_are_kept_in_order_and_no_more_of_them() {
        let mut gathered = PageFigures::default();
        for row in 1..=100 {
            gathered.take(RecordFigures {
                row,
                status: "succeeded".into(),
                latency_ms: Some(row * 7 % 101),
                cost_usd: (row % 2 == 0).then_some(0.5),
                ..RecordFigures::default()
            });
        }
        let slowest: Vec<_> = gathered.slowest.iter().map(|it| it.latency_ms).collect();
        let expected: Vec<_> = (86..=100).rev().map(Some).collect();
        assert_eq!(slowest, expected);
        assert_eq!(gathered.cost(), (25.0, 50));
    }
}
