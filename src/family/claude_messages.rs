//! Anthropic Claude through its Messages API.
//!
//! Source: Amazon Bedrock user guide, "Anthropic Claude Messages API", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, begin, block, grow, grow_field};
use super::json::{BodyBuilder, Json, at_mut, count, list, misread, text, written_value};
use super::layout::{
    Form, Images, LaterSystems, Layout, OwnModel, Prefill, SchemaForm, Stream, Thinking, TurnOrder,
    Turns, UnknownEvents,
};
use super::ranges::{DEFAULT_MAX_TOKENS, Ranges, within};
use super::vocabulary::{answered, means_filtered, thought};
use super::written::{system_blocks, turn};
use super::{Misread, Parameter, Parameters, content};
use crate::model::{Api, Block, Image, Message, ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["anthropic."],
    takes: &TAKES,
    form: Form::Turns(Turns {
        order: TurnOrder::UserFirst,
        later_systems: LaterSystems::ByModel,
        begun: Prefill::GoesOn,
    }),
    api: Some(Api::Anthropic),
    images: Images::InMessages,
    stream: Stream::Joined(join),
    rejects: Some(content::claude_messages),
    unknown_events: UnknownEvents::Named,
    // 3.75 MB, taken for the larger of what that may mean.
    largest_image: Some(3_932_160),
    marks_cache: true,
    thinking: Thinking::Budget,
    own_model: OwnModel::Rejected,
    schema: SchemaForm::Claude,
    ..Layout::new("claude-messages", body, read)
};

/// What the text completions take too.
pub(super) const TAKES: [Ranges; 5] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    within(Parameter::Temperature, 0.0, 1.0),
    within(Parameter::TopP, 0.0, 1.0),
    within(Parameter::TopK, 0.0, 500.0),
    within(Parameter::Stop, 0.0, 8191.0),
];

/// The only version Bedrock knows.
const VERSION: &str = "bedrock-2023-05-31";

fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    let turn = |message: &Message| turn(message, content, block_of);
    BodyBuilder::default()
        .with("anthropic_version", VERSION)
        .with(
            "max_tokens",
            parameters.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        )
        .maybe("system", system(prompt, parameters.cache))
        .with(
            "messages",
            prompt.messages.iter().map(turn).collect::<Vec<_>>(),
        )
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .maybe("top_k", parameters.top_k)
        .list("stop_sequences", &parameters.stop)
        .finish()
}

/// A text alone, or a block that says where the cached prefix ends.
fn system(prompt: &Prompt, cache: bool) -> Option<Value> {
    if let Some(mut blocks) = system_blocks(prompt, block_of) {
        let is_marked = blocks.to_string().contains("\"cache_control\":");
        if cache
            && !is_marked
            && let Some(last) = blocks.as_array_mut().and_then(|it| it.last_mut())
        {
            last["cache_control"] = json!({"type": "ephemeral"});
        }
        return Some(blocks);
    }
    let text = prompt.system.as_deref()?;
    Some(match cache {
        false => text.into(),
        true => json!([{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]),
    })
}

/// A text alone, or blocks where there are images.
fn content(message: &Message) -> Value {
    if message.images.is_empty() {
        return message.text.as_str().into();
    }
    let text = (!message.text.is_empty()).then(|| json!({"type": "text", "text": message.text}));
    message.images.iter().map(image).chain(text).collect()
}

fn image(Image { format, base64 }: &Image) -> Value {
    let media_type = format!("image/{format}");
    json!({
        "type": "image",
        "source": {"type": "base64", "media_type": media_type, "data": base64},
    })
}

fn block_of(block: &Block) -> Value {
    match block {
        Block::Text(text) => Api::Anthropic.text(text),
        Block::Image(shown) => image(shown),
    }
}

/// A refusal may come with no content at all: that is an empty answer.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let expected = "`content`, a list of blocks";
    let stop = text(body, "/stop_reason");
    let blocks = match list(body, "/content") {
        Some(blocks) => blocks,
        None if stop.is_some_and(means_filtered) => &[],
        None => return Err(misread(LAYOUT.name, expected, body)),
    };
    let of_type = |word| {
        blocks
            .iter()
            .filter(move |block| text(*block, "/type") == Some(word))
    };
    let all = |word, pointer| -> String {
        of_type(word)
            .filter_map(|block| text(block, pointer))
            .collect()
    };
    let tools: Vec<Value> = of_type("tool_use").cloned().collect();
    Ok(ParsedReply {
        output: (!tools.is_empty()).then_some(Value::Array(tools)),
        reasoning: thought(&all("thinking", "/thinking")),
        ..answered(all("text", "/text"), stop, usage(body))
    })
}

