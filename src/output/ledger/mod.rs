//! How a line reaches the disk, and stays there.
//!
//! A row is over when its line is on disk, and not before. Each step has its reason:
//!
//! 1. **Serialise first.** Whatever a line cannot say is found out before a byte is written.
//! 2. **Write together what has completed together.** A write of its own for every line is torn by `kill -9`
//!    (measured: 2 % of kills at 200 bytes, 12 % at 3 kB), and a sync takes about 3 ms for one
//!    line or for fifty.
//! 3. **Sync, then count, then free the slot.** Freeing the slot when the response arrives
//!    lost up to 254 paid responses to one kill with 16 calls in flight; after the sync it is never
//!    more than the 16. While a group is synced the next one gathers, and after
//!    it for a time that depends on how long the commit took.
//! 4. **After a failed write, cut back** to the last commit, so that a later commit cannot glue its
//!    first line to half a line. The rows stay in memory, nothing new is sent, and the same commit
//!    is tried again.
//! 5. **After a failed sync, never sync that descriptor again.** The kernel has reported the error
//!    once, may have marked the pages clean, and would call the next sync a success. The file is
//!    reopened, cut back, and the lines are written again: pages that are dirty again.
//! 6. **Look whether the file is still there.** A directory that was deleted, or a file that was
//!    moved away, takes writes and syncs without an error, and the rows are lost with it.
//! 7. **Have room before sending.** For every row that may be in flight, room for its line is
//!    reserved (for every call that of the longest there was, for rows that share one the usual)
//!    behind the end of the file (`fallocate`, without making it longer). On a disk that
//!    fills up, what fails is the next reservation, while nothing is lost: nothing more is sent,
//!    and the calls in flight use the reserved room. File systems that cannot reserve do
//!    without.
//! 8. **When nothing helps**, for as long as the run may drain, the rows in memory go to a file
//!    in the directory for temporary files, which is often another disk. If that fails too, the run
//!    says which rows are lost.
//!
//! What is found at the start of a run is read by the rules of [`scan`](super::scan), fixed, and
//! **synced before it is trusted**: the run that wrote it may have died between write and sync, and
//! a row counted from memory that the disk never had would be lost at the next power cut. A file
//! that is created or renamed has its directory synced; a file that is replaced is written beside,
//! synced and renamed into its place ([`rewrite`](super::rewrite)). One run at a time holds the
//! lock ([`lock`](super::lock)), whose file is never renamed and never removed.
//!
//! With `durability = "none"` nothing is synced during the run: what was committed survives
//! the death of the process, and not a power cut.

mod sink;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::disk::{Disk, Open};
use super::error::{LedgerError, io_error};
use super::line::{self, KeepRaw, Stamp};
use super::lock::Lock;
use super::paths::OutputPaths;
use super::resume::{EarlierRows, open_if_there};
use super::{Tally, images};
use crate::model::Reasoning;
use crate::run::{CompletedRow, Outcome, Rescued, Store};
pub(super) use sink::Sink;

/// What a line holds besides the completion: ids, counts, times, metadata; and room for what tokens
/// do not tell, such as an embedding.
const LINE_BYTES: u64 = 16 << 10;

/// A token has about 4 bytes, and escaping may double that.
const TOKEN_BYTES: u64 = 8;

/// A failure is a message and what is known of the row.
const FAILURE_BYTES: u64 = 4 << 10;

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What is committed survives a power cut.
    Sync,
    /// What is committed survives the death of the process.
    None,
}

/// What the lines of one run have in common, and how they are kept.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// The model id, as it was typed.
    pub model: String,
    /// When the provider's body is kept.
    pub keep_raw: KeepRaw,
    /// The service tier that the job asks for.
    pub service_tier: &'static str,
    /// The latency that the job asks for, where it does.
    pub latency_mode: Option<String>,
    /// Whether lines keep the reasoning before the completion.
    pub reasoning: Reasoning,
    /// Whether rows bring their own bodies.
    pub own_body: bool,
    /// Whether the embedded emulator is asked.
    pub emulated: bool,
    /// Whether a commit waits for the disk.
    pub durability: Durability,
    /// For how many lines there must be room.
    pub in_flight: InFlight,
    /// The longest completion the job asks for, in tokens, if it says so.
    pub max_tokens: Option<u32>,
}

/// The most that may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// Calls.
    pub calls: usize,
    /// Rows in them.
    pub rows: usize,
}

/// The output of one run.
#[derive(Debug)]
pub struct Ledger {
    disk: Arc<dyn Disk>,
    paths: OutputPaths,
    output: Sink,
    failed: Sink,
    ledger_settings: LedgerSettings,
    /// Held for as long as the ledger lives.
    lock: Lock,
}

