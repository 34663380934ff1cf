//! JSON whose numbers keep their digits, however many they are.
//!
//! A number that a 64-bit integer or float cannot hold stands in a [`Value`] as an object with one
//! private key, [`KEY`], and its digits. What reads such values asks [`digits`] or [`number`], and
//! what writes them goes through [`Exact`]. All other numbers are what serde_json makes of them, so
//! that requests that have nothing to lose stay as they are, byte for byte.

use std::borrow::Cow;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json_cost;

/// The private key. A text that has it is rejected.
const KEY: &str = "\0number";

/// How a string begins that may be the key: in JSON, control characters are always escaped.
const MAY_BE_KEY: &[u8] = br#""\u0000"#;

/// So many digits survive in a float whatever they are (IEEE 754, binary64).
const SURE_DIGITS: usize = 15;

/// Without an exponent, a token of fewer characters is far from the limits of floats.
const MODEST: usize = 300;

/// Writes a value as JSON, its exact numbers with their digits.
#[derive(Debug, Clone, Copy)]
pub struct Exact<'v>(pub &'v Value);

/// Like [`Exact`], for the fields of an object.
#[derive(Debug, Clone, Copy)]
pub struct ExactMap<'v>(pub &'v Map<String, Value>);

/// Reads JSON text.
///
/// # Errors
/// What serde_json says, with the place in `text`.
pub fn from_slice<T: for<'t> Deserialize<'t>>(text: &[u8]) -> serde_json::Result<T> {
    json_cost::check(text).map_err(de::Error::custom)?;
    if contains(text, MAY_BE_KEY) && has_key(&serde_json::from_slice(text)?) {
        let why = "a name that begins with a zero character";
        return Err(de::Error::custom(why));
    }
    match with_digits(text) {
        Cow::Borrowed(text) => serde_json::from_slice(text),
        // Where the text is broken beside, its own places are to be told.
        Cow::Owned(marked) => serde_json::from_slice(&marked).map_err(|error| {
            let told = serde_json::from_slice::<Value>(text).err();
            told.unwrap_or(error)
        }),
    }
}

/// Reads the fields of an object, or null, inside of something that serde reads.
///
/// # Errors
/// Anything else.
pub fn fields<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Map<String, Value>>, D::Error> {
    let text = Option::<Box<RawValue>>::deserialize(deserializer)?;
    let read = text
        .map(|text| from_slice(text.get().as_bytes()))
        .transpose();
    read.map_err(de::Error::custom)
}

/// The digits of a number that only they can hold.
pub fn digits(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| is_number(map))?;
    map.get(KEY)?.as_str()
}

/// Whether these fields are no object's, but stand for a number.
pub fn is_number(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && fields.contains_key(KEY)
}

/// A number that keeps these digits.
pub fn number_of(digits: &str) -> Value {
    let digits = Value::String(digits.to_owned());
    Value::Object(Map::from_iter([(KEY.to_owned(), digits)]))
}

/// The text of a number, exact or not; `None` for anything else.
pub fn number(value: &Value) -> Option<Cow<'_, str>> {
    match value.as_number() {
        Some(number) => Some(number.to_string().into()),
        None => digits(value).map(Cow::Borrowed),
    }
}

impl std::fmt::Display for Exact<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(digits) = digits(self.0) {
            let raw = RawValue::from_string(digits.to_owned()).map_err(ser::Error::custom)?;
            return raw.serialize(serializer);
        }
        match self.0 {
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Exact(item))?;
                }
                list.end()
            }
            Value::Object(fields) => ExactMap(fields).serialize(serializer),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.0.serialize(serializer)
            }
        }
    }
}

impl Serialize for ExactMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &Exact(value))?;
        }
        map.end()
    }
}

