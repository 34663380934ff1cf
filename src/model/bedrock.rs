//! Amazon Bedrock over its SDK.
//!
//! The SDK's own retry is off. It would hide throttles from the pace, repeat calls that cost
//! quota, and give up after three attempts; `run::retry` decides instead.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{
    Builder, ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_sdk_bedrockruntime::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelError;
use aws_sdk_bedrockruntime::primitives::Blob;
use bytes::Bytes;

pub use super::aws::{Access, ConnectError};
use super::aws::{Rehearsal, causes, is_credentials};
use crate::model::catalog::{ModelFacts, Tier};
use crate::model::family::Family;
use crate::model::fault::Scope;
use crate::model::{Call, Category, Fault, Model, Reasoning, Reply, Usage};

/// What is called.
#[derive(Debug, Clone)]
pub struct Target {
    /// The model id as it goes on the wire.
    pub model_id: String,
    /// How its replies are read.
    pub family: Family,
    /// The request's Content-Type.
    pub content_type: String,
    /// The Accept header.
    pub accept: String,
    /// Whose work the bodies are.
    pub bodies: Bodies,
    /// Whether replies keep the reasoning before their answers.
    pub reasoning: Reasoning,
    /// Prices and limits, where they are known; `region` may change them.
    pub facts: Option<ModelFacts>,
}

/// Whose work the bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// All of one make: what the service refuses of one, it refuses of all.
    Built,
    /// Each row brought its own.
    OfRows,
}

/// A model on Amazon Bedrock.
#[derive(Debug)]
pub struct Bedrock {
    client: Client,
    target: Target,
}

impl Bedrock {
    /// Finds region, credentials and endpoint, and rehearses one call up to the moment it would
    /// leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(access: Access, target: Target) -> Result<Self, ConnectError> {
        let profile = access.profile();
        let config = Builder::from(&access.config().await?)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        let bedrock = Self {
            client: Client::from_conf(config),
            target,
        };
        let rehearsed = bedrock.rehearse().await;
        rehearsed.map_err(|error| error.in_profile(profile))?;
        Ok(bedrock)
    }

    /// Resolves endpoint and identity and signs a call, as the first row's call will, then lets
    /// go of it before a byte is sent.
    async fn rehearse(&self) -> Result<(), ConnectError> {
        let rehearsal = Rehearsal::default();
        let outcome = self
            .client
            .invoke_model()
            .model_id(&self.target.model_id)
            .customize()
            .interceptor(rehearsal.clone())
            .send()
            .await;
        rehearsal.verdict(outcome)
    }
}

impl Model for Bedrock {
    async fn invoke(&self, call: &Call) -> Result<Reply, Fault> {
        let counts = TokenHeaders::default();
        let sent = self
            .client
            .invoke_model()
            .model_id(&self.target.model_id)
            .content_type(&self.target.content_type)
            .accept(&self.target.accept)
            .body(Blob::new(call.body.as_ref()))
            .customize()
            .interceptor(counts.clone())
            .send()
            .await;
        let answer = sent.map_err(|error| self.fault(&error))?;
        let request_id = answer.request_id().map(str::to_owned);
        let raw = Bytes::from(answer.body.into_inner());
        self.read(raw, counts.usage(), request_id)
    }
}

impl Bedrock {
    fn read(&self, raw: Bytes, headers: Usage, request_id: Option<String>) -> Result<Reply, Fault> {
        let understood = serde_json::from_slice(&raw)
            .map_err(|error| format!("the answer is not JSON: {error}"))
            .and_then(|body| {
                self.target
                    .family
                    .read(&body)
                    .map_err(|misread| misread.to_string())
            });
        match understood {
            Ok(mut reading) => {
                reading.usage = reading.usage.or(headers);
                if self.target.reasoning == Reasoning::Dropped {
                    reading.reasoning = None;
                }
                let cost_usd = self.cost_usd(&reading.usage);
                Ok(Reply {
                    reading,
                    cost_usd,
                    request_id,
                    raw,
                })
            }
            Err(why) => Err(Fault {
                status_code: Some(200),
                request_id,
                raw: Some(raw),
                ..Fault::local(Category::BadResponse, why)
            }),
        }
    }
}

impl Bedrock {
    /// A body that a row brought says nothing about the other rows' bodies.
    fn fault(&self, error: &SdkError<InvokeModelError, HttpResponse>) -> Fault {
        let fault = fault(error);
        if self.target.bodies == Bodies::OfRows && fault.blames_body() {
            return Fault {
                scope: Scope::Row,
                ..fault
            };
        }
        fault
    }

    /// To ten places: what is behind them is the noise of floating point.
    fn cost_usd(&self, usage: &Usage) -> Option<f64> {
        let cost = self.target.facts.as_ref()?.cost_usd(usage, Tier::Default)?;
        Some((cost * 1e10).round() / 1e10)
    }
}

fn fault(error: &SdkError<InvokeModelError, HttpResponse>) -> Fault {
    let raw = error.raw_response();
    let header = |name| raw.and_then(|raw| raw.headers().get(name));
    let request_id = error.request_id().map(str::to_owned);
    let local = |category| Fault {
        request_id: request_id.clone(),
        ..Fault::local(category, causes(error))
    };
    match error {
        SdkError::ServiceError(refused) => Fault::from_response(
            refused.err().code(),
            refused.raw().status().as_u16(),
            refused.err().message().unwrap_or_default(),
            header("retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
            request_id,
        ),
        SdkError::ResponseError(_) => Fault {
            maybe_billed: true,
            ..local(Category::Network)
        },
        SdkError::TimeoutError(_) => Fault {
            maybe_billed: true,
            ..local(Category::AttemptTimeout)
        },
        SdkError::DispatchFailure(_) if is_credentials(error) => local(Category::Credentials),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            local(Category::InvalidRequest).job_wide()
        }
        SdkError::DispatchFailure(_) => local(Category::Network),
        SdkError::ConstructionFailure(_) => local(Category::InvalidRequest).job_wide(),
        _ => local(Category::Network),
    }
}

/// Reads the token counts that the SDK does not model from the response's headers.
#[derive(Debug, Clone, Default)]
struct TokenHeaders(Arc<OnceLock<Usage>>);

impl TokenHeaders {
    fn usage(&self) -> Usage {
        self.0.get().copied().unwrap_or_default()
    }
}

impl Intercept for TokenHeaders {
    fn name(&self) -> &'static str {
        "token headers"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let count = |what: &str| {
            headers
                .get(format!("x-amzn-bedrock-{what}-token-count"))?
                .parse()
                .ok()
        };
        // Set once: without the SDK's retry there is one response a call.
        let _ = self.0.set(Usage::from_headers(
            count("input"),
            count("output"),
            count("cache-read-input"),
            count("cache-write-input"),
        ));
        Ok(())
    }
}
