//! OpenAI-style chat completions, and Mistral's own variant.

use serde_json::{Value, json};

use super::conversation::{self, Content, Rules};
use super::{
    FinishReason, ModelInput, ModelOutput, Reasoning, Task, ToolCall, form, input_tokens, texts,
    whole,
};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

/// The longest output when the request sets no limit, in tokens.
const MODEL_MAX_TOKENS: u64 = 65_536;
/// The longest output of Mistral's 2024 models, in tokens.
const MISTRAL_MAX_TOKENS: u64 = 8_192;
/// The longest output of Jamba, in tokens.
const JAMBA_MAX_TOKENS: u64 = 4_096;

const LIMIT: Kind = Kind::Whole(1, 1 << 20);
const PENALTY: Kind = Kind::Number(-2.0, 2.0);

const KEYS: [Key; 31] = [
    required("messages", Kind::List),
    optional("model", Kind::Text),
    optional("stream", Kind::Flag),
    optional("stream_options", Kind::Object),
    optional("max_completion_tokens", LIMIT),
    optional("max_tokens", LIMIT),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("top_k", Kind::Any),
    optional("min_p", Kind::Number(0.0, 1.0)),
    optional("stop", Kind::Any),
    optional("n", Kind::Whole(1, 16)),
    optional("seed", Kind::Any),
    optional("frequency_penalty", PENALTY),
    optional("presence_penalty", PENALTY),
    optional("repetition_penalty", Kind::Number(0.0, 2.0)),
    optional("logit_bias", Kind::Object),
    optional("logprobs", Kind::Any),
    optional("top_logprobs", Kind::Whole(0, 20)),
    optional("response_format", Kind::Object),
    optional("tools", Kind::Any),
    optional("tool_choice", Kind::Any),
    optional("parallel_tool_calls", Kind::Flag),
    optional("reasoning", Kind::Any),
    optional("reasoning_effort", Kind::Text),
    optional("verbosity", Kind::Text),
    optional("thinking", Kind::Any),
    optional("chat_template_kwargs", Kind::Object),
    optional("metadata", Kind::Object),
    optional("user", Kind::Text),
    optional("service_tier", Kind::Text),
];

const RULES: Rules = Rules {
    roles: &["system", "developer", "user", "assistant", "tool"],
    late_role: None,
    content: Content::TextOrBlocks,
    user_first: "The first message after the system messages must be the user's.",
};

pub(super) fn read(body: &Object, base: &str) -> Result<ModelInput, ServiceError> {
    check(body, &KEYS, "#")?;
    let limit = whole(body, "max_tokens", 0);
    if base.starts_with("ai21.jamba") && JAMBA_MAX_TOKENS < limit {
        let reason = format!("#/max_tokens: {limit} is not less or equal to {JAMBA_MAX_TOKENS}");
        return Err(ServiceError::malformed(reason));
    }
    if base.starts_with("openai.") && !base.starts_with("openai.gpt-oss") {
        reject_max_tokens(body)?;
    }
    reject_contradictions(body, base)?;
    let talk = conversation::read(body.get("messages"), RULES)?;
    let limit = whole(body, "max_tokens", MODEL_MAX_TOKENS);
    Ok(ModelInput {
        prompt: talk.last_user,
        input_tokens: input_tokens(talk.bytes),
        task: Task::Text {
            max_tokens: whole(body, "max_completion_tokens", limit),
            stop: texts(body, "stop"),
            reasoning: reasoning(base),
            form: form::chat(body)?,
        },
    })
}

/// GPT-5 and later take `max_completion_tokens` only.
fn reject_max_tokens(body: &Object) -> Result<(), ServiceError> {
    if body.contains_key("max_tokens") {
        return Err(ServiceError::validation(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
             'max_completion_tokens' instead.",
        ));
    }
    Ok(())
}

