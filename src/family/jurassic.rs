//! AI21 Jurassic-2, which completes a text and does not stream.
//!
//! Source: Amazon Bedrock user guide, "AI21 Labs Jurassic-2 models", as of October 2026; the models
//! themselves have left the public regions.

use serde_json::Value;

use super::json::{BodyBuilder, list, misread, text};
use super::layout::{Counts, Form, Layout, Lead, System};
use super::ranges::{Ranges, any, within};
use super::vocabulary::{answered, first_of, one_text, text_or_filtered};
use super::{Misread, Parameter, Parameters};
use crate::model::{ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["ai21.j2-"],
    takes: &TAKES,
    form: Form::Text(System::Before),
    lead: Lead::Trimmed,
    counts: Counts::InHeaders,
    ..Layout::new("jurassic", body, read)
};

const TAKES: [Ranges; 4] = [
    within(Parameter::MaxTokens, 1.0, 8191.0),
    within(Parameter::Temperature, 0.0, 1.0),
    within(Parameter::TopP, 0.0, 1.0),
    any(Parameter::Stop),
];

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
        .with("prompt", one_text(prompt))
        .maybe("maxTokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("topP", parameters.top_p)
        .list("stopSequences", &parameters.stop)
        .finish()
}

/// Each of `numResults` is one of the list. Tokens are only counted in the headers.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let completions = list(body, "/completions").into_iter().flatten();
    let answers: Option<Vec<_>> = completions.map(read_completion).collect();
    answers
        .and_then(first_of)
        .ok_or_else(|| misread(LAYOUT.name, "`completions[0].data.text`", body))
}

fn read_completion(completion: &Value) -> Option<ParsedReply> {
    let stop = text(completion, "/finishReason/reason");
    let answer = text_or_filtered(text(completion, "/data/text"), stop)?;
    Some(answered(answer, stop, Usage::default()))
}
