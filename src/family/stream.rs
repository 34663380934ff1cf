//! Streamed answers: chunks are put together into the body that the service would have sent whole,
//! and that body is then read as any other. So both ways say the same.

use serde_json::{Map, Value};

use super::chunk::Chunk;
use super::json::{Json as _, at_mut, count, field_mut, misread, text};
use super::layout::Stream;
use super::{Family, Misread, NoAnswer, raw};
use crate::model::{ParsedReply, Usage};

/// Puts a chunk into the body that came so far, which is null before the first.
pub(super) type Join = fn(&mut Value, &Chunk<'_>) -> Result<Brought, StreamError>;

/// What a chunk brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Brought {
    /// Words of the answer, or of the reasoning before it.
    pub(super) words: bool,
    /// The family's word for the end.
    pub(super) end: bool,
}

/// Why a stream is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A chunk is no JSON.
    #[error("a chunk is not JSON: {0}")]
    NotJson(String),
    /// A chunk is not shaped as the family's, or what the chunks make together is no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The provider said in the middle of its answer that it cannot go on.
    #[error("the model broke off: {kind}: {message}")]
    BrokenOff {
        /// The provider's word for it.
        kind: String,
        /// The status it would have had as an answer of its own, where the provider says so.
        status: Option<u16>,
        /// What it says about it.
        message: String,
    },
    /// The stream stopped before the answer did.
    #[error("the stream stopped before its end; chunks that came: {chunks}")]
    CutShort {
        /// How many chunks had come.
        chunks: u64,
    },
}

impl From<Misread> for StreamError {
    fn from(misread: Misread) -> Self {
        Self::NoAnswer(misread.into())
    }
}

/// An answer that is coming in chunks.
#[derive(Debug, Clone)]
pub struct Assembly {
    family: Family,
    whole: Value,
    chunks: u64,
    brought: Brought,
    metrics: Value,
    /// Whether the first chunk, which has yet to come, may show that the family is another.
    may_be_other: bool,
}

/// An answer that has come in chunks.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// The answer, read as one that came whole is.
    pub reading: ParsedReply,
    /// The body it would have had.
    pub body: Value,
    /// How long the model took, as the service measured it.
    pub latency_ms: Option<u64>,
}

/// What the service adds to the last chunk.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Keys that are the service's own begin so, in any family.
pub(super) const SERVICE: &str = "amazon-bedrock-";

/// What some providers send after the last chunk. It says that no more comes, not that the answer
/// came to its end.
const DONE: &str = "[DONE]";

impl Family {
    /// Makes ready for chunks; `None` where the family does not stream.
    pub fn assemble(self) -> Option<Assembly> {
        let assembly = Assembly {
            family: self,
            whole: Value::Null,
            chunks: 0,
            brought: Brought::default(),
            metrics: Value::Object(Map::new()),
            may_be_other: false,
        };
        match self.layout().stream {
            Stream::None => None,
            Stream::Joined(_) | Stream::ByShape => Some(assembly),
        }
    }
}

impl Assembly {
    /// The same for a model whose family somebody named and nobody knows: where its first chunk is
    /// not shaped as the family's, it is joined as the family does whose chunks look like it.
    #[must_use]
    pub fn of_any_shape(self) -> Self {
        Self {
            may_be_other: true,
            ..self
        }
    }