impl Ledger {
    /// Opens the files for appending. There is an output file, and room for the lines of every call in
    /// flight, before the first call is paid for.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        paths: &OutputPaths,
        ledger_settings: LedgerSettings,
        lock: Lock,
    ) -> Result<Self, LedgerError> {
        let tokens = u64::from(ledger_settings.max_tokens.unwrap_or_default());
        let answer = LINE_BYTES + TOKEN_BYTES * tokens;
        let sink = |path, line| Sink::new(&disk, path, ledger_settings.durability, line);
        let mut ledger = Self {
            output: sink(&paths.output, answer),
            failed: sink(&paths.failed, FAILURE_BYTES),
            paths: paths.clone(),
            ledger_settings,
            lock,
            disk,
        };
        ledger.output.open()?;
        ledger.lock.hold_output(&*ledger.disk, &ledger.paths)?;
        if ledger.disk.exists(&paths.failed) {
            ledger.failed.open()?;
        }
        ledger.make_room()?;
        Ok(ledger)
    }

    /// Keeps the lines that follow like this. What they are named by and where they go stays.
    pub fn serve(&mut self, ledger_settings: LedgerSettings) {
        self.ledger_settings = ledger_settings;
    }

    /// Frees the room that was reserved and not used.
    pub fn release(&mut self) {
        self.output.release();
        self.failed.release();
    }

    fn write_lines(&mut self, ended: &[CompletedRow]) -> Result<(), LedgerError> {
        let now = Timestamp::now();
        // Before any line is made: what fails here is tried again with the same rows.
        let files = images::keep(&*self.disk, &self.paths.images, ended)?;
        for (ended, files) in ended.iter().zip(&files) {
            let sink = match ended.outcome {
                Outcome::Replied(_) => &mut self.output,
                Outcome::Failed(_) => &mut self.failed,
            };
            let stamp = stamp(&self.ledger_settings, ended, files, now);
            sink.add_row(ended.share, |lines| line::write(ended, &stamp, lines));
        }
        Ok(())
    }

    /// What the output still holds, if a file of it was deleted; `None` otherwise.
    pub fn remaining_after_deletion(&self) -> Option<Tally> {
        if !self.output.is_gone() && !self.failed.is_gone() {
            return None;
        }
        let mut left = EarlierRows::default();
        for path in [&self.paths.output, &self.paths.failed] {
            // What cannot be read there is none of what this run has written.
            if let Ok(Some(mut file)) = open_if_there(&*self.disk, path) {
                let _ = left.look(&mut *file, path);
            }
            left.complete();
        }
        Some(left.tally)
    }

    fn rescue_to(&mut self, path: PathBuf, ended: &[CompletedRow]) -> Result<Rescued, LedgerError> {
        let mut file = self
            .disk
            .open(&path, Open::New)
            .map_err(io_error("create", &path))?;
        let now = Timestamp::now();
        let mut lines = Vec::new();
        let files = images::keep(&*self.disk, &OutputPaths::new(&path).images, ended)?;
        for (ended, files) in ended.iter().zip(&files) {
            line::write(
                ended,
                &stamp(&self.ledger_settings, ended, files, now),
                &mut lines,
            );
        }
        let mut rows = ended.len() as u64;
        let mut gone = [&mut self.output, &mut self.failed].into_iter();
        gone.try_for_each(|sink| sink.copy_if_gone(&mut *file).map(|lines| rows += lines))
            .and_then(|()| file.write_all(&lines))
            .and_then(|()| file.sync())
            .inspect_err(|_| drop(self.disk.remove(&path)))
            .map_err(io_error("write", &path))?;
        let place = path.display().to_string();
        Ok(Rescued { place, rows })
    }
}

fn stamp<'a>(
    ledger_settings: &'a LedgerSettings,
    ended: &CompletedRow,
    files: &'a [String],
    now: Timestamp,
) -> Stamp<'a> {
    let age = SignedDuration::try_from(ended.completed_at.elapsed()).unwrap_or_default();
    Stamp {
        model: &ledger_settings.model,
        keep_raw: ledger_settings.keep_raw,
        service_tier: ledger_settings.service_tier,
        latency_mode: ledger_settings.latency_mode.as_deref(),
        reasoning: ledger_settings.reasoning,
        own_body: ledger_settings.own_body,
        emulated: ledger_settings.emulated,
        files,
        finished_at: now - age,
    }
}

impl Store for Ledger {
    type Error = LedgerError;

    fn commit(&mut self, ended: &[CompletedRow]) -> Result<(), LedgerError> {
        self.write_lines(ended)?;
        let kept = self.output.append().and_then(|()| self.failed.append());
        let settle = if kept.is_ok() {
            Sink::accept
        } else {
            Sink::undo
        };
        settle(&mut self.output);
        settle(&mut self.failed);
        kept
    }

    fn make_room(&mut self) -> Result<(), LedgerError> {
        let most = self.ledger_settings.in_flight;
        self.output.make_room(most)?;
        self.failed.make_room(most)
    }

    fn rescue(&mut self, ended: &[CompletedRow]) -> Option<Rescued> {
        let elsewhere = self.paths.rescued(&*self.disk);
        let mut kept = elsewhere
            .into_iter()
            .map(|path| self.rescue_to(path, ended));
        kept.find_map(Result::ok)
    }
}
