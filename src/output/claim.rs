//! An output, claimed for one run: locked, read, and fixed where a crash left a torn line or failures of
//! rows that succeeded. Otherwise it stays as it is until [`Claim::back_up`], so that a run that is
//! rejected before its first call removes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::disk::{self, Disk, Open};
use super::error::{LedgerError, io_error};
use super::journal::{self, Change};
use super::ledger::{Ledger, LedgerSettings};
use super::line::Known;
use super::lock::Lock;
use super::mode::Mode;
use super::mount::{self, Reach};
use super::paths::OutputPaths;
use super::resume::{EarlierRows, TornTail, open_if_there};
use super::scan::each_line;
use super::tally::Unattributed;
use super::{Tally, images, lock, run_file};

/// What to do with output that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Resume.
    Resume,
    /// Resume, and back up the failures, so that failed rows run again.
    RetryFailed,
    /// Back up all of it and start over.
    Fresh,
}

impl Existing {
    /// Whether the completions stay, and whether the failures do.
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
    /// Those whose locks exclude every other run.
    Trusted,
    /// Any; the user makes sure that no other machine writes the same output.
    Any,
}

/// An output that no other run writes.
#[derive(Debug)]
pub struct Claim {
    /// The completed rows that stay completed.
    pub past: EarlierRows,
    /// Torn lines that were backed up, as a crash leaves them.
    pub torn: Vec<TornTail>,
    disk: Arc<dyn Disk>,
    paths: OutputPaths,
    existing: Existing,
    /// What the lines that are to be backed up have cost, possibly billed calls included.
    leaving: Unattributed,
    /// Held until the ledger has it.
    lock: Option<Lock>,
}

/// A run that does not start leaves no lock file if there is no output.
impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            lock.remove_if_unused(&*self.disk, &self.paths);
        }
    }
}

impl Claim {
    /// Takes the lock and reads what earlier runs left. What is created has this `mode`.
    ///
    /// # Errors
    /// Another run holds the output, it belongs to another program, or it cannot be read.
    pub fn take(
        paths: &OutputPaths,
        mode: Mode,
        existing: Existing,
        locks: Locks,
    ) -> Result<Self, LedgerError> {
        Self::take_on(disk::real(mode), paths, existing, locks)
    }

    pub(super) fn take_on(
        disk: Arc<dyn Disk>,
        paths: &OutputPaths,
        existing: Existing,
        locks: Locks,
    ) -> Result<Self, LedgerError> {
        let lock = claim(&*disk, paths, locks)?;
        let mut claim = Self {
            past: EarlierRows::default(),
            torn: Vec::new(),
            disk,
            paths: paths.clone(),
            existing,
            leaving: Unattributed::default(),
            lock: Some(lock),
        };
        claim.read()?;
        Ok(claim)
    }

    /// Reads the files of the claim again, after its holder has changed them.
    pub(super) fn reread(mut self) -> Result<Self, LedgerError> {
        self.read()?;
        Ok(self)
    }

    fn read(&mut self) -> Result<(), LedgerError> {
        let (paths, disk) = (&self.paths, &*self.disk);
        self.past = EarlierRows::default();
        self.leaving = Unattributed::default();
        let files = [&paths.output, &paths.failed];
        for (path, stays) in files.into_iter().zip(self.existing.stays()) {
            let mut left = EarlierRows::default();
            let past = if stays { &mut self.past } else { &mut left };
            match past.read(disk, paths, path, || paths.torn(disk, Timestamp::now())) {
                Ok(torn) => self.torn.extend(torn),
                // What is backed up may be corrupt.
                Err(LedgerError::Corrupt { .. } | LedgerError::Twice { .. }) if !stays => {}
                Err(error) => return Err(error),
            }
            past.complete();
            self.leaving = self.leaving + left.tally.as_unattributed();
        }
        if self.existing != Existing::Fresh {
            self.past.tally.unattributed = run_file::unattributed(disk, &paths.run)?;
        }
        Ok(())
    }

