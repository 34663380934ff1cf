//! When the next call may start. Every attempt asks here, retries too.
//!
//! Four things have a say: whether the service is there at all ([`outage`](super::outage)), the
//! requests per minute that the job names (governor), the rate that was learned from throttles
//! ([`learn`](super::learn)), and the tokens ([`tokens`](super::tokens)). A call takes from all of
//! them or from none.
//!
//! Requests per minute are spaced by governor on tokio's clock. Its default burst is the whole
//! minute's quota, which admits nearly twice the quota in the first minute, so the burst here is
//! a tenth of a second's worth: enough to make up for a late timer, and taken off the rate so
//! that no sixty seconds ever hold more than the quota. The service counts a call when it arrives,
//! which is later than here, and not always by as much: so the quota is spread over a minute and a
//! [`MINUTE_MARGIN`]. A run that follows another starts where that one has left off ([`EarlierUse`]).

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::WaitReason;
use super::attempt::{Attempt, Replies};
use super::gauge::Gauge;
use super::health::Health;
use super::learn::Learned;
use super::limit_use::{EarlierUse, LimitUse};
use super::outage::Outage;
use super::tokens::{Charge, Settled, Short, TokenLimits, Tokens};
use crate::model::{Category, Fault};

/// A limit of requests per minute; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestsPerMinute(pub NonZeroU32);

/// By how much more one call may be late at the service than another, without a minute of its clock
/// holding too many: new connections, credentials that are resolved, a busy machine. Costs 1.6 % of the
/// rate.
const MINUTE_MARGIN: Duration = Duration::from_secs(1);

impl RequestsPerMinute {
    /// A tenth of a second's worth, at least one call.
    fn burst(self) -> NonZeroU32 {
        NonZeroU32::new(self.0.get() / 600).unwrap_or(NonZeroU32::MIN)
    }

    /// From one call to the next.
    fn interval(self) -> Duration {
        let per_minute = self.0.get() - (self.burst().get() - 1);
        (Duration::from_secs(60) + MINUTE_MARGIN) / per_minute
    }

    fn quota(self) -> Option<Quota> {
        let quota = Quota::with_period(self.interval())?;
        Some(quota.allow_burst(self.burst()))
    }

    /// When a pace that knows nothing of the calls up to `last` may begin.
    fn free_after(self, last: Instant) -> Instant {
        last + self.interval() * self.burst().get()
    }
}

/// Why a call may not start now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Refusal {
    /// For this reason; ask again then, or when a call returns.
    Wait(WaitReason, Option<Instant>),
    /// The day's tokens are used up.
    Day,
}

/// That a call may start: what it holds of the quotas, and the instant they know it by. Its task
/// starts a little later.
#[must_use = "what a call holds is given back when it lands"]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Admission {
    charge: Charge,
    pub(super) at: Instant,
}

type Governor = RateLimiter<NotKeyed, InMemoryState, LoopClock, NoOpMiddleware<Nanos>>;

/// Everything that paces a run.
pub(super) struct Pace {
    clock: LoopClock,
    requests: Option<Governor>,
    /// What `requests` keeps to.
    requests_per_minute: Option<RequestsPerMinute>,
    /// When `requests` begins to count.
    requests_from: Instant,
    /// When the last call was admitted, be it by an earlier run.
    last_call: Option<Instant>,
    calls: Learned,
    tokens: Tokens,
    outage: Outage,
}

impl Pace {
    pub(super) fn new(
        requests: Option<RequestsPerMinute>,
        tokens: TokenLimits,
        earlier: &EarlierUse,
        start: Instant,
    ) -> Self {
        let clock = LoopClock { start };
        let calls = match requests {
            Some(requests) => Learned::known(f64::from(requests.0.get()) / 60.0, start),
            None if tokens.per_minute.is_some() => Learned::known(f64::INFINITY, start),
            None => match earlier.learned_per_minute {
                Some(learned) => Learned::learned_earlier(learned / 60.0, start),
                None => Learned::unknown(start),
            },
        };
        let last_call = earlier.last_call(start);
        Self {
            clock,
            requests: governor(requests, clock),
            requests_per_minute: requests,
            requests_from: free_after(requests, last_call).unwrap_or(start),
            last_call,
            calls,
            tokens: Tokens::new(tokens, earlier, start),
            outage: Outage::default(),
        }
    }

    /// These limits hold from now on. What was learned stays.
    pub(super) fn limit(
        &mut self,
        requests: Option<RequestsPerMinute>,
        tokens_per_minute: Option<u64>,
        now: Instant,
    ) {
        if requests != self.requests_per_minute {
            self.requests = governor(requests, self.clock);
            self.requests_per_minute = requests;
            self.requests_from = free_after(requests, self.last_call).unwrap_or(now);
            let per_second = requests.map(|requests| f64::from(requests.0.get()) / 60.0);
            self.calls.limit(per_second.unwrap_or(f64::INFINITY), now);
        }
        self.tokens.limit(tokens_per_minute, now);
    }

