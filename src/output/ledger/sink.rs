//! One file that is only ever appended to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Durability, InFlight};
use crate::output::disk::{Disk, OnDisk, Open};
use crate::output::error::{LedgerError, io_error};
use crate::output::rewrite::sync_directory;
use crate::run::Share;

#[derive(Debug)]
pub(in crate::output) struct Sink {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    durability: Durability,
    state: SinkState,
    file: Option<Box<dyn OnDisk>>,
    /// Everything before this is committed.
    committed: u64,
    /// Lines of the commit under way.
    lines: Vec<u8>,
    /// The longest line there was, or may well be.
    longest: u64,
    /// Like the longest line, but of rows after the first of their call. A body that could not be parsed
    /// is that of a whole call and is stored with its first row, so it is no measure for the others.
    usual: u64,
    /// Up to where the disk has promised room.
    reserved: u64,
}

/// What is to be done before the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SinkState {
    /// There was no file yet, and one is created for the first line.
    New,
    /// Nothing.
    Clean,
    /// Bytes of a failed commit follow the committed ones: they are cut off.
    Dirty,
    /// A sync has failed: the file is reopened, then it is dirty.
    Spoilt,
    /// Somebody else has changed the file: it is left alone.
    Disturbed,
}

impl Sink {
    pub(in crate::output) fn new(
        disk: &Arc<dyn Disk>,
        path: &Path,
        durability: Durability,
        longest: u64,
    ) -> Self {
        Self {
            disk: Arc::clone(disk),
            path: path.into(),
            durability,
            state: SinkState::New,
            file: None,
            committed: 0,
            lines: Vec::new(),
            longest,
            usual: longest,
            reserved: 0,
        }
    }

    /// Adds the line that `write` appends to the commit under way. Its row shared its call as
    /// `share` says.
    pub(super) fn add_row(&mut self, share: Share, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.lines.len();
        self.add(write);
        let line = (self.lines.len() - before) as u64;
        self.longest = self.longest.max(line);
        if share == Share::ALONE || !share.is_first() {
            self.usual = self.usual.max(line);
        }
    }

