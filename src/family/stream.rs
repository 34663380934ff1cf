//! Streamed answers: chunks are put together into the body that the service would have sent whole,
//! and that body is then read as any other. So both ways say the same.

use serde_json::{Map, Value};

use super::chunk::Chunk;
use super::join::{Brought, Join, StreamError};
use super::json::{Json as _, SERVICE, count, merge_into, misread, text};
use super::layout::{Stream, UnknownEvents};
use super::{Family, Misread, NoAnswer, guardrail, raw};
use crate::json_cost::{self, TooManyValues};
use crate::model::{ParsedReply, Usage};

/// A response that is coming in chunks.
#[derive(Debug, Clone)]
pub struct Assembly {
    /// The family that was asked.
    asked: Family,
    /// The family whose chunks come: that of the first chunk that is not shaped as the asked one's.
    family: Family,
    /// Whether no chunk has shown yet which family it is.
    is_open: bool,
    whole: Value,
    chunks: u64,
    brought: Brought,
    metrics: Value,
    interventions: Interventions,
    /// Bytes of chunks since the cost of the whole was measured.
    unmeasured: usize,
    /// How many chunks said anything, and the first while it is the only one.
    said: u64,
    only: Option<Value>,
    /// The first chunk that was not understood, if there is one.
    misread: Option<StreamError>,
}

/// The chunks that say that a guardrail has intervened.
#[derive(Debug, Clone, Copy, Default)]
struct Interventions {
    chunks: u64,
    is_last: bool,
}

/// A response that has come in chunks.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// The answer, read as one that came whole is.
    pub parsed: ParsedReply,
    /// The body it would have had.
    pub body: Value,
    /// How long the model took, as the service measured it.
    pub latency_ms: Option<u64>,
}

/// The whole is measured each time that so many more bytes have come: they cost some 8 MiB at most.
const MEASURE_EVERY: usize = 1 << 16;

/// What the service adds to the last chunk.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// What some providers send after the last chunk. It says that no more comes, not that the answer
/// came to its end.
const DONE: &str = "[DONE]";

impl Family {
    /// Makes ready for chunks; `None` where the family does not stream.
    pub fn assemble(self) -> Option<Assembly> {
        let assembly = Assembly {
            asked: self,
            family: self,
            is_open: true,
            whole: Value::Null,
            chunks: 0,
            brought: Brought::default(),
            metrics: Value::Object(Map::new()),
            interventions: Interventions::default(),
            unmeasured: 0,
            said: 0,
            only: None,
            misread: None,
        };
        match self.layout().stream {
            Stream::None => None,
            Stream::Joined(_) | Stream::ByShape => Some(assembly),
        }
    }
}

