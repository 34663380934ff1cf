//! JSON Lines: one object a line, blank lines passed over.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::error::InputError;
use super::lines::{Line, Lines};
use super::{BadRow, ENDLESS_RECORD, LONGEST_RECORD, Record, Row, endless};

/// The records of a JSON Lines text.
pub(super) struct JsonLines<R> {
    name: String,
    lines: Lines<R>,
    row: u64,
}

impl<R: BufRead> JsonLines<R> {
    pub(super) fn new(name: &str, reader: R) -> Self {
        Self::bounded(name, reader, LONGEST_RECORD)
    }

    fn bounded(name: &str, reader: R, longest: usize) -> Self {
        Self {
            name: name.into(),
            lines: Lines::new(reader, longest, ENDLESS_RECORD),
            row: 0,
        }
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.line + 1;
            let row = self.row + 1;
            let text = match self.lines.next_line() {
                Ok(None) => return None,
                Ok(Some(Line::Whole(text))) if text.trim_ascii().is_empty() => continue,
                Ok(Some(text)) => text,
                Err(source) => {
                    let name = self.name.clone();
                    return Some(Err(InputError::broken(name, line - 1, source)));
                }
            };
            self.row = row;
            return Some(Ok(match text {
                Line::Whole(text) => object(text, row, line),
                Line::TooLong => Err(too_long(row, line)),
                Line::Endless => return Some(Err(endless(&self.name, line))),
            }));
        }
    }
}

/// Reads one record from the JSON text of an object that starts on `line`.
pub(super) fn object(text: &[u8], row: u64, line: u64) -> Row {
    match serde_json::from_slice::<Map<String, Value>>(text) {
        Ok(fields) => Ok(Record { row, line, fields }),
        Err(error) => Err(BadRow {
            row,
            line,
            reason: explain(text, line, &error),
        }),
    }
}

/// A record past [`LONGEST_RECORD`].
pub(super) fn too_long(row: u64, line: u64) -> BadRow {
    let reason = format!(
        "longer than {} MiB; a line break may be missing",
        LONGEST_RECORD >> 20
    );
    BadRow { row, line, reason }
}

/// Says what is wrong with `text`, and where: the column, and the line when it is another one.
fn explain(text: &[u8], line: u64, error: &serde_json::Error) -> String {
    if let Err(error) = str::from_utf8(text) {
        let column = error.valid_up_to() + 1;
        return format!("byte {column}: not UTF-8; save the file as UTF-8");
    }
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        let kind = kind(&value);
        return format!(r#"{kind} where an object is expected, such as {{"prompt": "…"}}"#);
    }
    let whole = error.to_string();
    let what = whole
        .rsplit_once(" at line ")
        .map_or(whole.as_str(), |(what, _)| what);
    let column = error.column();
    match error.line() {
        0 | 1 => format!("column {column}: not JSON: {what}"),
        more => format!(
            "line {}, column {column}: not JSON: {what}",
            line + more as u64 - 1
        ),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, trace};
    use super::*;

    #[track_caller]
    fn read(text: &[u8], expected: &str) {
        check(JsonLines::bounded("in.jsonl", text, 40), expected);
    }

    #[test]
    fn each_line_is_a_record_with_its_fields_in_order() {
        read(
            b"{\"b\":1,\"a\":\"x\"}\r\n\n  \n{\"a\":null}",
            r#"
            1:1 {"b":1,"a":"x"}
            2:4 {"a":null}
            "#,
        );
    }

    #[test]
    fn a_bad_line_counts_and_the_next_is_read() {
        read(
            b"{\"a\":1,}\n[1]\n\"x\"\n{\"a\":\"\xff\"}\n{\"a\":\n{\"a\":2}\n",
            r#"
            row 1 (line 1): column 8: not JSON: trailing comma
            row 2 (line 2): an array where an object is expected, such as {"prompt": "…"}
            row 3 (line 3): a string where an object is expected, such as {"prompt": "…"}
            row 4 (line 4): byte 7: not UTF-8; save the file as UTF-8
            row 5 (line 5): column 5: not JSON: EOF while parsing a value
            6:6 {"a":2}
            "#,
        );
    }

    #[test]
    fn a_line_past_the_bound_is_a_bad_row_and_the_next_is_read() {
        let text = format!("{{\"a\":\"{}\"}}\n{{\"a\":1}}\n", "x".repeat(50));
        read(
            text.as_bytes(),
            r#"
            row 1 (line 1): longer than 64 MiB; a line break may be missing
            2:2 {"a":1}
            "#,
        );
    }

    #[test]
    fn a_reader_that_breaks_is_an_error_and_not_an_end() {
        let broken = std::io::BufReader::new(super::super::testing::Breaks(b"{\"a\":1}\n{\"a\""));
        assert_eq!(
            trace(JsonLines::new("in.jsonl", broken)),
            "1:1 {\"a\":1}\nin.jsonl: broken after line 1: the disk is gone; the file may be damaged or cut short\n"
        );
    }
}
