//! An output, claimed for one run: locked, read, mended at its end, and otherwise left as it is
//! until [`Claim::begin`]. A run that is refused before its first call changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::disk::{self, Disk, OnDisk};
use super::error::{LedgerError, io_error};
use super::ledger::{Ledger, Manner};
use super::past::{Past, TornTail, key};
use super::paths::OutputPaths;
use super::rewrite::{sync_directory, take_out};
use super::{lock, mount, pictures};

/// What to do with output that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Go on where it ends.
    Resume,
    /// Go on, but put the failures aside so that their rows run again.
    RetryFailed,
    /// Put all of it aside and begin anew.
    Fresh,
}

impl Existing {
    /// Whether the answers stay, and whether the failures do.
    pub(super) fn stays(self) -> [bool; 2] {
        match self {
            Self::Resume => [true, true],
            Self::RetryFailed => [true, false],
            Self::Fresh => [false, false],
        }
    }
}

/// Which file systems an output may be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locks {
    /// Those whose locks keep every other run away.
    Trusted,
    /// Any; the user sees to it that no other machine writes the same output.
    Any,
}

/// An output that no other run writes.
#[derive(Debug)]
pub struct Claim {
    /// The rows that have ended and stay so.
    pub past: Past,
    /// Bytes that meant nothing and were put aside, as a crash leaves them.
    pub torn: Vec<TornTail>,
    disk: Arc<dyn Disk>,
    paths: OutputPaths,
    existing: Existing,
    lock: Box<dyn OnDisk>,
}

impl Claim {
    /// Takes the lock and reads what earlier runs left.
    ///
    /// # Errors
    /// Another run holds the output, it is not ours, or it cannot be read.
    pub fn stake(
        paths: &OutputPaths,
        existing: Existing,
        locks: Locks,
    ) -> Result<Self, LedgerError> {
        Self::stake_on(disk::real(), paths, existing, locks)
    }

    pub(super) fn stake_on(
        disk: Arc<dyn Disk>,
        paths: &OutputPaths,
        existing: Existing,
        locks: Locks,
    ) -> Result<Self, LedgerError> {
        let lock = claim(&*disk, paths, locks)?;
        let mut claim = Self {
            past: Past::default(),
            torn: Vec::new(),
            disk,
            paths: paths.clone(),
            existing,
            lock,
        };
        claim.read()?;
        Ok(claim)
    }

    fn read(&mut self) -> Result<(), LedgerError> {
        let (paths, disk) = (&self.paths, &*self.disk);
        self.past = Past::default();
        let files = [&paths.answered, &paths.failed];
        for (path, stays) in files.into_iter().zip(self.existing.stays()) {
            let mut left = Past::default();
            let past = if stays { &mut self.past } else { &mut left };
            match past.read(disk, path, || paths.torn(disk, Timestamp::now())) {
                Ok(torn) => self.torn.extend(torn),
                // What is put aside may be broken; that is what it is put aside for.
                Err(LedgerError::Corrupt { .. }) if !stays => {}
                Err(error) => return Err(error),
            }
            past.complete();
        }
        Ok(())
    }

    /// Puts aside what does not stay, makes ready to append, and says what is where. `redo` are
    /// the keys of rows that have ended and are to run again.
    ///
    /// # Errors
    /// The disk refused.
    pub fn begin(
        mut self,
        manner: Manner,
        redo: &[u64],
    ) -> Result<(Ledger, Past, Vec<PathBuf>), LedgerError> {
        let mut aside = self.put_aside()?;
        if !redo.is_empty() {
            aside.extend(self.put_rows_aside(redo)?);
            self.read()?;
        }
        let ledger = Ledger::open(self.disk, &self.paths, manner, self.lock)?;
        Ok((ledger, self.past, aside))
    }

