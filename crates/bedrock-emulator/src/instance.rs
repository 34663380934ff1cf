//! JSON values that satisfy a JSON Schema, for models that are held to one.
//!
//! The value depends only on the schema and the random numbers, so the same prompt gets the same value.
//! Read are types, `const`, `enum`, references within the schema, `anyOf`, `oneOf`, `allOf`, bounds of
//! numbers, lengths of strings and arrays, `uniqueItems`, and the formats that AWS lists for structured
//! outputs, and patterns that look neither around nor back. `not` and conditions are ignored: a schema that
//! needs them may be violated.

use serde_json::{Map, Number, Value, json};

use super::pattern;

/// Optional properties and array items beyond this depth are left out, so that recursion ends.
const DEEPEST: usize = 6;

/// The largest distance between a bound that is given and one that is not.
const SPREAD: f64 = 100.0;

/// Most items of an array that asks for none.
const FEW_ITEMS: usize = 2;

/// Draws until the items of an array differ.
const MOST_DRAWS: usize = 50;

/// The state from which a value is made.
pub(super) struct Instance<'a> {
    root: &'a Value,
    rng: &'a mut fastrand::Rng,
    /// The text of the first string that may be any; others are made of words.
    first_text: Option<String>,
    words: fn(&mut fastrand::Rng) -> String,
}

