//! OpenAI-style chat completions, as many providers speak them: OpenAI itself, Grok, Qwen, Kimi,
//! MiniMax, GLM, Gemma, Nemotron, DeepSeek V3, Mistral from its third generation. Mistral's earlier
//! chat is the same but for the name of its stop reason, and Jamba's but for its ranges.
//!
//! Source: Amazon Bedrock user guide, "OpenAI models", "Mistral AI chat completion" and "AI21 Labs
//! Jamba", read in October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::join::{Brought, StreamError, all_have, begin, block, grow, grow_field, nth, put};
use super::json::{BodyBuilder, Json, at_mut, count, list, misread, text};
use super::layout::{
    Counts, FREE, Form, Images, LaterSystems, Layout, OwnModel, Prefill, SchemaForm, Several,
    Stream, TurnOrder, Turns,
};
use super::ranges::{Ranges, any, within};
use super::vocabulary::{answered, finish, first_of, means_filtered, thought};
use super::written::{system_blocks, turn};
use super::{Misread, Parameter, Parameters, content, usage};
use crate::catalog::Capabilities;
use crate::model::{Api, Block, FinishReason, Image, Message, ParsedReply, Prompt, Usage};

pub(super) const LAYOUT: Layout = Layout {
    seed: &["seed"],
    serves: &[
        "openai.",
        "xai.",
        "qwen.",
        "moonshot.",
        "moonshotai.",
        "minimax.",
        "zai.",
        "google.",
        "nvidia.",
        "deepseek.",
        "mistral.",
    ],
    takes: &[
        within(Parameter::MaxTokens, 1.0, f64::INFINITY),
        any(Parameter::Temperature),
        any(Parameter::TopP),
        any(Parameter::Stop),
    ],
    // Where a model's own template takes no later system message, the service says so.
    form: Form::Turns(Turns {
        order: TurnOrder::Free,
        later_systems: LaterSystems::Taken,
        begun: Prefill::GoesOn,
    }),
    api: Some(Api::OpenAi),
    images: Images::InMessages,
    stream: Stream::Joined(join),
    rejects: Some(content::openai_chat),
    several: Several::Streamed,
    own_model: OwnModel::Same,
    schema: SchemaForm::OpenAi,
    ..Layout::new("openai-chat", body, read)
};

pub(super) const MISTRAL: Layout = Layout {
    name: "mistral-chat",
    seed: &[],
    form: FREE,
    own_model: OwnModel::Unknown,
    schema: SchemaForm::Mistral,
    serves: &[
        "mistral.mistral-small-24",
        "mistral.mistral-large-24",
        "mistral.pixtral",
    ],
    takes: &[
        within(Parameter::MaxTokens, 1.0, f64::INFINITY),
        any(Parameter::Temperature),
        any(Parameter::TopP),
    ],
    counts: Counts::InHeaders,
    ..LAYOUT
};

pub(super) const JAMBA: Layout = Layout {
    name: "jamba",
    seed: &[],
    form: FREE,
    serves: &["ai21.jamba"],
    images: Images::None,
    takes: &JAMBA_TAKES,
    // Its documents allow `n` above 1 only where nothing is streamed.
    several: Several::WholeOnly,
    schema: SchemaForm::None,
    ..LAYOUT
};

const JAMBA_TAKES: [Ranges; 4] = [
    within(Parameter::MaxTokens, 1.0, 4096.0),
    within(Parameter::Temperature, 0.0, 2.0),
    within(Parameter::TopP, 0.0, 1.0),
    any(Parameter::Stop),
];

/// Where gpt-oss and Kimi K2 Thinking put their reasoning: inline, before the answer.
const REASONING: (&str, &str) = ("<reasoning>", "</reasoning>");

