//! Plain text: one prompt a line, blank lines skipped. Nothing else has a meaning in it.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::error::InputError;
use super::jsonl::too_long;
use super::lines::{Line, Lines};
use super::{BadRow, ENDLESS_RECORD, LONGEST_RECORD, Record, Row, endless};

/// The column that the lines are in.
pub(super) const PROMPT: &str = "prompt";

/// The lines of a text as records.
pub(super) struct TextLines<R> {
    name: String,
    lines: Lines<R>,
    row: u64,
}

impl<R: BufRead> TextLines<R> {
    pub(super) fn new(name: &str, reader: R, end: u8) -> Self {
        Self {
            name: name.into(),
            lines: Lines::new(reader, LONGEST_RECORD, ENDLESS_RECORD, end),
            row: 0,
        }
    }
}

impl<R: BufRead> Iterator for TextLines<R> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.line + 1;
            let text = match self.lines.next_line() {
                Ok(None) => return None,
                Ok(Some(Line::Whole(text))) if text.trim_ascii().is_empty() => continue,
                Ok(Some(text)) => text,
                Err(source) => {
                    let name = self.name.clone();
                    return Some(Err(InputError::broken(name, line - 1, source)));
                }
            };
            self.row += 1;
            let row = self.row;
            return Some(Ok(match text {
                Line::Whole(text) => record(text, row, line),
                Line::TooLong => Err(too_long(row, line)),
                Line::Endless => return Some(Err(endless(&self.name, line))),
            }));
        }
    }
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
            TextLines::new("in.txt", &text[..], b'\n'),
            r#"
            1:1 {"prompt":" What, \"and\" why?"}
            2:3 {"prompt":"{\"a\":1}"}
            row 3 (line 4): not UTF-8; save the file as UTF-8
            4:5 {"prompt":"last"}
            "#,
        );
        let returns = TextLines::new("in.txt", &b"a\rb\r"[..], b'\r');
        check(returns, "1:1 {\"prompt\":\"a\"}\n2:2 {\"prompt\":\"b\"}");
    }
}
