//! OpenAI-style text completions: the second form of Writer Palmyra, and one of the forms of
//! imported models. The prompt goes as it is: a template, if the model wants one, is the job's.
//!
//! Source: Amazon Bedrock user guide, "Writer Palmyra models" and "Invoke your imported model", as of
//! October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, all_have, begin, grow, nth, put};
use super::json::{BodyBuilder, Json as _, count, list, misread, text};
use super::layout::{Form, Layout, Several, Stream, System};
use super::ranges::{Ranges, any, within};
use super::vocabulary::{answered, finish, first_of, one_text, split_reasoning, text_or_filtered};
use super::{Misread, Parameter, Parameters, usage};
use crate::model::{FinishReason, ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    takes: &TAKES,
    form: Form::Text(System::Before),
    stream: Stream::Joined(join),
    several: Several::Streamed,
    ..Layout::new("text-completion", body, read)
};

const TAKES: [Ranges; 4] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    any(Parameter::Temperature),
    any(Parameter::TopP),
    any(Parameter::Stop),
];

/// Also how an imported model is asked.
pub(super) fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
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
    let whole = whole.trim_start().strip_prefix("<think>").unwrap_or(whole);
    let stop = stop.map_or(FinishReason::Unknown, finish);
    split_reasoning(whole, CLOSE, stop)
}

/// A choice that has said nothing.
fn empty_choice(index: u64) -> Value {
    json!({"index": index, "text": "", "finish_reason": null, "stop_reason": null})
}

/// The last chunks may have no choices, only counts. Where several completions were asked for, each
/// chunk says which of them it goes on with.
pub(super) fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`choices[0].text`", chunk);
    begin(
        whole,
        || json!({"choices": [empty_choice(0)], "usage": null}),
    );
    let is_counted = put(whole, "/usage", chunk.field("usage"));
    let choices = list(chunk, "/choices");
    if !is_counted && choices.is_none() {
        return Err(wrong().into());
    }
    let mut brought = Brought::default();
    for (at, choice) in (0..).zip(choices.unwrap_or_default()) {
        // The last may have a reason and no text.
        let stops = ["finish_reason", "stop_reason"].map(|key| choice.field(key));
        if choice.field("text").is_none() && !stops.iter().flatten().any(|it| it.is_string()) {
            return Err(wrong().into());
        }
        let index = count(choice, "/index").unwrap_or(at);
        let place = nth(whole, "/choices", index, empty_choice).ok_or_else(wrong)?;
        brought.words |= grow(place, "/text", choice.field("text")).ok_or_else(wrong)?;
        let [finish, stop] = stops;
        let has_ended = [
            put(place, "/finish_reason", finish),
            put(place, "/stop_reason", stop),
        ];
        if has_ended.contains(&true) {
            brought.end = all_have(whole, "/choices", "finish_reason")
                || all_have(whole, "/choices", "stop_reason");
        }
    }
    Ok(brought)
}
