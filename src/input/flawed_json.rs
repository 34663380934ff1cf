//! What is wrong with a text that is not JSON, in the words of its writer and not of a parser.

use serde_json::Value;

use crate::exact;

/// Something that is often written where JSON has no such thing.
struct Slip {
    /// Its place, in bytes.
    at: usize,
    /// What it is and what to write instead.
    what: String,
}

/// Says what is wrong with `text`, which begins on `line`, and where: the column, and the line when
/// it is another one.
pub(super) fn explain(text: &[u8], line: u64, error: &serde_json::Error) -> String {
    if let Err(error) = str::from_utf8(text) {
        let column = error.valid_up_to() + 1;
        return format!("byte {column}: not UTF-8; save the file as UTF-8");
    }
    let whole = error.to_string();
    let found = whole
        .rsplit_once(" at line ")
        .map_or(whole.as_str(), |(what, _)| what);
    let (said_line, said_column) = (error.line(), error.column());
    let slip = slip(text).filter(|slip| slip.at < offset(text, said_line, said_column + 2));
    let (at_line, column, what) = match slip {
        Some(slip) => {
            let (line, column) = place(text, slip.at);
            (line, column, slip.what)
        }
        None => (
            said_line,
            said_column,
            translated(found, text, said_line, said_column),
        ),
    };
    match at_line {
        0 | 1 => format!("column {column}: not JSON: {what}"),
        more => format!(
            "line {}, column {column}: not JSON: {what}",
            line + more as u64 - 1
        ),
    }
}

/// Says what a row is that is JSON and no object.
pub(super) fn not_an_object(value: &Value) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let kind = if exact::digits(value).is_some() {
        "a number"
    } else {
        kind
    };
    format!(r#"{kind} where an object is expected, such as {{"prompt": "…"}}"#)
}

/// What serde_json says, with what to do where that is known.
fn translated(found: &str, text: &[u8], line: usize, column: usize) -> String {
    let behind = text
        .get(offset(text, line, column).saturating_sub(1)..)
        .unwrap_or_default();
    match found {
        "trailing characters" if text.contains(&b'\r') && line == 2 => {
            "more than one value; do its lines end with carriage returns only?".into()
        }
        "trailing characters" if matches!(behind.first(), Some(b'{' | b'[')) => {
            "more than one value on the line; put each on a line of its own".into()
        }
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "a control character in a string; write it as an escape such as \\n or \\t".into()
        }
        other => other.to_owned(),
    }
}

/// The first slip outside of strings, or half of a surrogate pair inside of one.
fn slip(text: &[u8]) -> Option<Slip> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => match string(text, at + 1) {
                Ok(end) => at = end,
                Err(half) => return Some(half),
            },
            b'\'' => {
                let what = "a single quote; JSON has double quotes only".into();
                return Some(Slip { at, what });
            }
            b'-' | b'a'..=b'z' | b'A'..=b'Z' => {
                let word = word(&text[at..]);
                if let Some(what) = slip_of(word) {
                    return Some(Slip { at, what });
                }
                at += word.len().max(1);
            }
            _ => at += 1,
        }
    }
    None
}

fn word(text: &[u8]) -> &[u8] {
    let length = text
        .iter()
        .take_while(|it| it.is_ascii_alphabetic() || **it == b'-')
        .count();
    &text[..length]
}

fn slip_of(word: &[u8]) -> Option<String> {
    let name = str::from_utf8(word).ok()?;
    let instead = match name {
        "NaN" | "nan" | "Infinity" | "-Infinity" | "inf" | "-inf" | "-NaN" => "null",
        "None" | "undefined" | "NULL" | "Null" => "null",
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        _ => return None,
    };
    Some(format!(
        "{name}, a value that JSON does not have; write {instead}"
    ))
}

/// Where the string ends whose text begins at `from`, or the half of a surrogate pair in it.
fn string(text: &[u8], from: usize) -> Result<usize, Slip> {
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' => match unit(text, at) {
                Some(0xd800..=0xdbff) if matches!(unit(text, at + 6), Some(0xdc00..=0xdfff)) => {
                    at += 12;
                }
                Some(half @ 0xd800..=0xdfff) => {
                    let what = format!(
                        "\\u{half:04x} is half of a surrogate pair, as left when a text is cut in the \
                         middle of a character; remove it, or write \\ufffd"
                    );
                    return Err(Slip { at, what });
                }
                Some(_) | None => at += 2,
            },
            _ => at += 1,
        }
    }
    Ok(at)
}

/// The UTF-16 unit that the escape at `at` stands for.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let escape = text.get(at..at + 6)?;
    let digits = str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

/// Line and column, both from 1, of a place in bytes.
fn place(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let begin = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    (line, at - begin + 1)
}

/// The place in bytes of a line and column.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    before + column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = exact::from_slice::<Value>(text.as_bytes()).unwrap_err();
        assert_eq!(explain(text.as_bytes(), 5, &error), expected, "{text}");
    }

    #[test]
    fn what_json_does_not_have_is_named_with_what_to_write() {
        let no_value = "a value that JSON does not have; write";
        for (word, instead) in [
            ("NaN", "null"),
            ("Infinity", "null"),
            ("-Infinity", "null"),
            ("None", "null"),
            ("True", "true"),
        ] {
            let text = format!("{{\"id\":1,\"NaN\":\"None\",\"score\":{word}}}");
            check(
                &text,
                &format!("column 30: not JSON: {word}, {no_value} {instead}"),
            );
        }
        check(
            "{\n'a':1}",
            "line 6, column 1: not JSON: a single quote; JSON has double quotes only",
        );
    }

    #[test]
    fn half_of_a_surrogate_pair_is_named_with_its_place() {
        let cut = "is half of a surrogate pair, as left when a text is cut in the middle of a \
                   character; remove it, or write \\ufffd";
        check(
            r#"{"a":"bad \ud83d tail"}"#,
            &format!("column 11: not JSON: \\ud83d {cut}"),
        );
        check(
            r#"{"a":"\ud83d\ude00 \ude00"}"#,
            &format!("column 20: not JSON: \\ude00 {cut}"),
        );
    }

    #[test]
    fn a_slip_behind_the_error_is_not_to_blame() {
        check(
            r#"{"a":1,,"b":NaN}"#,
            "column 8: not JSON: key must be a string",
        );
    }

    #[test]
    fn values_on_one_line_are_told_from_broken_ones() {
        let more = "more than one value on the line; put each on a line of its own";
        check(r#"{"a":1}{"a":2}"#, &format!("column 8: not JSON: {more}"));
        check(r#"{"a":1}}"#, "column 8: not JSON: trailing characters");
    }
}
