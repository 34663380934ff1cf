//! What the model is told to answer, so that a program's reading of answers can be rehearsed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use regex::Regex;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::layout::{FinishReason, ModelOutput};

/// An answer, and the prompts that get it: all conditions that are given must hold, and the first rule
/// whose conditions hold decides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRule {
    /// Regular expression that the last user message matches.
    #[serde(default, deserialize_with = "pattern")]
    pub matching: Option<Regex>,
    /// Applies to this many attempts at each prompt, the first ones.
    pub times: Option<u32>,
    /// Applies to this share of attempts, 0 to 1; the same seed selects the same attempts.
    pub share: Option<f64>,
    /// The answer.
    pub text: Option<String>,
    /// The file that holds the answer.
    pub text_file: Option<String>,
    /// Whether the answer is made from the schema of the request, as it is without a rule.
    #[serde(default)]
    pub from_schema: bool,
    /// What is wrong with the answer.
    pub broken: Option<Broken>,
    /// Why the answer ended.
    pub finish_reason: Option<Finish>,
}

/// What is wrong with an answer that would be valid JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// A code fence around it.
    Fenced,
    /// Sentences before and after it.
    Prose,
    /// A comma before each closing bracket.
    TrailingComma,
    /// Single quotes in place of double ones.
    SingleQuotes,
    /// Keys without quotes.
    BareKeys,
    /// `True`, `False` and `None`.
    Python,
    /// A comment in it.
    Comment,
    /// The last bracket is missing.
    Unclosed,
    /// Each value has another type.
    WrongTypes,
    /// The first key is missing.
    MissingKey,
    /// It is cut off in the middle, at the limit of the output.
    CutOff,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was complete.
    Stop,
    /// It reached the limit.
    Length,
    /// The model's own filter removed it.
    Filtered,
}

impl PartialEq for AnswerRule {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// The longest text of an answer, in bytes.
const MOST_TEXT: u64 = 1 << 20;

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl AnswerRule {
    /// What is wrong with it, if anything.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let said = [
            self.text.is_some(),
            self.text_file.is_some(),
            self.from_schema,
        ];
        if 1 < said.iter().filter(|is_said| **is_said).count() {
            return Err("an answer has one of text, text_file and from_schema");
        }
        if self
            .share
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Err("share is from 0 to 1, such as 0.05");
        }
        Ok(())
    }

    /// Reads the file that holds the answer.
    pub(super) fn load(&mut self) -> Result<(), String> {
        if let Some(file) = self.text_file.take() {
            let text = read_text(&file);
            self.text = Some(text.map_err(|error| format!("text_file {file}: {error}"))?);
        }
        Ok(())
    }
}

/// The text of a regular file: no more of it than the file has as its length, so that what has no end, or is
/// made up by the kernel when it is read, is none.
fn read_text(file: &str) -> io::Result<String> {
    let opened = File::open(file)?;
    let metadata = opened.metadata()?;
    let wrong = |what: &str| Err(io::Error::other(what.to_owned()));
    if !metadata.is_file() {
        return wrong("not a regular file");
    }
    if MOST_TEXT < metadata.len() {
        return wrong("longer than 1 MiB");
    }
    let mut text = String::new();
    opened.take(metadata.len()).read_to_string(&mut text)?;
    match text.is_empty() {
        true => wrong("empty"),
        false => Ok(text),
    }
}

/// The rules and their counters.
#[derive(Debug)]
pub(super) struct Answers {
    seed: u64,
    rules: Vec<AnswerRule>,
    /// Attempts so far, per prompt.
    attempts: Mutex<HashMap<u64, u32>>,
}

impl Answers {
    pub(super) fn new(rules: Vec<AnswerRule>, seed: u64) -> Self {
        Self {
            seed,
            rules,
            attempts: Mutex::default(),
        }
    }

    /// Applies the first rule for this prompt, whose digest is `digest`, to each completion of it.
    pub(super) fn apply(&self, prompt: &str, digest: u64, answers: &mut [ModelOutput]) {
        if self.rules.is_empty() {
            return;
        }
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = attempts.entry(digest).or_default();
        let attempt = *nth;
        *nth += 1;
        drop(attempts);
        let applies = |(n, rule): &(usize, &AnswerRule)| {
            let place = (*n as u64) << 32 | u64::from(attempt);
            let mixed = digest ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let drawn = fastrand::Rng::with_seed(mixed.wrapping_add(self.seed)).f64();
            rule.matching.as_ref().is_none_or(|it| it.is_match(prompt))
                && rule.times.is_none_or(|times| attempt < times)
                && rule.share.is_none_or(|share| drawn < share)
        };
        if let Some((_, rule)) = self.rules.iter().enumerate().find(applies) {
            for answer in answers {
                rule.rewrite(answer);
            }
        }
    }
}

impl AnswerRule {
    fn rewrite(&self, answer: &mut ModelOutput) {
        let said = match &mut answer.tool_call {
            Some(call) => &mut call.input,
            None => &mut answer.text,
        };
        if let Some(text) = &self.text {
            said.clone_from(text);
        }
        if let Some(broken) = self.broken {
            *said = broken.of(said);
        }
        let bytes = answer.thought.len() + said.len();
        answer.output_tokens = bytes.div_ceil(4) as u64;
        match self.finish_reason {
            Some(Finish::Length) => answer.finish = FinishReason::Length,
            Some(Finish::Stop) => answer.finish = FinishReason::Done,
            Some(Finish::Filtered) => answer.filter(),
            None if self.broken == Some(Broken::CutOff) => answer.finish = FinishReason::Length,
            None => {}
        }
    }
}

