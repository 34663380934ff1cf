//! Where the bytes come from: a file, or standard input kept in a temporary file; decompressed,
//! and without their byte order mark.

use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::gzip::Members;
use super::kept::Spool;
use super::{BOM, zstandard};

/// A stream of bytes.
pub(super) type Bytes = Box<dyn Read + Send>;

const GZIP: &[u8] = &[0x1f, 0x8b]; // RFC 1952, 2.3.1
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd]; // RFC 8878, 3.1.1

/// How many times its size an archive may grow, once it has grown by [`ALLOWED`]. Prompts that
/// repeat a long frame shrink to a fiftieth; a bomb of gzip grows a thousandfold, one of zstd more.
const MOST_GROWTH: u64 = 500;

/// What an archive may grow to in any case.
const ALLOWED: u64 = 256 << 20;

/// How much of an input is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    All,
    /// Some of its first rows.
    Beginning,
}

/// Bytes that can be read several times, each time from the beginning.
#[derive(Debug)]
pub(super) enum Source {
    /// A file, opened each time, which must be the same each time.
    File(PathBuf, FileStamp),
    /// A stream, kept in a nameless file.
    Spooled(Arc<Spool>),
}

/// What a file was when it was first looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    len: u64,
    modified: Option<SystemTime>,
    /// The file itself, by its device and its number there: another may have taken its name.
    file: (u64, u64),
    /// When its content, its name or its rights last changed, in seconds and nanoseconds since 1970:
    /// it cannot be set back, as the time of the modification can.
    changed: (i64, i64),
}

/// What a reader says of a file that is not what it was: what was found out about it holds no more.
#[derive(Debug, thiserror::Error)]
#[error("it has changed since it was first looked at")]
pub(super) struct Changed;

/// A file that is looked at again at its end: what was added meanwhile would be read unnoticed.
struct Watched {
    file: File,
    seen: FileStamp,
}

/// A reader of a stream that is kept, with a place of its own in it.
struct Rewound {
    spool: Arc<Spool>,
    offset: u64,
}

impl Source {
    /// The file at `path`, as it is now.
    pub(super) fn file(path: &Path, metadata: &Metadata) -> Self {
        Self::File(path.into(), FileStamp::of(metadata))
    }

    /// A stream that is kept like this.
    pub(super) fn spooled(spool: Spool) -> Self {
        Self::Spooled(Arc::new(spool))
    }

    /// The text from its beginning, whatever its compression.
    pub(super) fn text(&self) -> io::Result<Bytes> {
        let raw: Bytes = match self {
            Self::File(path, seen) => {
                let file = File::open(path)?;
                seen.check(&file)?;
                Box::new(Watched { file, seen: *seen })
            }
            Self::Spooled(spool) => Box::new(Rewound {
                spool: Arc::clone(spool),
                offset: 0,
            }),
        };
        without_bom(decompressed(raw)?)
    }
}

/// Reads up to `length` bytes, and gives them with a stream that has them still before it. Where the
/// stream breaks behind some of them, so does the one that is given.
pub(super) fn peek(mut bytes: Bytes, length: u64) -> io::Result<(Vec<u8>, Bytes)> {
    let mut start = Vec::new();
    let read = bytes.by_ref().take(length).read_to_end(&mut start);
    let text = Cursor::new(start.clone());
    match read {
        Ok(_) => Ok((start, Box::new(text.chain(bytes)))),
        Err(error) if start.is_empty() => Err(error),
        Err(error) => Ok((start, Box::new(text.chain(Broken(Some(error)))))),
    }
}

/// A stream that is broken from its beginning.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self
            .0
            .take()
            .unwrap_or_else(|| io::Error::other("broken before")))
    }
}

/// What is said of an archive that ends in its middle.
#[derive(Debug, thiserror::Error)]
#[error("the archive ends in its middle")]
pub(super) struct EndsEarly;

/// An error of a decompressor, told from others where the archive ends too early.
fn ends_early(error: io::Error) -> io::Error {
    let is_early = error.kind() == io::ErrorKind::UnexpectedEof
        || error.to_string().starts_with("incomplete ");
    match is_early {
        true => io::Error::other(EndsEarly),
        false => error,
    }
}

