//! The size of a schema, which some services limit.
//!
//! Source: messages of Anthropic's models, as reported until November 2026. Of other models no limits are
//! known.

use serde_json::{Map, Value};

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

    /// Counts the properties of an object with these rules.
    pub(super) fn count(&mut self, properties: &Value, rules: &Map<String, Value>) {
        let required = rules.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|it| it == name));
        for (name, schema) in properties.as_object().into_iter().flatten() {
            self.optional += usize::from(!is_required(name));
            let is_union = schema.get("type").is_some_and(Value::is_array)
                || ["anyOf", "oneOf"]
                    .iter()
                    .any(|key| schema.get(key).is_some());
            self.unions += usize::from(is_union);
        }
    }
}
