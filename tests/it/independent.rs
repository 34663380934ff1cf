//! Readers of CSV and JSON Lines beside independent ones: what is accepted is read alike, and never
//! something else in silence.
//!
//! The texts are made by chance from the characters that matter. Each is read here, by a second
//! implementation below, and where there is a `python3` by Python's `csv` (strict) and `json`. The
//! long form reads as many texts as one likes:
//!
//! ```sh
//! PROMPTMILL_TEXTS=100000 cargo test --test it -- independent
//! ```

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use promptmill::exact::ExactMap;
use promptmill::input::{Format, Input, Mark, Quote, ReadOptions};
use serde_json::{Value, json};

use crate::harness::repository;

/// How many texts of each kind are read where the environment does not say.
const TEXTS: usize = 2000;

fn texts() -> usize {
    let asked = std::env::var("PROMPTMILL_TEXTS").ok();
    asked.map_or(TEXTS, |asked| asked.parse().unwrap())
}

/// What came of a text here.
struct Ours {
    /// Whether every row was accepted.
    is_accepted: bool,
    /// The rows that were, as JSON.
    rows: Vec<Vec<(String, String)>>,
    records: Vec<String>,
    /// Whether it was said that quotes are text.
    is_unquoted: bool,
}

fn read(folder: &Path, text: &str, options: &ReadOptions) -> Ours {
    let path = folder.join("in");
    std::fs::write(&path, text).unwrap();
    let mut ours = Ours {
        is_accepted: false,
        rows: Vec::new(),
        records: Vec::new(),
        is_unquoted: false,
    };
    let Ok(input) = Input::open(&path, options) else {
        return ours;
    };
    ours.is_accepted = true;
    let mut records = input.records().unwrap();
    for row in records.by_ref() {
        match row {
            Ok(Ok(record)) => {
                ours.records
                    .push(serde_json::to_string(&ExactMap(&record.fields)).unwrap());
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let fields = record
                    .fields
                    .iter()
                    .map(|(name, value)| (name.clone(), text(value)));
                ours.rows.push(fields.collect());
            }
            Ok(Err(_)) | Err(_) => ours.is_accepted = false,
        }
    }
    ours.rows.retain(|row| is_filled(row));
    let said = records.remarks();
    ours.is_unquoted = said
        .iter()
        .any(|said| said.starts_with("quotes are read as text"));
    ours
}

/// A second implementation, of the rules that Python's strict reader has: no code of the first.
fn second(
    text: &str,
    delimiter: char,
    quotes: bool,
    escape: Option<char>,
) -> Option<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    let (mut row, mut value) = (Vec::new(), String::new());
    let (mut inside, mut was_quoted, mut begun) = (false, false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if inside {
            match c {
                c if Some(c) == escape => value.push(chars.next()?),
                '"' if chars.peek() == Some(&'"') => value.extend(chars.next()),
                '"' => (inside, was_quoted) = (false, true),
                c => value.push(c),
            }
            continue;
        }
        let is_end = matches!(c, '\n' | '\r');
        match c {
            c if is_end || c == delimiter => {
                if c == '\r' && chars.peek() == Some(&'\n') {
                    chars.next();
                }
                begun |= !value.is_empty() || was_quoted || c == delimiter;
                row.push(std::mem::take(&mut value));
                was_quoted = false;
                if is_end && std::mem::take(&mut begun) {
                    rows.push(std::mem::take(&mut row));
                } else if is_end {
                    row.clear();
                }
            }
            _ if was_quoted => return None,
            '"' if quotes && value.is_empty() => (inside, begun) = (true, true),
            c if Some(c) == escape => {
                value.push(chars.next()?);
                // Python waits for the rest of a value whose line end is escaped.
                if value.ends_with(['\n', '\r']) && chars.peek().is_none() {
                    return None;
                }
            }
            c => value.push(c),
        }
    }
    if inside {
        return None;
    }
    if begun || !value.is_empty() || !row.is_empty() {
        row.push(value);
        rows.push(row);
    }
    Some(rows)
}

/// Whether a row has more than blanks in it. Rows of nothing but delimiters are skipped here, and only
/// quotes, which values do not show, tell them from rows of empty values.
fn is_filled(row: &[(String, String)]) -> bool {
    row.iter()
        .any(|(_, value)| !value.trim_matches(' ').is_empty())
}

/// The rows that a text has by another reader, as they are to be found here.
fn expected(rows: &[Vec<String>]) -> Vec<Vec<(String, String)>> {
    let is_blank = |row: &&Vec<String>| row.len() == 1 && row[0].trim().is_empty();
    let mut rows = rows.iter();
    let header = rows
        .by_ref()
        .find(|row| !is_blank(row))
        .cloned()
        .unwrap_or_default();
    let rows = rows.filter(|row| !is_blank(row) || header.len() == 1);
    let named = |row: &Vec<String>| {
        let pairs = header.iter().zip(row);
        let named = pairs.filter(|(name, _)| !name.trim().is_empty());
        named
            .map(|(name, value)| (name.trim().to_owned(), value.clone()))
            .collect::<Vec<_>>()
    };
    rows.map(named).filter(|row| is_filled(row)).collect()
}