/// `text` with every number that would lose digits in the form that keeps them.
fn with_digits(text: &[u8]) -> Cow<'_, [u8]> {
    let mut marked: Vec<u8> = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'"' {
            at = behind_string(text, at + 1);
        } else if byte == b'-' || byte.is_ascii_digit() {
            let end = at
                + text[at..]
                    .iter()
                    .take_while(|it| is_of_number(**it))
                    .count();
            if let Some(token) = number_token(&text[at..end])
                && loses_digits(token)
            {
                marked.extend_from_slice(&text[copied..at]);
                marked.extend_from_slice(br#"{"\u0000number":""#);
                marked.extend_from_slice(token.as_bytes());
                marked.extend_from_slice(br#""}"#);
                copied = end;
            }
            at = end;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    marked.extend_from_slice(&text[copied..]);
    Cow::Owned(marked)
}

fn behind_string(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == part[0]) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn has_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_key),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == KEY || has_key(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The token as text if JSON's grammar of numbers has it.
fn number_token(token: &[u8]) -> Option<&str> {
    let text = str::from_utf8(token).ok()?;
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, part) = match mantissa.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let is_whole = is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let unsigned = |text: &str| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    (is_whole && part.is_none_or(is_digits) && exponent.is_none_or(unsigned)).then_some(text)
}

/// Whether a 64-bit integer or float would write this number with other digits.
fn loses_digits(token: &str) -> bool {
    let is_integer = !token.contains(['.', 'e', 'E']);
    if is_integer {
        return token.parse::<i64>().is_err() && token.parse::<u64>().is_err();
    }
    let (_, digits, _) = decimal(token);
    if digits.len() <= SURE_DIGITS && !token.contains(['e', 'E']) && token.len() < MODEST {
        return false;
    }
    match token.parse::<f64>() {
        Ok(float) if float.is_finite() => decimal(&format!("{float:e}")) != decimal(token),
        Ok(_) | Err(_) => true,
    }
}

/// Sign, digits without zeros at either end, and the power of ten of the first digit; equal for
/// tokens of equal value. Zero has no digits and no power.
fn decimal(token: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let is_negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let whole = mantissa.split('.').next().unwrap_or_default().len() as i64;
    let all: String = mantissa.chars().filter(|it| *it != '.').collect();
    let leading = (all.len() - all.trim_start_matches('0').len()) as i64;
    let digits = all.trim_matches('0').to_owned();
    if digits.is_empty() {
        return (is_negative, digits, 0);
    }
    // An exponent that no i64 holds is of no float.
    let exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
    (
        is_negative,
        digits,
        exponent.saturating_add(whole - leading),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let value: Value = from_slice(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&Exact(&value)).unwrap(), expected);
    }

    #[test]
    fn numbers_that_would_lose_digits_keep_them() {
        for text in [
            "12345678901234567890123",
            "-12345678901234567890123",
            "18446744073709551616",
            "-9223372036854775809",
            "100000000000000000000",
            "3.141592653589793238462643",
            "0.1000000000000000055511151231257827",
            "1e400",
            "-1E-400",
            "123456789012345678.5",
        ] {
            check(text, text);
            check(
                &format!("{{\"a\":[{text},\"x\"]}}"),
                &format!("{{\"a\":[{text},\"x\"]}}"),
            );
        }
    }

    #[test]
    fn all_other_numbers_are_written_as_ever() {
        for text in [
            "0",
            "-0",
            "7",
            "-7",
            "1.0",
            "1.50",
            "1e3",
            "1E3",
            "1e-7",
            "-0.0",
            "0e9",
            "1.5e300",
            "0.1",
            "18446744073709551615",
            "-9223372036854775808",
            "9007199254740993",
            "5e-324",
            "1.7976931348623157e308",
            "123456789.123456",
            "0.30000000000000004",
            "2.2250738585072014e-308",
            "1e22",
            "12345678901234567e3",
            "100000000000000000000.0",
        ] {
            let ever = serde_json::from_str::<Value>(text).unwrap().to_string();
            check(text, &ever);
        }
    }

    #[test]
    fn texts_and_broken_numbers_are_left_alone() {
        let text = r#"{"a":"12345678901234567890123","12345678901234567890123":"\"12345678901234567890123"}"#;
        check(text, text);
        for text in [
            "01234567890123456789012",
            "1.",
            "-",
            "1e",
            "[1,,12345678901234567890123]",
        ] {
            assert!(from_slice::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        let error = from_slice::<Value>(b"[12345678901234567890123,oops]").unwrap_err();
        assert_eq!(error.column(), 26);
    }

    #[test]
    fn the_private_key_cannot_come_from_outside() {
        for text in [
            r#"{"\u0000number":"1"}"#,
            r#"[{"\u0000\u006eumber":"1"},12345678901234567890123]"#,
        ] {
            assert!(from_slice::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        check(r#"["\u0000number"]"#, r#"["\u0000number"]"#);
    }
}
