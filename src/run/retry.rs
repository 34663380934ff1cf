//! What deserves another attempt, and when: the only place where that is decided.
//!
//! Waits are drawn with full jitter: uniformly between nothing and a bound that doubles from
//! attempt to attempt. What the service asks for (`Retry-After`) is not undercut, within reason.

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
    /// Attempts before that, together with rows it no longer shares its call with.
    pub(super) shared: u32,
    /// Refusals, which do not.
    pub(super) throttles: u32,
    /// Attempts given up on after sending.
    pub(super) maybe_billed: u32,
    /// What attempts may have cost beyond what replies say, in USD: each row's equal share.
    pub(super) maybe_billed_usd: f64,
    /// Whether it was ever sent.
    pub(super) was_sent: bool,
    /// When the current run of refusals began.
    pub(super) refused_since: Option<Instant>,
    /// Whether the last fault was a refusal for now.
    pub(super) was_refused: bool,
    /// Whether it was sent with rows that it no longer shares its call with.
    pub(super) was_shared: bool,
    /// Whether its next attempt is paid from the retry budget.
    pub(super) owes: bool,
}

/// What to do with a row after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Send it again after this long.
    Again(Duration),
    /// It has failed.
    Fail,
    /// Everything waits for new credentials; the row is left as it was.
    Hold,
    /// The whole run has to stop; the row is left as it was.
    Stop,
}

/// What the model has worked on is dear to repeat: fewer attempts than for a cheap failure.
const DEAR_ATTEMPTS: u32 = 3;

/// The longest wait that the service is granted at once: its quotas come back within a minute, and
/// whoever asks for an hour is asked again after this.
const LONGEST_ASK: Duration = Duration::from_secs(300);

impl History {
    /// Its last fault was the service's: it costs the row no attempt after all.
    pub(super) fn forgive(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// Its last fault may have been that of a row it shared the call with: it has all its attempts
    /// before it.
    pub(super) fn begin_anew(&mut self) {
        self.shared += std::mem::take(&mut self.attempts);
        self.refused_since = None;
    }

    /// Whether sending it means sending it again, for another reason than a refusal for now.
    pub(super) fn is_retry(&self) -> bool {
        self.was_sent && !self.was_refused
    }
}

impl RetryPolicy {
    /// `fault` as far as it is heeded: a wait that the service asks for has its limits.
    pub(super) fn heeded(&self, fault: Fault) -> Fault {
        let longest = LONGEST_ASK.min(self.throttle_wait);
        Fault {
            retry_after: fault.retry_after.map(|asked| asked.min(longest)),
            ..fault
        }
    }

    /// Takes `fault` into the row's `history` and decides. `dice` is uniform in `0..1`. Where the
    /// service as a whole is down, the fault is `services_fault` and costs the row nothing.
    pub(super) fn after(
        &self,
        fault: &Fault,
        history: &mut History,
        now: Instant,
        dice: f64,
        services_fault: bool,
    ) -> Next {
        history.was_sent = true;
        history.was_refused = fault.category == Category::Throttled;
        history.maybe_billed += u32::from(fault.maybe_billed);
        if fault.may_be_renewed() {
            return Next::Hold;
        }
        match fault.verdict {
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
        history.owes = !refused;
        if services_fault {
            return Next::Again(Duration::ZERO);
        }
        let wait = if refused {
            self.refused(history, now)
        } else {
            self.failed(fault, history, dice)
        };
        match wait {
            Some(wait) => Next::Again(wait.max(fault.retry_after.unwrap_or_default())),
            None => Next::Fail,
        }
    }

    /// A refusal is the pace's business: the row goes back to the front and waits for no more than
    /// the pace, which sees to a model that is not ready too.
    fn refused(&self, history: &mut History, now: Instant) -> Option<Duration> {
        history.throttles += 1;
        let since = *history.refused_since.get_or_insert(now);
        if self.throttle_wait <= now - since {
            history.attempts += 1;
            return None;
        }
        Some(Duration::ZERO)
    }

    fn failed(&self, fault: &Fault, history: &mut History, dice: f64) -> Option<Duration> {
        history.attempts += 1;
        history.refused_since = None;
        let dear = matches!(
            fault.category,
            Category::ModelTimeout
                | Category::ModelError
                | Category::AttemptTimeout
                | Category::BadResponse
        );
        let attempts = if dear {
            self.max_attempts.min(DEAR_ATTEMPTS)
        } else {
            self.max_attempts
        };
        let cap = Duration::from_secs(30);
        (history.attempts < attempts).then(|| full_jitter(history.attempts, cap, dice))
    }
}

/// Uniform between nothing and 1 s, 2 s, 4 s … up to `cap`.
fn full_jitter(nth: u32, cap: Duration, dice: f64) -> Duration {
    let bound = Duration::from_secs(1 << nth.saturating_sub(1).min(6)).min(cap);
    bound.mul_f64(dice)
}