    fn put_aside(&self) -> Result<Vec<PathBuf>, LedgerError> {
        let before = self.paths.before(&*self.disk, Timestamp::now());
        let moves = [
            (
                &self.paths.answered,
                before.answered.clone(),
                self.existing == Existing::Fresh,
            ),
            (
                &self.paths.failed,
                before.failed,
                self.existing != Existing::Resume,
            ),
        ];
        let mut aside = Vec::new();
        for (from, to, goes) in moves {
            if goes && self.disk.exists(from) {
                self.disk
                    .rename(from, &to)
                    .map_err(io_error("move", from))?;
                aside.push(to);
            }
        }
        if self.existing == Existing::Fresh && self.disk.exists(&self.paths.pictures) {
            self.put_pictures_aside(&before.pictures, aside.first())?;
            aside.push(before.pictures);
        }
        if !aside.is_empty() {
            sync_directory(&*self.disk, &self.paths.answered)?;
        }
        Ok(aside)
    }

    /// Moves the images after the lines that name them, which are then told where they are. A crash
    /// between the two leaves the images whole, under the name that the lines have.
    fn put_pictures_aside(&self, to: &Path, lines: Option<&PathBuf>) -> Result<(), LedgerError> {
        let from = &self.paths.pictures;
        let moved = self.disk.rename(from, to);
        moved.map_err(io_error("move", from))?;
        match lines {
            Some(lines) => pictures::name_anew(&*self.disk, lines, from, to),
            None => Ok(()),
        }
    }

    /// Takes the lines of some rows out of both files.
    fn put_rows_aside(&self, redo: &[u64]) -> Result<Vec<PathBuf>, LedgerError> {
        let mut redo = redo.to_vec();
        redo.sort_unstable();
        let before = self.paths.before(&*self.disk, Timestamp::now());
        let files = [
            (&self.paths.answered, before.answered, false),
            (&self.paths.failed, before.failed, true),
        ];
        let is_there = |failed| {
            let mut rows = self.past.rows();
            rows.any(|row| row.failed == failed && redo.binary_search(&row.key).is_ok())
        };
        let mut aside = Vec::new();
        for (path, before, failed) in files {
            if !is_there(failed) {
                continue;
            }
            take_out(&*self.disk, path, &before, |found| {
                let known = found.known.as_ref();
                let key = known.map(|known| key(known.custom_id.as_deref(), known.row));
                key.is_some_and(|key| redo.binary_search(&key).is_ok())
            })?;
            aside.push(before);
        }
        Ok(aside)
    }
}

/// Takes the lock of an output, if it is one that can be taken.
pub(super) fn claim(
    disk: &dyn Disk,
    paths: &OutputPaths,
    locks: Locks,
) -> Result<Box<dyn OnDisk>, LedgerError> {
    refuse_what_is_not_ours(paths)?;
    let directory = paths.directory();
    disk.create_directories(directory)
        .map_err(io_error("create", directory))?;
    if locks == Locks::Trusted
        && let Some(kind) = mount::untrusted(directory)
    {
        let output = paths.answered.clone();
        return Err(LedgerError::Network { output, kind });
    }
    lock::take(disk, paths)
}

/// Refuses what no run has left, without opening what is no file: opening a pipe would wait for
/// ever, and a device keeps nothing.
pub(super) fn refuse_what_is_not_ours(paths: &OutputPaths) -> Result<(), LedgerError> {
    for path in [&paths.answered, &paths.failed, &paths.run, &paths.lock] {
        refuse_what_is_no_file(path)?;
    }
    refuse_foreign_run_file(&paths.run)
}

fn refuse_what_is_no_file(path: &Path) -> Result<(), LedgerError> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(LedgerError::NotAFile { path: path.into() }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The run file is replaced at the end, so what is there must be one.
fn refuse_foreign_run_file(path: &Path) -> Result<(), LedgerError> {
    let Ok(text) = std::fs::read(path) else {
        return Ok(());
    };
    let ours = serde_json::from_slice::<serde_json::Value>(&text)
        .is_ok_and(|file| file.get("promptmill").is_some());
    if ours {
        Ok(())
    } else {
        Err(LedgerError::NotOurs { path: path.into() })
    }
}
