//! Which format a file is in: by its name, by what the user says, or by how it begins.

use std::path::Path;
use std::str::FromStr;

use serde::de::IgnoredAny;

use super::error::InputError;
use super::suggest::did_you_mean;

/// A format of input files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// One JSON array of objects, or objects one after another over any number of lines.
    Json,
    /// One prompt a line, in the column `prompt`. Only where the job says so.
    Txt,
}

impl Format {
    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Txt => "txt",
        }
    }

    /// The format that the name of a file tells, `.gz`, `.zst` and `.zstd` aside.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let plain = [".gz", ".zst", ".zstd"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        match plain.unwrap_or(&name).rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// What to do about an input in this format that holds no rows.
    pub(super) fn no_rows(self) -> &'static str {
        match self {
            Self::Csv | Self::Tsv => {
                " after the header; the first line must name the columns, the next be a row"
            }
            Self::Jsonl | Self::Json => "; give it at least one object",
            Self::Txt => "; give it at least one line",
        }
    }

    /// The format that the first bytes of the text tell, its byte order mark removed.
    pub(super) fn of_start(start: &[u8]) -> Self {
        let text = start.trim_ascii_start();
        let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match text.first() {
            Some(b'{') if starts_with_a_whole_line(text) => Self::Jsonl,
            Some(b'[') if is_lists(text) && text.contains(&b'\n') => Self::Jsonl,
            Some(b'[') if is_only_first_a_list(text) => Self::Jsonl,
            Some(b'{' | b'[') => Self::Json,
            _ if header.contains(&b'\t') && !header.contains(&b',') => Self::Tsv,
            _ => Self::Csv,
        }
    }
}

/// Whether a text named .jsonl is objects over several lines: the first line is the beginning of one
/// and no whole one, and the next does not begin another.
pub(super) fn is_pretty_printed(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
        return false;
    };
    let (first, behind) = text.split_at(end);
    let begins = |bytes: &[u8], with: u8| bytes.trim_ascii_start().first() == Some(&with);
    let is_cut = |bytes: &[u8]| {
        let read = serde_json::from_slice::<IgnoredAny>(bytes);
        read.is_err_and(|error| error.is_eof())
    };
    begins(first, b'{') && is_cut(first) && !begins(behind, b'{')
}

/// Whether a text named .jsonl is lists, one a line, and no array of objects.
pub(super) fn is_lists(start: &[u8]) -> bool {
    begins_with_a_list(start) && !is_object_next(start)
}

/// Whether a text named .jsonl is objects, one a line, but for its first line.
pub(super) fn is_only_first_a_list(start: &[u8]) -> bool {
    begins_with_a_list(start) && is_object_next(start)
}

fn begins_with_a_list(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    let first = text.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let list = serde_json::from_slice::<Vec<serde_json::Value>>(first.unwrap_or_default());
    list.is_ok_and(|list| list.first().is_some_and(|first| !first.is_object()))
}

/// Whether the second line begins an object.
fn is_object_next(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let behind = end.map_or(&[][..], |end| &text[end..]);
    behind.trim_ascii_start().first() == Some(&b'{')
}

/// Whether the first line is one object, be it a broken one, or goes on past the bytes at hand: then
/// it is an object a line, otherwise objects one after another, over lines or several in one.
fn starts_with_a_whole_line(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| *byte == b'\n');
    let (first, behind) = text.split_at(end.unwrap_or(text.len()));
    let mut values = serde_json::Deserializer::from_slice(first).into_iter::<IgnoredAny>();
    let is_good = matches!(values.next(), Some(Ok(_)));
    match values.next() {
        None if is_good => true,
        Some(Ok(_)) => false,
        Some(Err(error)) if is_good && error.is_eof() => false,
        Some(Err(_)) | None => {
            let next = behind.trim_ascii_start().first();
            let last = first.trim_ascii_end().last();
            // An object stands behind one of these, or it is the next row, and this one is broken.
            let goes_on = matches!(last, Some(b'{' | b'[' | b':' | b','));
            match next {
                _ if end.is_none() => true,
                None => last == Some(&b'}'),
                Some(b'{') => !goes_on,
                Some(_) => false,
            }
        }
    }
}

impl FromStr for Format {
    type Err = InputError;

    fn from_str(given: &str) -> Result<Self, InputError> {
        match given.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "tsv" => Ok(Self::Tsv),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "json" => Ok(Self::Json),
            "txt" => Ok(Self::Txt),
            other => {
                let hint = did_you_mean(other, ["csv", "tsv", "jsonl", "json", "txt"]);
                Err(InputError::UnknownFormat {
                    given: given.into(),
                    hint,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn path(path: &str, expected: Option<Format>) {
        assert_eq!(Format::of_path(Path::new(path)), expected, "{path}");
    }

    #[track_caller]
    fn start(start: &str, expected: Format) {
        assert_eq!(Format::of_start(start.as_bytes()), expected, "{start}");
    }

    #[test]
    fn the_name_tells_the_format_whatever_its_case_and_compression() {
        path("a.csv", Some(Format::Csv));
        path("a.b.TSV", Some(Format::Tsv));
        path("a.jsonl.gz", Some(Format::Jsonl));
        path("dir.csv/a.ndjson.zst", Some(Format::Jsonl));
        path("A.JSON.ZSTD", Some(Format::Json));
        path("a.txt", None);
        path("a.gz", None);
        path("csv", None);
    }

    #[test]
    fn the_first_bytes_tell_the_format() {
        start("{\"a\":1}\n{\"a\":2}\n", Format::Jsonl);
        start("\n\n  {\"a\":1}", Format::Jsonl);
        start("{\"a\": broken}\n{\"a\":2}\n", Format::Jsonl);
        start("{\"a\":1} oops}\n{\"a\":2}\n", Format::Jsonl);
        start("{\"a\":1", Format::Jsonl);
        start("{\"a\":1\n{\"a\":2}\n", Format::Jsonl);
        start("{\"a\":{\"b\":1}\n{\"a\":{\"b\":1}}\n", Format::Jsonl);
        start("{\"a\":\n{\"b\":1}\n}\n", Format::Json);
        start("[1]\n{\"a\":2}\n", Format::Jsonl);
        start("{\"a\":1}{\"a\":2}\n", Format::Json);
        start("{\"a\":1} {\"a\":", Format::Json);
        start("{\n  \"a\": 1\n}\n", Format::Json);
        start("{ \"a\": {\n \"b\": 1 }\n}\n", Format::Json);
        start(" [\n{}]", Format::Json);
        start("a\tb\n1,2\t3\n", Format::Tsv);
        start("a,b\tc\n", Format::Csv);
        start("prompt\nhello\n", Format::Csv);
        start("", Format::Csv);
    }

    #[test]
    fn an_unknown_format_is_answered_with_the_list() {
        assert_eq!("NDJSON".parse::<Format>().unwrap(), Format::Jsonl);
        assert_eq!(
            "jsnl".parse::<Format>().unwrap_err().to_string(),
            "unknown format `jsnl` (did you mean `jsonl`?); formats: csv, tsv, jsonl, json, txt"
        );
    }
}
