//! When the next call may start.
//!
//! Requests per minute are spaced by governor on tokio's clock. Its default burst is the whole
//! minute's quota, which admits nearly twice the quota in the first minute, so the burst here is
//! a tenth of a second's worth: enough to make up for a late timer, and taken off the rate so
//! that no sixty seconds ever hold more than the quota.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// A limit of requests per minute; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestsPerMinute(pub NonZeroU32);

impl RequestsPerMinute {
    /// A tenth of a second's worth, at least one call.
    fn burst(self) -> NonZeroU32 {
        NonZeroU32::new(self.0.get() / 600).unwrap_or(NonZeroU32::MIN)
    }

    fn quota(self) -> Option<Quota> {
        let per_minute = self.0.get() - (self.burst().get() - 1);
        let quota = Quota::with_period(Duration::from_secs(60) / per_minute)?;
        Some(quota.allow_burst(self.burst()))
    }
}

/// Says whether a call may start now, and if not, when to ask again.
pub(super) struct Pace {
    requests: Option<RateLimiter<NotKeyed, InMemoryState, LoopClock, NoOpMiddleware<Nanos>>>,
    clock: LoopClock,
}

impl Pace {
    pub(super) fn new(requests: Option<RequestsPerMinute>, start: Instant) -> Self {
        let clock = LoopClock { start };
        let quota = requests.and_then(RequestsPerMinute::quota);
        Self {
            requests: quota.map(|quota| RateLimiter::direct_with_clock(quota, clock)),
            clock,
        }
    }

    /// Takes one call from the quota, or says when there will be one.
    pub(super) fn admit(&self) -> Result<(), Instant> {
        let Some(requests) = &self.requests else {
            return Ok(());
        };
        requests.check().map_err(|refused| {
            let from_start = refused.earliest_possible().duration_since(Nanos::from(0));
            self.clock.start + Duration::from(from_start)
        })
    }
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
