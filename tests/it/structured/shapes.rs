//! Schemas of the shapes that those of real projects have, in every mode and family, whole and streamed.
//!
//! The emulator writes values that follow what it is sent: all of a schema in a tool or a prompt, and the
//! part that the service compiles in native mode. So it is known of every cell how many rows are valid.

use std::thread;

use serde_json::{Map, Value, json};

use super::{MODELS, job, planned};

/// Rows of each cell.
const ROWS: usize = 3;

/// A schema, the modes that it is sent in, and how many of its rows are valid.
struct Shape {
    name: &'static str,
    schema: Value,
    /// The mode with a model that has structured outputs.
    native: &'static str,
    /// The mode with a model that can be made to call a tool.
    tool: &'static str,
    /// How many of the rows are valid in native mode, where bounds are not enforced: of Claude and of gpt-oss.
    valid_natively: [usize; 2],
}

fn shape(name: &'static str, schema: Value) -> Shape {
    Shape {
        name,
        schema,
        native: "native",
        tool: "tool",
        valid_natively: [ROWS; 2],
    }
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}

fn shapes() -> Vec<Shape> {
    let many: Map<String, Value> = (0..30)
        .map(|n| {
            (
                format!("p{n:02}"),
                json!({"type": "string", "maxLength": 200}),
            )
        })
        .collect();
    let names: Vec<&str> = many.keys().map(String::as_str).collect();
    let person = json!({
        "person": object(&["name"], json!({"name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"}})),
        "address": object(&["city"], json!({"city": {"type": "string"}})),
    });
    let node = json!({"node": object(&["title"], json!({"title": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}))});
    let closed = |kind: &str, key: &str| {
        let fields = json!({"kind": {"const": kind}, key: {"type": "number"}});
        with(
            object(&["kind", key], fields),
            "additionalProperties",
            false.into(),
        )
    };
    vec![
        shape(
            "enums and constants",
            object(
                &["label", "version"],
                json!({"label": {"type": "string", "enum": ["positive", "negative", "mixed"]},
                    "version": {"const": 2}, "rank": {"enum": [1, 2.5, null, true]}}),
            ),
        ),
        shape(
            "nested arrays",
            object(
                &["questions"],
                json!({"questions": {"type": "array", "minItems": 1, "maxItems": 3, "items": object(
                    &["text", "options"],
                    json!({"text": {"type": "string"},
                        "options": {"type": "array", "minItems": 2, "items": {"type": "string"}}}))}}),
            ),
        ),
        shape(
            "alternatives",
            object(
                &["value"],
                json!({"value": {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"},
                    object(&["raw"], json!({"raw": {"type": "boolean"}}))]}}),
            ),
        ),
        shape(
            "definitions",
            with(
                object(
                    &["author"],
                    json!({"author": {"$ref": "#/$defs/person"},
                    "editors": {"type": "array", "items": {"$ref": "#/$defs/person"}}}),
                ),
                "$defs",
                person,
            ),
        ),
        shape(
            "formats",
            object(
                &["when", "mail"],
                json!({"when": {"type": "string", "format": "date-time"},
                    "mail": {"type": "string", "format": "email"}, "id": {"type": "string", "format": "uuid"},
                    "day": {"type": "string", "format": "date"}, "at": {"type": "string", "format": "uri"}}),
            ),
        ),
        shape(
            "nullable",
            object(
                &["a", "b"],
                json!({"a": {"type": ["string", "null"]}, "b": {"type": ["integer", "null"]}}),
            ),
        ),
        shape(
            "many properties",
            object(&names, Value::Object(many.clone())),
        ),
        Shape {
            native: "tool",
            ..shape(
                "many optional properties",
                object(&[], Value::Object(many.clone())),
            )
        },
        shape(
            "one of several kinds",
            object(
                &["shape"],
                json!({"shape": {"oneOf": [closed("circle", "radius"), closed("square", "width")]}}),
            ),
        ),
        Shape {
            valid_natively: [0, 0],
            ..shape(
                "bounds and patterns",
                object(
                    &["score", "code", "tags"],
                    json!({"score": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
                        "tags": {"type": "array", "uniqueItems": true, "items": {"enum": ["x", "y", "z"]}}}),
                ),
            )
        },
        Shape {
            native: "tool",
            ..shape(
                "recursive",
                with(
                    object(&["root"], json!({"root": {"$ref": "#/$defs/node"}})),
                    "$defs",
                    node,
                ),
            )
        },
        Shape {
            native: "tool",
            ..shape(
                "names of any kind",
                json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer"}}),
            )
        },
        Shape {
            native: "tool",
            ..shape(
                "names by a pattern",
                with(
                    with(
                        object(&["id"], json!({"id": {"type": "string"}})),
                        "patternProperties",
                        json!({"^x-": {"type": "string"}}),
                    ),
                    "additionalProperties",
                    false.into(),
                ),
            )
        },
        Shape {
            native: "prompt",
            tool: "prompt",
            ..shape(
                "a list",
                json!({"type": "array", "minItems": 1, "items": object(
                    &["term"], json!({"term": {"type": "string"}}))}),
            )
        },
    ]
}

/// The mode of a model and a shape, and how many rows are valid.
fn expected(shape: &Shape, model: &str, best: &str) -> (&'static str, usize) {
    let mode = match best {
        "native" => shape.native,
        "tool" => shape.tool,
        _ => "prompt",
    };
    let valid = match mode {
        "native" => shape.valid_natively[usize::from(model.starts_with("openai"))],
        _ => ROWS,
    };
    (mode, valid)
}

/// What is wrong with a cell; nothing if it is as expected.
fn wrong(shape: &Shape, model: &str, best: &str) -> Vec<String> {
    let (mode, valid) = expected(shape, model, best);
    let schema = shape.schema.to_string();
    let mut wrong = Vec::new();
    let cell = format!("{} with {model}", shape.name);
    let planned = planned(model, &schema)["schema"]["mode"].clone();
    if planned != mode {
        wrong.push(format!("{cell}: planned {planned}, not {mode}"));
    }
    for stream in ["false", "true"] {
        let out = job(ROWS, &schema, "")
            .args(["-m", model, &format!("--stream={stream}")])
            .args(["--max-failures", "100%"])
            .run();
        let (answers, failures) = (out.answers(), out.failures());
        let are_valid = answers.values().all(|line| line["schema_valid"] == true);
        let are_invalid = failures
            .values()
            .all(|line| line["error"]["category"] == "invalid_output");
        let ended = (answers.len(), failures.len());
        if out.code != Some(0) || !are_valid || !are_invalid || ended != (valid, ROWS - valid) {
            let first = failures.values().next().map(|line| line["error"].clone());
            wrong.push(format!(
                "{cell}, stream={stream}: {ended:?} of {valid}, {first:?}"
            ));
        }
    }
    wrong
}

#[test]
fn rows_of_every_shape_are_valid_or_invalid_output_as_the_mode_of_the_model_determines() {
    let shapes = shapes();
    let cells: Vec<_> = shapes
        .iter()
        .flat_map(|shape| MODELS.map(|(model, best)| (shape, model, best)))
        .collect();
    let half = cells.len() / 2;
    let wrong = |cells: &[(&Shape, &str, &str)]| -> Vec<String> {
        let each = cells.iter();
        each.flat_map(|(shape, model, best)| wrong(shape, model, best))
            .collect()
    };
    let wrong = thread::scope(|scope| {
        let first = scope.spawn(|| wrong(&cells[..half]));
        let second = wrong(&cells[half..]);
        [first.join().unwrap(), second].concat()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}
