//! What is told of a value that breaks a schema. It is read by people who may not read the value, so that
//! texts quote nothing of it; and names that only the value has are left to pointers, which can be masked.

use std::collections::HashSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::model::SchemaError;

/// The most errors that are told of one value.
pub(super) const MOST_ERRORS: usize = 20;

/// The most characters of one error: it may name all values of an enum.
const MOST_CHARACTERS: usize = 300;

/// The names of properties that a schema has.
#[derive(Debug)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// The names in `schema`, wherever they stand.
    pub(super) fn of(schema: &Value) -> Self {
        let mut names = HashSet::new();
        collect(schema, &mut names);
        Self(names)
    }

    /// `pointer` with `*` for each name that the schema does not have.
    fn masked(&self, pointer: &str) -> String {
        let parts = pointer.split('/').skip(1);
        let shown = parts.map(|part| {
            let name = part.replace("~1", "/").replace("~0", "~");
            let is_place = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() < 6;
            match is_place || self.0.contains(&name) {
                true => format!("/{part}"),
                false => "/*".to_owned(),
            }
        });
        shown.collect()
    }

    /// What is told of an error: one rule that is broken, or one for each property too many.
    pub(super) fn told(&self, error: &ValidationError<'_>) -> Vec<SchemaError> {
        let place = error.instance_path().to_string();
        let keyword = error.kind().keyword();
        let one = |pointer: String, message: String| SchemaError {
            masked_pointer: self.masked(&pointer),
            pointer,
            keyword: keyword.to_owned(),
            message: shortened(&message),
        };
        let (ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected }) = error.kind()
        else {
            return vec![one(place, message(error))];
        };
        let within = |name: &String| {
            let name = name.replace('~', "~0").replace('/', "~1");
            let message = "the schema has no property of this name".to_owned();
            one(format!("{place}/{name}"), message)
        };
        unexpected.iter().map(within).collect()
    }
}

/// The validator's words, where they quote nothing of the value.
fn message(error: &ValidationError<'_>) -> String {
    let kind = error.kind();
    if let ValidationErrorKind::PropertyNames { error } = kind {
        let why = message(error.as_ref());
        return format!("the name of a property is not valid: {why}");
    }
    if let ValidationErrorKind::FromUtf8 { .. } = kind {
        return "value is not UTF-8".to_owned();
    }
    let gives_up = matches!(
        kind,
        ValidationErrorKind::BacktrackLimitExceeded { .. }
            | ValidationErrorKind::RegexEngineFailure { .. }
    );
    match gives_up {
        true => {
            "value could not be matched against the pattern in a bounded number of steps".into()
        }
        false => error.masked().to_string(),
    }
}

pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn collect(schema: &Value, names: &mut HashSet<String>) {
    match schema {
        Value::Object(rules) => {
            if let Some(properties) = rules.get("properties").and_then(Value::as_object) {
                names.extend(properties.keys().cloned());
            }
            names.extend(required(rules));
            rules.values().for_each(|inside| collect(inside, names));
        }
        Value::Array(items) => items.iter().for_each(|inside| collect(inside, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn required(rules: &Map<String, Value>) -> impl Iterator<Item = String> {
    let names = rules.get("required").and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned)
}
