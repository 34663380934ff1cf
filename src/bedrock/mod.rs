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

mod advice;
mod api;
pub mod aws;
mod bad_stream;
mod chunks;
mod client;
pub mod control;
pub mod emulated;
mod environment;
mod error;
mod error_body;
mod faults;
mod flaw;
pub mod hosts;
pub mod ping;
mod profile;
mod proxy;
pub mod quotas;
mod response_headers;
mod retry_after;
mod secrets;
mod stream_body;
mod streamed;
mod trust;
mod usage_split;
mod whole_body;
mod wire;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::primitives::Blob;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::catalog::{ModelFacts, rounded_usd};
use crate::family::{Batch, Family};
use crate::json_cost;
use crate::model::Bill;
use crate::model::fault::Verdict;
use crate::model::{
    Category, Delivery, Fault, Model, ParsedReply, Reasoning, Reply, Request, RequestOptions,
    Served, Tier, Usage,
};
use crate::schema::Judge;
pub use aws::Access;
use aws::Rehearsal;
use client::Clients;
pub use error::ConnectError;
use faults::{fault, no_answer, no_client, not_json, too_many_values};
use hosts::Hosts;
use response_headers::ResponseHeaders;
use streamed::Patience;
use whole_body::{Room, Taken};
use wire::BoundedAnswer;

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
    pub terms: RequestOptions,
    /// How the answers come.
    pub delivery: Delivery,
    /// Whose work the bodies are.
    pub bodies: Bodies,
    /// Whether replies keep the reasoning before their answers.
    pub reasoning: Reasoning,
    /// Whether replies keep the bodies that they were read from.
    pub bodies_read: ReadBodies,
    /// What judges responses, and the name of the tool that stands for its schema, if the job has one.
    pub judge: Option<(Judge, String)>,
    /// Prices and limits, where they are known; `region` may change them.
    pub facts: Option<ModelFacts>,
}

impl Target {
    /// The reading of `body` as it goes into the record. White space at the beginning of a
    /// completion may be the end of a template of ours; to a body that a row brought, it is a part of
    /// the completion.
    fn finished(&self, reading: ParsedReply, body: &Value) -> ParsedReply {
        let reading = match self.bodies {
            Bodies::Built => self.family.tidied(reading, body),
            Bodies::OfRows => reading,
        };
        let reasoning = reading
            .reasoning
            .filter(|_| self.reasoning == Reasoning::Kept);
        let reading = ParsedReply {
            reasoning,
            ..reading
        };
        match &self.judge {
            Some((judge, tool)) => judge.judge(Family::tool_input(&reading, tool), reading),
            None => reading,
        }
    }
}

/// Whose work the bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// All of one make: what the service refuses of one, it refuses of all.
    Built,
    /// Each row brought its own.
    OfRows,
}

/// Whether a reply keeps its body, or its part of one, once that is parsed. Many are in memory at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBodies {
    /// It is kept beside what was read.
    Kept,
    /// It is dropped, unless it breaks the schema of the job: the row may fail for it.
    Dropped,
}

/// A model on Amazon Bedrock.
#[derive(Debug)]
pub struct Bedrock {
    clients: Clients,
    target: Target,
    room: Room,
}

/// What is said of the host that calls would go to, where it is neither AWS's nor this machine: `url`, where
/// the job names it, or what environment or AWS configuration name.
pub async fn remark_on_host(
    url: Option<&str>,
    profile: Option<&str>,
    region: Option<&str>,
) -> Option<String> {
    let access = Access::Aws {
        region: region.map(str::to_owned),
        profile: profile.map(str::to_owned),
        endpoint: url.map(str::to_owned),
    };
    let url = match url {
        Some(url) => url.to_owned(),
        None => elsewhere(profile).await?,
    };
    let is_known =
        crate::url::is_loopback(&url) || hosts::is_of_aws(&url, hosts::RUNTIME, region).await;
    if is_known {
        return None;
    }
    let named_by = access.named_by(client::SERVICE).await;
    Some(hosts::remark(&url, hosts::RUNTIME, &named_by))
}

/// Where environment or AWS configuration send calls, if not to AWS.
pub async fn elsewhere(profile: Option<&str>) -> Option<String> {
    aws::elsewhere(profile, client::SERVICE).await
}

