//! Cells of a CSV file, as Excel, pandas, polars and DuckDB read them alike (RFC 4180): commas, quotes
//! doubled, lines that end in a line feed. Numbers and true or false stand bare, what is `null` is empty,
//! objects and lists are JSON text.
//!
//! A text that a spreadsheet would run as a formula begins with an apostrophe (OWASP, "CSV injection").

use super::record::{Cell, text};

/// Whether texts that a spreadsheet would run are written so that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formulas {
    /// An apostrophe is put before them.
    Guarded,
    /// They are written as they are.
    Kept,
}

/// What a formula begins with, in full width too: East Asian settings take that for the same.
const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Appends a line with these texts.
pub(super) fn header(out: &mut Vec<u8>, names: &[String], formulas: Formulas) {
    for (nth, name) in names.iter().enumerate() {
        if 0 < nth {
            out.push(b',');
        }
        push_text(out, name, formulas);
    }
    out.push(b'\n');
}

/// Appends a cell.
pub(super) fn push(out: &mut Vec<u8>, cell: Cell<'_>, formulas: Formulas) {
    let Some(json) = cell else { return };
    match json.as_bytes().first() {
        Some(b'"') => push_text(out, &text(json), formulas),
        Some(b'{' | b'[') => push_quoted(out, json),
        _ => out.extend(json.as_bytes()),
    }
}

fn push_text(out: &mut Vec<u8>, text: &str, formulas: Formulas) {
    let guards = formulas == Formulas::Guarded && is_formula(text);
    let mut bytes = text.bytes();
    // A semicolon or a tab parts cells in some settings; what is empty is no `null`.
    let is_quoted = text.is_empty()
        || text.starts_with(' ')
        || text.ends_with(' ')
        || bytes.any(|byte| matches!(byte, b',' | b'"' | b';' | 0..0x20));
    match (is_quoted, guards) {
        (true, true) => push_quoted(out, &format!("'{text}")),
        (true, false) => push_quoted(out, text),
        (false, guards) => {
            out.extend(guards.then_some(b'\''));
            out.extend(text.as_bytes());
        }
    }
}

/// Whether a spreadsheet may take a text for a formula. A plain number is none.
fn is_formula(text: &str) -> bool {
    text.starts_with(STARTS) && !is_number(text)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let only_digits = digits.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    only_digits && digits.parse::<f64>().is_ok()
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, guarded: &str, kept: &str) {
        for (formulas, expected) in [(Formulas::Guarded, guarded), (Formulas::Kept, kept)] {
            let mut out = Vec::new();
            let cell = (json != "null").then_some(json);
            push(&mut out, cell, formulas);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn values_are_written_by_their_kind() {
        for (json, cell) in [
            ("null", ""),
            ("1.50", "1.50"),
            ("true", "true"),
            ("12345678901234567890.5", "12345678901234567890.5"),
            (r#""""#, r#""""#),
            (r#""a b""#, "a b"),
            (r#""a,b""#, r#""a,b""#),
            (r#""a;b""#, r#""a;b""#),
            (r#"" a""#, r#"" a""#),
            (r#""say \"x\"""#, r#""say ""x""""#),
            (r#""a\nb""#, "\"a\nb\""),
            (r#"{"a":[1]}"#, r#""{""a"":[1]}""#),
            (r#"[1,2]"#, r#""[1,2]""#),
        ] {
            check(json, cell, cell);
        }
    }

    #[test]
    fn a_formula_begins_with_an_apostrophe_and_a_number_does_not() {
        check(r#""=1+1""#, "'=1+1", "=1+1");
        check(r#""@SUM(A1)""#, "'@SUM(A1)", "@SUM(A1)");
        check(r#""＝1""#, "'＝1", "＝1");
        check(r#""-2+3""#, "'-2+3", "-2+3");
        check(r#""- item""#, "'- item", "- item");
        check(r#""\t=1""#, "\"'\t=1\"", "\"\t=1\"");
        check(r#""=A1,B\"""#, r#""'=A1,B""""#, r#""=A1,B""""#);
        for number in ["-5", "+3.25", "-0.5"] {
            check(&format!("\"{number}\""), number, number);
        }
        check(r#""-inf""#, "'-inf", "-inf");
        check(r#""-""#, "'-", "-");
    }
}
