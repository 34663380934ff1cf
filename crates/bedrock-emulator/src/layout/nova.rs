//! Amazon Nova.

use serde_json::{Value, json};

use super::conversation::{self, Content, Rules};
use super::{
    FinishReason, ModelInput, ModelOutput, Reasoning, Task, form, input_tokens, texts, whole,
};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

/// The longest output when the request sets no limit, in tokens (Nova's request schema).
const MODEL_MAX_TOKENS: u64 = 5_000;
/// An upper bound for the output of every Nova model, in tokens.
const HIGHEST_MAX_TOKENS: u64 = 65_535;

const KEYS: [Key; 6] = [
    required("messages", Kind::List),
    optional("system", Kind::List),
    optional("inferenceConfig", Kind::Object),
    optional("toolConfig", Kind::Object),
    optional("reasoningConfig", Kind::Object),
    optional("schemaVersion", Kind::Text),
];

const INFERENCE_KEYS: [Key; 8] = [
    optional("maxTokens", Kind::Whole(1, HIGHEST_MAX_TOKENS)),
    optional("max_new_tokens", Kind::Whole(1, HIGHEST_MAX_TOKENS)),
    optional("temperature", Kind::Number(0.0, 1.0)),
    optional("topP", Kind::Number(0.0, 1.0)),
    optional("top_p", Kind::Number(0.0, 1.0)),
    optional("topK", Kind::Whole(0, 128)),
    optional("stopSequences", Kind::Texts),
    optional("reasoningConfig", Kind::Object),
];

const RULES: Rules = Rules {
    roles: &["user", "assistant"],
    late_role: None,
    content: Content::Blocks,
    user_first: "A conversation must start with a user message. Try again with a conversation \
                 that starts with a user message.",
};

/// Whether the first message's content is a list of Nova's blocks, which have no `type`.
pub(super) fn has_blocks(body: &Object) -> bool {
    let block = body
        .get("messages")
        .and_then(|list| list.pointer("/0/content/0"));
    block.is_some_and(|block| block.get("type").is_none())
}

pub(super) fn read(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &KEYS, "#")?;
    let none = Object::new();
    let inference = body
        .get("inferenceConfig")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    check(inference, &INFERENCE_KEYS, "#/inferenceConfig")?;
    check_blocks(body)?;
    let talk = conversation::read(body.get("messages"), RULES)?;
    let system = conversation::system_bytes(body.get("system"));
    let limit = whole(inference, "max_new_tokens", MODEL_MAX_TOKENS);
    Ok(ModelInput {
        prompt: talk.last_user,
        input_tokens: input_tokens(talk.bytes + system),
        task: Task::Text {
            max_tokens: whole(inference, "maxTokens", limit),
            stop: texts(inference, "stopSequences"),
            reasoning: reasoning(body, inference),
            form: form::nova(body)?,
        },
    })
}

/// Keys of which a block has at least one.
const BLOCK_KINDS: [&str; 7] = [
    "text",
    "image",
    "video",
    "document",
    "reasoningContent",
    "toolResult",
    "toolUse",
];

/// Further keys that a block may have.
const BLOCK_MARKS: [&str; 2] = ["cachePoint", "guardContent"];

/// Rejects unknown keys of blocks (recorded March 2025). The validator tries the kinds of block in turn,
/// and reports a block of no kind by the last of them.
fn check_blocks(body: &Object) -> Result<(), ServiceError> {
    for (at, block) in conversation::blocks(body) {
        let keys = || block.as_object().into_iter().flat_map(Object::keys);
        if !keys().any(|key| BLOCK_KINDS.contains(&key.as_str())) {
            let reason = format!("{at}: required key [toolUse] not found");
            return Err(ServiceError::malformed(reason));
        }
        let is_known = |key: &str| BLOCK_KINDS.contains(&key) || BLOCK_MARKS.contains(&key);
        if let Some(key) = keys().find(|key| !is_known(key)) {
            let reason = format!("{at}: extraneous key [{key}] is not permitted");
            return Err(ServiceError::malformed(reason));
        }
    }
    Ok(())
}

/// Reasoning in a separate block, if requested in `inferenceConfig` or beside it.
fn reasoning(body: &Object, inference: &Object) -> Reasoning {
    let config = [body, inference].map(|place| place.get("reasoningConfig"));
    let is_on = |config: &Value| config["type"] == "enabled";
    match config.into_iter().flatten().any(is_on) {
        true => Reasoning::Separate,
        false => Reasoning::None,
    }
}

/// The id of every tool call.
pub(super) const TOOL_USE_ID: &str = "tooluse_emulated";

/// A block of reasoning.
pub(super) fn thought(text: &str) -> Value {
    json!({"reasoningContent": {"reasoningText": {"text": text}}})
}

pub(super) fn write(answer: &ModelOutput) -> Value {
    let stop_reason = match answer.finish {
        FinishReason::Done => "end_turn",
        FinishReason::Blocked => "guardrail_intervened",
        FinishReason::ToolCall => "tool_use",
        FinishReason::Length => "max_tokens",
        FinishReason::Stop(_) => "stop_sequence",
        FinishReason::Filtered => "content_filtered",
    };
    let thought = (!answer.thought.is_empty()).then(|| thought(&answer.thought));
    let said = match &answer.tool_call {
        Some(call) => json!({"toolUse": {
            "toolUseId": TOOL_USE_ID,
            "name": call.name,
            "input": call.input(),
        }}),
        None => json!({"text": answer.text}),
    };
    let blocks = thought.into_iter().chain([said]);
    json!({
        "output": {"message": {"role": "assistant", "content": blocks.collect::<Value>()}},
        "stopReason": stop_reason,
        "usage": {
            "inputTokens": answer.input_tokens,
            "outputTokens": answer.output_tokens,
            "totalTokens": answer.input_tokens + answer.output_tokens,
            "cacheReadInputTokenCount": 0,
            "cacheWriteInputTokenCount": 0,
        },
    })
}
