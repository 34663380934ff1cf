//! Bodies of streamed responses: when each chunk is sent, and how faults damage them.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::event_stream::{beginning, chunk, event, exception};
use super::fault_kind::{Damage, InStream};
use super::reply::Metrics;
use super::reply_body::{Close, HUGE_BYTES, ReplyBody, pieces};

/// The most letters of padding in a chunk.
const MOST_PADDING: usize = 40;

/// The body of a stream whose first chunk is due now. `end` is called after the last chunk.
pub(super) fn body(
    mut chunks: Vec<Value>,
    metrics: Metrics,
    damage: Option<Damage>,
    end: impl FnOnce() + Send + Sync + 'static,
) -> ReplyBody {
    measure(&mut chunks, metrics);
    let framed = chunks.iter().enumerate().map(|(number, it)| {
        // Lengths that vary and are the same every time.
        chunk(it.to_string().as_bytes(), number * 7 % MOST_PADDING)
    });
    let (frames, close) = damaged(framed.collect(), damage);
    let start = Instant::now();
    let rest = metrics.latency.saturating_sub(metrics.first);
    let gaps = u32::try_from(frames.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let gap = rest / gaps.max(1);
    let timed = (0..).zip(frames);
    let parts = timed.map(|(number, frame)| (start + gap * number, frame));
    ReplyBody::paced(parts.collect(), close, end)
}

/// Adds the service's metrics to the last chunk that is an object.
fn measure(chunks: &mut [Value], metrics: Metrics) {
    if !metrics.counted {
        return;
    }
    let last = chunks.iter_mut().rev().find_map(Value::as_object_mut);
    if let Some(last) = last {
        let mut said = json!({
            "inputTokenCount": metrics.fresh_tokens(),
            "outputTokenCount": metrics.output_tokens,
            "invocationLatency": metrics.latency.as_millis(),
            "firstByteLatency": metrics.first.as_millis(),
        });
        if 0 < metrics.cached.tokens() {
            said["cacheReadInputTokenCount"] = metrics.cached.read.into();
            said["cacheWriteInputTokenCount"] = metrics.cached.written.into();
        }
        last.insert("amazon-bedrock-invocationMetrics".into(), said);
    }
}

fn damaged(mut frames: VecDeque<Bytes>, damage: Option<Damage>) -> (VecDeque<Bytes>, Close) {
    let middle = frames.len() / 2;
    let close = match damage {
        // These apply to bodies that are not streamed.
        None | Some(Damage::Last(_) | Damage::Drip) => Close::Properly,
        Some(Damage::Huge) => {
            frames.truncate(middle);
            frames.push_back(beginning(HUGE_BYTES));
            frames.extend(pieces());
            Close::Properly
        }
        Some(Damage::Halve(_)) => {
            let mut torn = frames[middle].clone();
            torn.truncate(torn.len() / 2);
            frames.truncate(middle);
            frames.push_back(torn);
            Close::Break
        }
        Some(Damage::Empty) => {
            frames.clear();
            Close::Properly
        }
        Some(Damage::NotJson) => {
            frames[middle] = chunk(b"upstream said something else", 0);
            Close::Properly
        }
        Some(Damage::WrongShape) => {
            frames[middle] = chunk(br#"{"surprise":[1,2,3]}"#, 0);
            Close::Properly
        }
        Some(Damage::InStream(what)) => happens(what, middle, &mut frames),
    };
    (frames, close)
}

fn happens(what: InStream, middle: usize, frames: &mut VecDeque<Bytes>) -> Close {
    match what {
        InStream::Exception(kind, text) => {
            frames.truncate(middle);
            frames.push_back(exception(kind, text));
        }
        InStream::CutShort => frames.truncate(middle),
        InStream::Silent => {
            frames.truncate(middle);
            return Close::Never;
        }
        InStream::BareString => frames[middle] = chunk(br#""a word by itself""#, 0),
        InStream::UnknownEvent => frames.insert(middle, event("heartbeat", &json!({}))),
        InStream::Corrupt => {
            let mut frame = BytesMut::from(frames[middle].as_ref());
            if let Some(last) = frame.last_mut() {
                *last ^= 1;
            }
            frames[middle] = frame.freeze();
        }
    }
    Close::Properly
}