impl<'a> Instance<'a> {
    /// Values for `schema`: the first free string is `first_text`, further ones come from `words`.
    pub(super) fn of(
        schema: &'a Value,
        rng: &'a mut fastrand::Rng,
        first_text: String,
        words: fn(&mut fastrand::Rng) -> String,
    ) -> Value {
        let mut instance = Self {
            root: schema,
            rng,
            first_text: Some(first_text),
            words,
        };
        instance.value(schema, 0)
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema, depth);
        let Some(object) = schema.as_object() else {
            return self.text(&Map::new()); // `true`: anything goes
        };
        if let Some(value) = object.get("const") {
            return value.clone();
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array)
            && !values.is_empty()
        {
            return values[self.rng.usize(..values.len())].clone();
        }
        match type_of(object) {
            "object" => self.object(object, depth),
            "array" => self.array(object, depth),
            "integer" => self.number(object, 1.0),
            "number" => self.number(object, 0.25),
            "boolean" => self.rng.bool().into(),
            "null" => Value::Null,
            _ => self.text(object),
        }
    }

    /// The schema without references, alternatives and conjunctions at its top.
    fn resolved(&mut self, schema: &Value, depth: usize) -> Value {
        let mut schema = schema.clone();
        // A chain of references that leads back to itself ends here too.
        for _ in 0..=DEEPEST {
            let Some(object) = schema.as_object_mut() else {
                break;
            };
            if let Some(reference) = object.remove("$ref") {
                let of_root = self.pointed(&reference);
                merge(object, of_root);
            } else if let Some(Value::Array(all)) = object.remove("allOf") {
                for one in &all {
                    merge(object, one);
                }
            } else if let Some(Value::Array(some)) =
                object.remove("anyOf").or_else(|| object.remove("oneOf"))
            {
                let chosen = self.chosen(&some, depth).clone();
                merge(object, &chosen);
            } else {
                break;
            }
        }
        schema
    }

    fn pointed(&self, reference: &Value) -> &'a Value {
        let pointer = reference.as_str().and_then(|it| it.strip_prefix('#'));
        let found = pointer.and_then(|pointer| self.root.pointer(pointer));
        found.unwrap_or(&Value::Null)
    }

    /// One of several alternatives; deep down, one that leads no further.
    fn chosen<'b>(&mut self, some: &'b [Value], depth: usize) -> &'b Value {
        let ends = |it: &&Value| it.get("$ref").is_none() && it.get("properties").is_none();
        let shallow = some.iter().find(ends).filter(|_| DEEPEST <= depth);
        match (shallow, some.len()) {
            (Some(shallow), _) => shallow,
            (None, 0) => &Value::Null,
            (None, count) => &some[self.rng.usize(..count)],
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &String| required.is_some_and(|list| list.iter().any(|it| it == name));
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut value = Map::new();
        for (name, property) in properties.into_iter().flatten() {
            if depth < DEEPEST || is_required(name) {
                value.insert(name.clone(), self.value(property, depth + 1));
            }
        }
        let further = schema.get("additionalProperties").unwrap_or(&Value::Null);
        let named = required.into_iter().flatten().filter_map(Value::as_str);
        for name in named.map(str::to_owned).collect::<Vec<_>>() {
            if !value.contains_key(&name) {
                value.insert(name, self.value(further, depth + 1));
            }
        }
        let least = whole(schema, "minProperties").unwrap_or(0);
        for number in value.len()..least {
            value.insert(format!("key{number}"), self.value(further, depth + 1));
        }
        Value::Object(value)
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let least = whole(schema, "minItems").unwrap_or(0);
        let wanted = match depth {
            0..DEEPEST => least.max(FEW_ITEMS),
            _ => least,
        };
        let length = wanted.min(whole(schema, "maxItems").unwrap_or(usize::MAX).max(least));
        let places = schema.get("prefixItems").and_then(Value::as_array);
        let anything = Value::Bool(true);
        let items = schema.get("items").unwrap_or(&anything);
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut value = Vec::new();
        for at in 0..length {
            let item = places.and_then(|places| places.get(at)).unwrap_or(items);
            let mut drawn = self.value(item, depth + 1);
            for _ in 0..MOST_DRAWS {
                if !unique || !value.contains(&drawn) {
                    break;
                }
                drawn = self.value(item, depth + 1);
            }
            if !(unique && value.contains(&drawn)) {
                value.push(drawn);
            }
        }
        Value::Array(value)
    }

    /// A number within its bounds, a multiple of `multipleOf`, else of `step`.
    fn number(&mut self, schema: &Map<String, Value>, step: f64) -> Value {
        let given = |key| schema.get(key).and_then(Value::as_f64);
        let step = match given("multipleOf") {
            Some(multiple) if 0.0 < multiple => multiple,
            Some(_) | None => step,
        };
        // The least and the greatest multiple of the step that the bounds allow.
        let above = |bound: f64| (bound / step).floor() + 1.0;
        let below = |bound: f64| (bound / step).ceil() - 1.0;
        let least = [
            given("minimum").map(|bound| (bound / step).ceil()),
            given("exclusiveMinimum").map(above),
        ];
        let most = [
            given("maximum").map(|bound| (bound / step).floor()),
            given("exclusiveMaximum").map(below),
        ];
        let least = least.into_iter().flatten().reduce(f64::max);
        let most = most.into_iter().flatten().reduce(f64::min);
        let (least, most) = match (least, most) {
            (Some(least), Some(most)) => (least, most),
            (Some(least), None) => (least, least + SPREAD),
            (None, Some(most)) if most < 0.0 => (most - SPREAD, most),
            (None, Some(most)) => (0.0, most),
            (None, None) => (0.0, SPREAD),
        };
        if most < least {
            // Between two bounds that are nearer than a step.
            let bound = given("minimum")
                .or(given("exclusiveMinimum"))
                .unwrap_or(0.0);
            let other = given("maximum")
                .or(given("exclusiveMaximum"))
                .unwrap_or(bound);
            return number(f64::midpoint(bound, other));
        }
        let steps = (most - least).min(1e9) as u64;
        number((least + self.rng.u64(0..=steps) as f64) * step)
    }

    fn text(&mut self, schema: &Map<String, Value>) -> Value {
        if let Some(text) = schema
            .get("format")
            .and_then(Value::as_str)
            .and_then(of_format)
        {
            return text.into();
        }
        let pattern = schema.get("pattern").and_then(Value::as_str);
        if let Some(text) = pattern.and_then(|pattern| pattern::text(pattern, self.rng)) {
            return text.into();
        }
        let mut text = match self.first_text.take() {
            Some(text) => text,
            None => (self.words)(self.rng),
        };
        while text.chars().count() < whole(schema, "minLength").unwrap_or(0) {
            text.push(' ');
            text.push_str(&(self.words)(self.rng));
        }
        let most = whole(schema, "maxLength").unwrap_or(usize::MAX);
        text.chars().take(most).collect::<String>().into()
    }
}

/// The type to make: the first that is not `null`, else what the other keys are about.
fn type_of(schema: &Map<String, Value>) -> &str {
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut names = types.iter().filter_map(Value::as_str);
    let named = names.clone().find(|name| *name != "null");
    let has = |keys: &[&str]| keys.iter().any(|key| schema.contains_key(*key));
    named.or_else(|| names.next()).unwrap_or_else(|| {
        if has(&["properties", "required", "additionalProperties"]) {
            "object"
        } else if has(&["items", "prefixItems", "minItems"]) {
            "array"
        } else if has(&["minimum", "maximum", "multipleOf"]) {
            "number"
        } else {
            "string"
        }
    })
}

/// A text in one of the formats of AWS's page on structured outputs (read November 2026).
fn of_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-11-22T08:00:00Z",
        "date" => "2026-11-22",
        "time" => "08:00:00Z",
        "duration" => "PT5M",
        "email" => "emulated@example.com",
        "hostname" => "example.com",
        "uri" => "https://example.com/emulated",
        "ipv4" => "192.0.2.7",
        "ipv6" => "2001:db8::7",
        "uuid" => "00000000-0000-4000-a000-000000000007",
        _ => return None,
    })
}

