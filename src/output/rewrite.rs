//! A file is replaced as a whole: written beside, synced, renamed into its place.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::paths::led_to;
use super::scan::{Found, each_line};

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

/// The end of the name a file has until it takes the place of the old one. Many programs leave files
/// that end in `.tmp`; a file that ends like this may be overwritten.
const BESIDE: &str = ".promptmill-new";

/// Puts what `write` writes in the place of `path`, or of what it leads to where it is a link.
/// Whatever happens, that is the old file or the new one; its mode stays.
pub(super) fn replace(
    disk: &dyn Disk,
    path: &Path,
    write: impl FnOnce(&mut dyn OnDisk) -> std::io::Result<()>,
) -> Result<(), LedgerError> {
    let path = &led_to(path);
    let mut beside = path.as_os_str().to_owned();
    beside.push(BESIDE);
    let beside = Path::new(&beside);
    let mut file = disk
        .open(beside, Open::Truncate)
        .map_err(io_error("open", beside))?;
    write(&mut *file)
        .and_then(|()| file.take_after(path))
        .and_then(|()| file.sync())
        .and_then(|()| disk.rename(beside, path))
        // What is left of it would only take up room.
        .inspect_err(|_| drop(disk.remove(beside)))
        .map_err(io_error("write", path))?;
    sync_directory(disk, path)
}

/// Takes the lines that are to go out of the file at `path` and keeps them in the new file
/// `aside`. Until the last step `path` is what it was; after it, the lines are safe in `aside`.
pub(super) fn remove_lines(
    disk: &dyn Disk,
    path: &Path,
    aside: &Path,
    goes: impl Fn(&Found<'_>) -> bool,
) -> Result<Removed, LedgerError> {
    let mut from = disk
        .open(path, Open::Append)
        .map_err(io_error("open", path))?;
    let mut kept = disk
        .open(aside, Open::New)
        .map_err(io_error("create", aside))?;
    let mut taken = Removed::default();
    replace(disk, path, |file| {
        let mut rest = BufWriter::with_capacity(BUFFER, file);
        let mut out = BufWriter::with_capacity(BUFFER, &mut *kept);
        each_line(&mut *from, |found| {
            let goes = goes(&found);
            let to: &mut dyn Write = if goes { &mut out } else { &mut rest };
            taken.lines += u64::from(goes);
            taken.bytes += if goes { found.bytes.len() as u64 } else { 0 };
            to.write_all(found.bytes)?;
            if !goes && found.bytes.last() != Some(&b'\n') {
                to.write_all(b"\n")?;
            }
            Ok(())
        })?;
        rest.flush()?;
        out.flush()?;
        drop(out);
        kept.sync()?;
        disk.sync_directory(aside.parent().unwrap_or(Path::new(".")))
    })?;
    Ok(taken)
}

/// How much was taken out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// Makes a created or renamed name survive a power cut.
pub(super) fn sync_directory(disk: &dyn Disk, of: &Path) -> Result<(), LedgerError> {
    let directory = of.parent().unwrap_or(Path::new("."));
    disk.sync_directory(directory)
        .map_err(io_error("sync", directory))
}
