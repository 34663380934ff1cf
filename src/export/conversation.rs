//! A prompt and its completion as a conversation of texts, which is what models are trained on.

use serde_json::Value;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Speaker {
    System,
    User,
    Assistant,
}

/// A conversation of texts: instructions first if there are any, then turns of the user and of the model in
/// turn, a completion last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Conversation {
    pub(super) system: Option<String>,
    /// From the user's first on; the user has one more than the model before the completion is added.
    pub(super) turns: Vec<(Speaker, String)>,
}

/// Why a prompt is no such conversation.
pub(super) const NO_TEXT: &str = "the prompt has more than text";
const MIDDLE: &str = "instructions in the middle of the conversation";
const NO_TURNS: &str = "user and assistant do not alternate";

impl Conversation {
    /// Reads messages as a record keeps them, or as a prompt is rendered.
    pub(super) fn of(messages: &[Value]) -> Result<Self, &'static str> {
        let mut read = Self {
            system: None,
            turns: Vec::new(),
        };
        for message in messages {
            let text = text_of(&message["content"]).ok_or(NO_TEXT)?;
            // Calls of tools and their results are no texts.
            if message.get("tool_calls").is_some() {
                return Err(NO_TEXT);
            }
            let speaker = match message["role"].as_str() {
                Some("system" | "developer") => Speaker::System,
                Some("user") => Speaker::User,
                Some("assistant") => Speaker::Assistant,
                _ => return Err(NO_TEXT),
            };
            match (speaker, read.turns.last()) {
                (Speaker::System, None) => {
                    let before = read.system.take();
                    let before = before.map_or_else(String::new, |before| before + "\n\n");
                    read.system = Some(before + &text);
                }
                (Speaker::System, Some(_)) => return Err(MIDDLE),
                (Speaker::User, None | Some((Speaker::Assistant, _)))
                | (Speaker::Assistant, Some((Speaker::User, _))) => {
                    read.turns.push((speaker, text))
                }
                _ => return Err(NO_TURNS),
            }
        }
        match read.turns.is_empty() {
            true => Err(NO_TURNS),
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
    fn check(messages: Value, expected: Result<&str, &str>) {
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
    fn what_is_no_conversation_of_texts_is_said() {
        let image = json!([{"type": "image_url", "image_url": {"url": "data:"}}]);
        check(json!([says("user", image)]), Err(NO_TEXT));
        check(json!([says("tool", "x")]), Err(NO_TEXT));
        check(json!([says("user", "q"), says("system", "s")]), Err(MIDDLE));
        check(json!([says("user", "q"), says("user", "r")]), Err(NO_TURNS));
        check(json!([says("assistant", "q")]), Err(NO_TURNS));
        check(json!([says("system", "s")]), Err(NO_TURNS));
    }
}