    /// Backs up what does not stay, and the lines of the completed rows with the keys in `redo`, which
    /// run again. Returns the backup files.
    ///
    /// # Errors
    /// The disk failed.
    pub fn back_up(&mut self, redo: &[u64]) -> Result<Vec<PathBuf>, LedgerError> {
        let mut redo = redo.to_vec();
        redo.sort_unstable();
        let noted = run_file::unattributed(&*self.disk, &self.paths.run)?;
        let unattributed = self.unattributed(noted, &redo)?;
        let disk = Arc::clone(&self.disk);
        let paths = self.paths.clone();
        let before = paths.before(&*disk, Timestamp::now());
        let mut change = Change::of(&*disk, &paths);
        let mut aside = self.back_up_files(&mut change, &before)?;
        aside.extend(self.back_up_rows(&mut change, &before, &redo)?);
        if noted.usd != unattributed.usd {
            run_file::note(&*disk, &mut change, &paths, unattributed)?;
        }
        change.commit()?;
        self.past.tally.unattributed = unattributed;
        if !redo.is_empty() {
            self.read()?;
        }
        Ok(aside)
    }

    /// Makes ready to append to what stays.
    ///
    /// # Errors
    /// The disk failed, or is full.
    ///
    /// # Panics
    /// Never: a claim has its lock until it begins.
    pub fn begin(
        mut self,
        ledger_settings: LedgerSettings,
    ) -> Result<(Ledger, EarlierRows), LedgerError> {
        let lock = self.lock.take().expect("a claim begins once");
        let ledger = Ledger::open(Arc::clone(&self.disk), &self.paths, ledger_settings, lock)?;
        Ok((ledger, std::mem::take(&mut self.past)))
    }

    /// Spend that no row accounts for, once these rows and what does not stay are backed up; nothing if
    /// the output starts over. So far it was `noted`.
    fn unattributed(&self, noted: Unattributed, redo: &[u64]) -> Result<Unattributed, LedgerError> {
        let failed = match self.existing {
            Existing::Fresh => return Ok(Unattributed::default()),
            Existing::RetryFailed => self.leaving,
            Existing::Resume => self.charge_of(redo, &self.paths.failed)?,
        };
        Ok(noted + failed + self.charge_of(redo, &self.paths.output)?)
    }

    /// What rows have cost, and may have, by their lines in the file at `path`. Their keys are
    /// sorted.
    fn charge_of(&self, rows: &[u64], path: &Path) -> Result<Unattributed, LedgerError> {
        let mut of_rows = Tally::default();
        if rows.is_empty() || !self.disk.exists(path) {
            return Ok(Unattributed::default());
        }
        let mut file = self
            .disk
            .open(path, Open::Append)
            .map_err(io_error("open", path))?;
        let read = each_line(&mut *file, |found| {
            let known = found.known.as_ref();
            let key = |known: &Known| known.name().key();
            if let Some(known) = known.filter(|known| rows.binary_search(&key(known)).is_ok()) {
                of_rows.count_earlier(known);
            }
            Ok(())
        });
        read.map_err(io_error("read", path))?;
        Ok(of_rows.as_unattributed())
    }

    fn back_up_files(
        &self,
        change: &mut Change<'_>,
        before: &OutputPaths,
    ) -> Result<Vec<PathBuf>, LedgerError> {
        let is_fresh = self.existing == Existing::Fresh;
        let mut aside = Vec::new();
        let (output, images) = (&self.paths.output, &self.paths.images);
        let moves_images = is_fresh && self.disk.exists(images);
        if is_fresh && self.holds_something(output)? {
            if moves_images {
                // The lines are told where the images are.
                change.write(&before.output, output, |file| {
                    images::rename_in_lines(&*self.disk, output, file, images, &before.images)
                })?;
                change.remove(output);
            } else {
                change.rename(output, &before.output);
            }
            aside.push(before.output.clone());
        }
        if self.existing != Existing::Resume && self.holds_something(&self.paths.failed)? {
            change.rename(&self.paths.failed, &before.failed);
            aside.push(before.failed.clone());
        }
        if moves_images {
            change.rename(images, &before.images);
            aside.push(before.images.clone());
        }
        Ok(aside)
    }

