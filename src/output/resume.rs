//! What earlier runs left on disk: the completed rows, and statistics of their responses.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::Tally;
use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::journal::Change;
use super::line::{Known, Status};
use super::paths::OutputPaths;
use super::row_name::RowName;
use super::scan::{TailState, each_line, scan};
use super::statistics::Statistics;
use crate::model::Fingerprint;

/// The rows that completed in earlier runs.
#[derive(Debug, Default)]
pub struct EarlierRows {
    /// Sorted by key once complete: 32 bytes a row, whatever its text.
    rows: Vec<EarlierRow>,
    /// Their counts, tokens and cost.
    pub tally: Tally,
    /// Statistics of their responses.
    pub statistics: Statistics,
    /// Both by variant, for rows of a sweep.
    pub variants: BTreeMap<String, EarlierVariant>,
}

/// The completed rows of one variant.
#[derive(Debug, Default)]
pub struct EarlierVariant {
    /// Their counts, tokens and cost.
    pub tally: Tally,
    /// Statistics of their responses.
    pub statistics: Statistics,
}

/// One completed row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EarlierRow {
    pub(crate) key: u64,
    /// The fingerprint of its request; `None` if there was no request, or the line has other text.
    pub fingerprint: Option<Fingerprint>,
    /// Whether it is in the file of failures.
    pub failed: bool,
    /// The input tokens, if the response reported them.
    pub input_tokens: Option<NonZeroU32>,
}

impl EarlierRow {
    /// Whether it failed before there was a request to send.
    pub fn could_not_be_sent(&self) -> bool {
        self.failed && self.fingerprint.is_none()
    }
}

impl EarlierRows {
    /// The row of this name.
    pub fn row(&self, name: RowName<'_>) -> Option<&EarlierRow> {
        Some(&self.rows[self.place(name)?])
    }

    /// All of them, sorted by key.
    pub(crate) fn all(&self) -> &[EarlierRow] {
        &self.rows
    }

    /// Where in [`all`](Self::all) the row of this name is.
    pub(crate) fn place(&self, name: RowName<'_>) -> Option<usize> {
        let key = name.key();
        self.rows.binary_search_by_key(&key, |row| row.key).ok()
    }

    /// How many rows have completed.
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// All of them, in no order that means anything.
    pub(super) fn rows(&self) -> impl Iterator<Item = &EarlierRow> {
        self.rows.iter()
    }

    /// How many rows have completed that are in no sweep.
    pub fn unswept(&self) -> u64 {
        let swept = self.variants.values().map(|it| it.tally.ended());
        self.tally.ended().saturating_sub(swept.sum())
    }

    /// Statistics of the responses of a variant, or of all responses where there is no sweep. Of a
    /// variant without a response, nothing is known.
    pub fn statistics_of(&self, variant: Option<&str>) -> &Statistics {
        static NOTHING: LazyLock<Statistics> = LazyLock::new(Statistics::default);
        match variant {
            None => &self.statistics,
            Some(name) => match self.variants.get(name) {
                Some(of) => &of.statistics,
                None => &NOTHING,
            },
        }
    }

    /// Whether no row has completed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Reads one file of lines, fixes it, and syncs what was read, since the
    /// run that wrote it may have died between the write and the sync. `aside` says where bytes
    /// that mean nothing are put.
    ///
    /// The answers are read before the failures: a row that stands in both was answered, and the
    /// one who moved it died between the two files.
    pub(super) fn read(
        &mut self,
        disk: &dyn Disk,
        paths: &OutputPaths,
        path: &Path,
        aside: impl FnOnce() -> PathBuf,
    ) -> Result<Option<TornTail>, LedgerError> {
        let Some(mut file) = open_if_there(disk, path)? else {
            return Ok(None);
        };
        let before = self.rows.len();
        let mut twice = false;
        let state = scan(&mut *file, path, |known| {
            let is_known = self.find(before, &known);
            twice |= is_known;
            if !is_known {
                self.take(&known);
            }
        })?;
        self.refuse_two_lines_of_a_row(before, &mut *file, path)?;
        let kept = match (state, twice) {
            (TailState::Whole, false) => None,
            (TailState::NoNewline, false) => {
                file.write_all(b"\n").map_err(io_error("repair", path))?;
                None
            }
            (TailState::Torn { from }, false) => Some(cut(disk, &mut *file, path, from, aside())?),
            (
                TailState::Holed | TailState::Torn { .. } | TailState::NoNewline | TailState::Whole,
                _,
            ) => {
                let kept = aside();
                let answered = &self.rows[..before];
                let mut change = Change::of(disk, paths);
                let taken = change.remove_lines(path, &kept, |found| match &found.known {
                    Some(known) => find(answered, known),
                    None => true,
                })?;
                change.commit()?;
                return Ok(Some(TornTail {
                    from: path.into(),
                    kept,
                    bytes: taken.bytes,
                    why: match (state, twice) {
                        (TailState::Holed, false) => TailFix::Holes,
                        (TailState::Whole | TailState::NoNewline, _) => TailFix::Answered,
                        (TailState::Torn { .. } | TailState::Holed, _) => TailFix::Both,
                    },
                }));
            }
        };
        file.sync().map_err(io_error("sync", path))?;
        Ok(kept)
    }

