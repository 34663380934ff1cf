//! How many tokens calls in flight may reserve together, as throttles have taught it.
//!
//! The service admits a call if its whole reservation fits into what is left of the quota, and gives
//! back at its end what it did not use. A call that is throttled for its tokens says that what was
//! reserved beside it was too much, whatever the rate. So the ceiling goes to a little below that, and
//! grows again with time: slowly at first, ever faster once it proves too low. The rate of tokens is
//! learned beside it ([`learn`](super::learn)).

use tokio::time::Instant;

/// What is kept of the tokens that were reserved beside a throttled call.
const KEPT: f64 = 0.9;

/// How fast the ceiling grows: by so much of itself in the first second, and by so much more in each
/// second after it. It is back where it was after 4 s, and twice that after 25 s.
const GROWTH: f64 = 0.02;
const FASTER: f64 = 0.001;

/// The ceiling of reserved tokens.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReservedCeiling(Option<CeilingCut>);

#[derive(Debug, Clone, Copy)]
struct CeilingCut {
    to: f64,
    at: Instant,
}

impl ReservedCeiling {
    /// The most that may be reserved, where that was learned.
    pub(super) fn tokens(self, now: Instant) -> f64 {
        let Some(cut) = self.0 else {
            return f64::INFINITY;
        };
        let seconds = now.saturating_duration_since(cut.at).as_secs_f64();
        cut.to * (1.0 + GROWTH * seconds + FASTER * seconds * seconds)
    }

    /// A call that was sent at `sent`, with so many tokens reserved beside it, was throttled for its
    /// tokens. What was in flight at the last cut is not a new reason to cut.
    pub(super) fn refuse(&mut self, beside: f64, sent: Instant, now: Instant) {
        let is_news = self.0.is_none_or(|cut| cut.at <= sent);
        if is_news && 0.0 < beside {
            let to = beside.min(self.tokens(now)) * KEPT;
            self.0 = Some(CeilingCut { to, at: now });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_in_flight_at_a_cut_are_one_reason_for_it_and_one_alone_is_none() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut ceiling = ReservedCeiling::default();
        ceiling.refuse(0.0, at(0), at(10));
        assert_eq!(ceiling.tokens(at(10)), f64::INFINITY);
        ceiling.refuse(10_000.0, at(0), at(10));
        ceiling.refuse(9_000.0, at(5), at(12));
        assert_eq!(ceiling.tokens(at(10)), 9_000.0);
        ceiling.refuse(5_000.0, at(20), at(30));
        assert_eq!(ceiling.tokens(at(30)), 4_500.0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_ceiling_comes_back_with_time() {
        let start = Instant::now();
        let mut ceiling = ReservedCeiling::default();
        ceiling.refuse(10_000.0, start, start);
        let after = |seconds| ceiling.tokens(start + Duration::from_secs(seconds)).round();
        assert_eq!(
            [0, 1, 5, 25].map(after),
            [9_000.0, 9_189.0, 10_125.0, 19_125.0]
        );
    }
}
