//! A file of checks: what was typed, and what it means.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::number::Take;
use super::record::Place;
use super::value::texts;
use crate::nearest::nearest;
use crate::schema::Schema;

/// Checks that compile.
#[derive(Debug)]
pub struct Checks {
    pub(super) all: Vec<Check>,
}

/// What is wrong with a file of checks, with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChecksError(String);

/// A check: what is looked at, and what must be true of it.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) extract: Option<(Regex, Take)>,
    pub(super) rule: Rule,
    pub(super) negated: bool,
    pub(super) reference: Option<Reference>,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reference {
    /// A field of `metadata`.
    Field(String),
    Value(Value),
}

/// What must be true.
#[derive(Debug)]
pub(super) enum Rule {
    Equals {
        exact: bool,
    },
    Contains(Amount, bool),
    StartsWith {
        exact: bool,
    },
    OneOf {
        exact: bool,
    },
    Regex(Regex),
    Number {
        take: Take,
        absolute: f64,
        relative: f64,
    },
    /// A number that is within a range.
    Within(Take, Range),
    Length(Unit, Range),
    JsonSchema(Box<Schema>),
    FinishReason,
    Cost(Range),
    Latency(Range),
}

/// How many of the values must be contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Any,
    All,
}

/// What length is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    Characters,
    Words,
    Tokens,
}

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

/// The words that `type` takes.
const TYPES: [&str; 13] = [
    "equals",
    "contains",
    "contains_any",
    "contains_all",
    "starts_with",
    "one_of",
    "regex",
    "number",
    "length",
    "json_schema",
    "finish_reason",
    "cost",
    "latency",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChecksFile {
    #[serde(default)]
    check: Vec<Spanned<TypedCheck>>,
}

/// A `[[check]]` as it was typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedCheck {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    on: Option<String>,
    #[serde(default)]
    extract: Option<String>,
    #[serde(default)]
    take: Option<String>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    json: Option<String>,
    #[serde(default)]
    not: bool,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    tolerance: Option<f64>,
    #[serde(default)]
    relative_tolerance: Option<f64>,
    #[serde(default)]
    unit: Option<Unit>,
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
}

impl Checks {
    /// The checks of a file. What a check names in `path` is read by `read`, which says what is wrong with
    /// a file.
    ///
    /// # Errors
    /// It is not TOML, has no check, or one of them is not complete, for which it is named.
    pub fn parse(
        text: &str,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Self, ChecksError> {
        let file: ChecksFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            let message = error.message();
            ChecksError(match line {
                Some(line) => format!("line {line}: {message}"),
                None => message.to_owned(),
            })
        })?;
        if file.check.is_empty() {
            let message = "no checks; add a table such as [[check]] with name, type and reference";
            return Err(ChecksError(message.into()));
        }
        let mut names = HashSet::new();
        let mut all = Vec::new();
        for typed in file.check {
            let line = line_of(text, typed.span().start);
            let typed = typed.into_inner();
            let name = typed.name.clone().unwrap_or_else(|| typed.kind.clone());
            let wrong = |why: String| ChecksError(format!("line {line}: check `{name}`: {why}"));
            if !names.insert(name.clone()) {
                return Err(wrong(
                    "another check has this name; give it its own `name`".into(),
                ));
            }
            all.push(typed.check(name.clone(), &read).map_err(wrong)?);
        }
        Ok(Self { all })
    }

    /// The checks' names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|check| check.name.as_str())
    }

    /// The first check that looks at what a judge said.
    pub fn of_judge(&self) -> Option<&str> {
        let mut all = self.all.iter();
        let of_judge = all.find(|check| matches!(check.place, Place::Judged(_)));
        of_judge.map(|check| check.name.as_str())
    }

    /// The kept fields that the checks refer to, each with the check that does.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all
            .iter()
            .filter_map(|check| match (&check.reference, &check.place) {
                (Some(Reference::Field(field)), _) | (None, Place::Metadata(field)) => {
                    Some((check.name.as_str(), field.as_str()))
                }
                _ => None,
            })
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

