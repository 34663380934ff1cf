//! Amazon Nova.
//!
//! Source: Amazon Nova user guide, "Complete request schema", as of October 2026.

use serde_json::{Value, json};

use super::Parameters;
use super::json::{Body, count, list, misread, text};
use super::words::{finish, role};
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::{Message, Prompt};

/// Builds the body. Content is a list of blocks even for one text, and an empty `system` list
/// is refused by the service.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters) -> Value {
    let turn = |message: &Message| json!({"role": role(message.role), "content": [{"text": message.text}]});
    let inference = Body::default()
        .maybe("maxTokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("topP", parameters.top_p)
        .maybe("topK", parameters.top_k)
        .list("stopSequences", &parameters.stop);
    Body::default()
        .maybe(
            "system",
            prompt
                .system
                .as_ref()
                .map(|system| json!([{"text": system}])),
        )
        .with(
            "messages",
            prompt.messages.iter().map(turn).collect::<Vec<_>>(),
        )
        .object("inferenceConfig", inference)
        .finish()
}

/// Reads a reply; blocks of reasoning are left out of the answer.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let expected = "`output.message.content`, a list of blocks";
    let blocks =
        list(body, "/output/message/content").ok_or_else(|| misread("nova", expected, body))?;
    let tools: Vec<Value> = blocks
        .iter()
        .filter(|block| block.get("toolUse").is_some())
        .cloned()
        .collect();
    let stop = text(body, "/stopReason");
    Ok(Reading {
        completion: Some(
            blocks
                .iter()
                .filter_map(|block| text(block, "/text"))
                .collect(),
        ),
        output: (!tools.is_empty()).then_some(Value::Array(tools)),
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage: usage(body),
    })
}

/// Nova reports fresh, read and written input apart.
fn usage(body: &Value) -> Usage {
    Usage::from_headers(
        count(body, "/usage/inputTokens"),
        count(body, "/usage/outputTokens"),
        count(body, "/usage/cacheReadInputTokenCount"),
        count(body, "/usage/cacheWriteInputTokenCount"),
    )
}
