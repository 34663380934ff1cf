//! Amazon Titan Text Embeddings. Dimensions and normalisation come through `extra`.
//!
//! Source: Amazon Bedrock user guide, "Amazon Titan Embeddings Text", as of October 2026.

use serde_json::Value;

use super::json::{Body, count, misread};
use super::layout::{Answer, Form, Layout, Stream, System};
use super::{Misread, Parameters};
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::Prompt;

pub(super) const LAYOUT: Layout = Layout {
    name: "titan-embed-text",
    serves: &["amazon.titan-embed-text", "amazon.titan-embed-g1-text"],
    takes: &[],
    form: Form::Text(System::Refused),
    answer: Answer::Output,
    body,
    read,
    stream: Stream::None,
};

fn body(prompt: &Prompt, _parameters: &Parameters, _base: Option<&str>) -> Value {
    let text = prompt.messages.first().map_or("", |message| &message.text);
    Body::default().with("inputText", text).finish()
}

/// The vectors as they came, the token count moved to the usage.
fn read(body: &Value) -> Result<Reading, Misread> {
    let expected = "`embedding` or `embeddingsByType`";
    let output = body
        .as_object()
        .filter(|map| map.contains_key("embedding") || map.contains_key("embeddingsByType"))
        .ok_or_else(|| misread(LAYOUT.name, expected, body))?
        .iter()
        .filter(|(key, _)| *key != "inputTextTokenCount")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok(Reading {
        output: Some(Value::Object(output)),
        finish_reason: FinishReason::Stop,
        usage: Usage {
            input_tokens: count(body, "/inputTextTokenCount"),
            ..Usage::default()
        },
        ..Reading::default()
    })
}
