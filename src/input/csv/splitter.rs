//! The values of one raw record: the csv crate takes quotes and escapes off.

use std::io::{self, Read};

use ::csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::super::dialect::Dialect;

/// How much of a record the crate takes at a time.
const BUFFER: usize = 64 << 10;

/// A reader that is given one record at a time.
pub(super) struct Splitter {
    reader: Reader<Feed>,
}

/// One record with its line end, handed out once.
#[derive(Default)]
struct Feed {
    record: Vec<u8>,
    given: usize,
}

impl Splitter {
    pub(super) fn new(dialect: &Dialect) -> Self {
        let mut builder = ReaderBuilder::new();
        builder
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.delimiter)
            .terminator(Terminator::Any(b'\n'))
            .escape(dialect.escape)
            .buffer_capacity(BUFFER);
        match dialect.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        Self {
            reader: builder.from_reader(Feed::default()),
        }
    }

    /// Splits a record that is not empty and has no line end outside of quotes.
    ///
    /// # Errors
    /// What the crate says.
    pub(super) fn split(&mut self, raw: &[u8], into: &mut ByteRecord) -> Result<(), ::csv::Error> {
        let feed = self.reader.get_mut();
        feed.record.clear();
        feed.record.extend_from_slice(raw);
        feed.record.push(b'\n');
        feed.given = 0;
        self.reader.read_byte_record(into).map(drop)
    }
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut left = &self.record[self.given..];
        let read = left.read(buffer)?;
        self.given += read;
        Ok(read)
    }
}
