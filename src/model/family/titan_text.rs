//! Amazon Titan Text.
//!
//! Source: Amazon Bedrock user guide, "Amazon Titan Text models", as of October 2026.

use serde_json::Value;

use super::Parameters;
use super::json::{Body, count, misread, text};
use super::words::finish;
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::{Prompt, Role};

/// Builds the body.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters) -> Value {
    let generation = Body::default()
        .maybe("maxTokenCount", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("topP", parameters.top_p)
        .list("stopSequences", &parameters.stop);
    Body::default()
        .with("inputText", template(prompt))
        .object("textGenerationConfig", generation)
        .finish()
}

/// The conversation as a play, open where the bot speaks. The names are ordinary words to the
/// model, not tokens, so there is nothing to neutralise.
fn template(prompt: &Prompt) -> String {
    let system = prompt.system.iter().cloned();
    let turns = prompt.messages.iter().map(|message| match message.role {
        Role::User => format!("User: {}", message.text),
        Role::Assistant => format!("Bot: {}", message.text),
    });
    let mut lines: Vec<String> = system.chain(turns).collect();
    if prompt
        .messages
        .last()
        .is_none_or(|last| last.role == Role::User)
    {
        lines.push("Bot:".to_owned());
    }
    lines.join("\n")
}

/// Reads a reply. The line break after `Bot:` is not part of the answer.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let answer = text(body, "/results/0/outputText")
        .ok_or_else(|| misread("titan-text", "`results[0].outputText`", body))?;
    let stop = text(body, "/results/0/completionReason");
    Ok(Reading {
        completion: Some(answer.trim_start().to_owned()),
        output: None,
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage: Usage {
            input_tokens: count(body, "/inputTextTokenCount"),
            output_tokens: count(body, "/results/0/tokenCount"),
            ..Usage::default()
        },
    })
}
