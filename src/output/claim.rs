//! An output, claimed for one run: locked, read, mended at its end, and otherwise left as it is
//! until [`Claim::begin`]. A run that is refused before its first call changes nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::{LedgerError, io_error};
use super::ledger::{Ledger, MODE, sync_directory};
use super::line::KeepRaw;
use super::past::{Past, TornTail};
use super::paths::OutputPaths;

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

/// An output that no other run writes.
#[derive(Debug)]
pub struct Claim {
    /// The rows that have ended and stay so.
    pub past: Past,
    /// Tails that were cut off, as a crash leaves them.
    pub torn: Vec<TornTail>,
    paths: OutputPaths,
    existing: Existing,
    lock: File,
}

impl Claim {
    /// Takes the lock and reads what earlier runs left.
    ///
    /// # Errors
    /// Another run holds the output, it is not ours, or it cannot be read.
    pub fn stake(paths: &OutputPaths, existing: Existing) -> Result<Self, LedgerError> {
        refuse_what_is_not_ours(paths)?;
        let directory = paths.directory();
        std::fs::create_dir_all(directory).map_err(io_error("create", directory))?;
        let mut claim = Self {
            past: Past::default(),
            torn: Vec::new(),
            paths: paths.clone(),
            existing,
            lock: lock(paths)?,
        };
        claim.read()?;
        Ok(claim)
    }

    fn read(&mut self) -> Result<(), LedgerError> {
        let paths = &self.paths;
        let files = [&paths.answered, &paths.failed];
        for (path, stays) in files.into_iter().zip(self.existing.stays()) {
            let mut left = Past::default();
            let past = if stays { &mut self.past } else { &mut left };
            match past.read(path, || paths.torn(Timestamp::now())) {
                Ok(torn) => self.torn.extend(torn),
                // What is put aside may be broken; that is what it is put aside for.
                Err(LedgerError::Corrupt { .. }) if !stays => {}
                Err(error) => return Err(error),
            }
        }
        self.past.complete();
        Ok(())
    }

    /// Puts aside what does not stay, makes ready to append, and says what is where.
    ///
    /// # Errors
    /// The disk refused.
    pub fn begin(
        self,
        model: &str,
        keep_raw: KeepRaw,
    ) -> Result<(Ledger, Past, Vec<PathBuf>), LedgerError> {
        let aside = self.put_aside()?;
        let ledger = Ledger::open(&self.paths, model, keep_raw, self.lock)?;
        Ok((ledger, self.past, aside))
    }

    fn put_aside(&self) -> Result<Vec<PathBuf>, LedgerError> {
        let before = self.paths.before(Timestamp::now());
        let moves = [
            (
                &self.paths.answered,
                before.answered,
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
            if goes && from.exists() {
                std::fs::rename(from, &to).map_err(io_error("move", from))?;
                aside.push(to);
            }
        }
        sync_directory(self.paths.directory())?;
        Ok(aside)
    }
}

/// Opening a pipe would wait for ever, and a device keeps nothing.
/// Refuses what no run has left, without opening what is no file.
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

fn lock(paths: &OutputPaths) -> Result<File, LedgerError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(MODE);
    let file = options
        .open(&paths.lock)
        .map_err(io_error("open", &paths.lock))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked {
            output: paths.answered.clone(),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &paths.lock)(error)),
    }
}
