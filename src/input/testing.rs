//! What the tests of the readers share: records as text.

use std::io::{self, Read, Write};

use super::{InputError, Record, Row};
use crate::exact::{self, ExactMap};

/// Every item of `rows` as one line of text, up to an error.
pub(super) fn trace(rows: impl Iterator<Item = Result<Row, InputError>>) -> String {
    let mut text = String::new();
    for row in rows {
        match row {
            Ok(Ok(record)) => {
                let fields = serde_json::to_string(&ExactMap(&record.fields)).unwrap();
                text += &format!("{}:{} {fields}\n", record.row, record.line);
            }
            Ok(Err(bad)) => text += &format!("{bad}\n"),
            Err(error) => return text + &format!("{error}\n"),
        }
    }
    text
}

/// Compares [`trace`] with `expected`, whose indentation does not count.
#[track_caller]
pub(super) fn check(rows: impl Iterator<Item = Result<Row, InputError>>, expected: &str) {
    let expected: String = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(trace(rows), expected);
}

/// Hands out its bytes and then breaks.
pub(super) struct Breaks(pub(super) &'static [u8]);

impl Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

/// `text` as a gzip member.
pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// `text` as a Zstandard frame.
pub(super) fn zstandard(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 0).unwrap()
}

/// Row 7, line 9, with these fields.
pub(crate) fn record(json: &str) -> Record {
    Record {
        row: 7,
        line: 9,
        fields: exact::from_slice(json.as_bytes()).unwrap(),
    }
}