    /// Takes the next chunk, the bytes of its JSON.
    ///
    /// # Errors
    /// It is no JSON, is not shaped as the family's, or says that the model broke off. Nothing comes
    /// of this answer then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), StreamError> {
        let chunk = serde_json::from_slice(chunk);
        self.take(&chunk.map_err(|error| StreamError::NotJson(error.to_string()))?)
    }

    fn take(&mut self, chunk: &Chunk<'_>) -> Result<(), StreamError> {
        self.chunks += 1;
        if chunk.as_str() == Some(DONE) {
            return Ok(());
        }
        self.keep_metrics(chunk);
        if let Some(error) = chunk.field("error").filter(|error| !error.is_null()) {
            return Err(broken_off(error));
        }
        if says_something(chunk) {
            let Brought { words, end } = self.join(chunk)?;
            self.brought.words |= words;
            self.brought.end |= end;
        }
        self.keep_service_keys(chunk);
        Ok(())
    }

    fn join(&mut self, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
        let name = self.family.name();
        let wrong = || misread(name, "a chunk of an answer", chunk);
        match self.family.layout().stream {
            Stream::ByShape if raw::tells_no_shape(chunk) => Ok(Brought::default()),
            Stream::Joined(_) if self.may_be_other && raw::tells_no_shape(chunk) => {
                Ok(Brought::default())
            }
            Stream::Joined(join) if self.may_be_other => {
                self.may_be_other = false;
                let before = self.whole.clone();
                let looks_like = raw::family_of(chunk).filter(|family| *family != self.family);
                // Nova passes over events that it does not know: one that it takes says nothing.
                let passes_over = self.family == Family::Nova;
                match (join(&mut self.whole, chunk), looks_like) {
                    (Err(StreamError::NoAnswer(NoAnswer::Misread(_))), Some(family)) => {
                        self.join_as(family, before, chunk)
                    }
                    (Ok(_), Some(family)) if passes_over => self.join_as(family, before, chunk),
                    (joined, _) => joined,
                }
            }
            Stream::Joined(join) => join(&mut self.whole, chunk),
            Stream::None => Err(wrong().into()),
            Stream::ByShape => {
                // Found by the first chunk, kept for all that follow.
                self.family = raw::family_of(chunk).ok_or_else(wrong)?;
                self.join(chunk)
            }
        }
    }

    fn join_as(
        &mut self,
        family: Family,
        before: Value,
        chunk: &Chunk<'_>,
    ) -> Result<Brought, StreamError> {
        self.whole = before;
        self.family = family;
        self.join(chunk)
    }

    /// Whether any words have come, of the answer or of the reasoning before it.
    pub fn has_words(&self) -> bool {
        self.brought.words
    }

    /// The answer, once no more chunks come. It has come to its end if the family's word for that
    /// came, or the model's reason to stop with the counts that the service ends a stream with; every
    /// family that streams has such a reason, so without one the answer is cut short. Where a
    /// guardrail has intervened, reason or counts are enough, for it may not speak as the family
    /// does; its own word is none for the end, for it comes with the first chunk too.
    ///
    /// # Errors
    /// It has not come to its end, or is none.
    pub fn finish(self) -> Result<Assembled, StreamError> {
        let latency_ms = count(&self.metrics, "/invocationLatency");
        let stopped = text(&self.whole, "/amazon-bedrock-guardrailAction") == Some("INTERVENED");
        let ended = self.brought.end || latency_ms.is_some();
        let chunks = self.chunks;
        if self.whole.is_null() || !(ended || stopped) {
            return Err(StreamError::CutShort { chunks });
        }
        let read = self.family.read(&self.whole);
        let is_told_why = match &read {
            Ok(reading) => reading.stop_reason.is_some(),
            Err(NoAnswer::Failed { .. }) => true,
            Err(NoAnswer::Misread(_)) => false,
        };
        let is_over = match stopped {
            true => ended || is_told_why,
            false => self.brought.end || is_told_why,
        };
        if !is_over {
            return Err(StreamError::CutShort { chunks });
        }
        let mut reading = read?;
        reading.usage = reading.usage.or(self.usage());
        Ok(Assembled {
            reading,
            latency_ms,
            body: self.whole,
        })
    }

    fn usage(&self) -> Usage {
        let count = |pointer| count(&self.metrics, pointer);
        Usage::from_headers(
            count("/inputTokenCount"),
            count("/outputTokenCount"),
            count("/cacheReadInputTokenCount"),
            count("/cacheWriteInputTokenCount"),
        )
    }

    /// A later chunk may have some of the metrics only, which leaves the others as they are.
    fn keep_metrics(&mut self, chunk: &Chunk<'_>) {
        let Some(said) = chunk.field(METRICS).and_then(Chunk::as_object) else {
            return;
        };
        let said = said.iter().filter(|(_, it)| !it.is_null());
        if let Value::Object(metrics) = &mut self.metrics {
            metrics.extend(said.map(|(key, value)| (key.to_owned(), value.owned())));
        }
    }

    /// What the service says of its own is said of the whole: a guardrail's word above all.
    fn keep_service_keys(&mut self, chunk: &Chunk<'_>) {
        let Some(chunk) = chunk.as_object() else {
            return;
        };
        let own = |key: &str| key.starts_with(SERVICE) && key != METRICS;
        for (key, value) in chunk.iter().filter(|(key, _)| own(key)) {
            if self.whole.is_null() {
                self.whole = Value::Object(Map::new());
            }
            // A guardrail that has intervened has done so, whatever a later chunk says.
            let settled = self.whole.get(key).and_then(Value::as_str) == Some("INTERVENED");
            if !settled && let Value::Object(whole) = &mut self.whole {
                whole.insert(key.to_owned(), value.owned());
            }
        }
    }
}

