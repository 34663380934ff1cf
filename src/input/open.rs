//! Opening an input: what it is, how it is read, and whether there is anything in it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::advice::advice;
use super::dialect::ReadOptions;
use super::error::InputError;
use super::fields::Fields;
use super::format::Format;
use super::kernel::is_made_up;
use super::not_found::{files_in, missing};
use super::records::Records;
use super::source::Source;
use super::spool::spool;
use super::suggest::shown;
use super::syntax::{LineEnd, Syntax};
use super::{Extent, Record};

/// How many records are tried, where there is no header, to find one that tells its fields.
const TRIED: usize = 1000;

/// The names of columns are short: what has more characters is a sentence.
const LONGEST_NAME: usize = 40;

/// A file of prompts, or standard input: opened, its format detected, known to hold a row.
#[derive(Debug)]
pub struct Input {
    name: String,
    path: Option<PathBuf>,
    source: Source,
    syntax: Syntax,
    fields: Fields,
    advice: String,
}

impl Input {
    /// Opens the file at `path`; `-` is standard input, which is copied to a temporary file so
    /// that it can be read twice. A format that is given overrides the name of the file, and that
    /// overrides how the text begins.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, InputError> {
        Self::open_part(path, options, Extent::All)
    }

    /// Like [`Input::open`], but says how much of it is to be read: of a stream that never ends, the
    /// beginning can be.
    pub fn open_part(
        path: &Path,
        options: &ReadOptions,
        extent: Extent,
    ) -> Result<Self, InputError> {
        if path == Path::new("-") {
            return Self::from_stream("standard input", None, io::stdin(), options, extent);
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
            return Self::from_stream(&name, Some(path), stream, options, extent);
        }
        if is_made_up(&File::open(path).map_err(unreadable)?) {
            return Err(InputError::MadeUp { path: path.into() });
        }
        Self::detect(name, Some(path), Source::file(path, &metadata), options)
    }

    fn from_stream(
        name: &str,
        path: Option<&Path>,
        stream: impl io::Read + Send + 'static,
        options: &ReadOptions,
        extent: Extent,
    ) -> Result<Self, InputError> {
        let format = options.format.or_else(|| named(path));
        let source = spool(name, stream, format, extent)?;
        Self::detect(name.into(), path, source, options)
    }

    fn detect(
        name: String,
        path: Option<&Path>,
        source: Source,
        options: &ReadOptions,
    ) -> Result<Self, InputError> {
        let syntax = match Syntax::detect(&name, &source, options, named(path)) {
            Err(InputError::Empty { .. }) if options.allow_empty => Syntax::Jsonl(LineEnd::Feed),
            detected => detected?,
        };
        let mut input = Self {
            name,
            path: path.map(Path::to_path_buf),
            source,
            syntax,
            fields: Fields::Seen(Vec::new()),
            advice: String::new(),
        };
        input.find_fields(options.allow_empty)?;
        let is_told = options.format.is_some() || named(path).is_some();
        if !is_told && options.table_key().is_none() {
            input.reject_plain_text()?;
        }
        Ok(input)
    }

    /// Reads the header, and enough of what follows to know that there are rows, unless the input may be
    /// empty.
    fn find_fields(&mut self, allow_empty: bool) -> Result<(), InputError> {
        let mut records = self.records()?;
        let columns = records.columns().map(<[String]>::to_vec);
        let Some(first) = records.next().transpose()? else {
            if allow_empty {
                self.fields = columns.map_or(Fields::Seen(Vec::new()), Fields::Columns);
                return Ok(());
            }
            return Err(InputError::NoRows {
                name: self.name.clone(),
                hint: self.syntax.format().no_rows(),
            });
        };
        if let Some(columns) = columns {
            self.fields = Fields::Columns(columns);
            return Ok(());
        }
        let first_bad = match first {
            Ok(record) => {
                self.take_fields(&record);
                return Ok(());
            }
            Err(bad) => bad,
        };
        for tried in 1..TRIED {
            match records.next().transpose()? {
                Some(Ok(record)) => {
                    self.take_fields(&record);
                    return Ok(());
                }
                Some(Err(_)) => {}
                None => {
                    return Err(InputError::NoneReadable {
                        name: self.name.clone(),
                        rows: tried,
                        first: first_bad,
                    });
                }
            }
        }
        Ok(())
    }

    fn take_fields(&mut self, record: &Record) {
        self.advice = advice(record);
        self.fields = Fields::Seen(record.names());
    }

    /// Rejects a text that was taken for a table by its content alone and whose first line looks
    /// like a prompt.
    fn reject_plain_text(&self) -> Result<(), InputError> {
        let Fields::Columns(names) = &self.fields else {
            return Ok(());
        };
        let is_sentence = |name: &String| {
            let words = name.split_whitespace().count();
            let is_alone = names.len() == 1;
            name.ends_with(['?', '.', '!', ':'])
                || LONGEST_NAME < name.chars().count()
                || (is_alone && 1 < words)
        };
        match names.iter().any(is_sentence) {
            false => Ok(()),
            true => Err(InputError::PlainText {
                name: self.name.clone(),
                line: shown(&names.join(", ")).into_owned(),
            }),
        }
    }

    /// The records from the beginning. Can be called again.
    pub fn records(&self) -> Result<Records, InputError> {
        Records::open(&self.name, &self.source, &self.syntax)
    }

    /// Where it is; `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is known of the fields before the records are read.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// `; …` with where prompts may be inside of the fields of the first record, or nothing.
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// The columns of a CSV or TSV header, in order; `None` for JSON.
    pub fn columns(&self) -> Option<&[String]> {
        match &self.fields {
            Fields::Columns(names) => Some(names),
            Fields::Seen(_) => None,
        }
    }
}