impl Bedrock {
    /// Finds region, credentials and endpoint, and rehearses one call up to the moment it would
    /// leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(
        access: Access,
        target: Target,
        hosts: &mut Hosts<'_>,
    ) -> Result<Self, ConnectError> {
        let profile = access.profile();
        let named_by = access.named_by(client::SERVICE).await;
        let bedrock = Self {
            clients: Clients::new(access).await?,
            target,
            room: Room::default(),
        };
        let rehearsed = bedrock.rehearse(&named_by, hosts).await;
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
    async fn rehearse(&self, named_by: &str, hosts: &mut Hosts<'_>) -> Result<(), ConnectError> {
        let rehearsal = Rehearsal::default();
        let (client, _) = self.clients.current().await?;
        let outcome = client
            .invoke_model()
            .model_id(&self.target.model_id)
            .customize()
            .interceptor(rehearsal.clone())
            .send()
            .await;
        let region = client.config().region().map(ToString::to_string);
        rehearsal
            .verdict(outcome, hosts::RUNTIME, region.as_deref(), named_by, hosts)
            .await
    }
}

impl Model for Bedrock {
    async fn invoke(&self, call: &Request) -> Result<Reply, Fault> {
        let (client, number) = self.clients.current().await.map_err(no_client)?;
        let headers = ResponseHeaders::default();
        let outcome = match self.target.delivery {
            Delivery::Whole => match self.invoke_whole(&client, call, &headers).await {
                Ok(raw_reply) => self.read_in_turn(call, raw_reply).await,
                Err(fault) => Err(fault),
            },
            Delivery::Streamed { idle } => {
                let patience = Patience {
                    first: call.silence.map_or(idle, |silence| silence.max(idle)),
                    next: idle,
                };
                self.invoke_streamed(&client, call, patience, &headers)
                    .await
            }
        };
        self.look_over(outcome, &headers, number).await
    }

    async fn invoke_together(&self, calls: &[&Request]) -> Result<Vec<Reply>, Fault> {
        let bodies: Vec<&[u8]> = calls.iter().map(|call| call.body.as_ref()).collect();
        let Batch { body, weights } = self.target.family.join(&bodies).map_err(|misread| {
            Fault::local(Category::InvalidRequest, misread.to_string()).job_wide()
        })?;
        let call = Request {
            body: body.into(),
            ..Request::default()
        };
        let (client, number) = self.clients.current().await.map_err(no_client)?;
        let headers = ResponseHeaders::default();
        let replies = match self.invoke_whole(&client, &call, &headers).await {
            Ok(raw_reply) => {
                let raw = raw_reply.raw.clone();
                let share_out = || self.share_out(calls, raw_reply, &weights);
                self.room.read(&raw, share_out).await
            }
            Err(fault) => Err(fault),
        };
        self.look_over(replies, &headers, number).await
    }
}

/// A whole answer, as it came.
struct RawReply {
    raw: Bytes,
    /// What the headers count.
    usage: Usage,
    served: Served,
    request_id: Option<String>,
    /// Given back once it is read.
    room: Taken,
}

impl Bedrock {
    /// Marks a fault that an emulator made up. New credentials are looked for where these have
    /// expired.
    async fn look_over<T>(
        &self,
        outcome: Result<T, Fault>,
        headers: &ResponseHeaders,
        number: u64,
    ) -> Result<T, Fault> {
        let outcome = outcome.map_err(|fault| {
            let secrets = headers.secrets();
            Fault {
                emulated: headers.emulated(),
                code: fault.code.map(|code| secrets.removed_from_text(code)),
                message: secrets.removed_from_text(fault.message),
                request_id: fault.request_id.map(|id| secrets.removed_from_text(id)),
                raw: fault.raw.map(|raw| secrets.removed_from(&raw)),
                ..fault
            }
        });
        if outcome.as_ref().is_err_and(Fault::may_be_renewed) {
            self.clients.expired(number).await;
        }
        outcome
    }

    async fn invoke_whole(
        &self,
        client: &Client,
        call: &Request,
        headers: &ResponseHeaders,
    ) -> Result<RawReply, Fault> {
        let body = self.room.body();
        let sent = addressed!(client.invoke_model(), self.target, call)
            .customize()
            .interceptor(BoundedAnswer::WHOLE)
            .interceptor(body.clone())
            .interceptor(headers.clone())
            .send();
        let sent = Box::pin(sent).await;
        let answer = sent.map_err(|error| self.fault(&error))?;
        let (raw, room) = body.take();
        let served = Served {
            tier: answer.service_tier.as_ref().map(ToString::to_string),
            latency_mode: answer
                .performance_config_latency
                .as_ref()
                .map(ToString::to_string),
            latency_ms: headers.latency_ms(),
            emulated: headers.emulated(),
        };
        Ok(RawReply {
            usage: headers.usage(),
            served,
            request_id: answer.request_id().map(str::to_owned),
            raw,
            room,
        })
    }

