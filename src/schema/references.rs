//! References of a schema: to other documents, and back to a schema that they stand in.

use serde_json::{Map, Value};

/// Keywords whose values are values of the data, or texts about it, and no schemas.
const VALUES: &[&str] = &["enum", "const", "default", "examples", "example"];

/// Keywords that hold a schema for each of several names. The names are no keywords.
const NAMED: &[&str] = &[
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
];

/// Where the schemas stand that others refer to.
const DEFINITIONS: &[&str] = &["$defs", "definitions"];

/// The keywords that refer.
const REFERENCES: &[&str] = &["$ref", "$dynamicRef", "$recursiveRef"];

/// A schema within another, and its JSON pointer from there.
struct Inside<'a> {
    keyword: &'a str,
    pointer: String,
    schema: &'a Map<String, Value>,
}

/// The schemas that stand directly within one. What an unknown keyword holds is taken for one too: a
/// reference may lead there.
fn inside(rules: &Map<String, Value>) -> impl Iterator<Item = Inside<'_>> {
    rules
        .iter()
        .filter(|(keyword, _)| !VALUES.contains(&keyword.as_str()))
        .flat_map(|(keyword, value)| schemas_of(keyword, value))
}

fn schemas_of<'a>(keyword: &'a str, value: &'a Value) -> Vec<Inside<'a>> {
    let found = |pointer: String, value: &'a Value| {
        let schema = value.as_object()?;
        Some(Inside {
            keyword,
            pointer,
            schema,
        })
    };
    let here = format!("/{}", escaped(keyword));
    match value {
        Value::Object(named) if NAMED.contains(&keyword) => named
            .iter()
            .filter_map(|(name, value)| found(format!("{here}/{}", escaped(name)), value))
            .collect(),
        Value::Object(_) => found(here, value).into_iter().collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .filter_map(|(nth, value)| found(format!("{here}/{nth}"), value))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The references of a schema itself, each with its keyword.
fn references(rules: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &str)> {
    REFERENCES
        .iter()
        .filter_map(|keyword| Some((*keyword, rules.get(*keyword)?.as_str()?)))
}

/// The first reference to another document, and its place. What an `$id` within the document names is in
/// it.
pub(super) fn remote(schema: &Value) -> Option<(String, String)> {
    fn visit(rules: &Map<String, Value>, whole: &Value, at: &str) -> Option<(String, String)> {
        let mut elsewhere = references(rules).filter(|(_, it)| is_elsewhere(it, whole));
        if let Some((keyword, reference)) = elsewhere.next() {
            return Some((format!("{at}/{keyword}"), reference.to_owned()));
        }
        inside(rules).find_map(|it| visit(it.schema, whole, &format!("{at}{}", it.pointer)))
    }
    visit(schema.as_object()?, schema, "")
}

fn is_elsewhere(reference: &str, whole: &Value) -> bool {
    const OF_JSON_SCHEMA: [&str; 2] = ["http://json-schema.org/", "https://json-schema.org/"];
    let document = reference.split('#').next().unwrap_or_default();
    let is_known = OF_JSON_SCHEMA.iter().any(|it| document.starts_with(it));
    let is_named = || {
        whole
            .as_object()
            .is_some_and(|rules| names_itself(rules, document))
    };
    !document.is_empty() && !is_known && !is_named()
}

/// Whether some schema of the document has an `$id` that a reference may mean.
fn names_itself(rules: &Map<String, Value>, document: &str) -> bool {
    let ids = ["$id", "id"]
        .iter()
        .filter_map(|key| rules.get(*key)?.as_str());
    let mut ids = ids.map(|id| id.trim_end_matches('#'));
    ids.any(|id| id == document || id.ends_with(&format!("/{document}")))
        || inside(rules).any(|it| names_itself(it.schema, document))
}

/// A reference that leads back to a schema that it stands in.
pub(super) fn recursion(schema: &Value) -> Option<String> {
    let mut search = Search {
        whole: schema,
        path: Vec::new(),
        done: Vec::new(),
    };
    search.visit(schema.as_object()?)
}

/// What the search for a recursion has seen.
struct Search<'a> {
    whole: &'a Value,
    /// The references that lead to where it is.
    path: Vec<&'a str>,
    /// References that lead to no recursion.
    done: Vec<&'a str>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, rules: &'a Map<String, Value>) -> Option<String> {
        for (_, reference) in references(rules) {
            if self.path.contains(&reference) || reference == "#" {
                return Some(reference.to_owned());
            }
            if self.done.contains(&reference) {
                continue;
            }
            self.path.push(reference);
            let target = reference.strip_prefix('#');
            let target = target.and_then(|pointer| self.whole.pointer(pointer)?.as_object());
            let found = target.and_then(|target| self.visit(target));
            self.done.extend(self.path.pop());
            if found.is_some() {
                return found;
            }
        }
        // What is only defined is reached by references.
        let mut within = inside(rules).filter(|it| !DEFINITIONS.contains(&it.keyword));
        within.find_map(|it| self.visit(it.schema))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_property_may_be_named_like_a_keyword() {
        const ELSEWHERE: &str = "https://example.com/a.json";
        for name in [
            "default",
            "enum",
            "const",
            "examples",
            "$defs",
            "definitions",
            "properties",
            "items",
        ] {
            let with = |reference: &str| json!({"type": "object", "properties": {name: {"$ref": reference}}});
            assert_eq!(
                remote(&with(ELSEWHERE)),
                Some((format!("/properties/{name}/$ref"), ELSEWHERE.to_owned())),
                "{name}"
            );
            assert_eq!(recursion(&with("#")).as_deref(), Some("#"), "{name}");
            let node = json!({"type": "object", "properties": {name: {"$ref": "#/$defs/node"}}});
            let mut schema = with("#/$defs/node");
            schema["$defs"] = json!({"node": node});
            assert_eq!(
                recursion(&schema).as_deref(),
                Some("#/$defs/node"),
                "{name}"
            );
        }
        let named = json!({"properties": {"$ref": {"type": "string"}, "a": {"type": "string"}}});
        assert_eq!((remote(&named), recursion(&named)), (None, None));
    }

    #[test]
    fn values_of_the_data_refer_to_nothing() {
        for keyword in VALUES {
            let reference = json!({"$ref": "https://example.com/a.json"});
            let schema = json!({"properties": {"a": {*keyword: reference}}});
            assert_eq!(
                (remote(&schema), recursion(&schema)),
                (None, None),
                "{keyword}"
            );
        }
    }

    #[test]
    fn a_schema_that_is_used_twice_is_not_recursive() {
        let schema = json!({"properties": {"a": {"$ref": "#/$defs/x"}, "b": {"items": {"$ref": "#/$defs/x"}}},
            "$defs": {"x": {"type": "string"}, "unused": {"$ref": "#/$defs/unused"}}});
        assert_eq!(recursion(&schema), None);
    }

    #[test]
    fn a_recursion_is_found_wherever_a_schema_may_stand() {
        for within in [
            json!({"items": {"$ref": "#/$defs/n"}}),
            json!({"prefixItems": [{"type": "null"}, {"$ref": "#/$defs/n"}]}),
            json!({"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}),
            json!({"additionalProperties": {"$ref": "#/$defs/n"}}),
            json!({"patternProperties": {"^x": {"$ref": "#/$defs/n"}}}),
            json!({"not": {"if": {"$ref": "#/$defs/n"}}}),
        ] {
            let schema = json!({"$ref": "#/$defs/n", "$defs": {"n": within}});
            assert_eq!(recursion(&schema).as_deref(), Some("#/$defs/n"), "{within}");
        }
    }
}
