//! Finding the JSON value in a completion, without a call and without adding anything.
//!
//! The text as it is comes first. Then, in this order, the first that validates is taken: the text
//! outside reasoning, a fenced block, the outermost object or array, each of these by a tolerant
//! reader.

use serde_json::Value;

use super::tolerant;
use crate::model::Repair;

/// What models put their reasoning between.
const REASONING: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
];

/// The most places of a text that are looked at for a value: a bound on the work for a hostile text.
const MOST_TRIES: usize = 64;

/// A value in a text, and what it took to find it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundValue {
    /// The value.
    pub value: Value,
    /// What was done; `None` where the text is the value.
    pub repair: Option<Repair>,
}

/// The first value in `text` that `is_valid`, in the order of [`Repair::ALL`].
pub fn find(text: &str, is_valid: impl Fn(&Value) -> bool) -> Option<FoundValue> {
    let strict = |text: &str| serde_json::from_str::<Value>(text.trim()).ok();
    let valid = |value: Option<Value>, repair| {
        let value = value.filter(|value| is_valid(value))?;
        Some(FoundValue { value, repair })
    };
    if let Some(found) = valid(strict(text), None) {
        return Some(found);
    }
    let outside = outside_reasoning(text);
    if outside.len() < text.len()
        && let Some(found) = valid(strict(&outside), Some(Repair::OutsideReasoning))
    {
        return Some(found);
    }
    let blocks = fenced_blocks(&outside);
    let mut fenced = blocks.iter();
    if let Some(found) = fenced.find_map(|block| valid(strict(block), Some(Repair::FencedBlock))) {
        return Some(found);
    }
    let spans = |text: &str| {
        outermost(text)
            .into_iter()
            .map(|it| it.to_owned())
            .collect::<Vec<_>>()
    };
    let outer = |span: &String| valid(strict(span), Some(Repair::Outermost));
    if let Some(found) = spans(&outside).iter().find_map(outer) {
        return Some(found);
    }
    let tolerant = |text: &str| valid(tolerant::read(text), Some(Repair::Tolerant));
    let whole = std::iter::once(outside.as_str()).chain(blocks.iter().copied());
    if let Some(found) = whole.into_iter().find_map(tolerant) {
        return Some(found);
    }
    let values = tolerant_values(&outside).into_iter();
    values
        .filter_map(|value| valid(Some(value), Some(Repair::Tolerant)))
        .next()
}

/// `text` without reasoning in tags. Reasoning that begins before the text ends at its closing tag.
fn outside_reasoning(text: &str) -> String {
    let mut rest = text.trim().to_owned();
    for (open, close) in REASONING {
        for _ in 0..MOST_TRIES {
            let Some(end) = rest.find(close) else {
                break;
            };
            let begin = rest[..end].find(open).unwrap_or(0);
            rest.replace_range(begin..end + close.len(), "");
        }
    }
    rest.trim().to_owned()
}

/// What stands between lines of three backticks or tildes, in order.
fn fenced_blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    for fence in ["```", "~~~"] {
        let mut rest = text;
        while blocks.len() < MOST_TRIES
            && let Some((_, after)) = rest.split_once(fence)
        {
            // The rest of the line says which language it is, unless the value begins there.
            let line = after.find('\n').unwrap_or(after.len());
            let language = &after[..line];
            let inside = match language.contains(['{', '[']) {
                true => after,
                false => &after[line..],
            };
            let Some((block, behind)) = inside.split_once(fence) else {
                break;
            };
            blocks.push(block.trim());
            rest = behind;
        }
    }
    blocks
}

/// The objects and arrays of a text that stand in no other: from a bracket to the one that closes it,
/// where brackets in strings do not count.
fn outermost(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    let mut from = 0;
    for _ in 0..MOST_TRIES {
        let Some(begin) = text[from..].find(['{', '[']).map(|at| from + at) else {
            break;
        };
        match closing(&text[begin..]) {
            Some(length) => {
                spans.push(&text[begin..begin + length]);
                from = begin + length;
            }
            None => from = begin + 1,
        }
    }
    spans
}

/// How long the object or array is that `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut is_string = false;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if is_string {
            is_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => is_string = true,
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                if open.pop() != Some(byte) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The objects and arrays that the tolerant reader finds in a text.
fn tolerant_values(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut from = 0;
    for _ in 0..MOST_TRIES {
        let Some(begin) = text[from..].find(['{', '[']).map(|at| from + at) else {
            break;
        };
        match tolerant::read_first(&text[begin..]) {
            Some((value, length)) => {
                values.push(value);
                from = begin + length;
            }
            None => from = begin + 1,
        }
    }
    values
}

#[cfg(test)]
mod tests;
