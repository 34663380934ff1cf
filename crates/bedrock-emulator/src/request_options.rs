//! Options in the headers of a request: service tier, latency mode, guardrail.

use hyper::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::layout::{FinishReason, ModelOutput};
use super::reply_body::ReplyBody;
use super::service_error::ServiceError;

const TIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-service-tier");
const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-performanceconfig-latency");
/// Service tiers, each with the beginnings of the base ids that lack it.
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

/// The guardrail of the account: every guardrail id and version names this one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guardrail {
    /// Texts for which a prompt is blocked.
    pub blocks: Vec<String>,
    /// The text that is sent instead of a completion.
    pub message: String,
    /// Texts in a prompt for which a part of the completion is masked.
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

/// The models' own content filters, in families that report them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Texts for which a prompt is blocked.
    pub takes: Vec<String>,
}

impl Filter {
    /// Applies the filter to the prompt; it may remove the output.
    pub(super) fn look(&self, prompt: &str, answer: &mut ModelOutput) {
        if self.takes.iter().any(|text| prompt.contains(text)) {
            answer.filter();
        }
    }
}

/// The options of one request.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestOptions {
    /// Headers that the response repeats.
    echoed: Vec<(HeaderName, HeaderValue)>,
    /// The requested service tier.
    tier: Option<HeaderValue>,
    /// The guardrail's id.
    guardrail: Option<String>,
    traced: bool,
}

/// What a guardrail found in a prompt.
#[derive(Debug, Clone)]
pub(super) struct Assessment {
    action: Action,
    trace: Option<Value>,
}

/// What a guardrail did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    None,
    /// It changed a part of the completion.
    Masked,
    /// It responded instead of the model.
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

    /// Rejects a service tier that the model with this base id lacks (model cards,
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

    /// Adds the repeated headers to the response.
    pub(super) fn echo(&self, mut reply: Response<ReplyBody>) -> Response<ReplyBody> {
        let headers = reply.headers_mut();
        headers.extend(self.echoed.iter().cloned());
        reply
    }

    /// Applies the guardrail to the prompt; it may replace the output or mask a part of it.
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
            answer.others.clear();
            answer.finish = FinishReason::Blocked;
            Action::Blocked
        } else if holds(&guardrail.masks) {
            answer.text = masked(&answer.text);
            for other in &mut answer.others {
                other.text = masked(&other.text);
            }
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

/// The text with its last word masked.
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
    /// Whether the guardrail responded instead of the model.
    pub(super) fn is_blocked(&self) -> bool {
        self.action == Action::Blocked
    }

    /// Adds it to the chunks of a stream: to every chunk of a masked completion, else to the last;
    /// Claude's events carry it at their end.
    pub(super) fn add_to_chunks(&self, chunks: &mut [Value]) {
        let events = chunks.iter().any(|chunk| chunk["type"] == "message_stop");
        let every = self.action == Action::Masked && !events;
        let objects = chunks.iter_mut().rev().filter(|chunk| chunk.is_object());
        for chunk in objects.take(if every { usize::MAX } else { 1 }) {
            self.say(chunk);
        }
    }

    /// Adds it to a body or a chunk.
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
