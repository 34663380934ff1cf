//! A rate that is learned from refusals.
//!
//! Nobody says what a quota is worth at this moment: others use it too, and it can change. What
//! can be observed is that calls are refused, and refusals come back at once. So:
//!
//! - The rate is doubled until the service is **overrun**: three refusals within forty
//!   calls ([`Recent`]), or, after an overrun, a refusal before anything was admitted.
//! - Then it is cut to a little below what was admitted since the last cut. From one overrun to
//!   the next a quota is used to the full, so that is the quota itself. It is known as well as it
//!   was measured: the fewer calls, the deeper the cut and the wider the search.
//! - From there it climbs along a cubic, as TCP CUBIC does (RFC 9438): fast while far below the
//!   ceiling, hardly at all near it, and ever faster once the ceiling has proved to be gone. The
//!   first refusal at the ceiling is what is to be expected there, and the climb starts anew.
//! - Where nothing at all is admitted, the rate comes down to a call every quarter of a minute, and
//!   nothing is known any more: the first call that is let in begins the doubling anew.
//! - A refusal now and then below the ceiling, or at what the job says, is bad luck and changes
//!   nothing. A few calls in a hundred may be refused at any rate, and a pace that believed each
//!   of them would sink without end (BBR puts up with 2 % of loss for the same reason: IETF draft
//!   draft-ietf-ccwg-bbr, "BBR.LossThresh"). Where there is much bad luck, a refusal at the
//!   ceiling says nothing either, and only an overrun counts.
//! - The climb goes on only while the rate is what holds calls back. A job that is limited by
//!   something else learns nothing about the quota, so its rate neither grows nor shrinks (RFC
//!   7661 says so of TCP); after a silence of a minute what was measured before it is forgotten.
//!
//! What is measured is what was sent less what was refused, not what was answered: refusals come
//! back at once, answers may take minutes. Units are calls or tokens; the rate is units per second.

mod seen;

use std::time::Duration;

use tokio::time::Instant;

use seen::{Measured, Recent};

/// Where an unknown rate begins. A refusal comes back at once, so the first ones stop this early.
const FIRST_CALLS_PER_SECOND: f64 = 100.0;

/// How long a rate must be used unrefused before it is doubled: longer than a refusal takes.
const DOUBLE_EVERY: Duration = Duration::from_millis(200);

/// The share of refusals that is put down to bad luck.
const LUCK: f64 = 0.03;

/// Where this share of calls was refused below the ceiling, a refusal at it says nothing either.
/// Two refusals in the calls that are remembered come to this.
const UNLUCKY: f64 = 0.008;
const REMEMBERED_CALLS: f64 = 200.0;

/// A cut goes at least so far below the ceiling, and so far at most.
const SHALLOWEST_CUT: f64 = 0.05;
const DEEPEST_CUT: f64 = 0.5;

/// So many overruns with nothing admitted between them, and the door is shut: to everybody, by
/// somebody else, for a while. The quota is something to be found anew.
const SHUT: u32 = 4;

/// What is kept of a rate at the least, whatever was measured: a few calls are no proof.
const KEPT_AT_LEAST: f64 = 0.25;

/// A climb back to the ceiling takes as long as this many calls, within the bounds below: long
/// enough that the refusal at its end is one in a hundred, short enough to find a new quota.
const CLIMB_CALLS: f64 = 40.0;
const SHORTEST_CLIMB: Duration = Duration::from_secs(5);
const LONGEST_CLIMB: Duration = Duration::from_secs(240);

/// Beyond the ceiling the climb is so many times faster than CUBIC's: a refusal there costs a round
/// trip and no answer, a quota that is not used costs time.
const BEYOND: f64 = 2.0;

/// What of a known quota may be made up for when it was not used: calls were estimated too large
/// at first, or came late. A twentieth of a minute.
const PACED_ARREARS: Duration = Duration::from_secs(3);

/// Lateness of timers that is made up for.
const TIMER_ARREARS: Duration = Duration::from_millis(100);

