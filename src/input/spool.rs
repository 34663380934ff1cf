//! Streams, which can be read only once, kept in a nameless file so that they can be read again.
//!
//! A stream may never end. What is seen on the way to hold no rows is not copied to the disk: bytes
//! that are no text, and a line without an end. And where only the beginning is wanted, only what has
//! been read of it is copied.

use std::io::Read;

use super::error::InputError;
use super::format::Format;
use super::kept::{Endless, Spool};
use super::kind::{START, reject_what_is_no_rows};
use super::source::{Source, is_compressed, peek};
use super::{ENDLESS_RECORD, Extent};

/// Keeps `stream`: all of it at once, or what will have been read of it.
pub(super) fn spool(
    name: &str,
    stream: impl Read + Send + 'static,
    format: Option<Format>,
    extent: Extent,
) -> Result<Source, InputError> {
    bounded(name, stream, format, ENDLESS_RECORD, extent)
}

/// Like [`spool`], but a line longer than `endless` is taken for one that never ends.
fn bounded(
    name: &str,
    stream: impl Read + Send + 'static,
    format: Option<Format>,
    endless: u64,
    extent: Extent,
) -> Result<Source, InputError> {
    let refused = |source| InputError::Spool {
        name: name.into(),
        source,
    };
    let (start, stream) = peek(Box::new(stream), START).map_err(refused)?;
    let mut has_lines = false;
    if !is_compressed(&start) {
        reject_what_is_no_rows(name, &start)?;
        // A document may stand on one line.
        let is_document =
            format == Some(Format::Json) || start.trim_ascii_start().starts_with(b"[");
        has_lines = !is_document;
    }
    let endless = has_lines.then_some(endless);
    let spool = Spool::new(stream, endless).map_err(refused)?;
    if extent == Extent::All {
        spool
            .reach(u64::MAX)
            .map_err(|error| match error.downcast::<Endless>() {
                Ok(Endless { line }) => super::endless(name, line),
                Err(error) => refused(error),
            })?;
    }
    Ok(Source::spooled(spool))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::kept::BUFFER;
    use super::*;

    /// More than is read at once, and than is looked at beforehand.
    const MOST: u64 = 1 << 20;

    #[track_caller]
    fn refuse(stream: impl Read + Send + 'static, format: Option<Format>, expected: &str) {
        let refused = bounded("standard input", stream, format, MOST, Extent::All).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn a_stream_that_never_ends_is_given_up() {
        let no_text = "standard input: not text: it begins with control characters; save it as .csv, .tsv, \
                       .jsonl or .json in UTF-8";
        refuse(io::repeat(0), None, no_text);
        refuse(io::repeat(0), Some(Format::Json), no_text);
        refuse(
            (&b"{\"a\":1}\n"[..]).chain(io::repeat(b'x')),
            None,
            "standard input: line 2: longer than 1024 MiB without an end; is this a file of rows?",
        );
    }

    #[test]
    fn a_document_on_one_line_may_be_as_long_as_it_likes() {
        let blanks = io::repeat(b' ').take(MOST);
        let document = b"[".chain(blanks).chain(&b"{}]"[..]);
        let mut text = bounded("in", document, None, MOST, Extent::All)
            .unwrap()
            .text()
            .unwrap();
        let read = io::copy(&mut text, &mut io::sink()).unwrap();
        assert_eq!(read, MOST + 4);
    }

    /// Rows without end, of which it counts the bytes.
    struct Endless(std::sync::Arc<std::sync::atomic::AtomicU64>);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            for (at, byte) in buffer.iter_mut().enumerate() {
                *byte = if at % 8 == 7 { b'\n' } else { b'x' };
            }
            let read = buffer.len() as u64;
            self.0.fetch_add(read, std::sync::atomic::Ordering::Relaxed);
            Ok(buffer.len())
        }
    }

    #[test]
    fn of_a_stream_whose_beginning_is_wanted_no_more_is_copied_than_is_read() {
        let passed = std::sync::Arc::default();
        let stream = Endless(std::sync::Arc::clone(&passed));
        let source = bounded("in", stream, None, MOST, Extent::Beginning).unwrap();
        for _ in 0..2 {
            let mut first = [0; 100_000];
            source.text().unwrap().read_exact(&mut first).unwrap();
        }
        let passed = passed.load(std::sync::atomic::Ordering::Relaxed);
        assert!(passed < 100_000 + 4 * BUFFER as u64 + START, "{passed}");
    }
}
