//! CSV and TSV: a header, then one record a row, quoted line breaks included.
//!
//! The reader is asked to end records at line feeds only, so that the line it stands on after a
//! record tells the line the record began on; the carriage return before one is taken off here.
//! Behind the text it reads one more record, [`END`]: when that arrives as part of a field, a
//! quote was opened and never closed, which CSV readers otherwise pass over in silence.

use std::io::{self, Chain, Read};

use ::csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use serde_json::{Map, Value};

use super::bounded::Bounded;
use super::error::InputError;
use super::suggest::shown;
use super::{BadRow, LONGEST_RECORD, Record, Row};

/// The record read behind the last one; no text has these bytes.
const END: &[u8] = b"\n\0end of input\0";

/// How much is read from the file at a time.
const BUFFER: usize = 64 << 10;

/// The records of a CSV text.
pub(super) struct CsvRows<R> {
    name: String,
    reader: Reader<Bounded<Chain<R, &'static [u8]>>>,
    columns: Vec<String>,
    record: ByteRecord,
    row: u64,
}

/// What one step of the reader found.
enum Step {
    /// The end of the text.
    End,
    /// A record that starts on this line.
    Record { line: u64 },
    /// A record whose last quote, opened on this line or later, never closes.
    Unclosed { line: u64 },
}

impl<R: Read> CsvRows<R> {
    /// Reads the header.
    pub(super) fn open(name: &str, reader: R, delimiter: u8) -> Result<Self, InputError> {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Bounded::new(reader.chain(END)));
        let record = ByteRecord::new();
        let mut rows = Self {
            name: name.into(),
            reader,
            columns: Vec::new(),
            record,
            row: 0,
        };
        let step = rows.step()?;
        let first = rows.record.get(0).unwrap_or_default();
        if let Some(format) = json_like(first) {
            return Err(rows.header(&format!("it looks like JSON: give the format as {format}")));
        }
        rows.columns = match step {
            Step::End => return Err(InputError::Empty { name: rows.name }),
            Step::Unclosed { .. } => return Err(rows.header("a quote is opened and never closed")),
            Step::Record { .. } => rows.read_header()?,
        };
        Ok(rows)
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Reads the next record that is not blank into `self.record`.
    fn step(&mut self) -> Result<Step, InputError> {
        loop {
            let from = self.reader.position().byte();
            let line = self.reader.position().line();
            self.reader.get_mut().allow(from + LONGEST_RECORD as u64);
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(Step::End),
                Err(error) => return Err(self.stopped(line, unwrapped(error))),
            }
            let after = self.reader.position().line();
            let inside = self
                .record
                .as_slice()
                .iter()
                .filter(|byte| **byte == b'\n')
                .count() as u64;
            let last = self.record.iter().next_back().unwrap_or_default();
            if self.record.len() == 1 && last == &END[1..] {
                return Ok(Step::End);
            }
            if last.ends_with(END) {
                return Ok(Step::Unclosed {
                    line: after - inside,
                });
            }
            if !self.is_blank() {
                return Ok(Step::Record {
                    line: after - inside - 1,
                });
            }
        }
    }

    /// A line with nothing on it; in a file of one column, spaces are a value.
    fn is_blank(&self) -> bool {
        let only = &self.record[0];
        self.record.len() == 1
            && (only == b"\r" || (1 < self.columns.len() && only.trim_ascii().is_empty()))
    }

    fn field(&self, at: usize) -> &[u8] {
        let field = &self.record[at];
        if at + 1 == self.record.len() {
            field.strip_suffix(b"\r").unwrap_or(field)
        } else {
            field
        }
    }

    fn read_header(&self) -> Result<Vec<String>, InputError> {
        let mut columns: Vec<String> = Vec::with_capacity(self.record.len());
        for at in 0..self.record.len() {
            let position = at + 1;
            let Ok(name) = str::from_utf8(self.field(at)) else {
                return Err(self.header(&format!(
                    "column {position}: not UTF-8; save the file as UTF-8"
                )));
            };
            let name = name.trim();
            if name.is_empty() {
                return Err(self.header(&format!("column {position} has no name; give it one")));
            }
            if columns.iter().any(|known| known == name) {
                return Err(self.header(&format!(
                    "two columns are named `{}`; rename one",
                    shown(name)
                )));
            }
            columns.push(name.into());
        }
        match columns.as_slice() {
            [only] if only.contains([';', '\t']) => Err(self.header(&format!(
                "one column, `{}`; if that is several, separate them by commas, or by tabs and \
                 give the format as tsv",
                shown(only).escape_debug()
            ))),
            _ => Ok(columns),
        }
    }

    fn read_record(&self, line: u64) -> Row {
        let bad = |reason| BadRow {
            row: self.row,
            line,
            reason,
        };
        let (found, expected) = (self.record.len(), self.columns.len());
        if found != expected {
            return Err(bad(ragged(found, expected)));
        }
        let mut fields = Map::with_capacity(expected);
        for (at, column) in self.columns.iter().enumerate() {
            let Ok(text) = str::from_utf8(self.field(at)) else {
                return Err(bad(format!(
                    "column `{}`: not UTF-8; save the file as UTF-8",
                    shown(column)
                )));
            };
            fields.insert(column.clone(), Value::String(text.into()));
        }
        Ok(Record {
            row: self.row,
            line,
            fields,
        })
    }

    fn header(&self, problem: &str) -> InputError {
        InputError::Header {
            name: self.name.clone(),
            problem: problem.into(),
        }
    }

    fn stopped(&self, line: u64, source: io::Error) -> InputError {
        let name = self.name.clone();
        if self.reader.get_ref().is_exceeded() {
            let problem = format!(
                "a record longer than {} MiB; is a quote left open?",
                LONGEST_RECORD >> 20
            );
            return InputError::Malformed {
                name,
                line,
                problem,
            };
        }
        InputError::broken(name, line - 1, source)
    }
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = match self.step() {
            Ok(Step::End) => return None,
            Ok(step) => step,
            Err(error) => return Some(Err(error)),
        };
        self.row += 1;
        let row = self.row;
        Some(Ok(match step {
            Step::End => return None,
            Step::Record { line } => self.read_record(line),
            Step::Unclosed { line } => Err(BadRow {
                row,
                line,
                reason: unclosed(),
            }),
        }))
    }
}

