//! Plain text: one prompt a line, blank lines skipped. Nothing else has a meaning in it.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::line_records::LineRecords;
use super::{BadRow, Record, Row};

/// The column that the lines are in.
pub(super) const PROMPT: &str = "prompt";

/// The records of a plain text; `end` is what ends a line.
pub(super) fn records<R: BufRead>(name: &str, reader: R, end: u8) -> LineRecords<R> {
    LineRecords::new(name, reader, end, record)
}

fn record(text: &[u8], row: u64, line: u64) -> Row {
    let reason = "not UTF-8; save the file as UTF-8";
    let text = str::from_utf8(text).map_err(|_| BadRow {
        row,
        line,
        reason: reason.into(),
    })?;
    let fields = Map::from_iter([(PROMPT.to_owned(), Value::from(text))]);
    Ok(Record { row, line, fields })
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[test]
    fn each_line_is_a_prompt_as_it_stands() {
        let text = b" What, \"and\" why?\r\n\n{\"a\":1}\n\xff\nlast";
        check(
            records("in.txt", &text[..], b'\n'),
            r#"
            1:1 {"prompt":" What, \"and\" why?"}
            2:3 {"prompt":"{\"a\":1}"}
            row 3 (line 4): not UTF-8; save the file as UTF-8
            4:5 {"prompt":"last"}
            "#,
        );
        let returns = records("in.txt", &b"a\rb\r"[..], b'\r');
        check(returns, "1:1 {\"prompt\":\"a\"}\n2:2 {\"prompt\":\"b\"}");
    }
}
