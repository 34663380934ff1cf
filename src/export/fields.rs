//! The names that the records of an output have, and the columns made of them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::record::{GROUPS, Name, split};
use crate::nearest::nearest;

/// The fields of a record in the order of their columns, as docs/reference/output.md lists them; `*`
/// stands for the fields of a group that are not named before it. Fields of later versions follow.
const ORDER: [&str; 54] = [
    "custom_id",
    "row",
    "source",
    "variant",
    "sample",
    "params.*",
    "status",
    "completion",
    "reasoning",
    "output",
    "embedding",
    "files",
    "finish_reason",
    "stop_reason",
    "model",
    "usage.input_tokens",
    "usage.output_tokens",
    "usage.cache_read_input_tokens",
    "usage.cache_write_input_tokens",
    "usage.cache_write_1h_input_tokens",
    "usage.*",
    "cost_usd",
    "error.category",
    "error.code",
    "error.status_code",
    "error.message",
    "error.*",
    "rows_in_call",
    "place_in_call",
    "attempts",
    "throttles",
    "maybe_billed",
    "maybe_billed_usd",
    "queued_ms",
    "latency_ms",
    "first_token_ms",
    "service_latency_ms",
    "started_at",
    "finished_at",
    "request_id",
    "copied_from",
    "fingerprint",
    "metadata.*",
    "messages",
    "service_tier",
    "latency_mode",
    "keeps_reasoning",
    "own_body",
    "schema_valid",
    "repaired",
    "reasks",
    "guardrail_trace",
    "emulated",
    "raw",
];

/// Fields that every record has, or may have: they may be asked for where no record has them.
fn is_known(name: &str) -> bool {
    ORDER.contains(&name) && !name.ends_with('*') || GROUPS.contains(&name)
}

/// A name that was seen.
#[derive(Debug)]
struct SeenField {
    /// The column, such as `usage.input_tokens`.
    column: String,
    /// The lowest row that has it, and its position among the fields of its object there.
    first: (u64, usize),
}

/// The names that records have.
#[derive(Debug, Default)]
pub(super) struct FieldNames {
    top: Vec<SeenField>,
    /// By [`GROUPS`].
    groups: [Vec<SeenField>; 4],
}

impl FieldNames {
    /// Takes note of the names in `line`, the record of `row`.
    pub(super) fn see(&mut self, line: &[u8], row: u64) {
        let mut reader = serde_json::Deserializer::from_slice(line);
        // What cannot be read is rejected elsewhere.
        let _ = NamedObject {
            names: &mut self.top,
            groups: Some(&mut self.groups),
            group: "",
            row,
        }
        .deserialize(&mut reader);
    }

    /// All columns, in the order of [`ORDER`], kept fields as the first row has them. Groups are no
    /// columns: their fields are.
    pub(super) fn columns(&self) -> Vec<String> {
        let all = self.top.iter().chain(self.groups.iter().flatten());
        let is_column = |seen: &&SeenField| !GROUPS.contains(&seen.column.as_str());
        let mut all: Vec<_> = all.filter(is_column).collect();
        all.sort_by_cached_key(|seen| (position(&seen.column), seen.first, seen.column.clone()));
        all.into_iter().map(|seen| seen.column.clone()).collect()
    }

    /// Whether a column may be asked for.
    fn has(&self, column: &str) -> bool {
        let all = || self.top.iter().chain(self.groups.iter().flatten());
        is_known(column) || all().any(|seen| seen.column == column)
    }

    /// Checks a column that was asked for by `flag`.
    ///
    /// # Errors
    /// No record has it: what was probably meant, or what there is.
    pub(super) fn check(&self, flag: &str, column: &str) -> Result<(), String> {
        if self.has(column) {
            return Ok(());
        }
        let columns = self.columns();
        let names = columns.iter().map(String::as_str);
        let advice = match nearest(column, names) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("columns: {}", columns.join(", ")),
        };
        Err(format!("{flag}: no record has `{column}`; {advice}"))
    }
}

/// Where a column stands among the others.
fn position(column: &str) -> usize {
    let at = |name: &str| ORDER.iter().position(|it| *it == name);
    let of_group = || {
        let (group, part) = split(column);
        part.and_then(|_| at(&format!("{group}.*")))
    };
    at(column).or_else(of_group).unwrap_or(ORDER.len())
}

/// An object whose names are looked at.
struct NamedObject<'n> {
    names: &'n mut Vec<SeenField>,
    groups: Option<&'n mut [Vec<SeenField>; 4]>,
    group: &'static str,
    row: u64,
}

impl<'a> DeserializeSeed<'a> for NamedObject<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for NamedObject<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<(), M::Error> {
        let (mut next, mut position) = (0, 0);
        while let Some(Name(name)) = map.next_key()? {
            self.note(&name, &mut next, position);
            position += 1;
            let group = GROUPS.iter().position(|group| *group == name);
            match (group, &mut self.groups) {
                (Some(nth), Some(groups)) => map.next_value_seed(NamedObject {
                    names: &mut groups[nth],
                    groups: None,
                    group: GROUPS[nth],
                    row: self.row,
                })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

impl NamedObject<'_> {
    fn note(&mut self, name: &str, next: &mut usize, position: usize) {
        let dot = if self.group.is_empty() {
            0
        } else {
            self.group.len() + 1
        };
        let is_it = |seen: &SeenField| seen.column[dot..] == *name;
        let likely = self.names.get(*next).is_some_and(is_it);
        let found = match likely {
            true => Some(*next),
            false => self.names.iter().position(is_it),
        };
        let first = (self.row, position);
        match found {
            Some(found) => {
                *next = found + 1;
                let seen = &mut self.names[found];
                seen.first = seen.first.min(first);
            }
            None => {
                let column = match self.group {
                    "" => name.to_owned(),
                    group => format!("{group}.{name}"),
                };
                self.names.push(SeenField { column, first });
                *next = self.names.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> FieldNames {
        let mut names = FieldNames::default();
        for (nth, line) in lines.iter().enumerate() {
            names.see(line.as_bytes(), nth as u64 + 1);
        }
        names
    }

    const RECORDS: [&str; 2] = [
        r#"{"row":1,"custom_id":"a","later":1,"metadata":{"z":1,"b":{"c":1}},"usage":{"output_tokens":1,"input_tokens":null}}"#,
        r#"{"custom_id":"b","metadata":{"a":1,"b":2},"usage":null,"error":{"message":""},"also":0}"#,
    ];

    #[test]
    fn columns_have_one_order_whatever_the_order_of_the_records() {
        let expected = [
            "custom_id",
            "row",
            "usage.input_tokens",
            "usage.output_tokens",
            "error.message",
            "metadata.z",
            "metadata.b",
            "metadata.a",
            "later",
            "also",
        ];
        assert_eq!(of(&RECORDS).columns(), expected);
        let mut turned = FieldNames::default();
        turned.see(RECORDS[1].as_bytes(), 2);
        turned.see(RECORDS[0].as_bytes(), 1);
        assert_eq!(turned.columns(), expected);
    }

    #[test]
    fn an_unknown_column_is_told_with_what_was_meant() {
        let names = of(&RECORDS);
        for known in ["completion", "metadata.z", "usage", "later", "reasoning"] {
            assert_eq!(names.check("--columns", known), Ok(()));
        }
        let why = |column| names.check("--columns", column).unwrap_err();
        assert_eq!(
            why("custom-id"),
            "--columns: no record has `custom-id`; did you mean custom_id?"
        );
        assert!(why("metadata.*").contains("no record has"));
        assert!(why("xyz").contains("columns: custom_id, row, "));
    }
}
