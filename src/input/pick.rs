//! Fields that a job names beside the prompt: the one that identifies a row, and those to be kept.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::InputError;
use super::fields::Fields;
use super::{BadRow, Record};
use crate::exact;
use crate::record_id::record_id;

/// Fields that identify a row when the job does not say which does, in order of preference: the
/// names of the OpenAI batch format, of most data sets, and of Bedrock batch inference.
const ID_FIELDS: [&str; 3] = [CUSTOM_ID, "id", "recordId"];

const CUSTOM_ID: &str = "custom_id";

/// Fields that all records of a sweep's output have, and hardly anything else has together.
const RECORD_FIELDS: [&str; 5] = [CUSTOM_ID, "variant", "sample", "params", "fingerprint"];

/// What a job writes for the row's number, where a usual field is there and is not to be used.
const ROW_NUMBER: &str = "#row";

/// What a job writes for all fields.
const ALL: &str = "*";

/// What identifies a row. Settled once an input, so that rows never have ids of different fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// The value of this field, or the one that this path leads to.
    Field(String),
    /// The row is a record of a sweep's output: its ID, variant and sample in one.
    Record,
    /// Its number, from 1.
    Number,
}

/// The fields that are copied to each result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// These, each a name or a path.
    Some(Vec<String>),
    /// All that a record has.
    All,
}

impl Id {
    /// The field that the job names, else what identifies a record of a sweep, else the first usual field
    /// there is, else the row's number.
    pub fn resolve(named: Option<&str>, fields: &Fields) -> Result<Self, InputError> {
        if let Some(name) = named {
            if name == ROW_NUMBER && !fields.has(name) {
                return Ok(Self::Number);
            }
            fields.require("id", name)?;
            return Ok(Self::Field(name.into()));
        }
        if RECORD_FIELDS.iter().all(|name| fields.has(name)) {
            return Ok(Self::Record);
        }
        let usual = ID_FIELDS.into_iter().find(|name| fields.has(name));
        Ok(usual.map_or(Self::Number, |name| Self::Field(name.into())))
    }

    /// The field that names a row, if one does.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Record => Some(CUSTOM_ID),
            Self::Number => None,
        }
    }

    /// The id of `record`.
    pub fn of(&self, record: &Record) -> Result<String, BadRow> {
        match self {
            Self::Field(field) => of_field(record, field),
            Self::Record => of_record(record),
            Self::Number => Ok(record.row.to_string()),
        }
    }
}

/// The ID of a record of an output. One that is of no sweep, as lines of another file may be, has its
/// `custom_id`.
fn of_record(record: &Record) -> Result<String, BadRow> {
    let id = of_field(record, CUSTOM_ID)?;
    let field = |name| record.fields.get(name);
    let variant = field("variant").and_then(Value::as_str);
    let sample = field("sample").and_then(Value::as_u64);
    Ok(record_id(&id, variant.zip(sample)))
}

/// The ID in a field of `record`.
fn of_field(record: &Record, field: &str) -> Result<String, BadRow> {
    let value = record.get(field);
    let value = value.as_deref();
    if let Some(number) = value.and_then(exact::number) {
        return Ok(number.into_owned());
    }
    match value {
        Some(Value::String(id)) if !id.trim().is_empty() => Ok(id.clone()),
        Some(Value::String(_) | Value::Null) => Err(record.bad(format!(
            "the id field `{field}` is empty; give the row an id"
        ))),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(record
            .bad(format!(
                "the id field `{field}` is neither text nor a number"
            ))),
        None => Err(record.bad(format!("no id field `{field}`; give the row an id"))),
    }
}

impl Keep {
    /// The fields the job names, or all of them for `*`; a column that the header does not have is
    /// rejected.
    pub fn resolve(names: &[String], fields: &Fields) -> Result<Self, InputError> {
        if names.iter().any(|name| name == ALL) && !fields.has(ALL) {
            return Ok(Self::All);
        }
        let known: HashSet<&str> = fields.names().iter().map(String::as_str).collect();
        for name in names.iter().filter(|name| !known.contains(name.as_str())) {
            fields.require("keep", name)?;
        }
        Ok(Self::Some(names.to_vec()))
    }

