//! From a record to a prompt: a template, a column, a list of messages, or a body as it is.
//!
//! A [`PromptSpec`] says where prompts come from; a [`Prompter`] is one that was checked against the
//! fields of the input, and turns each record into [`Content`]. What the data holds is never read
//! as a template. Knows nothing of model families: how a prompt is laid out is theirs.

mod error;
mod field;
mod messages;
mod names;
mod prompter;
mod template;

pub use error::PromptError;
pub use prompter::{PromptSource, PromptSpec, Prompter};

/// What a record asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A prompt, to be laid out as the model's family wants it.
    Prompt(Prompt),
    /// An InvokeModel body, sent as it is: compact JSON, its fields in their order.
    Body(Vec<u8>),
}

/// What a model is asked, before any family's layout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// The system prompt.
    pub system: Option<String>,
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
}
