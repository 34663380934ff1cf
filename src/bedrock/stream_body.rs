//! The beginning of a streamed response, kept until it has shown that it is an event stream.
//!
//! A proxy's page or a whole JSON body may come with status 200 where a stream was asked for. The
//! decoder of the SDK then says no more than that a checksum is wrong, and what came is lost. So the
//! bytes are kept until the first event, and the rest is read if there is none.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};

use super::wire::LONGEST_ANSWER;

/// What the headers of an event say, and no page does.
const EVENT: &[u8] = b":message-type\x07";

/// The body of one streamed response, shared with the SDK, which reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamBody(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    body: Option<SdkBody>,
    /// What has come before the first event; `None` after it.
    kept: Option<Vec<u8>>,
}

impl StreamBody {
    /// The first event has come: nothing is kept any more.
    pub(super) fn is_event_stream(&self) {
        self.lock().kept = None;
    }

    /// All of a response that is no event stream: what the SDK has read of it, and the rest. `None`
    /// where events have come, or begin and are broken, or where the connection breaks.
    pub(super) async fn all(&self) -> Option<Bytes> {
        let (mut kept, body) = {
            let mut inner = self.lock();
            (inner.kept.take()?, inner.body.take())
        };
        let mut body = body.unwrap_or_else(SdkBody::empty);
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.ok()?.data_ref() {
                let room = LONGEST_ANSWER.saturating_sub(kept.len());
                kept.extend_from_slice(&data[..data.len().min(room)]);
                if room < data.len() {
                    break;
                }
            }
        }
        let is_begun = kept.windows(EVENT.len()).any(|part| part == EVENT);
        (!is_begun).then(|| kept.into())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic elsewhere leaves bytes as good as they were.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut inner = self.lock();
        let Inner { body, kept } = &mut *inner;
        let Some(body) = body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        match (kept.as_mut(), &polled) {
            (Some(bytes), Poll::Ready(Some(Ok(frame)))) => {
                bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            }
            (_, Poll::Ready(Some(Err(_)))) => *kept = None,
            (Some(_) | None, Poll::Ready(_) | Poll::Pending) => {}
        }
        polled
    }
}

impl Intercept for StreamBody {
    fn name(&self) -> &'static str {
        "beginning of a stream"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.status().is_success() {
            *self.lock() = Inner {
                body: Some(response.take_body()),
                kept: Some(Vec::new()),
            };
            *response.body_mut() = SdkBody::from_body_1_x(self.clone());
        }
        Ok(())
    }
}
