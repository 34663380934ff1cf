//! How a call is made, whatever its body: the headers that InvokeModel and
//! InvokeModelWithResponseStream share, and which of the two it is.

use std::time::Duration;

use crate::catalog::Tier;

/// What a call asks of the service beside its body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RequestOptions {
    /// The guardrail that checks prompt and answer.
    pub guardrail: Option<Guardrail>,
    /// `ENABLED`, `ENABLED_FULL` or `DISABLED`: whether a guardrail tells what it found.
    pub trace: Option<String>,
    /// `standard` or `optimized`.
    pub latency: Option<String>,
    /// How dear and how quick.
    pub tier: Option<Tier>,
    /// A JSON object of texts that the invocation log keeps with the call.
    pub request_metadata: Option<String>,
}

impl RequestOptions {
    /// Whether calls ask for optimized latency, which has prices of its own.
    pub fn is_optimized(&self) -> bool {
        self.latency.as_deref() == Some("optimized")
    }
}

/// A guardrail of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its id or ARN.
    pub id: String,
    /// A version's number, or `DRAFT`.
    pub version: String,
}

/// How answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece: InvokeModel.
    Whole,
    /// In chunks: InvokeModelWithResponseStream.
    Streamed {
        /// How long nothing may come before the answer is given up.
        idle: Duration,
    },
}
