//! Changes of several files that happen as one: `--fresh`, `--retry-failed`, rows that run again,
//! `repair`, `reparse`.
//!
//! 1. The new contents are written beside the files they are for. Until then `OUT.journal` names them,
//!    so that they can be cleared away: nothing has changed.
//! 2. The journal is replaced by one that says what is to be renamed and what removed. From here on the
//!    change has happened, whatever dies: it only has to be carried out.
//! 3. It is carried out, and the journal is removed.
//!
//! The next process to lock the output finds the journal and removes what was prepared
//! ([`Journal::Preparing`]) or carries out what was decided ([`Journal::Decided`]). A journal names files of
//! its own output only; one that names others is rejected.
//!
//! A change may be carried out twice: a file that is to be renamed and is not there has been renamed, and no
//! name is the old name in one rename and the new name in another.

#[cfg(test)]
mod tests;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::paths::{OutputPaths, led_to};
use super::rewrite::{
    CopiedLines, LastLine, beside, copy_lines, replace, sync_directory, write_new,
};
use super::scan::FoundLine;

/// The journal as it is on disk. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "journal", rename_all = "snake_case", deny_unknown_fields)]
enum Journal {
    /// Nothing has changed: these files are to be cleared away.
    Preparing { files: Vec<PathBuf> },
    /// This is to be carried out.
    Decided {
        renames: Vec<FileRename>,
        removals: Vec<PathBuf>,
    },
}

impl Journal {
    /// Names that are read as `name` reads them.
    fn with_names(
        &self,
        name: impl Fn(&Path) -> Result<PathBuf, LedgerError>,
    ) -> Result<Self, LedgerError> {
        let all = |paths: &[PathBuf]| -> Result<Vec<PathBuf>, LedgerError> {
            paths.iter().map(|path| name(path)).collect()
        };
        Ok(match self {
            Self::Preparing { files } => Self::Preparing { files: all(files)? },
            Self::Decided { renames, removals } => Self::Decided {
                renames: renames
                    .iter()
                    .map(|FileRename { from, to }| {
                        let (from, to) = (name(from)?, name(to)?);
                        Ok(FileRename { from, to })
                    })
                    .collect::<Result<_, LedgerError>>()?,
                removals: all(removals)?,
            },
        })
    }
}

/// What a journal calls a file: its name beside the output, or where it is that a link beside the output
/// leads to.
fn named(paths: &OutputPaths, path: &Path) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (parent, Some(name)) if parent == paths.output.parent() => name.into(),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.into()),
    }
}

/// Where a file is that a journal names.
fn located(paths: &OutputPaths, name: &Path) -> Result<PathBuf, LedgerError> {
    let path = paths.output.with_file_name(name);
    let linked = [&paths.failed, &paths.run].map(|path| led_to(path));
    let is_linked = |path: &Path| {
        let here = |linked: &PathBuf| std::path::absolute(linked).is_ok_and(|here| here == path);
        linked.iter().any(|to| here(to) || here(&next(to)))
    };
    let is_beside = name.components().count() == 1
        && name.file_name() == Some(name.as_os_str())
        && paths.is_named_after(name);
    match (is_beside, name.is_absolute() && is_linked(name)) {
        (true, _) => Ok(path),
        (false, true) => Ok(name.into()),
        (false, false) => Err(LedgerError::NotOurs {
            path: paths.journal.clone(),
        }),
    }
}

/// A new name for a file or a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FileRename {
    from: PathBuf,
    to: PathBuf,
}

/// The end of the name of a file that is prepared for a change.
const NEXT: &str = ".promptmill-next";

/// The most bytes of a journal that are read; ours have some hundreds.
const MOST_BYTES: u64 = 1 << 20;

/// A change of several files, being prepared.
pub(super) struct Change<'a> {
    disk: &'a dyn Disk,
    paths: &'a OutputPaths,
    prepared: Vec<PathBuf>,
    renames: Vec<FileRename>,
    removals: Vec<PathBuf>,
    is_decided: bool,
}

