//! Conversations: a list of `{role, content}`, as chat datasets and other APIs write it.

use serde_json::{Map, Value, json};

use super::blocks::{MessageParts, is_blank};
use crate::model::{Api, Block, Image, Message, Prompt, Role, Written};

/// One entry of a conversation.
struct ConversationEntry {
    /// `system`, `user`, `assistant`, or `tool` in OpenAI's form.
    role: Speaker,
    parts: MessageParts,
    /// The message as it is sent where one API alone has a place for it.
    whole: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    System,
    User,
    Assistant,
    Tool,
}

/// Keys beside `role` and `content` that change what a model is told: all of them OpenAI's.
const KEYS: [(&str, &str); 7] = [
    ("tool_calls", "tool calls"),
    ("function_call", "a function call"),
    ("tool_call_id", "a tool's result"),
    ("name", "`name`"),
    ("refusal", "a refusal"),
    ("reasoning_content", "reasoning"),
    ("audio", "sound"),
];

/// Reads a list of messages. System (or developer) messages that come first are the system prompt,
/// joined by a blank line; later ones stay where they are, for the models that take them. There must
/// be a message of the user; the last may be the assistant's, for the model to continue it. The error
/// says which message is wrong, from 1.
pub(super) fn read(value: &Value) -> Result<Prompt, String> {
    let Value::Array(entries) = value else {
        return Err(r#"not a list of messages, such as [{"role": "user", "content": "…"}]"#.into());
    };
    let mut system = Vec::new();
    let mut messages = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let number = at + 1;
        let wrong = |problem| format!("message {number}: {problem}");
        let entry = ConversationEntry::read(entry).map_err(wrong)?;
        match entry.role {
            Speaker::System if messages.is_empty() => system.push(entry.parts),
            Speaker::System => messages.push(entry.message(Role::System)),
            Speaker::User | Speaker::Tool => messages.push(entry.message(Role::User)),
            Speaker::Assistant => messages.push(entry.message(Role::Assistant)),
        }
    }
    if !messages.iter().any(|message| message.role == Role::User) {
        return Err("no message of the user; add one".into());
    }
    let system_written = written_system(&system)?;
    Ok(Prompt {
        system: joined(system.iter().map(MessageParts::text)),
        system_written,
        messages,
    })
}

/// Texts joined by a blank line; `None` when there are none.
pub(super) fn joined(texts: impl IntoIterator<Item = String>) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// The blocks of system messages of which one is more than a text.
fn written_system(system: &[MessageParts]) -> Result<Option<Written>, String> {
    if system
        .iter()
        .all(|parts| parts.special.is_none() && !parts.needs_blocks())
    {
        return Ok(None);
    }
    let Some((api, what)) = system.iter().find_map(|parts| parts.special.clone()) else {
        let blocks = system.iter().flat_map(|parts| parts.blocks.clone());
        return Ok(Some(Written::Blocks(blocks.collect())));
    };
    let mut value = Vec::new();
    for parts in system {
        match (&parts.special, &parts.raw) {
            (Some((other, _)), _) if *other != api => {
                return Err(
                    "the system messages are written for two APIs: write them for one".into(),
                );
            }
            (_, Value::Array(blocks)) => value.extend(blocks.iter().cloned()),
            (_, text) => value.push(api.text(text.as_str().unwrap_or_default())),
        }
    }
    let value = Value::Array(value);
    Ok(Some(Written::As { api, value, what }))
}

