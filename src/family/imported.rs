//! Models that were imported into the account: the reply tells by its shape which of the forms of
//! imported models it has.
//!
//! The prompt goes as it is, because the model's own template is not known here. A model that was
//! imported with its chat template also takes `openai-chat`, and a Llama `llama3`.
//!
//! Source: Amazon Bedrock user guide, "Invoke your imported model", as of October 2026.

use serde_json::Value;

use super::layout::{Layout, Lead, Stream};
use super::{Parameters, raw, text_completion};
use crate::model::Prompt;

/// A Llama's word for the longest answer: a body that has it is answered in a Llama's shape.
const LLAMAS_LIMIT: &str = "max_gen_len";

pub(super) const LAYOUT: Layout = Layout {
    name: "imported",
    serves: &[],
    body,
    lead: Lead::ByShape,
    lone_limit: Some(LLAMAS_LIMIT),
    read: raw::read,
    stream: Stream::ByShape,
    ..text_completion::LAYOUT
};

/// One limit alone: another would make it a body of another shape.
fn body(prompt: &Prompt, parameters: &Parameters, base: Option<&str>) -> Value {
    let is_limited = parameters.extra.contains_key(LLAMAS_LIMIT);
    let parameters = Parameters {
        max_tokens: parameters.max_tokens.filter(|_| !is_limited),
        ..parameters.clone()
    };
    text_completion::body(prompt, &parameters, base)
}
