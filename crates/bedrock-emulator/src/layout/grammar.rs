//! What a JSON Schema may hold that the service compiles.
//!
//! Source: Amazon Bedrock user guide, "Structured output", and public issues on what the service rejects,
//! as of November 2026. Limits of size are those reported for Anthropic's models.

use serde_json::Value;

use crate::schema::Object;
use crate::service_error::ServiceError;

/// Keywords that it compiles.
const KEYWORDS: [&str; 17] = [
    "type",
    "title",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "allOf",
    "$ref",
    "$def",
    "$defs",
    "definitions",
    "format",
    "minItems",
];

const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

const MOST_OPTIONAL: usize = 24;
const MOST_UNIONS: usize = 16;

/// Whose models compile the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compiler {
    /// Anthropic's, which limit the size of a schema.
    Claude,
    /// Those of OpenAI-style models, of which no limits are known.
    Chat,
}

impl Compiler {
    /// Where the schema stands in the body.
    fn place(self) -> &'static str {
        match self {
            Self::Claude => "output_config.format.schema",
            Self::Chat => "response_format.json_schema.schema",
        }
    }

    /// Rejects a schema that the service does not compile.
    pub(super) fn check(self, schema: &Value) -> Result<(), ServiceError> {
        let mut reading = Reading {
            root: schema,
            place: self.place(),
            path: Vec::new(),
            optional: 0,
            unions: 0,
        };
        reading.visit(schema)?;
        let Reading {
            optional, unions, ..
        } = reading;
        if self == Self::Claude && MOST_OPTIONAL < optional {
            return reject(format!(
                "Schemas contains too many optional parameters ({optional}), which would make grammar \
                 compilation inefficient. Reduce the number of optional parameters (limit: {MOST_OPTIONAL})."
            ));
        }
        if self == Self::Claude && MOST_UNIONS < unions {
            return reject(format!(
                "Schemas contains too many parameters with union types ({unions} parameters with type \
                 arrays or anyOf). Reduce them (limit: {MOST_UNIONS} parameters with unions)."
            ));
        }
        Ok(())
    }
}

/// What is known of a schema while it is read.
struct Reading<'a> {
    root: &'a Value,
    place: &'static str,
    /// The references that lead to where it is.
    path: Vec<String>,
    optional: usize,
    unions: usize,
}

impl Reading<'_> {
    fn reject(&self, why: &str) -> Result<(), ServiceError> {
        reject(format!("{}: {why}", self.place))
    }

    fn visit(&mut self, schema: &Value) -> Result<(), ServiceError> {
        let Some(rules) = schema.as_object() else {
            return self.reject("a schema must be an object");
        };
        self.check_rules(rules)?;
        if let Some(reference) = rules.get("$ref").and_then(Value::as_str) {
            self.follow(reference)?;
        }
        let required = rules.get("required").and_then(Value::as_array);
        for (name, inside) in objects(rules.get("properties")) {
            let is_required = required.is_some_and(|names| names.iter().any(|it| it == name));
            self.optional += usize::from(!is_required);
            let is_union =
                inside.get("type").is_some_and(Value::is_array) || inside.get("anyOf").is_some();
            self.unions += usize::from(is_union);
            self.visit(inside)?;
        }
        for key in ["$def", "$defs", "definitions"] {
            for (_, inside) in objects(rules.get(key)) {
                self.visit(inside)?;
            }
        }
        for key in ["anyOf", "allOf"] {
            for inside in list(rules.get(key)) {
                self.visit(inside)?;
            }
        }
        match rules.get("items") {
            Some(items) => self.visit(items),
            None => Ok(()),
        }
    }

    /// Checks what a schema says itself, without those within it.
    fn check_rules(&self, rules: &Object) -> Result<(), ServiceError> {
        if let Some(key) = rules.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
            return self.reject(&format!("property '{key}' is not supported"));
        }
        if may_be_object(rules) && rules.get("additionalProperties") != Some(&Value::Bool(false)) {
            return self.reject(
                "For 'object' type, 'additionalProperties' must be explicitly set to false",
            );
        }
        let format = rules.get("format").and_then(Value::as_str);
        if let Some(format) = format.filter(|it| !FORMATS.contains(it)) {
            let why = format!("For 'string' type, format '{format}' is not supported");
            return self.reject(&why);
        }
        let least = rules.get("minItems").and_then(Value::as_u64);
        if least.is_some_and(|least| 1 < least) {
            return self.reject("For 'array' type, 'minItems' must be 0 or 1");
        }
        let mut values = list(rules.get("enum")).iter();
        match values.any(|value| value.is_object() || value.is_array()) {
            true => self.reject("enum values must be of a simple type"),
            false => Ok(()),
        }
    }

    /// Follows a reference, to find out whether it leads back. What it leads to is counted where it stands.
    fn follow(&mut self, reference: &str) -> Result<(), ServiceError> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return self.reject("external $ref is not supported");
        };
        if self.path.iter().any(|it| it == reference) || pointer.is_empty() {
            return self.reject("recursive schemas are not supported");
        }
        let Some(target) = self.root.pointer(pointer) else {
            return self.reject(&format!("{reference} is not defined"));
        };
        self.path.push(reference.to_owned());
        let (optional, unions) = (self.optional, self.unions);
        self.visit(target)?;
        (self.optional, self.unions) = (optional, unions);
        self.path.pop();
        Ok(())
    }
}

