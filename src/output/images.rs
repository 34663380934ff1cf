//! Images that models made: files in a folder beside the output, each written and synced before the
//! line that names it.
//!
//! A file is never written over. Its name is made of letters, digits, `-`, `_` and `.` alone, so that
//! no id can lead out of the folder; what tells ids apart that look the same then is a hash.

use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::disk::{Disk, OnDisk, Open};
use super::error::{LedgerError, io_error};
use super::scan::each_line;
use crate::format::hexadecimal;
use crate::model::GeneratedImage;
use crate::run::{CompletedRow, Identity, Outcome};

/// How much of an id is used in a file name.
const LONGEST_NAME: usize = 60;

/// Writes the images of all rows; for each row, the names of its files, seen from the output.
///
/// # Errors
/// The disk refused. What was written stays, and is found again when the same rows come again.
pub(super) fn keep(
    disk: &dyn Disk,
    folder: &Path,
    ended: &[CompletedRow],
) -> Result<Vec<Vec<String>>, LedgerError> {
    let of_row = |ended: &CompletedRow| match &ended.outcome {
        Outcome::Replied(reply) => {
            let images = &reply.parsed.images;
            write_all(disk, folder, &ended.identity, images)
        }
        Outcome::Failed(_) => Ok(Vec::new()),
    };
    let kept: Vec<Vec<String>> = ended.iter().map(of_row).collect::<Result<_, _>>()?;
    if kept.iter().any(|names| !names.is_empty()) {
        sync(disk, folder)?;
    }
    Ok(kept)
}

/// Keeps the images of one row.
///
/// # Errors
/// The disk refused.
pub(super) fn keep_row(
    disk: &dyn Disk,
    folder: &Path,
    who: &Identity,
    images: &[GeneratedImage],
) -> Result<Vec<String>, LedgerError> {
    let names = write_all(disk, folder, who, images)?;
    if !names.is_empty() {
        sync(disk, folder)?;
    }
    Ok(names)
}

/// Copies the images that a line in the directory `from` names: their names here, or
/// `None` where one of them cannot be read, or does not lie below `from`.
///
/// # Errors
/// The disk refused.
pub(super) fn adopt(
    disk: &dyn Disk,
    folder: &Path,
    from: &Path,
    files: &[String],
) -> Result<Option<Vec<String>>, LedgerError> {
    let mut names = Vec::new();
    for file in files {
        let file = Path::new(file);
        let mut parts = file.components();
        if !parts.all(|part| matches!(part, Component::Normal(_))) {
            return Ok(None);
        }
        let Ok(bytes) = read(disk, &from.join(file)) else {
            return Ok(None);
        };
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let path = write(disk, folder, &stem, &GeneratedImage::new(bytes.into()))?;
        names.push(name(folder, &path));
    }
    sync(disk, folder)?;
    Ok(Some(names))
}

fn sync(disk: &dyn Disk, folder: &Path) -> Result<(), LedgerError> {
    let synced = disk.sync_directory(folder);
    synced.map_err(io_error("sync", folder))
}

fn write_all(
    disk: &dyn Disk,
    folder: &Path,
    who: &Identity,
    images: &[GeneratedImage],
) -> Result<Vec<String>, LedgerError> {
    let stem = stem(who);
    let images = images.iter().enumerate();
    let written = images.map(|(at, image)| {
        let path = write(disk, folder, &format!("{stem}-{}", at + 1), image)?;
        Ok(name(folder, &path))
    });
    written.collect()
}

/// What a line calls a file: its folder and its name.
fn name(folder: &Path, path: &Path) -> String {
    let last = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    format!("{}/{}", last(folder), last(path))
}

