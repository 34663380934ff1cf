//! Fields read as what the job says they hold: text, or JSON.

use std::borrow::Cow;

use serde_json::Value;

use crate::exact;
use crate::input::{BadRow, Record, listed};

/// The text of the field `name`: strings as they are, numbers as JSON writes them.
pub(super) fn text(record: &Record, name: &str) -> Result<String, BadRow> {
    let value = value(record, name)?;
    if let Some(number) = exact::number(&value) {
        return Ok(number.into_owned());
    }
    let text = match value.as_ref() {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) => return Err(record.bad(format!("`{name}` is a boolean, not text"))),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let hint = "if it holds messages or a body, say so with `messages` or `body`";
            return Err(record.bad(format!("`{name}` is not text; {hint}")));
        }
    };
    match text.trim().is_empty() {
        true => Err(record.bad(format!("the prompt is empty; give `{name}` a value"))),
        false => Ok(text),
    }
}

/// The JSON value of the field `name`: itself, or what its string holds, as in CSV.
pub(super) fn json<'a>(record: &'a Record, name: &str) -> Result<Cow<'a, Value>, BadRow> {
    let value = value(record, name)?;
    let Value::String(text) = value.as_ref() else {
        return Ok(value);
    };
    if text.trim().is_empty() {
        return Err(record.bad(format!("`{name}` is empty")));
    }
    let read = exact::from_slice(text.as_bytes()).map(Cow::Owned);
    read.map_err(|error| record.bad(format!("`{name}` does not hold JSON: {error}")))
}

/// The list that the field `name` holds, itself or as JSON text; any other value is a list of one.
pub(super) fn list<'a>(record: &'a Record, name: &str) -> Result<Cow<'a, [Value]>, BadRow> {
    let value = match value(record, name)? {
        Cow::Borrowed(Value::Array(items)) => return Ok(Cow::Borrowed(items)),
        Cow::Owned(Value::Array(items)) => return Ok(Cow::Owned(items)),
        value @ (Cow::Borrowed(_) | Cow::Owned(_)) => value,
    };
    let written = value
        .as_str()
        .filter(|text| text.trim_start().starts_with('['));
    match written.and_then(|text| exact::from_slice(text.as_bytes()).ok()) {
        Some(items) => Ok(Cow::Owned(items)),
        None => Ok(Cow::Owned(vec![value.into_owned()])),
    }
}

fn value<'a>(record: &'a Record, name: &str) -> Result<Cow<'a, Value>, BadRow> {
    record.get(name).ok_or_else(|| {
        record.bad(format!(
            "no field `{name}`; fields here: {}",
            listed(&record.names())
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::record;

    #[track_caller]
    fn check(read: impl ToString, expected: &str) {
        assert_eq!(
            read.to_string().trim_start_matches("row 7 (line 9): "),
            expected
        );
    }

    #[test]
    fn text_is_a_string_or_a_number_and_never_blank() {
        let record = record(r#"{"s":" a\n","n":1.50,"e":" \n","z":null,"b":true,"l":[]}"#);
        check(text(&record, "s").unwrap(), " a\n");
        check(text(&record, "n").unwrap(), "1.5");
        check(
            text(&record, "e").unwrap_err(),
            "the prompt is empty; give `e` a value",
        );
        check(
            text(&record, "z").unwrap_err(),
            "the prompt is empty; give `z` a value",
        );
        check(
            text(&record, "b").unwrap_err(),
            "`b` is a boolean, not text",
        );
        check(
            text(&record, "l").unwrap_err(),
            "`l` is not text; if it holds messages or a body, say so with `messages` or `body`",
        );
        check(
            text(&record, "q").unwrap_err(),
            "no field `q`; fields here: s, n, e, z, b, l",
        );
    }

    #[test]
    fn json_is_a_value_or_a_string_that_holds_one() {
        let record = record(r#"{"o":{"b":1,"a":2},"s":"{\"b\":1,\"a\":2}","x":"{","e":""}"#);
        check(json(&record, "o").unwrap(), r#"{"b":1,"a":2}"#);
        check(json(&record, "s").unwrap(), r#"{"b":1,"a":2}"#);
        check(json(&record, "e").unwrap_err(), "`e` is empty");
        check(
            json(&record, "x").unwrap_err(),
            "`x` does not hold JSON: EOF while parsing an object at line 1 column 1",
        );
    }
}
