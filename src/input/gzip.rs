//! Gzip: one member or several, as files that were joined have, and zeros behind them, as tapes and
//! blocks are filled up. gzip(1) takes both.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// The first byte of a member (RFC 1952, 2.3.1).
const MEMBER: u8 = 0x1f;

/// The text of all members.
pub(super) struct Members<R> {
    member: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> Members<R> {
    pub(super) fn new(raw: R) -> Self {
        Self {
            member: Some(GzDecoder::new(BufReader::new(raw))),
        }
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut member) = self.member.take() {
            let read = member.read(buffer);
            if !matches!(read, Ok(0)) || buffer.is_empty() {
                self.member = Some(member);
                return read;
            }
            self.member = next_member(member.into_inner())?;
        }
        Ok(0)
    }
}

/// The member behind one that has ended, if there is one.
fn next_member<R: Read>(mut raw: BufReader<R>) -> io::Result<Option<GzDecoder<BufReader<R>>>> {
    let mut is_padded = false;
    loop {
        let chunk = raw.fill_buf()?;
        let Some(&first) = chunk.first() else {
            return Ok(None);
        };
        let zeros = chunk.iter().take_while(|byte| **byte == 0).count();
        match first {
            0 => is_padded = true,
            MEMBER if !is_padded => return Ok(Some(GzDecoder::new(raw))),
            _ => {
                return Err(io::Error::other(
                    "bytes after the end of the archive are no gzip",
                ));
            }
        }
        raw.consume(zeros);
    }
}
