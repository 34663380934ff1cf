//! A look at an output that leaves it as it is: no lock, no directory, no mending.

use std::fs::File;
use std::io;
use std::path::Path;

use super::claim::{Existing, Locks, reject_foreign_files};
use super::error::{LedgerError, io_error};
use super::mount::{self, Reach};
use super::paths::OutputPaths;
use super::resume::EarlierRows;
use super::run_file;
use super::scan::TailState;
use super::standing::killed;
use super::tally::Unattributed;

/// What is there now.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The completed rows that would stay completed.
    pub past: EarlierRows,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why a run could not resume it.
    pub refusals: Vec<String>,
}

impl Inspection {
    /// Looks at the output in `paths`, as a run that does this with existing output, and trusts
    /// these locks, would see it.
    pub fn at(paths: &OutputPaths, existing: Existing, locks: Locks) -> Self {
        let mut look = Self::default();
        if let Err(error) = reject_foreign_files(paths) {
            look.refusals.push(error.to_string());
            return look;
        }
        if locks == Locks::Trusted {
            look.notes.extend(mount::lock_remark(paths.directory()));
        }
        let refusals = refuse_what_cannot_be_written(paths, locks).err();
        look.refusals
            .extend(refusals.map(|error| error.to_string()));
        if is_locked(&paths.lock) {
            let message = "another run is writing this output: the completed rows are as of now";
            look.notes.push(message.into());
        } else {
            look.notes.extend(killed(&paths.run));
        }
        let files = [&paths.output, &paths.failed];
        let mut is_emulated = false;
        for (path, stays) in files.into_iter().zip(existing.stays()) {
            is_emulated |= look.read(path, stays);
        }
        if is_emulated {
            let message = "estimates are based on fake responses of the emulator in the output";
            look.notes.push(message.into());
        }
        let noted = run_file::read(&paths.run).map(|run| run_file::unattributed_in(&run));
        look.past.tally.unattributed = match existing {
            Existing::Fresh => Unattributed::default(),
            Existing::Resume | Existing::RetryFailed => {
                look.past.tally.unattributed + noted.unwrap_or_default()
            }
        };
        look
    }

    /// Reads one file; whether an emulator has made up any of it.
    fn read(&mut self, path: &Path, stays: bool) -> bool {
        let mut aside = EarlierRows::default();
        let past = if stays { &mut self.past } else { &mut aside };
        match look(past, path) {
            Ok(TailState::Whole | TailState::NoNewline) => {}
            Ok(TailState::Torn { from }) => self.notes.push(format!(
                "{} ends inside a line (at byte {from}), as after a crash: a run puts these bytes \
                 aside, and that row runs again",
                path.display()
            )),
            Ok(TailState::Holed) => self.notes.push(format!(
                "{} has lines that were never wholly written, as after a power cut: a run puts \
                 them aside, and their rows run again",
                path.display()
            )),
            Err(LedgerError::Corrupt { .. } | LedgerError::Twice { .. }) if !stays => {}
            Err(error) => self.refusals.push(error.to_string()),
        }
        let is_emulated = 0 < past.tally.emulated;
        // Lines that are backed up still count for statistics and for spend.
        if !stays {
            self.past.statistics.add(&aside.statistics);
            let unattributed = &mut self.past.tally.unattributed;
            *unattributed = *unattributed + aside.tally.as_unattributed();
        }
        is_emulated
    }
}

/// Whether a run could create its directory and its files, as far as that can be found out without
/// creating anything.
fn refuse_what_cannot_be_written(paths: &OutputPaths, locks: Locks) -> Result<(), LedgerError> {
    let directory = paths.directory();
    let there = directory.ancestors().find(|path| path.exists());
    let there = there.unwrap_or(Path::new("."));
    let what = if there == directory {
        "write to"
    } else {
        "create"
    };
    mount::writable(there).map_err(io_error(what, directory))?;
    match mount::reach(there) {
        Reach::ThisMachine(kind) if locks == Locks::Trusted => {
            let output = paths.output.clone();
            Err(LedgerError::Network { output, kind })
        }
        Reach::ThisMachine(_) | Reach::Everywhere | Reach::Unknown(_) => Ok(()),
    }
}

fn look(past: &mut EarlierRows, path: &Path) -> Result<TailState, LedgerError> {
    match File::open(path) {
        Ok(mut file) => {
            let state = past.look(&mut file, path)?;
            past.complete();
            Ok(state)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TailState::Whole),
        Err(error) => Err(io_error("open", path)(error)),
    }
}

/// Whether a run holds the lock. Asking takes it, shared, for a moment: there is no way to ask
/// without, and a run that starts within these microseconds says that another one is writing.
pub(super) fn is_locked(lock: &Path) -> bool {
    File::open(lock).is_ok_and(|file| file.try_lock_shared().is_err())
}
