//! A rate that is learned from refusals.
//!
//! Nobody says what a quota is worth at this moment: others use it too, and it can change. What
//! can be observed is that calls are refused. So the rate is doubled until the first refusal;
//! then it is cut to a little below what was admitted since the refusal before (between two
//! refusals a quota is used to the full, so that is the quota itself), and climbs along a cubic:
//! fast while far below the ceiling, hardly at all near it, and ever faster once the ceiling has
//! proved to be gone. The shape is that of TCP CUBIC (RFC 9438).
//!
//! Units are calls or tokens; the rate is units per second.

use std::time::Duration;

use tokio::time::Instant;

/// Where an unknown rate begins. A refusal comes back at once, so the first one stops this early.
const FIRST_CALLS_PER_SECOND: f64 = 100.0;

/// How long a rate must go unrefused before it is doubled: longer than a refusal takes to come.
const DOUBLE_EVERY: Duration = Duration::from_millis(200);

/// What is kept of a ceiling that was measured between two refusals.
const KEPT_OF_MEASURED: f64 = 0.95;

/// What is kept when refusals follow each other and nothing could be measured.
const KEPT_OF_UNMEASURED: f64 = 0.5;

/// Admissions between two refusals that make a measurement.
const MEASURED_FROM: f64 = 5.0;

/// A climb back to the ceiling takes as long as this many calls, within the bounds below.
const CLIMB_CALLS: f64 = 70.0;
const SHORTEST_CLIMB: Duration = Duration::from_secs(5);
const LONGEST_CLIMB: Duration = Duration::from_secs(40);

/// The rate is held at no more than this many times what is really used of it.
const HEADROOM: f64 = 2.0;

/// What of a known quota may be made up for when it was not used: calls were estimated too large
/// at first, or came late. A twentieth of a minute.
const PACED_ARREARS: Duration = Duration::from_secs(3);

/// Lateness of timers that is made up for.
const TIMER_ARREARS: Duration = Duration::from_millis(100);

