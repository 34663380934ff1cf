//! Content that a service is known to reject, although its layout is right: found before it is sent,
//! in bodies that were built here and in bodies that rows bring.
//!
//! Source: Anthropic's and OpenAI's own messages, as the service passes them on, in autumn 2026.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::json::{list, text};
use super::{Family, Parameters};
use crate::model::{Message, Prompt, Role};

impl Family {
    /// What the service would reject in a request body, with what to change; `None` where nothing
    /// is known to be wrong.
    pub fn rejects(self, body: &Value) -> Option<String> {
        self.layout().rejects?(body)
    }

    /// What the service would reject in every body that is built with `parameters`.
    pub(super) fn rejects_built(
        self,
        parameters: &Parameters,
        base: Option<&str>,
    ) -> Option<String> {
        let prompt = Prompt {
            system: None,
            system_written: None,
            messages: vec![Message {
                role: Role::User,
                text: "u".into(),
                images: Vec::new(),
                written: None,
            }],
        };
        self.rejects(&self.body(&prompt, parameters, base))
    }
}

/// Claude's text completions.
pub(super) fn claude_text(body: &Value) -> Option<String> {
    blank_stop(body)
}

/// Claude's messages.
pub(super) fn claude_messages(body: &Value) -> Option<String> {
    blank_stop(body)
        .or_else(|| prefill_ends_in_white_space(body))
        .or_else(|| no_base64(body))
        .or_else(|| choice_without_tools(body))
}

/// OpenAI-style chat completions.
pub(super) fn openai_chat(body: &Value) -> Option<String> {
    choice_without_tools(body)
}

fn blank_stop(body: &Value) -> Option<String> {
    let mut stops = list(body, "/stop_sequences")?
        .iter()
        .filter_map(Value::as_str);
    let blank = stops.find(|stop| stop.trim().is_empty())?;
    Some(format!(
        "the stop sequence {blank:?} is only white space, which Claude rejects: give text that ends \
         the completion, or leave it out"
    ))
}

fn prefill_ends_in_white_space(body: &Value) -> Option<String> {
    let last = list(body, "/messages")?.last()?;
    if text(last, "/role") != Some("assistant") {
        return None;
    }
    let said = match last.get("content")? {
        Value::String(said) => said,
        Value::Array(blocks) => text(blocks.last()?, "/text")?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    let is_blank = said.len() != said.trim_end().len();
    is_blank.then(|| {
        "the assistant prefill ends in white space, which Claude rejects: remove it from the end of \
         the last message"
            .to_owned()
    })
}

fn no_base64(body: &Value) -> Option<String> {
    let messages = list(body, "/messages")?;
    (1..).zip(messages).find_map(|(number, message)| {
        let blocks = list(message, "/content")?;
        let is_base64 = |block: &&Value| text(*block, "/source/type") == Some("base64");
        let mut data = blocks
            .iter()
            .filter(is_base64)
            .filter_map(|block| text(block, "/source/data"));
        data.any(|data| !is_base64_of_something(data)).then(|| {
            format!(
                "message {number}: the data of its image or document is not base64: encode the \
                 bytes of the file, without line breaks and without `data:…;base64,` before them"
            )
        })
    })
}

/// Whether a text is base64, with its padding, of at least a byte.
pub(super) fn is_base64_of_something(text: &str) -> bool {
    !text.is_empty() && STANDARD.decode(text).is_ok()
}

fn choice_without_tools(body: &Value) -> Option<String> {
    let is_given = |key: &str| body.get(key).is_some_and(|given| !is_nothing(given));
    (is_given("tool_choice") && !is_given("tools")).then(|| {
        "tool_choice without tools is rejected: give tools too, or remove tool_choice".to_owned()
    })
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => Map::is_empty(fields),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(family: Family, body: Value, said: Option<&str>) {
        let found = family.rejects(&body);
        let is_so = match (&found, said) {
            (Some(found), Some(said)) => found.contains(said),
            (found, said) => found.is_none() && said.is_none(),
        };
        assert!(is_so, "{body}: {found:?}");
    }

    #[test]
    fn a_stop_sequence_holds_more_than_white_space() {
        for family in [Family::ClaudeMessages, Family::ClaudeText] {
            for stop in ["", " ", "\n", "\u{a0}\t"] {
                let body = json!({"stop_sequences": ["END", stop]});
                check(family, body, Some("is only white space"));
            }
            check(
                family,
                json!({"stop_sequences": ["\n\nHuman:", " x"]}),
                None,
            );
            check(family, json!({}), None);
        }
        check(Family::Nova, json!({"stop_sequences": ["\n"]}), None);
    }

    #[test]
    fn a_prefill_does_not_end_in_white_space() {
        let ends = |last: Value| json!({"messages": [{"role": "user", "content": "q "}, last]});
        let claude = Family::ClaudeMessages;
        for content in [
            json!("Io "),
            json!("Io\n"),
            json!([{"type": "text", "text": "I"}, {"type": "text", "text": "o "}]),
        ] {
            let body = ends(json!({"role": "assistant", "content": content}));
            check(claude, body, Some("prefill ends in white space"));
        }
        check(
            claude,
            ends(json!({"role": "assistant", "content": " Io"})),
            None,
        );
        check(
            claude,
            ends(json!({"role": "user", "content": "Io "})),
            None,
        );
        check(
            claude,
            json!({"messages": [{"role": "user", "content": "q "}]}),
            None,
        );
    }

    #[test]
    fn data_is_base64() {
        let shown = |data: &str| {
            let source = json!({"type": "base64", "media_type": "image/png", "data": data});
            let image = json!([{"type": "image", "source": source}]);
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": image}]})
        };
        let claude = Family::ClaudeMessages;
        check(claude, shown("iVBORw0KGgo="), None);
        for data in [
            "",
            "iVBORw0KGgo",
            "iVBO\nRw0K",
            "data:image/png;base64,iVBO",
            "héllo===",
        ] {
            check(
                claude,
                shown(data),
                Some("message 2: the data of its image"),
            );
        }
    }

    #[test]
    fn a_tool_choice_has_tools_to_choose_from() {
        let choice = json!({"type": "auto"});
        let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
        for family in [Family::ClaudeMessages, Family::OpenaiChat, Family::Palmyra] {
            let said = Some("tool_choice without tools");
            check(family, json!({"tool_choice": choice}), said);
            check(family, json!({"tool_choice": choice, "tools": []}), said);
            check(family, json!({"tool_choice": choice, "tools": tools}), None);
            check(family, json!({"tool_choice": null}), None);
        }
    }
}
