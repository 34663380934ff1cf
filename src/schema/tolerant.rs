//! A reader for what models write in place of JSON: trailing commas, single quotes, bare keys, Python's
//! literals, comments. It reads what is there and adds nothing: what is cut off, or ambiguous, is not
//! read.

use serde_json::{Map, Value};

/// How deep values may be nested, as in serde_json.
const DEEPEST: usize = 128;

/// Reads one value and nothing after it but white space and comments. `None` if it is no such value.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut reader = TolerantReader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip();
    (reader.at == text.len()).then_some(value)
}

/// Reads one value at the beginning of `text`, and says where it ends.
pub(super) fn read_first(text: &str) -> Option<(Value, usize)> {
    let mut reader = TolerantReader { text, at: 0 };
    let value = reader.value(0)?;
    Some((value, reader.at))
}

struct TolerantReader<'t> {
    text: &'t str,
    at: usize,
}

impl TolerantReader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, expected: char) -> bool {
        let is_there = self.peek() == Some(expected);
        if is_there {
            self.at += expected.len_utf8();
        }
        is_there
    }

    /// White space and comments: `//`, `/* */`, `#`.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = self.rest();
            let end = if rest.starts_with("//") || rest.starts_with('#') {
                Some(rest.find('\n').unwrap_or(rest.len()))
            } else if rest.starts_with("/*") {
                rest.find("*/").map(|end| end + 2)
            } else {
                None
            };
            match end {
                Some(end) => self.at += end,
                None => return,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if DEEPEST <= depth {
            return None;
        }
        self.skip();
        match self.peek()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' | '\'' => self.string().map(Value::String),
            c if c == '-' || c.is_ascii_digit() => self.number(),
            _ => self.literal(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut object = Map::new();
        self.at += 1;
        loop {
            self.skip();
            if self.take('}') {
                return Some(Value::Object(object));
            }
            let key = self.key()?;
            self.skip();
            if !self.take(':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            // Which of two would be meant?
            if object.insert(key, value).is_some() {
                return None;
            }
            self.skip();
            if !self.take(',') {
                self.skip();
                return self.take('}').then_some(Value::Object(object));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip();
            if self.take(']') {
                return Some(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            self.skip();
            if !self.take(',') {
                self.skip();
                return self.take(']').then_some(Value::Array(items));
            }
        }
    }

    /// A key in quotes, or a bare one: letters, digits, `_`, `$` and `-`, not a digit first.
    fn key(&mut self) -> Option<String> {
        match self.peek()? {
            '"' | '\'' => self.string(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<String> {
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        let begins = word.chars().next()?;
        if begins.is_ascii_digit() || begins == '-' {
            return None;
        }
        self.at += end;
        Some(word)
    }

    /// JSON's literals and Python's.
    fn literal(&mut self) -> Option<Value> {
        match self.word()?.as_str() {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" => Some(Value::Null),
            _ => None,
        }
    }

    /// A number as JSON writes it.
    fn number(&mut self) -> Option<Value> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let number = serde_json::from_str(&rest[..end]).ok()?;
        self.at += end;
        Some(number)
    }

    /// A text in double or single quotes. A line break may stand in it as it is.
    fn string(&mut self) -> Option<String> {
        let quote = self.peek()?;
        self.at += 1;
        let mut read = String::new();
        loop {
            let c = self.peek()?;
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Some(read),
                '\\' => read.push(self.escaped()?),
                _ => read.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(match c {
            '"' | '\'' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            _ => return None,
        })
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first);
        }
        if 0xdc00 <= first || !self.take('\\') || !self.take('u') {
            return None;
        }
        let second = self.hex().filter(|it| (0xdc00..0xe000).contains(it))?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let read = is_hex.then(|| u32::from_str_radix(digits, 16).ok())?;
        self.at += 4;
        read
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_models_write_in_place_of_json_is_read() {
        for (text, value) in [
            (r#"{"a": 1,}"#, json!({"a": 1})),
            ("[1, 2, ]", json!([1, 2])),
            ("{'a': 'it is'}", json!({"a": "it is"})),
            (r"{'a': 'it\'s'}", json!({"a": "it's"})),
            (
                "{a: 1, b_2: 2, c-d: 3, $e: 4}",
                json!({"a": 1, "b_2": 2, "c-d": 3, "$e": 4}),
            ),
            (
                "{\"a\": True, \"b\": None, 'c': False}",
                json!({"a": true, "b": null, "c": false}),
            ),
            (
                "{\"a\": 1 // why\n, /* and */ \"b\": 2} # end",
                json!({"a": 1, "b": 2}),
            ),
            ("{\"a\": \"two\nlines\"}", json!({"a": "two\nlines"})),
            (r#"{"a": "\ud83d\ude00\u00e9\/"}"#, json!({"a": "😀é/"})),
            ("{\"a\": -1.5e3}", json!({"a": -1500.0})),
            (
                "{\"http\": \"http://x#y /* z */\"}",
                json!({"http": "http://x#y /* z */"}),
            ),
            ("{}", json!({})),
            ("[]", json!([])),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_ambiguous_or_no_value_is_not_read() {
        for text in [
            "",
            "{\"a\": 1",
            "[1, 2",
            "{\"a\": \"x",
            "{\"a\": }",
            "{\"a\" 1}",
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": 1} {\"b\": 2}",
            "{\"a\": 1, \"a\": 2}",
            "{,}",
            "[1,,2]",
            "{\"a\": yes}",
            "{\"a\": 01}",
            "{\"a\": 1_000}",
            "{\"a\": NaN}",
            "{1: 2}",
            r#"{"a": "\x41"}"#,
            r#"{"a": "\ud83d"}"#,
            r#"{"a": "\udc00"}"#,
            r#"{"a": "\u12"}"#,
            "{\"a\": 1 /* open }",
            "undefined",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(read(&deep), None);
    }
}
