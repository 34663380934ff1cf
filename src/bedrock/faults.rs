//! What is made of a call that brought no answer: what the SDK says, and what came and is none.

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;
use jiff::Timestamp;

use super::aws::is_credentials;
use super::error::ConnectError;
use super::error_body::ErrorBody;
use crate::bedrock::retry_after::retry_after;
use crate::bedrock::wire;
use crate::family::NoAnswer;
use crate::json_cost::TooManyValues;
use crate::model::fault::Verdict;
use crate::model::{Category, Fault};

/// The chain does not even lead to credentials any more.
pub(super) fn no_client(error: ConnectError) -> Fault {
    Fault::local(Category::Credentials, error.to_string())
}

pub(super) fn fault<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let raw = error.raw_response();
    let header = |name| raw.and_then(|raw| raw.headers().get(name));
    let request_id = header("x-amzn-requestid").map(str::to_owned);
    let local = |category| Fault {
        request_id: request_id.clone(),
        ..Fault::local(category, wire::unwrapped(error))
    };
    let broken = || Fault {
        request_id: request_id.clone(),
        ..wire::broken(error)
    };
    let refused = |code, raw: &HttpResponse, message: &str| {
        let (status, wait) = (raw.status().as_u16(), retry_after(header, Timestamp::now()));
        Fault::from_response(code, status, message, wait, request_id.clone())
    };
    match error {
        SdkError::ServiceError(error) => {
            let body = ErrorBody::of(error.raw().body().bytes().unwrap_or_default());
            let code = error.err().code().or(body.code.as_deref());
            let message = error.err().message().filter(|it| !it.is_empty());
            let message = message.map(str::to_owned).or(body.message);
            let message = message.unwrap_or_else(|| wire::unsigned(error.raw()));
            refused(code, error.raw(), &message)
        }
        SdkError::ResponseError(answer) => match answer.raw() {
            raw if !raw.status().is_success() && wire::is_too_long(error) => {
                let code = header("x-amzn-errortype").and_then(|code| code.split(':').next());
                refused(code, raw, &wire::too_long_error(raw))
            }
            _ => broken(),
        },
        SdkError::TimeoutError(_) => Fault {
            maybe_billed: true,
            ..local(Category::AttemptTimeout)
        },
        SdkError::DispatchFailure(_) if is_credentials(error) => local(Category::Credentials),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            local(Category::InvalidRequest).job_wide()
        }
        SdkError::DispatchFailure(_) => broken(),
        SdkError::ConstructionFailure(_) => local(Category::InvalidRequest).job_wide(),
        _ => broken(),
    }
}

/// A response without a completion. A model that failed may do better the next time.
pub(super) fn no_answer(error: NoAnswer, raw: Bytes) -> Fault {
    let why = error.to_string();
    match error {
        NoAnswer::Misread(_) => not_understood(why, raw),
        NoAnswer::Failed { word } => retried(Fault {
            category: Category::ModelError,
            code: Some(word),
            ..not_understood(why, raw)
        }),
    }
}

/// A response of 200 that is not whole JSON: a proxy's page, a body that was cut off, nothing at all.
/// Something on the way has put it there or taken the rest, and the next one may be whole.
pub(super) fn not_json(error: &serde_json::Error, raw: Bytes) -> Fault {
    let what = match raw.trim_ascii() {
        b"" => EMPTY.to_owned(),
        page if page.starts_with(b"<") => PAGE.to_owned(),
        _ if error.is_eof() => format!("the response is cut off: {error}"),
        _ => format!("the response is not JSON: {error}"),
    };
    retried(not_understood(what, raw))
}

/// A response that would take too much memory to parse. The next one would be as large, and would be paid
/// for too.
pub(super) fn too_many_values(error: TooManyValues, raw: Bytes) -> Fault {
    not_understood(format!("the response cannot be parsed: {error}"), raw)
}

/// A response of 200 without any event, where a stream was asked for: like [`not_json`].
pub(super) fn no_event_stream(why: &str, raw: Bytes) -> Fault {
    let what = match raw.trim_ascii() {
        b"" => EMPTY.to_owned(),
        page if page.starts_with(b"<") => PAGE.to_owned(),
        _ => format!("the response is not an event stream: {why}"),
    };
    retried(not_understood(what, raw))
}

const EMPTY: &str = "the response is empty";

const PAGE: &str = "the response is a page of HTML or XML, as from a proxy or gateway on the way";

/// This fault, where another attempt may bring a response that is understood.
pub(super) fn retried(fault: Fault) -> Fault {
    Fault {
        verdict: Verdict::Retry,
        ..fault
    }
}

/// A response that came, was paid for and says nothing to us; it is kept as it is.
pub(super) fn not_understood(why: String, raw: Bytes) -> Fault {
    Fault {
        status_code: Some(200),
        raw: Some(raw),
        maybe_billed: true,
        ..Fault::local(Category::BadResponse, why)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::family::Family;

    #[test]
    fn a_model_that_stopped_with_an_error_is_asked_again_and_its_body_kept() {
        for word in ["malformed_model_output", "malformed_tool_use"] {
            let body = json!({"content": [{"type": "text", "text": "I"}], "stop_reason": word});
            let error = Family::ClaudeMessages.read(&body).expect_err(word);
            let fault = no_answer(error, body.to_string().into());
            assert_eq!(fault.category, Category::ModelError, "{word}");
            assert_eq!(fault.verdict, Verdict::Retry, "{word}");
            assert_eq!(fault.code.as_deref(), Some(word));
            assert_eq!(fault.raw, Some(body.to_string().into()));
            assert!(fault.maybe_billed);
        }
        let error = Family::ClaudeMessages
            .read(&json!({}))
            .expect_err("no shape");
        let fault = no_answer(error, Bytes::new());
        assert_eq!(fault.category, Category::BadResponse);
    }
}
