//! Amazon Titan Text.
//!
//! Source: Amazon Bedrock user guide, "Amazon Titan Text models", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, begin, grow, put};
use super::json::{BodyBuilder, Json as _, count, list, misread, text};
use super::layout::{FREE, Layout, Lead, Stream};
use super::ranges::{any, within};
use super::vocabulary::{answered, awaits_answer, first_of, text_or_filtered};
use super::{Misread, Parameter, Parameters};
use crate::model::{ParsedReply, Prompt, Role, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["amazon.titan-text-", "amazon.titan-tg1-"],
    takes: &[
        within(Parameter::MaxTokens, 1.0, 8192.0),
        within(Parameter::Temperature, 0.0, 1.0),
        within(Parameter::TopP, f64::MIN_POSITIVE, 1.0),
        any(Parameter::Stop),
    ],
    form: FREE,
    lead: Lead::Trimmed,
    stream: Stream::Joined(join),
    ..Layout::new("titan-text", body, read)
};

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    let generation = BodyBuilder::default()
        .maybe("maxTokenCount", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("topP", parameters.top_p)
        .list("stopSequences", &parameters.stop);
    BodyBuilder::default()
        .with("inputText", template(prompt))
        .object("textGenerationConfig", generation)
        .finish()
}

/// The conversation as a play, open where the bot speaks. The names are ordinary words to the
/// model, not tokens, so there is nothing to neutralise.
fn template(prompt: &Prompt) -> String {
    let system = prompt.system.iter().cloned();
    let turns = prompt.messages.iter().map(|message| match message.role {
        Role::User | Role::System => format!("User: {}", message.text),
        Role::Assistant => format!("Bot: {}", message.text),
    });
    let mut lines: Vec<String> = system.chain(turns).collect();
    if awaits_answer(prompt) {
        lines.push("Bot:".to_owned());
    }
    lines.join("\n")
}

/// Each result counts its own tokens.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let wrong = || misread(LAYOUT.name, "`results[0].outputText`", body);
    let results = list(body, "/results").ok_or_else(wrong)?;
    let answers: Option<Vec<_>> = results.iter().map(read_result).collect();
    let first = answers.and_then(first_of).ok_or_else(wrong)?;
    let written = results.iter().map(|it| count(it, "/tokenCount"));
    let written = written.reduce(|sum, it| Some(sum?.saturating_add(it?)));
    Ok(ParsedReply {
        usage: Usage {
            input_tokens: count(body, "/inputTextTokenCount"),
            output_tokens: written.flatten(),
            ..Usage::default()
        },
        ..first
    })
}

/// The line break after `Bot:` is not part of the answer.
fn read_result(result: &Value) -> Option<ParsedReply> {
    let stop = text(result, "/completionReason");
    let answer = text_or_filtered(text(result, "/outputText"), stop)?;
    Some(answered(answer, stop, Usage::default()))
}

/// Chunks say at their top what a whole reply says of its result.
fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`outputText`", chunk);
    if chunk.field("outputText").is_none() && chunk.field("completionReason").is_none() {
        return Err(wrong().into());
    }
    begin(whole, || {
        json!({
            "inputTextTokenCount": null,
            "results": [{"tokenCount": null, "outputText": "", "completionReason": null}],
        })
    });
    let mut keep = |pointer, key| put(whole, pointer, chunk.field(key));
    keep("/inputTextTokenCount", "inputTextTokenCount");
    keep("/results/0/tokenCount", "totalOutputTextTokenCount");
    let end = keep("/results/0/completionReason", "completionReason");
    let words =
        grow(whole, "/results/0/outputText", chunk.field("outputText")).ok_or_else(wrong)?;
    Ok(Brought { words, end })
}
