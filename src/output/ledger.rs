//! The output files, appended to as rows end.
//!
//! A commit serialises every line first, writes all of them together, syncs, and only then are
//! the rows counted. A commit that fails is cut off again, so that a file never ends inside a
//! line that a later commit could glue itself to. One run at a time holds the lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::line::{self, KeepRaw, Stamp};
use super::past::{Past, TornTail, io_error};
use super::paths::OutputPaths;
use crate::run::{Ended, Outcome, Store};

/// Answers may be private: only their owner reads them, unless told otherwise.
const MODE: u32 = 0o600;

/// The output of one run.
#[derive(Debug)]
pub struct Ledger {
    answered: Sink,
    failed: Sink,
    model: String,
    keep_raw: KeepRaw,
    /// Held for as long as the ledger lives.
    _lock: File,
}

/// What opening a ledger found.
#[derive(Debug, Default)]
pub struct Opened {
    /// The rows that have ended already.
    pub past: Past,
    /// Tails that were cut off.
    pub torn: Vec<TornTail>,
    /// Where earlier output was put aside.
    pub aside: Vec<PathBuf>,
}

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

/// Why the output cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another run writes it.
    #[error(
        "another run is writing {output}: wait for it to end, or choose another --output",
        output = .output.display()
    )]
    Locked {
        /// The output both want.
        output: PathBuf,
    },
    /// It holds something else.
    #[error(
        "{path} exists and was not written by promptmill: choose another --output, or move it away",
        path = .path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A line in the middle cannot be read.
    #[error(
        "{path}: line {line} (at byte {byte}) is not a line of output, yet good lines follow it: \
         restore the file, or delete that line (its row then runs again)",
        path = .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The bad line, from 1.
        line: u64,
        /// Where it starts.
        byte: u64,
    },
    /// The disk refused.
    #[error("cannot {deed} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried.
        deed: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Ledger {
    /// Takes the lock, reads and mends what earlier runs left, and makes ready to append.
    ///
    /// # Errors
    /// [`LedgerError`], with nothing of the existing output changed but a torn tail.
    pub fn open(
        paths: &OutputPaths,
        existing: Existing,
        model: &str,
        keep_raw: KeepRaw,
    ) -> Result<(Self, Opened), LedgerError> {
        let directory = paths.directory();
        std::fs::create_dir_all(directory).map_err(io_error("create", directory))?;
        let lock = lock(paths)?;
        let mut opened = Opened::default();
        put_aside(paths, existing, &mut opened)?;
        for path in [&paths.answered, &paths.failed] {
            let torn = opened
                .past
                .read(path, || paths.aside("torn", Timestamp::now()))?;
            opened.torn.extend(torn);
        }
        opened.past.complete();
        let ledger = Self {
            answered: Sink::lazy(&paths.answered)?,
            failed: Sink::lazy(&paths.failed)?,
            model: model.to_owned(),
            keep_raw,
            _lock: lock,
        };
        sync_directory(directory)?;
        Ok((ledger, opened))
    }

    /// Makes sure that there is a file for answers before the first of them is paid for.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(&mut self) -> Result<(), LedgerError> {
        self.answered.file()?;
        sync_directory(self.answered.path.parent().unwrap_or(Path::new(".")))
    }
}

impl Store for Ledger {
    type Error = LedgerError;

    fn commit(&mut self, ended: &[Ended]) -> Result<(), LedgerError> {
        let now = Timestamp::now();
        for ended in ended {
            let age = SignedDuration::try_from(ended.landed.elapsed()).unwrap_or_default();
            let stamp = Stamp {
                model: &self.model,
                keep_raw: self.keep_raw,
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

fn put_aside(
    paths: &OutputPaths,
    existing: Existing,
    opened: &mut Opened,
) -> Result<(), LedgerError> {
    let (what, files) = match existing {
        Existing::Resume => return Ok(()),
        Existing::RetryFailed => ("failed-before", vec![&paths.failed]),
        Existing::Fresh => ("before", vec![&paths.answered, &paths.failed]),
    };
    for file in files {
        // Reading it first refuses a file that is not ours before it is moved.
        match Past::default().read(file, || paths.aside("torn", Timestamp::now())) {
            Ok(_) | Err(LedgerError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        if file.exists() {
            let aside = paths.aside(what, Timestamp::now());
            std::fs::rename(file, &aside).map_err(io_error("move", file))?;
            opened.aside.push(aside);
        }
    }
    Ok(())
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
