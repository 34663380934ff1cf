//! What a model is asked, before any family lays it out.

use serde_json::Value;

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
    /// The same object, for questions about it.
    pub value: Value,
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
    /// Instructions in the middle of the conversation, which few models take.
    System,
}
