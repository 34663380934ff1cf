//! Paths to values inside of other values: `meta.source`, `choices.0`, `/meta/source`.

use serde_json::{Map, Value};

/// The value that `path` leads to: the field of that very name, else the one that a JSON pointer
/// (RFC 6901) or dots lead to. Dots in the names of inner fields are seen through too.
pub(super) fn find<'v>(fields: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    if let Some(value) = fields.get(path) {
        return Some(value);
    }
    match path.strip_prefix('/') {
        Some(pointer) => at_pointer(fields, pointer),
        None => longer_names_first(fields, path),
    }
}

fn at_pointer<'v>(fields: &'v Map<String, Value>, pointer: &str) -> Option<&'v Value> {
    let (first, rest) = match pointer.find('/') {
        Some(at) => pointer.split_at(at),
        None => (pointer, ""),
    };
    fields.get(&unescaped(first))?.pointer(rest)
}

/// A name as a JSON pointer writes it, without its escapes.
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn longer_names_first<'v>(fields: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    path.rmatch_indices('.').find_map(|(at, _)| {
        let below = fields.get(&path[..at])?;
        inside(below, &path[at + 1..])
    })
}

fn inside<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields
            .get(path)
            .or_else(|| longer_names_first(fields, path)),
        Value::Array(items) => {
            let (index, rest) = match path.split_once('.') {
                Some((index, rest)) => (index, Some(rest)),
                None => (path, None),
            };
            let item = items.get(index.parse::<usize>().ok()?)?;
            rest.map_or(Some(item), |rest| inside(item, rest))
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
            "a.b": {"c": "split late"},
            "a": {"b": {"c": "split early"}},
        });
        let Value::Object(fields) = fields else {
            unreachable!("an object")
        };
        assert_eq!(
            find(&fields, path).and_then(Value::as_str),
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
        for nowhere in [
            "meta.list.2",
            "meta.list.p",
            "meta.src.x",
            "b",
            "/",
            "",
            ".",
        ] {
            check(nowhere, None);
        }
    }
}