impl TypedCheck {
    fn check(
        self,
        name: String,
        read: &impl Fn(&str) -> Result<String, String>,
    ) -> Result<Check, String> {
        let place = match self.on.as_deref() {
            None => Place::Completion,
            Some(on) => Place::parse(on).ok_or_else(|| {
                format!(
                    "on = \"{on}\" is no place in a record; use completion, reasoning, \
                     /output/FIELD, /metadata/FIELD or /judged/FIELD"
                )
            })?,
        };
        let take = match self.take.as_deref() {
            None | Some("last") => Take::Last,
            Some("first") => Take::First,
            Some(other) => return Err(format!("take = \"{other}\"; it is first or last")),
        };
        let extract = self.extract.as_deref().map(compiled).transpose();
        let extract = extract.map_err(|why| format!("extract: {why}"))?;
        let rule = self.rule(take, read)?;
        let reference = self.reference_of(&rule)?;
        Ok(Check {
            name,
            place,
            extract: extract.map(|regex| (regex, take)),
            rule,
            negated: self.not,
            reference,
        })
    }

    fn rule(
        &self,
        take: Take,
        read: &impl Fn(&str) -> Result<String, String>,
    ) -> Result<Rule, String> {
        let exact = self.exact;
        let rule = match self.kind.as_str() {
            "equals" => Rule::Equals { exact },
            "contains" | "contains_all" => Rule::Contains(Amount::All, exact),
            "contains_any" => Rule::Contains(Amount::Any, exact),
            "starts_with" => Rule::StartsWith { exact },
            "one_of" => Rule::OneOf { exact },
            "regex" => {
                let pattern = self.pattern.as_deref().ok_or("it needs `pattern`")?;
                Rule::Regex(compiled(pattern).map_err(|why| format!("pattern: {why}"))?)
            }
            "number" if self.min.is_some() || self.max.is_some() => {
                Rule::Within(take, self.range()?)
            }
            "number" => Rule::Number {
                take,
                absolute: not_negative("tolerance", self.tolerance)?,
                relative: not_negative("relative_tolerance", self.relative_tolerance)?,
            },
            "length" => Rule::Length(self.unit.unwrap_or(Unit::Characters), self.range()?),
            "json_schema" => Rule::JsonSchema(Box::new(self.schema(read)?)),
            "finish_reason" => Rule::FinishReason,
            "cost" => Rule::Cost(self.range()?),
            "latency" => Rule::Latency(self.range()?),
            other => {
                let meant = nearest(other, TYPES);
                let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
                return Err(format!(
                    "type = \"{other}\" is not known{meant} (types: {})",
                    TYPES.join(", ")
                ));
            }
        };
        self.only_what_applies()?;
        Ok(rule)
    }

    /// A key that the type does not look at would be without effect, in silence.
    fn only_what_applies(&self) -> Result<(), String> {
        let kind = self.kind.as_str();
        let is = |kinds: &[&str]| kinds.contains(&kind);
        let is_within = is(&["number"]) && (self.min.is_some() || self.max.is_some());
        let measured = is(&["length", "cost", "latency"]) || is_within;
        let compares = is(&["number"]) && !is_within;
        let of_texts = is(&[
            "equals",
            "contains",
            "contains_any",
            "contains_all",
            "starts_with",
            "one_of",
        ]);
        let of_record = is(&["finish_reason", "cost", "latency"]);
        let wrong = [
            ("pattern", self.pattern.is_some() && !is(&["regex"])),
            ("path", self.path.is_some() && !is(&["json_schema"])),
            ("json", self.json.is_some() && !is(&["json_schema"])),
            ("tolerance", self.tolerance.is_some() && !compares),
            (
                "relative_tolerance",
                self.relative_tolerance.is_some() && !compares,
            ),
            ("unit", self.unit.is_some() && !is(&["length"])),
            ("min", self.min.is_some() && !measured),
            ("max", self.max.is_some() && !measured),
            ("exact", self.exact && !of_texts),
            ("on", self.on.is_some() && of_record),
            ("extract", self.extract.is_some() && of_record),
            (
                "take",
                self.take.is_some() && self.extract.is_none() && !is(&["number"]),
            ),
        ];
        match wrong.iter().find(|(_, wrong)| *wrong) {
            Some(("take", _)) => {
                Err("`take` needs `extract`, which can match several times".into())
            }
            Some((key, _)) => Err(format!(
                "`{key}` has no effect on type = \"{kind}\"; remove it"
            )),
            None => Ok(()),
        }
    }

