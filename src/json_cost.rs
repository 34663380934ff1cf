//! What JSON text costs as a tree of values, found out before one is built.
//!
//! A tree takes many times the memory of its text: `{"":0}` takes six bytes of text and nearly a
//! thousand of memory, so that 32 MiB of text can become four gigabytes. The text is therefore scanned
//! first, which takes no memory and stops where the cost is too high.

use serde_json::Value;

/// The most that a tree may cost, in bytes: of several calls there may be one each, and what reads a
/// tree may copy it. More than a response needs: 150,000 numbers, where 96 embeddings of 1,536 dimensions
/// have 147,456; or 20,000 objects of a key.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// A tree that costs no more may be built beside any number of others.
pub(crate) const SMALL: usize = 1 << 20;

/// The most values of a text that is only divided into its parts: a thousand rows' embeddings.
const MOST_VALUES: usize = 2_000_000;

/// A value: 72 bytes (serde_json 1.0 with the order of keys), in a list that grows by doubling and
/// is three quarters full.
const VALUE: usize = 108;

/// What an object has beyond that as soon as it has a key: room for four, and their index.
const OBJECT: usize = 480;

/// What a list has beyond that as soon as it has an item: room for four.
const LIST: usize = 288;

/// A key: the least that its text takes, and its place where an object has more than four.
const KEY: usize = 136;

/// The shortest text of the most expensive value: `{"":0},`.
const SHORTEST: usize = 7;

/// The text has more values than are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has too many values: as a tree they would take more than {} MiB of memory", MOST_BYTES >> 20)]
pub(crate) struct TooManyValues;

/// Whether the tree of `text` can be built. Of text that is no JSON this says nothing.
///
/// # Errors
/// It would cost too much.
pub(crate) fn check(text: &[u8]) -> Result<(), TooManyValues> {
    // Nothing so short can cost so much, and nearly all texts are.
    match dearest(text) <= MOST_BYTES {
        true => Ok(()),
        false => scanned(text).map(drop),
    }
}

/// What the tree of `text` costs, in bytes and without those of its strings: at most so much where the
/// text is short, about so much where it is long.
///
/// # Errors
/// It would cost too much.
pub(crate) fn cost(text: &[u8]) -> Result<usize, TooManyValues> {
    match dearest(text) {
        most if most <= SMALL => Ok(most),
        _ => scanned(text),
    }
}

/// The most that so many bytes can cost.
fn dearest(text: &[u8]) -> usize {
    text.len() / SHORTEST * (VALUE + OBJECT + KEY + VALUE)
}

fn scanned(text: &[u8]) -> Result<usize, TooManyValues> {
    let cost = |byte| match byte {
        b'{' => VALUE + OBJECT,
        b'[' => VALUE + LIST,
        b':' => KEY,
        b',' => VALUE,
        _ => 0,
    };
    scan(text, cost, MOST_BYTES)
}

/// Whether `text` can be divided into its parts, none of which is built as a tree.
///
/// # Errors
/// It has too many.
pub(crate) fn check_parts(text: &[u8]) -> Result<(), TooManyValues> {
    let counts = |byte| usize::from(matches!(byte, b'{' | b'[' | b','));
    scan(text, counts, MOST_VALUES).map(drop)
}

/// What `tree` costs, in bytes and without those of its strings.
pub(crate) fn of_tree(tree: &Value) -> usize {
    let beyond = match tree {
        Value::Array(items) => LIST + items.iter().map(of_tree).sum::<usize>(),
        Value::Object(fields) => {
            OBJECT + KEY * fields.len() + fields.values().map(of_tree).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    VALUE + beyond
}

/// Whether a tree that grows chunk by chunk has come to cost too much.
///
/// # Errors
/// It has.
pub(crate) fn check_tree(tree: &Value) -> Result<(), TooManyValues> {
    match of_tree(tree) <= MOST_BYTES {
        true => Ok(()),
        false => Err(TooManyValues),
    }
}

/// Adds up what the bytes outside of strings cost.
fn scan(text: &[u8], cost: impl Fn(u8) -> usize, most: usize) -> Result<usize, TooManyValues> {
    let mut sum = 0;
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte == b'"' {
            skip_string(&mut rest);
            continue;
        }
        sum += cost(*byte);
        if most < sum {
            return Err(TooManyValues);
        }
    }
    Ok(sum)
}

fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => drop(rest.next()),
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(item: &str, times: usize) -> Vec<u8> {
        let items = vec![item; times].join(",");
        format!("[{items}]").into_bytes()
    }

    #[test]
    fn what_models_answer_is_built_and_what_only_fills_the_memory_is_not() {
        let embedding = list("-0.0123456789", 3_072);
        let embedding = String::from_utf8(embedding).unwrap();
        let kinds = vec![format!("\"a\":{embedding}"); 5].join(",");
        let image = format!("{{\"images\":[\"{}\"]}}", "A".repeat(30 << 20));
        let quotes = format!("{{\"text\":\"{}\"}}", "\\\"{[:,\\\\".repeat(1 << 20));
        for (what, text, is_built) in [
            (
                "an embedding of five kinds",
                format!("{{{kinds}}}").into(),
                true,
            ),
            ("an image", image.into_bytes(), true),
            (
                "a text full of quotes and brackets",
                quotes.into_bytes(),
                true,
            ),
            ("8,000 objects", list("{\"a\":0}", 8_000), true),
            ("a million objects", list("{\"\":0}", 1_000_000), false),
            ("a million lists", list("[0]", 1_000_000), false),
            ("a million numbers", list("0", 1_000_000), false),
            (
                "a million objects that nothing separates",
                b"{}".repeat(1_000_000),
                false,
            ),
            ("nothing but brackets", vec![b'['; 10 << 20], false),
            ("a string without an end", vec![b'"'; 1], true),
            ("a backslash at the end", b"\"\\".repeat(1 << 20), true),
        ] {
            assert_eq!(check(&text).is_ok(), is_built, "{what}");
        }
    }

    #[test]
    fn the_embeddings_of_many_rows_are_divided_and_an_endless_list_is_not() {
        assert_eq!(check_parts(&list("0.5", 96 * 1_536 * 5)), Ok(()));
        assert_eq!(check_parts(&list("0", 3_000_000)), Err(TooManyValues));
    }

    #[test]
    fn as_many_embeddings_as_a_call_returns_are_built() {
        let dimensions = list("-0.012345678", 1536);
        let dimensions = String::from_utf8(dimensions).unwrap();
        let embeddings = list(&dimensions, 96);
        assert_eq!(check(&embeddings), Ok(()));
    }

    #[test]
    fn a_tree_that_grows_costs_about_what_its_text_says() {
        for (item, times, is_built) in [
            ("{\"a\":[]}", 14_000, true),
            ("{\"a\":[]}", 40_000, false),
            ("0", 140_000, true),
            ("0", 180_000, false),
        ] {
            let text = list(item, times);
            let tree = serde_json::from_slice(&text).unwrap();
            assert_eq!(check_tree(&tree).is_ok(), is_built, "{times} times {item}");
            assert_eq!(check(&text).is_ok(), is_built, "{times} times {item}");
        }
    }

    #[test]
    fn a_tree_costs_no_more_than_is_said() {
        // What serde_json takes for its values; strings and keys have their bytes beside.
        assert!(size_of::<serde_json::Value>() * 3 / 2 <= VALUE);
        assert!(size_of::<serde_json::Map<String, serde_json::Value>>() <= OBJECT);
    }
}
