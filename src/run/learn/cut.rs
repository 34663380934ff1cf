//! What a throttle does to the rate: the end of a search, a cut to what was measured, the next climb.

use std::time::Duration;

use tokio::time::Instant;

use super::climb::Climb;
use super::noise::Noise;
use super::seen::{CallPlace, Overrun, Recent, SentSince};
use super::{LONGEST_PAUSE, Learned, PAUSE, Phase, SHUT, seconds};

/// With no more than this share of throttles since the last cut, what was proved before it still is.
const HARDLY_ANY: f64 = 0.03;

/// What is kept of a rate at the least, whatever was measured: a few calls are no proof.
const KEPT_AT_LEAST: f64 = 0.25;

impl Learned {
    /// A throttle during the search: nothing more is sent until the outcome of the calls on their
    /// way is known. Where throttles are noise, that would be a waste of time.
    pub(super) fn pause(&mut self, now: Instant) -> bool {
        if !self.noise.is_rife() {
            self.next = self.next.max(now + self.flight.news());
        }
        self.noise.fails();
        false
    }

    /// The search is over: too much was sent since `first`.
    pub(super) fn find(&mut self, first: CallPlace, many: usize, now: Instant) {
        let found = Overrun {
            calls: (self.calls - first.calls + 1) as f64,
            refused: many as f64,
            lasted_s: (now - first.sent).as_secs_f64().max(1e-3),
        };
        self.cut(self.climb_to(&found), now);
        self.flight.restart(1.0 + found.admitted());
        self.found = Some(found);
        self.overrun = true;
        self.noise = Noise::default();
        self.next = self.next.max(now + self.flight.news());
    }

    /// One more of the calls that were on their way when the search ended was throttled.
    pub(super) fn find_less(&mut self) -> bool {
        let Some(mut found) = self.found else {
            return false;
        };
        found.refused += 1.0;
        let climb = self.climb_to(&found);
        (self.phase, self.rate) = (Phase::Climbing(climb), Some(climb.start()));
        self.flight.restart(1.0 + found.admitted());
        self.found = Some(found);
        true
    }

    fn climb_to(&self, found: &Overrun) -> Climb {
        let ceiling = found.per_second() * self.units_per_call;
        Climb::measured(ceiling.max(self.slowest()), found.admitted())
    }

    pub(super) fn cut_to_measured(&mut self, sent: Instant, now: Instant) {
        let unknown = self.flight.sent_after(sent) as f64;
        let admitted = self.since_cut.admitted_calls(unknown);
        self.in_a_row = if admitted < 1.0 { self.in_a_row + 1 } else { 0 };
        let least = self.rate.map_or(0.0, |rate| rate * KEPT_AT_LEAST);
        let least = least.max(self.slowest());
        let most = self.rate.unwrap_or(f64::INFINITY);
        let measured = self.measured(sent).min(most).max(least);
        self.cut(Climb::measured(measured, admitted), now);
        self.overrun = true;
        self.flight.restart(1.0);
        if SHUT <= self.in_a_row {
            self.phase = Phase::Searching;
        }
        if 0 < self.in_a_row {
            let pause = PAUSE * (1 << (self.in_a_row - 1).min(6));
            self.next = self.next.max(now + pause.min(LONGEST_PAUSE));
        }
    }

    /// The next climb, to a ceiling that has moved a little.
    pub(super) fn climb_again(&mut self, climb: Climb, sent: Instant, now: Instant) {
        let rate = self.rate.unwrap_or(climb.ceiling);
        let is_noise = self.since_cut.refused <= (HARDLY_ANY * self.since_cut.calls).max(1.0);
        self.cut(climb.again(rate, self.measured(sent), is_noise), now);
        self.overrun = false;
        self.flight.restart(f64::INFINITY);
    }

    /// After a cut there is a pause of half a call, so that its own first call is not one too many.
    pub(super) fn cut(&mut self, climb: Climb, now: Instant) {
        let climb = climb.capped(self.cap);
        self.phase = Phase::Climbing(climb);
        self.rate = Some(climb.start());
        self.used = Duration::ZERO;
        self.refusals = Recent::default();
        self.since_cut = SentSince::new(now);
        let half_a_call = seconds(0.5 * self.units_per_call / climb.start());
        self.next = self.next.max(now + half_a_call);
    }

    /// Units a second that were let in from the last cut until the call that was sent at `sent`.
    fn measured(&self, sent: Instant) -> f64 {
        let unknown = self.flight.sent_after(sent) as f64;
        self.since_cut
            .per_second(self.units_per_call, unknown, sent)
    }
}
