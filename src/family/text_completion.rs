//! OpenAI-style text completions: the second form of Writer Palmyra, and one of the forms of
//! imported models. The prompt goes as it is: a template, if the model wants one, is the job's.
//!
//! Source: Amazon Bedrock user guide, "Writer Palmyra models" and "Invoke your imported model", as of
//! October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::json::{Body, Json as _, at, list, misread, text};
use super::layout::{Answer, Billed, Counts, Form, Images, Layout, Stream, System};
use super::ranges::{Ranges, any, within};
use super::stream::{Brought, StreamError, begin, grow, put};
use super::vocabulary::{answered, finish, first_of, one_text, split_reasoning, text_or_filtered};
use super::{Misread, Parameter, Parameters, usage};
use crate::model::{FinishReason, ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    name: "text-completion",
    serves: &[],
    takes: &TAKES,
    form: Form::Text(System::Before),
    images: Images::None,
    answer: Answer::Text,
    counts: Counts::InBody,
    billed: Billed::Tokens,
    body,
    read,
    stream: Stream::Joined(join),
};

const TAKES: [Ranges; 4] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    any(Parameter::Temperature),
    any(Parameter::TopP),
    any(Parameter::Stop),
];

/// Also how an imported model is asked.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    Body::default()
        .with("prompt", one_text(prompt))
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .list("stop", &parameters.stop)
        .finish()
}

/// Where several answers were asked for, each is a choice.
pub(super) fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let choices = list(body, "/choices").into_iter().flatten();
    let answers: Option<Vec<_>> = choices.map(read_choice).collect();
    let first = answers
        .and_then(first_of)
        .ok_or_else(|| misread(LAYOUT.name, "`choices[0].text`", body))?;
    Ok(ParsedReply {
        usage: usage::openai(body),
        ..first
    })
}

/// A model that thinks closes its thought inside the text.
fn read_choice(choice: &Value) -> Option<ParsedReply> {
    let stop = text(choice, "/finish_reason").or_else(|| text(choice, "/stop_reason"));
    let whole = text_or_filtered(text(choice, "/text"), stop)?;
    let (reasoning, answer) = thinking_if_closed(whole, stop);
    Some(ParsedReply {
        reasoning,
        ..answered(answer, stop, Usage::default())
    })
}

/// Where a thought ends.
const CLOSE: &str = "</think>";

/// Thought and answer, where a model that may not think at all has closed a thought.
pub(super) fn thinking_if_closed(whole: &str, stop: Option<&str>) -> (Option<String>, String) {
    match whole.contains(CLOSE) {
        true => thinking(whole, stop),
        false => (None, whole.to_owned()),
    }
}

/// Thought and answer of a text that begins inside the thought.
pub(super) fn thinking(whole: &str, stop: Option<&str>) -> (Option<String>, String) {
    let whole = whole.trim_start();
    let whole = whole.strip_prefix("<think>").unwrap_or(whole);
    let stop = stop.map_or(FinishReason::Unknown, finish);
    split_reasoning(whole, CLOSE, stop)
}

/// The last chunks may have no choices, only counts.
pub(super) fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`choices[0].text`", chunk);
    begin(whole, || {
        json!({
            "choices": [{"text": "", "finish_reason": null, "stop_reason": null}],
            "usage": null,
        })
    });
    let counted = put(whole, "/usage", chunk.field("usage"));
    let none = list(chunk, "/choices").is_some_and(<[_]>::is_empty);
    let Some(choice) = at(chunk, "/choices/0") else {
        let result = (counted || none).then(Brought::default);
        return result.ok_or_else(|| wrong().into());
    };
    // The last may have a reason and no text.
    let reason = ["finish_reason", "stop_reason"].map(|key| choice.field(key));
    if choice.field("text").is_none() && !reason.iter().flatten().any(|it| it.is_string()) {
        return Err(wrong().into());
    }
    let words = grow(whole, "/choices/0/text", choice.field("text")).ok_or_else(wrong)?;
    let end = ["finish_reason", "stop_reason"].map(|key| {
        let place = format!("/choices/0/{key}");
        put(whole, &place, choice.field(key))
    });
    Ok(Brought {
        words,
        end: end.contains(&true),
    })
}
