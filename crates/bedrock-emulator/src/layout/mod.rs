//! Body layouts: the requests that each kind of model accepts, and the shape of its responses.
//!
//! A layout reads a body into a [`ModelInput`], rejecting what the service would reject, and writes a
//! [`ModelOutput`] in the shape of its models, whole or in [`chunks`]. It knows nothing of HTTP, quotas
//! or faults.

mod chat;
mod chunks;
mod claude;
mod command_r;
mod completion;
mod conversation;
mod embed;
mod form;
mod grammar;
mod guarded;
mod image;
mod model_rules;
mod nova;
mod raw;
mod titan;

use serde_json::Value;

use super::schema::Object;
use super::service_error::ServiceError;

/// A body layout shared by models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Anthropic Messages.
    Claude,
    /// Amazon Nova.
    Nova,
    /// OpenAI-style chat completions.
    Chat,
    /// Mistral's own chat: `stop_reason`, no usage.
    MistralChat,
    /// Mistral with a raw prompt.
    MistralText,
    /// The two Mistral models of February 2024, which accept a prompt or messages.
    MistralEither,
    /// Meta Llama, raw prompt.
    Llama,
    /// DeepSeek R1, raw prompt.
    Deepseek,
    /// An imported model's OpenAI-style text completion.
    Completion,
    /// Amazon Titan Text.
    TitanText,
    /// Amazon Titan Text Embeddings, first version.
    TitanEmbed1,
    /// Amazon Titan Text Embeddings V2.
    TitanEmbed2,
    /// Anthropic's text completions.
    ClaudeText,
    /// Cohere Command.
    Command,
    /// Cohere Command R.
    CommandR,
    /// AI21 Jurassic-2.
    Jurassic,
    /// Writer Palmyra, which accepts a prompt or messages.
    Palmyra,
    /// TwelveLabs Pegasus.
    Pegasus,
    /// Amazon Titan Multimodal Embeddings.
    TitanEmbedImage,
    /// Amazon Nova Multimodal Embeddings.
    NovaEmbed,
    /// Cohere Embed.
    CohereEmbed,
    /// TwelveLabs Marengo Embed.
    Marengo,
    /// Amazon Rerank and Cohere Rerank.
    Rerank,
    /// Amazon Titan Image and Nova Canvas.
    AmazonImage,
    /// Stability's image models.
    StabilityImage,
    /// Stable Diffusion XL.
    Sdxl,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelInput {
    /// The last user message; the output begins with its digest.
    pub(super) prompt: String,
    /// Input tokens.
    pub(super) input_tokens: u64,
    /// What to produce.
    pub(super) task: Task,
}

/// What to produce.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Task {
    /// Text.
    Text {
        /// The longest output, in tokens: the request's limit or the model's.
        max_tokens: u64,
        /// Stop sequences.
        stop: Vec<String>,
        /// Reasoning before the text.
        reasoning: Reasoning,
        /// What the output has to be.
        form: Form,
    },
    /// This many vectors of this many dimensions.
    Vectors(usize, usize),
    /// One vector per text, which depends on that text alone, of this many dimensions.
    VectorsOf(Vec<String>, usize),
    /// Images.
    Images,
}

/// Reasoning that some models write before their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasoning {
    /// None.
    None,
    /// In the text, up to `</think>`: DeepSeek R1 with a prompt that opens the reasoning.
    InText,
    /// Separate from the text: in a block (Claude, Nova), or in tags (gpt-oss, Kimi K2 Thinking).
    Separate,
}

/// What an output has to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Any text.
    Text,
    /// JSON that satisfies this schema.
    Json(Value),
    /// A call of this tool with an input that satisfies the schema.
    ToolCall {
        /// The tool.
        name: String,
        /// The schema of its input.
        schema: Value,
    },
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    /// The tool.
    pub(super) name: String,
    /// Its input as JSON text; cut if the output reached its limit.
    pub(super) input: String,
}

