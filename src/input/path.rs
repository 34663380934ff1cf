//! Paths to values inside of other values: `meta.source`, `choices.0`, `/meta/source`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::exact;

/// The value that `path` leads to: the field of that very name, else the one that a JSON pointer
/// (RFC 6901) or dots lead to. Dots in the names of inner fields are seen through too, and so is text
/// that holds a JSON object or list, as cells of CSV do.
pub(super) fn find<'v>(fields: &'v Map<String, Value>, path: &str) -> Option<Cow<'v, Value>> {
    if let Some(value) = fields.get(path) {
        return Some(Cow::Borrowed(value));
    }
    match path.strip_prefix('/') {
        Some(pointer) => at_pointer(fields, pointer),
        None => longer_names_first(fields, path),
    }
}

/// Whether `path` leads into a field of one of these names.
pub(super) fn leads_into(names: &[String], path: &str) -> bool {
    let is_name = |name: &str| names.iter().any(|known| known == name);
    match path.strip_prefix('/') {
        Some(pointer) => is_name(&unescaped(pointer.split('/').next().unwrap_or_default())),
        None => path.match_indices('.').any(|(at, _)| is_name(&path[..at])),
    }
}

fn at_pointer<'v>(fields: &'v Map<String, Value>, pointer: &str) -> Option<Cow<'v, Value>> {
    let mut tokens = pointer.split('/').map(unescaped);
    let mut value = Cow::Borrowed(fields.get(&tokens.next()?)?);
    for token in tokens {
        value = match seen_through(value)? {
            Cow::Borrowed(value) => Cow::Borrowed(item(value, &token)?),
            Cow::Owned(value) => Cow::Owned(item(&value, &token)?.clone()),
        };
    }
    Some(value)
}

/// The item of a list or field of an object.
fn item<'v>(value: &'v Value, token: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(token),
        Value::Array(items) => items.get(token.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The object or list that `value` is, or holds as text.
fn seen_through(value: Cow<'_, Value>) -> Option<Cow<'_, Value>> {
    match value.as_ref() {
        Value::Object(_) | Value::Array(_) => Some(value),
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            exact::from_slice(text.as_bytes()).ok().map(Cow::Owned)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A name as a JSON pointer writes it, without its escapes.
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn longer_names_first<'v>(fields: &'v Map<String, Value>, path: &str) -> Option<Cow<'v, Value>> {
    path.rmatch_indices('.').find_map(|(at, _)| {
        let below = fields.get(&path[..at])?;
        inside(below, &path[at + 1..])
    })
}

fn inside<'v>(value: &'v Value, path: &str) -> Option<Cow<'v, Value>> {
    match seen_through(Cow::Borrowed(value))? {
        Cow::Borrowed(value) => inside_of(value, path),
        Cow::Owned(value) => inside_of(&value, path).map(|it| Cow::Owned(it.into_owned())),
    }
}

fn inside_of<'v>(value: &'v Value, path: &str) -> Option<Cow<'v, Value>> {
    match value {
        Value::Object(fields) => match fields.get(path) {
            Some(value) => Some(Cow::Borrowed(value)),
            None => longer_names_first(fields, path),
        },
        Value::Array(items) => {
            let (index, rest) = match path.split_once('.') {
                Some((index, rest)) => (index, Some(rest)),
                None => (path, None),
            };
            let item = items.get(index.parse::<usize>().ok()?)?;
            rest.map_or(Some(Cow::Borrowed(item)), |rest| inside(item, rest))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let fields = serde_json::json!({
            "meta": {"src": "a", "x.y": {"z": "deep"}, "list": ["p", {"q": "r"}], "a/b": "slash"},
            "meta.src": "literal",
            "cell": "{\"x\": {\"y\": [\"in\", \" [\\\"deep\\\"]\"]}, \"a.b\": \"dot\"}",
            "torn": "{\"x\": ",
            "a.b": {"c": "split late"},
            "a": {"b": {"c": "split early"}},
        });
        let Value::Object(fields) = fields else {
            unreachable!("an object")
        };
        assert_eq!(
            find(&fields, path).as_deref().and_then(Value::as_str),
            expected,
            "{path}"
        );
    }

    #[test]
    fn a_path_is_a_name_dots_or_a_pointer() {
        check("meta.src", Some("literal"));
        check("/meta/src", Some("a"));
        check("meta.x.y.z", Some("deep"));
        check("meta.list.0", Some("p"));
        check("meta.list.1.q", Some("r"));
        check("/meta/list/1/q", Some("r"));
        check("/meta/a~1b", Some("slash"));
        check("a.b.c", Some("split late"));
        check("cell.x.y.0", Some("in"));
        check("cell.a.b", Some("dot"));
        check("cell.x.y.1.0", Some("deep"));
        check("/cell/x/y/0", Some("in"));
        check("/cell/x/y/1/0", Some("deep"));
        for nowhere in [
            "meta.list.2",
            "meta.list.p",
            "meta.src.x",
            "torn.x",
            "/torn/x",
            "/meta/list/p",
            "/meta/src/0",
            "b",
            "/",
            "",
            ".",
        ] {
            check(nowhere, None);
        }
    }
}
