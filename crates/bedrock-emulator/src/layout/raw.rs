//! Models that accept one raw prompt with the markers of their template.

use serde_json::{Value, json};

use super::chat::finish_reason;
use super::{Form, ModelInput, ModelOutput, Reasoning, Task, input_tokens, texts, whole};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

const UNIT: Kind = Kind::Number(0.0, 1.0);

/// Most stop sequences of Mistral and DeepSeek R1 (parameters pages, October 2026).
const MOST_STOPS: usize = 10;

const LLAMA_KEYS: [Key; 5] = [
    required("prompt", Kind::Text),
    optional("max_gen_len", Kind::Whole(1, 8_192)),
    optional("temperature", UNIT),
    optional("top_p", UNIT),
    optional("images", Kind::Texts),
];

const MISTRAL_KEYS: [Key; 6] = [
    required("prompt", Kind::Text),
    optional("max_tokens", Kind::Whole(1, 8_192)),
    optional("temperature", UNIT),
    optional("top_p", UNIT),
    optional("top_k", Kind::Whole(1, 200)),
    optional("stop", Kind::FewTexts(MOST_STOPS)),
];

const DEEPSEEK_KEYS: [Key; 5] = [
    required("prompt", Kind::Text),
    optional("max_tokens", Kind::Whole(1, 32_768)),
    optional("temperature", UNIT),
    optional("top_p", UNIT),
    optional("stop", Kind::FewTexts(MOST_STOPS)),
];

const COMPLETION_KEYS: [Key; 6] = [
    required("prompt", Kind::Text),
    optional("max_tokens", Kind::Whole(1, 1 << 20)),
    optional("temperature", Kind::Number(0.0, 2.0)),
    optional("top_p", UNIT),
    optional("top_k", Kind::Any),
    optional("stop", Kind::Any),
];

/// The markers around the user's text in each template; the last pair found counts.
const MARKERS: [(&str, &str); 4] = [
    ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
    ("<|header_start|>user<|header_end|>\n\n", "<|eot|>"),
    ("[INST]", "[/INST]"),
    ("<｜User｜>", "<｜Assistant｜>"),
];

pub(super) fn is_llama(prompt: &str) -> bool {
    prompt.contains("<|start_header_id|>") || prompt.contains("<|header_start|>")
}

pub(super) fn is_mistral(prompt: &str) -> bool {
    prompt.contains("[INST]")
}

pub(super) fn is_deepseek(prompt: &str) -> bool {
    prompt.contains("<｜User｜>")
}

/// The user's last text in a raw prompt, or the whole prompt if it follows no template.
fn user_text(prompt: &str) -> &str {
    let inside = MARKERS.iter().find_map(|(before, after)| {
        let (_, rest) = prompt.rsplit_once(before)?;
        Some(rest.split_once(after).map_or(rest, |(text, _)| text))
    });
    inside.unwrap_or(prompt).trim()
}

fn read(body: &Object, keys: &[Key], limit: (&str, u64)) -> Result<ModelInput, ServiceError> {
    check(body, keys, "#")?;
    let prompt = body
        .get("prompt")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if prompt.is_empty() {
        let reason = "#/prompt: expected minLength: 1, actual: 0";
        return Err(ServiceError::malformed(reason));
    }
    let thinking = is_deepseek(prompt) && prompt.trim_end().ends_with("<think>");
    Ok(ModelInput {
        prompt: user_text(prompt).to_owned(),
        input_tokens: input_tokens(prompt.len()),
        task: Task::Text {
            max_tokens: whole(body, limit.0, limit.1),
            stop: texts(body, "stop"),
            reasoning: if thinking {
                Reasoning::InText
            } else {
                Reasoning::None
            },
            form: Form::Text,
        },
    })
}

pub(super) fn read_llama(body: &Object) -> Result<ModelInput, ServiceError> {
    read(body, &LLAMA_KEYS, ("max_gen_len", 512))
}

pub(super) fn write_llama(answer: &ModelOutput) -> Value {
    json!({
        "generation": answer.text,
        "prompt_token_count": answer.input_tokens,
        "generation_token_count": answer.output_tokens,
        "stop_reason": finish_reason(answer),
    })
}

pub(super) fn read_mistral(body: &Object) -> Result<ModelInput, ServiceError> {
    read(body, &MISTRAL_KEYS, ("max_tokens", 512))
}

pub(super) fn write_mistral(answer: &ModelOutput) -> Value {
    json!({"outputs": [{"text": answer.text, "stop_reason": finish_reason(answer)}]})
}

pub(super) fn read_deepseek(body: &Object) -> Result<ModelInput, ServiceError> {
    read(body, &DEEPSEEK_KEYS, ("max_tokens", 32_768))
}

pub(super) fn write_deepseek(answer: &ModelOutput) -> Value {
    json!({"choices": [{"text": answer.text, "stop_reason": finish_reason(answer)}]})
}

pub(super) fn read_completion(body: &Object) -> Result<ModelInput, ServiceError> {
    read(body, &COMPLETION_KEYS, ("max_tokens", 512))
}

pub(super) fn write_completion(answer: &ModelOutput) -> Value {
    json!({
        "id": "cmpl-emulated",
        "object": "text_completion",
        "choices": [{
            "index": 0,
            "text": answer.text,
            "finish_reason": finish_reason(answer),
            "stop_reason": null,
        }],
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
        },
    })
}
