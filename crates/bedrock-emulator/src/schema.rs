//! Keys and values that a body may have; violations are reported in the service's words.
//!
//! The wording is that of the JSON Schema validator in front of the models: a pointer, then what was
//! expected there.

use serde_json::{Map, Value};

use super::service_error::ServiceError;

/// A JSON object of a request.
pub(super) type Object = Map<String, Value>;

/// One key a body may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    name: &'static str,
    kind: Kind,
    need: Need,
}

/// The values that a key may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Anything; read elsewhere.
    Any,
    /// `true` or `false`.
    Flag,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A list of at most this many strings.
    FewTexts(usize),
    /// A list with at least one item.
    List,
    /// An object.
    Object,
    /// A whole number within these bounds.
    Whole(u64, u64),
    /// A number within these bounds.
    Number(f64, f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

/// A key the body must have.
pub(super) const fn required(name: &'static str, kind: Kind) -> Key {
    let need = Need::Required;
    Key { name, kind, need }
}

/// A key the body may have.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Key {
    let need = Need::Optional;
    Key { name, kind, need }
}

/// The beginning of keys that belong to the service, for every model.
const SERVICE: &str = "amazon-bedrock-";

/// Rejects an object with missing, extraneous or ill-typed keys; `at` is its JSON pointer (`#`).
pub(super) fn check(object: &Object, keys: &[Key], at: &str) -> Result<(), ServiceError> {
    for key in keys {
        if key.need == Need::Required && !object.contains_key(key.name) {
            let reason = format!("{at}: required key [{}] not found", key.name);
            return Err(ServiceError::malformed(reason));
        }
    }
    for (name, value) in object {
        if at == "#" && name.starts_with(SERVICE) {
            continue;
        }
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            let reason = format!("{at}: extraneous key [{name}] is not permitted");
            return Err(ServiceError::malformed(reason));
        };
        key.kind.objection(value).map_or(Ok(()), |why| {
            Err(ServiceError::malformed(format!("{at}/{name}: {why}")))
        })?;
    }
    Ok(())
}

impl Kind {
    /// What is wrong with `value`, if anything.
    fn objection(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Any, _)
            | (Self::Flag, Value::Bool(_))
            | (Self::Text, Value::String(_))
            | (Self::Object, Value::Object(_)) => None,
            (Self::Texts, Value::Array(items)) => {
                let wrong = items.iter().find(|item| !item.is_string())?;
                Some(expected("String", wrong))
            }
            (Self::FewTexts(most), Value::Array(items)) if most < items.len() => {
                let found = items.len();
                Some(format!(
                    "expected maximum item count: {most}, found: {found}"
                ))
            }
            (Self::FewTexts(_), _) => Self::Texts.objection(value),
            (Self::List, Value::Array(items)) if items.is_empty() => {
                Some("expected minimum item count: 1, found: 0".to_owned())
            }
            (Self::List, Value::Array(_)) => None,
            (Self::Whole(low, high), Value::Number(number)) => match number.as_u64() {
                Some(n) if n < low => Some(format!("{n} is not greater or equal to {low}")),
                Some(n) if high < n => Some(format!("{n} is not less or equal to {high}")),
                Some(_) => None,
                None if number.is_i64() => {
                    Some(format!("{number} is not greater or equal to {low}"))
                }
                None => Some(expected("Integer", value)),
            },
            (Self::Number(low, high), Value::Number(number)) => {
                let n = number.as_f64()?;
                if n < low {
                    Some(format!("{number} is not greater or equal to {low}"))
                } else if high < n {
                    Some(format!("{number} is not less or equal to {high}"))
                } else {
                    None
                }
            }
            (kind, value) => Some(expected(kind.name(), value)),
        }
    }

    /// The validator's name for the type.
    fn name(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Flag => "Boolean",
            Self::Text => "String",
            Self::Texts | Self::FewTexts(_) | Self::List => "JSONArray",
            Self::Object => "JSONObject",
            Self::Whole(..) => "Integer",
            Self::Number(..) => "Number",
        }
    }
}

/// The message for a value of the wrong type.
pub(super) fn expected(name: &str, found: &Value) -> String {
    format!("expected type: {name}, found: {}", type_name(found))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "BigDecimal",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Kind, check as check_object, optional, required};

    const KEYS: [Key; 5] = [
        required("prompt", Kind::Text),
        optional("temperature", Kind::Number(0.0, 1.0)),
        optional("top_k", Kind::Whole(1, 200)),
        optional("stop", Kind::Texts),
        optional("list", Kind::List),
    ];

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let object = serde_json::from_str(body).unwrap();
        let got = match check_object(&object, &KEYS, "#") {
            Ok(()) => "fine".to_owned(),
            Err(error) => {
                let text = error
                    .message
                    .strip_prefix("Malformed input request: ")
                    .unwrap();
                let (text, _) = text.rsplit_once(", please").unwrap();
                text.to_owned()
            }
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn keys_are_checked_against_the_schema() {
        check(
            r#"{"prompt":"a","temperature":0,"top_k":200,"stop":["x"]}"#,
            "fine",
        );
        check(r#"{}"#, "#: required key [prompt] not found");
        check(
            r#"{"prompt":"a","foo":1}"#,
            "#: extraneous key [foo] is not permitted",
        );
        check(
            r#"{"prompt":"a","amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}"#,
            "fine",
        );
        check(
            r#"{"prompt":["a"]}"#,
            "#/prompt: expected type: String, found: JSONArray",
        );
        check(
            r#"{"prompt":"a","list":[]}"#,
            "#/list: expected minimum item count: 1, found: 0",
        );
        check(
            r#"{"prompt":"a","stop":[1]}"#,
            "#/stop: expected type: String, found: Integer",
        );
    }

    #[test]
    fn numbers_are_checked_against_their_range() {
        check(
            r#"{"prompt":"a","temperature":1.5}"#,
            "#/temperature: 1.5 is not less or equal to 1",
        );
        check(
            r#"{"prompt":"a","temperature":-0.1}"#,
            "#/temperature: -0.1 is not greater or equal to 0",
        );
        check(
            r#"{"prompt":"a","top_k":0}"#,
            "#/top_k: 0 is not greater or equal to 1",
        );
        check(
            r#"{"prompt":"a","top_k":-3}"#,
            "#/top_k: -3 is not greater or equal to 1",
        );
        check(
            r#"{"prompt":"a","top_k":1.5}"#,
            "#/top_k: expected type: Integer, found: BigDecimal",
        );
    }
}
