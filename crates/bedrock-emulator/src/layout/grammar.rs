//! What a JSON Schema may hold that the service compiles.
//!
//! Source: Amazon Bedrock user guide, "Structured output", and public issues on what the service rejects,
//! as of November 2026. Limits of size are those reported for Anthropic's models.

use serde_json::Value;

use crate::service_error::ServiceError;

/// Keywords that it compiles.
const KEYWORDS: [&str; 18] = [
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
    "default",
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

/// Rejects a schema that the service does not compile.
pub(super) fn check(schema: &Value) -> Result<(), ServiceError> {
    let mut counts = Counts::default();
    visit(schema, schema, &mut Vec::new(), &mut counts)?;
    let Counts { optional, unions } = counts;
    if MOST_OPTIONAL < optional {
        return reject(format!(
            "Schemas contains too many optional parameters ({optional}), which would make grammar \
             compilation inefficient. Reduce the number of optional parameters (limit: {MOST_OPTIONAL})."
        ));
    }
    if MOST_UNIONS < unions {
        return reject(format!(
            "Schemas contains too many parameters with union types ({unions} parameters with type \
             arrays or anyOf). Reduce them (limit: {MOST_UNIONS} parameters with unions)."
        ));
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    optional: usize,
    unions: usize,
}

fn visit(
    schema: &Value,
    root: &Value,
    path: &mut Vec<String>,
    counts: &mut Counts,
) -> Result<(), ServiceError> {
    let Some(rules) = schema.as_object() else {
        return reject("output_config.format.schema: a schema must be an object");
    };
    if let Some(key) = rules.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return reject(format!(
            "output_config.format.schema: property '{key}' is not supported"
        ));
    }
    let kinds = rules.get("type");
    let is_object = kinds.is_some_and(|it| it == "object") || rules.contains_key("properties");
    if is_object && rules.get("additionalProperties") != Some(&Value::Bool(false)) {
        return reject(
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be \
             explicitly set to false",
        );
    }
    let format = rules.get("format").and_then(Value::as_str);
    if let Some(format) = format.filter(|it| !FORMATS.contains(it)) {
        return reject(format!(
            "output_config.format.schema: For 'string' type, format '{format}' is not supported"
        ));
    }
    if rules
        .get("minItems")
        .and_then(Value::as_u64)
        .is_some_and(|least| 1 < least)
    {
        return reject("output_config.format.schema: For 'array' type, 'minItems' must be 0 or 1");
    }
    let values = rules
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    if values
        .into_iter()
        .any(|value| value.is_object() || value.is_array())
    {
        return reject("output_config.format.schema: enum values must be of a simple type");
    }
    if let Some(reference) = rules.get("$ref").and_then(Value::as_str) {
        let Some(pointer) = reference.strip_prefix('#') else {
            return reject("output_config.format.schema: external $ref is not supported");
        };
        if path.iter().any(|it| it == reference) || pointer.is_empty() {
            return reject("output_config.format.schema: recursive schemas are not supported");
        }
        let Some(target) = root.pointer(pointer) else {
            return reject(format!(
                "output_config.format.schema: {reference} is not defined"
            ));
        };
        path.push(reference.to_owned());
        visit(target, root, path, &mut Counts::default())?;
        path.pop();
    }
    let required = rules.get("required").and_then(Value::as_array);
    for (name, inside) in objects(rules.get("properties")) {
        let is_required = required.is_some_and(|names| names.iter().any(|it| it == name));
        counts.optional += usize::from(!is_required);
        let is_union =
            inside.get("type").is_some_and(Value::is_array) || inside.get("anyOf").is_some();
        counts.unions += usize::from(is_union);
        visit(inside, root, path, counts)?;
    }
    for key in ["$def", "$defs", "definitions"] {
        for (_, inside) in objects(rules.get(key)) {
            visit(inside, root, path, counts)?;
        }
    }
    for key in ["anyOf", "allOf"] {
        for inside in rules
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            visit(inside, root, path, counts)?;
        }
    }
    match rules.get("items") {
        Some(items) => visit(items, root, path, counts),
        None => Ok(()),
    }
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

    #[test]
    fn what_the_service_does_not_compile_is_rejected() {
        let object = |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
        for (schema, said) in [
            (
                json!({"type": "object", "properties": {}}),
                "must be explicitly set to false",
            ),
            (
                object(json!({"a": {"type": "integer", "minimum": 1}})),
                "'minimum' is not supported",
            ),
            (
                object(json!({"a": {"type": "string", "pattern": "x"}})),
                "'pattern' is not",
            ),
            (
                object(json!({"a": {"type": "array", "maxItems": 2}})),
                "'maxItems' is not",
            ),
            (
                object(json!({"a": {"type": "array", "minItems": 2}})),
                "must be 0 or 1",
            ),
            (object(json!({"a": {"format": "regex"}})), "format 'regex'"),
            (object(json!({"a": {"enum": [{}]}})), "simple type"),
            (
                object(json!({"a": {"$ref": "https://example.com/a"}})),
                "external $ref",
            ),
            (object(json!({"a": {"$ref": "#"}})), "recursive"),
            (
                json!({"$ref": "#/definitions/a", "definitions": {"a": object(json!({"b": {"$ref": "#/definitions/a"}}))}}),
                "recursive",
            ),
            (
                object(
                    (0..25)
                        .map(|n| (n.to_string(), json!({"type": "string"})))
                        .collect(),
                ),
                "too many optional parameters (25)",
            ),
        ] {
            let error = check(&schema).expect_err(said);
            assert!(error.message.contains(said), "{schema}: {}", error.message);
        }
        assert!(
            check(&object(
                json!({"a": {"type": ["string", "null"], "format": "date"}})
            ))
            .is_ok()
        );
    }
}
