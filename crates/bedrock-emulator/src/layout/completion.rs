//! Text completion without template markers: Claude's text completions, Cohere Command, Jurassic-2,
//! Pegasus.

use serde_json::{Value, json};

use super::{
    FinishReason, Form, ModelInput, ModelOutput, Reasoning, Task, input_tokens, texts, whole,
};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

const UNIT: Kind = Kind::Number(0.0, 1.0);

const CLAUDE_KEYS: [Key; 7] = [
    required("prompt", Kind::Text),
    required("max_tokens_to_sample", Kind::Whole(1, u32::MAX as u64)),
    optional("temperature", UNIT),
    optional("top_p", UNIT),
    optional("top_k", Kind::Whole(0, 500)),
    optional("stop_sequences", Kind::Texts),
    optional("anthropic_version", Kind::Text),
];

const COMMAND_KEYS: [Key; 11] = [
    required("prompt", Kind::Text),
    optional("max_tokens", Kind::Whole(1, 4_096)),
    optional("temperature", Kind::Number(0.0, 5.0)),
    optional("p", UNIT),
    optional("k", Kind::Whole(0, 500)),
    optional("stop_sequences", Kind::Texts),
    optional("return_likelihoods", Kind::Text),
    optional("num_generations", Kind::Whole(1, 5)),
    optional("truncate", Kind::Text),
    optional("logit_bias", Kind::Object),
    optional("stream", Kind::Flag),
];

const JURASSIC_KEYS: [Key; 8] = [
    required("prompt", Kind::Text),
    optional("maxTokens", Kind::Whole(1, 8_191)),
    optional("temperature", UNIT),
    optional("topP", UNIT),
    optional("stopSequences", Kind::Texts),
    optional("countPenalty", Kind::Object),
    optional("presencePenalty", Kind::Object),
    optional("frequencyPenalty", Kind::Object),
];

const PEGASUS_KEYS: [Key; 5] = [
    required("inputPrompt", Kind::Text),
    required("mediaSource", Kind::Object),
    optional("temperature", UNIT),
    optional("maxOutputTokens", Kind::Whole(1, 4_096)),
    optional("responseFormat", Kind::Object),
];

/// Input tokens that a video counts as.
const VIDEO_TOKENS: u64 = 10_000;

const HUMAN: &str = "\n\nHuman:";
const ASSISTANT: &str = "\n\nAssistant:";

fn ask(
    body: &Object,
    prompt: &str,
    limit: (&str, u64),
    stop: &str,
) -> Result<ModelInput, ServiceError> {
    let whole_prompt = body.get(prompt).and_then(Value::as_str).unwrap_or_default();
    if whole_prompt.is_empty() {
        let reason = format!("#/{prompt}: expected minLength: 1, actual: 0");
        return Err(ServiceError::malformed(reason));
    }
    Ok(ModelInput {
        prompt: whole_prompt.to_owned(),
        input_tokens: input_tokens(whole_prompt.len()),
        task: Task::Text {
            max_tokens: whole(body, limit.0, limit.1),
            stop: texts(body, stop),
            reasoning: Reasoning::None,
            form: Form::Text,
        },
    })
}

/// The prompt must start with a human turn and end with an open assistant turn.
pub(super) fn read_claude(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &CLAUDE_KEYS, "#")?;
    let ask = ask(
        body,
        "prompt",
        ("max_tokens_to_sample", 1),
        "stop_sequences",
    )?;
    if let Some(said) = without_line_breaks(&ask.prompt) {
        return Ok(ModelInput {
            prompt: said.to_owned(),
            ..ask
        });
    }
    if !ask.prompt.starts_with(HUMAN) {
        return Err(ServiceError::validation(
            "Invalid prompt: prompt must start with \"\n\nHuman:\" turn",
        ));
    }
    let Some((before, _)) = ask.prompt.rsplit_once(ASSISTANT) else {
        return Err(ServiceError::validation(
            "Invalid prompt: prompt must end with \"\n\nAssistant:\" turn",
        ));
    };
    if !takes_turns(before) {
        return Err(ServiceError::validation(
            "Invalid prompt: prompt must alternate between \"\n\nHuman:\" and \"\n\nAssistant:\" \
             turns",
        ));
    }
    let last = before.rsplit(HUMAN).next().unwrap_or(before);
    Ok(ModelInput {
        prompt: last.trim().to_owned(),
        ..ask
    })
}

