//! JSON Lines: one object a line, blank lines skipped.

use std::io::BufRead;

use serde_json::Value;

use super::flawed_json::{explain, not_an_object};
use super::line_records::LineRecords;
use super::{BadRow, Record, Row};
use crate::{exact, json_cost};

/// The records of a JSON Lines text; `end` is what ends a line.
pub(super) fn records<R: BufRead>(name: &str, reader: R, end: u8) -> LineRecords<R> {
    LineRecords::new(name, reader, end, object)
}

/// Reads one record from the JSON text of an object that starts on `line`.
pub(super) fn object(text: &[u8], row: u64, line: u64) -> Row {
    if let Err(error) = json_cost::check(text) {
        let reason = format!("{error}; a row has the values of one prompt");
        return Err(BadRow { row, line, reason });
    }
    let reason = match exact::from_slice(text) {
        Ok(Value::Object(fields)) if !exact::is_number(&fields) => {
            return Ok(Record { row, line, fields });
        }
        Ok(other) => not_an_object(&other),
        Err(error) => explain(text, line, &error),
    };
    Err(BadRow { row, line, reason })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, trace};
    use super::*;

    #[track_caller]
    fn read(text: &[u8], expected: &str) {
        check(
            LineRecords::bounded("in.jsonl", text, 40, b'\n', object),
            expected,
        );
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
    fn byte_order_marks_and_lone_returns_are_seen_through() {
        let two = "1:1 {\"a\":1}\n2:2 {\"a\":2}";
        read("\u{feff}{\"a\":1}\n\u{feff}{\"a\":2}\n".as_bytes(), two);
        let returns = &b"{\"a\":1}\r{\"a\":2}\r"[..];
        check(records("in.jsonl", returns, b'\r'), two);
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
            trace(records("in.jsonl", broken, b'\n')),
            "1:1 {\"a\":1}\nin.jsonl: broken after line 1: the disk is gone; the file may be damaged or cut short\n"
        );
    }
}