/// Adds what `other` says to `schema`: properties and required names together, the rest where
/// nothing is said yet.
fn merge(schema: &mut Map<String, Value>, other: &Value) {
    for (key, value) in other.as_object().into_iter().flatten() {
        match (schema.get_mut(key), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) if key == "properties" => {
                let new = theirs.iter().map(|(name, it)| (name.clone(), it.clone()));
                ours.extend(new);
            }
            (Some(Value::Array(ours)), Value::Array(theirs)) if key == "required" => {
                ours.extend(theirs.iter().cloned());
            }
            (Some(_), _) => {}
            (None, _) => {
                schema.insert(key.clone(), value.clone());
            }
        }
    }
}

fn whole(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    let value = schema.get(key).and_then(Value::as_u64)?;
    usize::try_from(value).ok()
}

/// A number without a fraction is written without one.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return json!(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Instance;

    fn made(schema: &Value, seed: u64) -> Value {
        let mut rng = fastrand::Rng::with_seed(seed);
        Instance::of(schema, &mut rng, "first".into(), |rng| {
            format!("word{}", rng.u8(..))
        })
    }

    #[track_caller]
    fn check(schema: Value, is_right: impl Fn(&Value) -> bool) {
        for seed in 0..200 {
            let value = made(&schema, seed);
            assert!(is_right(&value), "{schema}: {value}");
        }
    }

    #[test]
    fn a_record_has_its_properties_in_their_types() {
        let schema = json!({
            "type": "object",
            "properties": {
                "summary": {"type": "string"},
                "label": {"enum": ["good", "bad"]},
                "score": {"type": "integer", "minimum": 1, "maximum": 5},
                "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                "sure": {"type": "boolean"},
                "kind": {"const": 7},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "note": {"type": ["string", "null"], "maxLength": 3},
            },
            "required": ["summary", "extra"],
            "additionalProperties": false,
        });
        check(schema, |it| {
            it["summary"] == "first"
                && (it["label"] == "good" || it["label"] == "bad")
                && it["score"].as_u64().is_some_and(|n| (1..=5).contains(&n))
                && it["share"].as_f64().is_some_and(|n| 0.0 < n && n < 1.0)
                && it["sure"].is_boolean()
                && it["kind"] == 7
                && !it["tags"].as_array().unwrap().is_empty()
                && it["note"].as_str().is_some_and(|note| note.len() <= 3)
                && it.get("extra").is_some()
        });
    }

    #[test]
    fn references_alternatives_and_conjunctions_are_followed() {
        let schema = json!({
            "$defs": {"node": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            }}},
            "allOf": [{"$ref": "#/$defs/node"}, {"required": ["age"], "properties": {
                "age": {"oneOf": [{"type": "integer", "multipleOf": 7}, {"const": "none"}]},
            }}],
        });
        check(schema, |it| {
            let age = &it["age"];
            it["name"].is_string()
                && (*age == "none" || age.as_u64().is_some_and(|n| n % 7 == 0))
                && (it["next"].is_null() || it["next"]["name"].is_string())
        });
    }

    #[test]
    fn arrays_and_numbers_keep_to_their_bounds() {
        let arrays = json!({"type": "array", "minItems": 3, "maxItems": 3, "uniqueItems": true,
            "items": {"type": "integer", "minimum": -2, "maximum": 2}});
        check(arrays, |it| {
            let items = it.as_array().unwrap();
            items.len() == 3 && items[0] != items[1] && items[1] != items[2] && items[0] != items[2]
        });
        check(
            json!({"type": "number", "minimum": 0.1, "maximum": 0.2}),
            |it| (0.1..=0.2).contains(&it.as_f64().unwrap()),
        );
        check(json!({"maximum": -5}), |it| it.as_f64().unwrap() <= -5.0);
        check(json!({"type": "string", "minLength": 40}), |it| {
            40 <= it.as_str().unwrap().len()
        });
        check(json!({"type": "string", "pattern": "^[A-Z]{3}$"}), |it| {
            let text = it.as_str().unwrap();
            text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase())
        });
        check(json!({"type": "string", "format": "date"}), |it| {
            *it == "2026-11-22"
        });
    }

    #[test]
    fn a_schema_that_leads_back_to_itself_ends() {
        let endless = json!({"$ref": "#"});
        assert_eq!(made(&endless, 1), "first");
        let list = json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/none"}});
        assert_eq!(made(&list, 1).as_array().unwrap().len(), 2);
        let tree = json!({"type": "object", "properties": {
            "branches": {"type": "array", "items": {"$ref": "#"}}}});
        assert!(made(&tree, 1)["branches"].is_array());
    }
}
