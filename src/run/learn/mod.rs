//! A rate that is learned from throttles.
//!
//! Nobody says what a quota is worth at this moment: others use it too, and it can change. What
//! can be observed is that calls are throttled. So:
//!
//! - The rate grows with what was let in until the service is **overrun**: four throttles within
//!   sixteen calls, or more within forty ([`Recent`]), or, after an overrun, a throttle before anything
//!   was admitted. What is on its way may all be refused, so while a rate is looked for, no more is put at risk than was
//!   let in before ([`Flight`]). The sooner answers come, the sooner that is known.
//! - Then it is cut to a little below what was admitted while the service was overrun, which is the
//!   quota itself. It is known as well as it was measured: the fewer calls, the deeper the cut.
//! - From there it climbs along a cubic ([`Climb`]), as TCP CUBIC does (RFC 9438): fast while far
//!   below the ceiling, hardly at all near it, and ever faster once the ceiling has proved to be
//!   gone. The first throttle at the ceiling is what is to be expected there, and the climb starts
//!   again, to a ceiling between what was let in and the rate of the throttle.
//! - Where nothing at all is admitted, the rate comes down to a call every quarter of a minute, and
//!   nothing is known any more: the first call that is let in starts a new search.
//! - A throttle now and then below the ceiling, or at what the job says, is noise ([`Noise`]) and
//!   changes nothing. Where there is much of it, a throttle at the ceiling says nothing either, only
//!   an overrun counts, and it takes more throttles to make one.
//! - The rate grows only while it is what limits calls. A job that is limited by something else
//!   learns nothing about the quota, so its rate neither grows nor shrinks (RFC 7661 says so of
//!   TCP); after a silence of a minute what was measured before it is forgotten.
//!
//! What is measured is what was sent less what was throttled, not what was answered: throttles come
//! back soon, answers may take minutes. Units are calls or tokens; the rate is units per second.

mod climb;
mod cut;
mod flight;
mod noise;
mod seen;

use std::time::Duration;

use tokio::time::Instant;

use climb::{CLIMB_CALLS, Climb, SHORTEST_CLIMB};
use flight::Flight;
use noise::Noise;
use seen::{CallPlace, Overrun, Recent, SentSince};

/// How many calls may be on their way at once before any has proved to be let in. Nothing is known
/// of how long a throttle takes, so that is 24 a second until the first answer.
const FIRST_AT_RISK: f64 = 12.0;

/// A search makes the rate so many times higher at most, from one call to the next.
const LEAP: f64 = 4.0;

/// For so many times as long as a throttle takes, one may still be due to what was sent before a cut.
const SETTLED_AFTER: u32 = 3;

/// So many events close together are no noise, where nothing is known of it.
const DENSE: usize = 3;

/// Throttles are called an overrun by mistake once in so many climbs: half of one makes up for it.
const CLIMBS_BETWEEN_MISTAKES: f64 = 2.3;

/// Likewise where the job names the quota, and the rate does not exceed it: there is nothing to find out.
const CLIMBS_BETWEEN_MISTAKES_AT_A_NAMED_QUOTA: f64 = 100.0;

/// A search is over after so many throttles within so many calls: a rate that has outgrown a quota brings
/// them one upon the other. Of throttles that two calls in a hundred meet, chance brings one in three
/// hundred so close to others.
const SEARCH_DENSE: usize = 4;
const SEARCH_CALLS: u64 = 16;

/// In a search of no more calls chance has had little time, and [`DENSE`] throttles are enough.
const SHORT_SEARCH: u64 = 64;

/// So many overruns with nothing admitted between them, and the door is shut: to everybody, by
/// somebody else, for a while. The quota is something to be found again.
const SHUT: u32 = 4;

/// What of a known quota may be made up for when it was not used: calls were estimated too large
/// at first, or came late. A twentieth of a minute.
const PACED_ARREARS: Duration = Duration::from_secs(3);

/// What an earlier run has learned counts as if so many calls had measured it: the climb starts a
/// tenth below it.
const EARLIER_CALLS: f64 = 9.0;

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
    /// Calls sent so far.
    calls: u64,
    flight: Flight,
    refusals: Recent,
    /// Likewise for errors that are not throttles.
    faults: Recent,
    since_cut: SentSince,
    /// What ended the search, until the next call.
    found: Option<Overrun>,
    /// Whether the last cut was for an overrun.
    overrun: bool,
    /// Cuts that followed each other with nothing admitted between them.
    in_a_row: u32,
    noise: Noise,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing is known: never overrun, or nothing admitted between overruns.
    Searching,
    /// A ceiling is known.
    Climbing(Climb),
}

