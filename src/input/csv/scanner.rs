//! Where each record of a CSV text ends, and whether its quoting is what a strict reader accepts.
//!
//! The rules are those of RFC 4180: a value that begins with a quote ends at the next quote that is
//! not doubled, and a delimiter or line end follows. A quote inside of a value that does not begin
//! with one is text. Records end at LF or CRLF; a text whose first line ends in a lone CR has those
//! as its line ends.

use std::io::{self, BufRead};

use super::super::dialect::Dialect;
use super::super::{BOM, LONGEST_RECORD};

/// Splits a text into raw records, one at a time.
pub(super) struct Scanner<R> {
    reader: R,
    pub(super) dialect: Dialect,
    /// The line that is read next, from 1.
    pub(super) line: u64,
    /// What ends lines; `None` before the first end.
    ends: Option<Ends>,
}

/// What ends the lines of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// LF, with or without CR before it.
    Feeds,
    /// A lone CR.
    Returns,
}

/// What a record looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shape {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// The line it ends on.
    pub(super) last_line: u64,
    /// How many values it has.
    pub(super) values: usize,
    /// Whether nothing but delimiters and blanks stands in it.
    pub(super) is_bare: bool,
    /// What is wrong with it first.
    pub(super) flaw: Option<QuoteFlaw>,
}

/// What a strict reader rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QuoteFlaw {
    pub(super) kind: FlawKind,
    /// Where the value begins that has it.
    pub(super) opened: u64,
    /// Where it is.
    pub(super) line: u64,
}

/// The kinds of [`QuoteFlaw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlawKind {
    /// Text between a closing quote and the next delimiter.
    TextBehindQuote {
        /// A backslash stands before the quote, as where quotes are escaped by it.
        by_backslash: bool,
    },
    /// A quote that is never closed.
    Unclosed,
    /// A lone CR in a text whose lines end otherwise.
    LoneReturn {
        /// A quote follows it, which opens a value for readers that take the CR for a line end.
        before_quote: bool,
    },
    /// An escape in a value without quotes.
    EscapeOutside,
    /// An escape before a line end outside of quotes, which other readers take into the value.
    EscapedLineEnd,
    /// An escape before something that needs none, which readers understand differently.
    EscapeOfOther(u8),
    /// A byte order mark at the beginning of a record.
    ByteOrderMark,
    /// More bytes than a record may have; the rest of it was not read.
    TooLong,
}

impl FlawKind {
    /// Whether it leaves open where the record ends, so that rows may be taken into it.
    pub(super) fn hides_rows(self) -> bool {
        match self {
            Self::TextBehindQuote { .. }
            | Self::Unclosed
            | Self::TooLong
            | Self::EscapedLineEnd
            | Self::LoneReturn { before_quote: true } => true,
            Self::LoneReturn {
                before_quote: false,
            }
            | Self::EscapeOutside
            | Self::EscapeOfOther(_)
            | Self::ByteOrderMark => false,
        }
    }
}

/// Where in a value the scanner is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// Behind an escape in a quoted value.
    Escaped,
    /// Behind a quote in a quoted value, which closes it unless it is doubled.
    Closed,
    /// Behind a CR outside of quotes.
    Return,
}

/// The state of one record.
struct Scan {
    at: At,
    shape: Shape,
    opened: u64,
    /// The last byte of a value, quotes aside.
    last: u8,
    returns: usize,
}

impl<R: BufRead> Scanner<R> {
    pub(super) fn new(reader: R, dialect: Dialect) -> Self {
        Self {
            reader,
            dialect,
            line: 1,
            ends: None,
        }
    }

    /// Reads the next record that is not a blank line or a comment into `raw`, without its end.
    pub(super) fn next(&mut self, raw: &mut Vec<u8>) -> io::Result<Option<Shape>> {
        loop {
            raw.clear();
            let Some(shape) = self.record(raw)? else {
                return Ok(None);
            };
            if !raw.is_empty() {
                return Ok(Some(shape));
            }
        }
    }

    fn record(&mut self, raw: &mut Vec<u8>) -> io::Result<Option<Shape>> {
        let Some(first) = self.peek()? else {
            return Ok(None);
        };
        if Some(first) == self.dialect.comment {
            self.skip_line()?;
            return Ok(Some(Shape::default()));
        }
        let mut scan = Scan {
            at: At::Start,
            shape: Shape {
                line: self.line,
                last_line: self.line,
                values: 1,
                is_bare: true,
                flaw: None,
            },
            opened: self.line,
            last: 0,
            returns: 0,
        };
        loop {
            if LONGEST_RECORD < raw.len() {
                scan.flaw(FlawKind::TooLong, self.line);
                return Ok(Some(scan.shape));
            }
            if self.peek()?.is_none() {
                return Ok(Some(self.end_of_text(scan, raw)));
            }
            let Self {
                reader,
                dialect,
                line,
                ends,
            } = self;
            let chunk = reader.fill_buf()?;
            let mut used = 0;
            let mut ended = false;
            for &byte in chunk {
                if scan.at == At::Return && byte != b'\n' && byte != b'\r' {
                    // A lone CR: it ends the record where lines end so.
                    if *ends.get_or_insert(Ends::Returns) == Ends::Returns {
                        *line += scan.returns as u64;
                        ended = true;
                        break;
                    }
                    let before_quote = Some(byte) == dialect.quote;
                    scan.flaw(FlawKind::LoneReturn { before_quote }, *line);
                    raw.extend(std::iter::repeat_n(b'\r', scan.returns));
                    scan.returns = 0;
                    scan.at = At::Plain;
                }
                used += 1;
                if scan.step(byte, dialect, ends, line) {
                    ended = true;
                    break;
                }
                if scan.at != At::Return {
                    raw.push(byte);
                }
            }
            reader.consume(used);
            if ended {
                return Ok(Some(scan.finished(self.line, raw)));
            }
        }
    }

