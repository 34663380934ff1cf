//! How long a job takes, and which limit says so.

use std::time::Duration;

use super::{Case, Cases, Estimate};
use crate::job::Plan;

/// What paces a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `requests_per_minute`.
    Requests,
    /// `tokens_per_minute`, by what calls use.
    Tokens,
    /// `tokens_per_minute`, by what calls in flight reserve for answers they may not write.
    Reservations,
    /// The calls in flight, and how long each takes.
    Concurrency,
}

impl Bound {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_minute",
            Self::Tokens => "tokens_per_minute",
            Self::Reservations => "reservations",
            Self::Concurrency => "concurrency",
        }
    }
}

/// How long a job takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceEstimate {
    /// Seconds; `None` where nothing tells.
    pub seconds: Estimate,
    /// The limit behind the expected time, else behind the worst.
    pub bound: Option<Bound>,
}

/// What there is to do.
pub(super) struct Work {
    /// Calls, corrections of invalid responses included.
    pub(super) calls: Cases<f64>,
    pub(super) quota: Estimate,
    /// What all calls reserve of the quota.
    pub(super) reserved: Cases<f64>,
    pub(super) latency: Option<Duration>,
    /// How long an answer is, beside the expected one. A model's latency follows it.
    pub(super) length: Cases<f64>,
}

impl PaceEstimate {
    pub(super) fn new(work: &Work, plan: &Plan) -> Self {
        if work.calls.worst == 0.0 {
            return Self {
                seconds: Cases::each(|_| Some(0.0)),
                bound: None,
            };
        }
        let longest = Cases::each(|case| longest(work, plan, case));
        let bound = longest.expected.or(longest.worst);
        Self {
            seconds: Cases::each(|case| longest.of(case).map(|(seconds, _)| seconds)),
            bound: bound.map(|(_, bound)| bound),
        }
    }
}

/// The limit that takes longest. `None` where no limit tells, or one that is there cannot.
fn longest(work: &Work, plan: &Plan, case: Case) -> Option<(f64, Bound)> {
    let mut times = Vec::new();
    if let Some(requests) = plan.requests_per_minute {
        let seconds = work.calls.of(case) / f64::from(requests.0.get()) * 60.0;
        times.push((seconds, Bound::Requests));
    }
    if let Some(tokens) = plan.tokens.per_minute {
        let seconds = work.quota.of(case)? / tokens as f64 * 60.0;
        times.push((seconds, Bound::Tokens));
    }
    if let Some(latency) = work.latency {
        let latency = latency.as_secs_f64() * work.length.of(case);
        let rounds = (work.calls.of(case) / plan.concurrency as f64).max(1.0);
        let seconds = rounds * latency;
        times.push((seconds, Bound::Concurrency));
        if let Some(tokens) = plan.tokens.per_minute {
            // Each call holds its reservation for its latency, and the quota is all there is.
            let seconds = work.reserved.of(case) * latency / tokens as f64;
            times.push((seconds, Bound::Reservations));
        }
    }
    times.into_iter().max_by(|(a, _), (b, _)| a.total_cmp(b))
}
