//! Records that are a line each, whatever a line holds. Blank lines are skipped.

use std::io::BufRead;

use super::error::InputError;
use super::lines::{Line, Lines};
use super::{BadRow, ENDLESS_RECORD, LONGEST_RECORD, Row, endless};

/// Reads the record of a line, given the record's number and the line's.
type Parse = fn(&[u8], u64, u64) -> Row;

/// The records of a text, a line each.
pub(super) struct LineRecords<R> {
    name: String,
    lines: Lines<R>,
    parse: Parse,
    row: u64,
}

impl<R: BufRead> LineRecords<R> {
    /// `end` is what ends a line: LF, or CR where lines end in that alone.
    pub(super) fn new(name: &str, reader: R, end: u8, parse: Parse) -> Self {
        Self::bounded(name, reader, LONGEST_RECORD, end, parse)
    }

    /// Like [`Self::new`], with another bound than [`LONGEST_RECORD`].
    pub(super) fn bounded(name: &str, reader: R, longest: usize, end: u8, parse: Parse) -> Self {
        Self {
            name: name.into(),
            lines: Lines::new(reader, longest, ENDLESS_RECORD, end),
            parse,
            row: 0,
        }
    }
}

impl<R: BufRead> Iterator for LineRecords<R> {
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
                Line::Whole(text) => (self.parse)(text, row, line),
                Line::TooLong => Err(too_long(row, line)),
                Line::Endless => return Some(Err(endless(&self.name, line))),
            }));
        }
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