    /// Parts the answer to a call that several rows shared. They are read as if each had come
    /// alone; what is not understood is none of theirs.
    fn share_out(
        &self,
        calls: &[&Request],
        raw_reply: RawReply,
        weights: &[u64],
    ) -> Result<Vec<Reply>, Fault> {
        let of_all = |fault: Fault| Fault {
            raw: Some(raw_reply.raw.clone()),
            request_id: raw_reply.request_id.clone(),
            ..fault
        };
        json_cost::check_parts(&raw_reply.raw)
            .map_err(|error| of_all(too_many_values(error, Bytes::new())))?;
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(&raw_reply.raw) {
            return Err(of_all(not_json(&error, Bytes::new())));
        }
        let parts = self.target.family.part(&raw_reply.raw, weights.len());
        let parts = parts.map_err(|misread| of_all(no_answer(misread.into(), Bytes::new())))?;
        let usages = raw_reply.usage.apportioned(weights);
        let reply = |(call, (part, usage)): (&&Request, (Vec<u8>, Usage))| {
            let part = RawReply {
                raw: part.into(),
                usage,
                served: raw_reply.served.clone(),
                request_id: raw_reply.request_id.clone(),
                room: None,
            };
            self.read(call, part).map_err(of_all)
        };
        let parts = parts.into_iter().zip(usages);
        calls.iter().zip(parts).map(reply).collect()
    }

    /// Reads it when there is room for its tree.
    async fn read_in_turn(&self, call: &Request, raw_reply: RawReply) -> Result<Reply, Fault> {
        let raw = raw_reply.raw.clone();
        let read = || self.read(call, raw_reply);
        self.room.read(&raw, read).await
    }

    fn read(&self, call: &Request, raw_reply: RawReply) -> Result<Reply, Fault> {
        let RawReply {
            raw,
            usage: headers,
            served,
            request_id,
            room: _room,
        } = raw_reply;
        if let Err(error) = json_cost::check(&raw) {
            return Err(Fault {
                request_id,
                ..too_many_values(error, raw)
            });
        }
        let no_answer = match serde_json::from_slice(&raw) {
            Ok(body) => match self.target.family.read_any_shape(&body) {
                Ok(mut reading) => {
                    reading.usage = reading.usage.or(headers);
                    let reading = self.target.finished(reading, &body);
                    let bill = self.target.family.bill_of_answer(call.bill, &reading);
                    let is_kept = self.target.bodies_read == ReadBodies::Kept
                        || reading.schema_errors().is_some();
                    let raw = if is_kept { raw } else { Bytes::new() };
                    return Ok(self.billed(bill, reading, served, request_id, raw));
                }
                Err(error) => no_answer(error, raw),
            },
            Err(error) => not_json(&error, raw),
        };
        Err(Fault {
            request_id,
            ..no_answer
        })
    }

    /// A streamed answer is text, which is billed by tokens.
    fn reply(
        &self,
        reading: ParsedReply,
        served: Served,
        request_id: Option<String>,
        raw: Bytes,
    ) -> Reply {
        self.billed(Some(Bill::TOKENS), reading, served, request_id, raw)
    }

    fn billed(
        &self,
        bill: Option<Bill>,
        reading: ParsedReply,
        served: Served,
        request_id: Option<String>,
        raw: Bytes,
    ) -> Reply {
        let tier = served.tier.as_deref().and_then(Tier::parse);
        let tier = tier.or(self.target.terms.tier).unwrap_or_default();
        Reply {
            cost_usd: bill.and_then(|bill| self.cost_usd(&bill, &reading.usage, tier)),
            parsed: reading,
            request_id,
            served,
            first_token: None,
            raw,
            reasks: 0,
        }
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
                verdict: Verdict::RowFailed,
                ..fault
            };
        }
        fault
    }

    fn cost_usd(&self, bill: &Bill, usage: &Usage, tier: Tier) -> Option<f64> {
        let facts = self.target.facts.as_ref()?;
        facts.billed_usd(bill, usage, tier).map(rounded_usd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: fn(&'static Bedrock, &'static Request) -> F) -> usize {
        size_of::<F>()
    }

    /// It is moved when its task is made, and a thousand of them share the processor's caches.
    #[test]
    fn a_call_in_flight_takes_little_beside_its_body() {
        let size = size(|bedrock, call| bedrock.invoke(call));
        assert!(size <= 4096, "{size} bytes");
    }
}
