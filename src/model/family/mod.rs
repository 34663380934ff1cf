//! Model families: how each wants a prompt, and how each shapes its answer.
//!
//! A family turns a [`Prompt`] into an InvokeModel body and a reply's body into a [`Reading`].
//! It knows nothing of transport.

use serde_json::{Map, Value};

use crate::model::Reading;
use crate::prompt::Prompt;

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

/// What a job may ask of the model beside the prompt. `None` leaves it to the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters {
    /// The longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling from the k likeliest.
    pub top_k: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Merged into the body as it is.
    pub extra: Map<String, Value>,
}

/// An answer whose shape is not the family's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misread(pub String);

impl Family {
    /// Builds the InvokeModel body for `prompt`; `base` is the model's base id where it is known.
    pub fn body(self, _prompt: &Prompt, _parameters: &Parameters, _base: Option<&str>) -> Value {
        Value::Null
    }

    /// Reads a reply's body.
    pub fn read(self, _body: &Value) -> Result<Reading, Misread> {
        Err(Misread("unread".into()))
    }
}