impl Assembly {
    /// Takes the next chunk, the bytes of its JSON. One that is not understood ends nothing:
    /// [`Assembly::finish`] tells of it.
    ///
    /// # Errors
    /// It says that the model broke off. No response comes of this stream then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), StreamError> {
        self.chunks += 1;
        if let Err(TooManyValues) = self.bound(chunk) {
            return self.note_misread(StreamError::TooManyValues);
        }
        match serde_json::from_slice(chunk) {
            Ok(chunk) => self.take(&chunk),
            Err(error) => self.note_misread(StreamError::NotJson(error.to_string())),
        }
    }

    /// Bounds what a chunk costs while it is read, and what all of them together come to. Texts grow
    /// longer and cost no values, so that looks at the whole are few.
    fn bound(&mut self, chunk: &[u8]) -> Result<(), TooManyValues> {
        json_cost::check(chunk)?;
        self.unmeasured += chunk.len();
        if self.unmeasured < MEASURE_EVERY {
            return Ok(());
        }
        self.unmeasured = 0;
        json_cost::check_tree(&self.whole)
    }

    fn take(&mut self, chunk: &Chunk<'_>) -> Result<(), StreamError> {
        if chunk.as_str() == Some(DONE) {
            return Ok(());
        }
        self.keep_metrics(chunk);
        if let Some(error) = chunk.field("error").filter(|error| !error.is_null()) {
            return Err(broken_off(error));
        }
        if says_something(chunk) {
            self.keep_only(chunk);
            if self.misread.is_none() {
                match self.join(chunk) {
                    Ok(Brought { words, end }) => {
                        self.brought.words |= words;
                        self.brought.end |= end;
                    }
                    Err(error) => self.note_misread(error)?,
                }
            }
        }
        self.note_intervention(chunk);
        self.keep_service_keys(chunk);
        Ok(())
    }

    /// Keeps why the first chunk that is not understood is none. A provider that breaks off is
    /// understood.
    fn note_misread(&mut self, error: StreamError) -> Result<(), StreamError> {
        match error {
            StreamError::NotJson(_) | StreamError::TooManyValues | StreamError::NoAnswer(_) => {
                self.misread.get_or_insert(error);
                Ok(())
            }
            StreamError::BrokenOff { .. } | StreamError::CutShort { .. } => Err(error),
        }
    }

    /// Keeps the first chunk that says something, until a second comes.
    fn keep_only(&mut self, chunk: &Chunk<'_>) {
        if raw::tells_no_shape(chunk) {
            return;
        }
        self.said += 1;
        self.only = (self.said == 1).then(|| chunk.owned());
    }

    fn join(&mut self, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
        if self.is_open && raw::tells_no_shape(chunk) {
            return Ok(Brought::default());
        }
        let is_first = std::mem::take(&mut self.is_open);
        match self.family.layout().stream {
            Stream::Joined(join) if is_first => self.join_first(join, chunk),
            Stream::Joined(join) => join(&mut self.whole, chunk),
            Stream::ByShape => {
                let family = raw::family_of(chunk).ok_or_else(|| self.no_chunk(chunk))?;
                self.join_as(family, chunk)
            }
            Stream::None => Err(self.no_chunk(chunk).into()),
        }
    }

    /// The first chunk shows whether the stream is that of the family that was asked: some models
    /// have two interfaces, and the body decides which of them answers. A complete response in place
    /// of a chunk is left to [`Assembly::finish`].
    fn join_first(&mut self, join: Join, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
        let before = self.whole.clone();
        let looks_like = raw::family_of(chunk).filter(|family| *family != self.family);
        let unknown_events = self.family.layout().unknown_events;
        let joined = join(&mut self.whole, chunk);
        match (&joined, looks_like) {
            (Err(StreamError::NoAnswer(NoAnswer::Misread(_))), Some(family))
                if !self.is_complete() =>
            {
                self.whole = before;
                self.join_as(family, chunk)
            }
            (Ok(_), Some(family)) if unknown_events == UnknownEvents::AnyObject => {
                self.whole = before;
                self.join_as(family, chunk)
            }
            _ => joined,
        }
    }

    fn join_as(&mut self, family: Family, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
        self.family = family;
        match family.layout().stream {
            Stream::Joined(join) => join(&mut self.whole, chunk),
            Stream::None | Stream::ByShape => Err(self.no_chunk(chunk).into()),
        }
    }

    fn no_chunk(&self, chunk: &Chunk<'_>) -> Misread {
        misread(self.asked.name(), "a chunk of a response", chunk)
    }

    /// Whether the only chunk is a complete response of the family that was asked.
    fn is_complete(&self) -> bool {
        let read = self.only.as_ref().map(|only| self.asked.read(only));
        read.as_ref().is_some_and(tells_why)
    }

    /// Whether any words have come, of the answer or of the reasoning before it.
    pub fn has_words(&self) -> bool {
        self.brought.words
    }

    /// The response, once no more chunks come. It has come to its end if the family's word for that
    /// came, or the model's reason to stop with the counts that the service ends a stream with; every
    /// family that streams has such a reason, so without one the response is cut short. Where a
    /// guardrail has blocked, it may not speak as the family does, and nothing more comes.
    ///
    /// A body that does not ask for pieces may be answered in one chunk, which is the complete
    /// response.
    ///
    /// # Errors
    /// It has not come to its end, or is none.
    pub fn finish(self) -> Result<Assembled, StreamError> {
        let (read, body) = match self.joined() {
            Ok(reading) => (reading, self.whole.clone()),
            Err(error) => {
                let only = self.only.as_ref();
                let complete = only.map(|only| (self.asked.read_any_shape(only), only.clone()));
                match complete.filter(|(read, _)| tells_why(read)) {
                    Some((read, body)) => (read?, body),
                    None => return Err(error),
                }
            }
        };
        Ok(Assembled {
            parsed: ParsedReply {
                usage: read.usage.or(self.usage()),
                ..read
            },
            latency_ms: count(&self.metrics, "/invocationLatency"),
            body,
        })
    }

    /// What the chunks make together.
    fn joined(&self) -> Result<ParsedReply, StreamError> {
        if let Some(misread) = &self.misread {
            return Err(misread.clone());
        }
        let cut_short = || StreamError::CutShort {
            chunks: self.chunks,
        };
        let is_counted = count(&self.metrics, "/invocationLatency").is_some();
        let is_blocked = self.is_blocked();
        if self.whole.is_null() && 0 < self.said {
            let expected = "an event that is known";
            let only = self.only.as_ref().unwrap_or(&Value::Null);
            return Err(misread(self.asked.name(), expected, only).into());
        }
        if self.whole.is_null() || !(self.brought.end || is_counted || is_blocked) {
            return Err(cut_short());
        }
        let read = self.family.read(&self.whole);
        let is_intervened = guardrail::has_intervened(&self.whole);
        let is_over = self.brought.end || is_blocked || tells_why(&read);
        match is_over || (is_intervened && is_counted) {
            true => Ok(read?),
            false => Err(cut_short()),
        }
    }

    /// Whether a guardrail answered in the model's place. Its word alone does not say so: where it
    /// has masked something, the word comes with every chunk. So its trace decides, and without one
    /// whether the word came once, and last.
    fn is_blocked(&self) -> bool {
        let Interventions { chunks, is_last } = self.interventions;
        match guardrail::blocks(&self.whole) {
            Some(blocks) => blocks && 0 < chunks,
            None => chunks == 1 && is_last,
        }
    }

    fn note_intervention(&mut self, chunk: &Chunk<'_>) {
        let has_intervened = guardrail::has_intervened(chunk);
        self.interventions.chunks += u64::from(has_intervened);
        if has_intervened || has_own_keys(chunk) {
            self.interventions.is_last = has_intervened;
        }
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
            let is_final = self.whole.get(key).and_then(Value::as_str) == Some("INTERVENED");
            if !is_final && let Value::Object(whole) = &mut self.whole {
                let said = Map::from_iter([(key.to_owned(), value.owned())]);
                merge_into(whole, &said);
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

/// What a body says that is shaped as a single chunk of a stream.
pub(super) fn read_chunk(body: &Value) -> Option<ParsedReply> {
    // A chunk has few values, and the tree would be built a second time.
    if json_cost::SMALL < json_cost::of_tree(body) {
        return None;
    }
    let mut assembly = Family::Raw.assemble()?;
    assembly.push(body.to_string().as_bytes()).ok()?;
    let is_chunk = assembly.misread.is_none() && !assembly.whole.is_null();
    let read = is_chunk.then(|| (assembly.family.layout().read)(&assembly.whole).ok());
    read.flatten()
}

/// Whether a response says why the model stopped.
fn tells_why(read: &Result<ParsedReply, NoAnswer>) -> bool {
    match read {
        Ok(reading) => reading.stop_reason.is_some(),
        Err(NoAnswer::Failed { .. }) => true,
        Err(NoAnswer::Misread(_)) => false,
    }
}

/// Whether a chunk holds anything but the service's own keys, and is no mere sign of life.
fn says_something(chunk: &Chunk<'_>) -> bool {
    text(chunk, "/type") != Some("ping") && has_own_keys(chunk)
}

fn has_own_keys(chunk: &Chunk<'_>) -> bool {
    let others = |key: &str| !key.starts_with(SERVICE);
    let map = chunk.as_object();
    map.is_none_or(|map| map.is_empty() || map.keys().any(others))
}