impl Learned {
    /// Nothing is known: to be searched for.
    pub(super) fn unknown(start: Instant) -> Self {
        let flight = Flight::new(FIRST_AT_RISK);
        let rate = flight.calls_per_second();
        Self {
            flight,
            ..Self::new(None, Some(rate), start)
        }
    }

    /// An earlier run has learned this ceiling a short while ago. Others may have changed what is left
    /// of the quota since, so the climb to it begins well below, and its first overrun counts.
    pub(super) fn learned_earlier(per_second: f64, start: Instant) -> Self {
        let climb = Climb::measured(per_second, EARLIER_CALLS);
        Self {
            phase: Phase::Climbing(climb),
            ..Self::new(None, Some(climb.start()), start)
        }
    }

    /// A quota that is known, and kept by other means until it proves smaller.
    pub(super) fn known(per_second: f64, start: Instant) -> Self {
        Self::new(Some(per_second), None, start)
    }

    /// A quota that is known, and kept by this pace.
    pub(super) fn paced(per_second: f64, start: Instant) -> Self {
        Self {
            arrears: PACED_ARREARS,
            ..Self::new(Some(per_second), Some(per_second), start)
        }
    }

    fn new(cap: Option<f64>, rate: Option<f64>, start: Instant) -> Self {
        Self {
            cap,
            rate,
            phase: Phase::Searching,
            used: Duration::ZERO,
            next: start,
            arrears: TIMER_ARREARS,
            units_per_call: 1.0,
            calls: 0,
            flight: Flight::new(f64::INFINITY),
            refusals: Recent::default(),
            faults: Recent::default(),
            since_cut: SentSince::new(start),
            found: None,
            overrun: false,
            in_a_row: 0,
            noise: Noise::default(),
        }
    }

    /// A known quota is another one from now on; what is unknown stays to be learned.
    pub(super) fn limit(&mut self, per_second: f64, now: Instant) {
        let Some(cap) = self.cap else { return };
        self.cap = Some(per_second);
        if let Phase::Climbing(climb) = self.phase {
            self.phase = Phase::Climbing(climb.capped(self.cap));
        }
        let Some(old) = self.rate else { return };
        let rate = match cap <= old {
            true => per_second,
            false => old.min(per_second),
        };
        self.rate = Some(rate);
        // What was taken stays owed, and is paid for at the new rate.
        let owed = self.next.saturating_duration_since(now).as_secs_f64() * old;
        self.next = now + seconds(owed / rate);
    }

    /// What an earlier run has taken is paid for until then.
    pub(super) fn owes_until(&mut self, due: Instant) {
        self.next = self.next.max(due);
    }

    /// When all that was taken is paid for, if calls in flight turn out so many units larger.
    pub(super) fn due(&self, larger: f64) -> Instant {
        match self.rate {
            Some(rate) => self.next + seconds(larger.max(0.0) / rate),
            None => self.next,
        }
    }

    /// Whether a call may start, or when to ask again.
    pub(super) fn ready(&self, now: Instant) -> Result<(), Instant> {
        if now < self.next {
            return Err(self.next);
        }
        match self.phase {
            Phase::Searching => Ok(()),
            Phase::Climbing(_) => self.flight.ready(now),
        }
    }

