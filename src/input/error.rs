//! Why an input cannot be read at all, or no further.

use std::io;
use std::path::PathBuf;

use super::BadRow;
use super::source::{Changed, EndsEarly};

/// An input that cannot be used, or that broke while it was read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// There is no such file.
    #[error("{}: no such file{hint}", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
        /// A file beside it with a similar name, as ` (did you mean …?)`.
        hint: String,
    },
    /// The path is a directory.
    #[error("{}: a directory, not a file{hint}", path.display())]
    Directory {
        /// What was asked for.
        path: PathBuf,
        /// Files in it that could be meant.
        hint: String,
    },
    /// The file is there and cannot be opened.
    #[error("{name}: cannot be opened: {source}")]
    Unreadable {
        /// The input.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading stopped before the end: a truncated archive, a disk that fails.
    #[error("{name}: broken {}: {source}; the file may be damaged or cut short", place(*line))]
    Broken {
        /// The input.
        name: String,
        /// The last line that was read.
        line: u64,
        /// What the decompressor or the system said.
        source: io::Error,
    },
    /// The file is no longer the one that the run has looked over.
    #[error("{name}: it has changed since this run looked over it, so that its rows may be others")]
    Changed {
        /// The input.
        name: String,
    },
    /// Standard input could not be kept for the second reading.
    #[error(
        "{name}: cannot be copied to a temporary file: {source}; set TMPDIR to a disk with room"
    )]
    Spool {
        /// The input.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing in it.
    #[error("{name}: empty; give it at least one row")]
    Empty {
        /// The input.
        name: String,
    },
    /// A header, or an empty array, and nothing else.
    #[error("{name}: no rows{hint}")]
    NoRows {
        /// The input.
        name: String,
        /// What it holds instead, and what to do.
        hint: &'static str,
    },
    /// Rows, and none that can be read.
    #[error("{name}: no row of {rows} can be read: {first}")]
    NoneReadable {
        /// The input.
        name: String,
        /// How many there are.
        rows: usize,
        /// What is wrong with the first.
        first: BadRow,
    },
    /// A file such as `/proc/self/environ`.
    #[error(
        "{path}: the kernel makes this file up when it is read, and it holds no prompts; to send it after \
         all, copy it to a regular file first",
        path = .path.display()
    )]
    MadeUp {
        /// The file.
        path: PathBuf,
    },
    /// The header of a CSV or TSV file cannot name its columns.
    #[error("{name}: header: {problem}")]
    Header {
        /// The input.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Not a format that is read.
    #[error("unknown format `{given}`{hint}; formats: csv, tsv, jsonl, json, txt")]
    UnknownFormat {
        /// What was asked for.
        given: String,
        /// The nearest format, as ` (did you mean …?)`.
        hint: String,
    },
    /// A text in units of two or four bytes, as spreadsheets write "Unicode text".
    #[error(
        "{name}: {encoding} text, and not UTF-8; run `iconv -f {encoding} -t UTF-8 {name} > NEW`, and \
         give the new file"
    )]
    Encoding {
        /// The input.
        name: String,
        /// What iconv calls it.
        encoding: &'static str,
    },
    /// A workbook, an archive, a pointer, a web page: anything but rows.
    #[error("{name}: {what}; {instead}")]
    NotRows {
        /// The input.
        name: String,
        /// What it seems to be.
        what: String,
        /// What to do about it.
        instead: String,
    },
    /// Lines that may be prompts, or a table with a header.
    #[error(
        "{name}: the first line, `{line}`, does not look like names of columns; give --format txt if \
         each line is a prompt, or --format csv if the first names columns (`format` in [input])"
    )]
    PlainText {
        /// The input.
        name: String,
        /// The first line, cut if it is long.
        line: String,
    },
    /// Lists where objects are expected, one a line.
    #[error(
        "{name}: each line is a list, not an object, so its values have no names; give them names, as \
         `jq -c '{{prompt: .[0]}}' {name} > NEW.jsonl` does for the first"
    )]
    ListLines {
        /// The input.
        name: String,
    },
    /// A key of `[input]` that this format has no use for.
    #[error("{name}: `{key}` is for {formats}, and this is read as {format}")]
    IdleOption {
        /// The input.
        name: String,
        /// The key.
        key: &'static str,
        /// What it is for.
        formats: &'static str,
        /// What the file is read as.
        format: &'static str,
    },
    /// Nothing is at the path that the job gives for the list of rows.
    #[error(
        "{name}: line {line}: `records` is `{path}`, and there is {found}; name the list of rows by \
         its path, such as /data"
    )]
    NoRecords {
        /// The input.
        name: String,
        /// Where, from 1.
        line: u64,
        /// The path.
        path: String,
        /// What is there instead.
        found: String,
    },
    /// An archive that ends in its middle.
    #[error(
        "{name}: cut short: the archive ends in the middle of line {}; get the whole file again", line + 1
    )]
    CutShort {
        /// The input.
        name: String,
        /// The last line that was read whole.
        line: u64,
    },
    /// One JSON array in a file that should hold an object a line.
    #[error(
        "{name}: a JSON array, not one object a line; name it .json or give the format as json"
    )]
    ArrayNotLines {
        /// The input.
        name: String,
    },
    /// JSON whose elements cannot be told apart any more.
    #[error("{name}: line {line}: {problem}")]
    Malformed {
        /// The input.
        name: String,
        /// Where, from 1.
        line: u64,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A field the job names that the input does not have.
    #[error("`{key}`: no column `{column}`{hint}; columns here: {columns}")]
    NoColumn {
        /// The key that asks for it.
        key: &'static str,
        /// What was asked for.
        column: String,
        /// The nearest column, as ` (did you mean …?)`.
        hint: String,
        /// The columns there are.
        columns: String,
    },
}

impl InputError {
    /// Reading stopped behind `line`, or what was read is not what was looked over.
    pub(super) fn broken(name: String, line: u64, source: io::Error) -> Self {
        match source.get_ref() {
            Some(said) if said.is::<Changed>() => Self::Changed { name },
            Some(said) if said.is::<EndsEarly>() => Self::CutShort { name, line },
            Some(_) | None => Self::Broken { name, line, source },
        }
    }
}

fn place(last_read: u64) -> String {
    match last_read {
        0 => "at its beginning".into(),
        line => format!("after line {line}"),
    }
}
