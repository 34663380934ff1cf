//! Files that are read whole: job files, templates, prices, scenarios. None of them is large, so
//! what has no end (a device, a pipe, the wrong file) is rejected before it fills the memory.
//!
//! What a job names must be a regular file: a job file that somebody else wrote might name a device,
//! or `/proc/self/environ`, and send it as a prompt.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::input::{file_like, is_made_up};

/// The most that is read of such a file. A template is the largest of them, and no request may
/// have more than 25 MB (InvokeModel's API reference, read 2026-11-22).
const MOST_BYTES: u64 = 16 << 20;

/// Why such a file cannot be read, for a message that names the file first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// A device, a pipe, or a file that the kernel makes up.
    #[error("not a regular file; copy it to one, and name that")]
    Irregular,
    /// There is none of this name; with what was probably meant.
    #[error("no such file{0}")]
    Missing(String),
    /// An address, such as `s3://bucket/key`; with what to do instead.
    #[error("{0}")]
    Address(String),
    /// It is a directory.
    #[error("a directory, not a file")]
    Directory,
    /// The system does not let it be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Its length changed between two looks.
    #[error("it changed while it was read; try again once it is complete")]
    Changed,
    /// It is longer than any such file should be.
    #[error(
        "longer than {} MiB, the most that is read of such a file; name another one",
        MOST_BYTES >> 20
    )]
    TooLong,
    /// It is not UTF-8.
    #[error("not UTF-8; save the file as UTF-8")]
    NotUtf8,
}

/// All of the bytes of a file that the command line names. It may be a pipe, such as a shell's `<(…)`.
///
/// # Errors
/// It is not there, cannot be read, or is longer than 16 MiB.
pub fn bytes_of_any(path: &Path) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    all_of(file, path)
}

/// Like [`bytes_of_any`], but the text of it.
///
/// # Errors
/// As [`bytes_of_any`], or it is not UTF-8.
pub fn text_of_any(path: &Path) -> Result<String, FileError> {
    utf8(bytes_of_any(path)?)
}

/// All of the text of a regular file.
///
/// # Errors
/// It is not there, no regular file, cannot be read, is longer than 16 MiB, or is not UTF-8.
pub fn text(path: &Path) -> Result<String, FileError> {
    let unreadable = |error| unreadable(path, &error);
    // Before it is opened, since opening a pipe waits for its other end; and after, since it may have
    // been replaced.
    let there = path.metadata().map_err(unreadable)?;
    if !there.is_file() && !there.is_dir() {
        return Err(FileError::Irregular);
    }
    let file = File::open(path).map_err(unreadable)?;
    let there = file.metadata().map_err(unreadable)?;
    if (!there.is_file() && !there.is_dir()) || is_made_up(&file) {
        return Err(FileError::Irregular);
    }
    let bytes = all_of(file, path)?;
    match bytes.len() as u64 == there.len() {
        true => utf8(bytes),
        false => Err(FileError::Changed),
    }
}

fn all_of(file: File, path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(path, &error))?;
    if MOST_BYTES < bytes.len() as u64 {
        return Err(FileError::TooLong);
    }
    Ok(bytes)
}

fn utf8(bytes: Vec<u8>) -> Result<String, FileError> {
    String::from_utf8(bytes).map_err(|_| FileError::NotUtf8)
}

/// Why a file cannot be read, with the nearest name beside it.
pub fn unreadable(path: &Path, error: &io::Error) -> FileError {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        let instead = "copy the file here first, as `aws s3 cp` or `curl -O` do";
        if let Some(address) = address(path, instead) {
            return FileError::Address(address);
        }
        return FileError::Missing(file_like(path));
    }
    if kind == ErrorKind::IsADirectory {
        return FileError::Directory;
    }
    FileError::Unreadable(error.to_string())
}

/// What is said of an address such as `s3://bucket/key`, which as a path would be a folder named
/// `s3:`, with what to do instead; `None` for a path.
pub(super) fn address(path: &Path, instead: &str) -> Option<String> {
    let text = path.to_string_lossy();
    let (scheme, _) = text.split_once(":/")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    let instead = match scheme.to_ascii_lowercase().as_str() {
        "file" => "write the path without file://",
        _ => instead,
    };
    is_scheme
        .then(|| format!("an address (URL), and only files of this machine can be used: {instead}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_for_what_it_is_and_a_path_is_not() {
        let missing =
            |path: &str| unreadable(Path::new(path), &ErrorKind::NotFound.into()).to_string();
        for url in ["s3://b/p.toml", "https://example.com/p", "HTTPS:/x/p"] {
            let said = "an address (URL), and only files of this machine can be used: copy the file \
                        here first, as `aws s3 cp` or `curl -O` do";
            assert_eq!(missing(url), said, "{url}");
        }
        assert!(missing("file:///p").ends_with("write the path without file://"));
        for path in ["prices.toml", "a b:/c", "1x:/y", ":/z"] {
            assert_eq!(missing(path), "no such file", "{path}");
        }
    }

    #[test]
    fn a_file_of_just_the_bound_is_read_and_a_longer_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.txt");
        for (length, expected) in [
            (MOST_BYTES, Ok(MOST_BYTES as usize)),
            (MOST_BYTES + 1, Err(FileError::TooLong)),
        ] {
            File::create(&path).unwrap().set_len(length).unwrap();
            let read = text(&path).map(|text| text.len());
            assert_eq!(read, expected);
        }
        assert_eq!(
            FileError::TooLong.to_string(),
            "longer than 16 MiB, the most that is read of such a file; name another one"
        );
    }

    #[test]
    fn what_a_job_names_must_be_a_regular_file_and_what_a_person_names_may_be_a_pipe() {
        let refused = Err(FileError::Irregular);
        assert_eq!(text(Path::new("/dev/zero")), refused);
        let (reader, writer) = io::pipe().unwrap();
        let pipe = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let pipe = std::path::PathBuf::from(format!("/dev/fd/{pipe}"));
        assert_eq!(text(&pipe), refused);
        io::Write::write_all(&mut { writer }, b"x").unwrap();
        assert_eq!(text_of_any(&pipe), Ok("x".into()));
        if cfg!(target_os = "linux") {
            assert_eq!(text(Path::new("/proc/self/environ")), refused);
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(text(folder.path()), Err(FileError::Directory));
        let missing = text(&folder.path().join("x"));
        assert!(matches!(missing, Err(FileError::Missing(_))), "{missing:?}");
    }
}
