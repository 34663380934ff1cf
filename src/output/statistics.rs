//! Statistics of responses, to estimate the next ones: how long they are, and how long they take.

use std::time::Duration;

use super::line::{Known, Status};
use crate::model::{FinishReason, ParsedReply};

/// Each doubling of a value is split into this many buckets, so that a bucket is at most 3 %
/// wide; values below it are counted exactly.
const SPLIT: u64 = 32;

/// A completion longer than the 99th percentile by this much still fits.
const ROOM: f64 = 1.25;

/// Advice on a limit is a multiple of this: a round number, and room for the shortest completions.
const STEP: u64 = 64;

/// Advice that would free less than this share of what a call reserves is not worth a change.
const WORTH: f64 = 0.25;

/// Lengths and latencies of responses, in constant memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// Output tokens of each response that reports them.
    pub output_tokens: Histogram,
    /// Answers that were cut off at `max_tokens`.
    pub cut_off: u64,
    latency_ms: u128,
    timed: u64,
}

impl Statistics {
    pub(super) fn learn(&mut self, known: &Known) {
        if known.status == Status::Failed {
            return;
        }
        let finish = known.finish_reason.as_deref().unwrap_or_default();
        self.answer(known.usage.output_tokens, finish, known.latency_ms);
    }

    /// Adds a response of this run.
    pub(crate) fn reply(&mut self, reading: &ParsedReply, took: Duration) {
        let latency_ms = u64::try_from(took.as_millis()).ok();
        let finish = reading.finish_reason.as_str();
        self.answer(reading.usage.output_tokens, finish, latency_ms);
    }

    /// Takes in one answer, as far as it says. Counts come from outside: what no answer has teaches
    /// nothing.
    pub(crate) fn answer(
        &mut self,
        output_tokens: Option<u64>,
        finish: &str,
        latency_ms: Option<u64>,
    ) {
        let tokens = output_tokens.and_then(|tokens| u32::try_from(tokens).ok());
        if let Some(tokens) = tokens {
            self.output_tokens.add(tokens);
        }
        self.cut_off += u64::from(finish == FinishReason::Length.as_str());
        if let Some(latency) = latency_ms {
            self.latency_ms += u128::from(latency);
            self.timed += 1;
        }
    }

    /// Adds what others teach.
    pub(crate) fn add(&mut self, other: &Self) {
        self.output_tokens.merge(&other.output_tokens);
        self.cut_off += other.cut_off;
        self.latency_ms += other.latency_ms;
        self.timed += other.timed;
    }

    /// A max_tokens that is enough for nearly all completions and for the longest so far, and well below
    /// `limit`; if a model may think for `thought` tokens, more than these. `None` if completions were cut
    /// off, since their full length is unknown.
    pub fn lower_limit(&self, limit: u64, thought: u64) -> Option<u64> {
        let lengths = &self.output_tokens;
        let p99 = lengths.percentile(99).filter(|_| self.cut_off == 0)?;
        let enough = (p99 as f64 * ROOM).max(lengths.max() as f64) as u64;
        let enough = enough.max(thought.saturating_add(1)).div_ceil(STEP) * STEP;
        let freed = limit.saturating_sub(enough) as f64;
        (limit as f64 * WORTH <= freed).then_some(enough)
    }

    /// Mean latency, from sending a request to the last byte of its response.
    pub fn latency(&self) -> Option<Duration> {
        let mean = self.latency_ms as f64 / 1000.0 / self.timed as f64;
        (0 < self.timed).then(|| Duration::from_secs_f64(mean))
    }
}

/// How many values there are of which size: up to 60 doublings of [`SPLIT`] buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    buckets: Vec<Bucket>,
    count: u64,
    sum: u64,
    max: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bucket {
    count: u64,
    sum: u64,
}

impl Histogram {
    /// Counts one value.
    pub fn add(&mut self, value: u32) {
        let value = u64::from(value);
        let at = bucket(value);
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, Bucket::default());
        }
        self.buckets[at].count += 1;
        self.buckets[at].sum += value;
        self.count += 1;
        self.sum += value;
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), Bucket::default());
        }
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            bucket.count += more.count;
            bucket.sum += more.sum;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Their mean, where there are any.
    pub fn mean(&self) -> Option<f64> {
        (0 < self.count).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value that `percent` of 100 values do not exceed, to within 3 %.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.buckets.iter().find(|bucket| {
            seen += bucket.count;
            rank <= seen
        })?;
        Some(found.sum.div_ceil(found.count))
    }
}

/// The bucket of a value: exact below [`SPLIT`], then [`SPLIT`] to a doubling.
pub fn bucket(value: u64) -> usize {
    let doublings = value.max(SPLIT).ilog2() - SPLIT.ilog2();
    let within = value >> doublings;
    (u64::from(doublings) * SPLIT + within) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u32>) -> Histogram {
        let mut histogram = Histogram::default();
        values.into_iter().for_each(|value| histogram.add(value));
        histogram
    }

    #[test]
    fn percentiles_of_few_values_are_those_values() {
        let histogram = of([100, 412, 9, 250]);
        let at = |percent| histogram.percentile(percent);
        assert_eq!(
            [at(1), at(50), at(75), at(99)],
            [9, 100, 250, 412].map(Some)
        );
        assert_eq!((histogram.mean(), histogram.max()), (Some(192.75), 412));
        assert_eq!(of([]).percentile(50), None);
    }

    #[test]
    fn percentiles_of_many_are_within_three_percent() {
        let histogram = of(1..=100_000);
        for percent in [1, 10, 50, 90, 99] {
            let exact = percent as f64 * 1000.0;
            let found = histogram.percentile(percent).unwrap_or(0) as f64;
            assert!((found / exact - 1.0).abs() < 0.03, "p{percent}: {found}");
        }
    }

    #[test]
    fn buckets_go_up_with_their_values_and_stay_few() {
        let mut last = 0;
        for value in 0..10_000 {
            assert!(
                last <= bucket(value) && bucket(value) <= last + 1,
                "{value}"
            );
            last = bucket(value);
        }
        assert!(bucket(u64::MAX) < 2048);
    }

    #[test]
    fn an_impossible_count_is_ignored() {
        let mut statistics = Statistics::default();
        statistics.answer(Some(10), "stop", Some(u64::MAX));
        for _ in 0..2 {
            statistics.answer(Some(u64::MAX), "stop", Some(u64::MAX));
        }
        let lengths = &statistics.output_tokens;
        assert_eq!((lengths.count(), lengths.max()), (1, 10));
        assert_eq!(statistics.lower_limit(1024, 0), Some(64));
        assert_eq!(statistics.lower_limit(2000, 1024), Some(1088));
        assert_eq!(
            statistics.lower_limit(1300, 1024),
            None,
            "no room behind the thought"
        );
        assert!(statistics.latency().is_some());
    }
}
