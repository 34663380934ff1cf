//! The way up to a ceiling and beyond it.

use std::time::Duration;

use super::seconds;

/// A cut goes at least so far below the ceiling, and so far at most.
const SHALLOWEST_CUT: f64 = 0.05;
const DEEPEST_CUT: f64 = 0.5;

/// A climb back to the ceiling takes as long as this many calls, within the bounds below: long
/// enough that the throttle at its end is one in a hundred, short enough to find a new quota.
pub(super) const CLIMB_CALLS: f64 = 50.0;
pub(super) const SHORTEST_CLIMB: Duration = Duration::from_secs(5);
const LONGEST_CLIMB: Duration = Duration::from_secs(240);

/// Beyond the ceiling the climb is so many times faster than CUBIC's: a throttle there costs a round
/// trip and no answer, a quota that is not used costs time.
const BEYOND: f64 = 2.0;

/// What of the way from what was measured to the rate of the throttle is believed. All of it was
/// quota where nothing can be saved up, none of it where what was saved up paid for it.
const CREDIT: f64 = 0.75;

/// What of a ceiling is kept when less was measured: a climb spends its time below its ceiling.
const KEPT: f64 = 0.99;

/// A climb to `ceiling`, from so much less of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Climb {
    /// Where a throttle is expected.
    pub(super) ceiling: f64,
    below: f64,
    /// What was let in for certain: a throttle below it says nothing about the quota.
    pub(super) proved: f64,
    /// Whether enough calls stand behind it to tell noise from a quota.
    pub(super) is_well_measured: bool,
}

impl Climb {
    /// To what was measured, which is known as well as there were calls to measure it by.
    pub(super) fn measured(ceiling: f64, calls: f64) -> Self {
        let below = 1.0 / (calls + 1.0);
        Self {
            ceiling,
            below: below.clamp(SHALLOWEST_CUT, DEEPEST_CUT),
            proved: ceiling,
            is_well_measured: below <= SHALLOWEST_CUT,
        }
    }

    /// The next climb, after a throttle at `rate`. The quota is at least what was let in since the
    /// last cut, and at most that rate: the ceiling is set between them.
    pub(super) fn again(self, rate: f64, measured: f64, is_noise: bool) -> Self {
        let measured = measured.min(rate);
        let proved = if is_noise {
            measured.max(self.proved * KEPT)
        } else {
            measured
        };
        let ceiling = proved + (rate - proved).max(0.0) * CREDIT;
        let below = 1.0 - proved * (1.0 - SHALLOWEST_CUT) / ceiling;
        Self {
            ceiling,
            below: below.clamp(SHALLOWEST_CUT, DEEPEST_CUT),
            proved,
            is_well_measured: true,
        }
    }

    /// No more than the job says.
    pub(super) fn capped(self, cap: Option<f64>) -> Self {
        let cap = cap.unwrap_or(f64::INFINITY);
        Self {
            ceiling: self.ceiling.min(cap),
            proved: self.proved.min(cap),
            ..self
        }
    }

    /// Where it begins.
    pub(super) fn start(&self) -> f64 {
        self.ceiling * (1.0 - self.below)
    }

    /// How high it is after the rate was used for so long.
    pub(super) fn after(&self, used: Duration, units_per_call: f64) -> f64 {
        let x = used.as_secs_f64() / self.takes(units_per_call).as_secs_f64() - 1.0;
        let steep = if x < 0.0 { 1.0 } else { BEYOND };
        self.ceiling * (1.0 + self.below * (steep * x).powi(3))
    }

    /// How long it takes up to the ceiling.
    pub(super) fn takes(&self, units_per_call: f64) -> Duration {
        let time = seconds(CLIMB_CALLS * units_per_call / self.ceiling);
        time.clamp(SHORTEST_CLIMB, LONGEST_CLIMB)
    }
}
