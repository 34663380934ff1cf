//! Amazon Titan Text Embeddings. Dimensions and normalisation come through `extra`.
//!
//! Source: Amazon Bedrock user guide, "Amazon Titan Embeddings Text", as of October 2026.

use serde_json::Value;

use super::json::{Body, count, misread};
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::Prompt;

/// Builds the body.
pub(super) fn body(prompt: &Prompt) -> Value {
    let text = prompt.messages.first().map_or("", |message| &message.text);
    Body::default().with("inputText", text).finish()
}

/// Reads a reply: the vectors as they came, the token count moved to the usage.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let expected = "`embedding` or `embeddingsByType`";
    let output = body
        .as_object()
        .filter(|map| map.contains_key("embedding") || map.contains_key("embeddingsByType"))
        .ok_or_else(|| misread("titan-embed-text", expected, body))?
        .iter()
        .filter(|(key, _)| *key != "inputTextTokenCount")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok(Reading {
        completion: None,
        output: Some(Value::Object(output)),
        finish_reason: FinishReason::Stop,
        stop_reason: None,
        usage: Usage {
            input_tokens: count(body, "/inputTextTokenCount"),
            ..Usage::default()
        },
    })
}