    /// A row has one line in its file. Which of two answers is the right one, and why there are two,
    /// is for a person to say.
    fn refuse_two_lines_of_a_row(
        &mut self,
        before: usize,
        file: &mut dyn OnDisk,
        path: &Path,
    ) -> Result<(), LedgerError> {
        let rows = &mut self.rows[before..];
        rows.sort_unstable();
        let twice = rows.windows(2).filter(|two| two[0].key == two[1].key);
        let twice: Vec<u64> = twice.map(|two| two[0].key).collect();
        if twice.is_empty() {
            return Ok(());
        }
        let mut lines = HashMap::new();
        let mut found_twice = None;
        each_line(file, |found| {
            let Some(known) = found.known else {
                return Ok(());
            };
            let key = known.name().key();
            if twice.binary_search(&key).is_ok()
                && let Some(first) = lines.insert(key, found.number)
            {
                found_twice.get_or_insert((known.row, first, found.number));
            }
            Ok(())
        })
        .map_err(io_error("read", path))?;
        let Some((row, first, line)) = found_twice else {
            return Ok(());
        };
        let path = path.into();
        Err(LedgerError::Twice {
            path,
            row,
            first,
            line,
        })
    }

    fn find(&self, before: usize, known: &Known) -> bool {
        find(&self.rows[..before], known)
    }

    /// To be called after each file.
    pub(super) fn complete(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup_by_key(|row| row.key);
    }

    /// Reads one file of lines and leaves it as it is. Says where bytes begin that a run would put
    /// aside.
    pub(super) fn look(
        &mut self,
        file: &mut dyn OnDisk,
        path: &Path,
    ) -> Result<TailState, LedgerError> {
        let before = self.rows.len();
        let state = scan(file, path, |known| {
            if !self.find(before, &known) {
                self.take(&known);
            }
        })?;
        self.refuse_two_lines_of_a_row(before, file, path)?;
        Ok(state)
    }

    fn take(&mut self, known: &Known) {
        self.rows.push(EarlierRow {
            key: known.name().key(),
            fingerprint: known.fingerprint(),
            failed: known.status == Status::Failed,
            input_tokens: input_tokens(known),
        });
        self.tally.count_earlier(known);
        let is_copy = known.copied_from.is_some();
        if !is_copy {
            self.statistics.learn(known);
        }
        if let Some(variant) = &known.variant {
            let of = self.variants.entry(variant.clone()).or_default();
            of.tally.count_earlier(known);
            if !is_copy {
                of.statistics.learn(known);
            }
        }
    }
}

/// Whether the row of this line is among `rows`, which are sorted.
fn find(rows: &[EarlierRow], known: &Known) -> bool {
    let key = known.name().key();
    rows.binary_search_by_key(&key, |row| row.key).is_ok()
}

fn input_tokens(known: &Known) -> Option<NonZeroU32> {
    let tokens = u32::try_from(known.usage.input_tokens?).ok()?;
    NonZeroU32::new(tokens)
}

/// Why bytes were backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailFix {
    /// They are a line without its end.
    Torn,
    /// They are lines whose bytes a power cut has left out.
    Holes,
    /// They are failures of rows that succeeded: the process that moved them died between the two files.
    Answered,
    /// Bytes that mean nothing, and such failures.
    Both,
}

/// Bytes that were backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file it was cut from.
    pub from: PathBuf,
    /// Where it is now.
    pub kept: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// Why.
    pub why: TailFix,
}

pub(super) fn open_if_there(
    disk: &dyn Disk,
    path: &Path,
) -> Result<Option<Box<dyn OnDisk>>, LedgerError> {
    match disk.open(path, Open::Append) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("open", path)(error)),
    }
}

/// Puts everything from byte `from` on into `kept`, then cuts it off.
fn cut(
    disk: &dyn Disk,
    file: &mut dyn OnDisk,
    path: &Path,
    from: u64,
    kept: PathBuf,
) -> Result<TornTail, LedgerError> {
    file.seek_to(from).map_err(io_error("read", path))?;
    let mut aside = disk
        .open(&kept, Open::New)
        .map_err(io_error("create", &kept))?;
    let bytes = io::copy(file, &mut aside)
        .and_then(|bytes| aside.sync().map(|()| bytes))
        .map_err(io_error("write", &kept))?;
    super::rewrite::sync_directory(disk, &kept)?;
    file.set_len(from).map_err(io_error("repair", path))?;
    let from = path.into();
    let why = TailFix::Torn;
    Ok(TornTail {
        from,
        kept,
        bytes,
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_tokens_of_a_line_are_those_it_has_if_it_has_any() {
        for (usage, expected) in [
            ("{}", None),
            (r#"{"input_tokens":null}"#, None),
            (r#"{"input_tokens":0}"#, None),
            (r#"{"input_tokens":12}"#, Some(12)),
            (r#"{"input_tokens":4294967296}"#, None),
        ] {
            let line = format!(
                r#"{{"custom_id":"a","row":1,"status":"succeeded","fingerprint":null,"usage":{usage}}}"#
            );
            let known = serde_json::from_str(&line).unwrap();
            assert_eq!(
                input_tokens(&known).map(NonZeroU32::get),
                expected,
                "{usage}"
            );
        }
    }
}
