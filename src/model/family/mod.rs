//! Model families: how each wants a prompt, and how each shapes its answer.
//!
//! A family turns a [`Prompt`] into an InvokeModel body and a reply's body into a [`Reading`].
//! It knows nothing of transport. Each file of this folder is one family; what they share
//! is in `json`, `words` and `usage`. What a family cannot take is refused before anything is
//! sent, by `check` (parameters) and `accepts` (prompts).

mod accepts;
mod asked;
mod check;
mod claude_messages;
mod deepseek_text;
mod detect;
mod json;
mod llama;
mod mistral_text;
mod nova;
mod openai_chat;
mod parameters;
mod raw;
mod takes;
mod titan_embed_text;
mod titan_text;
mod usage;
mod words;

use serde_json::Value;

use crate::model::{FinishReason, Reading};
use crate::prompt::Prompt;

pub use asked::max_tokens_of;
pub use check::ParameterError;
pub use json::merge;
pub use parameters::{Parameter, Parameters};
pub use takes::Takes;

/// A body layout shared by models. The compiler lists what a new one must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Anthropic Claude, Messages API.
    ClaudeMessages,
    /// Amazon Nova.
    Nova,
    /// OpenAI-style chat completions: gpt-oss, Qwen, Kimi, DeepSeek V3 and many others.
    OpenaiChat,
    /// Mistral chat completions.
    MistralChat,
    /// Mistral raw prompts.
    MistralText,
    /// Meta Llama 3.
    Llama3,
    /// Meta Llama 4.
    Llama4,
    /// DeepSeek R1 raw prompts.
    DeepseekText,
    /// Amazon Titan Text.
    TitanText,
    /// Amazon Titan Text Embeddings.
    TitanEmbedText,
    /// No layout of its own: the row brings the body, the answer is found by its shape.
    Raw,
}

/// An answer whose shape is not the family's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misread(pub String);

/// A name that is no family's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model family `{name}`{meant} (families: {known})")]
pub struct UnknownFamily {
    name: String,
    meant: String,
    known: String,
}

impl Family {
    /// Every family, in the order they are listed to people.
    pub const ALL: [Self; 11] = [
        Self::ClaudeMessages,
        Self::Nova,
        Self::OpenaiChat,
        Self::MistralChat,
        Self::MistralText,
        Self::Llama3,
        Self::Llama4,
        Self::DeepseekText,
        Self::TitanText,
        Self::TitanEmbedText,
        Self::Raw,
    ];

    /// The name in job files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeMessages => "claude-messages",
            Self::Nova => "nova",
            Self::OpenaiChat => "openai-chat",
            Self::MistralChat => "mistral-chat",
            Self::MistralText => "mistral-text",
            Self::Llama3 => "llama3",
            Self::Llama4 => "llama4",
            Self::DeepseekText => "deepseek-text",
            Self::TitanText => "titan-text",
            Self::TitanEmbedText => "titan-embed-text",
            Self::Raw => "raw",
        }
    }

    /// All names, as they are listed to people.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Finds a family by its name.
    pub fn parse(name: &str) -> Result<Self, UnknownFamily> {
        Self::ALL
            .into_iter()
            .find(|family| family.name() == name)
            .ok_or_else(|| UnknownFamily::new(name))
    }

    /// Whether the answer is text. Otherwise it is in [`Reading::output`].
    pub fn writes_text(self) -> bool {
        match self {
            Self::ClaudeMessages
            | Self::Nova
            | Self::OpenaiChat
            | Self::MistralChat
            | Self::MistralText
            | Self::Llama3
            | Self::Llama4
            | Self::DeepseekText
            | Self::TitanText
            | Self::Raw => true,
            Self::TitanEmbedText => false,
        }
    }

    /// Builds the InvokeModel body for `prompt`; `base` is the model's base id where it is known.
    ///
    /// What the family cannot express is left out: [`Family::check`] and [`Family::accepts`] are
    /// there to refuse it beforehand. `extra` is merged in last, so it wins.
    pub fn body(self, prompt: &Prompt, parameters: &Parameters, base: Option<&str>) -> Value {
        let mut body = match self {
            Self::ClaudeMessages => claude_messages::body(prompt, parameters),
            Self::Nova => nova::body(prompt, parameters),
            Self::OpenaiChat | Self::MistralChat => openai_chat::body(prompt, parameters, base),
            Self::MistralText => mistral_text::body(prompt, parameters),
            Self::Llama3 => llama::body(&llama::LLAMA_3, prompt, parameters),
            Self::Llama4 => llama::body(&llama::LLAMA_4, prompt, parameters),
            Self::DeepseekText => deepseek_text::body(prompt, parameters),
            Self::TitanText => titan_text::body(prompt, parameters),
            Self::TitanEmbedText => titan_embed_text::body(prompt),
            Self::Raw => Value::Object(serde_json::Map::new()),
        };
        merge(&mut body, &parameters.extra);
        body
    }

    /// Reads a reply's body.
    ///
    /// A guardrail answers in place of the model and keeps the family's shape, more or less; so
    /// its word goes before the model's, and a shape it left empty is an empty answer.
    pub fn read(self, body: &Value) -> Result<Reading, Misread> {
        let read = match self {
            Self::ClaudeMessages => claude_messages::read(body),
            Self::Nova => nova::read(body),
            Self::OpenaiChat | Self::MistralChat => openai_chat::read(body),
            Self::MistralText => mistral_text::read(body),
            Self::Llama3 | Self::Llama4 => llama::read(body),
            Self::DeepseekText => deepseek_text::read(body),
            Self::TitanText => titan_text::read(body),
            Self::TitanEmbedText => titan_embed_text::read(body),
            Self::Raw => raw::read(body),
        };
        if json::text(body, "/amazon-bedrock-guardrailAction") != Some("INTERVENED") {
            return read;
        }
        let empty = || Reading {
            completion: self.writes_text().then(String::new),
            ..Reading::default()
        };
        Ok(Reading {
            finish_reason: FinishReason::Guardrail,
            ..read.unwrap_or_else(|_| empty())
        })
    }
}

impl UnknownFamily {
    fn new(name: &str) -> Self {
        let names = Family::ALL.map(Family::name);
        let nearest = names
            .into_iter()
            .max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)))
            .filter(|nearest| 0.7 < strsim::jaro(nearest, name));
        Self {
            name: name.to_owned(),
            meant: nearest.map_or_else(String::new, |it| format!("; did you mean `{it}`?")),
            known: names.join(", "),
        }
    }
}

#[cfg(test)]
mod tests;
