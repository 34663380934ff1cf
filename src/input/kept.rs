//! A stream in a nameless file, which fills as it is read.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

/// Bytes that are copied at once.
pub(super) const BUFFER: usize = 64 << 10;

/// A stream in a temporary file that has no name and goes away with the process.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    filling: Mutex<Filling>,
}

/// How much of the stream is in the file, and the rest of it.
struct Filling {
    length: u64,
    /// `None` once it has ended.
    stream: Option<Box<dyn Read + Send>>,
    /// Where its lines are bounded.
    lines: Option<LineLength>,
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_whole = self.stream.is_none();
        write!(f, "{} bytes, whole: {is_whole}", self.length)
    }
}

/// A line that goes on and on.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("line {line}: it has no end; is this a file of rows?")]
pub(super) struct Endless {
    /// Its number, from 1.
    pub(super) line: u64,
}

impl Spool {
    /// A stream of which nothing is kept yet. A line longer than `endless` is taken for one that never ends.
    pub(super) fn new(stream: Box<dyn Read + Send>, endless: Option<u64>) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile()?,
            filling: Mutex::new(Filling {
                length: 0,
                stream: Some(stream),
                lines: endless.map(LineLength::bounded),
            }),
        })
    }

    /// Reads what is kept from byte `offset` on, and keeps more of the stream first where that is its end.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reach(offset)?;
        self.file.read_at(buffer, offset)
    }

    /// Copies the stream until more than `bytes` are kept, or all of it.
    pub(super) fn reach(&self, bytes: u64) -> io::Result<()> {
        let mut filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = Vec::new();
        while filling.length <= bytes {
            buffer.resize(BUFFER, 0);
            let Some(stream) = &mut filling.stream else {
                return Ok(());
            };
            let read = match stream.read(&mut buffer) {
                Ok(0) => {
                    filling.stream = None;
                    return Ok(());
                }
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Some(lines) = &mut filling.lines {
                lines.pass(read).map_err(io::Error::other)?;
            }
            self.file.write_all_at(read, filling.length)?;
            filling.length += read.len() as u64;
        }
        Ok(())
    }
}

/// How long the line is that goes by.
struct LineLength {
    /// Its number, from 1.
    line: u64,
    /// Its bytes so far.
    length: u64,
    /// The most it may have.
    most: u64,
}

impl LineLength {
    fn bounded(most: u64) -> Self {
        Self {
            line: 1,
            length: 0,
            most,
        }
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), Endless> {
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
        match self.most < self.length {
            true => Err(Endless { line: self.line }),
            false => Ok(()),
        }
    }
}
