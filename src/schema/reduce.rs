//! The part of a schema that the service compiles, and what is taken out of it.
//!
//! Source: Amazon Bedrock user guide, "Structured output", and limits that the service was reported to
//! have, as of November 2026. What is taken out is named in a `description`, where the model reads it;
//! responses are validated against the whole schema.

use serde_json::{Map, Value, json};

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

/// Figures that the service limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchemaLimits {
    /// Properties that are not required.
    pub optional: usize,
    /// Properties with several types, or `anyOf`.
    pub unions: usize,
}

impl SchemaLimits {
    /// The most optional properties that the service was seen to take.
    pub const MOST_OPTIONAL: usize = 24;
    /// The most properties with several types that the service was seen to take.
    pub const MOST_UNIONS: usize = 16;
    /// From so many on, schemas were rejected as too complex.
    const DOUBTFUL: usize = 12;

    /// Why the service rejects a schema with these figures.
    pub fn exceeded(self) -> Option<String> {
        let over = |number: usize, most: usize, what: &str| {
            (most < number)
                .then(|| format!("{number} {what}, and the service takes {most} in one schema"))
        };
        let advice = "make them required, and allow an empty text in place of null";
        let optional = over(self.optional, Self::MOST_OPTIONAL, "optional properties");
        let unions = over(
            self.unions,
            Self::MOST_UNIONS,
            "properties with several types",
        );
        let found: Vec<_> = optional.into_iter().chain(unions).collect();
        (!found.is_empty()).then(|| format!("{}: {advice}", found.join("; ")))
    }

    /// What a person should know of figures that may be too high.
    pub fn remark(self) -> Option<String> {
        let doubtful = |number: usize| Self::DOUBTFUL <= number;
        (doubtful(self.optional) || doubtful(self.unions)).then(|| {
            format!(
                "the schema has {} optional properties and {} with several types, and the service \
                 may reject it as too complex (limits: {} and {}): make properties required, and \
                 allow an empty text in place of null",
                self.optional,
                self.unions,
                Self::MOST_OPTIONAL,
                Self::MOST_UNIONS
            )
        })
    }
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
                    self.count(value, rules);
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

    fn count(&mut self, properties: &Value, rules: &Map<String, Value>) {
        let required = rules.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|it| it == name));
        for (name, schema) in properties.as_object().into_iter().flatten() {
            self.limits.optional += usize::from(!is_required(name));
            let is_union = schema.get("type").is_some_and(Value::is_array)
                || ["anyOf", "oneOf"]
                    .iter()
                    .any(|key| schema.get(key).is_some());
            self.limits.unions += usize::from(is_union);
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

/// A reference that leads back to a schema it stands in.
fn recursion(schema: &Value) -> Option<String> {
    fn visit(
        at: &Value,
        whole: &Value,
        path: &mut Vec<String>,
        done: &mut Vec<String>,
    ) -> Option<String> {
        match at {
            Value::Object(rules) => {
                for (key, inside) in rules {
                    if matches!(
                        key.as_str(),
                        "$defs" | "definitions" | "enum" | "const" | "default" | "examples"
                    ) && !inside.is_null()
                    {
                        continue;
                    }
                    let reference = inside.as_str().filter(|_| {
                        matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef")
                    });
                    let Some(reference) = reference else {
                        if let Some(found) = visit(inside, whole, path, done) {
                            return Some(found);
                        }
                        continue;
                    };
                    if path.iter().any(|it| it == reference) || reference == "#" {
                        return Some(reference.to_owned());
                    }
                    let target = reference.strip_prefix('#').and_then(|it| whole.pointer(it));
                    if done.iter().any(|it| it == reference) {
                        continue;
                    }
                    path.push(reference.to_owned());
                    let found = target.and_then(|target| visit(target, whole, path, done));
                    done.extend(path.pop());
                    if found.is_some() {
                        return found;
                    }
                }
                None
            }
            Value::Array(items) => items
                .iter()
                .find_map(|inside| visit(inside, whole, path, done)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    visit(schema, schema, &mut Vec::new(), &mut Vec::new())
}

#[cfg(test)]
mod tests {
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
            let more =
                (100..100 + unions).map(|nth| (name(nth), json!({"type": ["string", "null"]})));
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
}