    /// Adds what `write` appends to the commit under way.
    pub(in crate::output) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.lines);
    }

    /// Opens the file, creates it where there is none.
    pub(super) fn open(&mut self) -> Result<(), LedgerError> {
        let file = self
            .disk
            .open(&self.path, Open::AppendOrCreate)
            .map_err(io_error("open", &self.path))?;
        self.committed = file.len().map_err(io_error("read", &self.path))?;
        if self.durability == Durability::Sync {
            sync_directory(&*self.disk, &self.path)?;
        }
        self.file = Some(file);
        self.state = SinkState::Clean;
        Ok(())
    }

    /// Opens the file again in the place of a descriptor that failed to sync.
    fn reopen(&mut self) -> Result<(), LedgerError> {
        self.check_it_is_there()?;
        let file = self
            .disk
            .open(&self.path, Open::Append)
            .map_err(io_error("open", &self.path))?;
        self.file = Some(file);
        self.state = SinkState::Dirty;
        self.reserved = 0;
        Ok(())
    }

    /// Writes the lines of the commit under way, and makes sure that they stay.
    pub(super) fn append(&mut self) -> Result<(), LedgerError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        match self.state {
            SinkState::New => self.open()?,
            SinkState::Spoilt => self.reopen()?,
            SinkState::Disturbed => return Err(self.disturbed()),
            SinkState::Clean | SinkState::Dirty => {}
        }
        let (committed, dirty) = (self.committed, self.state == SinkState::Dirty);
        let path = &self.path;
        let Some(file) = &mut self.file else {
            return Err(io_error("open", path)(io::ErrorKind::NotFound.into()));
        };
        if dirty {
            file.set_len(committed).map_err(io_error("cut", path))?;
        }
        self.state = SinkState::Dirty;
        file.write_all(&self.lines)
            .map_err(io_error("write to", path))?;
        if self.durability == Durability::Sync {
            file.sync()
                .inspect_err(|_| self.state = SinkState::Spoilt)
                .map_err(io_error("sync", path))?;
        }
        let len = file.len().map_err(io_error("read", path))?;
        if len != committed + self.lines.len() as u64 {
            self.state = SinkState::Disturbed;
            return Err(self.disturbed());
        }
        self.check_it_is_there()
    }

    fn disturbed(&self) -> LedgerError {
        let path = self.path.clone();
        LedgerError::Disturbed { path }
    }

    fn check_it_is_there(&self) -> Result<(), LedgerError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        match file.is_at(&self.path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(LedgerError::Gone {
                path: self.path.clone(),
            }),
            Err(error) => Err(io_error("find", &self.path)(error)),
        }
    }

    /// Commits by itself: a failure is cut off again.
    pub(in crate::output) fn keep(&mut self) -> Result<(), LedgerError> {
        let kept = self.append();
        match kept {
            Ok(()) => self.accept(),
            Err(_) => self.undo(),
        }
        kept
    }

    pub(super) fn accept(&mut self) {
        if !self.lines.is_empty() {
            self.committed += self.lines.len() as u64;
            self.state = SinkState::Clean;
            self.lines.clear();
        }
    }

    /// Cuts off what a failed commit may have written, now or before the next one.
    pub(super) fn undo(&mut self) {
        self.lines.clear();
        if self.state != SinkState::Dirty {
            return;
        }
        let Some(file) = &mut self.file else { return };
        if file.set_len(self.committed).is_ok() {
            self.state = SinkState::Clean;
            // Cutting gives the reserved room back as well.
            let reserved = std::mem::take(&mut self.reserved);
            if self.committed < reserved && file.reserve(reserved).is_ok() {
                self.reserved = reserved;
            }
        }
    }

    /// Reserves room for what may be in flight: the longest line for each call, the usual one for
    /// each row that shares it.
    pub(super) fn make_room(&mut self, most: InFlight) -> Result<(), LedgerError> {
        let InFlight { calls, rows } = most;
        let firsts = self.longest.saturating_mul(calls.min(rows) as u64);
        let others = self.usual.saturating_mul(rows.saturating_sub(calls) as u64);
        let lines = firsts.saturating_add(others);
        let needed = self.committed.saturating_add(lines);
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if needed <= self.reserved {
            return Ok(());
        }
        // Twice as much, so that not every commit has to ask.
        for reserved in [needed.saturating_add(lines), needed] {
            match file.reserve(reserved) {
                Ok(()) => self.reserved = reserved,
                Err(error) if is_want_of_room(&error) => continue,
                // It cannot be had here, so nothing is waited for.
                Err(_) => self.reserved = u64::MAX,
            }
            return Ok(());
        }
        Err(LedgerError::NoRoom {
            path: self.path.clone(),
            rows,
            bytes: lines,
        })
    }

    /// Gives back the room that was reserved and not used.
    pub(super) fn release(&mut self) {
        if let Some(file) = &mut self.file
            && self.state == SinkState::Clean
            && self.committed < self.reserved
        {
            // If this fails the room is given back by the next run.
            let _ = file.set_len(self.committed);
            self.reserved = 0;
        }
    }

    /// Whether the file is no longer where it was.
    pub(super) fn is_gone(&self) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|file| !file.is_at(&self.path).unwrap_or(true))
    }

    /// Copies what was committed to a file that is no longer where it was, and says how many lines
    /// that are.
    pub(super) fn copy_if_gone(&mut self, to: &mut dyn OnDisk) -> io::Result<u64> {
        let is_gone = self.is_gone();
        let Some(file) = self.file.as_mut().filter(|_| is_gone) else {
            return Ok(0);
        };
        file.seek_to(0)?;
        let mut counted = CountedLines { to, lines: 0 };
        let committed = self.committed;
        io::copy(&mut io::Read::take(file, committed), &mut counted)?;
        Ok(counted.lines)
    }
}

/// A file that lines are written to, and how many they are.
struct CountedLines<'a> {
    to: &'a mut dyn OnDisk,
    lines: u64,
}

impl io::Write for CountedLines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        let ends = bytes[..written].iter().filter(|byte| **byte == b'\n');
        self.lines += ends.count() as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn is_want_of_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
