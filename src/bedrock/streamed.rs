//! InvokeModelWithResponseStream: the same call, answered in chunks.
//!
//! What ends a stream early is never an answer: not an exception between two chunks, not a
//! connection that closes in good order before the family's own end, and not a silence. The model
//! has worked by then, so the call may have been billed.

use std::pin::pin;
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::ResponseStream;
use aws_sdk_bedrockruntime::types::error::ResponseStreamError;
use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::task::JoinSet;

use super::bad_stream::{BadStream, broken, fault, silent};
use super::chunks::{Chunks, array};
use super::faults::no_event_stream;
use super::stream_body::StreamBody;
use super::{Bedrock, BoundedAnswer, RawReply, ResponseHeaders};
use crate::alarm::Alarm;
use crate::bedrock::wire;
use crate::model::{Category, Fault, Reply, Request, Served};

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::family::Family;

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
