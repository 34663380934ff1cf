//! What a model is asked, before any family lays it out.

use serde_json::{Value, json};

/// What a record asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A prompt, to be laid out as the model's family wants it.
    Prompt(Prompt),
    /// An InvokeModel body, sent as it is.
    Body(Body),
}

/// An InvokeModel body of a record's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What is sent: compact JSON, its fields in their order.
    pub text: Vec<u8>,
    /// The parsed form of that text.
    pub value: Value,
}

/// What a model is asked, before any family's layout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// The system prompt.
    pub system: Option<String>,
    /// The system prompt as blocks, where its text does not hold all of it.
    pub system_written: Option<Written>,
    /// The turns, oldest first; never empty.
    pub messages: Vec<Message>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub text: String,
    /// Images that go before the text.
    pub images: Vec<Image>,
    /// The message as blocks or as a whole, where text and images do not hold all of it.
    pub written: Option<Written>,
}

/// What a text and images before it do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Texts and images in this order, which each API writes in its own way.
    Blocks(Vec<Block>),
    /// A whole message, or the list of blocks of a system prompt, as one API writes it: sent as it is.
    As {
        /// The API.
        api: Api,
        /// The message or list.
        value: Value,
        /// What only this API has a place for.
        what: String,
    },
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A text.
    Text(String),
    /// An image.
    Image(Image),
}

/// An API of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API.
    OpenAi,
    /// Amazon Nova's, and Bedrock's Converse API.
    Amazon,
}

impl Written {
    /// Puts a text before all else of a system prompt.
    pub fn begin_with(&mut self, text: &str) {
        match self {
            Self::Blocks(blocks) => blocks.insert(0, Block::Text(text.to_owned())),
            Self::As { api, value, .. } => {
                if let Value::Array(blocks) = value {
                    blocks.insert(0, api.text(text));
                }
            }
        }
    }
}

impl Written {
    /// Puts a text after all else, and returns whether there was a place for it.
    pub fn end_with(&mut self, text: &str) -> bool {
        match self {
            Self::Blocks(blocks) => blocks.push(Block::Text(text.to_owned())),
            Self::As { api, value, .. } => {
                let content = match value.get_mut("content") {
                    Some(content) => content,
                    None => value,
                };
                match content {
                    Value::Array(blocks) => blocks.push(api.text(text)),
                    Value::String(said) => {
                        said.push_str("\n\n");
                        said.push_str(text);
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                        return false;
                    }
                }
            }
        }
        true
    }
}

impl Api {
    /// A block of text.
    pub fn text(self, text: &str) -> Value {
        match self {
            Self::Anthropic | Self::OpenAi => json!({"type": "text", "text": text}),
            Self::Amazon => json!({"text": text}),
        }
    }

    /// Whose it is.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic",
            Self::OpenAi => "OpenAI",
            Self::Amazon => "Amazon",
        }
    }
}

/// An image in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `png`, `jpeg`, `gif` or `webp`.
    pub format: String,
    /// The file, in base64.
    pub base64: String,
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person asking.
    User,
    /// The model answering.
    Assistant,
    /// Instructions in the middle of the conversation, which few models take.
    System,
}