/// The pause when nothing was admitted between two overruns, doubled each time, and the longest.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A rate, and what is known of its ceiling.
#[derive(Debug)]
pub(super) struct Learned {
    /// The most there can be, where the job says it.
    cap: Option<f64>,
    /// `None` while nothing limits it: a known quota that was never overrun.
    rate: Option<f64>,
    phase: Phase,
    /// For how long the rate has been used since it was last set.
    used: Duration,
    /// When the next unit is due.
    next: Instant,
    /// How far that may lie in the past.
    arrears: Duration,
    /// Units per call, as they come.
    units_per_call: f64,
    /// Calls sent so far, and how many that were at each of the last refusals.
    calls: u64,
    refusals: Recent,
    /// The same of faults that are no refusals.
    faults: Recent,
    since_cut: Measured,
    /// Whether the last cut was for an overrun.
    overrun: bool,
    /// Cuts that followed each other with nothing admitted between them.
    in_a_row: u32,
    /// The share of calls that were refused for no reason that the rate could have given.
    unlucky: f64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing is known: never overrun, or nothing admitted between two overruns. Doubled while it
    /// is used.
    Doubling,
    /// Climbing to `ceiling` from so much less of it.
    Climbing { ceiling: f64, below: f64 },
}

impl Learned {
    /// Nothing is known: to be found by doubling.
    pub(super) fn unknown(start: Instant) -> Self {
        Self::new(None, Some(FIRST_CALLS_PER_SECOND), start)
    }

    /// A quota that is known, and kept by other means until it proves smaller.
    pub(super) fn known(per_second: f64, start: Instant) -> Self {
        Self::new(Some(per_second), None, start)
    }

    /// A quota that is known, and kept by this pace.
    pub(super) fn paced(per_second: f64, start: Instant) -> Self {
        let mut paced = Self::new(Some(per_second), Some(per_second), start);
        paced.arrears = PACED_ARREARS;
        paced
    }

    fn new(cap: Option<f64>, rate: Option<f64>, start: Instant) -> Self {
        Self {
            cap,
            rate,
            phase: Phase::Doubling,
            used: Duration::ZERO,
            next: start,
            arrears: TIMER_ARREARS,
            units_per_call: 1.0,
            calls: 0,
            refusals: Recent::default(),
            faults: Recent::default(),
            since_cut: Measured::new(start),
            overrun: false,
            in_a_row: 0,
            unlucky: 0.0,
        }
    }

    /// Whether a call may start, or when to ask again.
    pub(super) fn ready(&self, now: Instant) -> Result<(), Instant> {
        if now < self.next {
            Err(self.next)
        } else {
            Ok(())
        }
    }

    /// A call of so many units starts.
    pub(super) fn sent(&mut self, units: f64, now: Instant) {
        let weight = if self.calls == 0 { 1.0 } else { 1.0 / 16.0 };
        self.units_per_call += (units - self.units_per_call) * weight;
        self.calls += 1;
        self.since_cut.sent(units, now);
        if self.is_blameless() {
            self.unlucky -= self.unlucky / REMEMBERED_CALLS;
        }
        let Some(rate) = self.rate else { return };
        let oldest = now.checked_sub(self.arrears).unwrap_or(now);
        let takes = seconds(units / rate);
        if oldest < self.next {
            self.grow(takes);
        }
        let rate = self.rate.unwrap_or(rate);
        self.next = self.next.max(oldest) + seconds(units / rate);
    }

    /// A call that was sent at `sent` turned out to be so many units larger than was thought, or
    /// smaller.
    pub(super) fn correct(&mut self, units: f64, sent: Instant) {
        if self.since_cut.cut <= sent {
            self.since_cut.correct(units);
        }
        let Some(rate) = self.rate else { return };
        let time = seconds(units.abs() / rate);
        if 0.0 < units {
            self.next += time;
        } else {
            self.next = self.next.checked_sub(time).unwrap_or(self.next);
        }
    }

    /// A call of so many units that was sent at `sent` was refused for now. True if that changed
    /// the rate: what was on its way at the last cut is not a new reason to cut.
    pub(super) fn refused(
        &mut self,
        units: f64,
        sent: Instant,
        now: Instant,
        ask: Option<Duration>,
    ) -> bool {
        if let Some(ask) = ask {
            self.next = self.next.max(now + ask);
        }
        if sent < self.since_cut.cut {
            return false;
        }
        self.since_cut.refuse(units);
        let is_dense = self.refusals.note(self.calls);
        let is_still = self.overrun && self.since_cut.admitted_calls() < 1.0;
        if is_dense || is_still {
            self.cut_to_measured(now);
            return true;
        }
        if let Some(ceiling) = self.ceiling()
            && !self.is_blameless()
            && self.unlucky < UNLUCKY
        {
            self.climb_again(ceiling, now);
            return true;
        }
        if self.is_blameless() && self.is_well_measured() {
            self.unlucky += 1.0 / REMEMBERED_CALLS;
        }
        false
    }

    /// Something is wrong with the service that is no refusal. Where it is more than bad luck, this
    /// is no time to grow.
    pub(super) fn hold(&mut self) {
        if !self.faults.note(self.calls) {
            return;
        }
        self.used = match self.phase {
            Phase::Doubling => Duration::ZERO,
            Phase::Climbing { ceiling, .. } => self.used.min(climb_time(self.calls_in(ceiling))),
        };
    }

