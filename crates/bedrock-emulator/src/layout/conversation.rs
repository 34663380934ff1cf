//! Lists of messages, for Claude, Nova and chat models.

use serde_json::Value;

use crate::schema::{Object, expected};
use crate::service_error::ServiceError;

/// What an image or a document counts as, in bytes of text: 1,500 tokens.
const ATTACHMENT_BYTES: usize = 6_000;

/// The contents of a list of messages.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The text of the last user message.
    pub(super) last_user: String,
    /// Bytes of all texts.
    pub(super) bytes: usize,
}

/// A layout's requirements for its messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Roles a message may have.
    pub(super) roles: &'static [&'static str],
    /// A role that is allowed after the first turn only.
    pub(super) late_role: Option<&'static str>,
    /// How content may be written.
    pub(super) content: Content,
    /// The error message if the first turn after any system messages is not the user's.
    pub(super) user_first: &'static str,
}

/// How content may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// As a list of blocks only.
    Blocks,
    /// As a string or a list of blocks.
    TextOrBlocks,
}

/// Reads `messages`, rejecting what violates `rules`.
pub(super) fn read(messages: Option<&Value>, rules: Rules) -> Result<Conversation, ServiceError> {
    let messages = messages
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut conversation = Conversation {
        last_user: String::new(),
        bytes: 0,
    };
    let mut first_turn = None;
    for (n, message) in messages.iter().enumerate() {
        let late_role = rules.late_role.filter(|_| first_turn.is_some());
        let role = role(message, n, rules, late_role)?;
        if !matches!(role, "system" | "developer") {
            first_turn.get_or_insert(role);
        }
        let (text, bytes) = content(message, n, rules)?;
        conversation.bytes += bytes;
        if role == "user" {
            conversation.last_user = text;
        }
    }
    match first_turn {
        Some("user") => Ok(conversation),
        Some(_) | None => Err(ServiceError::validation(rules.user_first)),
    }
}

/// All blocks of the system prompt and the messages, with their JSON pointers.
pub(super) fn blocks(body: &Object) -> impl Iterator<Item = (String, &Value)> {
    let system = body.get("system").and_then(Value::as_array);
    let system = system.into_iter().flatten().enumerate();
    let system = system.map(|(n, block)| (format!("#/system/{n}"), block));
    let messages = body.get("messages").and_then(Value::as_array);
    let messages = messages.into_iter().flatten().enumerate();
    let said = messages.flat_map(|(turn, message)| {
        let blocks = message.get("content").and_then(Value::as_array);
        let blocks = blocks.into_iter().flatten().enumerate();
        blocks.map(move |(n, block)| (format!("#/messages/{turn}/content/{n}"), block))
    });
    system.chain(said)
}

/// The text at the end of a message.
pub(super) fn last_text(message: &Value) -> Option<&str> {
    match &message["content"] {
        Value::String(text) => Some(text),
        Value::Array(blocks) => blocks.last().and_then(block_text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Rejects another family's cache checkpoint in any block.
pub(super) fn reject_mark(body: &Object, mark: &str) -> Result<(), ServiceError> {
    match blocks(body).find(|(_, block)| block.get(mark).is_some()) {
        None => Ok(()),
        Some((at, _)) => {
            let reason = format!("{at}: extraneous key [{mark}] is not permitted");
            Err(ServiceError::malformed(reason))
        }
    }
}

/// Bytes of a system prompt: a string or a list of text blocks.
pub(super) fn system_bytes(system: Option<&Value>) -> usize {
    match system {
        Some(Value::String(text)) => text.len(),
        Some(Value::Array(blocks)) => blocks.iter().map(block_bytes).sum(),
        Some(_) | None => 0,
    }
}

fn role<'a>(
    message: &'a Value,
    n: usize,
    rules: Rules,
    late_role: Option<&str>,
) -> Result<&'a str, ServiceError> {
    let Some(role) = message.get("role") else {
        let reason = format!("#/messages/{n}: required key [role] not found");
        return Err(ServiceError::malformed(reason));
    };
    let is_allowed = |role: &&str| rules.roles.contains(role) || late_role == Some(*role);
    match role.as_str().filter(is_allowed) {
        Some(role) => Ok(role),
        None => {
            let reason = format!("#/messages/{n}/role: {role} is not a valid enum value");
            Err(ServiceError::malformed(reason))
        }
    }
}

/// The text of a message, blocks joined, and the bytes that it counts as.
fn content(message: &Value, n: usize, rules: Rules) -> Result<(String, usize), ServiceError> {
    let at = format_args!("#/messages/{n}").to_string();
    match message.get("content") {
        Some(Value::Array(blocks)) => {
            let texts = blocks.iter().filter_map(block_text);
            Ok((texts.collect(), blocks.iter().map(block_bytes).sum()))
        }
        Some(Value::String(text)) if rules.content == Content::TextOrBlocks => {
            Ok((text.clone(), text.len()))
        }
        // A turn with tool calls may have no content.
        None | Some(Value::Null) if message.get("tool_calls").is_some() => Ok((String::new(), 0)),
        Some(other) => {
            let why = expected("JSONArray", other);
            Err(ServiceError::malformed(format!("{at}/content: {why}")))
        }
        None => {
            let reason = format!("{at}: required key [content] not found");
            Err(ServiceError::malformed(reason))
        }
    }
}

fn block_text(block: &Value) -> Option<&str> {
    block.get("text").and_then(Value::as_str)
}

fn block_bytes(block: &Value) -> usize {
    match block_text(block) {
        Some(text) => text.len(),
        None => block.to_string().len().min(ATTACHMENT_BYTES),
    }
}