/// Whether a value may be an object, as the schema says it.
fn may_be_object(rules: &Object) -> bool {
    let is_named = match rules.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => false,
    };
    is_named || rules.contains_key("properties")
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn objects(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn reject<T>(message: impl Into<std::borrow::Cow<'static, str>>) -> Result<T, ServiceError> {
    Err(ServiceError::validation(message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(properties: Value) -> Value {
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }

    /// An object with so many optional properties, and so many required ones of two types.
    fn sized(optional: usize, unions: usize) -> Value {
        let plain = (0..optional).map(|n| (format!("o{n}"), json!({"type": "string"})));
        let union = (0..unions).map(|n| (format!("u{n}"), json!({"type": ["string", "null"]})));
        let required: Vec<_> = (0..unions).map(|n| format!("u{n}")).collect();
        let mut schema = object(plain.chain(union).collect());
        schema["required"] = json!(required);
        schema
    }

    #[track_caller]
    fn rejected(compiler: Compiler, schema: &Value, said: &str) {
        let error = compiler.check(schema).expect_err(said);
        assert!(error.message.contains(said), "{schema}: {}", error.message);
    }

    #[test]
    fn what_the_service_does_not_compile_is_rejected() {
        let deep = json!({"$ref": "#/definitions/a", "definitions": {"a": object(json!({"b": {"$ref": "#/definitions/a"}}))}});
        let nested =
            json!({"type": "array", "items": {"anyOf": [{"type": "object", "properties": {}}]}});
        for (schema, said) in [
            (
                json!({"type": "object", "properties": {}}),
                "must be explicitly set to false",
            ),
            (
                json!({"type": ["object", "null"]}),
                "must be explicitly set to false",
            ),
            (
                json!({"type": "object", "additionalProperties": true}),
                "must be explicitly set to false",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "must be explicitly set to false",
            ),
            (json!({"properties": {}}), "must be explicitly set to false"),
            (
                object(json!({"a": nested})),
                "must be explicitly set to false",
            ),
            (object(json!({"a": {"minItems": 2}})), "must be 0 or 1"),
            (object(json!({"a": {"format": "regex"}})), "format 'regex'"),
            (object(json!({"a": {"enum": [{}]}})), "simple type"),
            (object(json!({"a": {"enum": ["x", []]}})), "simple type"),
            (object(json!({"a": true})), "a schema must be an object"),
            (
                object(json!({"a": {"$ref": "https://example.com/a"}})),
                "external $ref",
            ),
            (object(json!({"a": {"$ref": "#"}})), "recursive"),
            (object(json!({"a": {"$ref": "#/$defs/b"}})), "not defined"),
            (deep, "recursive"),
        ] {
            for compiler in [Compiler::Claude, Compiler::Chat] {
                rejected(compiler, &schema, said);
                rejected(compiler, &schema, compiler.place());
            }
        }
    }

    #[test]
    fn keywords_that_are_not_compiled_are_named() {
        for keyword in [
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "multipleOf",
            "minLength",
            "maxLength",
            "pattern",
            "maxItems",
            "uniqueItems",
            "prefixItems",
            "contains",
            "oneOf",
            "not",
            "if",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "default",
            "examples",
            "$schema",
            "$id",
        ] {
            let said = format!("property '{keyword}' is not supported");
            rejected(Compiler::Claude, &object(json!({"a": {keyword: 1}})), &said);
        }
    }

    #[test]
    fn what_the_service_compiles_is_taken() {
        let formats = FORMATS.map(|format| json!({"type": "string", "format": format}));
        for schema in [
            object(json!({"a": {"type": ["string", "null"], "format": "date"}})),
            json!({"type": ["object", "null"], "additionalProperties": false, "title": "T", "description": "D"}),
            object(json!({"a": {"type": "array", "minItems": 1, "items": {"const": 1}}})),
            object(json!({"a": {"enum": ["x", 1, 1.5, true, null]}})),
            object(json!({"a": {"anyOf": formats}, "b": {"allOf": [{"type": "string"}]}})),
            json!({"$ref": "#/$defs/a", "$defs": {"a": object(json!({"b": {"type": "integer"}}))}}),
            object(json!({"default": {"type": "string"}, "pattern": {"type": "string"}})),
        ] {
            for compiler in [Compiler::Claude, Compiler::Chat] {
                assert_eq!(
                    compiler.check(&schema).map_err(|it| it.message),
                    Ok(()),
                    "{schema}"
                );
            }
        }
    }

    #[test]
    fn the_size_of_a_schema_is_limited_for_claude_only() {
        let limits = [
            (sized(25, 0), "too many optional parameters (25)"),
            (sized(0, 17), "too many parameters with union types (17"),
        ];
        for (schema, said) in limits {
            rejected(Compiler::Claude, &schema, said);
            assert!(Compiler::Chat.check(&schema).is_ok());
        }
        assert!(Compiler::Claude.check(&sized(24, 16)).is_ok());
        // Counted over the whole schema, where it stands and not where it is referred to.
        let half = |name: &str| (name.to_owned(), sized(12, 8));
        let halves = object([half("a"), half("b")].into_iter().collect());
        rejected(Compiler::Claude, &halves, "optional parameters (26)");
        let twice = json!({"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/$defs/x"}});
        let mut twice = object(twice);
        twice["$defs"] = json!({"x": sized(22, 16)});
        assert!(Compiler::Claude.check(&twice).is_ok());
    }
}
