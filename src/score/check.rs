//! One check on one record.

use std::borrow::Cow;

use serde_json::Value;

use super::checks::{Amount, Check, Range, Reference, Rule, Unit};
use super::number::{Number, Take, number};
use super::record::{Place, ScoredRecord};
use super::value::{normalized, text, texts};
use crate::json_cost;
use crate::schema::Schema;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// What must be true is.
    Passed,
    /// It is not.
    NotPassed,
    /// The record has no value to look at, or none to compare with.
    Missing,
}

/// How a check ended, and on what.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckVerdict {
    /// How it ended.
    pub outcome: CheckOutcome,
    /// The value that was looked at, in the form in which it was compared.
    pub value: Option<String>,
    /// What it was compared with.
    pub expected: Option<String>,
    /// Why it did not pass; empty if it did.
    pub reason: Cow<'static, str>,
}

impl CheckVerdict {
    fn missing(reason: &'static str) -> Self {
        Self {
            outcome: CheckOutcome::Missing,
            value: None,
            expected: None,
            reason: reason.into(),
        }
    }

    fn of(passed: bool, value: String, expected: String, reason: &'static str) -> Self {
        Self {
            outcome: match passed {
                true => CheckOutcome::Passed,
                false => CheckOutcome::NotPassed,
            },
            value: Some(value),
            expected: Some(expected),
            reason: if passed { "" } else { reason }.into(),
        }
    }
}

impl Check {
    /// Checks a record that succeeded.
    pub(super) fn verdict(&self, record: &ScoredRecord<'_>) -> CheckVerdict {
        let mut verdict = self.plain_verdict(record);
        if self.negated {
            (verdict.outcome, verdict.reason) = match verdict.outcome {
                CheckOutcome::Passed => (CheckOutcome::NotPassed, "true, and must not be".into()),
                CheckOutcome::NotPassed => (CheckOutcome::Passed, "".into()),
                CheckOutcome::Missing => (CheckOutcome::Missing, verdict.reason),
            };
        }
        verdict
    }

    fn plain_verdict(&self, record: &ScoredRecord<'_>) -> CheckVerdict {
        let expected = match &self.reference {
            None => None,
            Some(Reference::Value(value)) => Some(value.clone()),
            Some(Reference::Field(field)) => {
                let place = Place::Metadata(field.clone());
                match record.value(&place) {
                    Some(value) => Some(value),
                    None => return CheckVerdict::missing("the record has no reference"),
                }
            }
        };
        match &self.rule {
            Rule::FinishReason => {
                let Some(reason) = &record.finish_reason else {
                    return CheckVerdict::missing("the record has no finish reason");
                };
                let expected = texts(&expected.unwrap_or_default());
                let passed = expected.iter().any(|one| *one == reason.0);
                let value = reason.0.to_string();
                return CheckVerdict::of(
                    passed,
                    value,
                    expected.join(" | "),
                    "another finish reason",
                );
            }
            Rule::Cost(range) => return measured(record.cost_usd, *range, "cost is unknown"),
            Rule::Latency(range) => {
                let latency = record.latency_ms.map(|ms| ms as f64);
                return measured(latency, *range, "latency is unknown");
            }
            Rule::Length(Unit::Tokens, range) => {
                let tokens = record.usage.output_tokens.map(|tokens| tokens as f64);
                return measured(tokens, *range, "output tokens are unknown");
            }
            Rule::Equals { .. }
            | Rule::Contains(..)
            | Rule::StartsWith { .. }
            | Rule::OneOf { .. }
            | Rule::Regex(_)
            | Rule::Number { .. }
            | Rule::JsonSchema(_)
            | Rule::Within(..)
            | Rule::Length(Unit::Characters | Unit::Words, _) => {}
        }
        let Some(value) = record.value(&self.place) else {
            return CheckVerdict::missing("the record has no such value");
        };
        // What is not text in the record is validated as it is; a text is to hold the JSON.
        let is_text = matches!(self.place, Place::Completion | Place::Reasoning);
        if let (Rule::JsonSchema(schema), None, false) = (&self.rule, &self.extract, is_text) {
            return of_schema(schema, &value);
        }
        let shown = expected.as_ref().map(text);
        let value = match &self.extract {
            None => text(&value),
            Some((regex, take)) => match extracted(regex, *take, &text(&value)) {
                Some(found) => found,
                None => {
                    return CheckVerdict {
                        outcome: CheckOutcome::NotPassed,
                        value: None,
                        expected: shown,
                        reason: "`extract` matches nothing".into(),
                    };
                }
            },
        };
        self.of_text(&value, &expected.unwrap_or_default())
    }

