//! A prompt and its completion as a conversation of texts, which is what models are trained on.

use serde_json::Value;

use super::left_out::LeftOut;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    User,
    Assistant,
}

impl Speaker {
    /// As OpenAI and Bedrock name it.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A conversation of texts: instructions if there are any, then turns of user and assistant, one after the
/// other, a completion last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversation {
    pub(super) system: Option<String>,
    /// The first is the user's.
    pub(super) turns: Vec<(Speaker, String)>,
}

impl Conversation {
    /// Reads the messages that a record keeps.
    ///
    /// # Errors
    /// Why the shapes have no place for them.
    pub(super) fn of(messages: &[Value]) -> Result<Self, LeftOut> {
        let mut read = Self {
            system: None,
            turns: Vec::new(),
        };
        for message in messages {
            let text = text_of(&message["content"]).ok_or(LeftOut::MoreThanText)?;
            // Calls of tools and their results are not texts.
            if message.get("tool_calls").is_some() {
                return Err(LeftOut::MoreThanText);
            }
            let last = read.turns.last().map(|(speaker, _)| *speaker);
            match (message["role"].as_str(), last) {
                (Some("system" | "developer"), None) => {
                    let before = read.system.take();
                    let before = before.map_or_else(String::new, |before| before + "\n\n");
                    read.system = Some(before + &text);
                }
                (Some("system" | "developer"), Some(_)) => return Err(LeftOut::LateInstructions),
                (Some("user"), None | Some(Speaker::Assistant)) => {
                    read.turns.push((Speaker::User, text));
                }
                (Some("assistant"), Some(Speaker::User)) => {
                    read.turns.push((Speaker::Assistant, text));
                }
                (Some("user" | "assistant"), _) => return Err(LeftOut::Turns),
                _ => return Err(LeftOut::MoreThanText),
            }
        }
        match read.turns.is_empty() {
            true => Err(LeftOut::Turns),
            false => Ok(read),
        }
    }

    /// This conversation with its completion: to an assistant prefill, that is what follows.
    pub(super) fn answered(mut self, completion: &str) -> Self {
        match self.turns.last_mut() {
            Some((Speaker::Assistant, prefill)) => prefill.push_str(completion),
            _ => self.turns.push((Speaker::Assistant, completion.to_owned())),
        }
        self
    }

    /// The turns as pairs of a question and its answer.
    pub(super) fn exchanges(&self) -> Vec<(&str, &str)> {
        let pairs = self.turns.chunks_exact(2);
        pairs
            .map(|pair| (pair[0].1.as_str(), pair[1].1.as_str()))
            .collect()
    }
}

/// The text of a message: a string, or a list of texts.
fn text_of(content: &Value) -> Option<String> {
    if let Some(text) = content.as_str() {
        return Some(text.to_owned());
    }
    let parts = content.as_array()?.iter().map(|part| {
        let is_text = matches!(part["type"].as_str(), None | Some("text"));
        let fields = part.as_object().filter(|it| it.len() <= 2 && is_text)?;
        fields.get("text")?.as_str()
    });
    let parts: Option<Vec<_>> = parts.collect();
    Some(parts?.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(messages: Value, expected: Result<&str, LeftOut>) {
        let read = Conversation::of(messages.as_array().unwrap());
        let read = read.map(|it| {
            let it = it.answered("end");
            let turns: Vec<_> = it.turns.iter().map(|(_, text)| text.as_str()).collect();
            format!(
                "{:?} {}",
                it.system.as_deref().unwrap_or(""),
                turns.join("|")
            )
        });
        assert_eq!(read.as_deref().map_err(|why| *why), expected);
    }

    fn says(role: &str, content: impl Into<Value>) -> Value {
        json!({"role": role, "content": content.into()})
    }

    #[test]
    fn a_prompt_is_read_with_its_completion() {
        let texts = json!([{"type": "text", "text": "a"}, {"text": "b"}]);
        check(json!([says("user", texts)]), Ok("\"\" a\n\nb|end"));
        check(
            json!([
                says("system", "s"),
                says("user", "q"),
                says("assistant", "a"),
                says("user", "r")
            ]),
            Ok("\"s\" q|a|r|end"),
        );
        let prefill = json!([says("user", "q"), says("assistant", "{")]);
        check(prefill, Ok("\"\" q|{end"));
    }

    #[test]
    fn a_prompt_that_the_shapes_have_no_place_for_is_left_out() {
        let image = json!([{"type": "image_url", "image_url": {"url": "data:"}}]);
        check(json!([says("user", image)]), Err(LeftOut::MoreThanText));
        check(json!([says("tool", "x")]), Err(LeftOut::MoreThanText));
        check(
            json!([says("user", "q"), says("system", "s")]),
            Err(LeftOut::LateInstructions),
        );
        check(
            json!([says("user", "q"), says("user", "r")]),
            Err(LeftOut::Turns),
        );
        check(json!([says("assistant", "q")]), Err(LeftOut::Turns));
        check(json!([says("system", "s")]), Err(LeftOut::Turns));
    }
}
