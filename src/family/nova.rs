//! Amazon Nova, first and second generation.
//!
//! Source: Amazon Nova user guide, "Complete request schema", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, begin, block, grow, grow_field, put};
use super::json::{
    BodyBuilder, Json as _, SERVICE, at, at_mut, count, list, misread, text, written_value,
};
use super::layout::{Images, Layout, SchemaForm, Stream, Thinking, USER_FIRST, UnknownEvents};
use super::ranges::{Ranges, any, within};
use super::vocabulary::{answered, means_filtered, thought};
use super::written::{system_blocks, turn};
use super::{Misread, Parameter, Parameters};
use crate::model::{Api, Block, Image, Message, ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    serves: &[
        "amazon.nova-micro",
        "amazon.nova-lite",
        "amazon.nova-pro",
        "amazon.nova-premier",
        "amazon.nova-2-",
    ],
    takes: &TAKES,
    form: USER_FIRST,
    api: Some(Api::Amazon),
    images: Images::InMessages,
    stream: Stream::Joined(join),
    unknown_events: UnknownEvents::AnyObject,
    marks_cache: true,
    thinking: Thinking::Effort,
    schema: SchemaForm::Nova,
    ..Layout::new("nova", body, read)
};

/// The documents put Nova's least temperature at 0.00001; 0 is left to the service to judge.
const TAKES: [Ranges; 5] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    within(Parameter::Temperature, 0.0, 1.0),
    within(Parameter::TopP, 0.0, 1.0),
    within(Parameter::TopK, 0.0, 128.0),
    any(Parameter::Stop),
];

const BLOCKS: &str = "/output/message/content";

/// Content is a list of blocks even for one text, and an empty `system` list is refused by the
/// service.
fn body(prompt: &Prompt, parameters: &Parameters, _base: Option<&str>) -> Value {
    let turn = |message: &Message| turn(message, content, block_of);
    let inference = BodyBuilder::default()
        .maybe("maxTokens", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("topP", parameters.top_p)
        .maybe("topK", parameters.top_k)
        .list("stopSequences", &parameters.stop);
    BodyBuilder::default()
        .maybe("system", system(prompt, parameters.cache))
        .with(
            "messages",
            prompt.messages.iter().map(turn).collect::<Vec<_>>(),
        )
        .object("inferenceConfig", inference)
        .finish()
}

fn system(prompt: &Prompt, cache: bool) -> Option<Value> {
    if let Some(mut blocks) = system_blocks(prompt, block_of) {
        let is_marked = blocks.to_string().contains("\"cachePoint\":");
        if cache
            && !is_marked
            && let Some(last) = blocks.as_array_mut().and_then(|it| it.last_mut())
        {
            last["cachePoint"] = json!({"type": "default"});
        }
        return Some(blocks);
    }
    let text = prompt.system.as_deref()?;
    Some(match cache {
        false => json!([{"text": text}]),
        true => json!([{"text": text, "cachePoint": {"type": "default"}}]),
    })
}

fn content(message: &Message) -> Value {
    let text = (!message.text.is_empty()).then(|| json!({"text": message.text}));
    message.images.iter().map(image).chain(text).collect()
}

fn image(Image { format, base64 }: &Image) -> Value {
    json!({"image": {"format": format, "source": {"bytes": base64}}})
}

fn block_of(block: &Block) -> Value {
    match block {
        Block::Text(text) => Api::Amazon.text(text),
        Block::Image(shown) => image(shown),
    }
}

fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let expected = "`output.message.content`, a list of blocks";
    let stop = text(body, "/stopReason");
    let blocks = match list(body, BLOCKS) {
        Some(blocks) => blocks,
        None if stop.is_some_and(means_filtered) => &[],
        None => return Err(misread(LAYOUT.name, expected, body)),
    };
    let all = |pointer| -> String {
        blocks
            .iter()
            .filter_map(|block| text(block, pointer))
            .collect()
    };
    let tools: Vec<Value> = blocks
        .iter()
        .filter(|block| block.get("toolUse").is_some())
        .cloned()
        .collect();
    Ok(ParsedReply {
        output: (!tools.is_empty()).then_some(Value::Array(tools)),
        reasoning: thought(&all("/reasoningContent/reasoningText/text")),
        ..answered(all("/text"), stop, usage(body))
    })
}

/// Nova reports fresh, read and written input apart.
fn usage(body: &Value) -> Usage {
    Usage::from_headers(
        count(body, "/usage/inputTokens"),
        count(body, "/usage/outputTokens"),
        count(body, "/usage/cacheReadInputTokenCount"),
        count(body, "/usage/cacheWriteInputTokenCount"),
    )
}

/// The events that say something. Others are passed over.
const EVENTS: [&str; 6] = [
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
];

/// What a stream is put into.
fn empty() -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": []}},
        "stopReason": null,
        "usage": null,
    })
}

/// Each chunk is an object of one key, the event's name; the service puts its own beside it, before
/// or behind. The counts come after the stop.
fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "an event of Nova's", chunk);
    let is_event = |(key, said): &(&str, &Chunk<'_>)| said.is_object() && !key.starts_with(SERVICE);
    let (event, said) = chunk
        .as_object()
        .and_then(|map| map.iter().find(is_event))
        .ok_or_else(wrong)?;
    if EVENTS.contains(&event) {
        begin(whole, empty);
    }
    let mut brought = Brought::default();
    let index = count(said, "/contentBlockIndex");
    match event {
        "contentBlockStart" => {
            let place = block(whole, BLOCKS, index).ok_or_else(wrong)?;
            if let Some(start) = said.field("start").filter(|start| start.is_object()) {
                *place = start.owned();
            }
        }
        "contentBlockDelta" => {
            let place = block(whole, BLOCKS, index).ok_or_else(wrong)?;
            brought.words = said
                .field("delta")
                .map_or(Some(false), |it| delta(place, it))
                .ok_or_else(wrong)?;
        }
        "contentBlockStop" => {
            let place = block(whole, BLOCKS, index).ok_or_else(wrong)?;
            settle_input(place);
        }
        "messageStop" => brought.end = put(whole, "/stopReason", said.field("stopReason")),
        "metadata" => drop(put(whole, "/usage", said.field("usage"))),
        _ => {}
    }
    Ok(brought)
}

/// Adds a delta to its block; whether it brought words.
fn delta(block: &mut Value, delta: &Chunk<'_>) -> Option<bool> {
    if let Some(piece) = delta.field("text") {
        return grow_field(block, "text", Some(piece));
    }
    let fields = block.as_object_mut()?;
    if let Some(reasoning) = delta.field("reasoningContent") {
        let piece = at(reasoning, "/reasoningText/text").or_else(|| reasoning.field("text"));
        let place = fields
            .entry("reasoningContent")
            .or_insert_with(|| json!({"reasoningText": {"text": ""}}));
        return grow(place, "/reasoningText/text", piece);
    }
    if let Some(piece) = at(delta, "/toolUse/input") {
        let tool = fields.entry("toolUse").or_insert_with(|| json!({}));
        return grow_field(tool, "input", Some(piece)).map(|_| false);
    }
    Some(false)
}

/// A tool's input that came as the text of its JSON.
fn settle_input(block: &mut Value) {
    let written = text(block, "/toolUse/input");
    let input = written.and_then(written_value);
    if let (Some(input), Some(place)) = (input, at_mut(block, "/toolUse/input")) {
        *place = input;
    }
}
