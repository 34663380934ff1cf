//! InvokeModelWithResponseStream: the same call, answered in chunks.
//!
//! What ends a stream early is never an answer: not an exception between two chunks, not a
//! connection that closes in good order before the family's own end, and not a silence. The model
//! has worked by then, so the call may have been billed.

use std::pin::{Pin, pin};
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::ResponseStream;
use aws_sdk_bedrockruntime::types::error::ResponseStreamError;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::{Bedrock, BoundedAnswer, causes, not_understood, wire};
use crate::model::family::{Assembly, StreamError};
use crate::model::{Call, Category, Fault, Reply, Served};

/// The status of what a provider says within a chunk: it is the model's failure.
const MODEL_ERROR: u16 = 424;

/// Chunks as they come.
struct Chunks {
    assembly: Assembly,
    /// All of them in a JSON array, in case they make no answer.
    raw: Vec<u8>,
    sent: Instant,
    first_token: Option<Duration>,
}

impl Bedrock {
    pub(super) async fn invoke_streamed(
        &self,
        client: &Client,
        call: &Call,
        idle: Duration,
    ) -> Result<Reply, Fault> {
        let family = self.target.family;
        let assembly = family.assemble().ok_or_else(|| {
            let message = format!("the layout `{}` does not stream", family.name());
            Fault::local(Category::InvalidRequest, message).job_wide()
        })?;
        let mut chunks = Chunks {
            assembly,
            raw: b"[".to_vec(),
            sent: Instant::now(),
            first_token: None,
        };
        let operation = client.invoke_model_with_response_stream();
        let asked = addressed!(operation, self.target, call)
            .customize()
            .interceptor(BoundedAnswer::STREAMED)
            .send();
        let begun = timeout(idle, asked).await.map_err(|_| silent(idle, None))?;
        let stream = begun.map_err(|error| self.fault(&error))?;
        let request_id = stream.request_id().map(str::to_owned);
        let served = Served {
            tier: stream.service_tier.as_ref().map(ToString::to_string),
            latency_mode: stream
                .performance_config_latency
                .as_ref()
                .map(ToString::to_string),
        };
        let mut events = stream.body;
        let mut patience = Patience::new(idle);
        loop {
            let came = patience.wait_for(events.recv()).await;
            let came = came.ok_or_else(|| silent(idle, request_id.clone()))?;
            match came.map_err(|error| broken(&error, request_id.clone()))? {
                Some(ResponseStream::Chunk(part)) => {
                    let bytes = part.bytes.map(Blob::into_inner).unwrap_or_default();
                    if let Err(error) = chunks.take(&bytes) {
                        return Err(fault(error, chunks.raw, request_id));
                    }
                }
                // Kinds of events that this version does not know are none of an answer's.
                Some(_) => {}
                None => return self.finish(chunks, served, request_id),
            }
        }
    }

    fn finish(
        &self,
        chunks: Chunks,
        served: Served,
        request_id: Option<String>,
    ) -> Result<Reply, Fault> {
        let Chunks {
            assembly,
            raw,
            first_token,
            ..
        } = chunks;
        match assembly.finish() {
            Ok(whole) => {
                let body = Bytes::from(whole.body.to_string());
                let reply = self.reply(whole.reading, served, request_id, body);
                Ok(Reply {
                    first_token,
                    ..reply
                })
            }
            Err(error) => Err(fault(error.into(), raw, request_id)),
        }
    }
}

/// How long a stream may say nothing. One timer serves all chunks: it is only looked at when it
/// fires, and most streams end before that.
struct Patience {
    idle: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    fn new(idle: Duration) -> Self {
        Self {
            idle,
            timer: Box::pin(sleep(idle)),
        }
    }

    /// What comes next; `None` if nothing does for too long.
    async fn wait_for<T>(&mut self, next: impl Future<Output = T>) -> Option<T> {
        let began = Instant::now();
        let mut next = pin!(next);
        loop {
            tokio::select! {
                biased;
                came = &mut next => return Some(came),
                () = self.timer.as_mut() => {
                    let end = began + self.idle;
                    if end <= Instant::now() {
                        return None;
                    }
                    self.timer.as_mut().reset(end);
                }
            }
        }
    }
}

/// Why a chunk is no part of an answer.
#[derive(Debug, thiserror::Error)]
enum ChunkError {
    #[error("a chunk is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("{}", wire::too_long())]
    TooLong,
}

impl Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<(), ChunkError> {
        if 1 < self.raw.len() {
            self.raw.push(b',');
        }
        if wire::LONGEST_ANSWER < self.raw.len() + bytes.len() {
            return Err(ChunkError::TooLong);
        }
        self.raw.extend_from_slice(bytes);
        let chunk: Value = serde_json::from_slice(bytes)?;
        self.assembly.push(&chunk)?;
        if self.first_token.is_none() && self.assembly.has_words() {
            self.first_token = Some(self.sent.elapsed());
        }
        Ok(())
    }
}

fn fault(error: ChunkError, mut raw: Vec<u8>, request_id: Option<String>) -> Fault {
    let message = error.to_string();
    match error {
        ChunkError::Json(_) | ChunkError::Stream(StreamError::Misread(_)) => {
            raw.push(b']');
            not_understood(message, raw.into(), request_id)
        }
        ChunkError::TooLong => too_long(request_id),
        ChunkError::Stream(StreamError::BrokenOff { kind, message }) => Fault {
            status_code: Some(200),
            ..mid_stream(Some(&kind), MODEL_ERROR, &message, request_id)
        },
        ChunkError::Stream(StreamError::CutShort { .. }) => Fault {
            status_code: Some(200),
            maybe_billed: true,
            request_id,
            ..Fault::local(Category::Network, message)
        },
    }
}

fn too_long(request_id: Option<String>) -> Fault {
    Fault {
        status_code: Some(200),
        maybe_billed: true,
        request_id,
        ..Fault::local(Category::BadResponse, wire::too_long())
    }
}

/// An exception or a failure between two chunks.
fn broken<R>(error: &SdkError<ResponseStreamError, R>, request_id: Option<String>) -> Fault
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if wire::is_too_long(error) {
        return too_long(request_id);
    }
    let SdkError::ServiceError(refused) = error else {
        return Fault {
            maybe_billed: true,
            request_id,
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
        Some((_, code, status)) => mid_stream(Some(code), status, message, request_id),
        None => mid_stream(error.code(), 500, message, request_id),
    }
}

fn mid_stream(code: Option<&str>, status: u16, message: &str, request_id: Option<String>) -> Fault {
    Fault {
        maybe_billed: true,
        ..Fault::from_response(code, status, message, None, request_id)
    }
}

fn silent(idle: Duration, request_id: Option<String>) -> Fault {
    let message = format!("the stream said nothing for {} s", idle.as_secs());
    Fault {
        maybe_billed: true,
        request_id,
        ..Fault::local(Category::AttemptTimeout, message)
    }
}
