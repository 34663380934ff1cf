//! Cohere Command, which completes a text.
//!
//! Source: Amazon Bedrock user guide, "Cohere Command models", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, all_have, begin, grow, nth, put};
use super::json::{BodyBuilder, Json as _, count, list, misread, text};
use super::layout::{Counts, Form, Layout, Lead, Several, Stream, System};
use super::ranges::{Ranges, any, within};
use super::vocabulary::{answered, first_of, one_text, text_or_filtered};
use super::{Misread, Parameter, Parameters};
use crate::model::{ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["cohere.command"],
    takes: &TAKES,
    form: Form::Text(System::Before),
    lead: Lead::Trimmed,
    counts: Counts::InHeaders,
    stream: Stream::Joined(join),
    several: Several::Streamed,
    ..Layout::new("command", body, read)
};

const TAKES: [Ranges; 5] = [
    within(Parameter::MaxTokens, 1.0, 4096.0),
    within(Parameter::Temperature, 0.0, 5.0),
    within(Parameter::TopP, 0.0, 1.0),
    within(Parameter::TopK, 0.0, 500.0),
    any(Parameter::Stop),
];

/// A body that is streamed says so.
fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
        .with("prompt", one_text(prompt))
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("p", parameters.top_p)
        .maybe("k", parameters.top_k)
        .list("stop_sequences", &parameters.stop)
        .maybe("stream", parameters.stream.then_some(true))
        .finish()
}

/// Each of `num_generations` is one of the list. Tokens are only counted in the headers.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let generations = list(body, "/generations").into_iter().flatten();
    let answers: Option<Vec<_>> = generations.map(read_generation).collect();
    answers
        .and_then(first_of)
        .ok_or_else(|| misread(LAYOUT.name, "`generations[0].text`", body))
}

fn read_generation(generation: &Value) -> Option<ParsedReply> {
    let stop = text(generation, "/finish_reason");
    let answer = text_or_filtered(text(generation, "/text"), stop)?;
    Some(answered(answer, stop, Usage::default()))
}

/// A generation that has said nothing.
fn empty_generation(_index: u64) -> Value {
    json!({"text": "", "finish_reason": null})
}

/// The last chunk of a generation has a reason and no text. Where there are several, each chunk has
/// the number of its own.
fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`text` or `is_finished`", chunk);
    if chunk.field("text").is_none() && chunk.field("is_finished").is_none() {
        return Err(wrong().into());
    }
    begin(whole, || json!({"generations": [empty_generation(0)]}));
    let index = count(chunk, "/index").unwrap_or(0);
    let place = nth(whole, "/generations", index, empty_generation).ok_or_else(wrong)?;
    put(place, "/finish_reason", chunk.field("finish_reason"));
    let words = grow(place, "/text", chunk.field("text")).ok_or_else(wrong)?;
    let is_finished = chunk.field("is_finished").and_then(Chunk::as_bool) == Some(true);
    let generations = list(whole, "/generations").unwrap_or_default();
    let is_only = generations.len() == 1;
    Ok(Brought {
        words,
        end: is_finished && (is_only || all_have(whole, "/generations", "finish_reason")),
    })
}