/// Whether bytes that begin like this are an archive's.
pub(super) fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(GZIP) || start.starts_with(ZSTD)
}

fn decompressed(raw: Bytes) -> io::Result<Bytes> {
    bounded(raw, ALLOWED)
}

/// Like [`decompressed`], but an archive may grow to `allowed` bytes in any case.
fn bounded(raw: Bytes, allowed: u64) -> io::Result<Bytes> {
    let (start, raw) = peek(raw, 4)?;
    let read = Arc::new(AtomicU64::new(0));
    let counted = CountedArchive {
        raw,
        read: Arc::clone(&read),
    };
    let text: Bytes = if start.starts_with(GZIP) {
        Box::new(Members::new(counted))
    } else if start.starts_with(ZSTD) {
        Box::new(zstandard::Archive::new(counted))
    } else {
        return Ok(counted.raw);
    };
    Ok(Box::new(Grown {
        text,
        grown: 0,
        read,
        allowed,
    }))
}

/// An archive, and how much of it was read.
struct CountedArchive {
    raw: Bytes,
    read: Arc<AtomicU64>,
}

impl Read for CountedArchive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// What comes out of an archive, as long as that is in proportion.
struct Grown {
    text: Bytes,
    grown: u64,
    read: Arc<AtomicU64>,
    allowed: u64,
}

impl Read for Grown {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let grown = self.text.read(buffer).map_err(ends_early)?;
        self.grown += grown as u64;
        let most = self.read.load(Ordering::Relaxed) * MOST_GROWTH;
        if self.allowed.max(most) < self.grown {
            let message = format!(
                "it decompresses to more than {MOST_GROWTH} times its size; if that is meant, \
                 decompress it first"
            );
            return Err(io::Error::other(message));
        }
        Ok(grown)
    }
}

fn without_bom(text: Bytes) -> io::Result<Bytes> {
    let (start, mut text) = peek(text, BOM.len() as u64)?;
    if start == BOM {
        text.read_exact(&mut [0; BOM.len()])?;
    }
    Ok(text)
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            file: (metadata.dev(), metadata.ino()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn check(self, file: &File) -> io::Result<()> {
        match Self::of(&file.metadata()?) == self {
            true => Ok(()),
            false => Err(io::Error::other(Changed)),
        }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.seen.check(&self.file)?;
        Ok(read)
    }
}

impl Read for Rewound {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.spool.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gzip, zstandard};
    use super::*;

    fn spooled(bytes: &[u8]) -> Source {
        let bytes = Cursor::new(bytes.to_vec());
        Source::spooled(Spool::new(Box::new(bytes), None).unwrap())
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let source = spooled(bytes);
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
        let early = "error: the archive ends in its middle";
        check(&gzip[..gzip.len() - 9], early);
        check(&gzip[..gzip.len() - 3], early);
        check(&gzip[..5], early);
        check(&zstandard[..zstandard.len() - 3], early);
    }

    #[test]
    fn zeros_after_an_archive_are_padding_and_other_bytes_are_not() {
        let padded = [gzip("one "), gzip("two"), vec![0; 200_000]].concat();
        check(&padded, "one two");
        let more = "error: bytes after the end of the archive are no gzip";
        check(&[gzip("one"), b"text".to_vec()].concat(), more);
        check(&[gzip("one"), vec![0; 10], gzip("two")].concat(), more);
    }

    #[test]
    fn an_archive_that_grows_out_of_proportion_is_not_read_to_its_end() {
        let row = "the same again ".repeat(200_000);
        for archive in [gzip(&row), zstandard(&row)] {
            let growth = row.len() / archive.len();
            let read = |allowed| {
                let raw: Bytes = Box::new(Cursor::new(archive.clone()));
                bounded(raw, allowed).and_then(|mut text| io::copy(&mut text, &mut io::sink()))
            };
            assert_eq!(read(ALLOWED).unwrap(), row.len() as u64);
            let refused = read(1000).is_err();
            assert_eq!(refused, MOST_GROWTH as usize <= growth, "{growth}");
        }
        assert!(
            500 < row.len() / zstandard(&row).len(),
            "one of them is refused"
        );
    }

    #[test]
    fn two_readings_do_not_disturb_each_other() {
        let source = spooled(b"abcdefgh");
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