    /// The names and paths that the job gives.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Some(names) => names,
            Self::All => &[],
        }
    }

    /// These fields of `record`, in the order of the job; `null` for one it does not have.
    pub fn of(&self, record: &Record) -> Map<String, Value> {
        let Self::Some(names) = self else {
            return record.fields.clone();
        };
        let value = |name| record.get(name).map_or(Value::Null, Cow::into_owned);
        names
            .iter()
            .map(|name| (name.clone(), value(name)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    #[track_caller]
    fn check(named: Option<&str>, json: &str, expected: &str) {
        let record = record(json);
        let id = Id::resolve(named, &Fields::Seen(record.names())).unwrap();
        let read = id.of(&record).unwrap_or_else(|bad| bad.to_string());
        assert_eq!(read, expected, "{json}");
    }

    #[test]
    fn the_id_is_the_field_path_or_number_the_job_says() {
        check(Some("#row"), r#"{"id":"b"}"#, "7");
        check(Some("#row"), r##"{"#row":"literal"}"##, "literal");
        check(Some("meta.key"), r#"{"meta":{"key":5},"id":"b"}"#, "5");
        check(Some("/meta/0"), r#"{"meta":["x"],"id":"b"}"#, "x");
        check(Some("key"), r#"{"key":"a","id":"b"}"#, "a");
        check(Some("key"), r#"{"key":12}"#, "12");
        check(
            Some("key"),
            r#"{"key":" "}"#,
            "row 7 (line 9): the id field `key` is empty; give the row an id",
        );
        check(
            Some("key"),
            r#"{"key":null}"#,
            "row 7 (line 9): the id field `key` is empty; give the row an id",
        );
        check(
            Some("key"),
            r#"{"key":true}"#,
            "row 7 (line 9): the id field `key` is neither text nor a number",
        );
        check(
            Some("key"),
            r#"{"id":1}"#,
            "row 7 (line 9): no id field `key`; give the row an id",
        );
    }

    #[test]
    fn without_a_word_the_usual_fields_name_a_row_and_then_its_number() {
        check(None, r#"{"recordId":"r","id":"i","custom_id":"c"}"#, "c");
        check(None, r#"{"recordId":"r","id":"i"}"#, "i");
        check(None, r#"{"recordId":"r"}"#, "r");
        check(None, r#"{"name":"n"}"#, "7");
    }

    #[test]
    fn a_record_of_a_sweep_is_identified_by_id_variant_and_sample() {
        let record =
            r#"{"custom_id":"q","variant":"m/p","sample":2,"params":{},"fingerprint":"f"}"#;
        check(None, record, "q#m/p#2");
        check(Some("custom_id"), record, "q");
        let data = r#"{"custom_id":"q","variant":"m/p","sample":2}"#;
        check(None, data, "q");
    }

    #[test]
    fn a_column_that_is_not_there_is_refused_at_once() {
        let fields = Fields::Columns(vec!["ticket_id".into(), "team".into()]);
        let expected =
            "no column `ticketid` (did you mean `ticket_id`?); columns here: ticket_id, team";
        let id = Id::resolve(Some("ticketid"), &fields).unwrap_err();
        assert_eq!(id.to_string(), format!("`id`: {expected}"));
        let names = ["team".to_owned(), "ticketid".to_owned()];
        let keep = Keep::resolve(&names, &fields).unwrap_err();
        assert_eq!(keep.to_string(), format!("`keep`: {expected}"));
    }

    #[test]
    fn kept_fields_come_in_the_order_of_the_job() {
        let names = ["b".to_owned(), "z".to_owned(), "a".to_owned()];
        let keep = Keep::resolve(&names, &Fields::Seen(Vec::new())).unwrap();
        let kept = Value::Object(keep.of(&record(r#"{"a":[1],"b":"x"}"#)));
        assert_eq!(kept.to_string(), r#"{"b":"x","z":null,"a":[1]}"#);
    }

    #[test]
    fn a_path_keeps_what_it_leads_to_and_a_star_keeps_everything() {
        let kept = |name: &str| {
            let keep = Keep::resolve(&[name.to_owned()], &Fields::Seen(Vec::new())).unwrap();
            Value::Object(keep.of(&record(r#"{"a":{"b":[1,2]},"c":"x"}"#))).to_string()
        };
        assert_eq!(kept("a.b.1"), r#"{"a.b.1":2}"#);
        assert_eq!(kept("*"), r#"{"a":{"b":[1,2]},"c":"x"}"#);
    }
}
