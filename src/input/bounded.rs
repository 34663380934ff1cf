//! A reader that can be held back, for parsers that know no bound of their own.

use std::io::{self, Read};

/// Reads on only as far as it is allowed, so that a quote left open cannot fill the memory.
pub(super) struct Bounded<R> {
    reader: R,
    read: u64,
    allowed: u64,
}

impl<R> Bounded<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            read: 0,
            allowed: 0,
        }
    }

    /// Sets how far it may read, in bytes from the beginning.
    pub(super) fn allow(&mut self, up_to: u64) {
        self.allowed = up_to;
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.allowed <= self.read
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_exceeded() {
            return Err(io::Error::other("record too long"));
        }
        let read = self.reader.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_what_is_allowed_is_an_error() {
        let mut bounded = Bounded::new(io::repeat(b'x'));
        bounded.allow(4);
        assert_eq!(bounded.read(&mut [0; 3]).unwrap(), 3);
        assert_eq!(bounded.read(&mut [0; 3]).unwrap(), 3); // whole buffers are not cut
        assert!(bounded.is_exceeded());
        assert!(bounded.read(&mut [0; 3]).is_err());
    }
}
