//! Writer Palmyra, which converses. Its other form is `text-completion`; both are read.
//!
//! Source: Amazon Bedrock user guide, "Writer Palmyra models", as of October 2026.

use serde_json::Value;

use super::chunk::Chunk;
use super::join::{Brought, StreamError};
use super::json::{Json, list};
use super::layout::{Layout, SchemaForm, Stream};
use super::ranges::{Ranges, any, within};
use super::{Misread, Parameter, openai_chat, text_completion};
use crate::model::ParsedReply;

pub(super) const LAYOUT: Layout = Layout {
    name: "palmyra",
    serves: &["writer."],
    takes: &TAKES,
    read,
    stream: Stream::Joined(join),
    schema: SchemaForm::None,
    ..openai_chat::LAYOUT
};

const TAKES: [Ranges; 4] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    within(Parameter::Temperature, 0.0, 2.0),
    within(Parameter::TopP, 0.0, 1.0),
    any(Parameter::Stop),
];

fn read(body: &Value) -> Result<ParsedReply, Misread> {
    match body.pointer("/choices/0/text") {
        Some(_) => text_completion::read(body),
        None => openai_chat::read(body),
    }
}

fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    match has_texts(chunk) || has_texts(whole) {
        true => text_completion::join(whole, chunk),
        false => openai_chat::join(whole, chunk),
    }
}

fn has_texts(body: &impl Json) -> bool {
    list(body, "/choices").is_some_and(|it| it.iter().any(|it| it.field("text").is_some()))
}