/// Claude reports fresh, read and written input apart, and of what was written how much is kept for
/// an hour.
fn usage(body: &Value) -> Usage {
    Usage {
        cache_write_1h_input_tokens: count(body, "/usage/cache_creation/ephemeral_1h_input_tokens"),
        ..Usage::from_headers(
            count(body, "/usage/input_tokens"),
            count(body, "/usage/output_tokens"),
            count(body, "/usage/cache_read_input_tokens"),
            count(body, "/usage/cache_creation_input_tokens"),
        )
    }
}

/// Events of kinds that are not known are passed over, as Anthropic asks of its readers.
fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "an event with a `type`, in its order", chunk);
    let index = || count(chunk, "/index");
    let mut brought = Brought::default();
    match text(chunk, "/type").ok_or_else(wrong)? {
        "message_start" => {
            let message = chunk
                .field("message")
                .filter(|it| list(*it, "/content").is_some());
            let message = message.ok_or_else(wrong)?;
            begin(whole, || message.owned());
        }
        "content_block_start" => {
            let place = block(whole, "/content", index()).ok_or_else(wrong)?;
            *place = chunk
                .field("content_block")
                .map(Json::owned)
                .ok_or_else(wrong)?;
        }
        "content_block_delta" => {
            let place = block(whole, "/content", index()).ok_or_else(wrong)?;
            brought.words = chunk
                .field("delta")
                .and_then(|it| delta(place, it))
                .ok_or_else(wrong)?;
        }
        "content_block_stop" => {
            let place = block(whole, "/content", index()).ok_or_else(wrong)?;
            settle_input(place);
        }
        "message_delta" => {
            let whole = whole.as_object_mut().ok_or_else(wrong)?;
            for (key, value) in fields(chunk, "delta") {
                whole.insert(key.to_owned(), value.owned());
            }
            let usage = whole.entry("usage").or_insert_with(|| json!({}));
            for (key, value) in fields(chunk, "usage") {
                // The beginning has counted the input; none of it here says nothing.
                let is_none = value.as_u64() == Some(0) && key.ends_with("input_tokens");
                let is_unsaid = value.is_null() || is_none;
                if let (Some(usage), false) = (usage.as_object_mut(), is_unsaid) {
                    usage.insert(key.to_owned(), value.owned());
                }
            }
        }
        "message_stop" => brought.end = true,
        _ => {}
    }
    Ok(brought)
}

/// The fields of an object in a chunk; none where there is no object.
fn fields<'c>(chunk: &'c Chunk<'_>, key: &str) -> impl Iterator<Item = (&'c str, &'c Chunk<'c>)> {
    let object = chunk.field(key).and_then(Chunk::as_object);
    object.into_iter().flat_map(|object| object.iter())
}

/// Adds a delta to its block; whether it brought words.
fn delta(block: &mut Value, delta: &Chunk<'_>) -> Option<bool> {
    let add = |block: &mut Value, key| grow_field(block, key, delta.field(key));
    match text(delta, "/type")? {
        "text_delta" => add(block, "text"),
        "thinking_delta" => add(block, "thinking"),
        "signature_delta" => add(block, "signature").map(|_| false),
        "input_json_delta" => {
            // The input is the text of its JSON until the block ends.
            if !block.get("input").is_some_and(Value::is_string) {
                block.as_object_mut()?.insert("input".into(), "".into());
            }
            grow(block, "/input", delta.field("partial_json")).map(|_| false)
        }
        _ => Some(false),
    }
}

/// A tool's input that came as the text of its JSON.
fn settle_input(block: &mut Value) {
    if let Some(written) = text(block, "/input") {
        let input = match written.is_empty() {
            true => json!({}),
            false => written_value(written).unwrap_or_else(|| written.into()),
        };
        if let Some(place) = at_mut(block, "/input") {
            *place = input;
        }
    }
}
