//! Why an output cannot be used.

use std::io;
use std::path::{Path, PathBuf};

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
    /// It is a directory, a device or a pipe.
    #[error(
        "{path} is not a regular file, and a run goes on from its file: choose another --output",
        path = .path.display()
    )]
    NotAFile {
        /// The path.
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
    #[error("cannot {deed} {path}: {cause}", path = .path.display())]
    Io {
        /// What was tried.
        deed: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Names the file and the deed in an I/O error.
pub(super) fn io_error(deed: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |cause| LedgerError::Io { deed, path, cause }
}