impl ToolCall {
    /// The input as a value; an empty object if it is cut.
    fn input(&self) -> Value {
        serde_json::from_str(&self.input).unwrap_or_else(|_| serde_json::json!({}))
    }
}

/// What was produced.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelOutput {
    /// Reasoning that is separate from the text; may be empty.
    pub(super) thought: String,
    /// The text; empty for other tasks.
    pub(super) text: String,
    /// The tool call, which replaces the text.
    pub(super) tool_call: Option<ToolCall>,
    /// The vectors; empty for other tasks.
    pub(super) vectors: Vec<Vec<f32>>,
    /// Why it ended.
    pub(super) finish: FinishReason,
    /// Tokens of the input.
    pub(super) input_tokens: u64,
    /// Tokens of reasoning, text and tool input, of all completions.
    pub(super) output_tokens: u64,
    /// Further completions of the same prompt, where the request asks for several.
    pub(super) others: Vec<ModelOutput>,
}

impl ModelOutput {
    /// Each completion of the prompt.
    pub(super) fn completions(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// Removes all of it, as the model's own filter does.
    pub(super) fn filter(&mut self) {
        self.thought.clear();
        self.text.clear();
        self.tool_call = None;
        self.others.clear();
        self.output_tokens = 0;
        self.finish = FinishReason::Filtered;
    }
}

/// Why an output ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FinishReason {
    /// The output is complete.
    Done,
    /// It reached the limit.
    Length,
    /// It reached this stop sequence.
    Stop(String),
    /// A tool is called.
    ToolCall,
    /// The model's own filter removed it.
    Filtered,
    /// A guardrail responded instead of the model.
    Blocked,
}

impl Layout {
    /// The layout of a request to an opaque ARN, by its fields.
    pub(super) fn of_fields(body: &Object) -> Self {
        let has = |key| body.contains_key(key);
        let prompt = body
            .get("prompt")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if has("max_tokens_to_sample") {
            Self::ClaudeText
        } else if has("anthropic_version") {
            Self::Claude
        } else if has("inferenceConfig") || nova::has_blocks(body) {
            Self::Nova
        } else if has("messages") {
            Self::Chat
        } else if has("textGenerationConfig") {
            Self::TitanText
        } else if has("chat_history") || has("preamble") {
            Self::CommandR
        } else if has("inputPrompt") {
            Self::Pegasus
        } else if has("taskType") && has("singleEmbeddingParams") {
            Self::NovaEmbed
        } else if has("taskType") {
            Self::AmazonImage
        } else if has("documents") {
            Self::Rerank
        } else if has("texts") {
            Self::CohereEmbed
        } else if has("dimensions") || has("normalize") || has("embeddingTypes") {
            Self::TitanEmbed2
        } else if has("inputText") {
            Self::TitanEmbed1
        } else if has("max_gen_len") || raw::is_llama(prompt) {
            Self::Llama
        } else if raw::is_mistral(prompt) {
            Self::MistralText
        } else if raw::is_deepseek(prompt) {
            Self::Deepseek
        } else {
            Self::Completion
        }
    }

    /// The layout of this body, for models that accept several.
    pub(super) fn for_body(self, body: &Object) -> Self {
        let has = |key| body.contains_key(key);
        if self == Self::MistralEither {
            return match has("messages") {
                true => Self::MistralChat,
                false => Self::MistralText,
            };
        }
        if self == Self::Palmyra {
            return match has("prompt") {
                true => Self::Completion,
                false => Self::Chat,
            };
        }
        // Claude 2 and Instant accept both and respond in the same layout (recorded 2025).
        match self == Self::ClaudeText && has("messages") {
            true => Self::Claude,
            false => self,
        }
    }

