//! What a file is that holds no rows: by the bytes that it begins with.

use super::error::InputError;

/// How many bytes are looked at to tell what a file is.
pub(super) const START: u64 = 64 << 10;

/// A file that is known by its first bytes.
struct KnownFile {
    start: &'static [u8],
    what: &'static str,
    /// What to do about it; `FILE` stands for its name.
    instead: &'static str,
}

const SAVE: &str = "save it as .csv, .tsv, .jsonl or .json in UTF-8";
const UNPACK_FIRST: &str = "unpack it and name the file inside";
const EXPORT: &str = "export its rows as .csv or .jsonl";

/// Sources: the specifications of each format, as collected in file(1)'s magic.
#[rustfmt::skip]
const KNOWN: &[KnownFile] = &[
    KnownFile { start: b"BZh", what: "a bzip2 archive", instead: "unpack it with `bzip2 -dk FILE`" },
    KnownFile { start: b"\xfd7zXZ\0", what: "an xz archive", instead: "unpack it with `xz -dk FILE`" },
    KnownFile { start: b"\x5d\0\0", what: "an LZMA archive", instead: "unpack it with `xz -dk FILE`" },
    KnownFile { start: b"\x04\x22\x4d\x18", what: "an LZ4 archive", instead: "unpack it with `lz4 -dk FILE`" },
    KnownFile { start: b"\x1f\x9d", what: "an archive of compress", instead: "unpack it with `uncompress FILE`" },
    KnownFile { start: b"7z\xbc\xaf\x27\x1c", what: "a 7-Zip archive", instead: UNPACK_FIRST },
    KnownFile { start: b"Rar!\x1a\x07", what: "a RAR archive", instead: UNPACK_FIRST },
    KnownFile { start: b"PK\x03\x04", what: "a zip archive, as .xlsx workbooks are", instead: SAVE },
    KnownFile { start: b"PAR1", what: "a Parquet file", instead: SAVE },
    KnownFile { start: b"ARROW1", what: "an Arrow file", instead: EXPORT },
    KnownFile { start: b"ORC", what: "an ORC file", instead: EXPORT },
    KnownFile { start: b"Obj\x01", what: "an Avro file", instead: EXPORT },
    KnownFile { start: b"SQLite format 3\0", what: "an SQLite database", instead: EXPORT },
    KnownFile { start: b"\x89HDF", what: "an HDF5 file", instead: EXPORT },
    KnownFile { start: b"\x93NUMPY", what: "a NumPy array", instead: EXPORT },
    KnownFile { start: b"\xd0\xcf\x11\xe0", what: "a workbook or document of old Office", instead: SAVE },
    KnownFile { start: b"%PDF-", what: "a PDF document", instead: "put its text into a .csv or .jsonl file" },
    KnownFile { start: b"{\\rtf", what: "a Rich Text document", instead: SAVE },
];

/// Texts that are no rows, by how they begin in any letters.
#[rustfmt::skip]
const TEXTS: &[KnownFile] = &[
    KnownFile { start: b"version https://git-lfs.github.com/spec/", what: "a Git LFS pointer, not the file itself",
        instead: "fetch it with `git lfs pull`" },
    KnownFile { start: b"<!doctype html", what: "a web page", instead: "download the file itself, logged in if need be" },
    KnownFile { start: b"<html", what: "a web page", instead: "download the file itself, logged in if need be" },
    KnownFile { start: b"<?xml", what: "an XML document", instead: "export its rows as .csv or .jsonl" },
];

/// Rejects a text that begins like this if it cannot be one of rows.
pub(super) fn reject_what_is_no_rows(name: &str, start: &[u8]) -> Result<(), InputError> {
    if let Some(encoding) = wide_encoding(start) {
        let name = name.into();
        return Err(InputError::Encoding { name, encoding });
    }
    let known = KNOWN.iter().find(|known| start.starts_with(known.start));
    let tar = (start.get(257..262) == Some(b"ustar")).then_some(("a tar archive", UNPACK_FIRST));
    let found = known
        .filter(|known| is_surely(known, start))
        .map(|known| (known.what, known.instead))
        .or(tar)
        .or_else(|| is_binary(start).then_some(("it begins with control characters", SAVE)));
    let (what, instead) = match (found, text_of_no_rows(start)) {
        (Some((what, instead)), _) => (format!("not text: {what}"), instead),
        (None, Some((what, instead))) => (what.to_owned(), instead),
        (None, None) => return Ok(()),
    };
    Err(InputError::NotRows {
        name: name.into(),
        what,
        instead: instead.replace("FILE", name),
    })
}

