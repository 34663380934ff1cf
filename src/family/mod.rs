//! Model families: how each wants a prompt, and how each shapes its answer.
//!
//! A family turns a [`Prompt`] into an InvokeModel body and a reply's body into a [`ParsedReply`].
//! It knows nothing of transport. Each family is a file of this folder that holds its [`Layout`] and
//! a line in the list below; what they share is in `json`, `vocabulary`, `usage` and `stream`. What a family
//! cannot take is refused before anything is sent, by `check` (parameters) and `accepts` (prompts).

mod abilities;
mod accepts;
mod batch;
mod bill;
mod check;
mod chunk;
mod claude_messages;
mod claude_text;
mod command;
mod command_r;
mod content;
mod deepseek_text;
mod detect;
mod embed;
mod given;
mod guardrail;
mod image;
mod imported;
mod inst;
mod join;
mod json;
mod jurassic;
mod layout;
mod llama;
mod mistral_text;
mod nova;
mod openai_chat;
mod output_limit;
mod palmyra;
mod parameters;
mod pegasus;
mod ranges;
mod raw;
mod rendered;
mod rerank;
mod stream;
mod structured;
mod text_completion;
mod thinking;
mod titan_text;
mod usage;
mod vocabulary;
mod written;

use serde_json::{Map, Value, json};

use crate::model::{FinishReason, ParsedReply, Prompt, SchemaMode};
use crate::nearest::nearest;

pub use abilities::Abilities;
pub use batch::Batch;
pub use check::{Doubtful, ParameterError, lacks};
pub use join::StreamError;
pub use json::merge;
pub use output_limit::OutputLimit;
pub use parameters::{Parameter, Parameters};
pub use ranges::Ranges;
pub use rendered::Rendered;
pub use stream::{Assembled, Assembly};

use layout::{Layout, Lead, ResponseKind};

