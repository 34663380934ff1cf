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

impl Prompt {
    /// The prompt as messages of the Chat Completions API, the system prompt first. What only another API
    /// has a place for stands there as that API writes it.
    pub fn as_messages(&self) -> Vec<Value> {
        let system = match &self.system_written {
            None => self.system.as_ref().map(|text| json!(text)),
            Some(Written::Blocks(blocks)) => Some(parts(blocks)),
            Some(Written::As { value, .. }) => Some(value.clone()),
        };
        let system = system.map(|content| json!({"role": "system", "content": content}));
        let messages = self.messages.iter().map(Message::as_message);
        system.into_iter().chain(messages).collect()
    }
}

impl Message {
    fn as_message(&self) -> Value {
        let role = match self.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "system",
        };
        let content = match &self.written {
            Some(Written::As { value, .. }) => return value.clone(),
            Some(Written::Blocks(blocks)) => parts(blocks),
            None if self.images.is_empty() => json!(self.text),
            None => {
                let images = self.images.iter().map(Image::as_part);
                let text = std::iter::once(Api::OpenAi.text(&self.text));
                images.chain(text).collect()
            }
        };
        json!({"role": role, "content": content})
    }
}

fn parts(blocks: &[Block]) -> Value {
    let part = |block: &Block| match block {
        Block::Text(text) => Api::OpenAi.text(text),
        Block::Image(image) => image.as_part(),
    };
    blocks.iter().map(part).collect()
}

impl Image {
    fn as_part(&self) -> Value {
        let url = format!("data:image/{};base64,{}", self.format, self.base64);
        json!({"type": "image_url", "image_url": {"url": url}})
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, text: &str) -> Message {
        Message {
            role,
            text: text.to_owned(),
            images: Vec::new(),
            written: None,
        }
    }

    #[test]
    fn a_prompt_is_kept_as_messages_of_the_chat_completions_api() {
        let image = Image {
            format: "png".into(),
            base64: "AAAA".into(),
        };
        let shown = Message {
            images: vec![image],
            ..message(Role::User, "What is this?")
        };
        let native = json!({"role": "user", "content": [{"type": "document"}]});
        let written = Message {
            written: Some(Written::As {
                api: Api::Anthropic,
                value: native.clone(),
                what: "a document".into(),
            }),
            ..message(Role::User, "")
        };
        let prompt = Prompt {
            system: Some("Be brief.".into()),
            messages: vec![shown, message(Role::Assistant, "A cat."), written],
            ..Prompt::default()
        };
        assert_eq!(
            Value::from(prompt.as_messages()),
            json!([
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "text", "text": "What is this?"}
                ]},
                {"role": "assistant", "content": "A cat."},
                native
            ])
        );
    }
}
