//! Conversations: a list of `{role, content}`, as chat datasets and other APIs write it.

use serde_json::Value;

use crate::model::{Image, Message, Prompt, Role};

/// Reads a list of messages. System (or developer) messages that come first are the system prompt,
/// joined by a blank line; later ones stay where they are, for the models that take them. There must be a message of the user; the last may be the assistant's, for the model
/// to go on from. The error says which message is wrong, from 1.
pub(super) fn read(value: &Value) -> Result<Prompt, String> {
    let Value::Array(entries) = value else {
        return Err(r#"not a list of messages, such as [{"role": "user", "content": "…"}]"#.into());
    };
    let mut system = Vec::new();
    let mut messages = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let number = at + 1;
        let (text, images) =
            content(entry).map_err(|problem| format!("message {number}: {problem}"))?;
        let role = match entry.get("role").and_then(Value::as_str) {
            Some("system" | "developer" | "assistant") if !images.is_empty() => {
                return Err(format!("message {number}: only the user can show images"));
            }
            Some("system" | "developer") if messages.is_empty() => {
                system.push(text);
                continue;
            }
            Some("system" | "developer") => Role::System,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some(other) => {
                return Err(format!(
                    "message {number}: unknown role `{other}`; roles: system, user, assistant; \
                     send tool calls with `body`"
                ));
            }
            None => {
                return Err(format!(
                    "message {number}: no role; roles: system, user, assistant"
                ));
            }
        };
        messages.push(Message { role, text, images });
    }
    if !messages.iter().any(|message| message.role == Role::User) {
        return Err("no message of the user; add one".into());
    }
    Ok(Prompt {
        system: joined(system),
        messages,
    })
}

/// Texts joined by a blank line; `None` when there are none.
pub(super) fn joined(texts: impl IntoIterator<Item = String>) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Text and images. Where the two are mixed, the images come first.
fn content(entry: &Value) -> Result<(String, Vec<Image>), String> {
    let mut text = String::new();
    let mut images = Vec::new();
    match entry.get("content") {
        Some(Value::String(whole)) => text.push_str(whole),
        Some(Value::Array(blocks)) => {
            for block in blocks {
                match self::block(block)? {
                    Block::Text(piece) => text.push_str(piece),
                    Block::Image(image) => images.push(image),
                }
            }
        }
        Some(Value::Object(_) | Value::Bool(_) | Value::Number(_)) => {
            return Err("the content is neither text nor a list of blocks".into());
        }
        Some(Value::Null) | None => {}
    }
    match text.trim().is_empty() && images.is_empty() {
        true => Err("the content is empty".into()),
        false => Ok((text, images)),
    }
}

enum Block<'v> {
    Text(&'v str),
    Image(Image),
}

/// Images as Anthropic, OpenAI and Amazon write them, with the file inside.
fn block(block: &Value) -> Result<Block<'_>, String> {
    let text = |pointer| block.pointer(pointer).and_then(Value::as_str);
    let of_type = |media_type: &str, base64: &str| Image {
        format: media_type.trim_start_matches("image/").to_owned(),
        base64: base64.to_owned(),
    };
    let kind = block.get("type").map_or(Some("text"), Value::as_str);
    if let (Some("text"), Some(text)) = (kind, text("/text")) {
        return Ok(Block::Text(text));
    }
    let anthropics = text("/source/media_type").zip(text("/source/data"));
    let amazons = text("/image/format").zip(text("/image/source/bytes"));
    let openais = text("/image_url/url")
        .and_then(|url| url.strip_prefix("data:"))
        .and_then(|data| data.split_once(";base64,"));
    let image = anthropics.or(amazons).or(openais);
    let image = image.map(|(media_type, base64)| of_type(media_type, base64));
    match image {
        Some(image) if FORMATS.contains(&image.format.as_str()) => Ok(Block::Image(image)),
        Some(image) => Err(format!(
            "an image of type `{}`; types: {}",
            image.format,
            FORMATS.join(", ")
        )),
        None if text("/image_url/url").is_some() => {
            Err("an image by its address; the service takes only images in base64".into())
        }
        None => Err("a block that is neither text nor an image; send such rows with `body`".into()),
    }
}

/// The images that models take.
const FORMATS: [&str; 4] = ["png", "jpeg", "gif", "webp"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let read = read(&serde_json::from_str(json).unwrap()).map(|prompt| {
            let system = prompt.system.map(|text| format!("system: {text:?}\n"));
            let turns = prompt
                .messages
                .iter()
                .map(|turn| format!("{:?}: {:?}\n", turn.role, turn.text));
            system.into_iter().chain(turns).collect::<String>()
        });
        assert_eq!(
            read.unwrap_or_else(|problem| problem).trim_end(),
            expected,
            "{json}"
        );
    }

    #[test]
    fn turns_are_read_in_order_and_system_messages_joined() {
        check(r#"[{"role":"user","content":"hi"}]"#, "User: \"hi\"");
        check(
            r#"[{"role":"system","content":"a"},{"role":"developer","content":"b"},
                {"role":"user","content":"q"},{"role":"assistant","content":"{\"x\":"}]"#,
            "system: \"a\\n\\nb\"\nUser: \"q\"\nAssistant: \"{\\\"x\\\":\"",
        );
    }

    #[test]
    fn text_blocks_are_put_together_and_others_refused() {
        check(
            r#"[{"role":"user","content":[{"type":"text","text":"a"},{"text":"b"}]}]"#,
            "User: \"ab\"",
        );
        check(
            r#"[{"role":"user","content":[{"type":"image_url","image_url":"…"}]}]"#,
            "message 1: a block that is neither text nor an image; send such rows with `body`",
        );
    }

    #[test]
    fn what_is_not_a_conversation_is_refused_with_its_place() {
        let user = r#"{"role":"user","content":"q"}"#;
        check(
            "{}",
            r#"not a list of messages, such as [{"role": "user", "content": "…"}]"#,
        );
        check("[]", "no message of the user; add one");
        check(
            r#"[{"role":"assistant","content":"a"}]"#,
            "no message of the user; add one",
        );
        check(r#"["hi"]"#, "message 1: the content is empty");
        check(
            r#"[{"content":"hi"}]"#,
            "message 1: no role; roles: system, user, assistant",
        );
        check(
            &format!(r#"[{user},{{"role":"system","content":"a"}}]"#),
            "User: \"q\"\nSystem: \"a\"",
        );
        check(
            &format!(r#"[{user},{{"role":"tool","content":"a"}}]"#),
            "message 2: unknown role `tool`; roles: system, user, assistant; send tool calls with `body`",
        );
        check(
            r#"[{"role":"user","content":7}]"#,
            "message 1: the content is neither text nor a list of blocks",
        );
        check(
            r#"[{"role":"user","content":" "}]"#,
            "message 1: the content is empty",
        );
    }
}
