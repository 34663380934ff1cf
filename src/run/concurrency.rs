//! How many calls may be in flight: the job's bound, less while the service says that there are
//! too many connections. Nothing else narrows it: concurrency is a bound on memory and on what a
//! crash repeats, not a way to keep a rate.

use tokio::time::Instant;

/// What is kept of the calls in flight when the service asks for fewer.
const KEPT: f64 = 0.8;

/// The bound on calls in flight.
#[derive(Debug)]
pub(super) struct ConcurrencyLimit {
    most: f64,
    now: f64,
    narrowed: Instant,
}

impl ConcurrencyLimit {
    pub(super) fn new(most: usize, start: Instant) -> Self {
        Self {
            most: most as f64,
            now: most as f64,
            narrowed: start,
        }
    }

    /// The most calls in flight.
    pub(super) fn calls(&self) -> usize {
        self.now as usize
    }

    /// The service asks for fewer. What was sent before its last response does not count again.
    pub(super) fn narrow(&mut self, in_flight: usize, sent: Instant, now: Instant) {
        if self.narrowed <= sent {
            self.now = (in_flight as f64 * KEPT).clamp(1.0, self.most);
            self.narrowed = now;
        }
    }

    /// A call succeeded: after a round of successes there is room for one more.
    pub(super) fn widen(&mut self) {
        self.now = (self.now + 1.0 / self.now).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_narrows_once_an_episode_and_widens_round_by_round() {
        let start = Instant::now();
        let mut limit = ConcurrencyLimit::new(64, start);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let now = Instant::now();
        limit.narrow(64, start, now);
        limit.narrow(63, start, now);
        assert_eq!(limit.calls(), 51);
        for _ in 0..52 {
            limit.widen();
        }
        assert_eq!(limit.calls(), 52);
        for _ in 0..10_000 {
            limit.widen();
        }
        assert_eq!(limit.calls(), 64);
    }
}
