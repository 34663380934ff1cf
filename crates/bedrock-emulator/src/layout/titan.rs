//! Amazon Titan Text.

use serde_json::{Value, json};

use super::{
    FinishReason, Form, ModelInput, ModelOutput, Reasoning, Task, input_tokens, texts, whole,
};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

const KEYS: [Key; 2] = [
    required("inputText", Kind::Text),
    optional("textGenerationConfig", Kind::Object),
];

/// The longest output of each model, in tokens; more is rejected (Titan Text parameters page).
fn highest(base: &str) -> u64 {
    if base.contains("premier") {
        3_072
    } else if base.contains("lite") {
        4_096
    } else {
        8_192
    }
}

pub(super) fn read(body: &Object, base: &str) -> Result<ModelInput, ServiceError> {
    check(body, &KEYS, "#")?;
    let none = Object::new();
    let settings = body
        .get("textGenerationConfig")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let keys = [
        optional("maxTokenCount", Kind::Whole(0, highest(base))),
        optional("temperature", Kind::Number(0.0, 1.0)),
        optional("topP", Kind::Number(0.0, 1.0)),
        optional("stopSequences", Kind::Texts),
    ];
    check(settings, &keys, "#/textGenerationConfig")?;
    let text = body
        .get("inputText")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(ModelInput {
        prompt: user_text(text).to_owned(),
        input_tokens: input_tokens(text.len()),
        task: Task::Text {
            max_tokens: whole(settings, "maxTokenCount", 512),
            stop: texts(settings, "stopSequences"),
            reasoning: Reasoning::None,
            form: Form::Text,
        },
    })
}

/// The user's last turn in a dialogue that ends with `Bot:`; else the whole text.
fn user_text(text: &str) -> &str {
    let dialogue = text.trim_end().strip_suffix("Bot:");
    let turn = dialogue.and_then(|turns| turns.rsplit_once("User:"));
    turn.map_or(text, |(_, said)| said).trim()
}

pub(super) fn write(answer: &ModelOutput) -> Value {
    let reason = match answer.finish {
        FinishReason::Done | FinishReason::Blocked | FinishReason::ToolCall => "FINISH",
        FinishReason::Length => "LENGTH",
        FinishReason::Stop(_) => "STOP_CRITERIA_MET",
        FinishReason::Filtered => "CONTENT_FILTERED",
    };
    json!({
        "inputTextTokenCount": answer.input_tokens,
        "results": [{
            "tokenCount": answer.output_tokens,
            "outputText": answer.text,
            "completionReason": reason,
        }],
    })
}
