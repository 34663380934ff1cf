//! HTTP in and out: paths, headers, bodies of requests; replies as the service sends them.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};

use super::refusal::Refusal;

/// The largest body the service takes (botocore 1.44.5, `Body`).
const MAX_BODY_BYTES: usize = 25_000_000;

/// Where coral, the service's framework, says its exceptions come from; clients cut it off.
const ERROR_ORIGIN: &str = ":http://internal.amazon.com/coral/com.amazon.bedrock/";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const INPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-input-token-count");
const OUTPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-output-token-count");
const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-invocation-latency");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// What the reply's headers say about an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metrics {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) latency: Duration,
}

/// The model id of an InvokeModel request that is fit to be read further.
pub(super) fn model_id<B>(request: &Request<B>) -> Result<String, Refusal> {
    let path = request.uri().path();
    let operation = path
        .strip_prefix("/model/")
        .and_then(|rest| rest.rsplit_once('/'));
    let id = match operation {
        Some((id, "invoke")) if request.method() == Method::POST => id,
        Some((_, "invoke-with-response-stream")) => {
            let message = "streaming is not emulated yet; use InvokeModel";
            return Err(Refusal::new(400, "UnknownOperationException", message));
        }
        Some(_) | None => {
            let message = "the emulator answers POST /model/{id}/invoke";
            return Err(Refusal::new(404, "UnknownOperationException", message));
        }
    };
    authorized(request.headers())?;
    typed(request.headers())?;
    decode(id).ok_or_else(Refusal::unknown_model)
}

/// Any signature and any bearer token will do, but there must be one.
fn authorized(headers: &HeaderMap) -> Result<(), Refusal> {
    let authorization = headers
        .get(AUTHORIZATION)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if authorization.starts_with(b"AWS4-HMAC-SHA256 ") || authorization.starts_with(b"Bearer ") {
        return Ok(());
    }
    let message = "Missing Authentication Token";
    Err(Refusal::new(
        403,
        "MissingAuthenticationTokenException",
        message,
    ))
}

fn typed(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if kind.starts_with(b"application/json") {
        return Ok(());
    }
    let message = "The provided Content-Type is invalid or not supported for this model";
    Err(Refusal::validation(message))
}

/// Undoes percent-encoding; nothing when it is broken or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// The whole body. One that is too large is read to its end all the same, so that the client gets
/// to hear of it; `None` when the client hung up.
pub(super) async fn read_body(mut body: Incoming) -> Option<Result<Bytes, Refusal>> {
    let mut whole = BytesMut::new();
    let mut too_large = false;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if body.is_end_stream() && whole.is_empty() && data.len() <= MAX_BODY_BYTES {
            return Some(Ok(data)); // the usual case: one frame, nothing to copy
        }
        too_large |= MAX_BODY_BYTES < whole.len() + data.len();
        if !too_large {
            whole.extend_from_slice(&data);
        }
    }
    if too_large {
        let message = "Request body is larger than the 25000000 bytes allowed.";
        return Some(Err(Refusal::new(
            413,
            "RequestEntityTooLargeException",
            message,
        )));
    }
    Some(Ok(whole.freeze()))
}

/// An answer with its metrics.
pub(super) fn answered(body: Vec<u8>, metrics: Metrics) -> Response<Sent> {
    let latency_ms = u64::try_from(metrics.latency.as_millis()).unwrap_or(u64::MAX);
    let mut reply = reply(StatusCode::OK, JSON, body.into());
    let headers = reply.headers_mut();
    headers.insert(INPUT_TOKENS, metrics.input_tokens.into());
    headers.insert(OUTPUT_TOKENS, metrics.output_tokens.into());
    headers.insert(LATENCY, latency_ms.into());
    reply
}

/// An error in the service's shape.
pub(super) fn refused(refusal: &Refusal) -> Response<Sent> {
    let body = serde_json::json!({"message": refusal.message}).to_string();
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = reply(status, JSON, body.into());
    let origin = format!("{}{ERROR_ORIGIN}", refusal.code);
    if let Ok(origin) = HeaderValue::try_from(origin) {
        reply.headers_mut().insert(ERROR_TYPE, origin);
    }
    with_retry_after(reply, refusal.retry_after_s)
}

/// A page a proxy might answer with, when it cannot reach the service.
pub(super) fn html_502(retry_after_s: Option<u32>) -> Response<Sent> {
    let page = Bytes::from_static(b"<html><body><h1>502 Bad Gateway</h1></body></html>\n");
    let mut reply = reply(StatusCode::BAD_GATEWAY, HTML, page);
    reply.headers_mut().remove(REQUEST_ID);
    with_retry_after(reply, retry_after_s)
}

fn with_retry_after(mut reply: Response<Sent>, seconds: Option<u32>) -> Response<Sent> {
    if let Some(seconds) = seconds {
        reply.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    reply
}

fn reply(status: StatusCode, kind: HeaderValue, body: Bytes) -> Response<Sent> {
    let mut reply = Response::new(Sent::whole(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    if let Ok(id) = HeaderValue::try_from(request_id()) {
        reply.headers_mut().insert(REQUEST_ID, id);
    }
    reply
}

/// A name for a request, in the form of a UUID.
fn request_id() -> String {
    let n = fastrand::u128(..);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        n >> 96,
        (n >> 80) & 0xffff,
        (n >> 64) & 0xfff,
        (n >> 48) & 0xfff,
        n & 0xffff_ffff_ffff
    )
}

/// A reply's body: whole, or broken off halfway.
#[derive(Debug)]
pub(super) struct Sent {
    data: Bytes,
    promised: u64,
    left: Left,
}

/// What is still to be done for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Data,
    HalfThenBreak,
    Flush,
    Break,
    Nothing,
}

/// The scenario closes the connection here.
#[derive(Debug, thiserror::Error)]
#[error("the scenario closes this connection")]
pub(super) struct HangUp;

impl Sent {
    fn whole(data: Bytes) -> Self {
        let promised = data.len() as u64;
        let left = if data.is_empty() {
            Left::Nothing
        } else {
            Left::Data
        };
        Self {
            data,
            promised,
            left,
        }
    }

    /// Breaks the body off in its middle, after promising all of it.
    pub(super) fn broken(mut self) -> Self {
        self.left = Left::HalfThenBreak;
        self
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        match self.left {
            Left::Data => {
                self.left = Left::Nothing;
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))))
            }
            Left::HalfThenBreak => {
                self.left = Left::Flush;
                let middle = self.data.len() / 2;
                let half = self.data.split_to(middle);
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Left::Flush => {
                self.left = Left::Break; // hyper writes what it holds when a body has to wait
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Left::Break => Poll::Ready(Some(Err(HangUp))),
            Left::Nothing => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == Left::Nothing
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
