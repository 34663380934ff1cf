//! Opening an input: what it is, how it is read, and whether there is anything in it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::Row;
use super::csv::CsvRows;
use super::error::InputError;
use super::fields::Fields;
use super::format::Format;
use super::json::Elements;
use super::jsonl::JsonLines;
use super::not_found::{files_in, missing};
use super::source::{Bytes, Source, peek};
use super::spool::spool;

/// How many bytes are looked at to tell the format.
pub(super) const START: u64 = 64 << 10;

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
            return Self::from_stream("standard input", None, io::stdin(), format);
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
        if !metadata.is_file() {
            // A pipe, such as a shell's <(…), can be read only once.
            let stream = File::open(path).map_err(unreadable)?;
            return Self::from_stream(&name, Some(path), stream, format);
        }
        File::open(path).map_err(unreadable)?;
        Self::settle(name, Some(path), Source::file(path, &metadata), format)
    }

    fn from_stream(
        name: &str,
        path: Option<&Path>,
        stream: impl io::Read + Send + 'static,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        let source = spool(name, stream, format.or_else(|| named(path)))?;
        Self::settle(name.into(), path, source, format)
    }

    fn settle(
        name: String,
        path: Option<&Path>,
        source: Source,
        format: Option<Format>,
    ) -> Result<Self, InputError> {
        let format = settle_format(&name, &source, format, named(path))?;
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
        let first = match first {
            Ok(record) => return Ok(Fields::Seen(record.names())),
            Err(bad) => bad,
        };
        for tried in 1..TRIED {
            match records.next().transpose()? {
                Some(Ok(record)) => return Ok(Fields::Seen(record.names())),
                Some(Err(_)) => {}
                None => {
                    return Err(InputError::NoneReadable {
                        name: self.name.clone(),
                        rows: tried,
                        first,
                    });
                }
            }
        }
        Ok(Fields::Seen(Vec::new()))
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

    /// Where it is; `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
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

/// The format that the name of the file tells, where it has one.
fn named(path: Option<&Path>) -> Option<Format> {
    path.and_then(Format::of_path)
}

/// The format that is `given`, else the one that is `named` by the file, else the one that the text
/// begins like.
fn settle_format(
    name: &str,
    source: &Source,
    given: Option<Format>,
    named: Option<Format>,
) -> Result<Format, InputError> {
    let text = source.text().map_err(|error| broken(name, error))?;
    let (start, _) = peek(text, START).map_err(|error| broken(name, error))?;
    let begun = start.trim_ascii_start();
    let first = begun.first();
    if first.is_none() && (start.len() as u64) < START {
        return Err(InputError::Empty { name: name.into() });
    }
    refuse_what_is_no_text(name, &start)?;
    match given.or(named) {
        Some(Format::Jsonl) if first == Some(&b'[') => {
            Err(InputError::ArrayNotLines { name: name.into() })
        }
        // An object a line is often named .json; of a first line that goes on the name says most.
        Some(Format::Json) if given.is_none() && first == Some(&b'{') && begun.contains(&b'\n') => {
            Ok(Format::of_start(&start))
        }
        Some(format) => Ok(format),
        None => Ok(Format::of_start(&start)),
    }
}

/// Refuses an input that begins like this, if no text does.
pub(super) fn refuse_what_is_no_text(name: &str, start: &[u8]) -> Result<(), InputError> {
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(InputError::Utf16 { name: name.into() });
    }
    match not_text(start) {
        Some(what) => Err(InputError::NotText {
            name: name.into(),
            what,
        }),
        None => Ok(()),
    }
}

/// What a file seems to be that begins like no text. Only the first line is judged: a stray
/// control character further on is a matter of its row.
fn not_text(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(b"PK\x03\x04") {
        return Some("a zip archive, as .xlsx workbooks are");
    }
    if start.starts_with(b"PAR1") {
        return Some("a Parquet file");
    }
    let first_line = start.split(|byte| *byte == b'\n').next()?;
    let is_binary = first_line
        .iter()
        .any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    is_binary.then_some("it begins with control characters")
}

