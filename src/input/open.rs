//! Opening an input: what it is, how it is read, and whether there is anything in it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::csv::CsvRows;
use super::error::InputError;
use super::fields::Fields;
use super::format::Format;
use super::json::Elements;
use super::jsonl::JsonLines;
use super::source::{Bytes, Source, peek};
use super::suggest::{did_you_mean, listed};
use super::{Record, Row};

/// How many bytes are looked at to tell the format.
const START: u64 = 64 << 10;

/// How many records are tried, where there is no header, to find one that tells its fields.
const TRIED: usize = 1000;

/// How much is read from the file at a time.
const BUFFER: usize = 64 << 10;

/// A file of prompts, or standard input: opened, its format settled, known to hold a row.
#[derive(Debug)]
pub struct Input {
    name: String,
    path: Option<PathBuf>,
    source: Source,
    format: Format,
    fields: Fields,
}

/// The records of an input. An error is the last item.
pub struct Records {
    rows: Option<Rows>,
}

enum Rows {
    Csv(CsvRows<Bytes>),
    Jsonl(JsonLines<BufReader<Bytes>>),
    Json(Elements<BufReader<Bytes>>),
}

impl Input {
    /// Opens the file at `path`; `-` is standard input, which is copied to a temporary file so
    /// that it can be read twice. `format` wins over the name of the file, and that over how the
    /// text begins.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Self, InputError> {
        if path == Path::new("-") {
            return Self::from_stream("standard input", None, io::stdin().lock(), format);
        }
        let name = path.display().to_string();
        let unreadable = |source| InputError::Unreadable {
            name: name.clone(),
            source,
        };
        let metadata = fs::metadata(path).map_err(|error| missing(path, error))?;
        if metadata.is_dir() {
            return Err(InputError::Directory {
                path: path.into(),
                hint: files_in(path),
            });
        }
        let format = format.or_else(|| Format::of_path(path));
        if !metadata.is_file() {
            // A pipe, such as a shell's <(…), can be read only once.
            let stream = File::open(path).map_err(unreadable)?;
            return Self::from_stream(&name, Some(path), stream, format);
        }
        File::open(path).map_err(unreadable)?;
        Self::settle(name, Some(path), Source::File(path.into()), format)
    }

    fn from_stream(
        name: &str,
        path: Option<&Path>,
        stream: impl io::Read,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        let source = Source::spool(stream).map_err(|source| InputError::Spool {
            name: name.into(),
            source,
        })?;
        Self::settle(name.into(), path, source, format)
    }

    fn settle(
        name: String,
        path: Option<&Path>,
        source: Source,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        let format = settle_format(&name, &source, format)?;
        let fields = Fields::Seen(Vec::new());
        let mut input = Self {
            name,
            path: path.map(Path::to_path_buf),
            source,
            format,
            fields,
        };
        input.fields = input.find_fields()?;
        Ok(input)
    }

    /// Reads the header, and enough of what follows to know that there are rows.
    fn find_fields(&self) -> Result<Fields, InputError> {
        let mut records = self.records()?;
        let columns = records.columns().map(<[String]>::to_vec);
        let Some(first) = records.next().transpose()? else {
            return Err(InputError::NoRows {
                name: self.name.clone(),
                hint: self.format.no_rows(),
            });
        };
        if let Some(columns) = columns {
            return Ok(Fields::Columns(columns));
        }
        let rest = records.take(TRIED).map_while(Result::ok);
        let first = std::iter::once(first).chain(rest).find_map(Result::ok);
        Ok(Fields::Seen(
            first.as_ref().map(Record::names).unwrap_or_default(),
        ))
    }

    /// The records from the beginning. Can be called again.
    pub fn records(&self) -> Result<Records, InputError> {
        let text = self
            .source
            .text()
            .map_err(|error| broken(&self.name, error))?;
        let rows = match self.format {
            Format::Csv => Rows::Csv(CsvRows::open(&self.name, text, b',')?),
            Format::Tsv => Rows::Csv(CsvRows::open(&self.name, text, b'\t')?),
            Format::Jsonl => Rows::Jsonl(JsonLines::new(&self.name, buffered(text))),
            Format::Json => Rows::Json(Elements::new(&self.name, buffered(text))),
        };
        Ok(Records { rows: Some(rows) })
    }

    /// How messages name it: the path as given, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is; `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The format that was settled.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What is known of the fields before the records are read.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The columns of a CSV or TSV header, in order; `None` for JSON.
    pub fn columns(&self) -> Option<&[String]> {
        match &self.fields {
            Fields::Columns(names) => Some(names),
            Fields::Seen(_) => None,
        }
    }
}

impl Records {
    fn columns(&self) -> Option<&[String]> {
        match self.rows.as_ref()? {
            Rows::Csv(rows) => Some(rows.columns()),
            Rows::Jsonl(_) | Rows::Json(_) => None,
        }
    }
}

impl Iterator for Records {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.rows.as_mut()? {
            Rows::Csv(rows) => rows.next(),
            Rows::Jsonl(rows) => rows.next(),
            Rows::Json(rows) => rows.next(),
        };
        if !matches!(item, Some(Ok(_))) {
            self.rows = None;
        }
        item
    }
}

fn settle_format(
    name: &str,
    source: &Source,
    format: Option<Format>,
) -> Result<Format, InputError> {
    let text = source.text().map_err(|error| broken(name, error))?;
    let (start, _) = peek(text, START).map_err(|error| broken(name, error))?;
    let first = start.trim_ascii_start().first();
    if first.is_none() && (start.len() as u64) < START {
        return Err(InputError::Empty { name: name.into() });
    }
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(InputError::Utf16 { name: name.into() });
    }
    match format {
        Some(Format::Jsonl) if first == Some(&b'[') => {
            Err(InputError::ArrayNotLines { name: name.into() })
        }
        // An object a line is often named .json.
        Some(Format::Json) if first == Some(&b'{') => Ok(Format::of_start(&start)),
        Some(format) => Ok(format),
        None => Ok(Format::of_start(&start)),
    }
}

fn buffered(text: Bytes) -> BufReader<Bytes> {
    BufReader::with_capacity(BUFFER, text)
}

fn broken(name: &str, source: io::Error) -> InputError {
    InputError::Broken {
        name: name.into(),
        line: 0,
        source,
    }
}

fn missing(path: &Path, error: io::Error) -> InputError {
    if error.kind() != io::ErrorKind::NotFound {
        return InputError::Unreadable {
            name: path.display().to_string(),
            source: error,
        };
    }
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let siblings = names_in(folder, |_| true);
    let hint = did_you_mean(&wanted, siblings.iter().map(String::as_str));
    InputError::NotFound {
        path: path.into(),
        hint,
    }
}

fn files_in(folder: &Path) -> String {
    match names_in(folder, |path| Format::of_path(path).is_some()) {
        files if files.is_empty() => String::new(),
        files => format!("; files in it: {}", listed(&files)),
    }
}

fn names_in(folder: &Path, wanted: fn(&Path) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| wanted(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
