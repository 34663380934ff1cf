//! How well the service works: the share of recent attempts that succeeded.
//!
//! Throttled calls and models that are not ready say nothing about it: the pace is there for them.

/// How many attempts the share is about; until there are so many, all of them. Nineteen
/// failures in a row bring a service that always worked below [`MOST`]: about as many as the retry
/// budget begins with.
const ATTEMPTS: f64 = 64.0;

/// From this share on the service mostly works: errors are those of single calls.
const MOST: f64 = 0.75;

/// The share of recent attempts that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Health {
    share: f64,
    seen: f64,
}

impl Health {
    /// An attempt succeeded.
    pub(super) fn succeeded(&mut self) {
        self.note(1.0);
    }

    /// An attempt came back with a transient error.
    pub(super) fn failed(&mut self) {
        self.note(0.0);
    }

    /// Whether most attempts succeed. Nothing is known before the first.
    pub(super) fn is_good(self) -> bool {
        MOST <= self.share
    }

    fn note(&mut self, success: f64) {
        self.seen = (self.seen + 1.0).min(ATTEMPTS);
        self.share += (success - self.share) / self.seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The health after so many successes and then so many failures.
    fn after(successes: u32, failures: u32) -> Health {
        let mut health = Health::default();
        (0..successes).for_each(|_| health.succeeded());
        (0..failures).for_each(|_| health.failed());
        health
    }

    #[test]
    fn a_service_works_once_a_call_succeeds_and_until_nineteen_in_a_row_fail() {
        for (successes, failures, is_good) in [
            (0, 0, false),
            (0, 1, false),
            (1, 0, true),
            (1, 1, false),
            (2, 1, false),
            (3, 1, true),
            (1_000, 18, true),
            (1_000, 19, false),
        ] {
            let health = after(successes, failures);
            assert_eq!(health.is_good(), is_good, "{successes}, {failures}");
        }
    }

    #[test]
    fn one_failure_in_seven_is_no_trouble_and_one_in_two_is() {
        for (every, is_good) in [(7, true), (5, true), (2, false)] {
            let mut health = Health::default();
            for call in 0..1_000 {
                match call % every {
                    0 => health.failed(),
                    _ => health.succeeded(),
                }
            }
            assert_eq!(health.is_good(), is_good, "one in {every}");
        }
    }
}