/// Writes an image under `stem`, or finds it there already.
fn write(
    disk: &dyn Disk,
    folder: &Path,
    stem: &str,
    image: &GeneratedImage,
) -> Result<PathBuf, LedgerError> {
    make(disk, folder)?;
    let mut nth = 1;
    loop {
        let again = if nth == 1 {
            String::new()
        } else {
            format!(".{nth}")
        };
        let path = folder.join(format!("{stem}{again}.{}", image.ending));
        match disk.open(&path, Open::New) {
            Ok(mut file) => {
                let written = file.write_all(&image.bytes);
                let synced = written.and_then(|()| file.sync());
                return synced
                    .map(|()| path.clone())
                    .map_err(|error| torn(disk, &path, error));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if read(disk, &path).is_ok_and(|found| found == image.bytes) {
                    return Ok(path);
                }
                nth += 1;
            }
            Err(error) => return Err(io_error("create", &path)(error)),
        }
    }
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    disk.open(path, Open::Append)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes half an image away again, so that it is not taken for one.
fn torn(disk: &dyn Disk, path: &Path, error: io::Error) -> LedgerError {
    // If that fails too, the next try finds other bytes there and takes another name.
    let _ = disk.remove(path);
    io_error("write", path)(error)
}

fn make(disk: &dyn Disk, folder: &Path) -> Result<(), LedgerError> {
    if disk.exists(folder) {
        return Ok(());
    }
    let made = disk.create_directories(folder);
    made.map_err(io_error("create", folder))?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    disk.sync_directory(parent)
        .map_err(io_error("sync", parent))
}

/// Copies the lines of the file at `lines` to `copy`, where the images they name are in the folder `to`
/// and no longer in `from`.
///
/// # Errors
/// The disk refused.
pub(super) fn rename_in_lines(
    disk: &dyn Disk,
    lines: &Path,
    copy: &mut dyn OnDisk,
    from: &Path,
    to: &Path,
) -> io::Result<()> {
    let mut old = disk.open(lines, Open::Append)?;
    let beginning = |folder: &Path| {
        let name = folder.file_name().unwrap_or_default();
        format!("{}/", name.to_string_lossy())
    };
    let (from, to) = (beginning(from), beginning(to));
    let mut new = BufWriter::new(copy);
    each_line(&mut *old, |found| match moved(found.bytes, &from, &to) {
        Some(line) => new.write_all(&line),
        None => new.write_all(found.bytes),
    })?;
    new.flush()
}

/// The line with the other folder; `None` where it names nothing in the first.
fn moved(line: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    let files = value.get_mut("files")?.as_array_mut()?;
    for file in files {
        let name = file.as_str()?.strip_prefix(from)?;
        *file = format!("{to}{name}").into();
    }
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    Some(line)
}

/// What the files of a row are named after: its id as far as it can stand in a name, and a hash of
/// all of it and of the request.
fn stem(who: &Identity) -> String {
    let id = who.custom_id.clone().unwrap_or_else(|| who.row.to_string());
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '_' => c,
        _ => '-',
    };
    let name: String = id.chars().map(plain).take(LONGEST_NAME).collect();
    let request = who.fingerprint.map(|print| print.to_string());
    let request = request.unwrap_or_default();
    // Names on disk outlive this program's version, so that no hash will do that may change with it.
    let cell = who.cell.as_ref();
    let cell = cell.map(|cell| format!("\n{}\n{}", cell.variant.name, cell.sample));
    let cell = cell.unwrap_or_default();
    let hash = Sha256::digest(format!("{id}\n{request}{cell}"));
    format!("{name}-{}", hexadecimal(&hash[..8]))
}

#[cfg(test)]
mod tests {
    use super::super::{Mode, disk};
    use super::*;
    use crate::model::Fingerprint;

    fn identity(id: &str) -> Identity {
        Identity {
            row: 7,
            custom_id: Some(id.into()),
            fingerprint: Some(Fingerprint(0x0011_2233_4455_66aa)),
            metadata: None,
            cell: None,
            prompt: None,
        }
    }

    #[test]
    fn the_names_of_images_stay_what_they_are() {
        assert_eq!(stem(&identity("a/b")), "a-b-e13a9d1d51792bea");
    }

    #[test]
    fn no_id_leads_out_of_the_folder() {
        for id in [
            "../../etc/passwd",
            "/root",
            "a/b",
            "..",
            ".",
            "",
            "c:\\x",
            "\u{0}",
        ] {
            let stem = stem(&identity(id));
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            assert!(stem.chars().all(plain), "{id:?}: {stem}");
        }
        let long = stem(&identity(&"x".repeat(4000)));
        assert!(long.len() < 100, "{long}");
        let (a, b) = (stem(&identity("a/b")), stem(&identity("a:b")));
        assert_ne!(a, b, "ids that look the same are told apart");
    }

    #[test]
    fn an_image_is_never_written_over_and_found_again() {
        let place = tempfile::tempdir().unwrap();
        let disk = disk::real(Mode::default());
        let folder = place.path().join("out.images");
        let image = |bytes: &'static [u8]| GeneratedImage::new(bytes.into());
        let (one, two) = (image(b"one"), image(b"two"));
        let first = write(&*disk, &folder, "row", &one).unwrap();
        assert_eq!(first, folder.join("row.bin"));
        assert_eq!(write(&*disk, &folder, "row", &one).unwrap(), first);
        let second = write(&*disk, &folder, "row", &two).unwrap();
        assert_eq!(second, folder.join("row.2.bin"));
        assert_eq!(std::fs::read(first).unwrap(), b"one");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        let folder = place.path().join("file").join("out.images");
        let image = GeneratedImage::new("x".into());
        let error = write(&*disk::real(Mode::default()), &folder, "row", &image).unwrap_err();
        assert!(error.to_string().starts_with("cannot create "), "{error}");
    }
}
