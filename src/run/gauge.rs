//! What a run knows of its quota, for those who read its events.

use super::limit_use::LimitUse;

/// What a run knows of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gauge {
    /// The learned limit of calls per minute; `None` while nothing was throttled.
    pub learned_per_minute: Option<f64>,
    /// The learned limit of tokens per minute.
    pub learned_tokens_per_minute: Option<f64>,
    /// Tokens of quota that calls have used.
    pub tokens_settled: f64,
    /// Tokens of quota that calls reserved and did not use.
    pub tokens_never_used: f64,
    /// What is used of the limits, for the run after this one.
    pub limit_use: LimitUse,
}
