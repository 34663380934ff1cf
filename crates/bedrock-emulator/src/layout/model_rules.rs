//! Rules of single models: what they reject although their layout allows it.
//!
//! Sources: the user guide's pages on the parameters of Claude and OpenAI models (November 2026);
//! for GPT, Grok and Kimi also litellm's model tables, whose authors tried them on 2026-10-09.

use serde_json::Value;

use super::Layout;
use super::grammar::Compiler;
use crate::schema::Object;
use crate::service_error::ServiceError;

/// Claude models without sampling parameters, by the beginning of their base ids.
const NO_SAMPLING: [&str; 7] = [
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
    "anthropic.claude-haiku-5",
    "anthropic.claude-fable-5",
    "anthropic.claude-mythos-5",
];

/// Further Claude models without assistant prefill.
const NO_PREFILL: [&str; 2] = ["anthropic.claude-opus-4-6", "anthropic.claude-sonnet-4-6"];

/// Claude models that accept either a temperature or `top_p`.
const ONE_OF_TWO: [&str; 2] = ["anthropic.claude-sonnet-4-5", "anthropic.claude-haiku-4-5"];

/// Claude models that reason unless told otherwise.
const THINK_BY_DEFAULT: [&str; 5] = [
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
    "anthropic.claude-haiku-5",
    "anthropic.claude-fable-5",
    "anthropic.claude-mythos-5",
];

/// Claude models that always reason.
const ALWAYS_THINK: [&str; 5] = [
    "anthropic.claude-opus-5-5",
    "anthropic.claude-sonnet-5-5",
    "anthropic.claude-fable-5",
    "anthropic.claude-mythos-5",
    "anthropic.claude-mythos-preview",
];

/// OpenAI models that reason unless told otherwise.
const REASONING: [&str; 4] = [
    "openai.gpt-5.4",
    "openai.gpt-5.5",
    "openai.gpt-5.6",
    "openai.gpt-6",
];

/// Chat models without stop sequences.
const NO_STOP: [&str; 5] = [
    "openai.gpt-5.6",
    "openai.gpt-6",
    "xai.grok",
    "moonshot.kimi-k2",
    "moonshotai.kimi-k2",
];

/// Claude models with JSON by schema.
const BY_SCHEMA: [&str; 5] = [
    "anthropic.claude-haiku-4-5",
    "anthropic.claude-sonnet-4-5",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-opus-4-5",
    "anthropic.claude-opus-4-6",
];

/// Chat models with JSON by schema (model cards, November 2026).
const CHAT_BY_SCHEMA: [&str; 5] = [
    "openai.gpt-oss",
    "qwen.qwen3-32b",
    "mistral.mistral-large-3",
    "moonshot.kimi-k3",
    "moonshotai.kimi-k3",
];

/// Claude models that reject a forced tool choice.
const NO_FORCED_TOOL: [&str; 3] = [
    "anthropic.claude-fable-5-1",
    "anthropic.claude-opus-5-5",
    "anthropic.claude-sonnet-5-5",
];

/// The smallest reasoning budget, in tokens.
const LEAST_BUDGET: u64 = 1024;

/// Checks a body that its layout accepted against the rules of the model with this base id.
pub(super) fn check(layout: Layout, base: &str, body: &Object) -> Result<(), ServiceError> {
    if layout == Layout::Claude {
        claude_sampling(base, body)?;
        claude_prefill(base, body)?;
        claude_thinking(base, body)?;
        claude_form(base, body)?;
    }
    if layout == Layout::Chat {
        chat(base, body)?;
    }
    Ok(())
}

/// Rejects a stream of a model that does not stream, or of a body that contradicts it.
pub(super) fn check_stream(layout: Layout, base: &str, body: &Object) -> Result<(), ServiceError> {
    if base.starts_with("meta.llama4") {
        return Err(ServiceError::no_stream());
    }
    let says_not = body.get("stream").and_then(Value::as_bool) == Some(false);
    if layout == Layout::Chat && says_not {
        return reject("stream must be true for InvokeModelWithResponseStream; use InvokeModel.");
    }
    let answers = body.get("n").and_then(Value::as_u64).unwrap_or(1);
    if base.starts_with("ai21.jamba") && 1 < answers {
        return reject("n must be 1 when streaming.");
    }
    Ok(())
}

