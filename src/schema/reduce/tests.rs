use super::*;

#[track_caller]
fn check(schema: Value, sent: Value, removed: &[&str]) {
    let reduced = reduce(&schema);
    assert_eq!(reduced.schema, sent, "{schema}");
    assert_eq!(reduced.removed, removed, "{schema}");
    assert_eq!(reduced.obstacles, [""; 0], "{schema}");
}

#[test]
fn what_the_service_rejects_is_taken_out_and_told_in_the_description() {
    check(
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "required": ["a"], "properties": {
                "a": {"type": "integer", "minimum": 1, "maximum": 5, "description": "How hard"},
                "b": {"type": "string", "pattern": "^x", "maxLength": 9, "default": "x"},
                "c": {"type": "array", "minItems": 2, "maxItems": 4, "items": {"type": "string", "format": "regex"}}}}),
        json!({"type": "object", "required": ["a"], "properties": {
                "a": {"type": "integer", "description": "How hard. Must satisfy: minimum 1; maximum 5."},
                "b": {"type": "string", "description": "Must satisfy: pattern \"^x\"; maxLength 9."},
                "c": {"type": "array", "items": {"type": "string", "description": "Must satisfy: format \"regex\"."},
                    "minItems": 1, "description": "Must satisfy: minItems 2; maxItems 4."}},
            "additionalProperties": false}),
        &[
            "/properties/a/minimum: 1",
            "/properties/a/maximum: 5",
            "/properties/b/pattern: \"^x\"",
            "/properties/b/maxLength: 9",
            "/properties/c/minItems: 2",
            "/properties/c/maxItems: 4",
            "/properties/c/items/format: \"regex\"",
        ],
    );
}

#[test]
fn what_the_service_takes_stays_as_it_is() {
    let schema = json!({"type": "object", "required": ["a", "b"], "properties": {
        "a": {"enum": ["x", 1, null, true]},
        "b": {"type": ["string", "null"], "format": "date-time"},
        "c": {"type": "array", "minItems": 1, "items": {"const": "x"}},
        "d": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
        "additionalProperties": false});
    check(schema.clone(), schema, &[]);
}

#[test]
fn definitions_are_sent_under_the_name_that_the_documents_use() {
    check(
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"type": "object", "properties": {"y": {"type": "string"}}}}}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/definitions/x"}},
            "definitions": {"x": {"type": "object", "properties": {"y": {"type": "string"}},
                "additionalProperties": false}}, "additionalProperties": false}),
        &[],
    );
}

#[test]
fn one_of_is_sent_as_any_of_and_open_objects_are_closed() {
    check(
        json!({"type": "object", "additionalProperties": true, "properties": {
            "a": {"oneOf": [{"type": "string"}, {"type": "null"}]}}}),
        json!({"type": "object", "properties": {
            "a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "additionalProperties": false}),
        &[
            "/properties/a/oneOf: sent as anyOf",
            "/additionalProperties: sent as false",
        ],
    );
}

#[test]
fn what_the_service_cannot_enforce_is_an_obstacle() {
    for (schema, said) in [
        (
            json!({"type": "array", "items": {"type": "string"}}),
            "the top level is not an object",
        ),
        (
            json!({"anyOf": [{"type": "object"}]}),
            "the top level is not an object",
        ),
        (
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs":
                {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}}),
            "it is recursive, through \"#/$defs/n\"",
        ),
        (
            json!({"type": "object", "properties": {"a": {"$ref": "#"}}}),
            "/properties/a/$ref: ",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "object",
                "additionalProperties": {"type": "string"}}}}),
            "/properties/a/additionalProperties: objects with keys of any name",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "object"}}}),
            "/properties/a/additionalProperties: objects with keys of any name",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": ["object", "null"]}}}),
            "/properties/a/additionalProperties: objects with keys of any name",
        ),
        (
            json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false,
                "patternProperties": {"^x": {}}}),
            "/additionalProperties: objects with keys of any name",
        ),
        (
            json!({"type": "object", "properties": {"a": {}}, "required": ["a", "b"]}),
            "/required: \"b\" is not one of the properties",
        ),
        (
            json!({"type": "object", "properties": {"a": {"allOf": [
                {"properties": {"b": {}}}, {"properties": {"c": {}}}]}}}),
            "/properties/a: an object whose properties stand in several schemas",
        ),
        (
            json!({"type": "object", "properties": {"a": {}}, "oneOf": [
                {"properties": {"b": {}}}, {"properties": {"c": {}}}]}),
            "/: an object whose properties stand in several schemas",
        ),
        (
            json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}],
                "oneOf": [{"type": "string"}]}}}),
            "/properties/a: both anyOf and oneOf",
        ),
        (
            json!({"type": "object", "properties": {"a": true}}),
            "/properties/a: `true` in place",
        ),
    ] {
        let obstacles = reduce(&schema).obstacles;
        assert!(
            obstacles.iter().any(|it| it.starts_with(said)),
            "{schema}: {obstacles:?}"
        );
    }
}

#[test]
fn optional_properties_and_unions_are_counted_against_the_limits() {
    let schema = |optional: usize, unions: usize| {
        let name = |nth: usize| format!("p{nth}");
        let properties = (0..optional).map(|nth| (name(nth), json!({"type": "string"})));
        let more = (100..100 + unions).map(|nth| (name(nth), json!({"type": ["string", "null"]})));
        let required: Vec<_> = (100..100 + unions).map(name).collect();
        json!({"type": "object", "required": required,
            "properties": properties.chain(more).collect::<Map<_, _>>()})
    };
    let limits = |optional, unions| reduce(&schema(optional, unions)).limits;
    assert_eq!(
        limits(24, 16),
        SchemaLimits {
            optional: 24,
            unions: 16
        }
    );
    assert_eq!(limits(24, 16).exceeded(), None);
    assert!(
        limits(25, 0)
            .exceeded()
            .unwrap()
            .starts_with("25 optional properties, and")
    );
    assert!(
        limits(0, 17)
            .exceeded()
            .unwrap()
            .starts_with("17 properties with several")
    );
    assert_eq!(limits(11, 11).remark(), None);
    assert!(limits(12, 0).remark().is_some() && limits(0, 12).remark().is_some());
}
