//! CSV and TSV: a header, then one record a row, quoted line breaks included.
//!
//! [`Scanner`] finds the end of each record and rejects quoting that a strict reader would reject;
//! the csv crate then takes the quotes off. Quoting that breaks within one line is one bad row.
//! Where it breaks over several lines, it cannot be known which rows there are: the reading ends.

mod quoting;
mod scanner;
mod splitter;
mod suspicion;

use std::collections::HashSet;
use std::io::BufRead;

use ::csv::ByteRecord;
use serde_json::{Map, Value};

use super::dialect::{Dialect, typed};
use super::error::InputError;
use super::suggest::{listed, shown};
use super::{BOM, BadRow, LONGEST_RECORD, Record, Row};
use scanner::{FlawKind, QuoteFlaw, Scanner, Shape};
use splitter::Splitter;
use suspicion::{Suspicion, judge};

pub(super) use quoting::does_not_quote;

/// The records of a CSV text.
pub(super) struct CsvRows<R> {
    name: String,
    scanner: Scanner<R>,
    splitter: Splitter,
    /// The name of each column, where it has one.
    columns: Vec<Option<String>>,
    names: Vec<String>,
    raw: Vec<u8>,
    record: ByteRecord,
    /// The first row, where there is no header and it was read to count the columns.
    first: Option<Shape>,
    row: u64,
    seen: CsvRemarks,
}

/// What is said once, when all rows have been read.
#[derive(Default)]
struct CsvRemarks {
    /// Rows of nothing but delimiters.
    bare: u64,
    /// Rows with quoted values over lines that could be rows: how many, and the first.
    suspicious: Option<(u64, u64, u64)>,
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the header.
    pub(super) fn open(name: &str, reader: R, dialect: Dialect) -> Result<Self, InputError> {
        let mut rows = Self {
            name: name.into(),
            scanner: Scanner::new(reader, dialect),
            splitter: Splitter::new(&dialect),
            columns: Vec::new(),
            names: Vec::new(),
            raw: Vec::new(),
            record: ByteRecord::new(),
            first: None,
            row: 0,
            seen: CsvRemarks::default(),
        };
        let Some(mut shape) = rows.next_raw()? else {
            return Err(InputError::Empty { name: rows.name });
        };
        if let Some(delimiter) = separator_line(&rows.raw) {
            rows.take_delimiter(delimiter);
            let Some(next) = rows.next_raw()? else {
                return Err(InputError::Empty { name: rows.name });
            };
            shape = next;
        }
        if dialect.has_header {
            rows.read_header(shape)?;
        } else {
            rows.number_columns(shape.values);
            rows.first = Some(shape);
        }
        Ok(rows)
    }

    /// The names of the columns that have one, in order.
    pub(super) fn columns(&self) -> &[String] {
        &self.names
    }

