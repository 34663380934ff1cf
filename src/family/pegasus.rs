//! TwelveLabs Pegasus, which writes about a video.
//!
//! The video itself, `mediaSource`, comes through `extra` if it is the same for every row, or with
//! whole bodies. Source: Amazon Bedrock user guide, "TwelveLabs Pegasus", as of October 2026, which
//! does not show the chunks of a stream: they are read as pieces of the whole.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, begin, grow, put};
use super::json::{BodyBuilder, Json as _, misread, text};
use super::layout::{Counts, Form, Layout, Stream, System};
use super::ranges::{Ranges, within};
use super::vocabulary::{answered, one_text};
use super::{Misread, Parameter, Parameters};
use crate::model::{ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["twelvelabs.pegasus"],
    takes: &TAKES,
    form: Form::Text(System::Before),
    counts: Counts::InHeaders,
    stream: Stream::Joined(join),
    ..Layout::new("pegasus", body, read)
};

const TAKES: [Ranges; 2] = [
    within(Parameter::MaxTokens, 1.0, 4096.0),
    within(Parameter::Temperature, 0.0, 1.0),
];

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
        .with("inputPrompt", one_text(prompt))
        .maybe("temperature", parameters.temperature)
        .maybe("maxOutputTokens", parameters.max_tokens)
        .finish()
}

fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let answer = text(body, "/message").ok_or_else(|| misread(LAYOUT.name, "`message`", body))?;
    let stop = text(body, "/finishReason");
    Ok(answered(answer, stop, Usage::default()))
}

fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`message` or `finishReason`", chunk);
    if chunk.field("message").is_none() && chunk.field("finishReason").is_none() {
        return Err(wrong().into());
    }
    begin(whole, || json!({"message": "", "finishReason": null}));
    Ok(Brought {
        words: grow(whole, "/message", chunk.field("message")).ok_or_else(wrong)?,
        end: put(whole, "/finishReason", chunk.field("finishReason")),
    })
}
