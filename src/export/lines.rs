//! Lines of a file by the byte they begin at.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes that are read where lines follow each other.
const AHEAD: usize = 1 << 18;

/// Bytes that are read where a line is somewhere else than the last: most lines are shorter.
const JUMP: usize = 1 << 13;

/// A file, and the part of it that was read last.
#[derive(Debug)]
pub(super) struct FileLines {
    file: File,
    window: Vec<u8>,
    /// The byte of the file at which the window begins.
    at: u64,
}

impl FileLines {
    pub(super) fn of(file: File) -> Self {
        Self {
            file,
            window: Vec::new(),
            at: 0,
        }
    }

    /// The line that begins at `byte`, with its end.
    pub(super) fn at(&mut self, byte: u64) -> io::Result<&[u8]> {
        let end = self.at + self.window.len() as u64;
        let inside = (self.at..end).contains(&byte);
        let near = end.abs_diff(byte) < JUMP as u64;
        let mut from = (byte.wrapping_sub(self.at)) as usize;
        let mut length = inside.then(|| end_of_line(&self.window[from..])).flatten();
        if length.is_none() {
            self.read(byte, if near || inside { AHEAD } else { JUMP })?;
            from = 0;
            length = end_of_line(&self.window);
        }
        while length.is_none() {
            let before = self.window.len();
            self.read(byte, 4 * before.max(JUMP))?;
            length = end_of_line(&self.window);
            if self.window.len() <= before && length.is_none() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(&self.window[from..from + length.unwrap_or(0)])
    }

    /// Fills the window with up to `length` bytes from `byte` on.
    fn read(&mut self, byte: u64, length: usize) -> io::Result<()> {
        self.at = byte;
        self.window.resize(length, 0);
        let mut filled = 0;
        while filled < length {
            let rest = &mut self.window[filled..];
            match self.file.read_at(rest, byte + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.window.truncate(filled);
        Ok(())
    }
}

/// The length of the first line, its end included.
fn end_of_line(bytes: &[u8]) -> Option<usize> {
    Some(memchr::memchr(b'\n', bytes)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_any_order_and_of_any_length() {
        let mut text = Vec::new();
        let mut starts = Vec::new();
        for nth in 0..3000_usize {
            starts.push(text.len());
            let length = if nth % 100 == 7 { 40_000 } else { nth % 50 };
            text.extend(std::iter::repeat_n(b'a' + (nth % 26) as u8, length));
            text.push(b'\n');
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, &text).unwrap();
        let mut lines = FileLines::of(File::open(&path).unwrap());
        let line = |nth: usize| {
            let end = starts.get(nth + 1).copied().unwrap_or(text.len());
            &text[starts[nth]..end]
        };
        for nth in (0..3000)
            .chain((0..3000).rev())
            .chain((0..3000).map(|n| n * 1601 % 3000))
        {
            assert_eq!(lines.at(starts[nth] as u64).unwrap(), line(nth), "{nth}");
        }
        assert!(lines.at(text.len() as u64).is_err());
    }
}
