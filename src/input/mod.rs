//! Files of prompts, read as an iterator of records. Knows nothing of models or networks.
//!
//! [`Input::open`] finds the file, sees through its compression and detects its [`Format`]; one
//! small module a format then reads it: `csv`, `jsonl`, `json`, `txt`. An input can be read several
//! times, each time from its beginning, and never takes more memory than its largest record.
//!
//! There are two kinds of error. A [`BadRow`] is one record that cannot be used: the next one is
//! read. An [`InputError`] ends the reading: a file that is cut short must never look like one that
//! ends.

mod advice;
mod csv;
mod dialect;
mod error;
mod fields;
mod flawed_json;
mod format;
mod gzip;
mod json;
mod jsonl;
mod kept;
mod kernel;
mod kind;
mod line_records;
mod lines;
mod not_found;
mod open;
mod path;
mod pick;
mod records;
mod source;
mod spool;
mod suggest;
mod syntax;
mod txt;
mod zstandard;

use std::borrow::Cow;

use serde_json::{Map, Value};

pub use dialect::{Mark, MarkError, Quote, ReadOptions};
pub use error::InputError;
pub use fields::Fields;
pub use format::Format;
pub use kernel::is_made_up;
pub use not_found::file_like;
pub use open::Input;
pub use pick::{Id, Keep};
pub use records::Records;
pub use source::Extent;
pub use suggest::{did_you_mean, listed, shown};

/// A byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// The longest record that is read, in bytes. InvokeModel takes bodies of at most 25 MB (its API
/// reference), so a longer one is a mistake: a quote left open, or a file that is not text.
pub const LONGEST_RECORD: usize = 64 << 20;

/// Where a record goes on past this, no end is looked for any more: it is a device, a stream, the
/// wrong file. Up to here a record that is too long is one bad row.
const ENDLESS_RECORD: u64 = 1 << 30;

/// A record past [`ENDLESS_RECORD`].
fn endless(name: &str, line: u64) -> InputError {
    InputError::Malformed {
        name: name.into(),
        line,
        problem: format!(
            "longer than {} MiB without an end; is this a file of rows?",
            ENDLESS_RECORD >> 20
        ),
    }
}

/// One record of the input: its fields by name, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The record's number, from 1; bad records count too.
    pub row: u64,
    /// The line it starts on, from 1.
    pub line: u64,
    /// Field name to value; CSV fields are strings.
    pub fields: Map<String, Value>,
}

/// A record that cannot be read, or cannot be turned into a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row} (line {line}): {reason}")]
pub struct BadRow {
    /// The record's number, from 1.
    pub row: u64,
    /// The line it starts on, from 1.
    pub line: u64,
    /// What is wrong with it and what to do.
    pub reason: String,
}

/// A record, or why it cannot be used.
pub type Row = Result<Record, BadRow>;

impl Record {
    /// This record as a bad row, with the reason given.
    pub fn bad(&self, reason: impl Into<String>) -> BadRow {
        BadRow {
            row: self.row,
            line: self.line,
            reason: reason.into(),
        }
    }

    /// The value that a path leads to: a field's name, dots (`meta.source`, `choices.0`) or a JSON
    /// pointer (`/meta/source`), also into text that holds JSON. A field of that very name comes
    /// first.
    pub fn get(&self, path: &str) -> Option<Cow<'_, Value>> {
        path::find(&self.fields, path)
    }

    /// The names of the fields, in order.
    pub fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }
}

#[cfg(test)]
pub(crate) mod testing;
