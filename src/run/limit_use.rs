//! What a run has used of its limits, and what the run before it used of the same limits. Limits count
//! by the minute and by the day, and the service does not care which process has sent a call.

use std::time::Duration;

use tokio::time::Instant;

/// What is used of the limits at one moment, as the next run has to know it if this one ends now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LimitUse {
    /// When the last call was admitted; `None` before the first.
    pub last_call: Option<Instant>,
    /// When the tokens per minute that calls have taken are paid for, those in flight with all that
    /// they have reserved. `None` without such a limit.
    pub tokens_due: Option<Instant>,
    /// Tokens of quota, as the day counts them: calls in flight at their worst, earlier runs included.
    pub tokens_of_day: f64,
}

/// What an earlier run of the same output has used of the limits, seen from the start of this one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EarlierUse {
    /// How long ago its last call was admitted; `None` where nothing is known of one.
    pub since_last_call: Option<Duration>,
    /// How long until the tokens that its calls have taken are paid for.
    pub tokens_due_in: Duration,
    /// Tokens of quota that count for this day.
    pub tokens_of_day: f64,
    /// How long until the day ends that tokens per day are counted by; `None` if it does not.
    pub day_ends_in: Option<Duration>,
    /// The calls per minute that it had learned from throttles, if that is recent.
    pub learned_per_minute: Option<f64>,
}

impl EarlierUse {
    /// When the last call was admitted: at the latest when this run started.
    pub(super) fn last_call(&self, start: Instant) -> Option<Instant> {
        let ago = self.since_last_call?;
        // An instant before the clock began is as good as none.
        start.checked_sub(ago)
    }
}
