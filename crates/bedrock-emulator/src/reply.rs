//! HTTP responses as the service sends them.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use hyper::{Response, StatusCode};

use super::prompt_cache::Cached;
use super::reply_body::ReplyBody;
use super::service_error::ServiceError;

/// The suffix that the service's framework adds to the names of exceptions; clients cut it off.
const ERROR_ORIGIN: &str = ":http://internal.amazon.com/coral/com.amazon.bedrock/";

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
pub(super) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const INPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-input-token-count");
const OUTPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-output-token-count");
const CACHE_READ: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-cache-read-input-token-count");
const CACHE_WRITE: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-cache-write-input-token-count");
const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-invocation-latency");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const JSON_1_1: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("application/vnd.amazon.eventstream");
const CHUNK_TYPE: HeaderName = HeaderName::from_static("x-amzn-bedrock-content-type");
/// The `server` header, by which clients can recognize emulated responses.
const EMULATOR: HeaderValue = HeaderValue::from_static("promptmill-emulator");
const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// What the headers of a response report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metrics {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// Whether the token counts are reported: they are not when a guardrail responds.
    pub(super) counted: bool,
    /// Until the last token.
    pub(super) latency: Duration,
    /// Until the first token.
    pub(super) first: Duration,
    /// Tokens read from the prompt cache or written to it.
    pub(super) cached: Cached,
}

impl Metrics {
    /// Input tokens that were neither read from the cache nor written to it.
    pub(super) fn fresh_tokens(self) -> u64 {
        self.input_tokens.saturating_sub(self.cached.tokens())
    }
}

/// A success with its metrics.
pub(super) fn answered(body: Vec<u8>, metrics: Metrics) -> Response<ReplyBody> {
    let latency_ms = u64::try_from(metrics.latency.as_millis()).unwrap_or(u64::MAX);
    let mut reply = reply(StatusCode::OK, JSON, body.into());
    let headers = reply.headers_mut();
    headers.insert(LATENCY, latency_ms.into());
    if !metrics.counted {
        return reply;
    }
    headers.insert(INPUT_TOKENS, metrics.fresh_tokens().into());
    if 0 < metrics.cached.tokens() {
        headers.insert(CACHE_READ, metrics.cached.read.into());
        headers.insert(CACHE_WRITE, metrics.cached.written.into());
    }
    headers.insert(OUTPUT_TOKENS, metrics.output_tokens.into());
    reply
}

/// A success that is streamed.
pub(super) fn streamed(body: ReplyBody) -> Response<ReplyBody> {
    let mut reply = reply(StatusCode::OK, EVENT_STREAM, Bytes::new());
    reply.headers_mut().insert(CHUNK_TYPE, JSON);
    reply.map(|_| body)
}

/// An error in the service's shape.
pub(super) fn rejected(error: &ServiceError) -> Response<ReplyBody> {
    let body = serde_json::json!({"message": error.message}).to_string();
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = reply(status, JSON, body.into());
    let origin = format!("{}{ERROR_ORIGIN}", error.code);
    if let Ok(origin) = HeaderValue::try_from(origin) {
        reply.headers_mut().insert(ERROR_TYPE, origin);
    }
    with_retry_after(reply, error.retry_after_s)
}

/// A success with a JSON body and no metrics.
pub(super) fn json(body: &serde_json::Value) -> Response<ReplyBody> {
    reply(StatusCode::OK, JSON, body.to_string().into())
}

/// A response in the JSON 1.1 protocol.
pub(super) fn json_1_1(answer: Result<serde_json::Value, ServiceError>) -> Response<ReplyBody> {
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(error) => {
            let body = serde_json::json!({"__type": error.code, "message": error.message});
            (error.status, body)
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply(status, JSON_1_1, body.to_string().into())
}

/// The page of a proxy that cannot reach the service.
pub(super) fn html_502(retry_after_s: Option<u32>) -> Response<ReplyBody> {
    let page = Bytes::from_static(b"<html><body><h1>502 Bad Gateway</h1></body></html>\n");
    let mut reply = reply(StatusCode::BAD_GATEWAY, HTML, page);
    reply.headers_mut().remove(REQUEST_ID);
    with_retry_after(reply, retry_after_s)
}

fn with_retry_after(mut reply: Response<ReplyBody>, seconds: Option<u32>) -> Response<ReplyBody> {
    if let Some(seconds) = seconds {
        reply.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    reply
}

fn reply(status: StatusCode, kind: HeaderValue, body: Bytes) -> Response<ReplyBody> {
    let mut reply = Response::new(ReplyBody::whole(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(SERVER, EMULATOR);
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    if let Ok(id) = HeaderValue::try_from(request_id()) {
        reply.headers_mut().insert(REQUEST_ID, id);
    }
    reply
}

/// A request id in the form of a UUID.
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
