//! A job as it was typed: a file, flags over it, nothing derived.

use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::expand::ExpandError;
use super::keys::{self, Key, Kind, PROMPT_SOURCES};

/// A job file with the flags laid over it. Whether it makes sense is for the plan to say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are the keys, and `keys` says what each is for"
)]
pub struct JobFile {
    pub name: Option<String>,
    pub input: InputTable,
    pub prompt: PromptTable,
    pub model: ModelTable,
    pub limits: LimitsTable,
    pub retry: RetryTable,
    pub output: OutputTable,
    pub emulator: EmulatorTable,
}

/// `[input]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct InputTable {
    pub path: Option<String>,
    pub format: Option<String>,
    pub id: Option<String>,
    pub keep: Vec<String>,
}

/// `[prompt]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct PromptTable {
    pub system: Option<String>,
    pub template: Option<String>,
    pub template_file: Option<String>,
    pub column: Option<String>,
    pub messages: Option<String>,
    pub body: Option<String>,
}

/// `[model]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct ModelTable {
    pub id: Option<String>,
    pub family: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    pub endpoint: Option<String>,
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    pub stop: Vec<String>,
    pub content_type: Option<String>,
    pub accept: Option<String>,
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// `[limits]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct LimitsTable {
    pub requests_per_minute: Option<u32>,
    pub concurrency: Option<u32>,
}

/// `[retry]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct RetryTable {
    pub max_attempts: Option<u32>,
    pub throttle_wait: Option<String>,
    pub attempt_timeout: Option<String>,
}

/// `[output]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct OutputTable {
    pub path: Option<String>,
    pub raw: Option<String>,
    pub max_failures: Option<toml::Value>,
}

/// `[emulator]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct EmulatorTable {
    pub scenario: Option<String>,
}

/// What is wrong with a job, by where it was typed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The file cannot be read.
    #[error("{file}: {source}; the first argument of `run` is a job file, see --help for flags")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{file}:{line}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A key that does not exist.
    #[error("{file}:{line}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The key with its table.
        key: String,
        /// What might have been meant.
        hint: String,
    },
    /// A value of the wrong kind.
    #[error("{place}: `{key}` takes {takes}, not {found}")]
    WrongKind {
        /// File and line, or the flag.
        place: String,
        /// The key or flag.
        key: String,
        /// What it takes.
        takes: &'static str,
        /// What was found.
        found: String,
    },
    /// Something the job cannot do without.
    #[error("the job names no {what}: give --{flag}, or `{key}` in [{table}] of the job file")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Its flag.
        flag: &'static str,
        /// Its key.
        key: &'static str,
        /// The key's table.
        table: &'static str,
    },
    /// Two keys that exclude each other.
    #[error("[prompt] holds both `{0}` and `{1}`: keep the one the prompts come from")]
    TwoSources(&'static str, &'static str),
    /// A value that makes no sense.
    #[error("`{key}`: {message}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// A path that cannot be written out.
    #[error(transparent)]
    Expand(#[from] ExpandError),
}

impl JobFile {
    /// Reads the job file, if there is one, and lays the flags over it.
    ///
    /// # Errors
    /// [`JobError`], with file and line where there is one.
    pub fn load(path: Option<&Path>, flags: toml::Table) -> Result<Self, JobError> {
        let mut job = match path {
            Some(path) => read(path)?,
            None => toml::Table::new(),
        };
        lay_over(&mut job, flags);
        toml::Value::Table(job)
            .try_into()
            .map_err(|error: toml::de::Error| JobError::WrongKind {
                place: path.map_or("flags".into(), |path| path.display().to_string()),
                key: "job".into(),
                takes: "the keys of the reference",
                found: error.message().to_owned(),
            })
    }
}

/// Flags win, and a prompt source named by a flag replaces the one in the file.
fn lay_over(job: &mut toml::Table, flags: toml::Table) {
    for (name, flag) in flags {
        match (job.get_mut(&name), flag) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => {
                if PROMPT_SOURCES
                    .iter()
                    .any(|source| above.contains_key(*source))
                {
                    below.retain(|key, _| !PROMPT_SOURCES.contains(&key));
                }
                below.extend(above);
            }
            (_, flag) => {
                job.insert(name, flag);
            }
        }
    }
}

