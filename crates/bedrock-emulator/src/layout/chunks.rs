//! Streams: the chunks of each layout.
//!
//! The service adds its metrics to the last chunk of every model. A layout that does not stream has no
//! chunks.

use serde_json::{Value, json};

use super::{FinishReason, Layout, ModelOutput, chat, claude, command_r, completion, nova, titan};

/// Bytes of text per chunk: about a token.
const CHUNK_BYTES: usize = 4;

/// Writes the chunks of an output, for the model id in the path.
type Writer = fn(&str, &ModelOutput) -> Vec<Value>;

/// The writer of a layout; `None` if it does not stream.
pub(super) fn writer(layout: Layout) -> Option<Writer> {
    Some(match layout {
        Layout::Claude => claude,
        Layout::Nova => |_, answer| nova(answer),
        Layout::Chat | Layout::Palmyra => chat,
        Layout::ClaudeText => |_, answer| claude_text(answer),
        Layout::Command => |_, answer| command(answer),
        Layout::CommandR => |_, answer| chat_events(answer),
        Layout::Pegasus => |_, answer| {
            each(answer, |piece, is_last| {
                let reason = is_last.then(|| chat::finish_reason(answer));
                json!({"message": piece, "finishReason": reason})
            })
        },
        Layout::MistralChat => |_, answer| {
            each(answer, |piece, is_last| {
                let reason = is_last.then(|| chat::finish_reason(answer));
                let mut message = json!({"role": "assistant", "content": piece});
                if let Some(call) = &answer.tool_call {
                    message["tool_calls"] = json!([chat::function(call, &call.input)]);
                }
                json!({"choices": [{"index": 0, "message": message, "stop_reason": reason}]})
            })
        },
        Layout::MistralText | Layout::MistralEither => |_, answer| {
            each(answer, |piece, is_last| {
                let reason = is_last.then(|| chat::finish_reason(answer));
                json!({"outputs": [{"text": piece, "stop_reason": reason}]})
            })
        },
        Layout::Deepseek => |_, answer| {
            each(answer, |piece, is_last| {
                let reason = is_last.then(|| chat::finish_reason(answer));
                json!({"choices": [{"text": piece, "stop_reason": reason}]})
            })
        },
        Layout::Llama => |_, answer| llama(answer),
        Layout::Completion => |_, answer| text_completion(answer),
        Layout::TitanText => |_, answer| titan(answer),
        Layout::TitanEmbed1
        | Layout::TitanEmbed2
        | Layout::Jurassic
        | Layout::TitanEmbedImage
        | Layout::NovaEmbed
        | Layout::CohereEmbed
        | Layout::Marengo
        | Layout::Rerank
        | Layout::AmazonImage
        | Layout::StabilityImage
        | Layout::Sdxl => return None,
    })
}

/// The text in pieces; one empty piece for an empty text, so that there is always a last one.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((at, _)) = rest.char_indices().find(|(at, _)| CHUNK_BYTES <= *at) {
        let (piece, tail) = rest.split_at(at);
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
}

fn each(answer: &ModelOutput, mut chunk: impl FnMut(&str, bool) -> Value) -> Vec<Value> {
    let pieces = pieces(&answer.text);
    let last = pieces.len() - 1;
    let numbered = pieces.iter().enumerate();
    numbered
        .map(|(number, piece)| chunk(piece, number == last))
        .collect()
}

fn claude(id: &str, answer: &ModelOutput) -> Vec<Value> {
    let mut whole = claude::write(id, answer);
    if let Some(call) = &answer.tool_call {
        // As text, which also holds an input that is cut.
        let blocks = whole["content"].as_array_mut().into_iter().flatten();
        for block in blocks.filter(|block| block["type"] == "tool_use") {
            block["input"] = call.input.as_str().into();
        }
    }
    claude_events(&whole)
}

/// The events of a whole message, in which the input of a tool call is text.
pub(super) fn claude_events(whole: &Value) -> Vec<Value> {
    let mut message = whole.clone();
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["stop_sequence"] = Value::Null;
    if whole["usage"]["output_tokens"] != 0 {
        message["usage"]["output_tokens"] = 1.into();
    }
    let mut chunks = vec![json!({"type": "message_start", "message": message})];
    let blocks = whole["content"].as_array().into_iter().flatten();
    for (index, block) in blocks.enumerate() {
        chunks.extend(claude_block(index, block));
        if index == 0 {
            chunks.insert(2, json!({"type": "ping"}));
        }
    }
    let delta = json!({
        "stop_reason": whole["stop_reason"],
        "stop_sequence": whole["stop_sequence"],
    });
    chunks.extend([
        json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": whole["usage"]["output_tokens"]}}),
        json!({"type": "message_stop"}),
    ]);
    chunks
}

