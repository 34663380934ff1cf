//! Cohere Command R and R+.

use serde_json::{Value, json};

use super::completion::cohere_reason;
use super::{Form, ModelInput, ModelOutput, Reasoning, Task, input_tokens, texts, whole};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

const KEYS: [Key; 19] = [
    required("message", Kind::Text),
    optional("chat_history", Kind::Any),
    optional("preamble", Kind::Text),
    optional("max_tokens", Kind::Whole(1, 4_000)),
    optional("temperature", Kind::Number(0.0, 1.0)),
    optional("p", Kind::Number(0.01, 1.0)),
    optional("k", Kind::Whole(0, 500)),
    optional("stop_sequences", Kind::Texts),
    optional("documents", Kind::Any),
    optional("tools", Kind::Any),
    optional("tool_results", Kind::Any),
    optional("search_queries_only", Kind::Flag),
    optional("prompt_truncation", Kind::Text),
    optional("frequency_penalty", Kind::Number(0.0, 1.0)),
    optional("presence_penalty", Kind::Number(0.0, 1.0)),
    optional("seed", Kind::Any),
    optional("return_prompt", Kind::Flag),
    optional("raw_prompting", Kind::Flag),
    optional("stream", Kind::Flag),
];

pub(super) fn read(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &KEYS, "#")?;
    let text = |key| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let turns = body.get("chat_history").and_then(Value::as_array);
    let mut bytes = text("message").len() + text("preamble").len();
    for (n, turn) in turns.into_iter().flatten().enumerate() {
        let role = turn.get("role").and_then(Value::as_str);
        if !matches!(role, Some("USER" | "CHATBOT")) {
            let reason = format!("#/chat_history/{n}/role: not a valid enum value");
            return Err(ServiceError::malformed(reason));
        }
        bytes += turn["message"].as_str().map_or(0, str::len);
    }
    Ok(ModelInput {
        prompt: text("message").to_owned(),
        input_tokens: input_tokens(bytes),
        task: Task::Text {
            max_tokens: whole(body, "max_tokens", 4_000),
            stop: texts(body, "stop_sequences"),
            reasoning: Reasoning::None,
            form: Form::Text,
        },
    })
}

pub(super) fn write(answer: &ModelOutput) -> Value {
    json!({
        "response_id": "emulated",
        "text": answer.text,
        "generation_id": "emulated-1",
        "chat_history": [],
        "finish_reason": cohere_reason(answer),
    })
}
