//! Cohere Command R and R+, which converse.
//!
//! Source: Amazon Bedrock user guide, "Cohere Command R and Command R+ models", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, begin, grow, put};
use super::json::{BodyBuilder, Json as _, list, misread, text};
use super::layout::{
    Counts, Form, LaterSystems, Layout, Prefill, Stream, TurnOrder, Turns, UnknownEvents,
};
use super::ranges::{Ranges, any, within};
use super::vocabulary::{answered, text_or_filtered};
use super::{Misread, Parameter, Parameters};
use crate::model::{Message, ParsedReply, Prompt, Role, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["cohere.command-r"],
    seed: &["seed"],
    takes: &TAKES,
    // The last message has a key of its own, and is the user's.
    form: Form::Turns(Turns {
        order: TurnOrder::Free,
        later_systems: LaterSystems::Rejected,
        begun: Prefill::Refused,
    }),
    counts: Counts::InHeaders,
    stream: Stream::Joined(join),
    unknown_events: UnknownEvents::Named,
    ..Layout::new("command-r", body, read)
};

/// The documents end `p` at 0.99; the service took 1 in March 2025.
const TAKES: [Ranges; 5] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    within(Parameter::Temperature, 0.0, 1.0),
    within(Parameter::TopP, 0.01, 1.0),
    within(Parameter::TopK, 0.0, 500.0),
    any(Parameter::Stop),
];

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    let turn = |message: &Message| {
        let role = match message.role {
            Role::User => "USER",
            Role::Assistant => "CHATBOT",
            Role::System => "SYSTEM",
        };
        json!({"role": role, "message": message.text})
    };
    let (last, history) = match prompt.messages.split_last() {
        Some((last, history)) => (last.text.as_str(), history),
        None => ("", [].as_slice()),
    };
    let history: Vec<Value> = history.iter().map(turn).collect();
    BodyBuilder::default()
        .with("message", last)
        .maybe("chat_history", (!history.is_empty()).then_some(history))
        .maybe("preamble", prompt.system.as_deref())
        .maybe("max_tokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("p", parameters.top_p)
        .maybe("k", parameters.top_k)
        .list("stop_sequences", &parameters.stop)
        .finish()
}

/// Tokens are counted in the headers; what Cohere would bill is counted elsewhere, and differently.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let stop = text(body, "/finish_reason");
    let answer = text_or_filtered(text(body, "/text"), stop)
        .ok_or_else(|| misread(LAYOUT.name, "`text`", body))?;
    let tools = list(body, "/tool_calls").filter(|calls| !calls.is_empty());
    Ok(ParsedReply {
        output: tools.map(|calls| Value::Array(calls.to_vec())),
        ..answered(answer, stop, Usage::default())
    })
}

/// The last event repeats the whole reply; only its reason is new. Events of kinds that are not
/// known (searches, citations) are passed over.
fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "an event with an `event_type`", chunk);
    let event = text(chunk, "/event_type").ok_or_else(wrong)?;
    begin(
        whole,
        || json!({"text": "", "tool_calls": null, "finish_reason": null}),
    );
    let mut brought = Brought::default();
    match event {
        "text-generation" => {
            brought.words = grow(whole, "/text", chunk.field("text")).ok_or_else(wrong)?;
        }
        "tool-calls-generation" => drop(put(whole, "/tool_calls", chunk.field("tool_calls"))),
        "stream-end" => {
            put(whole, "/finish_reason", chunk.field("finish_reason"));
            brought.end = true;
        }
        _ => {}
    }
    Ok(brought)
}
