//! Limits per minute that change while a run is under way. They take effect at once; what is in flight is
//! not touched.

use tokio::sync::watch;
use tokio::time::Instant;

use super::Row;
use super::pace::RequestsPerMinute;
use super::state::State;

/// What overrides the settings of a run, from now on. The default overrides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steering {
    /// Calls started per minute.
    pub requests_per_minute: Option<RequestsPerMinute>,
    /// Tokens per minute.
    pub tokens_per_minute: Option<u64>,
}

impl Steering {
    /// Of a run that is not steered.
    pub fn none() -> watch::Receiver<Self> {
        watch::channel(Self::default()).1
    }
}

impl<M, R, E> State<M, R>
where
    M: crate::model::Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    /// Follows `steering` from now on.
    pub(super) fn steer(&mut self, steering: Steering, now: Instant) {
        let requests = steering.requests_per_minute;
        let requests = requests.or(self.settings.requests_per_minute);
        let tokens = steering.tokens_per_minute;
        let tokens = tokens.or(self.settings.tokens.per_minute);
        self.pace.limit(requests, tokens, now);
    }
}