impl ConversationEntry {
    fn read(entry: &Value) -> Result<Self, String> {
        let Value::Object(fields) = entry else {
            return Err(r#"not an object such as {"role": "user", "content": "…"}"#.into());
        };
        let (role, content) = role_and_content(fields)?;
        let mut parts = MessageParts::read(content)?;
        if fields.get("cache_control").is_some_and(|it| !it.is_null()) {
            let problem =
                "`cache_control` is beside the content; put it into a block of the content";
            return Err(problem.into());
        }
        let mut whole = json!({"role": role_name(fields, role)});
        if let Some(content) = content {
            whole["content"] = content.clone();
        }
        for (key, what) in KEYS {
            let value = fields.get(key).filter(|it| !is_blank(it));
            if let Some(value) = value {
                parts.is_special(Api::OpenAi, what)?;
                whole[key] = value.clone();
            }
        }
        if role == Speaker::Tool {
            parts.is_special(Api::OpenAi, "a tool's result")?;
        }
        reject_unknown_keys(fields)?;
        let shows = parts.blocks.iter().any(|it| matches!(it, Block::Image(_)));
        match role {
            Speaker::System | Speaker::Assistant if shows => {
                Err("only the user can show images".into())
            }
            Speaker::System if matches!(parts.special, Some((Api::OpenAi, _))) => {
                Err("a system message can have `role` and `content` only".into())
            }
            Speaker::System | Speaker::User | Speaker::Assistant | Speaker::Tool
                if parts.special.is_none() && !shows && parts.text().trim().is_empty() =>
            {
                Err("the content is empty".into())
            }
            Speaker::System | Speaker::User | Speaker::Assistant | Speaker::Tool => {
                Ok(Self { role, parts, whole })
            }
        }
    }

    fn message(self, role: Role) -> Message {
        let text = self.parts.text();
        let written = match self.parts.special.clone() {
            Some((api, what)) => Some(Written::As {
                api,
                value: self.whole,
                what,
            }),
            None if self.parts.needs_blocks() => Some(Written::Blocks(self.parts.blocks.clone())),
            None => None,
        };
        let images = match written {
            Some(_) => Vec::new(),
            None => self.parts.images(),
        };
        Message {
            role,
            text,
            images,
            written,
        }
    }
}

impl MessageParts {
    /// All texts, one behind the other.
    fn text(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::Image(_) => None,
        });
        texts.collect()
    }

    /// Whether a text behind images does not hold this: texts that would run into each other if they
    /// were joined, or texts with images between them.
    fn needs_blocks(&self) -> bool {
        let texts = |block: &Block| matches!(block, Block::Text(_));
        let are_several = 1 < self.blocks.iter().filter(|it| texts(it)).count();
        let run_together = self.blocks.windows(2).any(|pair| match pair {
            [Block::Text(one), Block::Text(next)] => {
                !one.ends_with(char::is_whitespace) && !next.starts_with(char::is_whitespace)
            }
            _ => false,
        });
        are_several && (run_together || !self.blocks.iter().all(texts))
    }

    fn images(self) -> Vec<Image> {
        let images = self.blocks.into_iter().filter_map(|block| match block {
            Block::Image(image) => Some(image),
            Block::Text(_) => None,
        });
        images.collect()
    }
}

/// Rejects a key that no API has in a message: it would not be sent.
fn reject_unknown_keys(fields: &Map<String, Value>) -> Result<(), String> {
    let usual: &[&str] = match fields.contains_key("role") {
        true => &["role", "content", "cache_control"],
        false => &["from", "value"],
    };
    let is_known = |key: &str| usual.contains(&key) || KEYS.iter().any(|(known, _)| *known == key);
    match fields
        .iter()
        .find(|(key, value)| !is_known(key) && !is_blank(value))
    {
        None => Ok(()),
        Some((key, _)) => Err(format!(
            "`{key}` is not a key of messages, and would not be sent: remove it, or send such rows \
             with `body`"
        )),
    }
}

fn role_and_content(fields: &Map<String, Value>) -> Result<(Speaker, Option<&Value>), String> {
    let of = |key: &str| fields.get(key).and_then(Value::as_str);
    if let (None, Some(from), Some(value)) = (fields.get("role"), of("from"), fields.get("value")) {
        return Ok((sharegpt_speaker(from)?, Some(value)));
    }
    let speaker = match of("role") {
        Some("system" | "developer") => Speaker::System,
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        Some("tool" | "function") => Speaker::Tool,
        Some(other) => {
            return Err(format!(
                "unknown role `{other}`; roles: system, user, assistant, tool"
            ));
        }
        None => {
            let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
            return Err(format!(
                "no role; roles: system, user, assistant, tool; keys here: {}",
                crate::input::listed(&keys)
            ));
        }
    };
    Ok((speaker, fields.get("content")))
}

