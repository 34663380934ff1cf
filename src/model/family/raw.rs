//! No layout of its own: the row brings the body, and the answer is found by its shape.
//!
//! Serves opaque ARNs, models that are newer than this program, and imported models, which answer in
//! one of several shapes whatever their name.

use serde_json::{Map, Value};

use super::json::{Body, count, misread};
use super::layout::{Answer, Form, Layout, Stream};
use super::stream::SERVICE;
use super::{Family, Misread};
use crate::model::{FinishReason, Reading, Usage};

pub(super) const LAYOUT: Layout = Layout {
    name: "raw",
    serves: &[],
    takes: &[],
    form: Form::Body,
    answer: Answer::Text,
    body: |_, _, _| Body::default().finish(),
    read,
    stream: Stream::ByShape,
};

/// What only one family's replies have, most telling first.
const REPLIES: [(&str, Family); 14] = [
    ("/choices/0/message", Family::OpenaiChat),
    ("/choices/0/text", Family::TextCompletion),
    ("/output/message", Family::Nova),
    ("/generation", Family::Llama3),
    ("/generations/0/text", Family::Command),
    ("/completions/0/data/text", Family::Jurassic),
    ("/outputs/0/text", Family::MistralText),
    ("/results/0/outputText", Family::TitanText),
    ("/embedding", Family::TitanEmbedText),
    ("/embeddingsByType", Family::TitanEmbedText),
    ("/content", Family::ClaudeMessages),
    ("/completion", Family::ClaudeText),
    ("/message", Family::Pegasus),
    ("/text", Family::CommandR),
];

/// What only one family's chunks have, most telling first.
const CHUNKS: [(&str, Family); 17] = [
    ("/outputText", Family::TitanText),
    ("/event_type", Family::CommandR),
    ("/type", Family::ClaudeMessages),
    ("/messageStart", Family::Nova),
    ("/contentBlockStart", Family::Nova),
    ("/contentBlockDelta", Family::Nova),
    ("/messageStop", Family::Nova),
    ("/choices/0/text", Family::TextCompletion),
    ("/choices", Family::OpenaiChat),
    ("/outputs", Family::MistralText),
    ("/generation", Family::Llama3),
    ("/completion", Family::ClaudeText),
    ("/is_finished", Family::Command),
    ("/message", Family::Pegasus),
    ("/finishReason", Family::Pegasus),
    ("/error", Family::OpenaiChat),
    ("/text", Family::Command),
];

/// The family whose chunks look like this one.
pub(super) fn family_of(chunk: &Value) -> Option<Family> {
    let has = |(pointer, _): &&(&str, Family)| chunk.pointer(pointer).is_some();
    CHUNKS.iter().find(has).map(|(_, family)| *family)
}

/// Keys of replies that are no text: embeddings, images, ranks.
const OUTPUTS: [&str; 4] = ["embeddings", "data", "images", "results"];

/// Reads a reply of any family.
pub(super) fn read(body: &Value) -> Result<Reading, Misread> {
    let has = |(pointer, _): &&(&str, Family)| body.pointer(pointer).is_some();
    let mut families = REPLIES.iter().filter(has).map(|(_, family)| family);
    families
        .find_map(|family| (family.layout().read)(body).ok())
        .or_else(|| output(body))
        .ok_or_else(|| {
            misread(
                "any family known",
                "text, an embedding or a list of results",
                body,
            )
        })
}

fn output(body: &Value) -> Option<Reading> {
    let map = body.as_object()?;
    OUTPUTS
        .iter()
        .find(|key| map.get(**key).is_some_and(holds_something))?;
    let counted = |key: &str| key == "inputTextTokenCount" || key.starts_with(SERVICE);
    let output: Map<String, Value> = map
        .iter()
        .filter(|(key, _)| !counted(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Some(Reading {
        output: Some(Value::Object(output)),
        finish_reason: FinishReason::Stop,
        usage: Usage {
            input_tokens: count(body, "/inputTextTokenCount"),
            ..Usage::default()
        },
        ..Reading::default()
    })
}

fn holds_something(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
