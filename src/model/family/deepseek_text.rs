//! DeepSeek R1's raw prompts.
//!
//! Source: Amazon Bedrock user guide, "DeepSeek models", as of October 2026. The special
//! tokens are written with U+FF5C and U+2581, not with `|` and `_`.

use serde_json::Value;

use super::json::{Body, misread, text};
use super::words::{after, finish, neutralise};
use super::{Parameters, usage};
use crate::model::{FinishReason, Reading};
use crate::prompt::{Prompt, Role};

const BEGIN: &str = "<｜begin▁of▁sentence｜>";
const END: &str = "<｜end▁of▁sentence｜>";
const USER: &str = "<｜User｜>";
const ASSISTANT: &str = "<｜Assistant｜>";

/// What must not come from a row.
const SPECIAL: [&str; 6] = [BEGIN, END, USER, ASSISTANT, "<think>", "</think>"];

/// Builds the body.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters) -> Value {
    Body::default()
        .with("prompt", template(prompt))
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .list("stop", &parameters.stop)
        .finish()
}

/// The conversation, open inside the model's thought.
fn template(prompt: &Prompt) -> String {
    let system = prompt.system.as_deref().unwrap_or_default();
    let mut said = format!("{BEGIN}{}", neutralise(system, &SPECIAL));
    for message in &prompt.messages {
        let words = neutralise(&message.text, &SPECIAL);
        said += &match message.role {
            Role::User => format!("{USER}{words}"),
            Role::Assistant => format!("{ASSISTANT}{words}{END}"),
        };
    }
    said + ASSISTANT + "<think>\n"
}

/// Reads a reply, which begins inside the thought. A thought that was cut short has no answer
/// behind it.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let whole = text(body, "/choices/0/text")
        .ok_or_else(|| misread("deepseek-text", "`choices[0].text`", body))?;
    let stop =
        text(body, "/choices/0/stop_reason").or_else(|| text(body, "/choices/0/finish_reason"));
    let reason = stop.map_or(FinishReason::Unknown, finish);
    let answer = match after(whole, "</think>") {
        Some(answer) => answer,
        None if reason == FinishReason::Length => "",
        None => whole.trim_start(),
    };
    Ok(Reading {
        completion: Some(answer.to_owned()),
        output: None,
        finish_reason: reason,
        stop_reason: stop.map(str::to_owned),
        usage: usage::openai(body),
    })
}
