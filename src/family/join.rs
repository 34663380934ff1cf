//! How chunks are put together, whatever family they are of: what a chunk brings, what is wrong with
//! one, and the steps that the families' own joins are made of.

use serde_json::{Map, Value};

use super::chunk::Chunk;
use super::json::{Json as _, SERVICE, at_mut, field_mut, list};
use super::{Misread, NoAnswer};
use crate::json_cost::TooManyValues;

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
    /// A chunk, or what the chunks make together, has more values than are built.
    #[error("the response cannot be parsed: {}", TooManyValues)]
    TooManyValues,
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

/// Like [`grow`], but for the field of an object, which is created if it is missing.
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

/// The element of this number of the list at `pointer`: one of several completions. It is made, as
/// `empty` says, if it is not there. `None` where no stream in its right mind would have one.
pub(super) fn nth<'w>(
    whole: &'w mut Value,
    pointer: &str,
    index: u64,
    empty: fn(u64) -> Value,
) -> Option<&'w mut Value> {
    /// More completions than any model writes to one prompt.
    const MOST: u64 = 1024;
    let all = at_mut(whole, pointer)?.as_array_mut()?;
    for missing in all.len() as u64..=index.min(MOST) {
        all.push(empty(missing));
    }
    all.get_mut(usize::try_from(index).ok()?)
}

/// Whether every element of the list at `pointer` has a text under this key.
pub(super) fn all_have(whole: &Value, pointer: &str, key: &str) -> bool {
    let all = list(whole, pointer).unwrap_or_default();
    all.iter()
        .all(|one| one.get(key).is_some_and(Value::is_string))
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
