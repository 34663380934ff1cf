//! Anthropic Claude's text completions: Claude 1, 2 and Instant.
//!
//! Source: Amazon Bedrock user guide, "Anthropic Claude Text Completions API", as of October 2026;
//! the models themselves have left the public regions.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::claude_messages::TAKES;
use super::join::{Brought, StreamError, begin, grow, put};
use super::json::{BodyBuilder, Json as _, misread, text};
use super::layout::{Counts, IN_TURN, Layout, Lead, Stream};
use super::ranges::DEFAULT_MAX_TOKENS;
use super::vocabulary::{answered, awaits_answer, neutralise, text_or_filtered};
use super::{Misread, Parameters, content};
use crate::model::{ParsedReply, Prompt, Role, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &[
        "anthropic.claude-v1",
        "anthropic.claude-v2",
        "anthropic.claude-instant",
    ],
    takes: &TAKES,
    form: IN_TURN,
    lead: Lead::Trimmed,
    counts: Counts::InHeaders,
    stream: Stream::Joined(join),
    rejects: Some(content::claude_text),
    ..Layout::new("claude-text", body, read)
};

const HUMAN: &str = "\n\nHuman:";
const ASSISTANT: &str = "\n\nAssistant:";

/// The service insists on a limit.
fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    let limit = parameters.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    BodyBuilder::default()
        .with("prompt", template(prompt))
        .with("max_tokens_to_sample", limit)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .maybe("top_k", parameters.top_k)
        .list("stop_sequences", &parameters.stop)
        .finish()
}

/// The conversation. It must begin with the human, so the system prompt goes inside that turn.
fn template(prompt: &Prompt) -> String {
    let safe = |text: &str| neutralise(text, &[HUMAN, ASSISTANT]);
    let mut system = prompt.system.as_deref();
    let mut said = String::new();
    for message in &prompt.messages {
        said += &match message.role {
            Role::User | Role::System => {
                let system = system.take().map(|system| format!("{}\n\n", safe(system)));
                let system = system.unwrap_or_default();
                format!("{HUMAN} {system}{}", safe(&message.text))
            }
            Role::Assistant => format!("{ASSISTANT} {}", safe(&message.text)),
        };
    }
    if awaits_answer(prompt) {
        said += ASSISTANT;
    }
    said
}

/// The space after `Assistant:` is not part of the answer; tokens are only counted in the headers.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let stop = text(body, "/stop_reason");
    let answer = text_or_filtered(text(body, "/completion"), stop)
        .ok_or_else(|| misread(LAYOUT.name, "`completion`", body))?;
    Ok(answered(answer, stop, Usage::default()))
}

fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`completion`", chunk);
    let piece = chunk.field("completion").ok_or_else(wrong)?;
    begin(
        whole,
        || json!({"completion": "", "stop_reason": null, "stop": null}),
    );
    put(whole, "/stop", chunk.field("stop"));
    Ok(Brought {
        words: grow(whole, "/completion", Some(piece)).ok_or_else(wrong)?,
        end: put(whole, "/stop_reason", chunk.field("stop_reason")),
    })
}