fn read(path: &Path) -> Result<toml::Table, JobError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| JobError::Read {
        file: file.clone(),
        source,
    })?;
    let place = Place {
        file: &file,
        text: &text,
    };
    let typed = DeTable::parse(&text).map_err(|error| JobError::Syntax {
        file: file.clone(),
        line: place.line(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    place.check(typed.get_ref())?;
    toml::from_str(&text).map_err(|error| JobError::Syntax {
        file: file.clone(),
        line: place.line(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })
}

/// The file that is being checked.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, byte: usize) -> usize {
        1 + self.text.as_bytes()[..byte.min(self.text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
    }

    fn check(&self, typed: &DeTable<'_>) -> Result<(), JobError> {
        for (name, value) in typed {
            let line = self.line(name.span().start);
            match (value.get_ref(), keys::find("", name.get_ref())) {
                (found, Some(key)) => self.check_kind(key, found, line)?,
                (DeValue::Table(table), None) if keys::tables().any(|t| t == name.get_ref()) => {
                    self.check_table(name.get_ref(), table)?;
                }
                (_, None) => return Err(self.unknown("", name.get_ref(), line)),
            }
        }
        Ok(())
    }

    fn check_table(&self, table: &str, typed: &DeTable<'_>) -> Result<(), JobError> {
        for (name, value) in typed {
            let line = self.line(name.span().start);
            match keys::find(table, name.get_ref()) {
                Some(key) => self.check_kind(key, value.get_ref(), line)?,
                None => return Err(self.unknown(table, name.get_ref(), line)),
            }
        }
        Ok(())
    }

    fn check_kind(&self, key: &Key, found: &DeValue<'_>, line: usize) -> Result<(), JobError> {
        if fits(key.kind, found) {
            return Ok(());
        }
        Err(JobError::WrongKind {
            place: format!("{}:{line}", self.file),
            key: key.name.to_owned(),
            takes: key.kind.takes(),
            found: describe(found),
        })
    }

    fn unknown(&self, table: &str, name: &str, line: usize) -> JobError {
        let key = if table.is_empty() {
            name.to_owned()
        } else {
            format!("{table}.{name}")
        };
        JobError::UnknownKey {
            file: self.file.into(),
            line,
            key,
            hint: hint(table, name),
        }
    }
}

/// A near key of the same table, else the same key of another table, else all keys there are.
fn hint(table: &str, name: &str) -> String {
    let here = || {
        keys::KEYS
            .iter()
            .filter(|key| key.table == table)
            .map(|key| key.name)
    };
    if let Some(elsewhere) = keys::KEYS.iter().find(|key| key.name == name) {
        return match elsewhere.table {
            "" => "; it belongs at the top of the file".into(),
            table => format!("; it belongs in [{table}]"),
        };
    }
    let candidates = here().chain(keys::tables().filter(|_| table.is_empty()));
    if let Some(near) = keys::nearest(name, candidates) {
        return format!("; did you mean `{near}`?");
    }
    let all: Vec<_> = here().collect();
    format!("; keys here: {}", all.join(", "))
}

fn fits(kind: Kind, found: &DeValue<'_>) -> bool {
    let whole = || {
        let number = found.as_integer()?;
        u32::from_str_radix(number.as_str(), number.radix()).ok()
    };
    match kind {
        Kind::Text | Kind::Time => matches!(found, DeValue::String(_)),
        Kind::Texts => matches!(found, DeValue::Array(texts)
            if texts.iter().all(|text| matches!(text.get_ref(), DeValue::String(_)))),
        Kind::Count => whole().is_some_and(|count| 0 < count),
        Kind::Number => matches!(found, DeValue::Integer(_) | DeValue::Float(_)),
        Kind::CountOrShare => whole().is_some() || matches!(found, DeValue::String(_)),
        Kind::Table => matches!(found, DeValue::Table(_)),
    }
}

fn describe(found: &DeValue<'_>) -> String {
    match found {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}
