//! Targets of structured output: schemas that people write, and completions that models do.

use std::sync::LazyLock;

use promptmill::model::{FinishReason, ParsedReply, SchemaCheck};
use promptmill::schema::{Judge, Schema, find, reduce};
use serde_json::Value;

const SCHEMA: &str = r#"{"type": "object", "required": ["label"], "additionalProperties": false,
    "properties": {"label": {"enum": ["a", "b"]}, "score": {"type": "integer", "maximum": 5},
        "notes": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]"}}}}"#;

/// A schema is rejected with a reason, or reduced to one that is a schema too.
pub(crate) fn schema(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let schema = match Schema::parse(&text) {
        Ok(schema) => schema,
        Err(problem) => return problem.to_string(),
    };
    let reduced = reduce(schema.value());
    if reduced.obstacles.is_empty() {
        let sent = reduced.schema.to_string();
        assert!(
            Schema::parse(&sent).is_ok(),
            "what is sent is a schema: {sent}"
        );
    }
    let _ = schema.errors(&Value::Null);
    let told = [reduced.removed, reduced.obstacles];
    told.concat().join("; ")
}

/// Repair never changes what is valid, and never adds a word.
pub(crate) fn completion(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let is_closed = |value: &Value| value.is_object() || value.is_array();
    let found = find(&text, is_closed);
    let strict = serde_json::from_str::<Value>(text.trim()).ok();
    if let Some(strict) = strict.filter(is_closed) {
        let found = found.as_ref().expect("valid JSON is found");
        assert_eq!((&found.value, found.repair), (&strict, None), "{text}");
    }
    if let Some(found) = &found {
        has_every_word(&text, &found.value);
    }
    judged(text)
}

/// Every word of a value stands in the text that it was read from. A text with escapes of characters is
/// left out, since it writes its words in another way.
fn has_every_word(text: &str, value: &Value) {
    if text.contains("\\u") {
        return;
    }
    let has_words = |part: &str| {
        part.split(|c: char| !c.is_alphanumeric())
            .all(|word| text.contains(word))
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, inside)| {
            assert!(has_words(key), "{key:?} is not in {text:?}");
            has_every_word(text, inside);
        }),
        Value::Array(items) => items.iter().for_each(|inside| has_every_word(text, inside)),
        Value::String(part) => assert!(has_words(part), "{part:?} is not in {text:?}"),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge {
    schema: Schema::parse(SCHEMA).unwrap().into(),
    repairs: true,
    max_tokens: Some(9),
});

/// What is valid is what validates, and nothing else; what is not has a reason.
fn judged(text: String) -> String {
    let reading = ParsedReply {
        completion: Some(text),
        finish_reason: FinishReason::Stop,
        ..ParsedReply::default()
    };
    let judged = JUDGE.judge(None, reading);
    match (&judged.schema, &judged.output) {
        (Some(SchemaCheck::Valid { repair }), Some(value)) => {
            assert!(JUDGE.schema.is_valid(value), "{value}");
            repair.map_or("valid", |repair| repair.as_str()).to_owned()
        }
        (Some(SchemaCheck::Invalid(errors)), None) => {
            assert!(!errors.is_empty());
            errors.iter().map(|error| error.masked()).collect()
        }
        other => panic!("neither valid nor invalid: {other:?}"),
    }
}
