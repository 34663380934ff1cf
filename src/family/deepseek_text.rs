//! DeepSeek R1's raw prompts.
//!
//! Source: Amazon Bedrock user guide, "DeepSeek models", as of October 2026. The special
//! tokens are written with U+FF5C and U+2581, not with `|` and `_`.

use serde_json::Value;

use super::chunk::Chunk;
use super::join::{Brought, StreamError};
use super::json::{BodyBuilder, Json as _, misread, text};
use super::layout::{Counts, Form, LaterSystems, Layout, Prefill, Stream, TurnOrder, Turns};
use super::ranges::within;
use super::vocabulary::{answered, neutralise, text_or_filtered};
use super::{Misread, Parameter, Parameters, llama, text_completion, usage};
use crate::model::{ParsedReply, Prompt, Role};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["deepseek.r1"],
    takes: &[
        within(Parameter::MaxTokens, 1.0, 32_768.0),
        within(Parameter::Temperature, 0.0, 1.0),
        within(Parameter::TopP, 0.0, 1.0),
        within(Parameter::Stop, 0.0, 10.0),
    ],
    // The prompt ends inside the model's thought, where no answer has begun.
    form: Form::Turns(Turns {
        order: TurnOrder::Free,
        later_systems: LaterSystems::Rejected,
        begun: Prefill::Refused,
    }),
    counts: Counts::InHeaders,
    stream: Stream::Joined(join),
    ..Layout::new("deepseek-text", body, read)
};

const BEGIN: &str = "<｜begin▁of▁sentence｜>";
const END: &str = "<｜end▁of▁sentence｜>";
const USER: &str = "<｜User｜>";
const ASSISTANT: &str = "<｜Assistant｜>";

/// What must not come from a row.
const SPECIAL: [&str; 6] = [BEGIN, END, USER, ASSISTANT, "<think>", "</think>"];

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
        .with("prompt", template(prompt))
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .list("stop", &parameters.stop)
        .finish()
}

/// The conversation, open inside the model's thought.
fn template(prompt: &Prompt) -> String {
    let system = prompt.system.as_deref().unwrap_or_default();
    let mut said = format!("{BEGIN}{}", neutralise(system, &SPECIAL));
    for message in &prompt.messages {
        let words = neutralise(&message.text, &SPECIAL);
        said += &match message.role {
            Role::User | Role::System => format!("{USER}{words}"),
            Role::Assistant => format!("{ASSISTANT}{words}{END}"),
        };
    }
    said + ASSISTANT + "<think>\n"
}

/// A reply begins inside the thought. One that was imported may answer as a Llama does.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let stop = [
        "/choices/0/stop_reason",
        "/choices/0/finish_reason",
        "/stop_reason",
    ];
    let stop = stop.iter().find_map(|pointer| text(body, pointer));
    let whole = text(body, "/choices/0/text").or_else(|| text(body, "/generation"));
    let whole = text_or_filtered(whole, stop)
        .ok_or_else(|| misread(LAYOUT.name, "`choices[0].text`", body))?;
    let (reasoning, answer) = text_completion::thinking(whole, stop);
    Ok(ParsedReply {
        reasoning,
        ..answered(answer, stop, usage::openai(body).or(llama::usage(body)))
    })
}

fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    match chunk.field("generation") {
        Some(_) => llama::join(whole, chunk),
        None => text_completion::join(whole, chunk),
    }
}
