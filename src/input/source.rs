//! Where the bytes come from: a file, or standard input kept in a temporary file; decompressed,
//! and without their byte order mark.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

/// A stream of bytes.
pub(super) type Bytes = Box<dyn Read + Send>;

const GZIP: &[u8] = &[0x1f, 0x8b]; // RFC 1952, 2.3.1
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd]; // RFC 8878, 3.1.1
const BOM: &[u8] = &[0xef, 0xbb, 0xbf];

/// Bytes that can be read several times, each time from the beginning.
#[derive(Debug)]
pub(super) enum Source {
    /// A file, opened anew each time.
    File(PathBuf),
    /// A stream, kept in a nameless file.
    Spooled(Arc<File>),
}

/// A reader of a shared file with a place of its own in it.
struct Rewound {
    file: Arc<File>,
    offset: u64,
}

impl Source {
    /// Keeps all of `stream` in a temporary file that has no name and goes away with the process.
    pub(super) fn spool(mut stream: impl Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut stream, &mut file)?;
        Ok(Self::Spooled(Arc::new(file)))
    }

    /// The text from its beginning, whatever its compression.
    pub(super) fn text(&self) -> io::Result<Bytes> {
        let raw: Bytes = match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Spooled(file) => Box::new(Rewound {
                file: Arc::clone(file),
                offset: 0,
            }),
        };
        without_bom(decompressed(raw)?)
    }
}

/// Reads up to `length` bytes, and gives them with a stream that has them still before it.
pub(super) fn peek(mut bytes: Bytes, length: u64) -> io::Result<(Vec<u8>, Bytes)> {
    let mut start = Vec::new();
    bytes.by_ref().take(length).read_to_end(&mut start)?;
    Ok((start.clone(), Box::new(Cursor::new(start).chain(bytes))))
}

fn decompressed(raw: Bytes) -> io::Result<Bytes> {
    let (start, raw) = peek(raw, 4)?;
    if start.starts_with(GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(raw)));
    }
    if start.starts_with(ZSTD) {
        return Ok(Box::new(zstd::Decoder::new(raw)?));
    }
    Ok(raw)
}

fn without_bom(text: Bytes) -> io::Result<Bytes> {
    let (start, mut text) = peek(text, BOM.len() as u64)?;
    if start == BOM {
        text.read_exact(&mut [0; BOM.len()])?;
    }
    Ok(text)
}

impl Read for Rewound {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gzip, zstandard};
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let source = Source::spool(bytes).unwrap();
        let mut text = Vec::new();
        match source
            .text()
            .and_then(|mut bytes| bytes.read_to_end(&mut text))
        {
            Ok(_) => assert_eq!(String::from_utf8(text).unwrap(), expected),
            Err(error) => assert_eq!(format!("error: {error}"), expected),
        }
    }

    #[test]
    fn compression_is_seen_by_its_first_bytes_and_every_member_is_read() {
        check(b"plain", "plain");
        check(b"", "");
        check(&[gzip("\u{feff}one "), gzip("two")].concat(), "one two");
        check(&[zstandard("one "), zstandard("two")].concat(), "one two");
        check("\u{feff}".as_bytes(), "");
    }

    #[test]
    fn an_archive_that_is_cut_short_does_not_end_like_a_whole_one() {
        let (gzip, zstandard) = (gzip(&"row ".repeat(100)), zstandard(&"row ".repeat(100)));
        check(&gzip[..gzip.len() - 9], "error: incomplete deflate stream");
        check(&gzip[..gzip.len() - 3], "error: unexpected end of file");
        check(&gzip[..5], "error: unexpected end of file");
        check(&zstandard[..zstandard.len() - 3], "error: incomplete frame");
    }

    #[test]
    fn two_readings_do_not_disturb_each_other() {
        let source = Source::spool(&b"abcdefgh"[..]).unwrap();
        let (mut one, mut two) = (source.text().unwrap(), source.text().unwrap());
        let read = |from: &mut Bytes| {
            let mut four = [0; 4];
            from.read_exact(&mut four).unwrap();
            String::from_utf8(four.to_vec()).unwrap()
        };
        assert_eq!(
            [read(&mut one), read(&mut two), read(&mut one)],
            ["abcd", "abcd", "efgh"]
        );
    }
}
