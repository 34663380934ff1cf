//! What earlier runs left on disk, read back without trusting it.
//!
//! A file of lines is in one of four states, decided by what stands behind its last good line:
//! nothing (whole), a whole line without its newline (mended), bytes that mean nothing (a torn
//! tail: put aside and cut), or a bad line with good lines behind it (corrupt: refused, for
//! cutting there would lose answers). A file whose first line is not ours is not ours.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::Tally;
use super::error::{LedgerError, io_error};
use super::lessons::Lessons;
use super::line::Known;

/// What every line of ours begins with.
const OURS: &[u8] = br#"{"custom_id":"#;

/// The rows that have ended already.
#[derive(Debug, Default)]
pub struct Past {
    /// Sorted by key once complete: 32 bytes a row, whatever its text.
    rows: Vec<PastRow>,
    /// Their counts, tokens and cost.
    pub tally: Tally,
    /// What their answers teach about the next ones.
    pub lessons: Lessons,
}

/// One row that has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PastRow {
    pub(crate) key: u64,
    /// Its fingerprint's value; `None` where the row had none.
    pub fingerprint: Option<u64>,
    /// Whether it is in the file of failures.
    pub failed: bool,
    /// The tokens of its request, where the answer said.
    pub input_tokens: Option<NonZeroU32>,
}

/// What was found at the end of a file.
#[derive(Debug, PartialEq, Eq)]
enum Tail {
    Whole,
    NoNewline,
    Torn { from: u64 },
}

impl Past {
    /// The row of this id, or of this number where it has no id.
    pub fn row(&self, custom_id: Option<&str>, row: u64) -> Option<&PastRow> {
        let key = key(custom_id, row);
        let at = self.rows.binary_search_by_key(&key, |row| row.key).ok()?;
        Some(&self.rows[at])
    }

    /// How many rows have ended.
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether nothing has ended yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Reads one file of lines and mends its end. `torn` says where a torn tail is put.
    pub(super) fn read(
        &mut self,
        path: &Path,
        torn: impl FnOnce() -> PathBuf,
    ) -> Result<Option<TornTail>, LedgerError> {
        let Some(mut file) = open_if_there(path)? else {
            return Ok(None);
        };
        let tail = self.scan(&file, path)?;
        mend(&mut file, path, tail, torn)
    }

    /// To be called once all files are read. Says which row stands twice, if one does.
    pub(super) fn complete(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup_by_key(|row| row.key);
    }

    /// Reads one file of lines and leaves it as it is. Says where a torn tail begins.
    pub(super) fn look(&mut self, path: &Path) -> Result<Option<u64>, LedgerError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("open", path)(error)),
        };
        Ok(match self.scan(&file, path)? {
            Tail::Torn { from } => Some(from),
            Tail::Whole | Tail::NoNewline => None,
        })
    }

    fn scan(&mut self, file: &File, path: &Path) -> Result<Tail, LedgerError> {
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let mut line = Vec::new();
        let (mut at, mut number) = (0, 0);
        let mut bad: Option<(u64, u64)> = None;
        let mut no_newline = false;
        loop {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .map_err(io_error("read", path))?;
            if read == 0 {
                break;
            }
            number += 1;
            match serde_json::from_slice::<Known>(&line) {
                Ok(known) => {
                    if let Some((byte, line)) = bad {
                        return Err(LedgerError::Corrupt {
                            path: path.into(),
                            line,
                            byte,
                        });
                    }
                    no_newline = line.last() != Some(&b'\n');
                    self.take(&known);
                }
                Err(_) if number == 1 && !may_be_our_torn_line(&line) => {
                    return Err(LedgerError::NotOurs { path: path.into() });
                }
                Err(_) => bad = bad.or(Some((at, number))),
            }
            at += read as u64;
        }
        Ok(match bad {
            Some((from, _)) => Tail::Torn { from },
            None if no_newline => Tail::NoNewline,
            None => Tail::Whole,
        })
    }

    fn take(&mut self, known: &Known) {
        self.rows.push(PastRow {
            key: key(known.custom_id.as_deref(), known.row),
            fingerprint: known.fingerprint.as_deref().and_then(fingerprint_value),
            failed: known.status == "failed",
            input_tokens: input_tokens(known),
        });
        self.tally.take_past(known);
        self.lessons.learn(known);
    }
}

fn input_tokens(known: &Known) -> Option<NonZeroU32> {
    let tokens = u32::try_from(known.usage.input_tokens?).ok()?;
    NonZeroU32::new(tokens)
}

/// A tail that was cut off and put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file it was cut from.
    pub from: PathBuf,
    /// Where it is now.
    pub kept: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A fingerprint as a number: it is 16 hexadecimal digits.
pub(crate) fn fingerprint_value(hex: &str) -> Option<u64> {
    u64::from_str_radix(hex, 16).ok()
}

pub(crate) fn key(custom_id: Option<&str>, row: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    match custom_id {
        Some(id) => id.hash(&mut hasher),
        None => row.hash(&mut hasher),
    }
    hasher.finish()
}

/// A torn line of ours has lost its end, or was given room on the disk and no bytes.
fn may_be_our_torn_line(line: &[u8]) -> bool {
    let shared = line.len().min(OURS.len());
    let begins_like_ours = line[..shared] == OURS[..shared];
    let has_its_end = line.last() == Some(&b'\n');
    (begins_like_ours && !has_its_end) || line.iter().all(|byte| *byte == 0)
}

fn open_if_there(path: &Path) -> Result<Option<File>, LedgerError> {
    match OpenOptions::new().read(true).append(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("open", path)(error)),
    }
}

fn mend(
    file: &mut File,
    path: &Path,
    tail: Tail,
    torn: impl FnOnce() -> PathBuf,
) -> Result<Option<TornTail>, LedgerError> {
    let Tail::Torn { from } = tail else {
        if tail == Tail::NoNewline {
            file.write_all(b"\n")
                .and_then(|()| file.sync_data())
                .map_err(io_error("mend", path))?;
        }
        return Ok(None);
    };
    let kept = torn();
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(io_error("read", path))?;
    File::create_new(&kept)
        .and_then(|mut aside| aside.write_all(&bytes).and_then(|()| aside.sync_all()))
        .map_err(io_error("write", &kept))?;
    file.set_len(from)
        .and_then(|()| file.sync_data())
        .map_err(io_error("mend", path))?;
    Ok(Some(TornTail {
        from: path.into(),
        kept,
        bytes: bytes.len() as u64,
    }))
}