impl<'a> Change<'a> {
    /// Of this output, whose lock the caller holds.
    pub(super) fn of(disk: &'a dyn Disk, paths: &'a OutputPaths) -> Self {
        Self {
            disk,
            paths,
            prepared: Vec::new(),
            renames: Vec::new(),
            removals: Vec::new(),
            is_decided: false,
        }
    }

    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.renames.is_empty() && self.removals.is_empty()
    }

    /// `from` is to be called `to`, where nothing is so far.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        self.renames.push(FileRename {
            from: from.into(),
            to: to.into(),
        });
    }

    /// `path` is to be removed, after everything else.
    pub(super) fn remove(&mut self, path: &Path) {
        self.removals.push(path.into());
    }

    /// What `write` writes is to be the content of `path`, or of what it leads to where it is a link;
    /// it gets the mode of the file `like`.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn write(
        &mut self,
        path: &Path,
        like: &Path,
        write: impl FnOnce(&mut dyn OnDisk) -> io::Result<()>,
    ) -> Result<(), LedgerError> {
        let path = led_to(path);
        let new = next(&path);
        self.prepared.push(new.clone());
        self.note(&Journal::Preparing {
            files: self.prepared.clone(),
        })?;
        write_new(self.disk, &new, like, write)?;
        self.rename(&new, &path);
        Ok(())
    }

    /// The lines of the file at `path` that are to go leave it for the new file `kept`.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn remove_lines(
        &mut self,
        path: &Path,
        kept: &Path,
        goes: impl Fn(&FoundLine<'_>) -> bool,
    ) -> Result<CopiedLines, LedgerError> {
        let disk = self.disk;
        let mut removed = CopiedLines::default();
        self.write(kept, path, |file| {
            removed = copy_lines(disk, path, file, LastLine::AsItIs, &goes)?;
            Ok(())
        })?;
        self.write(path, path, |file| {
            copy_lines(disk, path, file, LastLine::Ended, |found| !goes(found)).map(drop)
        })?;
        Ok(removed)
    }

    /// Makes the change happen.
    ///
    /// # Errors
    /// The disk refused. If that was before the change was decided, nothing has changed; if it was
    /// after, the next verb that takes the lock carries out the rest.
    pub(super) fn commit(mut self) -> Result<(), LedgerError> {
        if self.is_empty() {
            return Ok(());
        }
        // The names of what was prepared have to survive before anything relies on them.
        for new in &self.prepared {
            sync_directory(self.disk, new)?;
        }
        let decided = Journal::Decided {
            renames: self.renames.clone(),
            removals: self.removals.clone(),
        };
        // Even if it fails it may have been written: what is prepared has to stay until it is read.
        self.is_decided = true;
        self.note(&decided)?;
        carry_out(self.disk, self.paths, &decided)
    }

    fn note(&self, journal: &Journal) -> Result<(), LedgerError> {
        let journal = journal.with_names(|path| Ok(named(self.paths, path)))?;
        let text = serde_json::to_vec(&journal)
            .map_err(|error| io_error("write", &self.paths.journal)(error.into()))?;
        replace(self.disk, &self.paths.journal, |file| file.write_all(&text))
    }
}

/// A change that fails while it is prepared leaves nothing behind.
impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.is_decided || self.prepared.is_empty() {
            return;
        }
        let files = std::mem::take(&mut self.prepared);
        // What stays is cleared away by the next verb.
        let _ = carry_out(self.disk, self.paths, &Journal::Preparing { files });
    }
}

/// Carries out a change that was decided, or clears away what was prepared for one that was not. The
/// caller holds the output's lock. True if a change was carried out.
///
/// # Errors
/// The disk refused, or the journal is no such file.
pub(super) fn finish(disk: &dyn Disk, paths: &OutputPaths) -> Result<bool, LedgerError> {
    // What single replacements that died have left.
    for path in [&paths.output, &paths.failed, &paths.run, &paths.journal] {
        let left = beside(&led_to(path));
        if disk.exists(&left) {
            // What stays only takes up room.
            let _ = disk.remove(&left);
        }
    }
    let mut file = match disk.open(&paths.journal, Open::Append) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io_error("open", &paths.journal)(error)),
    };
    let mut text = Vec::new();
    file.seek_to(0)
        .and_then(|()| (&mut *file).take(MOST_BYTES).read_to_end(&mut text))
        .map_err(io_error("read", &paths.journal))?;
    let foreign = |_| LedgerError::NotOurs {
        path: paths.journal.clone(),
    };
    let journal: Journal = serde_json::from_slice(&text).map_err(foreign)?;
    let journal = journal.with_names(|name| located(paths, name))?;
    carry_out(disk, paths, &journal)?;
    Ok(matches!(journal, Journal::Decided { .. }))
}

/// Where the content is prepared that `path` is to have. The run file may be replaced meanwhile, by
/// another name.
fn next(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(NEXT);
    next.into()
}

fn carry_out(disk: &dyn Disk, paths: &OutputPaths, journal: &Journal) -> Result<(), LedgerError> {
    let (renames, removals) = match journal {
        Journal::Preparing { files } => (&[][..], files),
        Journal::Decided { renames, removals } => (&renames[..], removals),
    };
    for FileRename { from, to } in renames {
        if disk.exists(from) {
            disk.rename(from, to).map_err(io_error("move", from))?;
        }
    }
    // A file whose content has another name now is removed once that name is sure to stay.
    for FileRename { to, .. } in renames {
        sync_directory(disk, to)?;
    }
    for path in removals {
        if disk.exists(path) {
            disk.remove(path).map_err(io_error("remove", path))?;
        }
    }
    for path in removals {
        sync_directory(disk, path)?;
    }
    if disk.exists(&paths.journal) {
        let removed = disk.remove(&paths.journal);
        removed.map_err(io_error("remove", &paths.journal))?;
    }
    sync_directory(disk, &paths.journal)
}
