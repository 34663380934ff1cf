//! From what the service said to a [`Fault`]: by code; by status where there is no code that is
//! known; by message only where one code means several things.
//!
//! Source of codes and statuses: botocore 1.44.5 service model of bedrock-runtime, and the
//! user guide's "Troubleshooting Amazon Bedrock API error codes", as of October 2026; of Anthropic's
//! own words, its TypeScript SDK 0.81.0 (`resources/shared.ts`, read 2026-11-22).

use std::time::Duration;

use super::{Category, Fault, Verdict, messages};

impl Fault {
    /// Classifies an answer that is an error.
    ///
    /// `code` is the service's own, and missing where something between us and the service
    /// answered, such as a proxy with a page of HTML.
    pub fn from_response(
        code: Option<&str>,
        status: u16,
        message: &str,
        retry_after: Option<Duration>,
        request_id: Option<String>,
    ) -> Self {
        let first = first(code, status);
        let (category, verdict) = match messages::class_of(first, message) {
            Some(class) => (class.category, class.verdict),
            None => (first, verdict_of(first, code)),
        };
        Self {
            code: code.map(str::to_owned),
            status_code: Some(status),
            request_id,
            retry_after,
            verdict,
            ..Self::local(category, message)
        }
    }

    /// A fault between us and the service: no connection, or one that broke.
    pub fn on_the_way(message: &str) -> Self {
        let local = Self::local(Category::Network, message);
        match messages::class_of(Category::Network, message) {
            Some(class) => Self {
                category: class.category,
                verdict: class.verdict,
                ..local
            },
            None => local,
        }
    }

    /// Whether new credentials would help that may come by themselves, or by a login meanwhile:
    /// these have expired, or could not be resolved.
    pub fn may_be_renewed(&self) -> bool {
        if self.category != Category::Credentials {
            return false;
        }
        let unresolved = self.code.is_none() && self.status_code.is_none();
        let message = self.message.to_ascii_lowercase();
        let code = self.code.as_deref().unwrap_or_default();
        unresolved
            || ["ExpiredToken", "ExpiredTokenException"].contains(&code)
            || message.contains("token included in the request is expired")
            || message.contains("bearer token has expired")
    }

    /// Whether a refusal is about tokens, not about the number of calls.
    pub fn blames_tokens(&self) -> bool {
        self.message
            .to_ascii_lowercase()
            .contains("too many tokens")
    }

    /// Whether the service, or the way to it, is broken: nothing that the call could be blamed for.
    pub fn is_outage(&self) -> bool {
        matches!(
            self.category,
            Category::Unavailable | Category::ServerError | Category::Network
        )
    }

    /// Whether another attempt may succeed, and neither the rate nor a cold model is the reason.
    pub fn is_transient_error(&self) -> bool {
        let is_paced = matches!(self.category, Category::Throttled | Category::ModelNotReady);
        self.verdict == Verdict::Retry && !is_paced && !self.may_be_renewed()
    }

    /// Whether nothing came back that shows that the service is reachable. One attempt that timed out is no
    /// outage, but no response either.
    pub fn is_silence(&self) -> bool {
        self.is_outage() || self.category == Category::AttemptTimeout
    }

    /// Whether a call may have failed of one of its rows, where several share it. A refusal for now
    /// is none of theirs, and an answer that was not understood is paid for.
    pub fn may_be_of_one_row(&self) -> bool {
        match self.category {
            Category::Throttled
            | Category::ModelNotReady
            | Category::BadResponse
            | Category::InvalidOutput
            | Category::BadInputRow
            | Category::AccessDenied
            | Category::NotFound
            | Category::Credentials
            | Category::DailyQuota
            | Category::ServiceQuota => false,
            Category::Unavailable
            | Category::ServerError
            | Category::ModelTimeout
            | Category::ModelError
            | Category::Network
            | Category::AttemptTimeout
            | Category::InvalidRequest
            | Category::ContextWindow
            | Category::RequestTooLarge => true,
        }
    }

    /// Whether the service asks for fewer calls at a time, rather than fewer a minute.
    pub fn wants_fewer_connections(&self) -> bool {
        self.message
            .to_ascii_lowercase()
            .contains("too many connections")
    }
}

/// What the code says by itself, or the status where there is no code that is known.
pub(crate) fn first(code: Option<&str>, status: u16) -> Category {
    code.and_then(by_code).unwrap_or_else(|| by_status(status))
}

/// What a code means, whatever its status: `ServiceQuotaExceededException` comes with 400, and
/// `ModelNotReadyException` with 429 without being a throttle. Words in small letters are
/// Anthropic's and OpenAI's own, which come within streams.
fn by_code(code: &str) -> Option<Category> {
    Some(match code {
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "rate_limit_error"
        | "rate_limit_exceeded" => Category::Throttled,
        "ModelNotReadyException" => Category::ModelNotReady,
        "ServiceUnavailableException"
        | "ServiceUnavailable"
        | "overloaded_error"
        | "service_unavailable_error" => Category::Unavailable,
        "InternalServerException"
        | "InternalServerError"
        | "InternalFailure"
        | "api_error"
        | "server_error" => Category::ServerError,
        "ModelTimeoutException" | "timeout_error" => Category::ModelTimeout,
        "ModelErrorException" | "ModelStreamErrorException" => Category::ModelError,
        "RequestTimeout" | "RequestTimeoutException" => Category::Network,
        "ValidationException" | "InvalidAction" | "invalid_request_error" => {
            Category::InvalidRequest
        }
        "context_length_exceeded" => Category::ContextWindow,
        "RequestEntityTooLargeException" | "request_too_large" => Category::RequestTooLarge,
        "AccessDeniedException"
        | "NotAuthorized"
        | "MPAgreementBeingCreated"
        | "permission_error" => Category::AccessDenied,
        "ResourceNotFoundException" | "FTUFormNotFilled" | "not_found_error" => Category::NotFound,
        "ServiceQuotaExceededException" | "insufficient_quota" | "billing_error" => {
            Category::ServiceQuota
        }
        "authentication_error"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Category::Credentials,
        _ => return None,
    })
}

/// What a status means by itself. 529 is the service's own word for "overloaded".
fn by_status(status: u16) -> Category {
    match status {
        401 | 407 => Category::Credentials,
        403 => Category::AccessDenied,
        404 => Category::NotFound,
        408 => Category::ModelTimeout,
        413 => Category::RequestTooLarge,
        424 => Category::ModelError,
        429 => Category::Throttled,
        503 | 529 => Category::Unavailable,
        400..=499 => Category::InvalidRequest,
        500..=599 => Category::ServerError,
        _ => Category::Network, // neither an answer nor an error of HTTP: something in between
    }
}

/// An action that the service does not know is the same for every row.
fn verdict_of(category: Category, code: Option<&str>) -> Verdict {
    match code {
        Some("InvalidAction") => Verdict::StopRun,
        Some(_) | None => category.verdict(),
    }
}

#[cfg(test)]
mod tests;
