//! What a request asks for beside its body: tier, latency mode, guardrail.

use hyper::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::layout::{Answer, Ending};
use super::refusal::Refusal;
use super::sent::Sent;

const TIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-service-tier");
const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-performanceconfig-latency");
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
}

impl Default for Guardrail {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            message: "Sorry, the guardrail does not let this pass.".into(),
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
    pub(super) fn look(&self, prompt: &str, answer: &mut Answer) {
        if self.takes.iter().any(|text| prompt.contains(text)) {
            answer.thought.clear();
            answer.text.clear();
            answer.output_tokens = 0;
            answer.ending = Ending::Filtered;
        }
    }
}

/// What one request asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// What a reply says again.
    echoed: Vec<(HeaderName, HeaderValue)>,
    guarded: bool,
    traced: bool,
}

/// What a guardrail has to say of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    intervened: bool,
    traced: bool,
}

impl Terms {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut echoed = Vec::new();
        for (name, words) in [
            (TIER, &["default", "flex", "priority", "reserved"][..]),
            (LATENCY, &["standard", "optimized"]),
        ] {
            let Some(value) = headers.get(&name) else {
                continue;
            };
            if !words.iter().any(|word| value == word) {
                return Err(Refusal::validation(format!(
                    "The value of {name} is none of {}.",
                    words.join(", ")
                )));
            }
            echoed.push((name, value.clone()));
        }
        let guarded = headers.contains_key(GUARDRAIL);
        if guarded != headers.contains_key(VERSION) {
            return Err(Refusal::validation(
                "A guardrail is named by its identifier and its version.",
            ));
        }
        let trace = headers.get(TRACE).map_or(&b""[..], HeaderValue::as_bytes);
        Ok(Self {
            echoed,
            guarded,
            traced: trace.starts_with(b"ENABLED"),
        })
    }

    /// Says in the reply how it was served.
    pub(super) fn echo(&self, mut reply: Response<Sent>) -> Response<Sent> {
        let headers = reply.headers_mut();
        headers.extend(self.echoed.iter().cloned());
        reply
    }

    /// Lets the guardrail look at the prompt; it may answer in the model's place.
    pub(super) fn guard(
        &self,
        guardrail: &Guardrail,
        prompt: &str,
        answer: &mut Answer,
    ) -> Option<Word> {
        if !self.guarded {
            return None;
        }
        let blocked = guardrail.blocks.iter().any(|text| prompt.contains(text));
        if blocked {
            answer.thought.clear();
            answer.text.clone_from(&guardrail.message);
            answer.ending = Ending::Blocked;
        }
        Some(Word {
            intervened: blocked,
            traced: self.traced,
        })
    }
}

impl Word {
    /// Puts it into an answer's body, or into a chunk of it.
    pub(super) fn say(self, body: &mut Value) {
        let Some(body) = body.as_object_mut() else {
            return;
        };
        let action = if self.intervened {
            "INTERVENED"
        } else {
            "NONE"
        };
        body.insert("amazon-bedrock-guardrailAction".into(), action.into());
        if self.traced {
            let trace = json!({"guardrail": {"intervened": self.intervened}});
            body.insert("amazon-bedrock-trace".into(), trace);
        }
    }
}
