//! What a model is asked and what it answers, whatever carries it there.
//!
//! [`Request`] goes out, [`Reply`] or [`Fault`] comes back, and [`Model`] is the edge between: the
//! real one is [`crate::bedrock`], tests script their own.

mod bill;
pub mod fault;
mod fingerprint;
mod prompt;
mod request_options;
mod structured;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

pub use bill::{Bill, Metered, Units};
pub use fault::{Category, Fault};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use prompt::{Api, Block, Body, Content, Image, Message, Prompt, Role, Written};
pub use request_options::{Delivery, Guardrail, RequestOptions, Tier};
pub use structured::{Repair, SchemaCheck, SchemaError, SchemaMode, SentSchema, ToolInput};

/// One request, ready to be sent. Cloning shares the body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The InvokeModel body.
    pub body: Bytes,
    /// The longest answer it asks for, in tokens, where it says so.
    pub max_tokens: Option<u32>,
    /// What it can cost at most, in USD, where prices and lengths are known.
    pub worst_cost_usd: Option<f64>,
    /// What corrections of the response can cost at most beyond that, in USD.
    pub reserve_usd: f64,
    /// What it is billed by; `None` if that is not known.
    pub bill: Option<Bill>,
    /// The prompt, where a correction may have to be asked for, or the record is to keep it.
    pub prompt: Option<Arc<Prompt>>,
    /// How long a stream may say nothing before it begins, where the service may have to compile a schema
    /// first; otherwise as the run's `idle_timeout` says.
    pub silence: Option<Duration>,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The text, or what stands in its place.
    pub parsed: ParsedReply,
    /// What the call cost in USD, where the price and the tokens are known.
    pub cost_usd: Option<f64>,
    /// The service's name for this call, for its support desk.
    pub request_id: Option<String>,
    /// What the service did with the call, where it says so.
    pub served: Served,
    /// From sending to the first words, where they came in a stream.
    pub first_token: Option<Duration>,
    /// The body as it came; put together, where it came in a stream.
    pub raw: Bytes,
    /// How often the model was asked to correct a response that broke the schema.
    pub reasks: u32,
}

/// What a reply says of how it was served; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// The service tier.
    pub tier: Option<String>,
    /// The latency mode.
    pub latency_mode: Option<String>,
    /// Whether an emulator made it up.
    pub emulated: bool,
    /// How long the model took, as the service measured it.
    pub latency_ms: Option<u64>,
}

/// A reply's body, understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParsedReply {
    /// The text the model wrote; `None` where a model writes none (embeddings).
    pub completion: Option<String>,
    /// What the model thought before it answered, where it says so.
    pub reasoning: Option<String>,
    /// What the model produced instead of text, as the service shaped it.
    pub output: Option<Value>,
    /// Images the model made.
    pub images: Vec<GeneratedImage>,
    /// Why the model stopped, in promptmill's words.
    pub finish_reason: FinishReason,
    /// Why the model stopped, in the provider's own word.
    pub stop_reason: Option<String>,
    /// Tokens used, as far as the reply says.
    pub usage: Usage,
    /// What a guardrail found, where the call asked for it.
    pub guardrail_trace: Option<Value>,
    /// How it compares with the schema of the job, if that has one.
    pub schema: Option<SchemaCheck>,
}

impl ParsedReply {
    /// What breaks the schema of the job; `None` for a valid response, and for one that a filter took,
    /// which no correction would change.
    pub fn schema_errors(&self) -> Option<&[SchemaError]> {
        match (&self.schema, self.finish_reason) {
            (_, FinishReason::ContentFilter | FinishReason::Guardrail) => None,
            (Some(SchemaCheck::Invalid(errors)), _) => Some(errors),
            (Some(SchemaCheck::Valid { .. }) | None, _) => None,
        }
    }
}

/// Whether lines keep the reasoning before a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// It is kept beside the answer.
    Kept,
    /// It is left out.
    Dropped,
}

/// An image that a model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedImage {
    /// What its file is named after: `png`, `jpg`, `webp`, or `bin` where the bytes do not tell.
    pub ending: &'static str,
    /// The file.
    pub bytes: Bytes,
}

impl GeneratedImage {
    /// Tells what it is by how its bytes begin.
    pub fn new(bytes: Bytes) -> Self {
        let ending = match bytes.as_ref() {
            [0x89, b'P', b'N', b'G', ..] => "png",
            [0xff, 0xd8, 0xff, ..] => "jpg",
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => "webp",
            _ => "bin",
        };
        Self { ending, bytes }
    }
}

/// Tokens of one call. What the service did not say is `None`, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All input tokens: fresh, read from the cache and written to it.
    pub input_tokens: Option<u64>,
    /// Tokens the model wrote.
    pub output_tokens: Option<u64>,
    /// The part of the input that was read from the prompt cache.
    pub cache_read_input_tokens: Option<u64>,
    /// The part of the input that was written to the prompt cache.
    pub cache_write_input_tokens: Option<u64>,
    /// The part of what was written that stays for an hour, which costs more than five minutes.
    pub cache_write_1h_input_tokens: Option<u64>,
}

/// Why a model stopped: a closed list over all families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum FinishReason {
    /// The model had said what it had to say, or met a stop sequence.
    Stop,
    /// The answer reached `max_tokens`.
    Length,
    /// The model asks for a tool to be run.
    ToolCalls,
    /// The provider's filter or the model itself refused.
    ContentFilter,
    /// A guardrail of the account intervened.
    Guardrail,
    /// Prompt and answer together reached the model's context window.
    ContextWindow,
    /// The reply does not say, or says a word that is not known.
    #[default]
    Unknown,
}

/// Something that answers calls. The loop knows no more of the network than this.
pub trait Model: Send + Sync + 'static {
    /// Sends `call` once and waits for its answer. Never retries.
    fn invoke(&self, call: &Request) -> impl Future<Output = Result<Reply, Fault>> + Send;

    /// Sends several calls as one, and returns the answer to each, in their order. What the one
    /// used and cost is shared out among them.
    fn invoke_together(
        &self,
        calls: &[&Request],
    ) -> impl Future<Output = Result<Vec<Reply>, Fault>> + Send;
}

impl FinishReason {
    const ALL: [Self; 7] = [
        Self::Stop,
        Self::Length,
        Self::ToolCalls,
        Self::ContentFilter,
        Self::Guardrail,
        Self::ContextWindow,
        Self::Unknown,
    ];

    /// The reason with this word, as [`as_str`](Self::as_str) writes it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The word written to the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Guardrail => "guardrail",
            Self::ContextWindow => "context_window",
            Self::Unknown => "unknown",
        }
    }
}
