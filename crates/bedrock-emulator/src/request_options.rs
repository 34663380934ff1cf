//! What a request asks for beside its body: tier, latency mode, guardrail.

use hyper::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::layout::{FinishReason, ModelOutput};
use super::reply_body::ReplyBody;
use super::service_error::ServiceError;

const TIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-service-tier");
const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-performanceconfig-latency");
/// Service tiers, and how the base ids of models begin that do not have them.
const NOT_SUPPORTED: [(&str, &[&str]); 2] = [
    ("flex", &["anthropic.", "openai.gpt-5.6"]),
    (
        "priority",
        &[
            "anthropic.claude-opus-4-7",
            "anthropic.claude-opus-4-8",
            "openai.gpt-5.6",
        ],
    ),
];

const GUARDRAIL: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailidentifier");
const VERSION: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailversion");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-bedrock-trace");

/// What the guardrails of the account do: any id and version name this one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guardrail {
    /// Texts that no prompt may hold.
    pub blocks: Vec<String>,
    /// What is answered in the model's place.
    pub message: String,
    /// Texts that, in a prompt, have the guardrail mask a part of the answer.
    pub masks: Vec<String>,
}

impl Default for Guardrail {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            message: "Sorry, the guardrail does not let this pass.".into(),
            masks: Vec::new(),
        }
    }
}

/// What the models' own filters do, in every family that has a word for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Texts that no prompt may hold.
    pub takes: Vec<String>,
}

impl Filter {
    /// Lets the model's filter look at the prompt; it may take the answer.
    pub(super) fn look(&self, prompt: &str, answer: &mut ModelOutput) {
        if self.takes.iter().any(|text| prompt.contains(text)) {
            answer.thought.clear();
            answer.text.clear();
            answer.output_tokens = 0;
            answer.finish = FinishReason::Filtered;
        }
    }
}

/// What one request asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestOptions {
    /// What a reply says again.
    echoed: Vec<(HeaderName, HeaderValue)>,
    /// The service tier, where one is asked for.
    tier: Option<HeaderValue>,
    /// The id of the guardrail.
    guardrail: Option<String>,
    traced: bool,
}

/// What a guardrail has to say of an answer.
#[derive(Debug, Clone)]
pub(super) struct Assessment {
    action: Action,
    trace: Option<Value>,
}

/// What a guardrail has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    None,
    /// It has changed a part of the answer.
    Masked,
    /// It has answered in the model's place.
    Blocked,
}

impl RequestOptions {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ServiceError> {
        let mut echoed = Vec::new();
        for (name, words) in [
            (TIER, &["default", "flex", "priority", "reserved"][..]),
            (LATENCY, &["standard", "optimized"]),
        ] {
            let Some(value) = headers.get(&name) else {
                continue;
            };
            if !words.iter().any(|word| value == word) {
                return Err(ServiceError::validation(format!(
                    "The value of {name} is none of {}.",
                    words.join(", ")
                )));
            }
            echoed.push((name, value.clone()));
        }
        let guardrail = headers.get(GUARDRAIL);
        if guardrail.is_some() != headers.contains_key(VERSION) {
            return Err(ServiceError::validation(
                "A guardrail is named by its identifier and its version.",
            ));
        }
        let trace = headers.get(TRACE).map_or(&b""[..], HeaderValue::as_bytes);
        Ok(Self {
            echoed,
            tier: headers.get(TIER).cloned(),
            guardrail: guardrail.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
            traced: trace.starts_with(b"ENABLED"),
        })
    }

    /// Refuses a service tier that the model of this base id does not have (models' cards,
    /// November 2026).
    pub(super) fn check(&self, base: &str) -> Result<(), ServiceError> {
        let Some(tier) = &self.tier else {
            return Ok(());
        };
        let lacks = |(name, bases): &(&str, &[&str])| {
            tier == name && bases.iter().any(|it| base.starts_with(it))
        };
        if NOT_SUPPORTED.iter().any(lacks) {
            let message = "The provided service tier is not supported for this model";
            return Err(ServiceError::validation(message));
        }
        Ok(())
    }

    /// Says in the reply how it was served.
    pub(super) fn echo(&self, mut reply: Response<ReplyBody>) -> Response<ReplyBody> {
        let headers = reply.headers_mut();
        headers.extend(self.echoed.iter().cloned());
        reply
    }

    /// Lets the guardrail look at the prompt; it may answer in the model's place, or change what the
    /// model says.
    pub(super) fn guard(
        &self,
        guardrail: &Guardrail,
        prompt: &str,
        answer: &mut ModelOutput,
    ) -> Option<Assessment> {
        let id = self.guardrail.clone()?;
        let holds = |texts: &[String]| texts.iter().any(|text| prompt.contains(text));
        let action = if holds(&guardrail.blocks) {
            answer.thought.clear();
            answer.text.clone_from(&guardrail.message);
            answer.tool_call = None;
            answer.finish = FinishReason::Blocked;
            Action::Blocked
        } else if holds(&guardrail.masks) {
            answer.text = masked(&answer.text);
            Action::Masked
        } else {
            Action::None
        };
        Some(Assessment {
            action,
            trace: self.traced.then(|| action.trace(&id)),
        })
    }
}

/// The text with its last word taken out.
fn masked(text: &str) -> String {
    let words = text.trim_end();
    let last = words.rfind(' ').map_or(0, |at| at + 1);
    format!("{}{{NAME}}", &words[..last])
}

impl Action {
    fn trace(self, id: &str) -> Value {
        let (reason, policy) = match self {
            Self::None => ("No action.", json!({})),
            Self::Masked => (
                "Guardrail masked.",
                json!({"sensitiveInformationPolicy": {"piiEntities": [
                    {"type": "NAME", "match": "emulated", "action": "ANONYMIZED", "detected": true},
                ]}}),
            ),
            Self::Blocked => (
                "Guardrail blocked.",
                json!({"topicPolicy": {"topics": [
                    {"name": "emulated", "type": "DENY", "action": "BLOCKED", "detected": true},
                ]}}),
            ),
        };
        json!({"guardrail": {"actionReason": reason, "input": {id: policy}}})
    }
}

impl Assessment {
    /// Whether the guardrail has answered in the model's place.
    pub(super) fn is_blocked(&self) -> bool {
        self.action == Action::Blocked
    }

    /// Puts it into the chunks of an answer: into every one where it has changed the answer, else
    /// into the last; Claude's events carry it at their end.
    pub(super) fn add_to_chunks(&self, chunks: &mut [Value]) {
        let events = chunks.iter().any(|chunk| chunk["type"] == "message_stop");
        let every = self.action == Action::Masked && !events;
        let objects = chunks.iter_mut().rev().filter(|chunk| chunk.is_object());
        for chunk in objects.take(if every { usize::MAX } else { 1 }) {
            self.say(chunk);
        }
    }

    /// Puts it into an answer's body, or into a chunk of it.
    pub(super) fn say(&self, body: &mut Value) {
        let Some(body) = body.as_object_mut() else {
            return;
        };
        let action = match self.action {
            Action::None => "NONE",
            Action::Masked | Action::Blocked => "INTERVENED",
        };
        body.insert("amazon-bedrock-guardrailAction".into(), action.into());
        if let Some(trace) = &self.trace {
            body.insert("amazon-bedrock-trace".into(), trace.clone());
        }
    }
}
