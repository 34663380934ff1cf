//! What a judge said: the output of a job whose input was the output that is scored. Its records are
//! joined by the IDs that records have as rows of an input.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::RecordHash;
use super::statistics::Paired;
use crate::output::{LedgerError, NotARecord, each_record_line};

/// The output of a judge. It is held in memory.
#[derive(Debug)]
pub struct Judged {
    path: PathBuf,
    of: HashMap<String, Box<RawValue>>,
}

/// Why the output of a judge cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JudgedError {
    /// It is not there, or not for us to read.
    #[error("{}: cannot be read: {source}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be read to its end.
    #[error(transparent)]
    Read(#[from] LedgerError),
    /// A line is no record.
    #[error(transparent)]
    NoRecord(#[from] NotARecord),
    /// A record without a value.
    #[error("{}: line {line} has no `output`; a judge's job needs a [schema]", path.display())]
    NoOutput {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// Two records of one ID.
    #[error("{}: line {line} is a second record of `{id}`; judge with one variant and one sample", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The ID.
        id: String,
    },
    /// There is no record.
    #[error("{}: no record in it", .0.display())]
    Empty(PathBuf),
}

/// A record of the judge, as far as it is joined.
#[derive(Deserialize)]
struct JudgedRecord {
    custom_id: Option<String>,
    status: String,
    #[serde(default)]
    output: Option<Box<RawValue>>,
}

impl Judged {
    /// Reads the records that succeeded of the judge's output at `path`. A last line without its end is
    /// not read: a run may be writing it.
    ///
    /// # Errors
    /// It cannot be read, or is not the output of a judge.
    pub fn read(path: &Path) -> Result<Self, JudgedError> {
        File::open(path).map_err(|source| JudgedError::Missing {
            path: path.to_owned(),
            source,
        })?;
        let mut of = HashMap::new();
        each_record_line(path, |line| {
            let Some(record) = line.parse::<JudgedRecord>(path)? else {
                return Ok(());
            };
            let (Some(id), "succeeded") = (record.custom_id, record.status.as_str()) else {
                return Ok(());
            };
            let (path, line) = (|| path.to_owned(), line.number);
            let Some(output) = record.output else {
                return Err(JudgedError::NoOutput { path: path(), line });
            };
            match of.insert(id.clone(), output) {
                None => Ok(()),
                Some(_) => Err(JudgedError::Twice {
                    path: path(),
                    line,
                    id,
                }),
            }
        })?;
        match of.is_empty() {
            true => Err(JudgedError::Empty(path.to_owned())),
            false => Ok(Self {
                path: path.to_owned(),
                of,
            }),
        }
    }

    /// Where it was read from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// One of its IDs: the first in the alphabet.
    pub(super) fn an_id(&self) -> &str {
        self.of.keys().min().map(String::as_str).unwrap_or_default()
    }

    /// What was said of the record with this ID.
    pub(super) fn of(&self, id: &str) -> Option<&RawValue> {
        self.of.get(id).map(AsRef::as_ref)
    }
}

/// One number of what a judge said of a group of records.
#[derive(Debug, Default)]
pub(super) struct JudgedNumbers {
    records: u64,
    /// The sum and the number of samples, by row.
    rows: BTreeMap<RecordHash, (f64, u32)>,
}

impl JudgedNumbers {
    pub(super) fn add(&mut self, row: RecordHash, number: f64) {
        self.records += 1;
        let of_row = self.rows.entry(row).or_default();
        *of_row = (of_row.0 + number, of_row.1 + 1);
    }

    /// Records with this number.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// The mean over the rows of the means of their samples, with the normal interval at 95 %, which
    /// takes samples of one row as dependent; `None` of fewer than two rows.
    pub(super) fn mean(&self) -> (f64, Option<(f64, f64)>) {
        let mut rows = Paired::default();
        for (sum, n) in self.rows.values() {
            rows.add(0.0, sum / f64::from(*n));
        }
        (rows.mean().unwrap_or_default(), rows.interval())
    }
}

/// The numbers of what a judge said, by the names of their fields.
pub(super) fn numbers(judged: Option<&RawValue>) -> Vec<(String, f64)> {
    let Some(Ok(Value::Object(fields))) =
        judged.map(|judged| serde_json::from_str::<Value>(judged.get()))
    else {
        return Vec::new();
    };
    let numbers = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_f64()?)));
    numbers.collect()
}