fn body(prompt: &Prompt, parameters: &Parameters, base: Option<&str>) -> Value {
    let text = || prompt.system.as_deref().map(Value::from);
    let system = system_blocks(prompt, block_of).or_else(text);
    let system = system.map(|content| json!({"role": "system", "content": content}));
    let system = system.into_iter();
    let turn = |message: &Message| turn(message, parts, block_of);
    let turns = prompt.messages.iter().map(turn);
    BodyBuilder::default()
        .with("messages", system.chain(turns).collect::<Vec<_>>())
        .maybe(limit_key(base), parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .list("stop", &parameters.stop)
        .finish()
}

/// A text alone, or parts where there are images.
fn parts(message: &Message) -> Value {
    if message.images.is_empty() {
        return message.text.as_str().into();
    }
    let text = (!message.text.is_empty()).then(|| json!({"type": "text", "text": message.text}));
    message.images.iter().map(image).chain(text).collect()
}

fn image(Image { format, base64 }: &Image) -> Value {
    let url = format!("data:image/{format};base64,{base64}");
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn block_of(block: &Block) -> Value {
    match block {
        Block::Text(text) => Api::OpenAi.text(text),
        Block::Image(shown) => image(shown),
    }
}

/// What the model calls the longest answer; most know nothing but `max_tokens`.
fn limit_key(base: Option<&str>) -> &'static str {
    let renamed = base.and_then(|base| Capabilities::of(base).limit_key);
    renamed.unwrap_or("max_tokens")
}

/// Where several answers were asked for, each is a choice.
pub(super) fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let expected = "`choices[0].message`, with `content` or a finish reason";
    let wrong = || misread(LAYOUT.name, expected, body);
    let choices = list(body, "/choices").ok_or_else(wrong)?;
    let answers: Option<Vec<_>> = choices.iter().map(read_choice).collect();
    let first = answers.and_then(first_of).ok_or_else(wrong)?;
    Ok(ParsedReply {
        usage: usage::openai(body),
        ..first
    })
}

/// Content may be null: when the model only called tools, refused, or reached its limit while
/// still reasoning. The answer is then empty. Without content, reason or refusal there is none.
fn read_choice(choice: &Value) -> Option<ParsedReply> {
    let stop = text(choice, "/finish_reason").or_else(|| text(choice, "/stop_reason"));
    let filtered = stop.is_some_and(means_filtered);
    let message = choice.get("message").filter(|it| it.is_object());
    let message = message.or(filtered.then_some(&Value::Null))?;
    let refused = text(message, "/refusal").is_some_and(|refusal| !refusal.is_empty());
    let content = content(message);
    if content.is_none() && stop.is_none() && !refused {
        return None;
    }
    let (inline, answer) = without_reasoning(&content.unwrap_or_default(), stop);
    let apart = ["/reasoning_content", "/reasoning"];
    let apart = apart.iter().find_map(|pointer| text(message, pointer));
    let tools = list(message, "/tool_calls").filter(|calls| !calls.is_empty());
    let reading = ParsedReply {
        output: tools.map(|calls| Value::Array(calls.to_vec())),
        reasoning: apart.and_then(thought).or(inline),
        ..answered(answer, stop, Usage::default())
    };
    Some(match refused {
        true => ParsedReply {
            finish_reason: FinishReason::ContentFilter,
            ..reading
        },
        false => reading,
    })
}

/// The answer's text: a string, or a list of parts.
fn content(message: &impl Json) -> Option<String> {
    let content = message.field("content")?;
    if let Some(whole) = content.text() {
        return Some(whole.to_owned());
    }
    let parts = content.items()?;
    Some(
        parts
            .iter()
            .filter_map(|part| text(part, "/text"))
            .collect(),
    )
}

/// Inline reasoning as it was sent, and the completion after it. Each piece of the reasoning may
/// have its own pair of tags; the last may lack its closing tag where the response was cut off.
fn without_reasoning(content: &str, stop: Option<&str>) -> (Option<String>, String) {
    let (open, close) = REASONING;
    let mut reasoning = String::new();
    let mut rest = content;
    while let Some(inside) = rest.trim_start().strip_prefix(open) {
        let Some((piece, after)) = inside.split_once(close) else {
            let is_whole = matches!(
                stop.map(finish),
                Some(FinishReason::Stop | FinishReason::ToolCalls)
            );
            if !is_whole {
                reasoning.push_str(inside);
                rest = "";
            }
            break;
        };
        reasoning.push_str(piece);
        rest = after;
    }
    let completion = match rest.len() == content.len() {
        true => rest,
        false => rest.trim_start(),
    };
    let is_said = !reasoning.trim().is_empty();
    (is_said.then_some(reasoning), completion.to_owned())
}

/// What a stream is put into: a chat completion whose message has said nothing.
fn empty(chunk: &Chunk<'_>) -> Value {
    let said = |key| chunk.field(key).map(Json::owned);
    let mut whole = json!({
        "id": said("id"),
        "object": "chat.completion",
        "created": said("created"),
        "model": said("model"),
        "choices": [empty_choice(0)],
        "usage": null,
        "service_tier": null,
    });
    if let Value::Object(whole) = &mut whole {
        whole.retain(|key, value| !value.is_null() || key == "usage" || key == "service_tier");
    }
    whole
}