/// The longest pause after refusals that follow each other.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A rate, and what is known of its ceiling.
#[derive(Debug)]
pub(super) struct Learned {
    /// The most there can be, where the job says it.
    cap: Option<f64>,
    /// `None` while nothing limits it: a known quota that was never refused.
    rate: Option<f64>,
    phase: Phase,
    /// When the next unit is due.
    next: Instant,
    /// How far that may lie in the past.
    arrears: Duration,
    /// Units per call, as they come.
    units_per_call: f64,
    /// What was admitted since the last refusal, and when that was.
    admitted: f64,
    since: Instant,
    /// Refusals that followed each other without a measurement.
    in_a_row: u32,
    used: Used,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// No refusal yet: doubled at this instant.
    Doubling { at: Instant },
    /// Climbing to `ceiling` from `kept` of it since this instant.
    Climbing {
        ceiling: f64,
        kept: f64,
        since: Instant,
    },
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
            phase: Phase::Doubling {
                at: start + DOUBLE_EVERY,
            },
            next: start,
            arrears: TIMER_ARREARS,
            units_per_call: 1.0,
            admitted: 0.0,
            since: start,
            in_a_row: 0,
            used: Used::new(start),
        }
    }

    /// Whether a call may start, or when to ask again.
    pub(super) fn ready(&mut self, now: Instant) -> Result<(), Instant> {
        self.grow(now);
        if now < self.next {
            Err(self.next)
        } else {
            Ok(())
        }
    }

    /// A call of so many units starts.
    pub(super) fn sent(&mut self, units: f64, now: Instant) {
        self.units_per_call += (units - self.units_per_call) / 16.0;
        self.used.add(units, self.units_per_call, now);
        if let Some(rate) = self.rate {
            let due = self.next.max(now.checked_sub(self.arrears).unwrap_or(now));
            self.next = due + Duration::from_secs_f64(units / rate);
        }
    }

    /// A call turned out to be so many units larger than was thought, or smaller.
    pub(super) fn correct(&mut self, units: f64) {
        let Some(rate) = self.rate else { return };
        let time = Duration::from_secs_f64(units.abs() / rate);
        if 0.0 < units {
            self.next += time;
        } else {
            self.next = self.next.checked_sub(time).unwrap_or(self.next);
        }
    }

    /// A call that was sent at `sent` was let in, whatever became of it.
    pub(super) fn admitted(&mut self, units: f64, sent: Instant) {
        if self.since <= sent {
            self.admitted += units;
        }
    }

    /// A call that was sent at `sent` was refused for now. True if that changed the rate: calls
    /// that were on their way at the last cut are not a new reason to cut.
    pub(super) fn refused(&mut self, sent: Instant, now: Instant, ask: Option<Duration>) -> bool {
        if sent < self.since {
            return false;
        }
        let elapsed = (now - self.since).as_secs_f64().max(1e-3);
        let measured = MEASURED_FROM * self.units_per_call <= self.admitted;
        let (ceiling, kept) = if measured {
            self.in_a_row = 0;
            (self.admitted / elapsed, KEPT_OF_MEASURED)
        } else {
            self.in_a_row += 1;
            (
                self.rate.unwrap_or(self.used.per_second(now)),
                KEPT_OF_UNMEASURED,
            )
        };
        let ceiling = self
            .cap
            .map_or(ceiling, |cap| ceiling.min(cap))
            .max(self.slowest());
        self.phase = Phase::Climbing {
            ceiling,
            kept,
            since: now,
        };
        self.rate = Some(ceiling * kept);
        self.next = now + self.pause().max(ask.unwrap_or_default());
        self.admitted = 0.0;
        self.since = now;
        true
    }

    /// Something is wrong with the service that is no refusal: this is no time to grow.
    pub(super) fn hold(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Doubling { at } => *at = now + DOUBLE_EVERY,
            Phase::Climbing {
                ceiling,
                kept,
                since,
            } => {
                if let Some(rate) = self.rate.filter(|rate| *ceiling <= *rate) {
                    (*ceiling, *kept, *since) = (rate, 1.0, now);
                }
            }
        }
    }

    /// The ceiling that was found, in units a second.
    pub(super) fn ceiling(&self) -> Option<f64> {
        match self.phase {
            Phase::Doubling { .. } => None,
            Phase::Climbing { ceiling, .. } => Some(ceiling),
        }
    }

    /// One call a minute: so that a rate is never cut to nothing.
    fn slowest(&self) -> f64 {
        self.units_per_call / 60.0
    }

    /// Refusals that follow each other ask for ever longer patience.
    fn pause(&self) -> Duration {
        let doublings = self.in_a_row.saturating_sub(1).min(6);
        (Duration::from_millis(250) * (1 << doublings)).min(LONGEST_PAUSE)
    }

    fn grow(&mut self, now: Instant) {
        let Some(rate) = self.rate else { return };
        let grown = match self.phase {
            Phase::Doubling { at } if now < at => return,
            Phase::Doubling { .. } => {
                self.phase = Phase::Doubling {
                    at: now + DOUBLE_EVERY,
                };
                rate * 2.0
            }
            Phase::Climbing {
                ceiling,
                kept,
                since,
            } => {
                let climb = climb_time(ceiling / self.units_per_call).as_secs_f64();
                let x = (now - since).as_secs_f64() / climb - 1.0;
                ceiling * (1.0 + (1.0 - kept).max(0.05) * x.powi(3)).max(kept)
            }
        };
        let most = (self.used.per_second(now) * HEADROOM).max(rate);
        let grown = grown.min(most);
        let grown = self.cap.map_or(grown, |cap| grown.min(cap));
        // What is already due is due sooner at the new rate.
        if rate < grown && now < self.next {
            self.next = now + (self.next - now).mul_f64(rate / grown);
        }
        self.rate = Some(grown);
    }
}

fn climb_time(calls_per_second: f64) -> Duration {
    let seconds = (CLIMB_CALLS / calls_per_second)
        .clamp(SHORTEST_CLIMB.as_secs_f64(), LONGEST_CLIMB.as_secs_f64());
    Duration::from_secs_f64(seconds)
}

/// What is really sent, in units a second over the last moments.
#[derive(Debug)]
struct Used {
    at: Instant,
    units: f64,
    /// Two thirds are forgotten in this time: a few calls' worth.
    memory: f64,
}

impl Used {
    fn new(start: Instant) -> Self {
        Self {
            at: start,
            units: 0.0,
            memory: 0.5,
        }
    }

    fn fade(&self, now: Instant) -> f64 {
        self.units * (-(now - self.at).as_secs_f64() / self.memory).exp()
    }

    fn add(&mut self, units: f64, units_per_call: f64, now: Instant) {
        let per_second = self.per_second(now).max(units_per_call / 60.0);
        self.units = self.fade(now);
        let memory = (6.0 * units_per_call / per_second).clamp(0.5, 20.0);
        self.units = self.units * memory / self.memory + units;
        self.memory = memory;
        self.at = now;
    }

    fn per_second(&self, now: Instant) -> f64 {
        self.fade(now) / self.memory
    }
}
