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
        let instead = "copy the file here first, as `aws s3 cp` or `curl -O` do";
        if let Some(address) = address(path, instead) {
            return address;
        }
        return format!("no such file{}", file_like(path));
    }
    if kind == ErrorKind::IsADirectory {
        return "a directory, not a file".into();
    }
    format!("cannot be read: {error}")
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
        let missing = |path: &str| unreadable(Path::new(path), &ErrorKind::NotFound.into());
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
