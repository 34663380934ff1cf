//! Amazon Bedrock over its SDK.
//!
//! The SDK's own retry is off (see `client`). It would hide throttles from the pace, repeat calls
//! that cost quota, and give up after three attempts; `run::retry` decides instead.

/// Both operations take the same headers, through builders that have no trait in common.
macro_rules! addressed {
    ($operation:expr, $target:expr, $call:expr) => {{
        let terms = &$target.terms;
        let guardrail = terms.guardrail.as_ref();
        $operation
            .model_id(&$target.model_id)
            .content_type(&$target.content_type)
            .accept(&$target.accept)
            .set_guardrail_identifier(guardrail.map(|it| it.id.clone()))
            .set_guardrail_version(guardrail.map(|it| it.version.clone()))
            .set_trace(terms.trace.as_deref().map(Into::into))
            .set_performance_config_latency(terms.latency.as_deref().map(Into::into))
            .set_service_tier(terms.tier.map(|tier| tier.as_str().into()))
            .set_request_metadata(terms.request_metadata.clone())
            .body(Blob::new($call.body.as_ref()))
    }};
}

mod streamed;

use std::sync::{Arc, OnceLock};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::primitives::Blob;
use bytes::Bytes;
use jiff::Timestamp;

pub use super::aws::{Access, ConnectError};
use super::aws::{Rehearsal, causes, is_credentials};
use super::client::Clients;
use super::emulated;
use super::retry_after::retry_after;
use super::wire::{self, BoundedAnswer};
use crate::model::catalog::{Bill, ModelFacts, Tier};
use crate::model::family::{Family, NoAnswer};
use crate::model::fault::Scope;
use crate::model::{
    Call, Category, Delivery, Fault, Model, Reading, Reasoning, Reply, Served, Terms, Usage,
};

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
    /// What is asked beside the body.
    pub terms: Terms,
    /// How the answers come.
    pub delivery: Delivery,
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
    clients: Clients,
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
        let bedrock = Self {
            clients: Clients::new(access).await?,
            target,
        };
        let rehearsed = bedrock.rehearse().await;
        rehearsed.map_err(|error| error.in_profile(profile))?;
        Ok(bedrock)
    }

    /// The region that is called.
    pub async fn region(&self) -> Result<String, ConnectError> {
        let (client, _) = self.clients.current().await?;
        let region = client.config().region();
        Ok(region.map(ToString::to_string).unwrap_or_default())
    }

    /// Resolves endpoint and identity and signs a call, as the first row's call will, then lets
    /// go of it before a byte is sent.
    async fn rehearse(&self) -> Result<(), ConnectError> {
        let rehearsal = Rehearsal::default();
        let (client, _) = self.clients.current().await?;
        let outcome = client
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
        let (client, number) = self.clients.current().await.map_err(no_client)?;
        let heard = Heard::default();
        let mut outcome = match self.target.delivery {
            Delivery::Whole => self.invoke_whole(&client, call, &heard).await,
            Delivery::Streamed { idle } => self.invoke_streamed(&client, call, idle, &heard).await,
        };
        match &mut outcome {
            Ok(reply) => reply.served.emulated = heard.emulated(),
            Err(fault) => fault.emulated = heard.emulated(),
        }
        if outcome.as_ref().is_err_and(Fault::may_be_renewed) {
            self.clients.expired(number).await;
        }
        outcome
    }
}

impl Bedrock {
    async fn invoke_whole(
        &self,
        client: &Client,
        call: &Call,
        heard: &Heard,
    ) -> Result<Reply, Fault> {
        let sent = addressed!(client.invoke_model(), self.target, call)
            .customize()
            .interceptor(BoundedAnswer::WHOLE)
            .interceptor(heard.clone())
            .send()
            .await;
        let answer = sent.map_err(|error| self.fault(&error))?;
        let served = Served {
            tier: answer.service_tier.as_ref().map(ToString::to_string),
            latency_mode: answer
                .performance_config_latency
                .as_ref()
                .map(ToString::to_string),
            latency_ms: heard.latency_ms(),
            ..Served::default()
        };
        let request_id = answer.request_id().map(str::to_owned);
        let raw = Bytes::from(answer.body.into_inner());
        self.read(call, raw, heard.usage(), served, request_id)
    }

    fn read(
        &self,
        call: &Call,
        raw: Bytes,
        headers: Usage,
        served: Served,
        request_id: Option<String>,
    ) -> Result<Reply, Fault> {
        let no_answer = match serde_json::from_slice(&raw) {
            Ok(body) => match self.target.family.read(&body) {
                Ok(mut reading) => {
                    reading.usage = reading.usage.or(headers);
                    let request = Some(call.body.as_ref());
                    let bill = self.target.family.bill_of_answer(request, &reading);
                    return Ok(self.billed(bill, reading, served, request_id, raw));
                }
                Err(error) => no_answer(error, raw),
            },
            Err(error) => not_understood(format!("the answer is not JSON: {error}"), raw),
        };
        Err(Fault {
            request_id,
            ..no_answer
        })
    }

