//! What an answer's headers say that the SDK has no name for.

use std::sync::{Arc, OnceLock};

use aws_sdk_bedrockruntime::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::BoxError;

use super::secrets::Secrets;
use crate::bedrock::emulated;
use crate::model::Usage;

/// Reads what the SDK does not model from the response's headers.
#[derive(Debug, Clone, Default)]
pub(super) struct ResponseHeaders(Arc<OnceLock<Headers>>, Arc<OnceLock<Secrets>>);

#[derive(Debug, Clone, Copy, Default)]
struct Headers {
    usage: Usage,
    latency_ms: Option<u64>,
    emulated: bool,
}

impl ResponseHeaders {
    pub(super) fn usage(&self) -> Usage {
        self.0.get().copied().unwrap_or_default().usage
    }

    pub(super) fn latency_ms(&self) -> Option<u64> {
        self.0.get().copied().unwrap_or_default().latency_ms
    }

    /// The credentials that the call carried.
    pub(super) fn secrets(&self) -> Secrets {
        self.1.get().cloned().unwrap_or_default()
    }

    pub(super) fn emulated(&self) -> bool {
        self.0.get().copied().unwrap_or_default().emulated
    }
}

impl Intercept for ResponseHeaders {
    fn name(&self) -> &'static str {
        "headers of the answer"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request().headers();
        let secrets = Secrets::of(
            headers.get("authorization"),
            headers.get("x-amz-security-token"),
        );
        // Set once, as below.
        let _ = self.1.set(secrets);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let number = |what: &str| headers.get(format!("x-amzn-bedrock-{what}"))?.parse().ok();
        // Set once: without the SDK's retry there is one response a call.
        let _ = self.0.set(Headers {
            usage: Usage::from_headers(
                number("input-token-count"),
                number("output-token-count"),
                number("cache-read-input-token-count"),
                number("cache-write-input-token-count"),
            ),
            latency_ms: number("invocation-latency"),
            emulated: headers.get("server").is_some_and(emulated::is_emulator),
        });
        Ok(())
    }
}
