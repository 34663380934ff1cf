//! OpenAI-style chat completions, as many providers speak them; Mistral's chat is the same but
//! for the name of its stop reason.
//!
//! Source: Amazon Bedrock user guide, "OpenAI models" and "Mistral AI chat completion", read in
//! October 2026; langchain-aws 1.9.1 for who wants which output limit.

use serde_json::{Value, json};

use super::json::{Body, list, misread, text};
use super::words::{after, finish, role};
use super::{Parameters, usage};
use crate::model::{FinishReason, Reading};
use crate::prompt::{Message, Prompt};

/// Where gpt-oss and Kimi K2 Thinking put their reasoning: inline, before the answer.
const REASONING: (&str, &str) = ("<reasoning>", "</reasoning>");

/// Builds the body.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters, base: Option<&str>) -> Value {
    let system = prompt
        .system
        .iter()
        .map(|system| json!({"role": "system", "content": system}));
    let turn = |message: &Message| json!({"role": role(message.role), "content": message.text});
    let turns = prompt.messages.iter().map(turn);
    Body::default()
        .with("messages", system.chain(turns).collect::<Vec<_>>())
        .maybe(limit_key(base), parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .list("stop", &parameters.stop)
        .finish()
}

/// GPT-5 and later refuse `max_tokens`; most others know nothing else.
fn limit_key(base: Option<&str>) -> &'static str {
    let renamed = |base: &str| base.starts_with("openai.") || base.starts_with("xai.");
    match base.is_some_and(renamed) {
        true => "max_completion_tokens",
        false => "max_tokens",
    }
}

/// Reads a reply.
///
/// Content may be null: when the model only called tools, refused, or reached its limit while
/// still reasoning. The answer is then empty. Without content, reason or refusal there is none.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let expected = "`choices[0].message`, with `content` or a finish reason";
    let wrong = || misread("openai-chat", expected, body);
    let choice = body.pointer("/choices/0").ok_or_else(wrong)?;
    let message = choice
        .get("message")
        .filter(|it| it.is_object())
        .ok_or_else(wrong)?;
    let stop = text(choice, "/finish_reason").or_else(|| text(choice, "/stop_reason"));
    let refused = text(message, "/refusal").is_some_and(|refusal| !refusal.is_empty());
    let content = content(message);
    if content.is_none() && stop.is_none() && !refused {
        return Err(wrong());
    }
    let reason = stop.map_or(FinishReason::Unknown, finish);
    let tools = list(message, "/tool_calls").filter(|calls| !calls.is_empty());
    Ok(Reading {
        completion: Some(without_reasoning(&content.unwrap_or_default(), reason)),
        output: tools.map(|calls| Value::Array(calls.clone())),
        finish_reason: if refused {
            FinishReason::ContentFilter
        } else {
            reason
        },
        stop_reason: stop.map(str::to_owned),
        usage: usage::openai(body),
    })
}

/// The answer's text: a string, or a list of parts.
fn content(message: &Value) -> Option<String> {
    match message.get("content")? {
        Value::String(whole) => Some(whole.clone()),
        Value::Array(parts) => Some(
            parts
                .iter()
                .filter_map(|part| text(part, "/text"))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The answer behind inline reasoning. Reasoning that was cut short has no answer behind it.
fn without_reasoning(content: &str, reason: FinishReason) -> String {
    let (open, close) = REASONING;
    if !content.trim_start().starts_with(open) {
        return content.to_owned();
    }
    match after(content, close) {
        Some(answer) => answer.to_owned(),
        None if reason == FinishReason::Length => String::new(),
        None => content.to_owned(),
    }
}