fn ragged(found: usize, expected: usize) -> String {
    let fields = if found == 1 { "field" } else { "fields" };
    let hint = if expected < found {
        "is a comma or quote inside a value not quoted?"
    } else {
        "is a separator missing, or a quote left open?"
    };
    format!("{found} {fields} where the header has {expected}; {hint}")
}

fn unclosed() -> String {
    "a quote is opened and never closed; everything behind it was taken into this row".into()
}

/// What the system said, as it said it.
fn unwrapped(error: csv::Error) -> io::Error {
    let text = error.to_string();
    let csv::ErrorKind::Io(said) = error.into_kind() else {
        return io::Error::other(text);
    };
    said
}

/// The format of a header that is none, but the beginning of JSON.
fn json_like(first: &[u8]) -> Option<&'static str> {
    let behind = |brace: u8| first.trim_ascii_start().strip_prefix(&[brace]);
    let begins = |rest: &[u8], with: &[u8]| {
        let next = rest.trim_ascii_start().first();
        next.is_none_or(|next| with.contains(next))
    };
    if behind(b'{').is_some_and(|rest| begins(rest, b"\"}")) {
        return Some("jsonl");
    }
    behind(b'[')
        .is_some_and(|rest| begins(rest, b"{]"))
        .then_some("json")
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[track_caller]
    fn read(text: &[u8], expected: &str) {
        check(CsvRows::open("in.csv", text, b',').unwrap(), expected);
    }

    #[track_caller]
    fn refuse(text: &[u8], expected: &str) {
        let error = CsvRows::open("in.csv", text, b',').err().unwrap();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn rows_are_numbered_and_know_their_line_whatever_ends_it() {
        read(
            b"\nid, body\n1,\"a\nb\"\n\n\n2,c\n3,\"d\"\"e\"",
            r#"
            1:3 {"id":"1","body":"a\nb"}
            2:7 {"id":"2","body":"c"}
            3:8 {"id":"3","body":"d\"e"}
            "#,
        );
        read(
            b"id,body\r\n1,\"a\r\nb\"\r\n\r\n2,c\r\n\"3\",\"d\"\r\n",
            r#"
            1:2 {"id":"1","body":"a\r\nb"}
            2:5 {"id":"2","body":"c"}
            3:6 {"id":"3","body":"d"}
            "#,
        );
    }

    #[test]
    fn empty_values_are_kept_and_blank_lines_are_not() {
        read(
            b"a\n\"\"\nx\n\n \n",
            "1:2 {\"a\":\"\"}\n2:3 {\"a\":\"x\"}\n3:5 {\"a\":\" \"}",
        );
        read(b"a,b\n,\n  \n", "1:2 {\"a\":\"\",\"b\":\"\"}");
    }

    #[test]
    fn a_bad_row_counts_and_the_next_is_read() {
        read(
            b"id,body\n1,a,b\n2\n3,\"x\ny\"\n4,\xff\n5,z\n",
            r#"
            row 1 (line 2): 3 fields where the header has 2; is a comma or quote inside a value not quoted?
            row 2 (line 3): 1 field where the header has 2; is a separator missing, or a quote left open?
            3:4 {"id":"3","body":"x\ny"}
            row 4 (line 6): column `body`: not UTF-8; save the file as UTF-8
            5:7 {"id":"5","body":"z"}
            "#,
        );
    }

    #[test]
    fn a_quote_left_open_is_a_bad_row_and_not_a_long_value() {
        read(
            b"id,body\n1,a\n2,\"b\n3,c\n4,d\n",
            r#"
            1:2 {"id":"1","body":"a"}
            row 2 (line 3): a quote is opened and never closed; everything behind it was taken into this row
            "#,
        );
    }

    #[test]
    fn a_record_past_the_bound_ends_the_reading() {
        let endless = b"id,body\n1,\"".chain(io::repeat(b'x'));
        let rows = CsvRows::open("in.csv", endless, b',').unwrap();
        check(
            rows.take(1),
            "in.csv: line 2: a record longer than 64 MiB; is a quote left open?",
        );
    }

    #[test]
    fn a_header_must_name_every_column_once() {
        refuse(b"", "in.csv: empty; give it at least one row");
        refuse(
            b"a,,b\n",
            "in.csv: header: column 2 has no name; give it one",
        );
        refuse(
            b"a,b, a\n",
            "in.csv: header: two columns are named `a`; rename one",
        );
        refuse(
            b"a,\xff\n",
            "in.csv: header: column 2: not UTF-8; save the file as UTF-8",
        );
        let several = "if that is several, separate them by commas, or by tabs and give the format \
                       as tsv";
        refuse(
            b"id;prompt\n1;x\n",
            &format!("in.csv: header: one column, `id;prompt`; {several}"),
        );
        refuse(
            b"id\tprompt\n1\tx\n",
            &format!("in.csv: header: one column, `id\\tprompt`; {several}"),
        );
        refuse(
            b"a,\"b\n1,2\n",
            "in.csv: header: a quote is opened and never closed",
        );
    }

    #[test]
    fn tabs_separate_where_they_are_asked_to() {
        let rows = CsvRows::open("in.tsv", &b"a\tb\n1,5\t\"x\ty\"\n"[..], b'\t').unwrap();
        check(rows, "1:2 {\"a\":\"1,5\",\"b\":\"x\\ty\"}");
    }
}