    fn holds_something(&self, path: &Path) -> Result<bool, LedgerError> {
        let Some(file) = open_if_there(&*self.disk, path)? else {
            return Ok(false);
        };
        let len = file.len().map_err(io_error("read", path))?;
        Ok(0 < len)
    }

    /// Takes the lines of some rows, whose keys are sorted, out of both files.
    fn back_up_rows(
        &self,
        change: &mut Change<'_>,
        before: &OutputPaths,
        redo: &[u64],
    ) -> Result<Vec<PathBuf>, LedgerError> {
        let files = [
            (&self.paths.output, &before.output, false),
            (&self.paths.failed, &before.failed, true),
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
            change.remove_lines(path, before, |found| {
                let known = found.known.as_ref();
                let key = known.map(|known| known.name().key());
                key.is_some_and(|key| redo.binary_search(&key).is_ok())
            })?;
            aside.push(before.clone());
        }
        Ok(aside)
    }
}

/// Takes the lock of an output, if it is one that can be taken.
pub(super) fn claim(
    disk: &dyn Disk,
    paths: &OutputPaths,
    locks: Locks,
) -> Result<Lock, LedgerError> {
    reject_foreign_files(paths)?;
    let directory = paths.directory();
    disk.create_directories(directory).map_err(|cause| {
        let path = directory.into();
        LedgerError::NoDirectory { path, cause }
    })?;
    if locks == Locks::Trusted
        && let Reach::ThisMachine(kind) = mount::reach(directory)
    {
        let output = paths.output.clone();
        return Err(LedgerError::Network { output, kind });
    }
    let lock = Lock::take(disk, paths)?;
    journal::finish(disk, paths)?;
    Ok(lock)
}

/// Rejects what no run has written, without opening anything but a file: opening a pipe would block,
/// and a device stores nothing.
pub(super) fn reject_foreign_files(paths: &OutputPaths) -> Result<(), LedgerError> {
    let files = [
        &paths.output,
        &paths.failed,
        &paths.run,
        &paths.lock,
        &paths.journal,
        &paths.pace,
    ];
    for path in files {
        reject_other_than_file(path)?;
    }
    for path in [&paths.failed, &paths.run] {
        reject_link(path, |path| !path.exists())?;
    }
    // These are written over, and never links.
    for path in [&paths.lock, &paths.journal, &paths.pace] {
        reject_link(path, |_| true)?;
    }
    reject_foreign_run_file(paths)?;
    lock::reject_foreign(&paths.lock)
}

fn reject_other_than_file(path: &Path) -> Result<(), LedgerError> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(LedgerError::NotAFile { path: path.into() }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Rejects a link beside the output that would redirect what is written to a place that was not named.
fn reject_link(path: &Path, leads_astray: impl Fn(&Path) -> bool) -> Result<(), LedgerError> {
    match path.read_link() {
        Ok(target) if leads_astray(path) => Err(LedgerError::Link {
            path: path.into(),
            target,
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The run file is replaced at the end, so what is there must be one, and this output's. Where its
/// directory is now says nothing: both may have been moved.
fn reject_foreign_run_file(paths: &OutputPaths) -> Result<(), LedgerError> {
    let path = paths.run.clone();
    if !path.exists() {
        return Ok(());
    }
    let Some(file) = run_file::read(&path) else {
        return Err(LedgerError::NotOurs { path });
    };
    if !run_file::is_of(&file, paths) {
        let output = file.get("output").and_then(Value::as_str);
        let output = output.unwrap_or_default().to_owned();
        return Err(LedgerError::OfAnother { path, output });
    }
    Ok(())
}
