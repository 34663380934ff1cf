//! The part of a schema that the service compiles, and what is taken out of it.
//!
//! Source: Amazon Bedrock user guide, "Structured output", and limits that the service was reported to
//! have, as of November 2026. What is taken out is named in a `description`, where the model reads it;
//! responses are validated against the whole schema.

mod limits;

use serde_json::{Map, Value, json};

use limits::SchemaLimits;

use super::references::recursion;

/// What is sent in native mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// The schema as it is sent.
    pub schema: Value,
    /// What was taken out or weakened, each with its place.
    pub removed: Vec<String>,
    /// Why the service cannot enforce the schema at all; empty if it can.
    pub obstacles: Vec<String>,
    /// What of the service's limits it uses.
    pub limits: SchemaLimits,
}

/// Formats that the service compiles.
const FORMATS: &[&str] = &[
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

/// What goes into what is sent as it is.
const KEPT: &[&str] = &["type", "title", "description", "required", "const"];

/// What says nothing about values, and is left out without a word.
const DROPPED: &[&str] = &[
    "$schema",
    "$id",
    "id",
    "$comment",
    "$anchor",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// The schema that is sent in native mode for `schema`.
pub fn reduce(schema: &Value) -> Reduced {
    let mut reducer = Reducer {
        removed: Vec::new(),
        obstacles: Vec::new(),
        limits: SchemaLimits::default(),
    };
    let sent = reducer.schema(schema, "");
    if !has_object_at_top(schema) {
        let obstacle = "the top level is not an object: put the value into a property of one";
        reducer.obstacles.push(obstacle.to_owned());
    }
    if let Some(reference) = recursion(schema) {
        reducer
            .obstacles
            .push(format!("it is recursive, through \"{reference}\""));
    }
    Reduced {
        schema: sent,
        removed: reducer.removed,
        obstacles: reducer.obstacles,
        limits: reducer.limits,
    }
}

/// Whether all values of a schema are objects, as its top level says it.
pub(super) fn has_object_at_top(schema: &Value) -> bool {
    match schema.get("type") {
        Some(kind) => kind == "object",
        None => schema.get("properties").is_some_and(Value::is_object),
    }
}

struct Reducer {
    removed: Vec<String>,
    obstacles: Vec<String>,
    limits: SchemaLimits,
}

impl Reducer {
    fn schema(&mut self, schema: &Value, at: &str) -> Value {
        let Value::Object(rules) = schema else {
            // `true` allows everything, which the service has no word for.
            self.obstacles
                .push(format!("{}: `{schema}` in place of a schema", place(at)));
            return json!({});
        };
        let mut sent = Map::new();
        let mut told = Vec::new();
        for (key, value) in rules {
            let here = format!("{at}/{key}");
            match key.as_str() {
                key if DROPPED.contains(&key) => {}
                "$ref" => {
                    sent.insert(key.clone(), self.reference(value, &here));
                }
                key if KEPT.contains(&key) => {
                    sent.insert(key.to_owned(), value.clone());
                }
                "enum" if is_plain(value) => {
                    sent.insert(key.clone(), value.clone());
                }
                "format" if value.as_str().is_some_and(|it| FORMATS.contains(&it)) => {
                    sent.insert(key.clone(), value.clone());
                }
                "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {
                    sent.insert(key.clone(), value.clone());
                }
                "properties" => {
                    self.limits.count(value, rules);
                    sent.insert(key.clone(), self.each(value, &here));
                }
                "$defs" | "definitions" => {
                    // The service's documents write `definitions`.
                    let definitions = self.each(value, &here);
                    let place = sent.entry("definitions").or_insert_with(|| json!({}));
                    if let (Value::Object(place), Value::Object(more)) = (place, definitions) {
                        place.extend(more);
                    }
                }
                "items" if value.is_object() => {
                    sent.insert(key.clone(), self.schema(value, &here));
                }
                "anyOf" | "allOf" => {
                    sent.insert(key.clone(), self.list(value, &here));
                }
                "oneOf" => {
                    self.removed.push(format!("{here}: sent as anyOf"));
                    sent.insert("anyOf".to_owned(), self.list(value, &here));
                }
                // What an object may have beside its properties is looked at below.
                "additionalProperties" => {}
                _ => {
                    self.removed.push(format!("{here}: {}", short(value)));
                    told.push(format!("{key} {}", short(value)));
                }
            }
        }
        if let Some(least) = rules.get("minItems").and_then(Value::as_u64)
            && 1 < least
        {
            sent.insert("minItems".to_owned(), 1.into());
        }
        self.combinations(rules, at);
        if is_object(rules) {
            self.closed(rules, at);
            sent.insert("additionalProperties".to_owned(), false.into());
        }
        if !told.is_empty() {
            let rule = format!("Must satisfy: {}.", told.join("; "));
            let description = match rules.get("description").and_then(Value::as_str) {
                Some(said) if said.trim_end().ends_with('.') => format!("{said} {rule}"),
                Some(said) => format!("{said}. {rule}"),
                None => rule,
            };
            sent.insert("description".to_owned(), description.into());
        }
        Value::Object(sent)
    }

    fn each(&mut self, schemas: &Value, at: &str) -> Value {
        let schemas = schemas.as_object().into_iter().flatten();
        let sent = schemas.map(|(name, schema)| {
            let sent = self.schema(schema, &format!("{at}/{name}"));
            (name.clone(), sent)
        });
        Value::Object(sent.collect())
    }

    fn list(&mut self, schemas: &Value, at: &str) -> Value {
        let schemas = schemas.as_array().into_iter().flatten();
        let sent = schemas
            .enumerate()
            .map(|(nth, schema)| self.schema(schema, &format!("{at}/{nth}")));
        Value::Array(sent.collect())
    }

    /// References are pointers into the definitions, which are sent under another name.
    fn reference(&mut self, reference: &Value, at: &str) -> Value {
        let text = reference.as_str().unwrap_or_default();
        if let Some(name) = text.strip_prefix("#/$defs/") {
            return format!("#/definitions/{name}").into();
        }
        if !text.starts_with("#/definitions/") {
            self.obstacles.push(format!(
                "{at}: the service follows references to #/$defs/NAME only, not `{text}`"
            ));
        }
        reference.clone()
    }

    /// Objects with any keys are beyond the service: it takes no other value of `additionalProperties` than
    /// `false`. What that would exclude, although the schema allows it, is an obstacle.
    fn closed(&mut self, rules: &Map<String, Value>, at: &str) {
        let properties = rules.get("properties").and_then(Value::as_object);
        let has = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            properties.is_some_and(|properties| properties.contains_key(name))
        };
        let additional = rules.get("additionalProperties");
        let here = format!("{at}/additionalProperties");
        if rules.contains_key("patternProperties")
            || additional != Some(&Value::Bool(false)) && properties.is_none_or(Map::is_empty)
        {
            self.obstacles.push(format!(
                "{here}: objects with keys of any name; use a list of objects with a name and a value"
            ));
        } else if additional.is_some_and(|it| *it != Value::Bool(false)) {
            self.removed.push(format!("{here}: sent as false"));
        }
        let required = rules.get("required").and_then(Value::as_array);
        if let Some(name) = required.into_iter().flatten().find(|name| !has(name)) {
            self.obstacles.push(format!(
                "{at}/required: {name} is not one of the properties, and only those are sent"
            ));
        }
    }

    /// Every object is closed when it is sent, so that the branches of a combination would exclude the
    /// properties of each other.
    fn combinations(&mut self, rules: &Map<String, Value>, at: &str) {
        let has_object = |key: &str| {
            let branches = rules.get(key).and_then(Value::as_array);
            branches.into_iter().flatten().any(|branch| {
                branch.get("$ref").is_some() || branch.as_object().is_some_and(is_object)
            })
        };
        let is_divided =
            has_object("allOf") || is_object(rules) && (has_object("anyOf") || has_object("oneOf"));
        if is_divided {
            self.obstacles.push(format!(
                "{}: an object whose properties stand in several schemas; write it as one",
                place(at)
            ));
        }
        if rules.contains_key("anyOf") && rules.contains_key("oneOf") {
            self.obstacles
                .push(format!("{}: both anyOf and oneOf", place(at)));
        }
    }
}

fn place(at: &str) -> &str {
    match at {
        "" => "/",
        at => at,
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn is_plain(value: &Value) -> bool {
    let values = value.as_array().into_iter().flatten();
    values.clone().next().is_some() && !values.clone().any(|it| it.is_object() || it.is_array())
}

fn is_object(rules: &Map<String, Value>) -> bool {
    let is_named = |kind: &Value| {
        let kinds = kind.as_array().into_iter().flatten();
        kind == "object" || kinds.into_iter().any(|kind| kind == "object")
    };
    rules.get("type").is_some_and(is_named) || rules.contains_key("properties")
}

#[cfg(test)]
mod tests;
