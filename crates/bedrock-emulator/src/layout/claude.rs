//! Anthropic Messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::conversation::{self, Content, Rules};
use super::{
    FinishReason, Form, ModelInput, ModelOutput, Reasoning, Task, form, input_tokens, model_rules,
    texts, whole,
};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

const VERSION: &str = "bedrock-2023-05-31";

/// The smallest reasoning budget, in tokens.
const LEAST_BUDGET: u64 = 1_024;

const KEYS: [Key; 16] = [
    required("anthropic_version", Kind::Text),
    required("max_tokens", Kind::Whole(1, u32::MAX as u64)),
    required("messages", Kind::List),
    optional("system", Kind::Any),
    optional("stop_sequences", Kind::Texts),
    optional("temperature", Kind::Number(0.0, 1.0)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("top_k", Kind::Whole(0, 500)),
    optional("tools", Kind::Any),
    optional("tool_choice", Kind::Object),
    optional("thinking", Kind::Object),
    optional("output_config", Kind::Object),
    optional("output_format", Kind::Object),
    optional("context_management", Kind::Object),
    optional("metadata", Kind::Object),
    optional("anthropic_beta", Kind::Texts),
];

const RULES: Rules = Rules {
    roles: &["user", "assistant"],
    late_role: None,
    content: Content::TextOrBlocks,
    user_first: "messages: first message must use the \"user\" role",
};

pub(super) fn read(body: &Object, base: &str) -> Result<ModelInput, ServiceError> {
    check(body, &KEYS, "#")?;
    if body.get("anthropic_version").and_then(Value::as_str) != Some(VERSION) {
        return Err(ServiceError::malformed(format!(
            "#/anthropic_version: the only version is {VERSION}"
        )));
    }
    conversation::reject_mark(body, "cachePoint")?;
    let rules = Rules {
        late_role: model_rules::takes_late_system(base).then_some("system"),
        ..RULES
    };
    let talk = conversation::read(body.get("messages"), rules)?;
    check_content(body)?;
    if talk.last_user.is_empty() && talk.bytes == 0 {
        let message = "messages: text content blocks must be non-empty";
        return Err(ServiceError::validation(message));
    }
    let form = form::claude(body)?;
    let reasoning = reasoning(body, base, &form)?;
    let system = conversation::system_bytes(body.get("system"));
    Ok(ModelInput {
        prompt: talk.last_user,
        input_tokens: input_tokens(talk.bytes + system),
        task: Task::Text {
            max_tokens: whole(body, "max_tokens", 1),
            stop: texts(body, "stop_sequences"),
            reasoning,
            form,
        },
    })
}

/// Rules for the content of stop sequences and messages, in the service's words (public
/// issues, 2024 to 2026).
fn check_content(body: &Object) -> Result<(), ServiceError> {
    if texts(body, "stop_sequences")
        .iter()
        .any(|stop| stop.trim().is_empty())
    {
        let message = "stop_sequences: each stop sequence must contain non-whitespace";
        return Err(ServiceError::validation(message));
    }
    let messages = body.get("messages").and_then(Value::as_array);
    let messages = messages.map_or(&[][..], Vec::as_slice);
    if let Some(last) = messages.last()
        && last["role"] == "assistant"
        && conversation::last_text(last).is_some_and(|text| text.ends_with(char::is_whitespace))
    {
        let message = "messages: final assistant content cannot end with trailing whitespace";
        return Err(ServiceError::validation(message));
    }
    for (turn, message) in messages.iter().enumerate() {
        let blocks = message["content"].as_array().into_iter().flatten();
        for (n, block) in blocks.enumerate() {
            check_base64(block, &format!("messages.{turn}.content.{n}"))?;
        }
    }
    Ok(())
}

/// Checks the base64 of images and documents, also within tool results.
fn check_base64(block: &Value, at: &str) -> Result<(), ServiceError> {
    let kind = block["type"].as_str().unwrap_or_default();
    if kind == "tool_result" {
        let inner = block["content"].as_array().into_iter().flatten();
        for (n, block) in inner.enumerate() {
            check_base64(block, &format!("{at}.tool_result.content.{n}"))?;
        }
    }
    let source = &block["source"];
    let Some(data) = source["data"]
        .as_str()
        .filter(|_| source["type"] == "base64")
    else {
        return Ok(());
    };
    let wrong = if data.is_empty() {
        format!("{kind} cannot be empty")
    } else if STANDARD.decode(data).is_err() {
        "invalid base64 data".to_owned()
    } else {
        return Ok(());
    };
    let message = format!("{at}.{kind}.source.base64: {wrong}");
    Err(ServiceError::validation(message))
}

/// Reasoning in a separate block: if it is requested, or by default in models that reason unless told
/// otherwise. Source for what is rejected: Amazon Bedrock
/// user guide, "Anthropic Claude Messages API", October 2026.
fn reasoning(body: &Object, base: &str, form: &Form) -> Result<Reasoning, ServiceError> {
    let thinking = body.get("thinking");
    let is_asked = thinking.is_some_and(|thinking| thinking["type"] != "disabled");
    if matches!(form, Form::ToolCall { .. }) {
        let message = "Thinking may not be enabled when tool_choice forces tool use.";
        return match is_asked {
            true => Err(ServiceError::validation(message)),
            false => Ok(Reasoning::None),
        };
    }
    match thinking.and_then(|thinking| thinking["type"].as_str()) {
        Some("adaptive") => return Ok(Reasoning::Separate),
        Some("enabled") => {}
        None if model_rules::thinks_by_default(base) => return Ok(Reasoning::Separate),
        Some(_) | None => return Ok(Reasoning::None),
    }
    let budget = thinking.and_then(|thinking| thinking["budget_tokens"].as_u64());
    let budget = budget.unwrap_or(0);
    let temperature = body.get("temperature").and_then(Value::as_f64);
    let wrong = if budget < LEAST_BUDGET {
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    } else if whole(body, "max_tokens", 0) <= budget {
        "`max_tokens` must be greater than `thinking.budget_tokens`."
    } else if temperature.is_some_and(|temperature| temperature != 1.0) {
        "`temperature` may only be set to 1 when thinking is enabled."
    } else {
        return Ok(Reasoning::Separate);
    };
    Err(ServiceError::validation(wrong))
}

/// A block with a tool call.
pub(super) fn tool_use(name: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": "toolu_bdrk_emulated", "name": name, "input": input})
}

/// The placeholder for the signature of a reasoning block.
const SIGNATURE: &str = "ZW11bGF0ZWQ=";

pub(super) fn write(id: &str, answer: &ModelOutput) -> Value {
    let (stop_reason, stop_sequence) = match &answer.finish {
        FinishReason::Done | FinishReason::Blocked => ("end_turn", None),
        FinishReason::Length => ("max_tokens", None),
        FinishReason::Stop(text) => ("stop_sequence", Some(text)),
        FinishReason::Filtered => ("refusal", None),
        FinishReason::ToolCall => ("tool_use", None),
    };
    let thought = (!answer.thought.is_empty())
        .then(|| json!({"type": "thinking", "thinking": answer.thought, "signature": SIGNATURE}));
    let text = json!({"type": "text", "text": answer.text});
    let said = match &answer.tool_call {
        Some(call) => Some(tool_use(&call.name, call.input())),
        None => (answer.finish != FinishReason::Filtered).then_some(text),
    };
    let blocks = thought.into_iter().chain(said);
    json!({
        "id": "msg_bdrk_emulated",
        "type": "message",
        "role": "assistant",
        "model": id,
        "content": blocks.collect::<Value>(),
        "stop_reason": stop_reason,
        "stop_sequence": stop_sequence,
        "usage": {
            "input_tokens": answer.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": answer.output_tokens,
        },
    })
}
