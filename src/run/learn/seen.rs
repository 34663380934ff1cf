//! What was seen of the quota: throttles that come close together, and what was admitted.

use std::time::Duration;

use tokio::time::Instant;

/// Events within so many calls come close together.
pub(super) const CLOSE_CALLS: u64 = 40;

/// The most events that are asked for.
const MOST: usize = CLOSE_CALLS as usize;

/// What is older than this counts half in a measurement.
const WINDOW: Duration = Duration::from_secs(60);

/// What was sent since an instant, and refused of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentSince {
    since: Instant,
    /// The instant of the cut itself: what was sent before says nothing new.
    pub(super) cut: Instant,
    last: Instant,
    units: f64,
    pub(super) calls: f64,
    pub(super) refused: f64,
}

/// A call: how many had been sent with it, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallPlace {
    pub(super) calls: u64,
    pub(super) sent: Instant,
}

/// The calls of the last few events.
#[derive(Debug, Clone)]
pub(super) struct Recent([Option<CallPlace>; MOST]);

/// A first overrun, from the first of its throttles on: the bucket was empty by then, so what was
/// let in of these calls is the quota itself. What is on its way at the cut is still to be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overrun {
    pub(super) calls: f64,
    pub(super) refused: f64,
    pub(super) lasted_s: f64,
}

impl Default for Recent {
    fn default() -> Self {
        Self([None; MOST])
    }
}

impl Recent {
    /// Whether there was none.
    pub(super) fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// Notes one more. The first of the last `many`, if they come too close to be noise.
    pub(super) fn note(&mut self, place: CallPlace, many: usize) -> Option<CallPlace> {
        self.0.rotate_right(1);
        self.0[0] = Some(place);
        let first = self.0.get(many - 1).copied().flatten();
        first.filter(|first| place.calls.saturating_sub(first.calls) <= CLOSE_CALLS)
    }

    /// The first of the last `many`, if they came within so many `calls`.
    pub(super) fn within(&self, many: usize, calls: u64) -> Option<CallPlace> {
        let last = self.0[0]?;
        let first = self.0.get(many - 1).copied().flatten()?;
        (last.calls.saturating_sub(first.calls) < calls).then_some(first)
    }
}

impl Overrun {
    /// Calls that were let in, as far as is known.
    pub(super) fn admitted(&self) -> f64 {
        (self.calls - self.refused).max(0.0)
    }

    /// Calls that were let in a second. Before the next there was room for half a call, on average.
    pub(super) fn per_second(&self) -> f64 {
        self.admitted().max(0.5) / self.lasted_s
    }
}

impl SentSince {
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
        } else if WINDOW < now - self.since && CLOSE_CALLS as f64 <= self.calls {
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

    /// A call that was counted was throttled.
    pub(super) fn refuse(&mut self, units: f64) {
        self.units = (self.units - units).max(0.0);
        self.refused += 1.0;
    }

    /// Calls that were not refused, less those of which nothing is known.
    pub(super) fn admitted_calls(&self, unknown: f64) -> f64 {
        (self.calls - self.refused - unknown).max(0.0)
    }

    /// Units admitted a second up to an instant, less those of which nothing is known. Between the
    /// last one and the next there was still some room: half a call's, on average.
    pub(super) fn per_second(&self, units_per_call: f64, unknown: f64, until: Instant) -> f64 {
        let room = 0.5 * units_per_call;
        let lasted = until.saturating_duration_since(self.since);
        (self.units - unknown * units_per_call).max(room) / lasted.as_secs_f64().max(1e-3)
    }
}