/// The last human turn of a prompt without line breaks before its turns: the documentation requires
/// them, but the service accepts this (claude-v2:1, recorded June 2024).
fn without_line_breaks(prompt: &str) -> Option<&str> {
    let turns = prompt.strip_prefix("Human:")?;
    let (before, _) = turns.rsplit_once("Assistant:")?;
    let last = before.rsplit("Human:").next().unwrap_or(before);
    Some(last.trim())
}

/// Whether human and assistant turns alternate, up to a human turn.
fn takes_turns(before: &str) -> bool {
    let turns = before.split(HUMAN).skip(1);
    let answers: Vec<usize> = turns.map(|turn| turn.matches(ASSISTANT).count()).collect();
    answers
        .split_last()
        .is_some_and(|(last, others)| *last == 0 && others.iter().all(|it| *it == 1))
}

pub(super) fn write_claude(answer: &ModelOutput) -> Value {
    let (stop_reason, stop) = match &answer.finish {
        FinishReason::Done
        | FinishReason::Filtered
        | FinishReason::Blocked
        | FinishReason::ToolCall => ("stop_sequence", Some(HUMAN)),
        FinishReason::Length => ("max_tokens", None),
        FinishReason::Stop(text) => ("stop_sequence", Some(text.as_str())),
    };
    json!({
        "type": "completion",
        "completion": answer.text,
        "stop_reason": stop_reason,
        "stop": stop,
    })
}

pub(super) fn read_command(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &COMMAND_KEYS, "#")?;
    ask(body, "prompt", ("max_tokens", 20), "stop_sequences")
}

pub(super) fn write_command(answer: &ModelOutput) -> Value {
    let generation = |(number, answer): (usize, &ModelOutput)| {
        json!({
            "id": format!("emulated-{number}"),
            "text": answer.text,
            "finish_reason": cohere_reason(answer),
        })
    };
    let generations: Vec<Value> = (1..).zip(answer.completions()).map(generation).collect();
    json!({"id": "emulated", "generations": generations})
}

/// The finish reason of Cohere's models.
pub(super) fn cohere_reason(answer: &ModelOutput) -> &'static str {
    match answer.finish {
        FinishReason::Done
        | FinishReason::Stop(_)
        | FinishReason::Blocked
        | FinishReason::ToolCall => "COMPLETE",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::Filtered => "ERROR_TOXIC",
    }
}

pub(super) fn read_jurassic(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &JURASSIC_KEYS, "#")?;
    ask(body, "prompt", ("maxTokens", 200), "stopSequences")
}

pub(super) fn write_jurassic(answer: &ModelOutput) -> Value {
    let reason = match answer.finish {
        FinishReason::Done
        | FinishReason::Filtered
        | FinishReason::Blocked
        | FinishReason::ToolCall => {
            json!({"reason": "endoftext"})
        }
        FinishReason::Length => json!({"reason": "length", "length": answer.output_tokens}),
        FinishReason::Stop(ref text) => json!({"reason": "stop", "sequence": text}),
    };
    json!({
        "id": 1,
        "prompt": {"text": "", "tokens": []},
        "completions": [{
            "data": {"text": answer.text, "tokens": []},
            "finishReason": reason,
        }],
    })
}

pub(super) fn read_pegasus(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &PEGASUS_KEYS, "#")?;
    let ask = ask(body, "inputPrompt", ("maxOutputTokens", 4_096), "stop")?;
    Ok(ModelInput {
        input_tokens: ask.input_tokens + VIDEO_TOKENS,
        ..ask
    })
}

pub(super) fn write_pegasus(answer: &ModelOutput) -> Value {
    json!({"message": answer.text, "finishReason": super::chat::finish_reason(answer)})
}
