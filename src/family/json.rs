//! Reading and building JSON without trusting its shape.

use serde_json::{Map, Value};

use super::Misread;
use crate::json_cost;

/// Keys that are the service's own begin so, in any family.
pub(super) const SERVICE: &str = "amazon-bedrock-";

/// How many of a reply's keys an error names.
const KEYS_NAMED: usize = 12;

/// How many characters of a model's own error are told.
const PROBLEM_LENGTH: usize = 300;

/// A body under construction: keys stay in the order they were put.
#[derive(Default)]
pub(super) struct BodyBuilder(Map<String, Value>);

impl BodyBuilder {
    /// Adds a key.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a key if there is something to say.
    pub(super) fn maybe(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds a list if it has something in it: some models refuse an empty one.
    pub(super) fn list(self, key: &str, texts: &[String]) -> Self {
        self.maybe(key, (!texts.is_empty()).then(|| texts.to_vec()))
    }

    /// Adds an object if it has something in it.
    pub(super) fn object(self, key: &str, object: Self) -> Self {
        self.maybe(key, (!object.0.is_empty()).then(|| object.finish()))
    }

    /// The body.
    pub(super) fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

/// JSON that is read: a reply, or a [chunk](super::chunk) of one.
pub(super) trait Json: Sized {
    /// The value of a key, in an object.
    fn field(&self, key: &str) -> Option<&Self>;

    /// The values of a list.
    fn items(&self) -> Option<&[Self]>;

    /// A text.
    fn text(&self) -> Option<&str>;

    /// A number that counts something: a whole number, also where it is written as `3.0`.
    fn count(&self) -> Option<u64>;

    /// The keys of an object.
    fn names(&self) -> Option<Vec<&str>>;

    /// A copy that borrows nothing.
    fn owned(&self) -> Value;
}

impl Json for Value {
    fn field(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    fn items(&self) -> Option<&[Self]> {
        self.as_array().map(Vec::as_slice)
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn count(&self) -> Option<u64> {
        self.as_u64().or_else(|| whole(self.as_f64()?))
    }

    fn names(&self) -> Option<Vec<&str>> {
        Some(self.as_object()?.keys().map(String::as_str).collect())
    }

    fn owned(&self) -> Value {
        self.clone()
    }
}

/// The value of JSON text within a reply; `None` where it is none, or would take too much memory.
pub(super) fn written_value(text: &str) -> Option<Value> {
    json_cost::check(text.as_bytes()).ok()?;
    serde_json::from_str(text).ok()
}

/// The whole number that a float stands for; `None` for what counts nothing. Some models report
/// their token counts as floats.
pub(super) fn whole(number: f64) -> Option<u64> {
    /// Above 2^53 a float does not tell one whole number from the next.
    const MOST: f64 = 9_007_199_254_740_992.0;
    let is_whole = (0.0..=MOST).contains(&number) && number.fract() == 0.0;
    is_whole.then_some(number as u64)
}

/// What stands at `pointer`, a JSON pointer without escapes: no key of a reply needs them, and
/// serde_json's own walk makes two copies of every key, for each chunk of a stream.
pub(super) fn at<'v, J: Json>(value: &'v J, pointer: &str) -> Option<&'v J> {
    steps(pointer).try_fold(value, |value, key| match value.items() {
        Some(list) => list.get(key.parse::<usize>().ok()?),
        None => value.field(key),
    })
}

/// Like [`at`], but mutable.
pub(super) fn at_mut<'v>(value: &'v mut Value, pointer: &str) -> Option<&'v mut Value> {
    steps(pointer).try_fold(value, |value, key| match value {
        Value::Object(map) => field_mut(map, key),
        Value::Array(list) => list.get_mut(key.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The value of a key. It is looked for among the few that a reply has: a hash of it costs more.
pub(super) fn field_mut<'m>(map: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Value> {
    let mut fields = map.iter_mut();
    fields.find_map(|(name, value)| (name == key).then_some(value))
}

fn steps(pointer: &str) -> impl Iterator<Item = &str> {
    let mut rest = pointer;
    std::iter::from_fn(move || {
        let step = rest.strip_prefix('/')?;
        // Steps are short: a search made for long texts takes longer to begin than to look.
        let end = step.bytes().position(|byte| byte == b'/');
        let (step, after) = step.split_at(end.unwrap_or(step.len()));
        rest = after;
        Some(step)
    })
}

/// Merges `extra` into `body`: objects key by key, everything else replaces what was there.
pub fn merge(body: &mut Value, extra: &Map<String, Value>) {
    if let Value::Object(body) = body {
        merge_into(body, extra);
    }
}

/// Like [`merge`], but into what is known to be an object.
pub(super) fn merge_into(body: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (key, value) in extra {
        match (body.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge_into(old, new),
            (Some(old), new) => *old = new.clone(),
            (None, new) => {
                body.insert(key.clone(), new.clone());
            }
        }
    }
}

/// The text at a JSON pointer.
pub(super) fn text<'v>(value: &'v impl Json, pointer: &str) -> Option<&'v str> {
    at(value, pointer)?.text()
}

/// The count at a JSON pointer.
pub(super) fn count(value: &impl Json, pointer: &str) -> Option<u64> {
    at(value, pointer)?.count()
}

/// The list at a JSON pointer.
pub(super) fn list<'v, J: Json>(value: &'v J, pointer: &str) -> Option<&'v [J]> {
    at(value, pointer)?.items()
}

