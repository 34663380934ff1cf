//! Lines of bounded length. A longer one is skipped without being kept, if it ends.

use std::io::{self, BufRead, Read};

use super::BOM;

/// Reads lines, keeping one at a time and never more than `longest` bytes of it; behind `endless`
/// more it looks for no end.
pub(super) struct Lines<R> {
    reader: R,
    longest: usize,
    endless: u64,
    /// What ends a line: LF, or CR where lines end in that alone.
    end: u8,
    buffer: Vec<u8>,
    /// The number of the last line read, from 1.
    pub(super) line: u64,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Longer than the bound; what follows is the next line.
    TooLong,
    /// So long that its end was not looked for.
    Endless,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R, longest: usize, endless: u64, end: u8) -> Self {
        Self {
            reader,
            longest,
            endless,
            end,
            buffer: Vec::new(),
            line: 0,
        }
    }

    /// The next line, or `None` at the end of the input.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let bound = self.longest as u64 + 1; // and the line feed
        let read = self
            .reader
            .by_ref()
            .take(bound)
            .read_until(self.end, &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if self.buffer.last() == Some(&self.end) {
            self.buffer.pop();
        } else if self.longest < self.buffer.len() {
            let mut rest = self.reader.by_ref().take(self.endless);
            rest.skip_until(self.end)?;
            return Ok(Some(match rest.limit() {
                0 => Line::Endless,
                _ => Line::TooLong,
            }));
        }
        let text = self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer);
        // Files that were joined bring their byte order marks along.
        let text = text.strip_prefix(BOM).unwrap_or(text);
        Ok(Some(Line::Whole(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut lines = Lines::new(text.as_bytes(), 4, 8, b'\n');
        let mut read = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            read.push(match line {
                Line::Whole(text) => String::from_utf8(text.to_vec()).unwrap(),
                Line::TooLong => "too long".into(),
                Line::Endless => "endless".into(),
            });
        }
        assert_eq!(read, expected);
    }

    #[test]
    fn lines_end_in_any_of_the_usual_ways() {
        check("ab\ncd\r\n\nef", &["ab", "cd", "", "ef"]);
        check("", &[]);
    }

    #[test]
    fn a_line_past_the_bound_is_passed_over_whole() {
        check("abcd\nabcde\nf\n", &["abcd", "too long", "f"]);
        check("abcdefghijk", &["too long"]);
        check("abcdefghijklmn", &["endless", "n"]);
    }
}
