//! The records of an input, whatever its format.

use std::io::BufReader;

use super::Row;
use super::csv::CsvRows;
use super::error::InputError;
use super::json::Elements;
use super::line_records::LineRecords;
use super::source::{Bytes, Source};
use super::syntax::{Syntax, broken, buffered};
use super::{jsonl, txt};

/// The records of an input. An error is the last item.
pub struct Records {
    rows: Option<RecordsAt>,
    remarks: Vec<String>,
}

enum RecordsAt {
    Csv(Box<CsvRows<BufReader<Bytes>>>),
    Lines(LineRecords<BufReader<Bytes>>),
    Json(Elements<BufReader<Bytes>>),
}

impl Records {
    /// The records of the text in `source`, from the first.
    pub(super) fn open(name: &str, source: &Source, syntax: &Syntax) -> Result<Self, InputError> {
        let text = source.text().map_err(|error| broken(name, error))?;
        let text = buffered(text);
        let rows = match syntax {
            Syntax::Table(dialect) => {
                RecordsAt::Csv(Box::new(CsvRows::open(name, text, *dialect)?))
            }
            Syntax::Jsonl(end) => RecordsAt::Lines(jsonl::records(name, text, end.byte())),
            Syntax::Json { records: None } => RecordsAt::Json(Elements::new(name, text)),
            Syntax::Json {
                records: Some(path),
            } => RecordsAt::Json(Elements::at(path, name, text)),
            Syntax::Txt(end) => RecordsAt::Lines(txt::records(name, text, end.byte())),
        };
        Ok(Self {
            rows: Some(rows),
            remarks: Vec::new(),
        })
    }

    /// What a person should know of the input, once all records have been read.
    pub fn remarks(&self) -> Vec<String> {
        match &self.rows {
            Some(rows) => rows.remarks(),
            None => self.remarks.clone(),
        }
    }

    /// The columns of a header, if there is one.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match self.rows.as_ref()? {
            RecordsAt::Csv(rows) => Some(rows.columns()),
            RecordsAt::Lines(_) | RecordsAt::Json(_) => None,
        }
    }
}

impl RecordsAt {
    fn remarks(&self) -> Vec<String> {
        match self {
            Self::Csv(rows) => rows.remarks(),
            Self::Lines(_) | Self::Json(_) => Vec::new(),
        }
    }
}

impl Iterator for Records {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.rows.as_mut()? {
            RecordsAt::Csv(rows) => rows.next(),
            RecordsAt::Lines(rows) => rows.next(),
            RecordsAt::Json(rows) => rows.next(),
        };
        if !matches!(item, Some(Ok(_))) {
            self.remarks = self
                .rows
                .take()
                .map_or_else(Vec::new, |rows| rows.remarks());
        }
        item
    }
}
