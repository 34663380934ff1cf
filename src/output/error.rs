//! Why an output cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::holder::Holder;
use crate::format::plural;

/// Why the output cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another run is writing it.
    #[error(
        "another run is writing {output}{holder}: wait for it (`run` takes --wait-lock 10m), stop it, \
         or choose another --output",
        output = .output.display(),
        holder = .holder.as_ref().map(|it| format!(" ({it})")).unwrap_or_default(),
    )]
    Locked {
        /// The output that both runs would write.
        output: PathBuf,
        /// Who writes it, where that is known.
        holder: Option<Holder>,
    },
    /// Its lock may not stop a run on another machine.
    #[error(
        "{output} is on a network file system ({kind}) whose locks may not stop a run on another \
         machine: write to a local disk, or make sure yourself that no other run writes this output and add --trust-locks",
        output = .output.display()
    )]
    Network {
        /// The output.
        output: PathBuf,
        /// The file system's type.
        kind: String,
    },
    /// It was not written by promptmill.
    #[error(
        "{path} exists and was not written by promptmill: choose another --output, or move it away",
        path = .path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A file beside it belongs to another output.
    #[error(
        "{path} belongs to another output, {output}: choose another --output, or move it away",
        path = .path.display()
    )]
    OfAnother {
        /// The file.
        path: PathBuf,
        /// The output it belongs to.
        output: String,
    },
    /// There is no directory for it, and none can be made.
    #[error("cannot create {}: {} choose another --output", path.display(), no_directory(path, cause))]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is a directory, a device or a pipe.
    #[error(
        "{path} is not a regular file, so a run cannot resume from it: choose another --output",
        path = .path.display()
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A link beside the output, to a file that no run may create or write over.
    #[error(
        "{path} is a link to {target}, which a run does not create or overwrite: remove the link",
        path = .path.display(),
        target = .target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// What it names.
        target: PathBuf,
    },
    /// A line in the middle cannot be read.
    #[error(
        "{path}: line {line} (at byte {byte}) is corrupt, and valid lines follow it: restore the \
         file, or move the line to a backup with `promptmill repair` (its row then runs again)",
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
    /// A row appears in it twice.
    #[error(
        "{path}: row {row} appears twice (lines {first} and {line}): remove one of them, or move \
         the later line to a backup with `promptmill repair`",
        path = .path.display()
    )]
    Twice {
        /// The file.
        path: PathBuf,
        /// The row's number.
        row: u64,
        /// Its first line, from 1.
        first: u64,
        /// Its second.
        line: u64,
    },
    /// The file has no line that could be added.
    #[error(
        "{path} has no line written by promptmill: give the file of rescued rows that a run named; \
         nothing was added",
        path = .path.display()
    )]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// The rows to be added belong to another job.
    #[error(
        "{path}: line {line} is from model {other}, but {output} contains {models}: these rows belong to another \
         job; nothing was added",
        path = .path.display(),
        output = .output.display(),
    )]
    OtherModel {
        /// The file they are in.
        path: PathBuf,
        /// The first such line, from 1.
        line: u64,
        /// Its model.
        other: String,
        /// The output they were to go to.
        output: PathBuf,
        /// The models in that output.
        models: String,
    },
    /// The file was deleted or moved while a run wrote to it.
    #[error(
        "{path} is missing: it, or its directory, was removed or moved while the run was writing to it",
        path = .path.display()
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// Another program has written to it.
    #[error(
        "{path} was changed by another program while the run was writing to it",
        path = .path.display()
    )]
    Disturbed {
        /// The file.
        path: PathBuf,
    },
    /// The disk has no room for the completions to come.
    #[error(
        "no room for the completions of {rows} ({size}) on the disk of {path}, or within its file \
         size limit: free some space, or lower --concurrency",
        path = .path.display(),
        rows = plural(*.rows as u64, "row"),
        size = size(*.bytes),
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// The most rows in flight.
        rows: usize,
        /// What their lines may take.
        bytes: u64,
    },
    /// An I/O error.
    #[error("cannot {operation} {path}: {cause}", path = .path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}

/// Why there is no such directory.
fn no_directory(path: &Path, cause: &io::Error) -> String {
    let file = path.ancestors().find(|part| part.is_file());
    match (file, cause.kind()) {
        (Some(file), _) => format!("{} is a file, not a directory:", file.display()),
        (None, io::ErrorKind::NotFound) => "the directory cannot be created:".into(),
        (None, _) => format!("{cause}; fix that, or"),
    }
}

/// Names the file and the operation in an I/O error.
pub(super) fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |cause| LedgerError::Io {
        operation,
        path,
        cause,
    }
}
