//! What deserves another attempt, and when: the only place where that is decided.
//!
//! Waits are drawn with full jitter: uniformly between nothing and a bound that doubles from
//! attempt to attempt. What the service asks for (`Retry-After`) is never undercut.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::fault::Verdict;
use crate::model::{Category, Fault};

/// How patient a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts a row has against passing faults, the first one included.
    pub max_attempts: u32,
    /// How long a row may be refused for now before it fails.
    pub throttle_wait: Duration,
}

/// What a row has been through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    /// Attempts that used up patience.
    pub(super) attempts: u32,
    /// Refusals, which do not.
    pub(super) throttles: u32,
    /// Attempts given up on after sending.
    pub(super) maybe_billed: u32,
    /// When the current run of refusals began.
    pub(super) refused_since: Option<Instant>,
}

/// What to do with a row after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Send it again after this long.
    Again(Duration),
    /// It has failed.
    Fail,
    /// The whole run has to stop; the row is left as it was.
    Stop,
}

/// A slow generation that broke is dear to repeat: fewer attempts than for a cheap failure.
const DEAR_ATTEMPTS: u32 = 3;

/// AWS answers "not ready" for about five minutes while it loads a cold imported model.
const COLD_MODEL_WAIT: Duration = Duration::from_secs(30);

impl RetryPolicy {
    /// Takes `fault` into the row's `history` and decides. `dice` is uniform in `0..1`.
    pub(super) fn after(
        &self,
        fault: &Fault,
        history: &mut History,
        now: Instant,
        dice: f64,
    ) -> Next {
        match fault.verdict() {
            Verdict::StopRun => return Next::Stop,
            Verdict::RowFailed => {
                history.attempts += 1;
                return Next::Fail;
            }
            Verdict::Retry => {}
        }
        let refused = matches!(
            fault.category,
            Category::Throttled | Category::ModelNotReady
        );
        let wait = if refused {
            self.refused(fault, history, now, dice)
        } else {
            self.failed(fault, history, dice)
        };
        match wait {
            Some(wait) => Next::Again(wait.max(fault.retry_after.unwrap_or_default())),
            None => Next::Fail,
        }
    }

    fn refused(
        &self,
        fault: &Fault,
        history: &mut History,
        now: Instant,
        dice: f64,
    ) -> Option<Duration> {
        history.throttles += 1;
        let since = *history.refused_since.get_or_insert(now);
        if self.throttle_wait <= now - since {
            history.attempts += 1;
            return None;
        }
        if fault.category == Category::ModelNotReady {
            return Some(COLD_MODEL_WAIT.mul_f64(1.0 + dice));
        }
        Some(full_jitter(
            history.throttles,
            Duration::from_secs(60),
            dice,
        ))
    }

    fn failed(&self, fault: &Fault, history: &mut History, dice: f64) -> Option<Duration> {
        history.attempts += 1;
        history.refused_since = None;
        history.maybe_billed += u32::from(fault.maybe_billed);
        let dear = matches!(
            fault.category,
            Category::ModelTimeout | Category::ModelError | Category::AttemptTimeout
        );
        let attempts = if dear {
            self.max_attempts.min(DEAR_ATTEMPTS)
        } else {
            self.max_attempts
        };
        (history.attempts < attempts)
            .then(|| full_jitter(history.attempts, Duration::from_secs(30), dice))
    }
}

/// Uniform between nothing and 1 s, 2 s, 4 s … up to `cap`.
fn full_jitter(nth: u32, cap: Duration, dice: f64) -> Duration {
    let bound = Duration::from_secs(1 << nth.saturating_sub(1).min(6)).min(cap);
    bound.mul_f64(dice)
}
