//! Streams, which can be read only once, kept in a nameless file so that they can be read again.
//!
//! A stream may never end. What is seen on the way to hold no rows is not copied to the disk: bytes
//! that are no text, and a line without an end.

use std::io::{self, BufRead, Read, Write};

use super::ENDLESS_RECORD;
use super::error::InputError;
use super::format::Format;
use super::kind::{START, reject_what_is_no_rows};
use super::source::{Source, is_compressed, peek};

/// Bytes that are copied at once.
const BUFFER: usize = 64 << 10;

/// Keeps all of `stream` in a temporary file that has no name and goes away with the process.
pub(super) fn spool(
    name: &str,
    stream: impl Read + Send + 'static,
    format: Option<Format>,
) -> Result<Source, InputError> {
    bounded(name, stream, format, ENDLESS_RECORD)
}

/// Like [`spool`], but a line longer than `endless` is taken for one that never ends.
fn bounded(
    name: &str,
    stream: impl Read + Send + 'static,
    format: Option<Format>,
    endless: u64,
) -> Result<Source, InputError> {
    let refused = |source| InputError::Spool {
        name: name.into(),
        source,
    };
    let (start, mut stream) = peek(Box::new(stream), START).map_err(refused)?;
    let mut lines = None;
    if !is_compressed(&start) {
        reject_what_is_no_rows(name, &start)?;
        // A document may stand on one line.
        let is_document =
            format == Some(Format::Json) || start.trim_ascii_start().starts_with(b"[");
        lines = (!is_document).then(LineLength::default);
    }
    let mut file = tempfile::tempfile().map_err(refused)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return Ok(Source::spooled(file)),
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(refused(error)),
        };
        if let Some(lines) = &mut lines {
            lines.pass(read);
            if endless < lines.length {
                return Err(super::endless(name, lines.line));
            }
        }
        file.write_all(read).map_err(refused)?;
    }
}

/// How long the line is that goes by.
struct LineLength {
    /// Its number, from 1.
    line: u64,
    /// Its bytes so far.
    length: u64,
}

impl Default for LineLength {
    fn default() -> Self {
        Self { line: 1, length: 0 }
    }
}

impl LineLength {
    fn pass(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = rest;
            let passed = rest.skip_until(b'\n').unwrap_or(part.len());
            if part[..passed].ends_with(b"\n") {
                self.line += 1;
                self.length = 0;
            } else {
                self.length += passed as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than is read at once, and than is looked at beforehand.
    const MOST: u64 = 1 << 20;

    #[track_caller]
    fn refuse(stream: impl Read + Send + 'static, format: Option<Format>, expected: &str) {
        let refused = bounded("standard input", stream, format, MOST).unwrap_err();
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
        let mut text = bounded("in", document, None, MOST).unwrap().text().unwrap();
        let read = io::copy(&mut text, &mut io::sink()).unwrap();
        assert_eq!(read, MOST + 4);
    }
}
