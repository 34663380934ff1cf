//! The tokens of a day (UTC): what is settled, and calls in flight at the worst they can settle to, so that the
//! limit is never exceeded.

use std::time::Duration;

use tokio::time::Instant;

use crate::run::limit_use::EarlierUse;

/// From one midnight UTC to the next.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The budget of a day.
#[derive(Debug)]
pub(super) struct DayBudget {
    /// The limit, runs of the same output before this one included.
    pub(super) most: Option<u64>,
    /// When the day ends whose tokens are counted, if it matters.
    ends: Option<Instant>,
    /// Settled so far; unknown usage at its worst.
    settled: f64,
    /// What calls in flight settle to at the worst.
    in_flight: f64,
}

impl DayBudget {
    pub(super) fn new(most: Option<u64>, earlier: &EarlierUse, start: Instant) -> Self {
        Self {
            most,
            ends: earlier.day_ends_in.map(|left| start + left),
            settled: earlier.tokens_of_day,
            in_flight: 0.0,
        }
    }

    /// Whether a whole day has room for so many tokens.
    pub(super) fn could_hold(&self, worst: f64) -> bool {
        self.most.is_none_or(|day| worst <= day as f64)
    }

    /// Whether what is left of the day has room for so many tokens.
    pub(super) fn has_room(&mut self, worst: f64, now: Instant) -> bool {
        self.begin(now);
        let used = self.settled + self.in_flight;
        self.most.is_none_or(|day| used + worst <= day as f64)
    }

    /// A call starts that settles to so many tokens at the worst.
    pub(super) fn reserve(&mut self, worst: f64) {
        self.in_flight += worst;
    }

    /// It has settled to `used`; `is_last` says that nothing else is in flight.
    pub(super) fn settle(&mut self, worst: f64, used: f64, is_last: bool, now: Instant) {
        // With nothing in flight, what is left of the sum is the noise of floating point.
        self.in_flight = match is_last {
            true => 0.0,
            false => (self.in_flight - worst).max(0.0),
        };
        self.begin(now);
        self.settled += used;
    }

    /// What the day has used, calls in flight at their worst.
    pub(super) fn used(&self, now: Instant) -> f64 {
        match self.ends {
            Some(end) if end <= now => self.in_flight,
            Some(_) | None => self.settled + self.in_flight,
        }
    }

    /// A new day has all its tokens. Calls that are in flight then count for it.
    fn begin(&mut self, now: Instant) {
        while let Some(end) = self.ends.filter(|end| *end <= now) {
            self.settled = 0.0;
            self.ends = Some(end + DAY);
        }
    }
}
