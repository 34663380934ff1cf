//! Fields that a job names beside the prompt: the one that names a row, and those to be kept.

use serde_json::{Map, Value};

use super::error::InputError;
use super::fields::Fields;
use super::{BadRow, Record};

/// Fields that name a row when the job does not say which does, in order of preference: the names
/// of the OpenAI batch format, of most data sets, and of Bedrock batch inference.
const ID_FIELDS: [&str; 3] = ["custom_id", "id", "recordId"];

/// What names a row. Settled once an input, so that rows are never named by different fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// The value of this field.
    Field(String),
    /// Its number, from 1.
    Number,
}

/// The fields that are copied to each result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep(Vec<String>);

impl Id {
    /// The field that the job names, else the first usual one there is, else the row's number.
    pub fn settle(named: Option<&str>, fields: &Fields) -> Result<Self, InputError> {
        if let Some(name) = named {
            fields.require("id", name)?;
            return Ok(Self::Field(name.into()));
        }
        let usual = ID_FIELDS.into_iter().find(|name| fields.has(name));
        Ok(usual.map_or(Self::Number, |name| Self::Field(name.into())))
    }

    /// The field that names a row, if one does.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Number => None,
        }
    }

    /// The id of `record`.
    pub fn of(&self, record: &Record) -> Result<String, BadRow> {
        let Self::Field(field) = self else {
            return Ok(record.row.to_string());
        };
        match record.fields.get(field) {
            Some(Value::String(id)) if !id.trim().is_empty() => Ok(id.clone()),
            Some(Value::Number(id)) => Ok(id.to_string()),
            Some(Value::String(_) | Value::Null) => Err(record.bad(format!(
                "the id field `{field}` is empty; give the row an id"
            ))),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(record.bad(format!(
                "the id field `{field}` is neither text nor a number"
            ))),
            None => Err(record.bad(format!("no id field `{field}`; give the row an id"))),
        }
    }
}

impl Keep {
    /// The fields the job names; a column that the header does not have is refused.
    pub fn settle(names: &[String], fields: &Fields) -> Result<Self, InputError> {
        for name in names {
            fields.require("keep", name)?;
        }
        Ok(Self(names.to_vec()))
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// These fields of `record`, in the order of the job; `null` for one it does not have.
    pub fn of(&self, record: &Record) -> Map<String, Value> {
        let value = |name| record.fields.get(name).cloned().unwrap_or(Value::Null);
        self.0
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
        let id = Id::settle(named, &Fields::Seen(record.names())).unwrap();
        let read = id.of(&record).unwrap_or_else(|bad| bad.to_string());
        assert_eq!(read, expected, "{json}");
    }

    #[test]
    fn a_row_is_named_by_the_field_the_job_says() {
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
    fn a_column_that_is_not_there_is_refused_at_once() {
        let fields = Fields::Columns(vec!["ticket_id".into(), "team".into()]);
        let expected =
            "no column `ticketid` (did you mean `ticket_id`?); columns here: ticket_id, team";
        let id = Id::settle(Some("ticketid"), &fields).unwrap_err();
        assert_eq!(id.to_string(), format!("`id`: {expected}"));
        let names = ["team".to_owned(), "ticketid".to_owned()];
        let keep = Keep::settle(&names, &fields).unwrap_err();
        assert_eq!(keep.to_string(), format!("`keep`: {expected}"));
    }

    #[test]
    fn kept_fields_come_in_the_order_of_the_job() {
        let names = ["b".to_owned(), "z".to_owned(), "a".to_owned()];
        let keep = Keep::settle(&names, &Fields::Seen(Vec::new())).unwrap();
        let kept = Value::Object(keep.of(&record(r#"{"a":[1],"b":"x"}"#)));
        assert_eq!(kept.to_string(), r#"{"b":"x","z":null,"a":[1]}"#);
    }
}
