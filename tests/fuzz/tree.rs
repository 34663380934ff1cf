//! Changes JSON as JSON, so that it stays some: what is behind the parser is reached only so.

use fastrand::Rng;
use serde_json::{Value, json};

/// Changes one node of the JSON in one line of `input`; leaves lines that are none.
pub(crate) fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<_> = input.split(|byte| *byte == b'\n').collect();
    let at = rng.usize(..lines.len());
    let Ok(mut tree) = serde_json::from_slice::<Value>(lines[at]) else {
        return;
    };
    let mut node = rng.usize(..count(&tree));
    change(&mut tree, &mut node, rng);
    let line = tree.to_string();
    lines[at] = line.as_bytes();
    *input = lines.join(&b'\n');
}

fn count(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Walks on to the node of this number, and changes it; whether it was there.
fn change(tree: &mut Value, left: &mut usize, rng: &mut Rng) -> bool {
    if *left == 0 {
        change_here(tree, rng);
        return true;
    }
    *left -= 1;
    match tree {
        Value::Array(list) => list.iter_mut().any(|child| change(child, left, rng)),
        Value::Object(map) => map.values_mut().any(|child| change(child, left, rng)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn change_here(node: &mut Value, rng: &mut Rng) {
    match node {
        Value::Array(list) if !list.is_empty() && rng.bool() => {
            let at = rng.usize(..list.len());
            match rng.u8(..3) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => list.clear(),
            }
        }
        Value::Object(map) if !map.is_empty() && rng.bool() => {
            let at = rng.usize(..map.len());
            let key = map.keys().nth(at).cloned().unwrap_or_default();
            let value = map.remove(&key).unwrap_or_default();
            match rng.u8(..3) {
                0 => {}
                1 => drop(map.insert(format!("{key}s"), value)),
                _ => map.clear(),
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *node = other(rng),
    }
}

fn other(rng: &mut Rng) -> Value {
    match rng.u8(..10) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => json!(""),
        4 => json!([[{}]]),
        5 => json!("</think>é\u{0}<reasoning>"),
        6 => json!(-1),
        7 => json!(u64::MAX),
        8 => json!(rng.u32(..)),
        _ => json!(1e300),
    }
}