    fn end_of_text(&mut self, mut scan: Scan, raw: &[u8]) -> Shape {
        if matches!(scan.at, At::Quoted | At::Escaped) {
            let opened = scan.opened;
            scan.flaw(FlawKind::Unclosed, opened);
        }
        let is_on_a_new_line = raw.ends_with(b"\n") || raw.ends_with(b"\r");
        scan.finished(self.line + u64::from(!is_on_a_new_line), raw)
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.reader.fill_buf() {
                Ok(chunk) => return Ok(chunk.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        while let Some(byte) = self.peek()? {
            self.reader.consume(1);
            let follows = if byte == b'\r' { self.peek()? } else { None };
            if byte == b'\n' || (byte == b'\r' && follows != Some(b'\n')) {
                break;
            }
        }
        self.line += 1;
        Ok(())
    }
}

impl Scan {
    /// Takes one byte; gives whether it ends the record.
    fn step(
        &mut self,
        byte: u8,
        dialect: &Dialect,
        ends: &mut Option<Ends>,
        line: &mut u64,
    ) -> bool {
        if matches!(self.at, At::Quoted | At::Escaped) {
            self.step_inside(byte, dialect, *ends, line);
            return false;
        }
        let is_line_end = matches!(byte, b'\n' | b'\r');
        if is_line_end && self.at == At::Plain && Some(self.last) == dialect.escape {
            self.flaw(FlawKind::EscapedLineEnd, *line);
        }
        if byte == b'\n' && (*ends != Some(Ends::Returns) || self.at != At::Return) {
            // Several CRs before it are the CRLF of a text that was converted twice.
            ends.get_or_insert(Ends::Feeds);
            *line += 1;
            return true;
        }
        match byte {
            b'\r' | b'\n' => {
                self.returns += usize::from(byte == b'\r');
                self.at = At::Return;
            }
            byte if byte == dialect.delimiter => {
                self.shape.values += 1;
                self.last = 0;
                self.at = At::Start;
            }
            byte if Some(byte) == dialect.quote => {
                self.shape.is_bare = false;
                self.at = match self.at {
                    At::Start => {
                        self.opened = *line;
                        self.last = 0;
                        At::Quoted
                    }
                    At::Closed => At::Quoted,
                    At::Plain | At::Quoted | At::Escaped | At::Return => At::Plain,
                };
            }
            byte => {
                if self.at == At::Closed {
                    let by_backslash = self.last == b'\\';
                    self.flaw(FlawKind::TextBehindQuote { by_backslash }, *line);
                }
                if Some(byte) == dialect.escape {
                    self.flaw(FlawKind::EscapeOutside, *line);
                }
                self.shape.is_bare &= byte == b' ';
                self.last = byte;
                self.at = At::Plain;
            }
        }
        false
    }

    fn step_inside(&mut self, byte: u8, dialect: &Dialect, ends: Option<Ends>, line: &mut u64) {
        *line += u64::from(
            byte == if ends == Some(Ends::Returns) {
                b'\r'
            } else {
                b'\n'
            },
        );
        let is_quote = Some(byte) == dialect.quote;
        if self.at == At::Escaped {
            if !is_quote && Some(byte) != dialect.escape {
                self.flaw(FlawKind::EscapeOfOther(byte), *line);
            }
            self.at = At::Quoted;
        } else if is_quote {
            self.at = At::Closed;
        } else if Some(byte) == dialect.escape {
            self.at = At::Escaped;
        } else {
            self.last = byte;
        }
    }

    fn flaw(&mut self, kind: FlawKind, line: u64) {
        let known = self.shape.flaw.map(|flaw| flaw.kind.hides_rows());
        if known.is_none() || (known == Some(false) && kind.hides_rows()) {
            let opened = self.opened.min(line);
            self.shape.flaw = Some(QuoteFlaw { kind, opened, line });
        }
    }

    /// The shape of a record behind which `line` is the next.
    fn finished(mut self, line: u64, raw: &[u8]) -> Shape {
        if raw.starts_with(BOM) && 1 < self.shape.line {
            self.flaw(FlawKind::ByteOrderMark, self.shape.line);
        }
        self.shape.last_line = line.saturating_sub(1).max(self.shape.line);
        self.shape
    }
}
