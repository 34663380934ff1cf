//! Mistral's raw prompts: Mistral 7B and Mixtral.
//!
//! Source: Amazon Bedrock user guide, "Mistral AI text completion", as of October 2026.

use serde_json::Value;

use super::Parameters;
use super::json::{Body, misread, text};
use super::words::{finish, neutralise};
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::{Prompt, Role};

/// What must not come from a row.
const SPECIAL: [&str; 4] = ["<s>", "</s>", "[INST]", "[/INST]"];

/// Builds the body.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters) -> Value {
    Body::default()
        .with("prompt", template(prompt))
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .maybe("top_k", parameters.top_k)
        .list("stop", &parameters.stop)
        .finish()
}

/// The conversation. There is no system role: what it says goes before the first user's words.
fn template(prompt: &Prompt) -> String {
    let safe = |text: &str| neutralise(text, &SPECIAL);
    let mut system = prompt.system.as_deref();
    let mut said = "<s>".to_owned();
    for (at, message) in prompt.messages.iter().enumerate() {
        let is_last = at + 1 == prompt.messages.len();
        said += &match message.role {
            Role::User => {
                let first = system.take().map(|system| format!("{}\n\n", safe(system)));
                let first = first.unwrap_or_default();
                format!("[INST] {first}{} [/INST]", safe(&message.text))
            }
            Role::Assistant if is_last => format!(" {}", safe(&message.text)),
            Role::Assistant => format!(" {}</s>", safe(&message.text)),
        };
    }
    said
}

/// Reads a reply. The space after `[/INST]` is not part of the answer; tokens are only counted
/// in the headers.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let answer = text(body, "/outputs/0/text")
        .ok_or_else(|| misread("mistral-text", "`outputs[0].text`", body))?;
    let stop = text(body, "/outputs/0/stop_reason");
    Ok(Reading {
        completion: Some(answer.trim_start().to_owned()),
        output: None,
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage: Usage::default(),
    })
}
