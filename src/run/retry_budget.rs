//! How many retries a run may send while the service is in trouble: a tenth of its successes, and a
//! few to start with.
//!
//! Each row's own attempts bound what one row costs; they do not bound what a service in trouble
//! has to bear from all rows together. With this budget calls grow by a tenth at most while there
//! is anything else to send. When it is used up rows wait for it, they do not fail; and where
//! nothing else is left to do, they go one by one, slowly, so that every run completes.
//!
//! While most attempts succeed ([`Health`]) there is no trouble: every retry goes when it is due. They
//! are counted all the same, so that a service that begins to fail has no more to bear.
//!
//! Throttled calls and cold models are not paid from it: the pace is there for them.

use std::time::Duration;

use tokio::time::Instant;

use super::health::Health;

/// Retries that can be sent before any success, and the most that are saved up. AWS's SDKs begin
/// with fifty to a hundred: 500 tokens at 5 or 10 a retry (aws-smithy-runtime 1.16.2, token_bucket.rs).
const BURST: u32 = 20;

/// Answers that pay for one retry.
const SUCCESSES_PER_RETRY: u32 = 10;

/// Between two retries that the budget does not pay for, when nothing else is left to send. Finagle's
/// RetryBudget, from which the idea is, also lets ten a second through in any case.
const ALONE: Duration = Duration::from_millis(100);

/// What is left for retries.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// In successes.
    saved: u32,
    /// How well the service works.
    health: Health,
    /// When the next unpaid retry may go.
    alone: Instant,
}

impl RetryBudget {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            saved: BURST * SUCCESSES_PER_RETRY,
            health: Health::default(),
            alone: start,
        }
    }

    /// An attempt came back with a transient error.
    pub(super) fn failed(&mut self) {
        self.health.failed();
    }

    /// How well the service works.
    pub(super) fn health(&self) -> Health {
        self.health
    }

    /// An attempt succeeded.
    pub(super) fn earn(&mut self) {
        self.health.succeeded();
        self.saved = (self.saved + 1).min(BURST * SUCCESSES_PER_RETRY);
    }

    /// Whether a retry may be sent beside new rows.
    pub(super) fn is_open(&self) -> bool {
        self.health.is_good() || self.pays()
    }

    fn pays(&self) -> bool {
        SUCCESSES_PER_RETRY <= self.saved
    }

    /// When a retry may go that the budget does not pay for.
    pub(super) fn alone(&self) -> Instant {
        self.alone
    }

    /// A retry is sent.
    pub(super) fn spend(&mut self, now: Instant) {
        if self.is_open() {
            self.saved = self.saved.saturating_sub(SUCCESSES_PER_RETRY);
        } else {
            self.alone = now + ALONE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as many retries as are paid for.
    fn paid(budget: &mut RetryBudget) -> u32 {
        let mut sent = 0;
        while budget.pays() {
            budget.spend(Instant::now());
            sent += 1;
        }
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn while_most_attempts_succeed_every_retry_goes_and_is_counted() {
        let mut budget = RetryBudget::new(Instant::now());
        (0..100).for_each(|_| budget.earn());
        assert_eq!(paid(&mut budget), 20);
        for _ in 0..18 {
            budget.failed();
            assert!(budget.is_open(), "most have succeeded");
            budget.spend(Instant::now());
        }
        budget.failed();
        assert!(!budget.is_open(), "the budget has paid for those before");
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_to_start_with_and_then_one_for_ten_successes() {
        let mut budget = RetryBudget::new(Instant::now());
        assert_eq!(paid(&mut budget), 20);
        (0..95).for_each(|_| budget.earn());
        assert_eq!(paid(&mut budget), 9);
        (0..5).for_each(|_| budget.earn());
        assert_eq!(paid(&mut budget), 1, "what is left of ten is not lost");
        (0..1_000_000).for_each(|_| budget.earn());
        assert_eq!(paid(&mut budget), 20, "no more are saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_paid_for_goes_ten_times_a_second() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(start);
        paid(&mut budget);
        assert_eq!(budget.alone(), start);
        budget.spend(start);
        assert_eq!(budget.alone(), start + Duration::from_millis(100));
    }
}