    /// What a person should know of this text, once all of it has been read.
    pub(super) fn remarks(&self) -> Vec<String> {
        let nameless: Vec<String> = (1..)
            .zip(&self.columns)
            .filter(|(_, name)| name.is_none())
            .map(|(at, _)| at.to_string())
            .collect();
        let left_out = match nameless.as_slice() {
            [] => None,
            [one] => Some(format!("column {one} has no name and is left out")),
            many => Some(format!(
                "columns {} have no name and are left out",
                listed(many)
            )),
        };
        let skipped = match self.seen.bare {
            0 => None,
            1 => Some("1 row of nothing but separators was skipped".into()),
            many => Some(format!(
                "{many} rows of nothing but separators were skipped"
            )),
        };
        let suspicious = self.seen.suspicious.map(|(count, row, line)| {
            let rows = match count {
                1 => "1 row has".to_owned(),
                many => format!("{many} rows have"),
            };
            format!(
                "{rows} a quoted value over several lines, each of which could be a row of its own \
                 (first: row {row}, line {line}); check that no quote is missing there"
            )
        });
        let unquoted = (self.scanner.dialect.quote.is_none()
            && !self.scanner.dialect.is_quote_given)
            .then(|| "quotes are read as text, since this file does not quote its values".into());
        [left_out, skipped, suspicious, unquoted]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Reads the next record that is not blank into `raw`.
    fn next_raw(&mut self) -> Result<Option<Shape>, InputError> {
        loop {
            let line = self.scanner.line;
            let Some(shape) = self
                .scanner
                .next(&mut self.raw)
                .map_err(|source| InputError::broken(self.name.clone(), line - 1, source))?
            else {
                return Ok(None);
            };
            if self.columns.is_empty()
                && self.scanner.dialect.has_header
                && let Some(format) = json_like(&self.raw)
            {
                let problem = format!("it looks like JSON: give the format as {format}");
                return Err(self.header(&problem));
            }
            if let Some(flaw) = shape.flaw {
                self.stop_at(flaw, shape)?;
            }
            // In a file of one column, blanks are a value.
            let is_blank =
                shape.values == 1 && self.names.len() != 1 && self.raw.trim_ascii().is_empty();
            if !is_blank {
                return Ok(Some(shape));
            }
        }
    }

    /// Ends the reading at a flaw behind which it cannot be known where rows begin.
    fn stop_at(&self, flaw: QuoteFlaw, shape: Shape) -> Result<(), InputError> {
        let is_anywhere = matches!(
            flaw.kind,
            FlawKind::TooLong
                | FlawKind::EscapedLineEnd
                | FlawKind::LoneReturn { before_quote: true }
        );
        let is_within_a_line = flaw.opened == flaw.line && flaw.line == shape.last_line;
        if !flaw.kind.hides_rows() || (is_within_a_line && !is_anywhere) {
            return Ok(());
        }
        let line = if is_anywhere { shape.line } else { flaw.opened };
        Err(self.malformed(line, self.explain(flaw)))
    }

    fn malformed(&self, line: u64, problem: String) -> InputError {
        InputError::Malformed {
            name: self.name.clone(),
            line,
            problem,
        }
    }

    fn explain(&self, flaw: QuoteFlaw) -> String {
        let quote = self.scanner.dialect.quote.map_or('"', char::from);
        let none = "if quotes mean nothing in this file, give --quote none (`quote` in [input])";
        let place = match flaw.opened == flaw.line {
            true => String::new(),
            false => format!(" in line {}", flaw.line),
        };
        match flaw.kind {
            FlawKind::TextBehindQuote { by_backslash: true } if place.is_empty() => {
                "text follows a closing quote, and a backslash stands before it: if quotes are \
                 escaped like that, give --escape backslash (`escape` in [input])"
                    .into()
            }
            FlawKind::TextBehindQuote { .. } => format!(
                "a value begins with a quote ({quote}), and text follows its closing quote{place}: \
                 double the quotes inside of values; {none}"
            ),
            FlawKind::Unclosed => format!("a quote ({quote}) is opened and never closed; {none}"),
            FlawKind::LoneReturn { .. } => {
                "a carriage return without a line feed stands outside of \
                                     quotes: quote the value, or end all lines alike"
                    .into()
            }
            FlawKind::EscapedLineEnd => {
                "an escape stands before a line end outside of quotes, where readers disagree on \
                 which rows there are: quote the value, or leave `escape` out"
                    .into()
            }
            FlawKind::EscapeOutside => "an escape stands in a value without quotes, where readers \
                                        disagree: quote the value, or leave `escape` out"
                .into(),
            FlawKind::EscapeOfOther(byte) => format!(
                "an escape stands before {:?}, where readers disagree: only a quote and the escape \
                 itself can be escaped",
                char::from(byte)
            ),
            FlawKind::ByteOrderMark => {
                "begins with a byte order mark, as where files were joined: \
                                        remove the mark, and the header if it stands here again"
                    .into()
            }
            FlawKind::TooLong => format!(
                "a record longer than {} MiB; is a quote left open?",
                LONGEST_RECORD >> 20
            ),
        }
    }

    fn split(&mut self) -> Result<(), String> {
        self.splitter
            .split(&self.raw, &mut self.record)
            .map_err(|error| error.to_string())
    }

    fn take_delimiter(&mut self, delimiter: u8) {
        let dialect = &mut self.scanner.dialect;
        if !dialect.is_given {
            dialect.delimiter = delimiter;
            dialect.is_given = true;
            self.splitter = Splitter::new(dialect);
        }
    }

    fn number_columns(&mut self, columns: usize) {
        self.names = (1..=columns).map(|at| format!("column_{at}")).collect();
        self.columns = self.names.iter().cloned().map(Some).collect();
    }

    fn read_header(&mut self, shape: Shape) -> Result<(), InputError> {
        while self.raw.starts_with(BOM) {
            self.raw.drain(..BOM.len());
        }
        if let Some(flaw) = shape.flaw {
            return Err(self.header(&self.explain(flaw)));
        }
        if let Err(problem) = self.split() {
            return Err(self.header(&problem));
        }
        let mut known = HashSet::new();
        let mut columns = Vec::with_capacity(self.record.len());
        for (at, name) in (1..).zip(&self.record) {
            let Ok(name) = str::from_utf8(name) else {
                return Err(self.header(&format!("column {at}: not UTF-8; save the file as UTF-8")));
            };
            let name = name.trim();
            if !known.insert(name) && !name.is_empty() {
                let name = shown(name);
                return Err(self.header(&format!("two columns are named `{name}`; rename one")));
            }
            columns.push((!name.is_empty()).then(|| name.to_owned()));
        }
        self.names = columns.iter().flatten().cloned().collect();
        self.columns = columns;
        match self.names.as_slice() {
            [] => Err(self.header("no column has a name; give them names, or --header=false")),
            [only] if self.columns.len() == 1 && !self.scanner.dialect.is_given => {
                match other_delimiter(only) {
                    Some(delimiter) => Err(self.header(&one_column(only, delimiter))),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn read_record(&mut self, shape: Shape) -> Row {
        let (row, line) = (self.row, shape.line);
        let bad = |reason| BadRow { row, line, reason };
        if let Some(flaw) = shape.flaw {
            return Err(bad(self.explain(flaw)));
        }
        self.split().map_err(bad)?;
        let (found, expected) = (self.record.len(), self.columns.len());
        let surplus = self.record.iter().skip(expected);
        if found < expected || surplus.into_iter().any(|value| !value.is_empty()) {
            return Err(bad(self.ragged(found)));
        }
        let last_named = self.columns.iter().rposition(Option::is_some);
        let mut fields = Map::with_capacity(self.names.len());
        for (at, (column, value)) in self.columns.iter().zip(&self.record).enumerate() {
            let Some(column) = column else {
                if last_named < Some(at) && !value.is_empty() {
                    return Err(bad(format!(
                        "a value in column {}, which has no name: is a separator inside a value not \
                         quoted? if it is a column, name it in the header",
                        at + 1
                    )));
                }
                continue;
            };
            let Ok(text) = str::from_utf8(value) else {
                return Err(bad(format!(
                    "column `{}`: not UTF-8; save the file as UTF-8",
                    shown(column)
                )));
            };
            fields.insert(column.clone(), Value::String(text.into()));
        }
        Ok(Record { row, line, fields })
    }

    fn ragged(&self, found: usize) -> String {
        let expected = self.columns.len();
        let fields = if found == 1 { "field" } else { "fields" };
        let delimiter = self.scanner.dialect.delimiter;
        let header: String = self.names.concat();
        let other = other_delimiter(&header).filter(|_| !self.scanner.dialect.is_given);
        let hint = match other {
            Some(other) => format!(
                "if values are separated by {}, give --delimiter {}",
                char::from(other).escape_debug(),
                typed(other)
            ),
            None if found < expected => "is a separator missing, or a quote left open?".into(),
            None if delimiter == b',' => "is a comma or quote inside a value not quoted?".into(),
            None => "is a separator or quote inside a value not quoted?".into(),
        };
        format!("{found} {fields} where the header has {expected}; {hint}")
    }

    /// Rejects a record in which rows seem to be swallowed by a quoted value.
    fn judge_lines(&mut self, shape: Shape) -> Result<(), InputError> {
        let dialect = self.scanner.dialect;
        if shape.line == shape.last_line || dialect.is_quote_given || shape.flaw.is_some() {
            return Ok(());
        }
        match judge(&self.raw, dialect.delimiter, self.columns.len()) {
            Suspicion::None => Ok(()),
            Suspicion::Weak => {
                let (count, ..) = self.seen.suspicious.unwrap_or_default();
                let (_, row, line) = self.seen.suspicious.unwrap_or((0, self.row, shape.line));
                self.seen.suspicious = Some((count + 1, row, line));
                Ok(())
            }
            Suspicion::Strong => Err(self.malformed(
                shape.line,
                format!(
                    "a quoted value runs to line {}, and each of its lines looks like a row: is a \
                     quote missing? If the value is meant, give --quote '\"' (`quote` in [input]); \
                     if quotes mean nothing in this file, --quote none",
                    shape.last_line
                ),
            )),
        }
    }

    fn advance(&mut self) -> Result<Option<Row>, InputError> {
        loop {
            let shape = match self.first.take() {
                Some(shape) => shape,
                None => match self.next_raw()? {
                    Some(shape) => shape,
                    None => return Ok(None),
                },
            };
            self.row += 1;
            self.judge_lines(shape)?;
            if shape.is_bare && 1 < shape.values {
                self.seen.bare += 1;
                continue;
            }
            return Ok(Some(self.read_record(shape)));
        }
    }

    fn header(&self, problem: &str) -> InputError {
        InputError::Header {
            name: self.name.clone(),
            problem: problem.into(),
        }
    }
}

impl<R: BufRead> Iterator for CsvRows<R> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The delimiter that a first line such as `sep=;` names, as spreadsheets write it.
fn separator_line(raw: &[u8]) -> Option<u8> {
    let line = raw.strip_prefix(BOM).unwrap_or(raw);
    let line = match line {
        [b'"', inside @ .., b'"'] => inside,
        line => line,
    };
    let (name, rest) = line.split_at_checked(4)?;
    let is_mark = |byte: &u8| matches!(byte, b'\t' | b' ' | b'!' | b'#'..=b'/' | b':'..=b'@' | b'['..=b'`' | b'{'..=b'~');
    match rest {
        [delimiter] if name.eq_ignore_ascii_case(b"sep=") && is_mark(delimiter) => Some(*delimiter),
        _ => None,
    }
}

/// A delimiter that seems to separate the names of a header that was read as one.
fn other_delimiter(header: &str) -> Option<u8> {
    [b';', b'\t', b'|']
        .into_iter()
        .find(|byte| header.contains(char::from(*byte)))
}

fn one_column(only: &str, delimiter: u8) -> String {
    let flag = typed(delimiter);
    let key = match delimiter {
        b'\t' => "\\t".to_owned(),
        byte => char::from(byte).to_string(),
    };
    format!(
        "one column, `{}`; if that is several, give --delimiter {flag} (`delimiter = \"{key}\"` in \
         [input])",
        shown(only).escape_debug()
    )
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
mod tests;
