//! Why an output cannot be exported.

use std::io;
use std::path::{Path, PathBuf};

use crate::output::{LedgerError, NotARecord};

/// Why nothing, or not all, was exported. Whatever it is, the file that was to be replaced is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file of the output cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A record, or the scores, cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The export cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file, or `standard output`.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is no record.
    #[error(transparent)]
    NoRecord(#[from] NotARecord),
    /// Two lines are of the same row.
    #[error("{}: {row} has two records; `promptmill repair` moves the second to a backup file", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The row: number and ID.
        row: String,
    },
    /// What was asked for cannot be done: where, what, and what to do.
    #[error("{0}")]
    Usage(String),
}

impl ExportError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
