//! InvokeModelWithResponseStream: the same call, answered in chunks.
//!
//! What ends a stream early is never an answer: not an exception between two chunks, not a
//! connection that closes in good order before the family's own end, and not a silence. The model
//! has worked by then, so the call may have been billed.

use std::ops::Range;
use std::pin::pin;
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::ResponseStream;
use aws_sdk_bedrockruntime::types::error::ResponseStreamError;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::faults::{no_answer, no_event_stream, not_understood, retried, too_many_values};
use super::stream_body::StreamBody;
use super::{Bedrock, BoundedAnswer, RawReply, ResponseHeaders};
use crate::alarm::Alarm;
use crate::bedrock::error::causes;
use crate::bedrock::wire;
use crate::family::{Assembly, StreamError};
use crate::json_cost::TooManyValues;
use crate::model::{Category, Fault, Reply, Request, Served};

/// The status of what a provider says within a chunk without one: it is the model's failure.
const MODEL_ERROR: u16 = 424;

/// How long a stream may say nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Before its first event.
    pub(super) first: Duration,
    /// Between two events.
    pub(super) next: Duration,
}

impl Bedrock {
    pub(super) async fn invoke_streamed(
        &self,
        client: &Client,
        call: &Request,
        patience: Patience,
        headers: &ResponseHeaders,
    ) -> Result<Reply, Fault> {
        let family = self.target.family;
        let assembly = family.assemble().ok_or_else(|| {
            let message = format!("the layout `{}` does not stream", family.name());
            Fault::local(Category::InvalidRequest, message).job_wide()
        })?;
        let chunks = Chunks::new(assembly);
        let body = StreamBody::default();
        let operation = client.invoke_model_with_response_stream();
        let asked = addressed!(operation, self.target, call)
            .customize()
            .interceptor(BoundedAnswer::STREAMED)
            .interceptor(body.clone())
            .interceptor(headers.clone())
            .send();
        // Its room is given back before the chunks come.
        let begun = Alarm::after(patience.first)
            .or(Box::pin(asked))
            .await
            .ok_or_else(|| silent(patience.first))?;
        let stream = begun.map_err(|error| self.fault(&error))?;
        let request_id = stream.request_id().map(str::to_owned);
        let mut served = Served {
            tier: stream.service_tier.as_ref().map(ToString::to_string),
            latency_mode: stream
                .performance_config_latency
                .as_ref()
                .map(ToString::to_string),
            emulated: headers.emulated(),
            latency_ms: None,
        };
        let (mut chunks, received) = apart(stream.body, chunks, body.clone(), patience).await;
        if chunks.ends.is_empty()
            && received
                .as_ref()
                .err()
                .is_none_or(BadStream::is_undecodable)
            && let Some(Some(raw)) = Alarm::after(patience.next).or(pin!(body.all())).await
        {
            let whole = RawReply {
                raw,
                usage: headers.usage(),
                served,
                request_id,
                room: None,
            };
            return self.not_streamed(call, whole, received.err()).await;
        }
        // A provider that breaks off does so before whatever broke the stream after it.
        let whole = chunks.read().and(received);
        let Chunks {
            assembly,
            raw,
            ends,
            first_token,
            ..
        } = chunks;
        match whole.and_then(|()| Ok(assembly.finish()?)) {
            Ok(whole) => {
                let reading = self.target.finished(whole.parsed, &whole.body);
                let body = Bytes::from(whole.body.to_string());
                served.latency_ms = whole.latency_ms;
                Ok(Reply {
                    first_token,
                    ..self.reply(reading, served, request_id, body)
                })
            }
            Err(error) => Err(self.blame(Fault {
                request_id,
                ..fault(error, || array(raw, &ends).into())
            })),
        }
    }
}

impl Bedrock {
    /// A response without any event. A whole JSON body in the place of a stream is read as one; all
    /// else was put there by something on the way, which may be gone the next time.
    async fn not_streamed(
        &self,
        call: &Request,
        whole: RawReply,
        error: Option<BadStream>,
    ) -> Result<Reply, Fault> {
        if serde_json::from_slice::<IgnoredAny>(&whole.raw).is_ok() {
            return self.read_in_turn(call, whole).await;
        }
        let why = error.map_or_else(
            || "it ends before its first event".to_owned(),
            |error| error.to_string(),
        );
        Err(Fault {
            request_id: whole.request_id,
            ..no_event_stream(&why, whole.raw)
        })
    }
}

