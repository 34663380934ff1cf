//! A chunk of a streamed answer, as it came.
//!
//! Chunks are many and small, and of each little is kept. So its keys and texts are borrowed from
//! its bytes: a tree of its own for each, with a map for every object, takes three times as long.

use serde_json::Value;

use super::json::{Json, whole};

/// The JSON of a chunk.
pub(super) type Chunk<'c> = serde_json_borrow::Value<'c>;

impl Json for Chunk<'_> {
    fn field(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    fn items(&self) -> Option<&[Self]> {
        self.as_array()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn count(&self) -> Option<u64> {
        self.as_u64().or_else(|| whole(self.as_f64()?))
    }

    fn names(&self) -> Option<Vec<&str>> {
        Some(self.as_object()?.keys().collect())
    }

    fn owned(&self) -> Value {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::{at, count, text};
    use super::*;

    #[test]
    fn what_is_borrowed_is_found_and_kept_as_what_is_owned() {
        let bytes = br#"{"a":{"b":[{"c\u0041":"x\ny"},7]},"n":null}"#;
        let owned: Value = serde_json::from_slice(bytes).unwrap();
        let chunk: Chunk<'_> = serde_json::from_slice(bytes).unwrap();
        assert_eq!(chunk.owned(), owned);
        for pointer in ["", "/a/b/0/cA", "/a/b/1", "/a/b/2", "/a/b/x", "/n", "/x"] {
            let there = at(&chunk, pointer).map(Json::owned);
            assert_eq!(there.as_ref(), at(&owned, pointer), "{pointer}");
            assert_eq!(text(&chunk, pointer), text(&owned, pointer));
            assert_eq!(count(&chunk, pointer), count(&owned, pointer));
        }
    }
}
