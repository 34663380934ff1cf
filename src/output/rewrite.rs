//! A file is replaced as a whole: written beside, synced, renamed into its place.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::paths::led_to;
use super::scan::{FoundLine, each_line};

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

/// The end of the name a file has until it takes the place of the old one. Many programs leave files
/// that end in `.tmp`; a file that ends like this may be overwritten.
const BESIDE: &str = ".promptmill-new";

/// Where the file is written that takes the place of `path`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(BESIDE);
    beside.into()
}

/// Puts what `write` writes in the place of `path`, or of what it leads to where it is a link.
/// Whatever happens, that is the old file or the new one; its mode stays.
pub(super) fn replace(
    disk: &dyn Disk,
    path: &Path,
    write: impl FnOnce(&mut dyn OnDisk) -> std::io::Result<()>,
) -> Result<(), LedgerError> {
    let path = &led_to(path);
    let beside = &beside(path);
    write_new(disk, beside, path, write)?;
    disk.rename(beside, path)
        // What is left of it would only take up room.
        .inspect_err(|_| drop(disk.remove(beside)))
        .map_err(io_error("write", path))?;
    sync_directory(disk, path)
}

/// Writes a file as a whole, with the mode of the file `like`, and syncs it.
pub(super) fn write_new(
    disk: &dyn Disk,
    new: &Path,
    like: &Path,
    write: impl FnOnce(&mut dyn OnDisk) -> std::io::Result<()>,
) -> Result<(), LedgerError> {
    let mut file = disk
        .open(new, Open::Truncate)
        .map_err(io_error("open", new))?;
    write(&mut *file)
        .and_then(|()| file.take_after(like))
        .and_then(|()| file.sync())
        .inspect_err(|_| drop(disk.remove(new)))
        .map_err(io_error("write", new))
}

/// Whether a last line without a newline gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLine {
    Ended,
    AsItIs,
}

/// Copies those lines of the file at `path` for which `which` is true.
pub(super) fn copy_lines(
    disk: &dyn Disk,
    path: &Path,
    to: &mut dyn OnDisk,
    last: LastLine,
    which: impl Fn(&FoundLine<'_>) -> bool,
) -> std::io::Result<CopiedLines> {
    let mut from = disk.open(path, Open::Append)?;
    let mut out = BufWriter::with_capacity(BUFFER, to);
    let mut copied = CopiedLines::default();
    each_line(&mut *from, |found| {
        if !which(&found) {
            return Ok(());
        }
        copied.lines += 1;
        copied.bytes += found.bytes.len() as u64;
        out.write_all(found.bytes)?;
        if last == LastLine::Ended && found.bytes.last() != Some(&b'\n') {
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    out.flush()?;
    Ok(copied)
}

/// How much was copied.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopiedLines {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// Makes a created or renamed name survive a power cut.
pub(super) fn sync_directory(disk: &dyn Disk, of: &Path) -> Result<(), LedgerError> {
    let directory = of.parent().unwrap_or(Path::new("."));
    disk.sync_directory(directory)
        .map_err(io_error("sync", directory))
}