/// A block begins empty; reasoning ends with a signature.
fn claude_block(index: usize, block: &Value) -> Vec<Value> {
    let delta =
        |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let kind = block["type"].as_str().unwrap_or_default();
    let mut empty = block.clone();
    if kind == "tool_use" {
        empty["input"] = json!({});
        let input = block["input"].as_str().unwrap_or_default();
        let mut chunks =
            vec![json!({"type": "content_block_start", "index": index, "content_block": empty})];
        // The first delta is empty.
        let pieces = std::iter::once("").chain(pieces(input));
        chunks.extend(
            pieces.map(|piece| delta(json!({"type": "input_json_delta", "partial_json": piece}))),
        );
        chunks.push(json!({"type": "content_block_stop", "index": index}));
        return chunks;
    }
    empty[kind] = "".into();
    if kind == "thinking" {
        empty["signature"] = "".into();
    }
    let mut chunks =
        vec![json!({"type": "content_block_start", "index": index, "content_block": empty})];
    let grows = format!("{kind}_delta");
    let text = block[kind].as_str().unwrap_or_default();
    let pieces = pieces(text).into_iter();
    chunks.extend(pieces.map(|piece| delta(json!({"type": grows, kind: piece}))));
    if kind == "thinking" {
        let signature = &block["signature"];
        chunks.push(delta(
            json!({"type": "signature_delta", "signature": signature}),
        ));
    }
    chunks.push(json!({"type": "content_block_stop", "index": index}));
    chunks
}