/// `model` and `stream` may be given and must agree with the path. `stream` of a streamed call has been
/// removed before.
fn reject_contradictions(body: &Object, base: &str) -> Result<(), ServiceError> {
    let model = body.get("model").and_then(Value::as_str);
    let is_other = |model: &str| model != base && !model.ends_with(&format!(".{base}"));
    if !base.is_empty() && model.is_some_and(is_other) {
        return Err(ServiceError::validation(
            "The model in the body does not match the model in the path.",
        ));
    }
    if body.get("stream").and_then(Value::as_bool) == Some(true) {
        return Err(ServiceError::validation(
            "stream must be false for InvokeModel; use InvokeModelWithResponseStream.",
        ));
    }
    Ok(())
}

/// gpt-oss and Kimi K2 Thinking reason before the text.
fn reasoning(base: &str) -> Reasoning {
    if base.starts_with("openai.gpt-oss") || base.contains("kimi-k2-thinking") {
        Reasoning::Separate
    } else {
        Reasoning::None
    }
}

/// Reasoning in tags, closed even if it is cut.
pub(super) fn tagged(thought: &str) -> String {
    format!("<reasoning>{thought}</reasoning>")
}

/// A tool call with its input, or a part of it.
pub(super) fn function(call: &ToolCall, input: &str) -> Value {
    json!({
        "id": "chatcmpl-tool-emulated",
        "type": "function",
        "function": {"name": call.name, "arguments": input},
    })
}

/// A completion among those that were asked for.
fn choice((index, answer): (usize, &ModelOutput)) -> Value {
    let content = match answer.thought.is_empty() {
        true => answer.text.clone(),
        false => tagged(&answer.thought) + &answer.text,
    };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if let Some(call) = &answer.tool_call {
        message["tool_calls"] = json!([function(call, &call.input)]);
    }
    json!({"index": index, "message": message, "finish_reason": finish_reason(answer)})
}

pub(super) fn write(id: &str, answer: &ModelOutput) -> Value {
    let choices: Vec<Value> = answer.completions().enumerate().map(choice).collect();
    json!({
        "id": "chatcmpl-emulated",
        "object": "chat.completion",
        "created": 1_763_800_000,
        "model": id,
        "choices": choices,
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "service_tier": "default",
    })
}

/// The finish reason of layouts modelled on OpenAI's API.
pub(super) fn finish_reason(answer: &ModelOutput) -> &'static str {
    match answer.finish {
        FinishReason::Done | FinishReason::Stop(_) | FinishReason::Blocked => "stop",
        FinishReason::Length => "length",
        FinishReason::Filtered => "content_filter",
        FinishReason::ToolCall => "tool_calls",
    }
}

const MISTRAL_KEYS: [Key; 7] = [
    required("messages", Kind::List),
    optional("max_tokens", Kind::Whole(1, MISTRAL_MAX_TOKENS)),
    optional("temperature", Kind::Number(0.0, 1.0)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("stop", Kind::Texts),
    optional("tools", Kind::Any),
    optional("tool_choice", Kind::Any),
];

pub(super) fn read_mistral(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &MISTRAL_KEYS, "#")?;
    let talk = conversation::read(body.get("messages"), RULES)?;
    Ok(ModelInput {
        prompt: talk.last_user,
        input_tokens: input_tokens(talk.bytes),
        task: Task::Text {
            max_tokens: whole(body, "max_tokens", MISTRAL_MAX_TOKENS),
            stop: texts(body, "stop"),
            reasoning: Reasoning::None,
            form: form::chat(body)?,
        },
    })
}

pub(super) fn write_mistral(answer: &ModelOutput) -> Value {
    let call = answer.tool_call.as_ref();
    let calls: Vec<Value> = call
        .map(|call| function(call, &call.input))
        .into_iter()
        .collect();
    json!({
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": answer.text, "tool_calls": calls},
            "stop_reason": finish_reason(answer),
        }],
    })
}
