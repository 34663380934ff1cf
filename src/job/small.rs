//! Files that are read whole: job files, templates, prices, scenarios. None of them is large, so
//! what has no end (a device, a pipe, the wrong file) is refused before it fills the memory.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::input::file_like;

/// The most that is read of such a file. A template is the largest of them, and no request may
/// have more than 25 MB (InvokeModel's API reference, read 2026-11-22).
const MOST_BYTES: u64 = 16 << 20;

/// All of a file's bytes, or why they cannot be had: for a message that names the file first.
///
/// # Errors
/// It is not there, cannot be read, or is longer than 16 MiB.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let read = || {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| unreadable(path, &error))?;
    if MOST_BYTES < bytes.len() as u64 {
        let most = MOST_BYTES >> 20;
        return Err(format!(
            "longer than {most} MiB, the most that is read of such a file; name another one"
        ));
    }
    Ok(bytes)
}

/// All of a file's text.
///
/// # Errors
/// It cannot be read as by [`bytes`], or it is not UTF-8.
pub fn text(path: &Path) -> Result<String, String> {
    String::from_utf8(bytes(path)?).map_err(|_| "not UTF-8; save the file as UTF-8".into())
}

/// Why a file cannot be read, with the nearest name beside it.
pub fn unreadable(path: &Path, error: &io::Error) -> String {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        return format!("no such file{}", file_like(path));
    }
    if kind == ErrorKind::IsADirectory {
        return "a directory, not a file".into();
    }
    format!("cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_just_the_bound_is_read_and_a_longer_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.txt");
        for (length, expected) in [
            (MOST_BYTES, Ok(MOST_BYTES as usize)),
            (
                MOST_BYTES + 1,
                Err("longer than 16 MiB, the most that is read of such a file; name another one"),
            ),
        ] {
            File::create(&path).unwrap().set_len(length).unwrap();
            let read = text(&path).map(|text| text.len());
            assert_eq!(read, expected.map_err(str::to_owned));
        }
    }
}
