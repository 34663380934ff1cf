//! The output files, appended to as rows end.
//!
//! A commit serialises every line first, writes all of them together, syncs, and only then are
//! the rows counted. A commit that fails is cut off again, so that a file never ends inside a
//! line that a later commit could glue itself to. One run at a time holds the lock.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::error::{LedgerError, io_error};
use super::line::{self, KeepRaw, Stamp};
use super::paths::OutputPaths;
use super::pictures;
use crate::run::{Ended, Outcome, Store};

/// Answers may be private: only their owner reads them, unless told otherwise.
pub(super) const MODE: u32 = 0o600;

/// The output of one run.
#[derive(Debug)]
pub struct Ledger {
    answered: Sink,
    failed: Sink,
    pictures: PathBuf,
    model: String,
    keep_raw: KeepRaw,
    /// Held for as long as the ledger lives.
    _lock: File,
}

impl Ledger {
    /// Makes ready to append. There is a file for answers before the first of them is paid for.
    pub(super) fn open(
        paths: &OutputPaths,
        model: &str,
        keep_raw: KeepRaw,
        lock: File,
    ) -> Result<Self, LedgerError> {
        let ledger = Self {
            answered: Sink::open(&paths.answered)?,
            failed: Sink::lazy(&paths.failed)?,
            pictures: paths.pictures.clone(),
            model: model.to_owned(),
            keep_raw,
            _lock: lock,
        };
        sync_directory(paths.directory())?;
        Ok(ledger)
    }
}

impl Store for Ledger {
    type Error = LedgerError;

    fn commit(&mut self, ended: &[Ended]) -> Result<(), LedgerError> {
        let now = Timestamp::now();
        // Before any line is made: what fails here is tried again with the same rows.
        let files = pictures::keep(&self.pictures, ended)?;
        for (ended, files) in ended.iter().zip(&files) {
            let age = SignedDuration::try_from(ended.landed.elapsed()).unwrap_or_default();
            let stamp = Stamp {
                model: &self.model,
                keep_raw: self.keep_raw,
                files,
                finished_at: now - age,
            };
            let sink = match ended.outcome {
                Outcome::Answered(_) => &mut self.answered,
                Outcome::Failed(_) => &mut self.failed,
            };
            line::write(ended, &stamp, &mut sink.lines);
        }
        let kept = self.answered.append().and_then(|()| self.failed.append());
        let settle = if kept.is_ok() {
            Sink::accept
        } else {
            Sink::undo
        };
        settle(&mut self.answered);
        settle(&mut self.failed);
        kept
    }
}

/// One file that is only ever appended to.
#[derive(Debug)]
struct Sink {
    path: PathBuf,
    /// `None` until there is a first line.
    file: Option<File>,
    /// Everything before this is committed.
    committed: u64,
    /// Whether bytes of a failed commit may stand behind `committed`.
    dirty: bool,
    /// Lines of the commit under way.
    lines: Vec<u8>,
}

impl Sink {
    fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut sink = Self::unopened(path);
        sink.file()?;
        Ok(sink)
    }

    /// A file that is created only when there is something to write.
    fn lazy(path: &Path) -> Result<Self, LedgerError> {
        if path.exists() {
            Self::open(path)
        } else {
            Ok(Self::unopened(path))
        }
    }

    fn unopened(path: &Path) -> Self {
        Self {
            path: path.into(),
            file: None,
            committed: 0,
            dirty: false,
            lines: Vec::new(),
        }
    }

    fn file(&mut self) -> Result<&mut File, LedgerError> {
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(MODE);
            let file = options
                .open(&self.path)
                .map_err(io_error("open", &self.path))?;
            self.committed = file.metadata().map_err(io_error("read", &self.path))?.len();
            self.file = Some(file);
        }
        Ok(self.file.as_mut().expect("opened above"))
    }

    fn append(&mut self) -> Result<(), LedgerError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let created = self.file.is_none();
        let (committed, dirty) = (self.committed, self.dirty);
        let lines = std::mem::take(&mut self.lines);
        let file = self.file()?;
        let written = if dirty {
            file.set_len(committed)
        } else {
            Ok(())
        }
        .and_then(|()| file.write_all(&lines))
        .and_then(|()| file.sync_data());
        self.lines = lines;
        written.map_err(io_error("write", &self.path))?;
        match self.path.parent() {
            Some(directory) if created => sync_directory(directory),
            _ => Ok(()),
        }
    }

    fn accept(&mut self) {
        self.committed += self.lines.len() as u64;
        self.dirty = false;
        self.lines.clear();
    }

    /// Cuts off what a failed commit may have written, now or before the next one.
    fn undo(&mut self) {
        self.lines.clear();
        let cut = self
            .file
            .as_ref()
            .is_none_or(|file| file.set_len(self.committed).is_ok());
        self.dirty = !cut;
    }
}

/// Makes a created or renamed name survive a power cut.
pub(super) fn sync_directory(directory: &Path) -> Result<(), LedgerError> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(io_error("sync", directory))
}