/// Families by their names here, each with the layout that its file holds: all there is to list.
macro_rules! families {
    ($($(#[doc = $doc:literal])+ $family:ident => $layout:path,)+) => {
        /// A body layout shared by models.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Family {
            $($(#[doc = $doc])+ $family,)+
        }

        impl Family {
            /// Every family, in the order they are listed to people.
            pub const ALL: &[Self] = &[$(Self::$family),+];

            fn layout(self) -> &'static Layout {
                match self {
                    $(Self::$family => const { &$layout },)+
                }
            }
        }
    };
}

families! {
    /// Anthropic Claude, Messages API.
    ClaudeMessages => claude_messages::LAYOUT,
    /// Anthropic Claude 1 and 2, text completions.
    ClaudeText => claude_text::LAYOUT,
    /// Amazon Nova.
    Nova => nova::LAYOUT,
    /// Amazon Titan Text.
    TitanText => titan_text::LAYOUT,
    /// OpenAI-style chat completions: GPT, gpt-oss, Grok, Qwen, Kimi, DeepSeek V3 and many others.
    OpenaiChat => openai_chat::LAYOUT,
    /// Mistral chat completions, up to Large 2407.
    MistralChat => openai_chat::MISTRAL,
    /// Mistral raw prompts.
    MistralText => mistral_text::LAYOUT,
    /// Meta Llama 2.
    Llama2 => llama::LLAMA_2,
    /// Meta Llama 3.
    Llama3 => llama::LLAMA_3,
    /// Meta Llama 4.
    Llama4 => llama::LLAMA_4,
    /// DeepSeek R1 raw prompts.
    DeepseekText => deepseek_text::LAYOUT,
    /// AI21 Jamba.
    Jamba => openai_chat::JAMBA,
    /// AI21 Jurassic-2.
    Jurassic => jurassic::LAYOUT,
    /// Cohere Command.
    Command => command::LAYOUT,
    /// Cohere Command R.
    CommandR => command_r::LAYOUT,
    /// Writer Palmyra, chat.
    Palmyra => palmyra::LAYOUT,
    /// OpenAI-style text completions.
    TextCompletion => text_completion::LAYOUT,
    /// Imported models, read by the reply's shape.
    Imported => imported::LAYOUT,
    /// TwelveLabs Pegasus.
    Pegasus => pegasus::LAYOUT,
    /// Amazon Titan Text Embeddings.
    TitanEmbedText => embed::TITAN_TEXT,
    /// Amazon Titan Multimodal Embeddings.
    TitanEmbedImage => embed::TITAN_IMAGE,
    /// Amazon Nova Multimodal Embeddings.
    NovaEmbed => embed::NOVA,
    /// Cohere Embed.
    CohereEmbed => embed::COHERE,
    /// TwelveLabs Marengo Embed.
    Marengo => embed::MARENGO,
    /// Amazon Rerank and Cohere Rerank.
    Rerank => rerank::LAYOUT,
    /// Amazon Titan Image and Nova Canvas.
    AmazonImage => image::AMAZON,
    /// Stability's image models.
    StabilityImage => image::STABILITY,
    /// Stable Diffusion XL.
    StableDiffusionXl => image::SDXL,
    /// No layout of its own: the row brings the body, the answer is found by its shape.
    Raw => raw::LAYOUT,
}

/// An answer whose shape is not the family's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misread(pub String);

/// Why a reply is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It is not shaped as the family's.
    #[error(transparent)]
    Misread(#[from] Misread),
    /// The model failed, and says so where others say why they stopped.
    #[error("the model failed and stopped with `{word}`")]
    Failed {
        /// The provider's word for it.
        word: String,
    },
}

/// A name that is no family's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model family `{name}`{meant} (families: {known})")]
pub struct UnknownFamily {
    name: String,
    meant: String,
    known: String,
}

impl Family {
    /// The name in job files and messages.
    pub fn name(self) -> &'static str {
        self.layout().name
    }

    /// All names, as they are listed to people.
    pub fn names() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|family| family.name()).collect();
        names.join(", ")
    }

    /// Finds a family by its name.
    pub fn parse(name: &str) -> Result<Self, UnknownFamily> {
        Self::ALL
            .iter()
            .copied()
            .find(|family| family.name() == name)
            .ok_or_else(|| UnknownFamily::new(name))
    }

    /// Whether the answer is text. Otherwise it is in [`ParsedReply::output`].
    pub fn writes_text(self) -> bool {
        self.layout().answer == ResponseKind::Text
    }

    /// Builds the InvokeModel body for `prompt`; `base` is the model's base id where it is known.
    ///
    /// What the family cannot express is left out: [`Family::check`] and [`Family::accepts`] are
    /// there to refuse it beforehand. `extra` is merged in after all else and wins; a schema of the job is
    /// added to that.
    pub fn body(self, prompt: &Prompt, parameters: &Parameters, base: Option<&str>) -> Value {
        let schema = parameters.schema.as_deref();
        let asked = schema.filter(|sent| sent.mode == SchemaMode::Prompt);
        let with_sentence = asked.map(|sent| structured::with_sentence(prompt, &sent.sentence()));
        let prompt = with_sentence.as_ref().unwrap_or(prompt);
        let mut body = (self.layout().body)(prompt, parameters, base);
        merge(&mut body, &parameters.extra);
        if let Some(sent) = schema {
            self.add_schema(&mut body, sent);
        }
        body
    }

    /// Whether a body can say the seed of its sampling.
    pub fn takes_a_seed(self) -> bool {
        !self.layout().seed.is_empty()
    }

    /// Whether what is merged into bodies says the seed.
    pub fn brings_a_seed(self, extra: &Map<String, Value>) -> bool {
        let [first, rest @ ..] = self.layout().seed else {
            return false;
        };
        let found = extra.get(*first);
        let found = rest.iter().fold(found, |found, key| found?.get(key));
        found.is_some()
    }

    /// Writes `seed` into `body`, if the family has a place for it and the body has nothing else there.
    pub fn sow(self, body: &mut Value, seed: u32) {
        let [way @ .., last] = self.layout().seed else {
            return;
        };
        let mut at = body;
        for key in way {
            let Some(object) = at.as_object_mut() else {
                return;
            };
            at = object.entry(*key).or_insert_with(|| json!({}));
        }
        if let Some(object) = at.as_object_mut() {
            object.insert((*last).to_owned(), seed.into());
        }
    }

    /// Reads a response's body. Completions are as they were sent, see [`Family::tidied`].
    ///
    /// # Errors
    /// It is not shaped as the family's, or the model stopped because it failed.
    ///
    /// A guardrail answers in place of the model and keeps the family's shape, more or less; so
    /// its word goes before the model's, and a shape it left empty is an empty completion.
    pub fn read(self, body: &Value) -> Result<ParsedReply, NoAnswer> {
        let read = (self.layout().read)(body);
        let trace = body.get(guardrail::TRACE);
        let guardrail_trace = trace.filter(|trace| !trace.is_null()).cloned();
        if guardrail::has_intervened(body) {
            let read = read.or_else(|_| raw::read(body)).ok();
            let read = read.or_else(|| stream::read_chunk(body));
            let empty = || ParsedReply {
                completion: self.writes_text().then(String::new),
                ..ParsedReply::default()
            };
            return Ok(ParsedReply {
                finish_reason: FinishReason::Guardrail,
                guardrail_trace,
                ..read.unwrap_or_else(empty)
            });
        }
        let reading = read?;
        if let Some(word) = failure(&reading) {
            return Err(NoAnswer::Failed { word: word.clone() });
        }
        Ok(ParsedReply {
            guardrail_trace,
            ..reading
        })
    }

    /// Like [`Family::read`], but what is not shaped as the family's is read by its shape: some
    /// models have two interfaces, and what stands behind some ids is not known.
    ///
    /// # Errors
    /// As for [`Family::read`]: what is wrong with it as a response of the family.
    pub fn read_any_shape(self, body: &Value) -> Result<ParsedReply, NoAnswer> {
        let by_shape = |misread| match Self::Raw.read(body) {
            Err(NoAnswer::Misread(_)) => Err(NoAnswer::Misread(misread)),
            read => read,
        };
        match self.read(body) {
            Err(NoAnswer::Misread(misread)) => by_shape(misread),
            read => read,
        }
    }

    /// The reading of `body`, the response to a body that was built here: without the white space
    /// that belongs to the end of the family's template, and not to the completion.
    pub fn tidied(self, reading: ParsedReply, body: &Value) -> ParsedReply {
        let lead = match self.layout().lead {
            Lead::ByShape => raw::family_of_reply(body).map(|family| family.layout().lead),
            lead @ (Lead::Kept | Lead::Trimmed) => Some(lead),
        };
        match lead {
            Some(Lead::Trimmed) => vocabulary::trimmed(reading),
            Some(Lead::Kept | Lead::ByShape) | None => reading,
        }
    }
}

/// The model's word for a failure. Models that write no text have no other words to stop with than
/// those that are known; what they have made nevertheless is kept.
fn failure(reading: &ParsedReply) -> Option<&String> {
    let is_nothing = reading.completion.is_none() && reading.images.is_empty();
    let is_strange = is_nothing && reading.finish_reason == FinishReason::Unknown;
    let word = reading.stop_reason.as_ref();
    word.filter(|word| is_strange || vocabulary::means_failure(word))
}

impl UnknownFamily {
    fn new(name: &str) -> Self {
        let names = Family::ALL.iter().map(|family| family.name());
        let nearest = nearest(name, names);
        Self {
            name: name.to_owned(),
            meant: nearest.map_or_else(String::new, |it| format!("; did you mean `{it}`?")),
            known: Family::names(),
        }
    }
}

#[cfg(test)]
mod tests;
