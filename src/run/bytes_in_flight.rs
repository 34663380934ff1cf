//! How many bytes calls in flight may take together: the bound on memory beside the number of calls,
//! which says nothing of how large they are.
//!
//! A call of 96 texts comes back with 2 MB of embeddings, which take 9 MB while they are split,
//! parsed and written. At 64 calls in flight that was 604 MB (measured), and a container of 512 MB
//! killed the run; 8 calls in flight were as fast in 85 MB.

use super::attempt::{Attempt, Replies};
use crate::model::{Reply, Request};

/// The most that calls in flight take together: enough for 64 calls of 1.5 MB each, and for a
/// container of 256 MB.
const MOST_BYTES: usize = 96 << 20;

/// What a response takes beside what was read of it, by each byte of that: it is held as it came, and
/// as lines of output. Measured with embeddings of 1,024 numbers: 98 kB a row, of which 74 kB are
/// parsed values.
const BESIDE: f64 = 0.5;

/// What JSON takes once it is parsed, a value.
const VALUE_BYTES: usize = size_of::<serde_json::Value>();

/// A token of output has about 4 bytes.
const TOKEN_BYTES: usize = 4;

/// What the response to a row is taken for before any came, where nothing limits its length: an
/// embedding of 1,024 numbers.
const UNKNOWN_BYTES: usize = 1024 * VALUE_BYTES;

/// The bytes of calls that are in flight, or whose rows are not committed yet.
#[derive(Debug, Default)]
pub(super) struct BytesInFlight {
    held: usize,
    /// Those of them whose calls came back.
    returned: usize,
    /// The largest response to a row so far.
    largest: Option<usize>,
}

/// The bytes that a call holds; to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) struct Held(usize);

impl BytesInFlight {
    /// What the call will hold, as far as responses so far tell.
    pub(super) fn of(&self, attempt: &Attempt) -> Held {
        let response = |request: &Request| match (self.largest, request.max_tokens) {
            (Some(largest), _) => largest,
            (None, Some(tokens)) => TOKEN_BYTES * tokens as usize,
            (None, None) => UNKNOWN_BYTES,
        };
        let responses: usize = attempt.calls().map(response).sum();
        let beside = (responses as f64 * BESIDE) as usize;
        Held(attempt.bytes() + responses + beside)
    }

    /// Whether there is room for it. A call that is larger than all there is goes alone.
    pub(super) fn has_room(&self, call: Held) -> bool {
        self.held == 0 || self.held + call.0 <= MOST_BYTES
    }

    /// A call starts.
    pub(super) fn hold(&mut self, call: Held) {
        self.held += call.0;
    }

    /// A call succeeded: its rows take memory until they are committed.
    pub(super) fn returned(&mut self, call: Held, replies: &Replies) {
        self.returned += call.0;
        let all = std::iter::once(&replies.first).chain(&replies.others);
        let largest = all.map(bytes).max();
        self.largest = self.largest.max(largest);
    }

    /// A call failed.
    pub(super) fn release(&mut self, call: Held) {
        self.held -= call.0;
    }

    /// Whatever came back is committed.
    pub(super) fn committed(&mut self) {
        self.held -= std::mem::take(&mut self.returned);
    }
}

/// What a reply holds: its body where that is kept, and what was read from it.
pub(super) fn bytes(reply: &Reply) -> usize {
    let read = &reply.parsed;
    let texts = [&read.completion, &read.reasoning];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let images: usize = read.images.iter().map(|image| image.bytes.len()).sum();
    let output = read.output.as_ref().map_or(0, parsed);
    reply.raw.len() + texts + images + output
}

fn parsed(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    VALUE_BYTES
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(parsed).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| name.len() + parsed(value))
                .sum(),
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::model::ParsedReply;
    use crate::run::{Identity, ReadyRow};

    fn attempt(bytes: usize, max_tokens: Option<u32>, rows: usize) -> Attempt {
        let row = || ReadyRow {
            identity: Identity::default(),
            request: Request {
                body: vec![b'x'; bytes].into(),
                max_tokens,
                ..Request::default()
            },
        };
        let mut attempt = Attempt::new(row(), Instant::now());
        attempt.others.extend((1..rows).map(|_| row()));
        attempt
    }

    fn replies(output: serde_json::Value) -> Replies {
        let reading = ParsedReply {
            output: Some(output),
            ..ParsedReply::default()
        };
        let first = Reply {
            parsed: reading,
            ..Reply::default()
        };
        let others = Vec::new();
        Replies { first, others }
    }

    #[tokio::test(start_paused = true)]
    async fn before_any_response_a_call_holds_what_its_limit_allows() {
        let bytes = BytesInFlight::default();
        assert_eq!(bytes.of(&attempt(10, Some(100), 1)), Held(10 + 600));
        assert_eq!(bytes.of(&attempt(10, Some(100), 3)), Held(30 + 1800));
        assert_eq!(
            bytes.of(&attempt(10, None, 2)),
            Held(20 + 3 * 1024 * VALUE_BYTES)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_response_so_far_is_what_the_next_are_taken_for() {
        let mut bytes = BytesInFlight::default();
        let call = attempt(10, None, 1);
        for (numbers, holds) in [(10, 11), (100, 101), (50, 101)] {
            let held = bytes.of(&call);
            bytes.hold(held);
            bytes.returned(held, &replies(json!(vec![0.5; numbers])));
            bytes.committed();
            assert_eq!(bytes.of(&call), Held(10 + holds * VALUE_BYTES * 3 / 2));
        }
        assert_eq!((bytes.held, bytes.returned), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn room_comes_back_when_rows_are_committed_or_a_call_failed() {
        let mut bytes = BytesInFlight::default();
        let half = Held(MOST_BYTES / 2);
        assert!(bytes.has_room(Held(MOST_BYTES + 1)), "alone");
        bytes.hold(Held(1));
        assert!(!bytes.has_room(Held(MOST_BYTES)));
        assert!(bytes.has_room(Held(MOST_BYTES - 1)));
        bytes.release(Held(1));
        bytes.hold(half);
        bytes.hold(half);
        bytes.returned(half, &replies(json!(null)));
        assert!(!bytes.has_room(Held(1)), "it is not committed yet");
        bytes.committed();
        assert!(bytes.has_room(half) && !bytes.has_room(Held(MOST_BYTES / 2 + 1)));
    }

    #[test]
    fn a_reply_holds_its_body_its_texts_and_its_values() {
        let reply = Reply {
            parsed: ParsedReply {
                completion: Some("12345".into()),
                reasoning: Some("123".into()),
                output: Some(json!({"ab": ["xyz", true]})),
                ..ParsedReply::default()
            },
            raw: "1234567".into(),
            ..Reply::default()
        };
        assert_eq!(bytes(&reply), 7 + 5 + 3 + 4 * VALUE_BYTES + 2 + 3);
    }
}
