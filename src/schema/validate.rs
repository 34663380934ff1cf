//! A schema, compiled, and the errors of a value against it.

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::errors::{MOST_ERRORS, Names, shortened};
use super::references::remote;
use crate::model::SchemaError;

/// A JSON Schema that responses are validated against.
#[derive(Debug)]
pub struct Schema {
    value: Value,
    validator: Validator,
    names: Names,
}

/// Why a text is no schema that can be used; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// It is not JSON.
    #[error("not JSON: {0}; correct it there, and check it with `jq .`")]
    NotJson(String),
    /// It is JSON, and no schema.
    #[error("a JSON Schema is an object, not {0}: write {{\"type\": \"object\", …}}")]
    NotAnObject(&'static str),
    /// It allows everything.
    #[error(
        "the schema asks for nothing: {0}; give it `properties` (or `enum`, `items`, `anyOf`), or \
         leave [schema] out"
    )]
    Empty(&'static str),
    /// It refers to another document.
    #[error(
        "{pointer}: `{reference}` is another document, and none is fetched: copy what it defines \
         into `$defs`, and refer to it as \"#/$defs/NAME\""
    )]
    Remote {
        /// Where.
        pointer: String,
        /// The reference.
        reference: String,
    },
    /// It breaks the rules for schemas.
    #[error(
        "not a valid JSON Schema: {0}; correct it there, or name the draft that it is written in, in \
         `$schema`"
    )]
    Invalid(String),
}

