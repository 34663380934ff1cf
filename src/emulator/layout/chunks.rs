//! Answers in chunks, as each kind of model streams them.
//!
//! The service adds its metrics to the last chunk, whatever the model; a body layout that does not
//! stream has no chunks.

use serde_json::{Value, json};

use super::{Answer, Layout, chat, claude, command_r, completion, nova, titan};

/// A chunk is about a token.
const CHUNK_BYTES: usize = 4;

/// The chunks of an answer that was not refused; `None` where the layout does not stream.
pub(super) fn of(layout: Layout, id: &str, answer: &Answer) -> Option<Vec<Value>> {
    let pieces = pieces(&answer.text);
    Some(match layout {
        Layout::Claude => claude(id, answer, &pieces),
        Layout::Nova => nova(answer, &pieces),
        Layout::Chat | Layout::Palmyra => chat(id, answer, &pieces),
        Layout::ClaudeText => claude_text(answer, &pieces),
        Layout::Command => command(answer, &pieces),
        Layout::CommandR => chat_events(answer, &pieces),
        Layout::Pegasus => each(&pieces, |piece, is_last| {
            let reason = is_last.then(|| chat::finish_reason(answer));
            json!({"message": piece, "finishReason": reason})
        }),
        Layout::MistralChat => each(&pieces, |piece, is_last| {
            let reason = is_last.then(|| chat::finish_reason(answer));
            let message = json!({"role": "assistant", "content": piece});
            json!({"choices": [{"index": 0, "message": message, "stop_reason": reason}]})
        }),
        Layout::MistralText | Layout::MistralEither => each(&pieces, |piece, is_last| {
            let reason = is_last.then(|| chat::finish_reason(answer));
            json!({"outputs": [{"text": piece, "stop_reason": reason}]})
        }),
        Layout::Deepseek => each(&pieces, |piece, is_last| {
            let reason = is_last.then(|| chat::finish_reason(answer));
            json!({"choices": [{"text": piece, "stop_reason": reason}]})
        }),
        Layout::Llama => llama(answer, &pieces),
        Layout::Completion => text_completion(answer, &pieces),
        Layout::TitanText => titan(answer, &pieces),
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

/// The text in pieces; one empty piece where there is none, so that there is always a last one.
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

fn each(pieces: &[&str], chunk: impl Fn(&str, bool) -> Value) -> Vec<Value> {
    let last = pieces.len() - 1;
    let numbered = pieces.iter().enumerate();
    numbered
        .map(|(number, piece)| chunk(piece, number == last))
        .collect()
}

fn claude(id: &str, answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let whole = claude::write(id, answer);
    let mut message = whole.clone();
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["stop_sequence"] = Value::Null;
    message["usage"]["output_tokens"] = 1.into();
    let mut chunks = vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
    ];
    chunks.extend(pieces.iter().map(|piece| {
        let delta = json!({"type": "text_delta", "text": piece});
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    }));
    let delta = json!({
        "stop_reason": whole["stop_reason"],
        "stop_sequence": whole["stop_sequence"],
    });
    chunks.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": answer.output_tokens}}),
        json!({"type": "message_stop"}),
    ]);
    chunks
}

fn nova(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let whole = nova::write(answer);
    let mut chunks = vec![json!({"messageStart": {"role": "assistant"}})];
    chunks.extend(pieces.iter().map(
        |piece| json!({"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}),
    ));
    chunks.extend([
        json!({"contentBlockStop": {"contentBlockIndex": 0}}),
        json!({"messageStop": {"stopReason": whole["stopReason"]}}),
        json!({"metadata": {"usage": whole["usage"], "metrics": {}, "trace": {}}}),
    ]);
    chunks
}

fn chat(id: &str, answer: &Answer, pieces: &[&str]) -> Vec<Value> {
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
    let choice = |delta: Value, reason: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]))
    };
    let mut chunks = vec![choice(json!({"role": "assistant", "content": ""}), None)];
    chunks.extend(
        pieces
            .iter()
            .map(|piece| choice(json!({"content": piece}), None)),
    );
    chunks.push(choice(json!({}), Some(chat::finish_reason(answer))));
    let mut usage = chunk(json!([]));
    usage["usage"] = whole["usage"].clone();
    chunks.push(usage);
    chunks
}

fn claude_text(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let whole = completion::write_claude(answer);
    each(pieces, |piece, is_last| {
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

/// The last chunk has no text.
fn command(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let text = |piece: &&str| json!({"text": piece, "is_finished": false, "index": 0});
    let mut chunks: Vec<Value> = pieces.iter().map(text).collect();
    let reason = completion::cohere_reason(answer);
    chunks.push(json!({"is_finished": true, "finish_reason": reason, "index": 0}));
    chunks
}

/// The last event has the whole reply in it once more.
fn chat_events(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let start = json!({"event_type": "stream-start", "is_finished": false});
    let mut chunks = vec![start];
    chunks.extend(pieces.iter().map(
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

fn llama(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
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

fn text_completion(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let mut chunks = each(pieces, |piece, is_last| {
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

fn titan(answer: &Answer, pieces: &[&str]) -> Vec<Value> {
    let whole = titan::write(answer);
    each(pieces, |piece, is_last| {
        let reason = match is_last {
            true => whole["results"][0]["completionReason"].clone(),
            false => Value::Null,
        };
        json!({
            "outputText": piece,
            "index": 0,
            "totalOutputTextTokenCount": is_last.then_some(answer.output_tokens),
            "completionReason": reason,
            "inputTextTokenCount": answer.input_tokens,
        })
    })
}
