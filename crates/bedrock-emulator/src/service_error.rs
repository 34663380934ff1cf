//! Errors in the service's wording and shape.
//!
//! Status and code are those of the service model (botocore 1.44.5); messages are those seen in public
//! code and logs, November 2026.

use std::borrow::Cow;

/// An error response: a status, a code for the header, a message for the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServiceError {
    /// The HTTP status.
    pub(super) status: u16,
    /// The exception's name, sent in `x-amzn-errortype`.
    pub(super) code: &'static str,
    /// The text of the body.
    pub(super) message: Cow<'static, str>,
    /// Seconds for the `retry-after` header.
    pub(super) retry_after_s: Option<u32>,
}

impl ServiceError {
    /// An error of this status, code and text.
    pub(super) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
            retry_after_s: None,
        }
    }

    /// An invalid request.
    pub(super) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// A model that does not stream was asked to.
    pub(super) fn no_stream() -> Self {
        Self::validation("The model is unsupported for streaming.")
    }

    /// A body that breaks the model's schema; `reason` begins with a JSON pointer.
    pub(super) fn malformed(reason: impl std::fmt::Display) -> Self {
        Self::validation(format!(
            "Malformed input request: {reason}, please reformat your input and try again."
        ))
    }

    /// A quota is exceeded.
    pub(super) fn throttling(message: &'static str) -> Self {
        Self::new(429, "ThrottlingException", message)
    }

    /// Too many calls are in flight.
    pub(super) fn too_many_connections() -> Self {
        let message = "Too many connections, please wait before trying again.";
        Self::new(503, "ServiceUnavailableException", message)
    }

    /// An id that names no model.
    pub(super) fn unknown_model() -> Self {
        Self::validation("The provided model identifier is invalid.")
    }

    /// A model that needs an inference profile was called by its base id.
    pub(super) fn profile_required(id: &str) -> Self {
        Self::validation(format!(
            "Invocation of model ID {id} with on-demand throughput isn’t supported. Retry your \
             request with the ID or ARN of an inference profile that contains this model."
        ))
    }

    /// A retired model.
    pub(super) fn end_of_life() -> Self {
        let message = "This model version has reached the end of its life. Please refer to the \
                       AWS documentation for more details.";
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// A prompt beyond the context window.
    pub(super) fn too_long() -> Self {
        Self::validation("Input is too long for requested model.")
    }
}