    fn reference_of(&self, rule: &Rule) -> Result<Option<Reference>, String> {
        let needed = !matches!(
            rule,
            Rule::Regex(_)
                | Rule::Within(..)
                | Rule::Length(..)
                | Rule::JsonSchema(_)
                | Rule::Cost(_)
                | Rule::Latency(_)
        );
        let kind = &self.kind;
        match (&self.reference, &self.value) {
            (None, Some(value)) if needed && is_empty(value) => {
                Err("`value` is empty: every text would match it".into())
            }
            (Some(_), Some(_)) => Err("it has both `reference` and `value`; keep one".into()),
            (None, None) if needed => Err(format!(
                "type = \"{kind}\" needs `reference` (a kept field) or `value`"
            )),
            (None, None) => Ok(None),
            (_, _) if !needed => Err(format!(
                "type = \"{kind}\" compares with nothing; remove `reference` or `value`"
            )),
            (Some(field), None) => {
                let field = field.strip_prefix("metadata.").unwrap_or(field);
                let field = field.strip_prefix("/metadata/").unwrap_or(field);
                Ok(Some(Reference::Field(field.to_owned())))
            }
            (None, Some(value)) => Ok(Some(Reference::Value(value.clone()))),
        }
    }

    /// The JSON Schema of a check: in a file, or in the check itself.
    fn schema(&self, read: &impl Fn(&str) -> Result<String, String>) -> Result<Schema, String> {
        let (key, text) = match (&self.path, &self.json) {
            (Some(_), Some(_)) => return Err("it has both `path` and `json`; keep one".into()),
            (Some(path), None) => {
                let text = read(path).map_err(|why| format!("path: {path}: {why}"))?;
                (format!("path: {path}"), text)
            }
            (None, Some(text)) => ("json".to_owned(), text.clone()),
            (None, None) => return Err("it needs the schema in `path` or `json`".into()),
        };
        Schema::parse(&text).map_err(|problem| format!("{key}: {problem}"))
    }

    fn range(&self) -> Result<Range, String> {
        let (min, max) = (self.min, self.max);
        match (min, max) {
            (None, None) => Err("it needs `min` or `max`".into()),
            (Some(min), Some(max)) if max < min => Err(format!("min = {min} is above max = {max}")),
            _ => Ok(Range { min, max }),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    let texts = texts(value);
    texts.is_empty() || texts.iter().any(|text| text.trim().is_empty())
}

fn not_negative(key: &str, value: Option<f64>) -> Result<f64, String> {
    match value {
        Some(value) if !(0.0..f64::INFINITY).contains(&value) => {
            Err(format!("{key} = {value}; it is a number from 0"))
        }
        other => Ok(other.unwrap_or(0.0)),
    }
}

/// The most that a compiled expression may take: one that asks for more was not meant.
const MOST_COMPILED: usize = 1 << 20;

fn compiled(pattern: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(pattern).size_limit(MOST_COMPILED).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the expression is too large; repeat less, such as {0,100}".into()
        }
        // The last line says what is wrong; the lines before it draw where.
        other @ (regex::Error::Syntax(_) | _) => {
            let text = other.to_string();
            let what = text.lines().last().unwrap_or_default();
            format!("`{pattern}`: {}", what.trim_start_matches("error: "))
        }
    })
}
