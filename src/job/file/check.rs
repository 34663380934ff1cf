//! A job file as it was typed, checked key by key: what is wrong is said with its line.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::{JobError, Mistakes};
use crate::job::keys::{self, Key, Kind, axis, cannot_vary};
use crate::job::plan::{parse_deadline, parse_share, parse_time};
use crate::nearest::nearest;

pub(super) fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// The file that is being checked.
pub(super) struct CheckedFile<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl CheckedFile<'_> {
    fn line(&self, byte: usize) -> usize {
        1 + newlines(&self.text.as_bytes()[..byte.min(self.text.len())])
    }

    pub(super) fn syntax(&self, error: &toml::de::Error) -> JobError {
        let is_named_toml = Path::new(self.file).extension() == Some("toml".as_ref());
        JobError::Syntax {
            file: self.file.into(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', ", "),
            hint: if is_named_toml {
                ""
            } else {
                "; a job file is TOML, and a file of prompts is given with --input"
            },
        }
    }

    /// Everything that is wrong with the file, in its own order.
    pub(super) fn check(&self, typed: &DeTable<'_>) -> Result<(), JobError> {
        let mut mistakes = Vec::new();
        for (name, value) in typed {
            let line = self.line(name.span().start);
            match (value.get_ref(), keys::find("", name.get_ref())) {
                (found, Some(key)) => mistakes.extend(self.misfit(key, found, line)),
                (DeValue::Table(table), None) if is_table(name.get_ref()) => {
                    mistakes.extend(self.check_table(name.get_ref(), table));
                }
                (found, None) if is_table(name.get_ref()) => {
                    mistakes.push((line, self.not_a_table(name.get_ref(), found, line)));
                }
                (found, None) => {
                    mistakes.push((line, self.unknown("", name.get_ref(), found, line)))
                }
            }
        }
        mistakes.sort_by_key(|(line, _)| *line);
        let mut found = Mistakes::default();
        for (_, mistake) in mistakes {
            found.keep::<()>(Err(mistake));
        }
        found.or(Some(()))
    }

    fn not_a_table(&self, table: &str, found: &DeValue<'_>, line: usize) -> JobError {
        JobError::NotATable {
            file: self.file.into(),
            line,
            table: table.into(),
            found: describe(found),
            keys: keys_of(table),
        }
    }

    fn check_table(&self, table: &str, typed: &DeTable<'_>) -> Vec<(usize, JobError)> {
        let wrong = typed.iter().filter_map(|(name, value)| {
            let line = self.line(name.span().start);
            if table == "sweep" && keys::find(table, name.get_ref()).is_none() {
                return self.misfit_axis(name.get_ref(), value.get_ref(), line);
            }
            match keys::find(table, name.get_ref()) {
                Some(key) => self.misfit(key, value.get_ref(), line),
                None => Some((
                    line,
                    self.unknown(table, name.get_ref(), value.get_ref(), line),
                )),
            }
        });
        wrong.collect()
    }

    fn misfit(&self, key: &Key, found: &DeValue<'_>, line: usize) -> Option<(usize, JobError)> {
        let found = misfit(key.kind, found)?;
        let mistake = JobError::WrongKind {
            place: format!("{}:{line}", self.file),
            key: key.name.to_owned(),
            takes: key.kind.takes(),
            found: format!("{}{}", describe(found), meant(key.kind, found)),
        };
        Some((line, mistake))
    }

    /// What is wrong with a list of `[sweep]`.
    fn misfit_axis(
        &self,
        name: &str,
        found: &DeValue<'_>,
        line: usize,
    ) -> Option<(usize, JobError)> {
        let place = || format!("{}:{line}", self.file);
        let Some(key) = axis(name) else {
            let mistake = JobError::CannotVary {
                place: place(),
                key: name.to_owned(),
                why: cannot_vary(name)?,
            };
            return Some((line, mistake));
        };
        let wrong = |takes, found: String| JobError::WrongKind {
            place: place(),
            key: format!("sweep.{name}"),
            takes,
            found,
        };
        let DeValue::Array(values) = found else {
            return Some((line, wrong("a list of values", describe(found))));
        };
        if values.is_empty() {
            return Some((
                line,
                wrong("a list of at least one value", "an empty list".into()),
            ));
        }
        let misfit = values
            .iter()
            .find_map(|value| misfit(key.kind, value.get_ref()))?;
        let found = format!("{}{}", describe(misfit), meant(key.kind, misfit));
        Some((line, wrong(key.kind.takes(), found)))
    }

    fn unknown(&self, table: &str, name: &str, found: &DeValue<'_>, line: usize) -> JobError {
        let key = if table.is_empty() {
            name.to_owned()
        } else {
            format!("{table}.{name}")
        };
        JobError::UnknownKey {
            file: self.file.into(),
            line,
            key,
            hint: hint(table, name, found),
        }
    }
}

