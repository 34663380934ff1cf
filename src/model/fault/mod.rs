//! Everything that can go wrong with a call, and what each means for what happens next.
//!
//! What the service said is classified in `classify`, its messages by the one table in
//! `messages`; what a person can do about it is in `crate::bedrock::advice`.

pub(crate) mod classify;
pub(crate) mod messages;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use words::words;

use super::{Reply, SchemaError};

/// A call that brought no usable response.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What kind of failure it is.
    pub category: Category,
    /// The service's error code, such as `ThrottlingException`.
    pub code: Option<String>,
    /// The HTTP status.
    pub status_code: Option<u16>,
    /// What the service, or the layer that failed, said.
    pub message: String,
    /// The service's name for the call.
    pub request_id: Option<String>,
    /// How long the service asked us to wait.
    pub retry_after: Option<Duration>,
    /// What happens next.
    pub verdict: Verdict,
    /// Whether the call may have been billed although no answer came of it.
    pub maybe_billed: bool,
    /// Whether an emulator made it up.
    pub emulated: bool,
    /// The body of a response that could not be understood.
    pub raw: Option<Bytes>,
    /// The response that breaks the schema of the job: paid for, and kept.
    pub invalid: Option<Arc<Reply>>,
}

/// What happens next with the row, and with the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The error may be transient: the call is retried.
    Retry,
    /// The error is permanent: the row fails, and others may well succeed.
    RowFailed,
    /// Every other row would fail in the same way, for it is the job's model, its parameters or its
    /// credentials: the run stops, and can be resumed.
    StopRun,
}

/// The closed list of error categories, as written to the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Refused for now: the account's requests or tokens per minute are used up.
    Throttled,
    /// A cold model is being loaded.
    ModelNotReady,
    /// The service has no capacity at the moment.
    Unavailable,
    /// The service broke.
    ServerError,
    /// The model took longer than the service allows.
    ModelTimeout,
    /// The model broke.
    ModelError,
    /// No connection, or one that broke.
    Network,
    /// No answer within our own limit; the service may still bill it.
    AttemptTimeout,
    /// The service refuses the request as it is.
    InvalidRequest,
    /// Prompt and answer do not fit the model's context window.
    ContextWindow,
    /// The request is larger than the service takes.
    RequestTooLarge,
    /// The row could not be turned into a request.
    BadInputRow,
    /// An answer came that could not be understood; it is kept.
    BadResponse,
    /// A response came that breaks the schema of the job; it is kept.
    InvalidOutput,
    /// The caller may not use this model.
    AccessDenied,
    /// There is no such model here.
    NotFound,
    /// No credentials, or none that are valid.
    Credentials,
    /// The account's tokens per day are used up.
    DailyQuota,
    /// Another limit of the account is reached.
    ServiceQuota,
}

/// The code or the category, the status of an error, and what may be said of it to anybody.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.shown_code().unwrap_or(self.category.as_str());
        f.write_str(what)?;
        if let Some(status) = self.status_code.filter(|status| *status != 200) {
            write!(f, " (HTTP {status})")?;
        }
        write!(f, ": {}", self.words())
    }
}

impl Fault {
    /// A fault on our side of the wire: no service has said anything.
    pub fn local(category: Category, message: impl Into<String>) -> Self {
        Self {
            category,
            code: None,
            status_code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
            verdict: category.verdict(),
            maybe_billed: false,
            emulated: false,
            raw: None,
            invalid: None,
        }
    }

    /// The failure of a row whose response breaks the schema of the job by these errors.
    pub fn invalid_output(reply: Reply, errors: &[SchemaError]) -> Self {
        let shown = errors.iter().take(3).map(SchemaError::masked);
        let shown = shown.collect::<Vec<_>>().join("; ");
        let more = match errors.len() {
            0..=3 => String::new(),
            number => format!("; and {} more", number - 3),
        };
        Self {
            request_id: reply.request_id.clone(),
            emulated: reply.served.emulated,
            raw: Some(reply.raw.clone()),
            invalid: Some(Arc::new(reply)),
            ..Self::local(Category::InvalidOutput, format!("{shown}{more}"))
        }
    }

    /// This fault, where every row of the job would share it: it stops the run.
    #[must_use]
    pub fn job_wide(self) -> Self {
        Self {
            verdict: Verdict::StopRun,
            ..self
        }
    }
}

impl Category {
    /// All of them, in the order they are listed to people.
    pub const ALL: [Self; 19] = [
        Self::Throttled,
        Self::ModelNotReady,
        Self::Unavailable,
        Self::ServerError,
        Self::ModelTimeout,
        Self::ModelError,
        Self::Network,
        Self::AttemptTimeout,
        Self::InvalidRequest,
        Self::ContextWindow,
        Self::RequestTooLarge,
        Self::BadInputRow,
        Self::BadResponse,
        Self::InvalidOutput,
        Self::AccessDenied,
        Self::NotFound,
        Self::Credentials,
        Self::DailyQuota,
        Self::ServiceQuota,
    ];

    /// What happens next where nothing but the category is known.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Throttled
            | Self::ModelNotReady
            | Self::Unavailable
            | Self::ServerError
            | Self::ModelTimeout
            | Self::ModelError
            | Self::Network
            | Self::AttemptTimeout => Verdict::Retry,
            Self::InvalidRequest
            | Self::ContextWindow
            | Self::RequestTooLarge
            | Self::BadInputRow
            | Self::BadResponse
            | Self::InvalidOutput => Verdict::RowFailed,
            Self::AccessDenied
            | Self::NotFound
            | Self::Credentials
            | Self::DailyQuota
            | Self::ServiceQuota => Verdict::StopRun,
        }
    }

    /// The word written to the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::ModelNotReady => "model_not_ready",
            Self::Unavailable => "unavailable",
            Self::ServerError => "server_error",
            Self::ModelTimeout => "model_timeout",
            Self::ModelError => "model_error",
            Self::Network => "network",
            Self::AttemptTimeout => "attempt_timeout",
            Self::InvalidRequest => "invalid_request",
            Self::ContextWindow => "context_window",
            Self::RequestTooLarge => "request_too_large",
            Self::BadInputRow => "bad_input_row",
            Self::BadResponse => "bad_response",
            Self::InvalidOutput => "invalid_output",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::Credentials => "credentials",
            Self::DailyQuota => "daily_quota",
            Self::ServiceQuota => "service_quota",
        }
    }
}