impl Broken {
    fn of(self, text: &str) -> String {
        let value = serde_json::from_str::<Value>(text);
        match (self, value) {
            (Self::Fenced, _) => format!("```json\n{text}\n```"),
            (Self::Prose, _) => {
                format!("Here is the answer that you asked for:\n\n{text}\n\nI hope that it helps.")
            }
            (Self::TrailingComma, _) => text.replace('}', ",}").replace(']', ",]"),
            (Self::SingleQuotes, _) => text.replace('\'', "\\'").replace('"', "'"),
            (Self::BareKeys, Ok(value)) => written(&value, &|key| key.to_owned(), false),
            (Self::Python, Ok(value)) => written(&value, &|key| format!("'{key}'"), true),
            (Self::Comment, _) => text.replacen('{', "{ // the answer\n", 1),
            (Self::Unclosed, _) => {
                let end = text.rfind(['}', ']']).unwrap_or(text.len());
                text[..end].to_owned()
            }
            (Self::WrongTypes, Ok(Value::Object(fields))) => {
                let other = |value: &Value| match value {
                    Value::String(_) => 7.into(),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => Value::from("seven"),
                };
                let fields = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), other(value)));
                Value::Object(fields.collect()).to_string()
            }
            (Self::MissingKey, Ok(Value::Object(fields))) => {
                let fields = fields.into_iter().skip(1);
                Value::Object(fields.collect()).to_string()
            }
            (Self::CutOff, _) => {
                let half = text.len() / 2;
                let cut = (0..=half).rev().find(|at| text.is_char_boundary(*at));
                text[..cut.unwrap_or(0)].to_owned()
            }
            (Self::BareKeys | Self::Python | Self::WrongTypes | Self::MissingKey, _) => {
                text.to_owned()
            }
        }
    }
}

/// A value as another language writes it.
fn written(value: &Value, key: &dyn Fn(&str) -> String, python: bool) -> String {
    let inside = |value: &Value| written(value, key, python);
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, it)| format!("{}: {}", key(name), inside(it)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inside).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Bool(true) if python => "True".to_owned(),
        Value::Bool(false) if python => "False".to_owned(),
        Value::Null if python => "None".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Keywords of which a schema has at least one, unless it names a type.
const KEYWORDS: [&str; 8] = [
    "$schema",
    "$ref",
    "properties",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "enum",
];

/// The types that a schema may name.
const TYPES: [&str; 7] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
];

/// The schema that a prompt ends with: its last line, if that is a JSON Schema.
pub(super) fn schema_in(prompt: &str) -> Option<Value> {
    let last = prompt.trim_end().lines().next_back()?;
    let schema: Value = serde_json::from_str(last).ok()?;
    let has_keyword = KEYWORDS.iter().any(|key| schema.get(key).is_some());
    let named = schema.get("type").and_then(Value::as_str);
    let has_type = named.is_some_and(|named| TYPES.contains(&named));
    (has_keyword || has_type).then_some(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_broken_in_each_way() {
        let text = r#"{"a":"it's","b":[true,null]}"#;
        for (broken, expected) in [
            (
                Broken::Fenced,
                "```json\n{\"a\":\"it's\",\"b\":[true,null]}\n```",
            ),
            (Broken::TrailingComma, r#"{"a":"it's","b":[true,null,],}"#),
            (Broken::SingleQuotes, r"{'a':'it\'s','b':[true,null]}"),
            (Broken::BareKeys, r#"{a: "it's", b: [true, null]}"#),
            (Broken::Python, r#"{'a': "it's", 'b': [True, None]}"#),
            (Broken::Unclosed, r#"{"a":"it's","b":[true,null]"#),
            (Broken::WrongTypes, r#"{"a":7,"b":"seven"}"#),
            (Broken::MissingKey, r#"{"b":[true,null]}"#),
            (Broken::CutOff, r#"{"a":"it's","b"#),
        ] {
            assert_eq!(broken.of(text), expected, "{broken:?}");
        }
    }

    #[test]
    fn the_text_of_an_answer_is_that_of_a_regular_file() {
        for (file, expected) in [
            ("/dev/zero", "not a regular file"),
            ("/proc/self/environ", "empty"),
            ("/none/such", "No such file"),
        ] {
            let error = read_text(file).unwrap_err().to_string();
            assert!(error.contains(expected), "{file}: {error}");
        }
        let text = read_text(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        assert!(text.starts_with("[package]"));
    }

    #[test]
    fn a_schema_at_the_end_of_a_prompt_is_found() {
        assert!(schema_in("Label it.\n\nAnswer by:\n{\"properties\": {}}").is_some());
        let map = r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#;
        assert!(schema_in(map).is_some());
        assert!(schema_in("Label it.\n{\"type\": \"text\"}").is_none());
        assert!(schema_in("Label it.\n{\"a\": 1}").is_none());
        assert!(schema_in("").is_none());
    }
}