impl Schema {
    /// Compiles the schema in `text`: draft 2020-12, or what its `$schema` says. Formats are
    /// checked; nothing is fetched.
    ///
    /// # Errors
    /// It is no schema, or none that can be used.
    pub fn parse(text: &str) -> Result<Self, SchemaProblem> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value: Value = serde_json::from_str(text)
            .map_err(|error| SchemaProblem::NotJson(error.to_string()))?;
        let object = match &value {
            Value::Object(object) => object,
            Value::Null => return Err(SchemaProblem::NotAnObject("null")),
            Value::Bool(_) => return Err(SchemaProblem::NotAnObject("true or false")),
            Value::Number(_) => return Err(SchemaProblem::NotAnObject("a number")),
            Value::String(_) => return Err(SchemaProblem::NotAnObject("a text")),
            Value::Array(_) => return Err(SchemaProblem::NotAnObject("a list")),
        };
        if let Some(why) = asks_for_nothing(object) {
            return Err(SchemaProblem::Empty(why));
        }
        if let Some((pointer, reference)) = remote(&value) {
            return Err(SchemaProblem::Remote { pointer, reference });
        }
        let validator = compile(&value)?;
        let names = Names::of(&value);
        Ok(Self {
            value,
            validator,
            names,
        })
    }

    /// The schema as it was written.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What identifies it, whatever its white space: the first 8 bytes of a SHA-256 hash, in
    /// hexadecimal.
    pub fn identity(&self) -> String {
        let hash = Sha256::digest(self.value.to_string());
        hash.iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Whether `value` is valid.
    pub fn is_valid(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// What of `value` breaks which rule; empty if it is valid.
    pub fn errors(&self, value: &Value) -> Vec<SchemaError> {
        let errors = self.validator.iter_errors(value);
        let told = errors.flat_map(|error| self.names.told(&error));
        told.take(MOST_ERRORS).collect()
    }
}

/// Patterns are matched in linear time. Those that look around or back need another engine, which
/// stops after a million steps.
fn compile(value: &Value) -> Result<Validator, SchemaProblem> {
    let options = || {
        jsonschema::options()
            .should_validate_formats(true)
            .offline()
    };
    let linear = options().with_pattern_options(PatternOptions::regex());
    let built = linear.build(value).or_else(|_| options().build(value));
    built.map_err(|error| {
        let place = error.instance_path().to_string();
        let what = shortened(&error.to_string());
        SchemaProblem::Invalid(match place.as_str() {
            "" => what,
            place => format!("{place}: {what}"),
        })
    })
}

/// Keywords that say something about a schema and nothing about values.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Why a schema says nothing about the values that are wanted.
fn asks_for_nothing(object: &Map<String, Value>) -> Option<&'static str> {
    let mut rules = object
        .iter()
        .filter(|(key, _)| !ANNOTATIONS.contains(&key.as_str()));
    let is_object = |value: &Value| value.as_str() == Some("object");
    let is_open = |(key, value): (&String, &Value)| match key.as_str() {
        "type" => is_object(value),
        "properties" => value.as_object().is_some_and(Map::is_empty),
        "required" => value.as_array().is_some_and(Vec::is_empty),
        "additionalProperties" => value.is_boolean(),
        _ => false,
    };
    match (rules.clone().next(), rules.all(is_open)) {
        (None, _) => Some("any value is valid"),
        (Some(_), true) => Some("it is an object without properties"),
        (Some(_), false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn problem(text: &str) -> String {
        Schema::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn what_is_no_usable_schema_is_rejected_with_what_to_do() {
        for (text, said) in [
            ("{", "not JSON: EOF"),
            ("[]", "a JSON Schema is an object, not a list"),
            ("true", "a JSON Schema is an object, not true or false"),
            ("{}", "the schema asks for nothing: any value is valid"),
            (
                r#"{"title": "T", "$defs": {"a": {"type": "string"}}}"#,
                "the schema asks for nothing: any value is valid",
            ),
            (
                r#"{"type": "object", "properties": {}, "additionalProperties": false}"#,
                "the schema asks for nothing: it is an object without properties",
            ),
            (
                r#"{"properties": {"a": {"$ref": "https://example.com/a.json"}}}"#,
                "/properties/a/$ref: `https://example.com/a.json` is another document",
            ),
            (
                r#"{"items": [{"$ref": "other.json#/x"}]}"#,
                "/items/0/$ref: `other.json#/x` is another document",
            ),
            (r#"{"type": "strin"}"#, "not a valid JSON Schema: /type: "),
            (r##"{"$ref": "#/$defs/none"}"##, "not a valid JSON Schema: "),
            (
                r#"{"type": "string", "pattern": "("}"#,
                "not a valid JSON Schema: ",
            ),
        ] {
            let found = problem(text);
            assert!(found.starts_with(said), "{text}: {found}");
        }
    }

    #[test]
    fn references_within_the_document_are_not_another_document() {
        for text in [
            r##"{"$defs": {"a": {"type": "string"}}, "$ref": "#/$defs/a"}"##,
            r#"{"$id": "https://example.com/root.json", "$defs": {"a": {"$id": "a.json", "type": "string"}}, "$ref": "a.json"}"#,
            r#"{"enum": [{"$ref": "https://example.com/a.json"}]}"#,
        ] {
            assert!(Schema::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn errors_have_a_pointer_and_a_rule_and_quote_nothing() {
        let schema = Schema::parse(
            r#"{"type": "object", "required": ["label", "score"], "properties": {
                "label": {"enum": ["a", "b"]}, "score": {"type": "number", "maximum": 1},
                "mail": {"format": "email"}}}"#,
        )
        .unwrap();
        let value = serde_json::json!({"label": "secret", "mail": "secret"});
        let errors: Vec<_> = schema
            .errors(&value)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(errors.len(), 3, "{errors:?}");
        for (error, begins, ends) in [
            (&errors[0], "\"score\" is a required property", "(required)"),
            (&errors[1], "/label: ", "(enum)"),
            (&errors[2], "/mail: ", "(format)"),
        ] {
            assert!(
                error.starts_with(begins) && error.ends_with(ends),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(
            schema
                .errors(&serde_json::json!({"label": "a", "score": 1}))
                .is_empty()
        );
    }

    #[test]
    fn what_leaves_the_output_names_no_property_that_only_the_response_has() {
        const SECRET: &str = "se/cret";
        let named = r#""properties": {"a": {"type": "string"}, "7": {"type": "string"}}"#;
        for (rules, value, pointer, masked) in [
            (
                r#""additionalProperties": false"#,
                serde_json::json!({SECRET: 1}),
                "/se~1cret",
                "/*",
            ),
            (
                r#""unevaluatedProperties": false"#,
                serde_json::json!({"a": "x", SECRET: 1}),
                "/se~1cret",
                "/*",
            ),
            (
                r#""additionalProperties": {"properties": {"a": {"type": "integer"}}}"#,
                serde_json::json!({SECRET: {"a": "secret"}}),
                "/se~1cret/a",
                "/*/a",
            ),
            (
                r#""propertyNames": {"maxLength": 3}"#,
                serde_json::json!({SECRET: 1}),
                "",
                "",
            ),
            (
                r#""propertyNames": {"enum": ["a"]}"#,
                serde_json::json!({SECRET: 1}),
                "",
                "",
            ),
            (
                r#""patternProperties": {"^se": {"items": {"type": "string"}}}"#,
                serde_json::json!({SECRET: ["x", 1]}),
                "/se~1cret/1",
                "/*/1",
            ),
        ] {
            let schema = Schema::parse(&format!(r#"{{"type": "object", {named}, {rules}}}"#));
            let errors = schema.unwrap().errors(&value);
            let [error] = errors.as_slice() else {
                panic!("{rules}: {errors:?}")
            };
            assert_eq!(error.pointer, pointer, "{rules}");
            assert_eq!(error.masked_pointer, masked, "{rules}");
            for text in [error.message.clone(), error.masked()] {
                assert!(!text.contains("cret"), "{rules}: {text}");
            }
        }
    }

    #[test]
    fn each_property_too_many_is_an_error_of_its_own_up_to_a_limit() {
        let schema = Schema::parse(
            r#"{"type": "object", "properties": {"a": {}}, "additionalProperties": false}"#,
        )
        .unwrap();
        let with = |count: usize| {
            let fields = (0..count).map(|n| (format!("x{n}"), Value::Null));
            schema.errors(&Value::Object(fields.collect()))
        };
        assert_eq!(with(2)[1].pointer, "/x1");
        assert_eq!((with(2).len(), with(100).len()), (2, MOST_ERRORS));
    }

    #[test]
    fn a_pattern_that_looks_ahead_is_taken_too() {
        let schema = Schema::parse(r#"{"type": "string", "pattern": "^(?!no)"}"#).unwrap();
        assert!(schema.is_valid(&"yes".into()) && !schema.is_valid(&"no".into()));
    }

    #[test]
    fn an_identity_is_that_of_the_content() {
        let identity = |text| Schema::parse(text).unwrap().identity();
        let one = identity(r#"{"type":"string","maxLength":3}"#);
        assert_eq!(
            one,
            identity("{ \"type\": \"string\",\n \"maxLength\": 3 }")
        );
        assert_ne!(one, identity(r#"{"type":"string","maxLength":4}"#));
        assert_eq!(
            one, "45935e13be10f25b",
            "frozen: it is a part of fingerprints"
        );
    }
}