    fn of_text(&self, value: &str, expected: &Value) -> CheckVerdict {
        match &self.rule {
            Rule::Equals { exact } => {
                of_texts(value, expected, *exact, "not equal", |value, all| {
                    value == all[0]
                })
            }
            Rule::StartsWith { exact } => {
                of_texts(value, expected, *exact, "begins otherwise", |value, all| {
                    value.starts_with(&all[0])
                })
            }
            Rule::OneOf { exact } => {
                of_texts(value, expected, *exact, "not one of them", |value, all| {
                    all.iter().any(|one| one == value)
                })
            }
            Rule::Contains(amount, exact) => {
                of_texts(value, expected, *exact, "not contained", |value, all| {
                    let mut found = all.iter().map(|one| value.contains(one));
                    match amount {
                        Amount::Any => found.any(|found| found),
                        Amount::All => found.all(|found| found),
                    }
                })
            }
            Rule::Regex(regex) => {
                let passed = regex.is_match(value);
                CheckVerdict::of(
                    passed,
                    value.to_owned(),
                    regex.to_string(),
                    "does not match",
                )
            }
            Rule::JsonSchema(schema) => of_json(schema, value),
            Rule::Number {
                take,
                absolute,
                relative,
            } => of_number(value, &text(expected), *take, *absolute, *relative),
            Rule::Within(take, range) => match number(value, *take) {
                Some(found) => measured(Some(found.value), *range, ""),
                None => CheckVerdict {
                    outcome: CheckOutcome::NotPassed,
                    value: None,
                    expected: Some(range.text()),
                    reason: "no number".into(),
                },
            },
            Rule::Length(unit, range) => {
                let length = match unit {
                    Unit::Words => value.split_whitespace().count(),
                    Unit::Characters | Unit::Tokens => value.chars().count(),
                };
                measured(Some(length as f64), *range, "")
            }
            Rule::FinishReason | Rule::Cost(_) | Rule::Latency(_) => {
                unreachable!("it was answered from the record")
            }
        }
    }
}

/// A text against those that are expected. An empty one is in every text, so it is no reference.
fn of_texts(
    value: &str,
    expected: &Value,
    exact: bool,
    reason: &'static str,
    passes: impl FnOnce(&str, &[String]) -> bool,
) -> CheckVerdict {
    let form = |text: &str| match exact {
        true => text.to_owned(),
        false => normalized(text),
    };
    let all: Vec<_> = texts(expected).iter().map(|one| form(one)).collect();
    if all.is_empty() || all.iter().any(String::is_empty) {
        return CheckVerdict::missing("the reference is empty");
    }
    let value = form(value);
    let passed = passes(&value, &all);
    CheckVerdict::of(passed, value, all.join(" | "), reason)
}

/// A text that is to hold JSON, against a schema.
fn of_json(schema: &Schema, value: &str) -> CheckVerdict {
    let parsed = json_cost::check(value.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|()| serde_json::from_str(value.trim()).map_err(|error| error.to_string()));
    match parsed {
        Ok(parsed) => of_schema(schema, &parsed),
        Err(why) => CheckVerdict {
            outcome: CheckOutcome::NotPassed,
            value: Some(value.to_owned()),
            expected: None,
            reason: format!("not JSON: {why}").into(),
        },
    }
}

/// A value against a schema. The first rule that it breaks is the reason.
fn of_schema(schema: &Schema, value: &Value) -> CheckVerdict {
    let (outcome, reason) = match schema.errors(value).first() {
        None => (CheckOutcome::Passed, "".into()),
        Some(error) => (CheckOutcome::NotPassed, error.to_string().into()),
    };
    CheckVerdict {
        outcome,
        value: Some(text(value)),
        expected: None,
        reason,
    }
}

fn of_number(
    value: &str,
    expected: &str,
    take: Take,
    absolute: f64,
    relative: f64,
) -> CheckVerdict {
    // A reference is a number as a whole, or ends in one, as `... #### 18` does.
    let Some(wanted) = number(expected, Take::Last) else {
        return CheckVerdict::missing("the reference has no number");
    };
    let Some(found) = number(value, take) else {
        return CheckVerdict {
            outcome: CheckOutcome::NotPassed,
            value: None,
            expected: Some(wanted.text()),
            reason: "no number".into(),
        };
    };
    let near = |a: Number, b: Number| {
        let room = absolute.max(relative * b.value.abs());
        a.value == b.value || (a.value - b.value).abs() <= room
    };
    let (passed, reason) = match found.percent == wanted.percent {
        true => (near(found, wanted), "another number"),
        false => (false, "one is a percentage, the other is not"),
    };
    CheckVerdict::of(passed, found.text(), wanted.text(), reason)
}

fn measured(value: Option<f64>, range: Range, unknown: &'static str) -> CheckVerdict {
    let Some(value) = value else {
        return CheckVerdict::missing(unknown);
    };
    let Range { min, max } = range;
    let expected = range.text();
    if min.is_some_and(|min| value < min) {
        return CheckVerdict::of(false, value.to_string(), expected, "below `min`");
    }
    let passed = max.is_none_or(|max| value <= max);
    CheckVerdict::of(passed, value.to_string(), expected, "above `max`")
}

impl Range {
    /// It in words.
    fn text(self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => String::new(),
        }
    }
}

/// The first group of a match, or all of it where there is no group.
fn extracted(regex: &regex::Regex, take: Take, text: &str) -> Option<String> {
    let mut all = regex.captures_iter(text);
    let found = match take {
        Take::First => all.next(),
        Take::Last => all.last(),
    }?;
    let part = found.get(1).or_else(|| found.get(0))?;
    Some(part.as_str().to_owned())
}
