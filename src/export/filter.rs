//! Which records are exported: the conditions of `--where`.

use super::record::{Cell, Cutter, text};

/// A condition on a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    field: String,
    value: String,
    /// Whether the field is to have the value, or another.
    equal: bool,
}

impl Condition {
    /// `status=succeeded` or `metadata.lang!=en`.
    ///
    /// # Errors
    /// There is no `=` in it, or nothing before that.
    pub fn parse(typed: &str) -> Result<Self, &'static str> {
        let takes = "it takes FIELD=VALUE or FIELD!=VALUE, such as status=succeeded";
        let (field, value) = typed.split_once('=').ok_or(takes)?;
        let (field, equal) = match field.strip_suffix('!') {
            Some(field) => (field, false),
            None => (field, true),
        };
        if field.trim().is_empty() {
            return Err(takes);
        }
        Ok(Self {
            field: field.trim().to_owned(),
            value: value.to_owned(),
            equal,
        })
    }

    /// The field that it looks at.
    pub(super) fn field(&self) -> &str {
        &self.field
    }
}

/// Conditions, with the places of their fields among the cells of a record.
#[derive(Debug, Default)]
pub(super) struct Filter<'a>(Vec<(&'a Condition, usize)>);

impl<'a> Filter<'a> {
    pub(super) fn new(conditions: &'a [Condition], cutter: &mut Cutter) -> Self {
        let conditions = conditions.iter();
        Self(conditions.map(|it| (it, cutter.add(&it.field))).collect())
    }

    /// Whether all of them hold. What is not there has no text, as what is empty.
    pub(super) fn takes(&self, cells: &[Cell<'_>]) -> bool {
        self.0.iter().all(|(condition, number)| {
            let is_equal = cells[*number].map_or("".into(), text) == condition.value;
            is_equal == condition.equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: bool) {
        let conditions = [Condition::parse(typed).unwrap()];
        let mut cutter = Cutter::default();
        let filter = Filter::new(&conditions, &mut cutter);
        let line = br#"{"status":"failed","row":7,"metadata":{"a":"x=y","b":true,"c":null}}"#;
        let mut cells = Vec::new();
        assert!(cutter.cut(line, &mut cells));
        assert_eq!(filter.takes(&cells), expected, "{typed}");
    }

    #[test]
    fn a_condition_compares_the_text_of_a_value() {
        check("status=failed", true);
        check("status=succeeded", false);
        check("status!=succeeded", true);
        check("row=7", true);
        check("metadata.a=x=y", true);
        check("metadata.b=true", true);
        check("metadata.c=", true);
        check("metadata.d!=", false);
    }

    #[test]
    fn a_condition_without_field_or_sign_is_rejected() {
        for typed in ["status", "=x", "!=x", ""] {
            assert!(Condition::parse(typed).is_err(), "{typed}");
        }
    }
}