/// Three letters may begin a header too.
fn is_surely(known: &KnownFile, start: &[u8]) -> bool {
    match known.start {
        b"BZh" => start.get(4..10) == Some(b"1AY&SY"),
        b"ORC" => is_binary(start),
        _ => true,
    }
}

fn text_of_no_rows(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = start.trim_ascii_start();
    let begins = |known: &&KnownFile| {
        let begun = text.get(..known.start.len());
        begun.is_some_and(|begun| begun.eq_ignore_ascii_case(known.start))
    };
    let known = TEXTS.iter().find(begins)?;
    Some((known.what, known.instead))
}

/// The encoding of a text in units of two or four bytes, as iconv calls it. Without a byte order
/// mark it is told by the zeros in its first two letters.
fn wide_encoding(start: &[u8]) -> Option<&'static str> {
    let zeros: Vec<bool> = start.iter().take(8).map(|byte| *byte == 0).collect();
    match start {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => match zeros.as_slice() {
            [false, true, true, true, false, true, true, true] => Some("UTF-32LE"),
            [true, true, true, false, true, true, true, false] => Some("UTF-32BE"),
            [false, true, false, true, false, true, ..] => Some("UTF-16LE"),
            [true, false, true, false, true, false, ..] => Some("UTF-16BE"),
            _ => None,
        },
    }
}

/// Only the first line is judged: a stray control character further on is a matter of its row.
fn is_binary(start: &[u8]) -> bool {
    let first_line = start.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let mut bytes = first_line.unwrap_or_default().iter();
    bytes.any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &[u8], expected: &str) {
        let said = reject_what_is_no_rows("in", start)
            .map_or_else(|it| it.to_string(), |()| String::new());
        assert_eq!(said, expected, "{start:?}");
    }

    #[test]
    fn a_file_that_holds_no_rows_is_named_with_what_to_do() {
        check(
            b"BZh91AY&SY\x31\x35",
            "in: not text: a bzip2 archive; unpack it with `bzip2 -dk in`",
        );
        check(
            b"\xfd7zXZ\0\0\x04",
            "in: not text: an xz archive; unpack it with `xz -dk in`",
        );
        let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n";
        let fetch = "in: a Git LFS pointer, not the file itself; fetch it with `git lfs pull`";
        check(lfs, fetch);
        let page = "in: a web page; download the file itself, logged in if need be";
        check(b"\n<!DOCTYPE html><html>", page);
        let save = "save it as .csv, .tsv, .jsonl or .json in UTF-8";
        check(
            b"PK\x03\x04\n",
            &format!("in: not text: a zip archive, as .xlsx workbooks are; {save}"),
        );
        check(
            b"PAR1\x15",
            &format!("in: not text: a Parquet file; {save}"),
        );
        check(
            b"a\0b\n",
            &format!("in: not text: it begins with control characters; {save}"),
        );
        let tar = [&[b'a'; 257][..], b"ustar"].concat();
        check(
            &tar,
            "in: not text: a tar archive; unpack it and name the file inside",
        );
    }

    #[test]
    fn a_text_that_begins_alike_is_none_of_them() {
        for text in [
            "BZh,prompt\n1,2\n",
            "ORC,prompt\n",
            "version,prompt\n",
            "a\tb\n\0",
            "a\r\0",
        ] {
            check(text.as_bytes(), "");
        }
    }

    #[test]
    fn a_wide_encoding_is_named_with_the_conversion_that_works() {
        for (start, encoding) in [
            (&b"\xff\xfea\0"[..], "UTF-16"),
            (b"\xff\xfe\0\0i\0\0\0", "UTF-32"),
            (b"\0\0\xfe\xff\0\0\0i", "UTF-32"),
            (b"i\0d\0,\0p\0", "UTF-16LE"),
            (b"\0i\0d\0,\0p", "UTF-16BE"),
            (b"i\0\0\0d\0\0\0", "UTF-32LE"),
            (b"\0\0\0i\0\0\0d", "UTF-32BE"),
        ] {
            let convert =
                format!("run `iconv -f {encoding} -t UTF-8 in > NEW`, and give the new file");
            check(
                start,
                &format!("in: {encoding} text, and not UTF-8; {convert}"),
            );
        }
    }
}
