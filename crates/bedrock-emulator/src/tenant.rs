//! Other users of the same account.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::bucket::MINUTE_S;

/// Another user of the same account and models, at a steady pace or in bursts.
///
/// Their calls use the quota of each model that they match; they are neither answered nor counted, and a
/// throttled one is not retried.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Model ids they call, as in the request's path; `*` stands for any text. Default all.
    #[serde(default = "any_model")]
    pub model: String,
    /// Calls a minute, evenly spaced. Default 60.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, spread evenly over the calls. Default none.
    pub tokens_per_minute: Option<u64>,
    /// Seconds after the start from which they call. Default 0.
    pub from_s: Option<f64>,
    /// Seconds after the start until which they call. Default: no end.
    pub to_s: Option<f64>,
    /// Seconds from the start of one burst to the start of the next. Default: no bursts.
    pub every_s: Option<f64>,
    /// How many seconds a burst lasts.
    pub for_s: Option<f64>,
}

fn any_model() -> String {
    "*".to_owned()
}

impl Tenant {
    /// Rejects values that contradict each other, with the reason.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.requests_per_minute == Some(0) || 60_000 < self.requests_per_minute.unwrap_or(1) {
            return Err("a tenant makes from 1 to 60000 requests a minute");
        }
        if self.to_s.is_some_and(|to| to <= self.from_s.unwrap_or(0.0)) {
            return Err("to_s comes after from_s; both count seconds from the start");
        }
        match (self.every_s, self.for_s) {
            (None, None) => Ok(()),
            (Some(every), Some(lasts)) if 0.0 < lasts && lasts <= every => Ok(()),
            (None | Some(_), None | Some(_)) => {
                Err("bursts need every_s and for_s, and end before the next begins")
            }
        }
    }

    /// Whether they call at this time of the scenario.
    pub fn calls_at(&self, at_s: f64) -> bool {
        let from_s = self.from_s.unwrap_or(0.0);
        let in_burst = match (self.every_s, self.for_s) {
            (Some(every), Some(lasts)) => (at_s - from_s).rem_euclid(every) < lasts,
            (None | Some(_), None | Some(_)) => true,
        };
        from_s <= at_s && self.to_s.is_none_or(|to| at_s < to) && in_burst
    }

    /// Calls per minute while they call.
    pub fn requests(&self) -> f64 {
        self.requests_per_minute.map_or(MINUTE_S, f64::from)
    }
}

/// A tenant of one model id, and when their next call is due.
#[derive(Debug)]
pub(super) struct OtherTenant {
    tenant: Tenant,
    next: Instant,
}

impl OtherTenant {
    pub(super) fn new(tenant: Tenant, started: Instant) -> Self {
        let next = started;
        Self { tenant, next }
    }

    /// When their next call is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Takes that call: its tokens, or nothing between bursts.
    pub(super) fn take_turn(&mut self, started: Instant) -> Option<f64> {
        let at_s = (self.next - started).as_secs_f64();
        let per_minute = self.tenant.requests();
        self.next += Duration::from_secs_f64(MINUTE_S / per_minute);
        let tokens = self.tenant.tokens_per_minute.unwrap_or(0) as f64;
        let calls = self.tenant.calls_at(at_s);
        calls.then_some(tokens / per_minute)
    }
}