    /// Takes what a call needs from every quota, or from none and says why.
    pub(super) fn admit(
        &mut self,
        attempt: &Attempt,
        in_flight: usize,
        now: Instant,
    ) -> Result<Admission, Refusal> {
        if let Some((why, probe)) = self.outage.next_probe() {
            if 0 < in_flight {
                return Err(Refusal::Wait(why, None));
            }
            if now < probe {
                return Err(Refusal::Wait(why, Some(probe)));
            }
        }
        let ready = self.calls.ready(now);
        ready.map_err(|until| Refusal::Wait(WaitReason::LearnedRate, Some(until)))?;
        let charge = self.tokens.charge(attempt.calls());
        let why = match self.tokens.are_limited() {
            true => WaitReason::Tokens,
            false => WaitReason::LearnedRate,
        };
        self.tokens
            .ready(&charge, now)
            .map_err(|short| match short {
                Short::Until(until) => Refusal::Wait(why, Some(until)),
                Short::InFlight => Refusal::Wait(why, None),
                Short::DayInFlight => Refusal::Wait(WaitReason::TokensOfDay, None),
                Short::Day => Refusal::Day,
            })?;
        self.take_request(now)
            .map_err(|until| Refusal::Wait(WaitReason::Requests, Some(until)))?;
        self.calls.sent(1.0, now);
        self.tokens.reserve(&charge, now);
        self.last_call = Some(now);
        Ok(Admission { charge, at: now })
    }

    fn take_request(&self, now: Instant) -> Result<(), Instant> {
        let Some(requests) = &self.requests else {
            return Ok(());
        };
        if now < self.requests_from {
            return Err(self.requests_from);
        }
        requests.check().map_err(|refused| {
            let from_start = refused.earliest_possible().duration_since(Nanos::from(0));
            self.clock.start + Duration::from(from_start)
        })
    }

    /// Takes in the outcome of a call; `health` is that of the calls before it. True if a transient
    /// error was the service's and not the row's: it then costs the row no attempt.
    pub(super) fn returned(
        &mut self,
        row: u64,
        admission: Admission,
        outcome: &Result<Replies, Fault>,
        health: Health,
        now: Instant,
    ) -> bool {
        let Admission { charge, at: sent } = admission;
        let fault = match outcome {
            Ok(replies) => {
                self.outage.responded();
                self.calls.answered(sent, now);
                self.tokens
                    .settle(&charge, Settled::Used(replies.usage()), sent);
                return false;
            }
            Err(fault) => fault,
        };
        let settled = if fault.maybe_billed {
            Settled::Unknown
        } else {
            Settled::Nothing
        };
        self.tokens.settle(&charge, settled, sent);
        if fault.category == Category::Throttled {
            self.refused(fault, &charge, sent, now);
        } else if fault.category == Category::ModelNotReady {
            self.outage.not_ready(fault, now);
        } else if fault.is_silence() {
            if !health.is_good() {
                self.calls.hold(sent);
            }
            return self.outage.fault(row, fault, now);
        } else {
            self.outage.responded();
        }
        false
    }

    fn refused(&mut self, fault: &Fault, charge: &Charge, sent: Instant, now: Instant) {
        self.outage.responded();
        if fault.blames_tokens() {
            self.tokens.refused(charge, sent, now, fault.retry_after);
        } else {
            self.calls.refused(1.0, sent, now, fault.retry_after);
        }
    }

    /// A row is about to fail because of `fault`. True if that is the service's doing and not the row's.
    pub(super) fn service_is_to_blame(&mut self, fault: &Fault, now: Instant) -> bool {
        fault.is_outage() && self.outage.is_to_blame(fault, now)
    }

    /// How long the service has been down, if it is.
    pub(super) fn outage(&self, now: Instant) -> Option<Duration> {
        self.outage.lasts(now)
    }

    /// What is known of the quota: for the display and the summary.
    pub(super) fn gauge(&self, now: Instant) -> Gauge {
        let (tokens_settled, tokens_never_used) = self.tokens.totals();
        Gauge {
            learned_per_minute: self.calls.ceiling().map(|ceiling| ceiling * 60.0),
            learned_tokens_per_minute: self.tokens.ceiling().map(|ceiling| ceiling * 60.0),
            tokens_settled,
            tokens_never_used,
            limit_use: LimitUse {
                last_call: self.last_call,
                tokens_due: self.tokens.due(),
                tokens_of_day: self.tokens.of_day(now),
            },
        }
    }
}

fn free_after(requests: Option<RequestsPerMinute>, last: Option<Instant>) -> Option<Instant> {
    Some(requests?.free_after(last?))
}

fn governor(requests: Option<RequestsPerMinute>, clock: LoopClock) -> Option<Governor> {
    let quota = requests.and_then(RequestsPerMinute::quota);
    quota.map(|quota| RateLimiter::direct_with_clock(quota, clock))
}

/// tokio's clock, as governor reads it: nanoseconds since the start of the run.
#[derive(Debug, Clone, Copy)]
struct LoopClock {
    start: Instant,
}

impl Clock for LoopClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.start.elapsed())
    }
}
