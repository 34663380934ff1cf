//! Anthropic Claude through its Messages API.
//!
//! Source: Amazon Bedrock user guide, "Anthropic Claude Messages API", as of October 2026.

use serde_json::{Value, json};

use super::Parameters;
use super::json::{Body, count, list, misread, text};
use super::takes::DEFAULT_MAX_TOKENS;
use super::words::{finish, role};
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::{Message, Prompt};

/// The only version Bedrock knows.
const VERSION: &str = "bedrock-2023-05-31";

/// Builds the body.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters) -> Value {
    let turn = |message: &Message| json!({"role": role(message.role), "content": message.text});
    Body::default()
        .with("anthropic_version", VERSION)
        .with(
            "max_tokens",
            parameters.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        )
        .maybe("system", prompt.system.as_deref())
        .with(
            "messages",
            prompt.messages.iter().map(turn).collect::<Vec<_>>(),
        )
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .maybe("top_k", parameters.top_k)
        .list("stop_sequences", &parameters.stop)
        .finish()
}

/// Reads a reply. A refusal may come with no content at all: that is an empty answer.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let expected = "`content`, a list of blocks";
    let blocks =
        list(body, "/content").ok_or_else(|| misread("claude-messages", expected, body))?;
    let of_type = |word| {
        blocks
            .iter()
            .filter(move |block| text(block, "/type") == Some(word))
    };
    let tools: Vec<Value> = of_type("tool_use").cloned().collect();
    let stop = text(body, "/stop_reason");
    Ok(Reading {
        completion: Some(
            of_type("text")
                .filter_map(|block| text(block, "/text"))
                .collect(),
        ),
        output: (!tools.is_empty()).then_some(Value::Array(tools)),
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage: usage(body),
    })
}

/// Claude reports fresh, read and written input apart.
fn usage(body: &Value) -> Usage {
    Usage::from_headers(
        count(body, "/usage/input_tokens"),
        count(body, "/usage/output_tokens"),
        count(body, "/usage/cache_read_input_tokens"),
        count(body, "/usage/cache_creation_input_tokens"),
    )
}