    /// The ceiling that was found, in units a second.
    pub(super) fn ceiling(&self) -> Option<f64> {
        match self.phase {
            Phase::Doubling => None,
            Phase::Climbing { ceiling, .. } => Some(ceiling),
        }
    }

    fn cut_to_measured(&mut self, now: Instant) {
        let admitted = self.since_cut.admitted_calls();
        self.in_a_row = if admitted < 1.0 { self.in_a_row + 1 } else { 0 };
        let measured = self.since_cut.per_second(self.units_per_call, now);
        let least = self.rate.map_or(0.0, |rate| rate * KEPT_AT_LEAST);
        let least = least.max(self.slowest());
        let most = self.rate.unwrap_or(f64::INFINITY);
        let below = (1.0 / (admitted + 1.0)).clamp(SHALLOWEST_CUT, DEEPEST_CUT);
        self.cut(measured.min(most).max(least), below, now);
        self.overrun = true;
        if SHUT <= self.in_a_row {
            self.phase = Phase::Doubling;
        }
        if 0 < self.in_a_row {
            let pause = PAUSE * (1 << (self.in_a_row - 1).min(6));
            self.next = self.next.max(now + pause.min(LONGEST_PAUSE));
        }
    }

    /// The ceiling stays, unless too many calls were refused on the way to it.
    fn climb_again(&mut self, ceiling: f64, now: Instant) {
        let measured = self.since_cut.per_second(self.units_per_call, now);
        let is_luck = self.since_cut.refused <= (LUCK * self.since_cut.calls).max(1.0);
        let ceiling = if is_luck {
            ceiling.max(measured)
        } else {
            measured
        };
        self.cut(ceiling.max(self.slowest()), SHALLOWEST_CUT, now);
        self.overrun = false;
    }

    fn cut(&mut self, ceiling: f64, below: f64, now: Instant) {
        let ceiling = self.cap.map_or(ceiling, |cap| ceiling.min(cap));
        self.phase = Phase::Climbing { ceiling, below };
        self.rate = Some(ceiling * (1.0 - below));
        self.used = Duration::ZERO;
        self.refusals = Recent::default();
        self.since_cut = Measured::new(now);
    }

    /// Whether the rate gives no reason for a refusal: it is below the ceiling that was found, or
    /// what the job says.
    fn is_blameless(&self) -> bool {
        let Some(rate) = self.rate else { return true };
        let is_as_told = self.cap.is_some_and(|cap| cap <= rate);
        is_as_told || self.ceiling().is_some_and(|ceiling| rate < ceiling)
    }

    fn is_well_measured(&self) -> bool {
        match self.phase {
            Phase::Doubling => true,
            Phase::Climbing { below, .. } => below <= SHALLOWEST_CUT,
        }
    }

    /// What a rate is never cut below: one call a minute, so that it always comes back; as often as
    /// pauses allow where nothing is let in, which says little about the quota.
    fn slowest(&self) -> f64 {
        let every_s = if SHUT <= self.in_a_row {
            LONGEST_PAUSE.as_secs_f64()
        } else {
            60.0
        };
        self.units_per_call.max(1e-3) / every_s
    }

    fn calls_in(&self, units: f64) -> f64 {
        units / self.units_per_call.max(1e-3)
    }

    /// The rate was used for so much longer.
    fn grow(&mut self, time: Duration) {
        let Some(rate) = self.rate else { return };
        self.used += time;
        let grown = match self.phase {
            Phase::Doubling if self.used < DOUBLE_EVERY => rate,
            Phase::Doubling => {
                self.used = Duration::ZERO;
                rate * 2.0
            }
            Phase::Climbing { ceiling, below } => {
                let climb = climb_time(self.calls_in(ceiling));
                let x = self.used.as_secs_f64() / climb.as_secs_f64() - 1.0;
                let steep = if x < 0.0 { 1.0 } else { BEYOND };
                ceiling * (1.0 + below * (steep * x).powi(3))
            }
        };
        let grown = self.cap.map_or(grown, |cap| grown.min(cap));
        self.rate = Some(grown.max(rate));
    }
}

fn climb_time(calls_per_second: f64) -> Duration {
    let time = seconds(CLIMB_CALLS / calls_per_second);
    time.clamp(SHORTEST_CLIMB, LONGEST_CLIMB)
}

/// A time that is not longer than a day, whatever was divided by what.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
}

#[cfg(test)]
mod tests;
