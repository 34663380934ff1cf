//! What was seen of the quota: refusals that come close together, and what was admitted.

use std::time::Duration;

use tokio::time::Instant;

/// So many refusals within so many calls are no bad luck: at two refusals in a hundred calls,
/// whatever the rate, that happens once in 260 calls, and a climb makes up for it in 200.
const DENSE: usize = 3;
const DENSE_CALLS: u64 = 40;

/// What is older than this counts half in a measurement.
const WINDOW: Duration = Duration::from_secs(60);

/// What was sent since an instant, and refused of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    since: Instant,
    /// The instant of the cut itself: what was sent before says nothing new.
    pub(super) cut: Instant,
    last: Instant,
    units: f64,
    pub(super) calls: f64,
    pub(super) refused: f64,
}

/// How many calls had been sent at each of the last few events.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent([Option<u64>; DENSE]);

impl Recent {
    /// Notes one more. True if they come too close to be bad luck.
    pub(super) fn note(&mut self, calls: u64) -> bool {
        self.0.rotate_right(1);
        self.0[0] = Some(calls);
        self.0[DENSE - 1].is_some_and(|oldest| calls - oldest <= DENSE_CALLS)
    }
}

impl Measured {
    /// Nothing yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            cut: now,
            last: now,
            units: 0.0,
            calls: 0.0,
            refused: 0.0,
        }
    }

    /// A call starts.
    pub(super) fn sent(&mut self, units: f64, now: Instant) {
        if WINDOW < now - self.last {
            *self = Self {
                cut: self.cut,
                ..Self::new(now)
            };
        } else if WINDOW < now - self.since && DENSE_CALLS as f64 <= self.calls {
            self.units /= 2.0;
            self.calls /= 2.0;
            self.refused /= 2.0;
            self.since += (now - self.since) / 2;
        }
        self.last = now;
        self.units += units;
        self.calls += 1.0;
    }

    /// A call that was counted was larger than was thought, or smaller.
    pub(super) fn correct(&mut self, units: f64) {
        self.units = (self.units + units).max(0.0);
    }

    /// A call that was counted was refused.
    pub(super) fn refuse(&mut self, units: f64) {
        self.units = (self.units - units).max(0.0);
        self.refused += 1.0;
    }

    /// Calls that were not refused.
    pub(super) fn admitted_calls(&self) -> f64 {
        (self.calls - self.refused).max(0.0)
    }

    /// Units admitted a second. Between the last one and the next there was still some room: half
    /// a call's, on average.
    pub(super) fn per_second(&self, units_per_call: f64, now: Instant) -> f64 {
        let room = 0.5 * units_per_call;
        self.units.max(room) / (now - self.since).as_secs_f64().max(1e-3)
    }
}