/// Texts of a table, by chance.
fn table(rng: &mut fastrand::Rng, delimiter: char) -> String {
    let ends = ["\n", "\n", "\r\n", "\r"];
    let end = ends[rng.usize(..ends.len())];
    let columns = rng.usize(1..4);
    let header: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    let mut text = header.join(&delimiter.to_string()) + end;
    let parts = [
        "a", "b c", "7", "\"", "\"\"", "\\", "\\\"", " ", "\n", "\r\n", "é", ",", "\t", ";", "\r",
    ];
    for _ in 0..rng.usize(1..5) {
        let values = (0..columns).map(|_| {
            let inside: String = (0..rng.usize(..4))
                .map(|_| {
                    let some = if rng.bool() { 3 } else { parts.len() };
                    parts[rng.usize(..some)]
                })
                .collect();
            match rng.u8(..4) {
                0 | 1 => inside.replace(['"', '\n', '\r', delimiter], ""),
                2 => format!("\"{}\"", inside.replace('"', "\"\"")),
                _ => inside,
            }
        });
        text += &values.collect::<Vec<_>>().join(&delimiter.to_string());
        text += if rng.u8(..20) == 0 { "\n" } else { end };
    }
    text
}

/// What Python says of each case, or `None` where there is no Python.
fn python(cases: &[Value]) -> Option<Vec<Value>> {
    let script = repository().join("tests/it/independent.py");
    let mut python = Command::new("python3");
    let piped = python
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = piped.spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let text: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(out.status.success(), "the script runs");
    let said = str::from_utf8(&out.stdout).unwrap().lines();
    Some(
        said.map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

#[test]
fn tables_are_read_as_an_independent_strict_reader_does_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(20_261_130);
    let mut cases = Vec::new();
    let mut found = Vec::new();
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..texts() {
        let (format, delimiter) = if rng.bool() {
            (Format::Csv, ',')
        } else {
            (Format::Tsv, '\t')
        };
        let escape = (rng.u8(..4) == 0).then_some('\\');
        let text = table(&mut rng, delimiter);
        // Quotes that are given are trusted, so that values over lines are not suspicious.
        let trusted = rng.bool().then(|| Quote::read("\"").unwrap());
        let options = ReadOptions {
            format: Some(format),
            quote: trusted,
            escape: escape.map(|_| Mark::read("backslash").unwrap()),
            ..ReadOptions::default()
        };
        let ours = read(folder.path(), &text, &options);
        let quotes = !ours.is_unquoted;
        let theirs = second(&text, delimiter, quotes, escape);
        if ours.is_accepted {
            let rows = theirs.as_deref().map(expected);
            assert_eq!(Some(&ours.rows), rows.as_ref(), "{options:?} {text:?}");
        } else if let Some(rows) = &theirs {
            let rows = expected(rows);
            let mut rest = rows.iter();
            let is_there = ours.rows.iter().all(|row| rest.any(|other| other == row));
            assert!(
                is_there,
                "{:?} are not among {rows:?}: {options:?} {text:?}",
                ours.rows
            );
        }
        accepted += usize::from(ours.is_accepted);
        rejected += usize::from(!ours.is_accepted);
        let escape = escape.map(String::from);
        cases.push(json!({"csv": text, "delimiter": delimiter, "quote": quotes, "escape": escape}));
        found.push(theirs);
    }
    assert!(
        texts() / 10 < accepted && texts() / 10 < rejected,
        "{accepted} {rejected}"
    );
    for (said, (case, theirs)) in python(&cases)
        .into_iter()
        .flatten()
        .zip(cases.iter().zip(found))
    {
        assert_eq!(
            said,
            json!(theirs),
            "the second implementation and Python: {case}"
        );
    }
}

/// A JSON value, by chance, or something that is none.
fn value(rng: &mut fastrand::Rng, depth: u8) -> String {
    let plain = [
        "1",
        "-0",
        "1.50",
        "1e3",
        "12345678901234567890123",
        "0.1000000000000000055511151231257827",
        "\"a\"",
        "\"\\u00e9\\n\"",
        "\"\\ud83d\\ude00\"",
        "\"12345678901234567890123\"",
        "true",
        "null",
        "\"\\\"x\\\\\"",
        "9007199254740993",
        "-1E-7",
        "1e400",
    ];
    let broken = [
        "NaN",
        "01",
        "'a'",
        "\"\\ud83d\"",
        "",
        "{",
        "\"\t\"",
        "1.",
        "[1,]",
        "Infinity",
    ];
    match rng.u8(..12) {
        0 => broken[rng.usize(..broken.len())].to_owned(),
        1 | 2 if 0 < depth => format!("[{}, {}]", value(rng, depth - 1), value(rng, depth - 1)),
        3 if 0 < depth => format!("{{\"k\":{}}}", value(rng, depth - 1)),
        _ => plain[rng.usize(..plain.len())].to_owned(),
    }
}

#[test]
fn json_lines_are_read_as_python_does_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(20_261_130);
    let options = ReadOptions {
        format: Some(Format::Jsonl),
        ..ReadOptions::default()
    };
    let mut cases = Vec::new();
    let mut accepted = 0;
    for _ in 0..texts() {
        let ends = ["\n", "\r\n", "\r", "\n\n", " \n\u{feff}"];
        let end = ends[rng.usize(..ends.len())];
        let lines = (0..rng.usize(1..4)).map(|_| format!("{{\"a\": {}}}{end}", value(&mut rng, 2)));
        let text: String = lines.collect();
        let ours = read(folder.path(), &text, &options);
        if ours.is_accepted {
            accepted += 1;
            cases.push(json!({"jsonl": text, "ours": ours.records}));
        }
    }
    assert!(texts() / 10 < accepted && accepted < texts(), "{accepted}");
    for (said, case) in python(&cases).into_iter().flatten().zip(&cases) {
        assert_eq!(said, json!(true), "{case}");
    }
}