/// What a reply says beside the keys that are `told` elsewhere, and the service's own.
pub(super) fn rest(body: &Value, told: &[&str]) -> Map<String, Value> {
    let fields = body.as_object().into_iter().flatten();
    fields
        .filter(|(key, value)| {
            !told.contains(&key.as_str()) && !key.starts_with(SERVICE) && !value.is_null()
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The error for a reply that says what went wrong in place of `what` the model was to make.
pub(super) fn made_no(what: &str, problem: &str) -> Misread {
    let problem: String = problem.chars().take(PROBLEM_LENGTH).collect();
    Misread(format!("the model made no {what}: {problem}"))
}

/// The error for a reply that is not as `expected`. It names keys, never what is in them.
pub(super) fn misread(family: &str, expected: &str, body: &impl Json) -> Misread {
    // A large body is not copied for that.
    let came = match body.names() {
        Some(names) if names.is_empty() => "an empty object".to_owned(),
        Some(names) => named(&names),
        None if body.items().is_some() => "a list".to_owned(),
        None if body.text().is_some() => "a bare string".to_owned(),
        None => format!("`{}`", body.owned()),
    };
    Misread(format!(
        "the reply is not shaped as {family}: expected {expected}, came {came}"
    ))
}

/// Keys of replies and chunks, as some family or gateway has them; any other may be what was sent.
const KNOWN: [&str; 65] = [
    "Code",
    "Error",
    "Errors",
    "Message",
    "__type",
    "answer",
    "artifacts",
    "candidates",
    "choices",
    "citations",
    "code",
    "completion",
    "completions",
    "content",
    "contentBlockDelta",
    "created",
    "data",
    "delta",
    "detail",
    "done",
    "embedding",
    "embeddings",
    "embeddingsByType",
    "error",
    "errors",
    "event",
    "finish_reason",
    "finish_reasons",
    "generated_text",
    "generation",
    "generations",
    "id",
    "image",
    "images",
    "index",
    "inputTextTokenCount",
    "message",
    "messageStop",
    "messages",
    "metadata",
    "metrics",
    "model",
    "object",
    "output",
    "outputText",
    "outputs",
    "prediction",
    "predictions",
    "prompt_token_count",
    "reply",
    "response",
    "response_id",
    "response_type",
    "result",
    "results",
    "role",
    "seeds",
    "status",
    "stop",
    "stopReason",
    "stop_reason",
    "text",
    "texts",
    "type",
    "usage",
];

/// The keys that are known, by name, and how many others there are.
fn named(keys: &[&str]) -> String {
    let is_known = |key: &&&str| KNOWN.contains(*key);
    let known = keys.iter().filter(is_known).take(KEYS_NAMED);
    let mut named: Vec<_> = known.map(|key| format!("`{key}`")).collect();
    match keys.len() - named.len() {
        0 => {}
        1 => named.push("1 other key".to_owned()),
        others => named.push(format!("{others} other keys")),
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_merge_key_by_key_and_all_else_replaces() {
        let mut body = json!({"a": {"x": 1, "y": [1]}, "b": "old", "c": 3});
        let extra = json!({"a": {"y": [2], "z": {"n": null}}, "b": {"new": true}});
        merge(&mut body, extra.as_object().unwrap());
        assert_eq!(
            body.to_string(),
            r#"{"a":{"x":1,"y":[2],"z":{"n":null}},"b":{"new":true},"c":3}"#
        );
    }

    #[test]
    fn a_count_may_be_written_as_a_float() {
        let counted = |json: &str| {
            let owned: Value = serde_json::from_str(json).unwrap();
            let chunk: super::super::chunk::Chunk<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(owned.count(), chunk.count(), "{json}");
            owned.count()
        };
        for (json, count) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("0.0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("9007199254740992.0", Some(1 << 53)),
            ("1e300", None),
            ("3.5", None),
            ("-1", None),
            ("-1.0", None),
            ("\"3\"", None),
            ("null", None),
        ] {
            assert_eq!(counted(json), count, "{json}");
        }
    }

    #[test]
    fn a_misread_names_keys_that_are_known_and_nothing_else() {
        let body = json!({"secret": "prompt", "text": 1, "a prompt": 2});
        let error = misread("nova", "`output`", &body).to_string();
        assert_eq!(
            error,
            "the reply is not shaped as nova: expected `output`, came `text`, 2 other keys"
        );
    }
}
