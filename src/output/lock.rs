//! One run at a time writes an output.
//!
//! The lock is the kernel's (`flock`), on a file that is never renamed and never removed, so that
//! two runs always ask for the same one; it ends with the process that holds it, however that
//! dies, so there is no stale lock. What stands in the file is only for messages: who holds it.
//!
//! A file may have several names. Links are followed before a lock is named
//! ([`paths`](super::paths)); for hard links the output itself is locked too.

use std::fmt;
use std::fs::TryLockError;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::past::open_if_there;
use super::paths::OutputPaths;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    process: u32,
    host: String,
    started_at: String,
}

impl Holder {
    fn this_process() -> Self {
        let host = rustix::system::uname();
        let now = Timestamp::now();
        Self {
            process: std::process::id(),
            host: host.nodename().to_string_lossy().into_owned(),
            started_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            host,
            started_at,
        } = self;
        write!(f, "process {process} on {host}, since {started_at}")
    }
}

/// An output's lock, held for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _named: Box<dyn OnDisk>,
    /// The output, by whatever name.
    output: Option<Box<dyn OnDisk>>,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    pub(super) fn take(disk: &dyn Disk, paths: &OutputPaths) -> Result<Self, LedgerError> {
        let path = &paths.lock;
        let mut file = disk
            .open(path, Open::AppendOrCreate)
            .map_err(io_error("open", path))?;
        try_lock(&mut *file, path, paths)?;
        sign(&mut *file);
        let mut lock = Self {
            _named: file,
            output: None,
        };
        lock.hold_output(disk, paths)?;
        Ok(lock)
    }

    /// Locks the output itself, once it is there, and again when another file took its place.
    pub(super) fn hold_output(
        &mut self,
        disk: &dyn Disk,
        paths: &OutputPaths,
    ) -> Result<(), LedgerError> {
        let path = &paths.answered;
        let is_held = self.output.as_ref().map(|held| held.is_at(path));
        if is_held.is_some_and(|held| held.unwrap_or(false)) {
            return Ok(());
        }
        let Some(mut output) = open_if_there(disk, path)? else {
            return Ok(());
        };
        try_lock(&mut *output, path, paths)?;
        self.output = Some(output);
        Ok(())
    }
}

fn try_lock(file: &mut dyn OnDisk, path: &Path, of: &OutputPaths) -> Result<(), LedgerError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked {
            output: of.answered.clone(),
            holder: holder(file),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", path)(error)),
    }
}

/// A full disk takes no signature; the lock holds all the same.
fn sign(file: &mut dyn OnDisk) {
    let text = serde_json::to_vec(&Holder::this_process()).unwrap_or_default();
    let _ = file.set_len(0).and_then(|()| file.write_all(&text));
}

fn holder(file: &mut dyn OnDisk) -> Option<Holder> {
    let mut text = Vec::new();
    let mut signature = std::io::Read::take(file, 4096);
    std::io::Read::read_to_end(&mut signature, &mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
