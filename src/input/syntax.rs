//! How the text of an input is read: its format, and what the format leaves open.

use std::io::{self, BufReader};

use super::csv::does_not_quote;
use super::dialect::{Dialect, ReadOptions};
use super::error::InputError;
use super::format::{Format, is_lists, is_only_first_a_list, is_pretty_printed};
use super::kind::{START, reject_what_is_no_rows};
use super::source::{Bytes, Source, peek};

/// How much is read from the file at a time.
const BUFFER: usize = 64 << 10;

/// How a text is read; decided once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Syntax {
    Table(Dialect),
    Jsonl(LineEnd),
    Json { records: Option<String> },
    Txt(LineEnd),
}

/// What ends the lines of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    Feed,
    Return,
}

impl Syntax {
    /// How the text is read, by what is given, by the file's name, and by how it begins.
    pub(super) fn detect(
        name: &str,
        source: &Source,
        options: &ReadOptions,
        named: Option<Format>,
    ) -> Result<Self, InputError> {
        let text = source.text().map_err(|error| broken(name, error))?;
        let (start, _) = peek(text, START).map_err(|error| broken(name, error))?;
        if start.trim_ascii_start().is_empty() && (start.len() as u64) < START {
            return Err(InputError::Empty { name: name.into() });
        }
        reject_what_is_no_rows(name, &start)?;
        let format = detect_format(name, &start, options, named)?;
        reject_idle_options(name, options, format)?;
        Ok(match format {
            Format::Csv => Self::Table(options.dialect(b',')),
            Format::Tsv => Self::Table(tsv_dialect(source, options)),
            Format::Jsonl => Self::Jsonl(LineEnd::of(&start)),
            Format::Json => Self::Json {
                records: options.records.clone(),
            },
            Format::Txt => Self::Txt(LineEnd::of(&start)),
        })
    }

    /// The format that is read so; a table is CSV, whatever separates its columns.
    pub(super) fn format(&self) -> Format {
        match self {
            Self::Table(_) => Format::Csv,
            Self::Jsonl(_) => Format::Jsonl,
            Self::Json { .. } => Format::Json,
            Self::Txt(_) => Format::Txt,
        }
    }
}

impl LineEnd {
    /// Lines end in CR where the beginning of a text has that and no LF.
    fn of(start: &[u8]) -> Self {
        match start.contains(&b'\r') && !start.contains(&b'\n') {
            true => Self::Return,
            false => Self::Feed,
        }
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Feed => b'\n',
            Self::Return => b'\r',
        }
    }
}

/// The format that is `given`, else the one that is `named` by the file, else the one that the text
/// begins like.
fn detect_format(
    name: &str,
    start: &[u8],
    options: &ReadOptions,
    named: Option<Format>,
) -> Result<Format, InputError> {
    let given = options.format;
    let begun = start.trim_ascii_start();
    let first = begun.first();
    if given.is_none() && options.records.is_some() {
        return Ok(Format::Json);
    }
    match given.or(named) {
        Some(Format::Jsonl) if is_only_first_a_list(start) => Ok(Format::Jsonl),
        Some(Format::Jsonl) if first == Some(&b'[') => Err(match is_lists(start) {
            true => InputError::ListLines { name: name.into() },
            false => InputError::ArrayNotLines { name: name.into() },
        }),
        // An object a line is often named .json; of a first line that goes on the name says most.
        Some(Format::Json) if given.is_none() && first == Some(&b'{') && begun.contains(&b'\n') => {
            Ok(Format::of_start(start))
        }
        Some(Format::Jsonl) if given.is_none() && is_pretty_printed(start) => Ok(Format::Json),
        Some(format) => Ok(format),
        None if options.table_key().is_some() => Ok(Format::Csv),
        None if is_lists(start) && Format::of_start(start) == Format::Jsonl => {
            Err(InputError::ListLines { name: name.into() })
        }
        None => Ok(Format::of_start(start)),
    }
}

/// Rejects keys that say nothing about a text in this format.
fn reject_idle_options(
    name: &str,
    options: &ReadOptions,
    format: Format,
) -> Result<(), InputError> {
    let is_table = matches!(format, Format::Csv | Format::Tsv);
    let (key, formats) = match options.table_key() {
        Some(key) if !is_table => (key, "csv and tsv"),
        _ if options.records.is_some() && format != Format::Json => ("records", "json"),
        _ => return Ok(()),
    };
    Err(InputError::IdleOption {
        name: name.into(),
        key,
        formats,
        format: format.name(),
    })
}

fn tsv_dialect(source: &Source, options: &ReadOptions) -> Dialect {
    let dialect = options.dialect(b'\t');
    let text = || source.text().map(buffered);
    // Where the text breaks, the reading of its rows will say so.
    let plain = does_not_quote(text, dialect).unwrap_or(false);
    match plain {
        true => Dialect {
            quote: None,
            ..dialect
        },
        false => dialect,
    }
}

pub(super) fn buffered(text: Bytes) -> BufReader<Bytes> {
    BufReader::with_capacity(BUFFER, text)
}

pub(super) fn broken(name: &str, source: io::Error) -> InputError {
    InputError::broken(name.into(), 0, source)
}