/// The format that the name of the file tells, where it has one.
fn named(path: Option<&Path>) -> Option<Format> {
    path.and_then(Format::of_path)
}

#[cfg(test)]
mod tests {
    use super::super::kind::START;
    use super::super::testing::{check, gzip, trace, zstandard};
    use super::*;

    /// Opens a file of this name and content.
    #[track_caller]
    fn open(name: &str, content: &[u8]) -> Result<Input, InputError> {
        open_as(None, name, content)
    }

    #[track_caller]
    fn open_as(format: Option<Format>, name: &str, content: &[u8]) -> Result<Input, InputError> {
        let options = ReadOptions {
            format,
            ..ReadOptions::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        // Spooled, so that the file may go.
        let stream = File::open(&path).unwrap();
        Input::from_stream(name, Some(Path::new(name)), stream, &options, Extent::All)
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
            assert_eq!(input.syntax.format(), given, "{name}");
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
        assert!(
            last.starts_with("in.csv.gz: cut short: the archive ends in the middle of line "),
            "{last}"
        );
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
            "in.csv: no rows after the header; the first line must name the columns, the next be a row",
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
            "in.txt: UTF-16 text, and not UTF-8; run `iconv -f UTF-16 -t UTF-8 in.txt > NEW`, and give the new file",
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
            let error = Input::open(path, &ReadOptions::default())
                .unwrap_err()
                .to_string();
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
        let input =
            Input::open(&folder.path().join("prompts.csv"), &ReadOptions::default()).unwrap();
        check(input.records().unwrap(), "1:2 {\"a\":\"1\"}");
    }

    #[test]
    fn a_file_that_changes_is_noticed_at_its_opening_and_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        let one = || fs::write(&path, "a\n1\n").unwrap();
        one();
        let input = Input::open(&path, &ReadOptions::default()).unwrap();
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

    #[test]
    fn a_file_that_is_rewritten_with_the_same_size_and_time_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        fs::write(&path, "a\n1\n").unwrap();
        let times = fs::metadata(&path).unwrap();
        let set_back = |path: &Path| {
            let file = File::options().write(true).open(path).unwrap();
            let modified = times.modified().unwrap();
            file.set_times(fs::FileTimes::new().set_modified(modified))
                .unwrap();
        };
        let open = || Input::open(&path, &ReadOptions::default()).unwrap();
        let noticed = |input: &Input| {
            let error = input.records().map(drop).unwrap_err().to_string();
            assert!(error.contains("it has changed since"), "{error}");
        };
        // In place: the file is the same one, and its content is not.
        let input = open();
        fs::write(&path, "a\n2\n").unwrap();
        set_back(&path);
        noticed(&input);
        // Another file that has taken the name.
        let input = open();
        let other = folder.path().join("other.csv");
        fs::write(&other, "a\n3\n").unwrap();
        set_back(&other);
        fs::rename(&other, &path).unwrap();
        noticed(&input);
    }
}