/// Whether a Claude model accepts a message with the role `system` after the first turn (recorded in
/// 2026 for Opus 4.8; assumed for later models).
pub(super) fn takes_late_system(base: &str) -> bool {
    base.starts_with("anthropic.claude-opus-4-8") || is_one_of(base, &THINK_BY_DEFAULT)
}

/// Whether a model reasons unless told otherwise.
pub(super) fn thinks_by_default(base: &str) -> bool {
    is_one_of(base, &THINK_BY_DEFAULT)
}

fn is_one_of(base: &str, names: &[&str]) -> bool {
    names.iter().any(|name| base.starts_with(name))
}

fn claude_sampling(base: &str, body: &Object) -> Result<(), ServiceError> {
    let given = |key: &&str| body.contains_key(*key);
    if is_one_of(base, &NO_SAMPLING)
        && let Some(key) = ["temperature", "top_p", "top_k"]
            .iter()
            .find(|key| given(key))
    {
        return reject(format!("`{key}` is not supported by this model."));
    }
    if is_one_of(base, &ONE_OF_TWO) && given(&"temperature") && given(&"top_p") {
        return reject(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only \
             one.",
        );
    }
    Ok(())
}

fn claude_prefill(base: &str, body: &Object) -> Result<(), ServiceError> {
    let last = body.get("messages").and_then(Value::as_array);
    let last = last.and_then(|messages| messages.last());
    let is_begun = last.is_some_and(|last| last["role"] == "assistant");
    if is_begun && (is_one_of(base, &NO_SAMPLING) || is_one_of(base, &NO_PREFILL)) {
        return reject(
            "This model does not support assistant message prefill. The conversation must end \
             with a user message.",
        );
    }
    Ok(())
}

fn claude_thinking(base: &str, body: &Object) -> Result<(), ServiceError> {
    let Some(thinking) = body.get("thinking") else {
        return Ok(());
    };
    if thinking["type"] == "disabled" && is_one_of(base, &ALWAYS_THINK) {
        return reject("thinking.type: this model always thinks; `disabled` is not supported.");
    }
    if thinking["type"] != "enabled" {
        return Ok(());
    }
    let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
    if budget < LEAST_BUDGET {
        return reject(format!(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to \
             {LEAST_BUDGET}"
        ));
    }
    let most = body.get("max_tokens").and_then(Value::as_u64);
    if most.is_some_and(|most| most <= budget) {
        return reject("`max_tokens` must be greater than `thinking.budget_tokens`.");
    }
    let heat = body.get("temperature").and_then(Value::as_f64);
    if heat.is_some_and(|heat| heat != 1.0) {
        return reject("`temperature` may only be set to 1 when thinking is enabled.");
    }
    Ok(())
}

/// JSON by schema and forced tool choice are not for every model (model cards, November 2026).
fn claude_form(base: &str, body: &Object) -> Result<(), ServiceError> {
    let has_format = body
        .get("output_config")
        .is_some_and(|config| config.get("format").is_some());
    if has_format && !base.is_empty() && !is_one_of(base, &BY_SCHEMA) {
        return reject("output_config.format: Extra inputs are not permitted");
    }
    if let Some(schema) = body
        .get("output_config")
        .and_then(|config| config.pointer("/format/schema"))
    {
        Compiler::Claude.check(schema)?;
    }
    let choice = body.get("tool_choice").and_then(|it| it["type"].as_str());
    if matches!(choice, Some("any" | "tool")) && is_one_of(base, &NO_FORCED_TOOL) {
        return reject("tool_choice: type \"tool\" and \"any\" are not supported for this model.");
    }
    Ok(())
}

fn chat(base: &str, body: &Object) -> Result<(), ServiceError> {
    let has = |key: &str| body.contains_key(key);
    let format = body.get("response_format");
    if format.is_some() && !base.is_empty() && !is_one_of(base, &CHAT_BY_SCHEMA) {
        let reason = "#: extraneous key [response_format] is not permitted";
        return Err(ServiceError::malformed(reason));
    }
    if let Some(schema) = format.and_then(|it| it.pointer("/json_schema/schema")) {
        Compiler::Chat.check(schema)?;
    }
    if has("stop") && is_one_of(base, &NO_STOP) {
        return reject(unsupported("stop"));
    }
    let penalty = ["frequency_penalty", "presence_penalty"]
        .into_iter()
        .find(|key| has(key));
    if penalty.is_some() && base.starts_with("xai.grok") {
        // An error of the model that looks transient.
        let message = "The service is temporarily unavailable.";
        return Err(ServiceError::new(
            503,
            "ServiceUnavailableException",
            message,
        ));
    }
    if has("logit_bias") && base.starts_with("openai.gpt-oss") {
        return reject(unsupported("logit_bias"));
    }
    let reasons = body.get("reasoning_effort").and_then(Value::as_str) != Some("none");
    let sampling = ["temperature", "top_p", "logprobs"]
        .into_iter()
        .find(|key| has(key))
        .or(penalty);
    match sampling {
        Some(key) if reasons && is_one_of(base, &REASONING) => reject(unsupported(key)),
        Some(_) | None => Ok(()),
    }
}