    /// A streamed answer is text, which is billed by tokens.
    fn reply(
        &self,
        reading: Reading,
        served: Served,
        request_id: Option<String>,
        raw: Bytes,
    ) -> Reply {
        self.billed(Some(Bill::TOKENS), reading, served, request_id, raw)
    }

    fn billed(
        &self,
        bill: Option<Bill>,
        mut reading: Reading,
        served: Served,
        request_id: Option<String>,
        raw: Bytes,
    ) -> Reply {
        let tier = served.tier.as_deref().and_then(Tier::parse);
        let tier = tier.or(self.target.terms.tier).unwrap_or_default();
        if self.target.reasoning == Reasoning::Dropped {
            reading.reasoning = None;
        }
        Reply {
            cost_usd: bill.and_then(|bill| self.cost_usd(&bill, &reading.usage, tier)),
            reading,
            request_id,
            served,
            first_token: None,
            raw,
        }
    }
}

/// A reply that is no answer. A model that failed may do better the next time.
fn no_answer(error: NoAnswer, raw: Bytes) -> Fault {
    let why = error.to_string();
    match error {
        NoAnswer::Misread(_) => not_understood(why, raw),
        NoAnswer::Failed { word } => Fault {
            category: Category::ModelError,
            code: Some(word),
            ..not_understood(why, raw)
        },
    }
}

/// An answer that came, was paid for and says nothing to us; it is kept as it is.
fn not_understood(why: String, raw: Bytes) -> Fault {
    Fault {
        status_code: Some(200),
        raw: Some(raw),
        maybe_billed: true,
        ..Fault::local(Category::BadResponse, why)
    }
}

impl Bedrock {
    fn fault<E>(&self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        self.blame(fault(error))
    }

    /// A body that a row brought says nothing about the other rows' bodies.
    fn blame(&self, fault: Fault) -> Fault {
        if self.target.bodies == Bodies::OfRows && fault.blames_body() {
            return Fault {
                scope: Scope::Row,
                ..fault
            };
        }
        fault
    }

    /// To ten places: what is behind them is the noise of floating point.
    fn cost_usd(&self, bill: &Bill, usage: &Usage, tier: Tier) -> Option<f64> {
        let facts = self.target.facts.as_ref()?;
        let cost = facts.billed_usd(bill, usage, tier)?;
        Some((cost * 1e10).round() / 1e10)
    }
}

/// The chain does not even lead to credentials any more.
fn no_client(error: ConnectError) -> Fault {
    Fault::local(Category::Credentials, error.to_string())
}

fn fault<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let raw = error.raw_response();
    let header = |name| raw.and_then(|raw| raw.headers().get(name));
    let request_id = header("x-amzn-requestid").map(str::to_owned);
    let local = |category| Fault {
        request_id: request_id.clone(),
        ..Fault::local(category, causes(error))
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
            let message = match error.err().message() {
                Some(message) if !message.is_empty() => message.to_owned(),
                Some(_) | None => wire::unsigned(error.raw()),
            };
            refused(error.err().code(), error.raw(), &message)
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

/// Reads what the SDK does not model from the response's headers.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<OnceLock<Headers>>);

#[derive(Debug, Clone, Copy, Default)]
struct Headers {
    usage: Usage,
    latency_ms: Option<u64>,
    emulated: bool,
}

impl Heard {
    fn usage(&self) -> Usage {
        self.0.get().copied().unwrap_or_default().usage
    }

    fn latency_ms(&self) -> Option<u64> {
        self.0.get().copied().unwrap_or_default().latency_ms
    }

    fn emulated(&self) -> bool {
        self.0.get().copied().unwrap_or_default().emulated
    }
}

impl Intercept for Heard {
    fn name(&self) -> &'static str {
        "headers of the answer"
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::fault::Verdict;

    #[test]
    fn a_model_that_stopped_with_an_error_is_asked_again_and_its_body_kept() {
        for word in ["malformed_model_output", "malformed_tool_use"] {
            let body = json!({"content": [{"type": "text", "text": "I"}], "stop_reason": word});
            let error = Family::ClaudeMessages.read(&body).expect_err(word);
            let fault = no_answer(error, body.to_string().into());
            assert_eq!(fault.category, Category::ModelError, "{word}");
            assert_eq!(fault.verdict(), Verdict::Retry, "{word}");
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
