//! Where an export goes: files that are replaced as a whole, or a stream.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::ExportError;
use crate::output::OutputPaths;
use crate::replacement::{Replacement, mode_of};

/// Where records are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportTarget {
    /// Standard output.
    Stream,
    /// A file, or a folder where the shape is one.
    Path(PathBuf),
}

/// Something that is written, and kept once it is whole.
pub(super) enum Sink<'a> {
    Stream(&'a mut dyn Write),
    File {
        path: &'a Path,
        file: Replacement<'a>,
    },
}

impl<'a> Sink<'a> {
    pub(super) fn file(path: &'a Path) -> Result<Self, ExportError> {
        let file = Replacement::of(path).map_err(ExportError::write(path))?;
        Ok(Self::File { path, file })
    }

    fn name(&self) -> &Path {
        match self {
            Self::Stream(_) => Path::new("standard output"),
            Self::File { path, .. } => path,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let written = match self {
            Self::Stream(stream) => stream.write_all(bytes),
            Self::File { file, .. } => file.write_all(bytes),
        };
        written.map_err(ExportError::write(self.name()))
    }

    /// Puts it in its place, for the same people as the output.
    pub(super) fn keep(self, paths: &OutputPaths) -> Result<(), ExportError> {
        match self {
            Self::Stream(stream) => {
                let flushed = stream.flush();
                flushed.map_err(ExportError::write(Path::new("standard output")))
            }
            Self::File { path, file } => {
                let kept = file.keep(mode_of(&paths.output, 0o600));
                kept.map_err(ExportError::write(path))
            }
        }
    }
}

/// Checks that `target` can be replaced: it is a regular file or none, and neither one of the output's
/// own files nor one of `read`, which the export is made from.
///
/// # Errors
/// What it is, and what to do.
pub(super) fn check(
    target: &Path,
    paths: &OutputPaths,
    read: &[PathBuf],
) -> Result<(), ExportError> {
    let refuse = |why: &str| {
        let message = format!("-o {}: {why}", target.display());
        Err(ExportError::Usage(message))
    };
    let Some(name) = target.file_name() else {
        return refuse("it names no file");
    };
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    match folder.metadata() {
        Ok(it) if it.is_dir() => {}
        Ok(_) => return refuse(&format!("{} is not a folder", folder.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refuse(&format!("no folder {}; create it first", folder.display()));
        }
        Err(error) => return Err(ExportError::write(target)(error)),
    }
    if paths.owns(folder, name) {
        return refuse("it is a file of the output: choose another name");
    }
    let Ok(there) = target.symlink_metadata() else {
        return Ok(());
    };
    if there.is_dir() {
        return refuse("it is a folder; name a file in it");
    }
    // A link is replaced, and what it leads to stays.
    if !there.is_file() && !there.is_symlink() {
        return refuse("it is no regular file; `-o -` writes to standard output");
    }
    let same = |other: &PathBuf| {
        let other = other.symlink_metadata().ok();
        other.is_some_and(|it| (it.dev(), it.ino()) == (there.dev(), there.ino()))
    };
    match read.iter().find(|other| same(other)) {
        Some(other) => refuse(&format!(
            "it is {}, which the export is made from: choose another name",
            other.display()
        )),
        None => Ok(()),
    }
}