fn unsupported(key: &str) -> String {
    format!("Unsupported parameter: '{key}' is not supported with this model.")
}

fn reject(message: impl Into<std::borrow::Cow<'static, str>>) -> Result<(), ServiceError> {
    Err(ServiceError::validation(message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model_ids::{Entry, find};

    #[track_caller]
    fn verdict(id: &str, body: Value) -> String {
        let Ok(Entry::Base(base, layout)) = find(id) else {
            panic!("{id} is not known")
        };
        let body = body.as_object().unwrap();
        match check(layout, base, body) {
            Ok(()) => "taken".into(),
            Err(error) => format!("{} {}", error.status, error.message),
        }
    }

    #[test]
    fn claude_models_reject_what_their_pages_say() {
        let opus = "us.anthropic.claude-opus-4-7";
        let sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        let begun = json!({"messages": [{"role": "assistant", "content": "I"}]});
        let thinking = |budget: u64, most: u64, heat: f64| json!({"thinking": {"type": "enabled", "budget_tokens": budget}, "max_tokens": most, "temperature": heat});
        for (id, body, expected) in [
            (opus, json!({"top_k": 5}), "400 `top_k` is not"),
            (opus, begun.clone(), "400 This model does not support assi"),
            (sonnet, begun, "taken"),
            (sonnet, json!({"temperature": 1, "top_p": 1}), "400 `temper"),
            (sonnet, json!({"temperature": 1}), "taken"),
            (sonnet, thinking(1000, 4000, 1.0), "400 thinking.enabled.bu"),
            (sonnet, thinking(2000, 2000, 1.0), "400 `max_tokens` must"),
            (sonnet, thinking(2000, 4000, 0.5), "400 `temperature` may"),
            (sonnet, thinking(2000, 4000, 1.0), "taken"),
            (
                "us.anthropic.claude-fable-5",
                json!({"thinking": {"type": "disabled"}}),
                "400 thinking.type: this",
            ),
        ] {
            let said = verdict(id, body.clone());
            assert!(said.starts_with(expected), "{id} {body}: {said}");
        }
    }

    #[test]
    fn chat_models_reject_what_their_pages_say() {
        for (id, body, expected) in [
            ("moonshot.kimi-k2-thinking", json!({"stop": ["a"]}), "400 "),
            ("openai.gpt-oss-20b-1:0", json!({"stop": ["a"]}), "taken"),
            ("openai.gpt-oss-20b-1:0", json!({"logit_bias": {}}), "400 "),
            ("xai.grok-4.6", json!({"presence_penalty": 1}), "503 "),
            ("xai.grok-4.6", json!({"stop": "a"}), "400 "),
            ("us.openai.gpt-5.5", json!({"temperature": 1}), "400 "),
            (
                "us.openai.gpt-5.5",
                json!({"temperature": 1, "reasoning_effort": "none"}),
                "taken",
            ),
            ("qwen.qwen3-32b-v1:0", json!({"temperature": 1}), "taken"),
            (
                "qwen.qwen3-32b-v1:0",
                json!({"response_format": {"type": "json_object"}}),
                "taken",
            ),
            (
                "us.openai.gpt-5.5",
                json!({"response_format": {"type": "json_object"}}),
                "400 Malformed input request: #: extraneous key [response_format]",
            ),
            (
                "xai.grok-4.6",
                json!({"response_format": {"type": "json_object"}}),
                "400 Malformed input request: #: extraneous key [response_format]",
            ),
        ] {
            let said = verdict(id, body.clone());
            assert!(said.starts_with(expected), "{id} {body}: {said}");
        }
    }
}