fn buffered(text: Bytes) -> BufReader<Bytes> {
    BufReader::with_capacity(BUFFER, text)
}

fn broken(name: &str, source: io::Error) -> InputError {
    InputError::broken(name.into(), 0, source)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, gzip, trace, zstandard};
    use super::*;

    /// Opens a file of this name and content.
    #[track_caller]
    fn open(name: &str, content: &[u8]) -> Result<Input, InputError> {
        open_as(None, name, content)
    }

    #[track_caller]
    fn open_as(format: Option<Format>, name: &str, content: &[u8]) -> Result<Input, InputError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        // Spooled, so that the file may go.
        let stream = File::open(&path).unwrap();
        Input::from_stream(name, Some(Path::new(name)), stream, format)
    }

    #[track_caller]
    fn read(name: &str, content: &[u8], expected: &str) {
        let input = open(name, content).unwrap();
        check(input.records().unwrap(), expected);
        check(input.records().unwrap(), expected); // as often as one likes
    }

    #[track_caller]
    fn refuse(name: &str, content: &[u8], expected: &str) {
        assert_eq!(open(name, content).unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_format_comes_from_the_name_and_then_from_the_content() {
        let rows = "1:2 {\"a\":\"1\",\"b\":\"2\"}";
        read("in.csv", b"\xef\xbb\xbfa,b\n1,2\n", rows);
        read("in.tsv", b"a\tb\n1\t2", rows);
        read("in.txt", b"a\tb\n1\t2", rows);
        read("in", b"a,b\r\n1,2\r\n", rows);
        read("in", b"\xef\xbb\xbf{\"a\":1}\n", "1:1 {\"a\":1}");
        read("in.jsonl", b"\xef\xbb\xbf{\"a\":1}\n", "1:1 {\"a\":1}");
        read(
            "in",
            b"[{\"a\":1},\n{\"a\":2}]",
            "1:1 {\"a\":1}\n2:2 {\"a\":2}",
        );
    }

    #[test]
    fn an_object_a_line_named_json_is_read_by_line() {
        read(
            "in.json",
            b"{\"a\":1}\n{\"a\":\n{\"a\":3}\n",
            "1:1 {\"a\":1}\nrow 2 (line 2): column 5: not JSON: EOF while parsing a value\n3:3 {\"a\":3}",
        );
        read("in.json", b"{\n \"a\":1\n}\n", "1:1 {\"a\":1}");
    }

    #[test]
    fn objects_one_after_another_may_share_a_line_and_be_long() {
        read("in", b"{\"a\":1}{\"a\":2}", "1:1 {\"a\":1}\n2:1 {\"a\":2}");
        read(
            "in.json",
            b"{\"a\":1} {\"a\":2}\n{\"a\":3}\n",
            "1:1 {\"a\":1}\n2:1 {\"a\":2}\n3:2 {\"a\":3}",
        );
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(START as usize));
        let two = format!("{long}{long}\n");
        let expected = format!("1:1 {long}\n2:1 {long}");
        read("in.json", two.as_bytes(), &expected);
    }

    #[test]
    fn a_format_that_is_given_is_taken_as_it_is() {
        for (given, name) in [
            (Format::Json, "in.jsonl"),
            (Format::Json, "in.json"),
            (Format::Json, "in"),
            (Format::Jsonl, "in.json"),
        ] {
            let input = open_as(Some(given), name, b"{\"a\":1}\n{\"a\":2}\n").unwrap();
            assert_eq!(input.format, given, "{name}");
        }
    }

    #[test]
    fn compressed_files_are_read_whatever_their_name() {
        let members = [gzip("{\"a\":1}\n"), gzip("{\"a\":2}\n")].concat();
        read("in.jsonl", &members, "1:1 {\"a\":1}\n2:2 {\"a\":2}");
        read("in.csv.gz", b"a\n1\n", "1:2 {\"a\":\"1\"}");
        read("in.csv.zst", &zstandard("a\n1\n"), "1:2 {\"a\":\"1\"}");
    }

    #[test]
    fn an_archive_that_is_cut_short_ends_in_an_error() {
        let rows: String = (0..20_000)
            .map(|n| format!("{},{}\n", n, n * 7919 % 10_007))
            .collect();
        let cut = gzip(&format!("a,b\n{rows}"));
        let input = open("in.csv.gz", &cut[..cut.len() - 100]).unwrap();
        let read = trace(input.records().unwrap());
        let last = read.lines().last().unwrap();
        assert!(last.starts_with("in.csv.gz: broken after line "), "{last}");
    }

    #[test]
    fn an_input_without_rows_is_refused() {
        refuse("in.csv", b"", "in.csv: empty; give it at least one row");
        refuse(
            "in.jsonl",
            b"\n \n",
            "in.jsonl: empty; give it at least one row",
        );
        refuse(
            "in.csv",
            b"a,b\n\n",
            "in.csv: no rows behind the header; the first line must name the columns, the next be a row",
        );
        refuse(
            "in.json",
            b"[]",
            "in.json: no rows; give it at least one object",
        );
        refuse(
            "in.jsonl",
            b"[{}]",
            "in.jsonl: a JSON array, not one object a line; name it .json or give the format as json",
        );
        refuse(
            "in.txt",
            b"\xff\xfea\0",
            "in.txt: UTF-16 text; save it as UTF-8, or run `iconv -f UTF-16 -t UTF-8`",
        );
    }

    #[test]
    fn what_is_no_text_is_refused_by_what_it_is() {
        let save = "save it as .csv, .tsv, .jsonl or .json in UTF-8";
        let workbook = format!("in.xlsx: not text: a zip archive, as .xlsx workbooks are; {save}");
        refuse("in.xlsx", b"PK\x03\x04\n", &workbook);
        let parquet = format!("in.parquet: not text: a Parquet file; {save}");
        refuse("in.parquet", b"PAR1\x15", &parquet);
        let binary = format!("in.csv: not text: it begins with control characters; {save}");
        refuse("in.csv", b"a\0b\n", &binary);
        read("in.csv", b"a\n\0\n", "1:2 {\"a\":\"\\u0000\"}");
    }

    #[test]
    fn the_fields_are_known_before_the_records_are_read() {
        let input = open("in.csv", b"b, a\n1,2\n").unwrap();
        assert_eq!(input.columns().unwrap(), ["b", "a"]);
        let input = open("in.jsonl", b"oops\n{\"b\":1,\"a\":2}\n").unwrap();
        assert_eq!(input.columns(), None);
        assert_eq!(input.fields().names(), ["b", "a"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_answered_with_the_nearest_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["prompts.csv", "notes.txt"] {
            fs::write(folder.path().join(name), "a\n1\n").unwrap();
        }
        let refused = |path: &Path| {
            let error = Input::open(path, None).unwrap_err().to_string();
            error.replace(&folder.path().display().to_string(), "FOLDER")
        };
        assert_eq!(
            refused(&folder.path().join("prompt.csv")),
            "FOLDER/prompt.csv: no such file (did you mean `prompts.csv`?)"
        );
        assert_eq!(
            refused(folder.path()),
            "FOLDER: a directory, not a file; files in it: prompts.csv"
        );
        let input = Input::open(&folder.path().join("prompts.csv"), None).unwrap();
        check(input.records().unwrap(), "1:2 {\"a\":\"1\"}");
    }

    #[test]
    fn a_file_that_changes_is_noticed_at_its_opening_and_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        let one = || fs::write(&path, "a\n1\n").unwrap();
        one();
        let input = Input::open(&path, None).unwrap();
        let mut records = input.records().unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        io::Write::write_all(&mut file, b"2\n").unwrap();
        let said =
            "in.csv: it has changed since this run looked over it, so that its rows may be others";
        let last = records.by_ref().last().unwrap().unwrap_err();
        assert!(last.to_string().ends_with(said), "{last}");
        let again = input.records().map(drop).unwrap_err();
        assert!(again.to_string().ends_with(said), "{again}");
    }
}