/// Every piece of text is a separate block without a start event (recorded 2025); so is every piece of
/// reasoning. A tool call is one block with a start event.
fn nova(answer: &ModelOutput) -> Vec<Value> {
    let whole = nova::write(answer);
    let mut chunks = vec![json!({"messageStart": {"role": "assistant"}})];
    let thought = (!answer.thought.is_empty()).then(|| pieces(&answer.thought));
    let text = answer.tool_call.is_none().then(|| pieces(&answer.text));
    let thought = thought.into_iter().flatten().map(nova::thought);
    let text = text
        .into_iter()
        .flatten()
        .map(|piece| json!({"text": piece}));
    let mut index = 0;
    for delta in thought.chain(text) {
        chunks.extend([
            json!({"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}),
            json!({"contentBlockStop": {"contentBlockIndex": index}}),
        ]);
        index += 1;
    }
    if let Some(call) = &answer.tool_call {
        let tool = json!({"toolUseId": nova::TOOL_USE_ID, "name": call.name});
        let delta = |piece: &str| {
            let delta = json!({"toolUse": {"input": piece}});
            json!({"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}})
        };
        chunks.push(json!({"contentBlockStart": {
            "start": {"toolUse": tool},
            "contentBlockIndex": index,
        }}));
        chunks.extend(pieces(&call.input).into_iter().map(delta));
        chunks.push(json!({"contentBlockStop": {"contentBlockIndex": index}}));
    }
    let mut usage = whole["usage"].clone();
    if let Some(usage) = usage.as_object_mut() {
        usage.shift_remove("totalTokens");
    }
    chunks.extend([
        json!({"messageStop": {"stopReason": whole["stopReason"]}}),
        json!({"metadata": {"usage": usage, "metrics": {}, "trace": {}}}),
    ]);
    chunks
}

fn chat(id: &str, answer: &ModelOutput) -> Vec<Value> {
    let whole = chat::write(id, answer);
    let chunk = |choices: Value| {
        json!({
            "id": whole["id"],
            "object": "chat.completion.chunk",
            "created": whole["created"],
            "model": whole["model"],
            "choices": choices,
        })
    };
    let choices = answer.completions().enumerate().map(chat_choices);
    let mut chunks: Vec<Value> = in_turn(choices.collect())
        .into_iter()
        .map(|choice| chunk(json!([choice])))
        .collect();
    let mut usage = chunk(json!([]));
    usage["usage"] = whole["usage"].clone();
    chunks.push(usage);
    chunks
}

/// The choices of the chunks of one completion.
fn chat_choices((index, answer): (usize, &ModelOutput)) -> Vec<Value> {
    let choice = |delta: Value, reason: Option<&str>| json!({"index": index, "delta": delta, "finish_reason": reason});
    let mut deltas = chat_deltas(answer);
    // Cut within the reasoning, the last piece carries the finish reason (recorded November 2025).
    let last = match answer.text.is_empty() && answer.finish == FinishReason::Length {
        true => deltas.pop().unwrap_or_else(|| json!({})),
        false => json!({}),
    };
    let mut choices = vec![choice(json!({"role": "assistant", "content": ""}), None)];
    choices.extend(deltas.into_iter().map(|delta| choice(delta, None)));
    choices.push(choice(last, Some(chat::finish_reason(answer))));
    choices
}

/// The first of each list, the second of each, and so on: completions are written side by side.
fn in_turn(lists: Vec<Vec<Value>>) -> Vec<Value> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut together = Vec::new();
    loop {
        let before = together.len();
        together.extend(lists.iter_mut().filter_map(Iterator::next));
        if together.len() == before {
            return together;
        }
    }
}

/// What each chunk adds to the message. Each piece of reasoning has its own pair of tags.
fn chat_deltas(answer: &ModelOutput) -> Vec<Value> {
    let content = |text: String| json!({"content": text});
    let thought = (!answer.thought.is_empty()).then(|| pieces(&answer.thought));
    let thought = thought.into_iter().flatten().map(chat::tagged);
    let mut deltas: Vec<Value> = thought.map(content).collect();
    match &answer.tool_call {
        None if answer.text.is_empty() && answer.finish == FinishReason::Length => {}
        None => {
            let text = pieces(&answer.text).into_iter().map(str::to_owned);
            deltas.extend(text.map(content));
        }
        Some(call) => {
            let mut start = chat::function(call, "");
            start["index"] = 0.into();
            deltas.push(json!({"tool_calls": [start]}));
            deltas.extend(pieces(&call.input).into_iter().map(
                |piece| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
            ));
        }
    }
    deltas
}

fn claude_text(answer: &ModelOutput) -> Vec<Value> {
    let whole = completion::write_claude(answer);
    each(answer, |piece, is_last| {
        let said = |key| {
            if is_last {
                whole[key].clone()
            } else {
                Value::Null
            }
        };
        json!({"completion": piece, "stop_reason": said("stop_reason"), "stop": said("stop")})
    })
}

/// The last chunk of each completion has no text.
fn command(answer: &ModelOutput) -> Vec<Value> {
    let chunks_of = |(index, answer): (usize, &ModelOutput)| {
        let text = |piece: &&str| json!({"text": piece, "is_finished": false, "index": index});
        let mut chunks: Vec<Value> = pieces(&answer.text).iter().map(text).collect();
        let reason = completion::cohere_reason(answer);
        chunks.push(json!({"is_finished": true, "finish_reason": reason, "index": index}));
        chunks
    };
    in_turn(answer.completions().enumerate().map(chunks_of).collect())
}

/// The last event contains the whole response again.
fn chat_events(answer: &ModelOutput) -> Vec<Value> {
    let start = json!({"event_type": "stream-start", "is_finished": false});
    let mut chunks = vec![start];
    chunks.extend(pieces(&answer.text).iter().map(
        |piece| json!({"event_type": "text-generation", "text": piece, "is_finished": false}),
    ));
    chunks.push(json!({
        "event_type": "stream-end",
        "is_finished": true,
        "finish_reason": completion::cohere_reason(answer),
        "response": command_r::write(answer),
    }));
    chunks
}

fn llama(answer: &ModelOutput) -> Vec<Value> {
    let pieces = pieces(&answer.text);
    let mut count: u64 = 0;
    let last = pieces.len() - 1;
    let chunk = |(number, piece): (usize, &&str)| {
        count = answer.output_tokens.min(count + 1);
        json!({
            "generation": piece,
            "prompt_token_count": (number == 0).then_some(answer.input_tokens),
            "generation_token_count": if number == last { answer.output_tokens } else { count },
            "stop_reason": (number == last).then(|| chat::finish_reason(answer)),
        })
    };
    pieces.iter().enumerate().map(chunk).collect()
}

fn text_completion(answer: &ModelOutput) -> Vec<Value> {
    let mut chunks = each(answer, |piece, is_last| {
        let usage = is_last.then(|| {
            json!({
                "prompt_tokens": answer.input_tokens,
                "completion_tokens": answer.output_tokens,
                "total_tokens": answer.input_tokens + answer.output_tokens,
            })
        });
        json!({
            "id": "cmpl-emulated",
            "object": "text_completion",
            "choices": [{
                "index": 0,
                "text": piece,
                "finish_reason": is_last.then(|| chat::finish_reason(answer)),
                "stop_reason": null,
            }],
            "usage": usage,
        })
    });
    chunks.push("[DONE]".into());
    chunks
}

/// Only the first chunk has the input token count.
fn titan(answer: &ModelOutput) -> Vec<Value> {
    let whole = titan::write(answer);
    let mut is_first = true;
    each(answer, |piece, is_last| {
        let is_first = std::mem::replace(&mut is_first, false);
        let reason = match is_last {
            true => whole["results"][0]["completionReason"].clone(),
            false => Value::Null,
        };
        json!({
            "outputText": piece,
            "index": 0,
            "totalOutputTextTokenCount": is_last.then_some(answer.output_tokens),
            "completionReason": reason,
            "inputTextTokenCount": is_first.then_some(answer.input_tokens),
        })
    })
}