/// Takes in what comes in a task of its own, which ends with whoever waits here. So a chunk wakes
/// that, and nothing else of the attempt is looked at for it.
async fn apart(
    events: EventReceiver<ResponseStream, ResponseStreamError>,
    mut chunks: Chunks,
    body: StreamBody,
    patience: Patience,
) -> (Chunks, Result<(), BadStream>) {
    let mut receiving = JoinSet::new();
    receiving.spawn(async move {
        let received = receive(events, &mut chunks, &body, patience).await;
        (chunks, received)
    });
    match receiving.join_next().await {
        Some(Ok(received)) => received,
        // A bug of ours stays one of the attempt.
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => unreachable!("there is a task to wait for"),
    }
}

/// Takes in what comes, until the stream closes in good order.
async fn receive(
    mut events: EventReceiver<ResponseStream, ResponseStreamError>,
    chunks: &mut Chunks,
    body: &StreamBody,
    patience: Patience,
) -> Result<(), BadStream> {
    let mut allowed = patience.first;
    let mut silence = Alarm::after(allowed);
    loop {
        let raw_reply = silence.or(pin!(events.recv())).await;
        match allowed == patience.next {
            true => silence.put_off(allowed),
            // It would ring too late: an alarm is only put off.
            false => silence = Alarm::after(patience.next),
        }
        let raw_reply = raw_reply.ok_or_else(|| silent(allowed))?;
        allowed = patience.next;
        match raw_reply {
            Ok(Some(ResponseStream::Chunk(part))) => {
                if chunks.ends.is_empty() {
                    body.is_event_stream();
                }
                chunks.take(part.bytes.as_ref().map_or(&[], Blob::as_ref))?;
            }
            // Kinds of events that this version does not know are none of an answer's.
            Ok(Some(_)) => body.is_event_stream(),
            Ok(None) => return Ok(()),
            Err(error) if wire::is_too_long(&error) => return Err(BadStream::TooLong),
            Err(error) => return Err(broken(&error).into()),
        }
    }
}

/// Chunks as they come. They are read at once until there are words, for the time of the first;
/// from then on many together, because a processor that turns to another stream after each has
/// forgotten how.
struct Chunks {
    assembly: Assembly,
    /// All of them, as in a JSON array that is still open, in case they make no response.
    raw: Vec<u8>,
    /// Where in it each of them ends.
    ends: Vec<usize>,
    /// How many of them have been read.
    read: usize,
    sent: Instant,
    first_token: Option<Duration>,
}

impl Chunks {
    /// The most chunks that are read together: enough for the processor, few for the memory.
    const TOGETHER: usize = 256;

