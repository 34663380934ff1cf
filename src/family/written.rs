//! Messages and system prompts that are more than a text and images before it.

use serde_json::{Value, json};

use super::Family;
use super::vocabulary::role;
use crate::model::{Block, Message, Prompt, Written};

/// A turn: as it was written where that says more than its text and images, else as `content` lays
/// these out. `block` lays out one block.
pub(super) fn turn(
    message: &Message,
    content: fn(&Message) -> Value,
    block: fn(&Block) -> Value,
) -> Value {
    let content = match &message.written {
        Some(Written::As { value, .. }) => return value.clone(),
        Some(Written::Blocks(blocks)) => blocks.iter().map(block).collect(),
        None => content(message),
    };
    json!({"role": role(message.role), "content": content})
}

/// The blocks of a system prompt that is more than a text.
pub(super) fn system_blocks(prompt: &Prompt, block: fn(&Block) -> Value) -> Option<Value> {
    Some(match prompt.system_written.as_ref()? {
        Written::As { value, .. } => value.clone(),
        Written::Blocks(blocks) => blocks.iter().map(block).collect(),
    })
}

impl Family {
    /// Rejects what this family has no place for.
    pub(super) fn has_places(self, prompt: &Prompt) -> Result<(), String> {
        let messages = prompt.messages.iter().filter_map(|it| it.written.as_ref());
        for written in prompt.system_written.iter().chain(messages) {
            self.has_place(written)?;
        }
        Ok(())
    }

    fn has_place(self, written: &Written) -> Result<(), String> {
        let name = self.name();
        let takes_blocks = self.layout().api.is_some() && self != Self::Jamba;
        match written {
            Written::Blocks(_) if takes_blocks => Ok(()),
            Written::Blocks(_) => Err(format!(
                "{name} has no place for several blocks in one message, and joined their texts would run \
                 into each other: make them one text"
            )),
            Written::As { api, value, what } => match self.layout().api {
                Some(own) if own == *api && (takes_blocks || !value["content"].is_array()) => {
                    Ok(())
                }
                Some(own) if own != *api => Err(format!(
                    "{what} in the form of the {} API, and {name} takes the form of the {} API: rewrite \
                     the row, or send such rows with a body",
                    api.name(),
                    own.name()
                )),
                Some(_) | None => Err(format!(
                    "{name} has no place for {what}: leave it out, or send such rows with a body"
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Api;

    #[test]
    fn a_message_that_a_family_cannot_send_as_it_is_written_is_rejected_by_name() {
        let whole = |api, content: Value| Written::As {
            api,
            value: json!({"role": "user", "content": content}),
            what: "`cache_control`".into(),
        };
        let blocks = || Written::Blocks(vec![Block::Text("one".into()), Block::Text("two".into())]);
        for (family, written, reason) in [
            ("claude-messages", whole(Api::Anthropic, json!([])), ""),
            (
                "nova",
                whole(Api::Anthropic, json!([])),
                "and nova takes the form of the Amazon API",
            ),
            (
                "llama3",
                whole(Api::Anthropic, json!([])),
                "llama3 has no place for `cache_control`",
            ),
            ("jamba", whole(Api::OpenAi, json!("one")), ""),
            (
                "jamba",
                whole(Api::OpenAi, json!([])),
                "jamba has no place for `cache_control`",
            ),
            ("claude-messages", blocks(), ""),
            ("jamba", blocks(), "jamba has no place for several blocks"),
            ("llama3", blocks(), "llama3 has no place for several blocks"),
        ] {
            let family = Family::parse(family).unwrap();
            let prompt = Prompt {
                system_written: Some(written),
                ..Prompt::default()
            };
            let said = family.has_places(&prompt).err().unwrap_or_default();
            assert_eq!(said.is_empty(), reason.is_empty(), "{said}");
            assert!(said.contains(reason), "{said}");
        }
    }
}