    /// A call of so many units starts.
    pub(super) fn sent(&mut self, units: f64, now: Instant) {
        let weight = if self.calls == 0 { 1.0 } else { 1.0 / 16.0 };
        self.units_per_call += (units - self.units_per_call) * weight;
        self.calls += 1;
        self.found = None;
        self.since_cut.sent(units, now);
        if self.is_searching() || self.is_blameless() {
            self.noise.tries();
        }
        let Some(rate) = self.rate else { return };
        let oldest = now.checked_sub(self.arrears).unwrap_or(now);
        let was_rate_limited = oldest < self.next;
        self.flight.send(now, was_rate_limited);
        if was_rate_limited {
            self.grow(seconds(units / rate));
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

    /// A call that was sent at `sent` was answered. If none came back sooner, the search goes on
    /// at once: it had waited for longer than it takes.
    pub(super) fn answered(&mut self, sent: Instant, now: Instant) {
        if self.flight.answer(sent, now) && self.is_searching() && self.refusals.is_empty() {
            self.next = self.next.min(now);
        }
    }

    /// A call of so many units that was sent at `sent` was throttled. True if that changed
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
        self.flight.refuse(sent, now);
        if sent < self.since_cut.cut {
            return self.find_less();
        }
        self.since_cut.refuse(units);
        let place = CallPlace {
            calls: self.calls - self.flight.sent_after(sent),
            sent,
        };
        let mut many = self.dense();
        let mut dense = self.refusals.note(place, many);
        if dense.is_none() && self.is_searching() {
            many = match self.calls <= SHORT_SEARCH {
                true => DENSE,
                false => SEARCH_DENSE,
            };
            dense = self.refusals.within(many, SEARCH_CALLS);
        }
        let settled = self.since_cut.cut + self.flight.news() * SETTLED_AFTER;
        if self.is_noise(dense.is_some()) && settled <= sent {
            self.noise.fails();
        }
        match (self.phase, dense) {
            (Phase::Searching, Some(first)) if self.is_searching() => self.find(first, many, now),
            (Phase::Searching, None) if self.is_searching() => return self.pause(now),
            (Phase::Searching | Phase::Climbing(_), dense)
                if dense.is_some() || self.is_still() =>
            {
                self.cut_to_measured(sent, now);
            }
            (Phase::Climbing(climb), _) if !self.is_blameless() && !self.noise.is_rife() => {
                self.climb_again(climb, sent, now);
            }
            (Phase::Searching | Phase::Climbing(_), _) => return false,
        }
        true
    }

    /// Something is wrong with the service that is no throttle: a call that was sent at `sent` came
    /// back with it. Where it is more than noise, this is no time to grow.
    pub(super) fn hold(&mut self, sent: Instant) {
        let calls = self.calls;
        if self.faults.note(CallPlace { calls, sent }, DENSE).is_none() {
            return;
        }
        match self.phase {
            Phase::Searching => self.flight.doubt(),
            Phase::Climbing(climb) => {
                self.used = self.used.min(climb.takes(self.units_per_call));
            }
        }
    }

    /// The ceiling that was found, in units a second.
    pub(super) fn ceiling(&self) -> Option<f64> {
        match self.phase {
            Phase::Searching => None,
            Phase::Climbing(climb) => Some(climb.ceiling),
        }
    }

    /// Whether the rate is searched for, by growing, for the first time.
    fn is_searching(&self) -> bool {
        let is_ours = self.cap.is_none() && !self.overrun;
        is_ours && matches!(self.phase, Phase::Searching)
    }

    /// Whether the service is as overrun as it was.
    fn is_still(&self) -> bool {
        let is_shut = matches!(self.phase, Phase::Searching);
        let refused = self.since_cut.refused;
        let nothing_let_in =
            self.since_cut.admitted_calls(0.0) < 1.0 && self.noise.is_shut(refused);
        self.overrun && (is_shut || nothing_let_in)
    }

    /// How many throttles close together are an overrun.
    fn dense(&self) -> usize {
        if self.is_searching() {
            return self.noise.overrun(self.calls as f64).max(SEARCH_DENSE);
        }
        let calls_per_second = self.rate.unwrap_or(0.0) / self.units_per_call.max(1e-3);
        let in_a_climb = calls_per_second * SHORTEST_CLIMB.as_secs_f64();
        let climb_calls = in_a_climb.max(CLIMB_CALLS);
        let is_kept_elsewhere = self.arrears == TIMER_ARREARS;
        if is_kept_elsewhere && self.cap.is_some_and(f64::is_finite) && self.is_blameless() {
            let calls_between = climb_calls * CLIMBS_BETWEEN_MISTAKES_AT_A_NAMED_QUOTA;
            return self.noise.overrun_of_a_named_quota(calls_between);
        }
        self.noise.overrun(climb_calls * CLIMBS_BETWEEN_MISTAKES)
    }

    /// Whether a throttle is one that the rate gives no reason for. The one that makes an overrun may
    /// well be the first of a smaller quota, unless the job says how large it is.
    fn is_noise(&self, is_overrun: bool) -> bool {
        let is_told = self.cap.is_some() && matches!(self.phase, Phase::Climbing(_));
        (!is_overrun || is_told) && self.is_blameless() && self.is_well_measured()
    }

    /// Whether the rate gives no reason for a throttle: it is below what was let in for certain, or
    /// what the job says.
    fn is_blameless(&self) -> bool {
        let Some(rate) = self.rate else { return true };
        let is_as_told = self.cap.is_some_and(|cap| cap <= rate);
        is_as_told || matches!(self.phase, Phase::Climbing(climb) if rate < climb.proved)
    }

    fn is_well_measured(&self) -> bool {
        match self.phase {
            Phase::Searching => true,
            Phase::Climbing(climb) => climb.is_well_measured,
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

    /// The rate was used for so much longer.
    fn grow(&mut self, time: Duration) {
        let Some(rate) = self.rate else { return };
        self.used += time;
        let grown = match self.phase {
            Phase::Searching => {
                let earned = self.flight.calls_per_second() * self.units_per_call;
                earned.min(rate * LEAP)
            }
            Phase::Climbing(climb) => climb.after(self.used, self.units_per_call),
        };
        let grown = self.cap.map_or(grown, |cap| grown.min(cap));
        self.rate = Some(grown.max(rate));
    }
}

/// A time that is not longer than a day, whatever was divided by what.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
}

#[cfg(test)]
mod tests;