    fn new(assembly: Assembly) -> Self {
        Self {
            assembly,
            raw: b"[".to_vec(),
            ends: Vec::new(),
            read: 0,
            sent: Instant::now(),
            first_token: None,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), BadStream> {
        if 1 < self.raw.len() {
            self.raw.push(b',');
        }
        let end = self.raw.len() + bytes.len();
        if wire::LONGEST_ANSWER < end {
            return Err(BadStream::TooLong);
        }
        self.raw.extend_from_slice(bytes);
        self.ends.push(end);
        if self.first_token.is_none() {
            self.read()?;
            let has_words = self.assembly.has_words();
            self.first_token = has_words.then(|| self.sent.elapsed());
        } else if Self::TOGETHER <= self.ends.len() - self.read {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), BadStream> {
        while self.read < self.ends.len() {
            let chunk = &self.raw[range(&self.ends, self.read)];
            self.read += 1;
            self.assembly.push(chunk)?;
        }
        Ok(())
    }
}

/// Where the chunk of this number stands: each is behind a bracket or a comma.
fn range(ends: &[usize], number: usize) -> Range<usize> {
    let before = number.checked_sub(1).map_or(0, |before| ends[before]);
    before + 1..ends[number]
}

/// All chunks in a JSON array. One that is not JSON is a text there.
fn array(mut raw: Vec<u8>, ends: &[usize]) -> Vec<u8> {
    let chunks = || (0..ends.len()).map(|number| &raw[range(ends, number)]);
    let is_json = |chunk: &[u8]| serde_json::from_slice::<IgnoredAny>(chunk).is_ok();
    if chunks().all(is_json) {
        raw.push(b']');
        return raw;
    }
    let written = chunks().map(|chunk| match is_json(chunk) {
        true => chunk.to_vec(),
        false => Value::from(String::from_utf8_lossy(chunk))
            .to_string()
            .into(),
    });
    let written: Vec<Vec<u8>> = written.collect();
    [b"[".as_slice(), &written.join(&b','), b"]"].concat()
}

/// Why a stream is no answer.
#[derive(Debug, thiserror::Error)]
enum BadStream {
    #[error(transparent)]
    Chunk(#[from] StreamError),
    #[error("{}", wire::too_long())]
    TooLong,
    #[error("{}", .0.message)]
    Stopped(Box<Fault>),
}

impl BadStream {
    /// Whether the bytes that came are no events, or the connection broke.
    fn is_undecodable(&self) -> bool {
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
fn fault(error: BadStream, raw: impl FnOnce() -> Bytes) -> Fault {
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
fn broken<R>(error: &SdkError<ResponseStreamError, R>) -> Fault
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

fn silent(idle: Duration) -> Fault {
    let message = format!("the stream said nothing for {} s", idle.as_secs());
    Fault {
        maybe_billed: true,
        ..Fault::local(Category::AttemptTimeout, message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::family::Family;

    #[test]
    fn chunks_are_kept_as_a_json_array_whatever_they_are() {
        for (chunks, kept) in [
            (&[][..], "[]"),
            (&["{\"a\":1}"], "[{\"a\":1}]"),
            (&["{\"a\":1}", "7", "[]"], "[{\"a\":1},7,[]]"),
            (&["{\"a\":1}", "<p>", ""], "[{\"a\":1},\"<p>\",\"\"]"),
        ] {
            let mut taken = Chunks::new(Family::Llama3.assemble().unwrap());
            for chunk in chunks {
                taken.take(chunk.as_bytes()).unwrap();
            }
            let array = array(taken.raw, &taken.ends);
            assert_eq!(String::from_utf8(array).unwrap(), kept);
        }
    }

    #[test]
    fn a_stream_of_too_many_values_is_final_and_is_not_called_broken_json() {
        let many = format!("{{\"a\":[{}0]}}", "0,".repeat(200_000));
        let mut chunks = Chunks::new(Family::Llama3.assemble().unwrap());
        chunks.take(many.as_bytes()).unwrap();
        let error = chunks.assembly.finish().unwrap_err();
        let fault = fault(error.into(), Bytes::new);
        assert_eq!(fault.verdict, Category::BadResponse.verdict());
        let said = "the response cannot be parsed: it has too many values";
        assert!(fault.message.contains(said), "{}", fault.message);
    }

    /// The result of a stream of `family` that breaks off with `said`.
    #[track_caller]
    fn check(family: Family, said: Value, told: &str) {
        let mut chunks = Chunks::new(family.assemble().unwrap());
        let taken = chunks.take(said.to_string().as_bytes());
        let error = taken
            .and_then(|()| chunks.read())
            .expect_err("it broke off");
        let fault = fault(error, Bytes::new);
        let found = format!(
            "{} {} {:?}: {}",
            fault.category.as_str(),
            fault.status_code.unwrap_or_default(),
            fault.verdict,
            fault.message
        );
        assert_eq!(found, told, "{said}");
        assert!(fault.maybe_billed, "the model has worked: {said}");
    }

    #[test]
    fn what_a_provider_says_within_a_chunk_keeps_its_class() {
        let claude = |kind: &str, told: &str| {
            let error = json!({"type": kind, "message": "so it is"});
            let chunk = json!({"type": "error", "error": error});
            check(Family::ClaudeMessages, chunk, told);
        };
        claude("overloaded_error", "unavailable 200 Retry: so it is");
        claude("rate_limit_error", "throttled 200 Retry: so it is");
        claude("api_error", "server_error 200 Retry: so it is");
        claude("timeout_error", "model_timeout 200 Retry: so it is");
        claude(
            "invalid_request_error",
            "invalid_request 200 RowFailed: so it is",
        );
        claude(
            "request_too_large",
            "request_too_large 200 RowFailed: so it is",
        );
        claude("some_new_error", "model_error 200 Retry: so it is");
    }

    #[test]
    fn openais_errors_may_have_a_status_a_word_or_only_a_text() {
        for family in [Family::OpenaiChat, Family::TextCompletion] {
            let openai = |error: Value, told: &str| check(family, json!({"error": error}), told);
            openai(
                json!({"type": "server_error", "code": 503, "message": "busy"}),
                "server_error 503 Retry: busy",
            );
            openai(
                json!({"type": "BadRequestError", "code": 400, "message": "no"}),
                "invalid_request 400 RowFailed: no",
            );
            openai(
                json!({"code": 429, "message": "slow down"}),
                "throttled 429 Retry: slow down",
            );
            openai(
                json!({"type": "tokens", "code": "rate_limit_exceeded", "message": "wait"}),
                "throttled 200 Retry: wait",
            );
            let long = "This model's maximum context length is 9 tokens";
            openai(
                json!({"type": "invalid_request_error", "code": "context_length_exceeded", "message": long}),
                &format!("context_window 200 RowFailed: {long}"),
            );
            openai(
                json!("the engine died"),
                "model_error 200 Retry: the engine died",
            );
            openai(json!({}), "model_error 200 Retry: it does not say why");
        }
    }
}
