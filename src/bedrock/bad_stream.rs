//! Why a stream is no response, and the fault that it is then.

use std::time::Duration;

use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ResponseStreamError;
use bytes::Bytes;

use super::error::causes;
use super::faults::{no_answer, not_understood, retried, too_many_values};
use super::wire;
use crate::family::StreamError;
use crate::json_cost::TooManyValues;
use crate::model::{Category, Fault};

/// The status of what a provider says within a chunk without one: it is the model's failure.
const MODEL_ERROR: u16 = 424;

/// Why a stream is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadStream {
    #[error(transparent)]
    Chunk(#[from] StreamError),
    #[error("{}", wire::too_long())]
    TooLong,
    #[error("{}", .0.message)]
    Stopped(Box<Fault>),
}

impl BadStream {
    /// Whether the bytes that came are no events, or the connection broke.
    pub(super) fn is_undecodable(&self) -> bool {
        matches!(self, Self::Stopped(fault)
            if fault.category == Category::Network && fault.status_code.is_none())
    }
}

impl From<Fault> for BadStream {
    fn from(fault: Fault) -> Self {
        Self::Stopped(Box::new(fault))
    }
}

/// The fault of a stream that is no response, although the model has worked for it; `raw` is what
/// came.
pub(super) fn fault(error: BadStream, raw: impl FnOnce() -> Bytes) -> Fault {
    let message = error.to_string();
    let of_answer = |category| Fault {
        status_code: Some(200),
        maybe_billed: true,
        ..Fault::local(category, message.clone())
    };
    match error {
        BadStream::Chunk(StreamError::NotJson(_)) => retried(not_understood(message, raw())),
        BadStream::Chunk(StreamError::TooManyValues) => too_many_values(TooManyValues, raw()),
        BadStream::Chunk(StreamError::NoAnswer(error)) => no_answer(error, raw()),
        BadStream::TooLong => of_answer(Category::BadResponse),
        BadStream::Chunk(StreamError::BrokenOff {
            kind,
            status,
            message,
        }) => Fault {
            status_code: Some(status.unwrap_or(200)),
            ..mid_stream(Some(&kind), status.unwrap_or(MODEL_ERROR), &message)
        },
        BadStream::Chunk(StreamError::CutShort { .. }) => of_answer(Category::Network),
        BadStream::Stopped(fault) => *fault,
    }
}

/// An exception or a failure between two chunks.
pub(super) fn broken<R>(error: &SdkError<ResponseStreamError, R>) -> Fault
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let SdkError::ServiceError(refused) = error else {
        return Fault {
            maybe_billed: true,
            ..Fault::local(Category::Network, causes(error))
        };
    };
    let error = refused.err();
    let message = error.message().unwrap_or_default();
    let known = [
        (
            error.is_internal_server_exception(),
            "InternalServerException",
            500,
        ),
        (
            error.is_model_stream_error_exception(),
            "ModelStreamErrorException",
            424,
        ),
        (error.is_validation_exception(), "ValidationException", 400),
        (error.is_throttling_exception(), "ThrottlingException", 429),
        (
            error.is_model_timeout_exception(),
            "ModelTimeoutException",
            408,
        ),
        (
            error.is_service_unavailable_exception(),
            "ServiceUnavailableException",
            503,
        ),
    ];
    let named = known.into_iter().find(|(is_it, ..)| *is_it);
    match named {
        Some((_, code, status)) => mid_stream(Some(code), status, message),
        None => mid_stream(error.code(), 500, message),
    }
}

fn mid_stream(code: Option<&str>, status: u16, message: &str) -> Fault {
    Fault {
        maybe_billed: true,
        ..Fault::from_response(code, status, message, None, None)
    }
}

pub(super) fn silent(idle: Duration) -> Fault {
    let message = format!("the stream said nothing for {} s", idle.as_secs());
    Fault {
        maybe_billed: true,
        ..Fault::local(Category::AttemptTimeout, message)
    }
}
