//! The records of an output, one after the other, for those who look at what it holds. Memory does not
//! grow with their number.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::{LedgerError, io_error};
use super::line::RecordError;
use super::scan::{LONGEST_LINE, Unread, each_unread_line};

/// A record, without its texts: no prompt, completion or metadata is in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RecordFigures {
    /// The row's ID.
    pub custom_id: Option<String>,
    /// The row's number, from 1.
    pub row: u64,
    /// The variant of a sweep.
    pub variant: Option<String>,
    /// Which of its samples, from 1; 0 without a sweep.
    pub sample: u32,
    /// `succeeded`, `filtered` or `failed`.
    pub status: String,
    /// Why the completion ended.
    pub finish_reason: Option<String>,
    /// The model ID, as it was called.
    pub model: Option<String>,
    /// Token counts.
    pub usage: RecordUsage,
    /// What it cost, in USD, where that is known.
    pub cost_usd: Option<f64>,
    /// What else it may have cost at worst, in USD.
    pub maybe_billed_usd: f64,
    /// The tier that served the call.
    pub service_tier: Option<String>,
    /// Why it failed, if it did.
    pub error: Option<RecordError>,
    /// Calls that counted as attempts.
    pub attempts: u64,
    /// Throttled calls.
    pub throttles: u64,
    /// From the last call to its response, in milliseconds.
    pub latency_ms: Option<u64>,
    /// From sending to the first text of a stream, in milliseconds.
    pub first_token_ms: Option<u64>,
    /// Whether an emulator generated it.
    pub emulated: bool,
    /// The fingerprint of the request.
    pub fingerprint: Option<String>,
    /// The row with the same request whose response this is a copy of.
    pub copied_from: Option<String>,
}

/// Token counts of a record.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct RecordUsage {
    /// Input, cached tokens included.
    pub input_tokens: Option<u64>,
    /// Output.
    pub output_tokens: Option<u64>,
}

/// Shows every record of the file at `path` to `see`, with its line as it stands, and returns how many
/// lines are none. A file that is not there has no records.
///
/// # Errors
/// The disk refused.
pub fn each_record(
    path: &Path,
    mut see: impl FnMut(RecordFigures, &[u8]),
) -> Result<u64, LedgerError> {
    let mut unreadable = 0;
    each_record_line(path, |line| {
        match serde_json::from_slice::<RecordFigures>(line.bytes) {
            Ok(record) if 0 < record.row => see(record, line.bytes),
            Ok(_) | Err(_) => unreadable += 1,
        }
        Ok::<_, LedgerError>(())
    })?;
    Ok(unreadable)
}

/// A line of an output, before it is read.
#[derive(Debug, Clone, Copy)]
pub struct RecordLine<'a> {
    /// The byte at which it begins.
    pub at: u64,
    /// Its number, from 1.
    pub number: u64,
    /// The line, with its end where it has one.
    pub bytes: &'a [u8],
}

impl<'a> RecordLine<'a> {
    /// Whether its end is there. A last line without one may be one that a run is writing.
    pub fn is_whole(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }

    /// What `T` needs of the record; `None` of a last line that is not whole yet.
    ///
    /// # Errors
    /// It is no record.
    pub fn parse<T: Deserialize<'a>>(&self, path: &Path) -> Result<Option<T>, NotARecord> {
        match serde_json::from_slice(self.bytes) {
            Ok(record) => Ok(Some(record)),
            Err(_) if !self.is_whole() => Ok(None),
            Err(_) => Err(NotARecord {
                path: path.to_owned(),
                line: self.number,
            }),
        }
    }
}

/// A line that is no record.
#[derive(Debug, thiserror::Error)]
#[error("{}: line {line} is not a record of promptmill; `promptmill repair` moves it to a backup file", path.display())]
pub struct NotARecord {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u64,
}

/// Shows every line of the file at `path` to `see`: for those who read of a record what they need. A file
/// that is not there has no lines.
///
/// # Errors
/// The disk refused, or `see` did.
pub fn each_record_line<E: From<LedgerError>>(
    path: &Path,
    mut see: impl FnMut(RecordLine<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("open", path)(error).into()),
    };
    let mut refused = None;
    let read = each_unread_line(LONGEST_LINE, &mut file, |Unread { at, number, bytes }| {
        see(RecordLine { at, number, bytes }).map_err(|error| {
            refused = Some(error);
            io::Error::other("the reader stopped")
        })
    });
    match refused {
        Some(error) => Err(error),
        None => read.map_err(|error| io_error("read", path)(error).into()),
    }
}