/// What a provider says in place of a chunk, in any family: Anthropic an object with a type, OpenAI
/// one whose code may be a status, or the word for what its type only hints at (`tokens`), some
/// servers a bare text.
fn broken_off(error: &Chunk<'_>) -> StreamError {
    let status = count(error, "/code").and_then(|code| u16::try_from(code).ok());
    let word = |pointer| text(error, pointer).filter(|word| !word.is_empty());
    let telling = word("/type").filter(|kind| kind.ends_with("_error"));
    let kind = telling.or_else(|| word("/code")).or_else(|| word("/type"));
    let message = error.as_str().or_else(|| word("/message"));
    StreamError::BrokenOff {
        kind: kind.unwrap_or("error").to_owned(),
        status: status.filter(|status| (400..600).contains(status)),
        message: message.unwrap_or("it does not say why").to_owned(),
    }
}

/// Whether a chunk holds anything but the service's own keys.
fn says_something(chunk: &Chunk<'_>) -> bool {
    let others = |key: &str| !key.starts_with(SERVICE);
    let map = chunk.as_object();
    map.is_none_or(|map| map.is_empty() || map.keys().any(others))
}

/// Makes `whole` what `first` says if nothing has come yet; what the service said before stays.
pub(super) fn begin(whole: &mut Value, first: impl FnOnce() -> Value) {
    let empty = match &*whole {
        Value::Null => true,
        Value::Object(map) => map.keys().all(|key| key.starts_with(SERVICE)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
    };
    if !empty {
        return;
    }
    let said = std::mem::replace(whole, first());
    if let (Value::Object(whole), Value::Object(said)) = (whole, said) {
        whole.extend(said);
    }
}

/// Adds a piece of text to the text at `pointer`, which may be null but must be there. Nothing and
/// null add nothing. Whether text came; `None` if something else came.
pub(super) fn grow(whole: &mut Value, pointer: &str, piece: Option<&Chunk<'_>>) -> Option<bool> {
    let piece = match piece {
        None | Some(Chunk::Null) => return Some(false),
        Some(piece) => piece.as_str()?,
    };
    match at_mut(whole, pointer)? {
        Value::String(text) => text.push_str(piece),
        place @ Value::Null => *place = piece.into(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => return None,
    }
    Some(!piece.is_empty())
}

/// The same with the field of an object, which is made if it is not there.
pub(super) fn grow_field(object: &mut Value, key: &str, piece: Option<&Chunk<'_>>) -> Option<bool> {
    let object = object.as_object_mut()?;
    if let Some(place) = field_mut(object, key) {
        return grow(place, "", piece);
    }
    grow(object.entry(key).or_insert(Value::Null), "", piece)
}

/// Puts a value at `pointer`, if there is one; whether there was.
pub(super) fn put(whole: &mut Value, pointer: &str, value: Option<&Chunk<'_>>) -> bool {
    let value = value.filter(|value| !value.is_null());
    if let (Some(value), Some(place)) = (value, at_mut(whole, pointer)) {
        *place = value.owned();
    }
    value.is_some()
}

/// The block at `index` of the list at `pointer`, which is made if it is next. `None` where no
/// stream in its right mind would have one.
pub(super) fn block<'w>(
    whole: &'w mut Value,
    pointer: &str,
    index: Option<u64>,
) -> Option<&'w mut Value> {
    /// More blocks than any answer has; a bound on what a stray index can make.
    const MOST: usize = 4096;
    let index = usize::try_from(index?).ok().filter(|index| *index < MOST)?;
    let blocks = at_mut(whole, pointer)?.as_array_mut()?;
    while blocks.len() <= index {
        blocks.push(Value::Object(Map::new()));
    }
    blocks.get_mut(index)
}