/// What to suggest for an unknown key: that key of another table, else a near key of its own table, else
/// all keys there are.
fn hint(table: &str, name: &str, found: &DeValue<'_>) -> String {
    let is_table = matches!(found, DeValue::Table(_));
    let elsewhere: Vec<_> = keys::KEYS
        .iter()
        .filter(|key| key.name == name && is_table == (key.kind == Kind::Table))
        .map(|key| match key.table {
            "" => "at the top of the file".into(),
            table => format!("in [{table}]"),
        })
        .collect();
    if !elsewhere.is_empty() {
        return format!("; it belongs {}", elsewhere.join(" or "));
    }
    let tables = || keys::tables().filter(|other| table.is_empty() && !other.is_empty());
    let here = keys::KEYS.iter().filter(|key| key.table == table);
    let near = nearest(name, here.map(|key| key.name).chain(tables()));
    match near {
        Some(near) if tables().any(|table| table == near) => format!("; did you mean [{near}]?"),
        Some(near) => format!("; did you mean `{near}`?"),
        None => {
            let tables: String = tables().map(|table| format!(", [{table}]")).collect();
            format!("; keys here: {}{tables}", keys_of(table))
        }
    }
}

fn is_table(name: &str) -> bool {
    !name.is_empty() && keys::tables().any(|table| table == name)
}

fn keys_of(table: &str) -> String {
    let here = keys::KEYS.iter().filter(|key| key.table == table);
    here.map(|key| key.name).collect::<Vec<_>>().join(", ")
}

/// The value, or what it holds, that a key of this kind does not take.
fn misfit<'a, 'i>(kind: Kind, found: &'a DeValue<'i>) -> Option<&'a DeValue<'i>> {
    if !fits(kind, found) {
        return Some(found);
    }
    (kind == Kind::Table).then(|| not_json(found)).flatten()
}

/// The first date or impossible number in `found`: it goes into bodies, which are JSON.
fn not_json<'a, 'i>(found: &'a DeValue<'i>) -> Option<&'a DeValue<'i>> {
    match found {
        DeValue::Datetime(_) => Some(found),
        DeValue::Float(number) => {
            (!number.as_str().contains(|c: char| c.is_ascii_digit())).then_some(found)
        }
        DeValue::Array(values) => values.iter().find_map(|value| not_json(value.get_ref())),
        DeValue::Table(table) => table.values().find_map(|value| not_json(value.get_ref())),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_) => None,
    }
}

fn fits(kind: Kind, found: &DeValue<'_>) -> bool {
    let whole = || {
        let number = found.as_integer()?;
        u32::from_str_radix(number.as_str(), number.radix()).ok()
    };
    let large = || {
        let number = found.as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    };
    match kind {
        Kind::Text => matches!(found, DeValue::String(_)),
        Kind::Time => matches!(found, DeValue::String(text) if parse_time(text).is_some()),
        Kind::Deadline => {
            matches!(found, DeValue::String(text) if parse_deadline(text).is_some())
        }
        Kind::Texts => matches!(found, DeValue::Array(texts)
            if texts.iter().all(|text| matches!(text.get_ref(), DeValue::String(_)))),
        Kind::Count => whole().is_some_and(|count| 0 < count),
        Kind::Whole => whole().is_some(),
        Kind::Large => large().is_some_and(|count| 0 < count),
        Kind::Number => matches!(found, DeValue::Integer(_) | DeValue::Float(_)),
        Kind::Share => matches!(found, DeValue::String(text) if parse_share(text).is_some()),
        Kind::CountOrShare => {
            let is_share = |text| parse_share(text).is_some();
            whole().is_some() || matches!(found, DeValue::String(text) if is_share(text))
        }
        Kind::Switch => matches!(found, DeValue::Boolean(_)),
        Kind::Table => matches!(found, DeValue::Table(_)),
        Kind::Prompts => matches!(found, DeValue::Array(prompts)
            if prompts.iter().all(|prompt| is_prompt(prompt.get_ref()))),
        Kind::Windows => matches!(found, DeValue::Array(windows)
            if windows.iter().all(|window| is_window(window.get_ref()))),
    }
}

/// Whether this is a table of `[[limits.window]]`.
fn is_window(found: &DeValue<'_>) -> bool {
    let DeValue::Table(table) = found else {
        return false;
    };
    table.iter().all(|(name, value)| {
        let kind = match name.get_ref().as_ref() {
            "from" | "to" | "zone" => Kind::Text,
            "requests_per_minute" => Kind::Count,
            "tokens_per_minute" => Kind::Large,
            _ => return false,
        };
        fits(kind, value.get_ref())
    })
}

/// Whether this is a table of `[[sweep.prompt]]`.
fn is_prompt(found: &DeValue<'_>) -> bool {
    let DeValue::Table(table) = found else {
        return false;
    };
    table.iter().all(|(name, value)| {
        let is_key = matches!(
            name.get_ref().as_ref(),
            "name" | "system" | "template" | "template_file"
        );
        is_key && fits(Kind::Text, value.get_ref())
    })
}

/// What the value was probably meant to be.
fn meant(kind: Kind, found: &DeValue<'_>) -> String {
    match found {
        DeValue::String(text) => keys::meant(kind, text),
        DeValue::Integer(number) => keys::meant(kind, number.as_str()),
        DeValue::Float(number) => keys::meant(kind, number.as_str()),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            String::new()
        }
    }
}

fn describe(found: &DeValue<'_>) -> String {
    match found {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => format!("the time {time}"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}
