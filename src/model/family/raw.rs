//! No layout of its own: the row brings the body, and the answer is found by its shape.
//!
//! Serves models whose family is not built, and opaque ARNs: imported models answer in one of
//! several shapes, whatever their name.

use serde_json::{Map, Value};

use super::json::{count, misread, text};
use super::words::finish;
use super::{
    Misread, claude_messages, deepseek_text, llama, mistral_text, nova, openai_chat,
    titan_embed_text, titan_text, usage,
};
use crate::model::{FinishReason, Reading, Usage};

/// Shapes that hold the answer and its stop reason at a place of their own, most telling first:
/// Cohere Command, Jurassic, Claude's text completions, Pegasus, Command R.
const PLACES: [(&str, &str); 5] = [
    ("/generations/0/text", "/generations/0/finish_reason"),
    (
        "/completions/0/data/text",
        "/completions/0/finishReason/reason",
    ),
    ("/completion", "/stop_reason"),
    ("/message", "/finishReason"),
    ("/text", "/finish_reason"),
];

/// Keys of replies that are no text: embeddings, images, ranks.
const OUTPUTS: [&str; 4] = ["embeddings", "data", "images", "results"];

/// Keys the service adds to a reply of any family.
const ADDED: &str = "amazon-bedrock-";

/// Reads a reply of any family.
pub(super) fn read(body: &Value) -> Result<Reading, Misread> {
    known(body)
        .or_else(|| {
            PLACES
                .iter()
                .find_map(|(answer, stop)| placed(body, answer, stop))
        })
        .or_else(|| output(body))
        .ok_or_else(|| {
            misread(
                "any family known",
                "text, an embedding or a list of results",
                body,
            )
        })
}

/// The families that are built, by the key that only they have.
fn known(body: &Value) -> Option<Reading> {
    let readers = [
        ("/choices/0/message", openai_chat::read as fn(&Value) -> _),
        ("/choices/0/text", completion),
        ("/output/message", nova::read),
        ("/generation", llama::read),
        ("/outputs/0/text", mistral_text::read),
        ("/results/0/outputText", titan_text::read),
        ("/embedding", titan_embed_text::read),
        ("/embeddingsByType", titan_embed_text::read),
        ("/content", claude_messages::read),
    ];
    let has = |(pointer, _): &(&str, _)| body.pointer(pointer).is_some();
    readers
        .into_iter()
        .filter(has)
        .find_map(|(_, read)| read(body).ok())
}

/// `choices[].text`: DeepSeek's thought, or a text completion that never had one.
fn completion(body: &Value) -> Result<Reading, Misread> {
    let read = deepseek_text::read(body)?;
    let whole = text(body, "/choices/0/text").unwrap_or_default();
    if whole.contains("</think>") {
        return Ok(read);
    }
    Ok(Reading {
        completion: Some(whole.to_owned()),
        ..read
    })
}

fn placed(body: &Value, answer: &str, stop: &str) -> Option<Reading> {
    let answer = text(body, answer)?;
    let stop = text(body, stop);
    Some(Reading {
        completion: Some(answer.to_owned()),
        output: None,
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage: usage::openai(body),
    })
}

fn output(body: &Value) -> Option<Reading> {
    let map = body.as_object()?;
    OUTPUTS
        .iter()
        .find(|key| map.get(**key).is_some_and(holds_something))?;
    let counted = |key: &str| key == "inputTextTokenCount" || key.starts_with(ADDED);
    let output: Map<String, Value> = map
        .iter()
        .filter(|(key, _)| !counted(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Some(Reading {
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

fn holds_something(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