/// A choice that has said nothing.
fn empty_choice(index: u64) -> Value {
    json!({
        "index": index,
        "message": {"role": "assistant", "content": null},
        "finish_reason": null,
    })
}

/// The last chunks may have no choices, or an empty list of them, only counts. Where several
/// completions were asked for, each chunk says which of them it goes on with. Mistral's earlier models
/// say `message` for `delta`.
pub(super) fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread(LAYOUT.name, "`choices`, a list with deltas", chunk);
    let choices = match list(chunk, "/choices") {
        Some(choices) => choices,
        None if chunk.field("usage").is_some_and(Chunk::is_object) => &[],
        None => return Err(wrong().into()),
    };
    begin(whole, || empty(chunk));
    put(whole, "/usage", chunk.field("usage"));
    put(whole, "/service_tier", chunk.field("service_tier"));
    let mut brought = Brought::default();
    for (at, choice) in (0..).zip(choices) {
        let index = count(choice, "/index").unwrap_or(at);
        let place = nth(whole, "/choices", index, empty_choice).ok_or_else(wrong)?;
        if let Some(delta) = choice.field("delta").or_else(|| choice.field("message")) {
            let message = place.get_mut("message").ok_or_else(wrong)?;
            brought.words |= add(message, delta).ok_or_else(wrong)?;
        } else if choice.field("text").is_some() {
            return Err(wrong().into());
        }
        let stop = ["finish_reason", "stop_reason"];
        let stop = stop
            .iter()
            .find_map(|key| choice.field(key).filter(|stop| stop.is_string()));
        if put(place, "/finish_reason", stop) {
            brought.end = all_have(whole, "/choices", "finish_reason");
        }
    }
    Ok(brought)
}

/// Adds a delta to the message; whether it brought words.
fn add(message: &mut Value, delta: &Chunk<'_>) -> Option<bool> {
    let mut words = match delta.field("content") {
        Some(Chunk::Array(_)) => {
            let parts = content(delta).map(Chunk::from);
            add_content(message, parts.as_ref())?
        }
        content => add_content(message, content)?,
    };
    for key in ["reasoning_content", "reasoning", "refusal"] {
        if let Some(piece) = delta.field(key).filter(|piece| piece.is_string()) {
            words |= grow_field(message, key, Some(piece))? && key != "refusal";
        }
    }
    for call in list(delta, "/tool_calls").unwrap_or_default() {
        let calls = message.as_object_mut()?.entry("tool_calls");
        calls.or_insert_with(|| json!([]));
        let place = block(message, "/tool_calls", count(call, "/index").or(Some(0)))?;
        add_call(place.as_object_mut()?, call)?;
    }
    Some(words)
}

/// Adds a piece of content to the message; whether it brought words. A piece of reasoning between
/// its own pair of tags joins the pieces before it, so that the message has one pair, as a whole
/// response does.
fn add_content(message: &mut Value, piece: Option<&Chunk<'_>>) -> Option<bool> {
    let (open, close) = REASONING;
    let tagged = piece.and_then(Chunk::as_str).and_then(|piece| {
        let inside = piece.strip_prefix(open)?.strip_suffix(close)?;
        (!inside.contains(open)).then_some(inside)
    });
    let Some(inside) = tagged else {
        return grow(message, "/content", piece);
    };
    let place = at_mut(message, "/content")?;
    match place {
        Value::String(said) if said.starts_with(open) => {
            // The tag is mostly the end, and then the text before it stays where it is.
            let end = said.strip_suffix(close).map(str::len).or(said.find(close));
            match end {
                Some(end) => said.insert_str(end, inside),
                None => said.extend([inside, close]),
            }
        }
        Value::String(said) => said.insert_str(0, &format!("{open}{inside}{close}")),
        Value::Null => *place = format!("{open}{inside}{close}").into(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => return None,
    }
    Some(!inside.is_empty())
}

/// A tool call comes in pieces too: its name first, then its arguments bit by bit.
fn add_call(place: &mut serde_json::Map<String, Value>, call: &Chunk<'_>) -> Option<()> {
    for key in ["id", "type"] {
        if let Some(value) = call.field(key).filter(|value| !value.is_null()) {
            place.insert(key.to_owned(), value.owned());
        }
    }
    let Some(pieces) = call.field("function") else {
        return Some(());
    };
    let function = place.entry("function").or_insert_with(|| json!({}));
    for key in ["name", "arguments"] {
        if let Some(piece) = pieces.field(key) {
            grow_field(function, key, Some(piece))?;
        }
    }
    Some(())
}
