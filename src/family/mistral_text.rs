//! Mistral's raw prompts: Mistral 7B and Mixtral.
//!
//! Source: Amazon Bedrock user guide, "Mistral AI text completion", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::inst::InstTemplate;
use super::join::{Brought, StreamError, begin, grow, put};
use super::json::{BodyBuilder, at, misread, text};
use super::layout::{Counts, IN_TURN, Layout, Lead, Stream};
use super::ranges::{any, within};
use super::vocabulary::{answered, text_or_filtered};
use super::{Misread, Parameter, Parameters};
use crate::model::{ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["mistral.mistral-7b", "mistral.mixtral"],
    takes: &[
        within(Parameter::MaxTokens, 1.0, f64::INFINITY),
        any(Parameter::Temperature),
        within(Parameter::TopP, 0.0, 1.0),
        within(Parameter::TopK, 1.0, 200.0),
        within(Parameter::Stop, 0.0, 10.0),
    ],
    form: IN_TURN,
    lead: Lead::Trimmed,
    counts: Counts::InHeaders,
    stream: Stream::Joined(join),
    ..Layout::new("mistral-text", body, read)
};

/// There is no system role: what it says goes before the first user's words.
const TEMPLATE: InstTemplate = InstTemplate {
    begin: "<s>",
    open: "[INST] ",
    system: ["", "\n\n"],
    end: "</s>",
    special: &["<s>", "</s>", "[INST]", "[/INST]"],
};

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
        .with("prompt", TEMPLATE.fill(prompt))
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .maybe("top_k", parameters.top_k)
        .list("stop", &parameters.stop)
        .finish()
}

/// The space after `[/INST]` is not part of the answer; tokens are only counted in the headers.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let stop = text(body, "/outputs/0/stop_reason");
    let answer = text_or_filtered(text(body, "/outputs/0/text"), stop)
        .ok_or_else(|| misread(LAYOUT.name, "`outputs[0].text`", body))?;
    Ok(answered(answer, stop, Usage::default()))
}

fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`outputs[0].text`", chunk);
    let piece = at(chunk, "/outputs/0/text").ok_or_else(wrong)?;
    begin(
        whole,
        || json!({"outputs": [{"text": "", "stop_reason": null}]}),
    );
    let stop = at(chunk, "/outputs/0/stop_reason");
    Ok(Brought {
        words: grow(whole, "/outputs/0/text", Some(piece)).ok_or_else(wrong)?,
        end: put(whole, "/outputs/0/stop_reason", stop),
    })
}