    /// Reads and checks a body in this layout; `base` is the base id, empty if an ARN hides it.
    pub(super) fn read(self, body: &Object, base: &str) -> Result<ModelInput, ServiceError> {
        let asked = match self {
            Self::Claude => claude::read(body, base),
            Self::Nova => nova::read(body),
            Self::Chat | Self::Palmyra => chat::read(body, base),
            Self::MistralChat => chat::read_mistral(body),
            Self::MistralText | Self::MistralEither => raw::read_mistral(body),
            Self::Llama => raw::read_llama(body),
            Self::Deepseek => raw::read_deepseek(body),
            Self::Completion => raw::read_completion(body),
            Self::TitanText => titan::read(body, base),
            Self::TitanEmbed1 => embed::read_v1(body),
            Self::TitanEmbed2 => embed::read_v2(body),
            Self::ClaudeText => completion::read_claude(body),
            Self::Command => completion::read_command(body),
            Self::CommandR => command_r::read(body),
            Self::Jurassic => completion::read_jurassic(body),
            Self::Pegasus => completion::read_pegasus(body),
            Self::TitanEmbedImage => embed::read_image(body),
            Self::NovaEmbed => embed::read_nova(body),
            Self::CohereEmbed => embed::read_cohere(body),
            Self::Marengo => embed::read_marengo(body),
            Self::Rerank => embed::read_rerank(body, base),
            Self::AmazonImage => image::read_amazon(body),
            Self::StabilityImage => image::read_stability(body),
            Self::Sdxl => image::read_sdxl(body),
        }?;
        model_rules::check(self, base, body)?;
        Ok(asked)
    }

    /// Writes the output for a body that [`Layout::read`] accepted; `id` is as in the path.
    pub(super) fn write(self, body: &Object, id: &str, answer: &ModelOutput) -> Value {
        let answer = &self.with_leading_space(answer);
        match self {
            Self::Claude => claude::write(id, answer),
            Self::Nova => nova::write(answer),
            Self::Chat | Self::Palmyra => chat::write(id, answer),
            Self::MistralChat => chat::write_mistral(answer),
            Self::MistralText | Self::MistralEither => raw::write_mistral(answer),
            Self::Llama => raw::write_llama(answer),
            Self::Deepseek => raw::write_deepseek(answer),
            Self::Completion => raw::write_completion(answer),
            Self::TitanText => titan::write(answer),
            Self::TitanEmbed1 => embed::write_v1(answer),
            Self::TitanEmbed2 => embed::write_v2(body, answer),
            Self::ClaudeText => completion::write_claude(answer),
            Self::Command => completion::write_command(answer),
            Self::CommandR => command_r::write(answer),
            Self::Jurassic => completion::write_jurassic(answer),
            Self::Pegasus => completion::write_pegasus(answer),
            Self::TitanEmbedImage => embed::write_image(answer),
            Self::NovaEmbed => embed::write_nova(answer),
            Self::CohereEmbed => embed::write_cohere(body, id, answer),
            Self::Marengo => embed::write_marengo(answer),
            Self::Rerank => embed::write_rerank(body, answer),
            Self::AmazonImage => image::write_amazon(body, answer),
            Self::StabilityImage => image::write_stability(answer),
            Self::Sdxl => image::write_sdxl(answer),
        }
    }

    /// Writes the output as chunks; `None` if the layout does not stream.
    pub(super) fn chunks(
        self,
        body: &Object,
        id: &str,
        answer: &ModelOutput,
    ) -> Option<Vec<Value>> {
        if self == Self::Command && body.get("stream") != Some(&Value::Bool(true)) {
            // The whole response in one chunk (recorded February 2024, August 2025).
            return Some(vec![self.write(body, id, answer)]);
        }
        let write = chunks::writer(self)?;
        Some(write(id, &self.with_leading_space(answer)))
    }

