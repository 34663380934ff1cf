//! One run at a time writes an output.
//!
//! The lock is the kernel's (`flock`), on a file that is never renamed; it ends with the process that
//! holds it, however that dies, so there is no stale lock. A run that started nothing removes the
//! file while it holds the lock. A process that gets a lock therefore checks whether the file it locked is
//! still the one of that name, so that two runs never hold different ones. The content of the file is only for
//! messages: who holds it.
//!
//! A file may have several names. Links are followed before a lock is named
//! ([`paths`](super::paths)); for hard links the output itself is locked too.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;

use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::holder::Holder;
use super::paths::OutputPaths;
use super::resume::open_if_there;

/// What every signature begins with.
const OURS: &[u8] = br#"{"process":"#;

/// More than a signature has: the longest name of a host has 64 bytes (Linux, uname(2)).
const MOST_BYTES: u64 = 4096;

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
        let mut file = loop {
            let mut file = disk
                .open(path, Open::AppendOrCreate)
                .map_err(io_error("open", path))?;
            try_lock(&mut *file, path, paths)?;
            if file.is_at(path).unwrap_or(true) {
                break file;
            }
        };
        sign(&mut *file);
        let mut lock = Self {
            _named: file,
            output: None,
        };
        lock.hold_output(disk, paths)?;
        Ok(lock)
    }

    /// Removes the lock's file, if there is nothing of the output that it would be for.
    pub(super) fn remove_if_unused(&self, disk: &dyn Disk, paths: &OutputPaths) {
        let output = [&paths.output, &paths.failed, &paths.run];
        if !output.into_iter().any(|path| disk.exists(path)) {
            // A file that stays does no harm.
            let _ = disk.remove(&paths.lock);
        }
    }

    /// Locks the output itself, once it is there, and again when another file took its place.
    pub(super) fn hold_output(
        &mut self,
        disk: &dyn Disk,
        paths: &OutputPaths,
    ) -> Result<(), LedgerError> {
        let path = &paths.output;
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

/// Rejects a lock file of another program: many name a file `STEM.lock`, and signing truncates it.
pub(super) fn reject_foreign(path: &Path) -> Result<(), LedgerError> {
    let Ok(file) = File::open(path) else {
        return Ok(());
    };
    let mut text = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(io_error("read", path))?;
    match may_be_signature(&text) {
        true => Ok(()),
        false => Err(LedgerError::NotOurs { path: path.into() }),
    }
}

/// A signature, whole or as a full disk or a power cut left it.
fn may_be_signature(text: &[u8]) -> bool {
    let is_empty = text.iter().all(|byte| *byte == 0);
    let shared = text.len().min(OURS.len());
    let begins_like_one = text[..shared] == OURS[..shared];
    let is_one = match serde_json::from_slice::<Holder>(text) {
        Ok(_) => true,
        Err(error) => error.is_eof(),
    };
    text.len() as u64 <= MOST_BYTES && (is_empty || begins_like_one && is_one)
}

fn try_lock(file: &mut dyn OnDisk, path: &Path, of: &OutputPaths) -> Result<(), LedgerError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked {
            output: of.output.clone(),
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
    let mut signature = std::io::Read::take(file, MOST_BYTES);
    signature.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_distinguished_from_the_lock_file_of_another_program() {
        let whole = serde_json::to_vec(&Holder::this_process()).unwrap();
        for end in 0..=whole.len() {
            assert!(may_be_signature(&whole[..end]), "{end} bytes");
        }
        assert!(may_be_signature(&[0; 92]), "room that was never written");
        for theirs in [
            "# This file is automatically @generated by Cargo.\n",
            "{\"lockfileVersion\": 3",
            "{\"process\":{\"a\":1}}",
            "4711\n",
        ] {
            assert!(!may_be_signature(theirs.as_bytes()), "{theirs}");
        }
        let padded = [whole, vec![b' '; 8192]].concat();
        assert!(!may_be_signature(&padded), "longer than any");
    }
}