/// The speakers of ShareGPT's form, `from` and `value`.
fn sharegpt_speaker(from: &str) -> Result<Speaker, String> {
    match from {
        "system" => Ok(Speaker::System),
        "human" | "user" => Ok(Speaker::User),
        "gpt" | "assistant" | "chatgpt" | "model" => Ok(Speaker::Assistant),
        other => Err(format!(
            "unknown speaker `{other}` in `from`; speakers: system, human, gpt"
        )),
    }
}

/// The role as it was written where it has one, since tools and functions differ.
fn role_name(fields: &Map<String, Value>, role: Speaker) -> Value {
    let usual = match role {
        Speaker::System => "system",
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
        Speaker::Tool => "tool",
    };
    fields.get("role").cloned().unwrap_or_else(|| usual.into())
}

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
    fn texts_are_read_from_blocks_and_unknown_blocks_rejected() {
        check(
            r#"[{"role":"user","content":[{"type":"text","text":"a"},{"text":"b"}]}]"#,
            "User: \"ab\"",
        );
        check(
            r#"[{"role":"user","content":[{"type":"image_url","image_url":"…"}]}]"#,
            "message 1: an image by its address (URL), which Bedrock does not fetch: give it in base64",
        );
        check(
            r#"[{"role":"user","content":[{"type":"hologram","x":"…"}]}]"#,
            "message 1: a block of type `hologram`; send such rows with `body`",
        );
    }

    #[test]
    fn a_key_that_would_not_be_sent_is_rejected_by_name() {
        let unknown = |json: &str, key: &str| {
            let said = format!(
                "message 1: `{key}` is not a key of messages, and would not be sent: remove it, or \
                 send such rows with `body`"
            );
            check(json, &said);
        };
        unknown(r#"[{"role":"user","content":"q","id":7}]"#, "id");
        unknown(r#"[{"role":"user","content":"q","weight":0}]"#, "weight");
        unknown(r#"[{"from":"human","value":"q","role_id":1}]"#, "role_id");
        for blank in ["null", "[]", "{}", "\"\""] {
            check(
                &format!(r#"[{{"role":"user","content":"q","annotations":{blank}}}]"#),
                "User: \"q\"",
            );
        }
    }

    #[test]
    fn a_key_of_a_block_that_would_not_be_sent_is_rejected_by_name() {
        for (block, key) in [
            (r#"{"type":"text","text":"a","lang":"en"}"#, "lang"),
            (
                r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aQ=="},"alt":"x"}"#,
                "alt",
            ),
            (
                r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aQ==","size":3}}"#,
                "source.size",
            ),
            (
                r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,aQ==","width":9}}"#,
                "image_url.width",
            ),
            (
                r#"{"image":{"format":"png","source":{"bytes":"aQ=="},"name":"x"}}"#,
                "image.name",
            ),
            (
                r#"{"image":{"format":"png","source":{"bytes":"aQ==","etag":"x"}}}"#,
                "image.source.etag",
            ),
        ] {
            let said = format!(
                "message 1: `{key}` of a block would not be sent: remove it, or send such rows with \
                 `body`"
            );
            check(
                &format!(r#"[{{"role":"user","content":[{block}]}}]"#),
                &said,
            );
        }
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
        check(
            r#"["hi"]"#,
            r#"message 1: not an object such as {"role": "user", "content": "…"}"#,
        );
        check(
            r#"[{"content":"hi"}]"#,
            "message 1: no role; roles: system, user, assistant, tool; keys here: content",
        );
        check(
            &format!(r#"[{user},{{"role":"system","content":"a"}}]"#),
            "User: \"q\"\nSystem: \"a\"",
        );
        check(
            &format!(r#"[{user},{{"role":"robot","content":"a"}}]"#),
            "message 2: unknown role `robot`; roles: system, user, assistant, tool",
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