    /// The output with the leading white space that text-completion models write (recorded 2024 to 2026).
    fn with_leading_space(self, answer: &ModelOutput) -> ModelOutput {
        let mut answer = answer.clone();
        let lead = if matches!(self, Self::ClaudeText | Self::Command | Self::MistralText) {
            " "
        } else if matches!(self, Self::TitanText | Self::Jurassic) {
            "\n"
        } else if self == Self::Llama {
            "\n\n"
        } else {
            ""
        };
        let further = answer.others.iter_mut().map(|other| &mut other.text);
        for text in std::iter::once(&mut answer.text).chain(further) {
            if !text.is_empty() {
                text.insert_str(0, lead);
            }
        }
        answer
    }

    /// How many completions a body asks for.
    pub(super) fn completions(self, body: &Object) -> u64 {
        if matches!(self, Self::Chat | Self::Palmyra) {
            whole(body, "n", 1)
        } else if self == Self::Command {
            whole(body, "num_generations", 1)
        } else {
            1
        }
    }

    /// The response of a guardrail that blocked the prompt; `None` if the layout's own serves.
    pub(super) fn blocked(self, id: &str, answer: &ModelOutput) -> Option<Value> {
        guarded::write(self, id, answer)
    }

    /// The chunks of a guardrail that blocked the prompt.
    pub(super) fn blocked_chunks(self, id: &str, answer: &ModelOutput) -> Option<Vec<Value>> {
        guarded::chunks(self, id, answer)
    }

    /// Whether it has chunks.
    pub(super) fn streams(self) -> bool {
        chunks::writer(self).is_some()
    }

    /// Whether its models report that their own filter removed an output.
    pub(super) fn filters(self) -> bool {
        match self {
            Self::Claude
            | Self::Nova
            | Self::Chat
            | Self::Palmyra
            | Self::TitanText
            | Self::Command
            | Self::CommandR
            | Self::AmazonImage
            | Self::StabilityImage
            | Self::Sdxl => true,
            Self::MistralChat
            | Self::MistralText
            | Self::MistralEither
            | Self::Llama
            | Self::Deepseek
            | Self::Completion
            | Self::TitanEmbed1
            | Self::TitanEmbed2
            | Self::ClaudeText
            | Self::Jurassic
            | Self::Pegasus
            | Self::TitanEmbedImage
            | Self::NovaEmbed
            | Self::CohereEmbed
            | Self::Marengo
            | Self::Rerank => false,
        }
    }

    /// Whether its bodies may have `stream`, which the path determines.
    pub(super) fn may_say_stream(self) -> bool {
        matches!(
            self,
            Self::Chat | Self::Palmyra | Self::Completion | Self::CommandR
        )
    }

    /// Checks a body of InvokeModel.
    pub(super) fn check_whole(self, body: &Object) -> Result<(), ServiceError> {
        let streams = body.get("stream") == Some(&Value::Bool(true));
        if self == Self::Command && streams {
            return Err(ServiceError::malformed(
                "#/stream: must be false for an answer in one piece",
            ));
        }
        Ok(())
    }

    /// Checks a body of InvokeModelWithResponseStream.
    pub(super) fn check_stream(self, body: &Object, base: &str) -> Result<(), ServiceError> {
        if !self.streams() {
            return Err(ServiceError::no_stream());
        }
        model_rules::check_stream(self, base, body)
    }
}

/// Tokens of an input with this many bytes, and a few for its frame.
fn input_tokens(bytes: usize) -> u64 {
    const FRAME: u64 = 7;
    tokens_of(bytes) + FRAME
}

/// Tokens of this many bytes of text: one per four bytes.
pub(super) fn tokens_of(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// The whole number under `key`, or `otherwise`.
fn whole(body: &Object, key: &str, otherwise: u64) -> u64 {
    body.get(key).and_then(Value::as_u64).unwrap_or(otherwise)
}

/// The strings under `key`: a list, or one alone.
fn texts(body: &Object, key: &str) -> Vec<String> {
    match body.get(key) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => {
            let strings = many.iter().filter_map(Value::as_str);
            strings.map(str::to_owned).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
