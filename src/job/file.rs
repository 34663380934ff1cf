//! A job as it was typed: a file, flags over it, nothing derived.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::expand::ExpandError;
use super::keys::{self, Key, Kind, PROMPT_SOURCES};
use super::plan::{parse_share, parse_time};
use crate::input::{Format, file_like};

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
    pub cache: bool,
    pub template: Option<String>,
    pub template_file: Option<String>,
    pub column: Option<String>,
    pub messages: Option<String>,
    pub texts: Option<String>,
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
    pub stream: bool,
    pub service_tier: Option<String>,
    pub latency: Option<String>,
    pub guardrail: Option<String>,
    pub guardrail_version: Option<String>,
    pub trace: Option<String>,
    pub request_metadata: serde_json::Map<String, serde_json::Value>,
    pub content_type: Option<String>,
    pub accept: Option<String>,
    pub prices: Option<String>,
    pub extra: serde_json::Map<String, serde_json::Value>,
    pub force: bool,
    /// What Bedrock says stands behind an `id` that does not tell: an id that calls the same model
    /// in the same way. Nobody types it.
    #[serde(skip)]
    pub behind: Option<String>,
}

/// `[limits]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct LimitsTable {
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u64>,
    pub tokens_per_day: Option<u64>,
    pub quota: Option<String>,
    pub utilization: Option<f64>,
    pub burndown: Option<f64>,
    pub concurrency: Option<u32>,
    pub max_cost_usd: Option<f64>,
    pub deadline: Option<String>,
    pub max_error_rate: Option<String>,
}

/// `[retry]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct RetryTable {
    pub max_attempts: Option<u32>,
    pub throttle_wait: Option<String>,
    pub attempt_timeout: Option<String>,
    pub idle_timeout: Option<String>,
}

/// `[output]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct OutputTable {
    pub path: Option<String>,
    pub raw: Option<String>,
    pub reasoning: bool,
    pub durability: Option<String>,
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
    #[error("{file}: {problem}; the first argument of `run` is the job file")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        problem: String,
    },
    /// It is a file of prompts.
    #[error("{file} holds prompts and is no job file: give it with --input {file}")]
    Prompts {
        /// The file.
        file: String,
    },
    /// It is not TOML.
    #[error("{file}:{line}: {message}{hint}")]
    Syntax {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What the parser said.
        message: String,
        /// Whether it may not be a job file at all.
        hint: &'static str,
    },
    /// A table that was written as something else.
    #[error(
        "{file}:{line}: `{table}` is a table, not {found}: write [{table}] on a line of its own, and below it {keys}"
    )]
    NotATable {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The table.
        table: String,
        /// What was found.
        found: String,
        /// The keys that go into it.
        keys: String,
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
    #[error("`{0}` and `{1}` both say where the prompts come from: keep one of them")]
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
    if Format::of_path(path).is_some() || path == Path::new("-") {
        return Err(JobError::Prompts { file });
    }
    let bytes = std::fs::read(path).map_err(|error| JobError::Read {
        file: file.clone(),
        problem: unreadable(path, &error),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + newlines(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let problem = format!("line {line} is not UTF-8, as TOML must be");
        let file = file.clone();
        JobError::Read { file, problem }
    })?;
    let place = Place {
        file: &file,
        text: &text,
    };
    let typed = DeTable::parse(&text).map_err(|error| place.syntax(&error))?;
    place.check(typed.get_ref())?;
    toml::from_str(&text).map_err(|error| place.syntax(&error))
}

/// Why a file that the job names cannot be read, with the nearest name beside it.
pub fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        return format!("no such file{}", file_like(path));
    }
    if kind == ErrorKind::IsADirectory {
        return "a directory, not a file".into();
    }
    if kind == ErrorKind::InvalidData {
        return "not UTF-8; save the file as UTF-8".into();
    }
    format!("cannot be read: {error}")
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// The file that is being checked.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, byte: usize) -> usize {
        1 + newlines(&self.text.as_bytes()[..byte.min(self.text.len())])
    }

    fn syntax(&self, error: &toml::de::Error) -> JobError {
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

    fn check(&self, typed: &DeTable<'_>) -> Result<(), JobError> {
        for (name, value) in typed {
            let line = self.line(name.span().start);
            match (value.get_ref(), keys::find("", name.get_ref())) {
                (found, Some(key)) => self.check_kind(key, found, line)?,
                (DeValue::Table(table), None) if is_table(name.get_ref()) => {
                    self.check_table(name.get_ref(), table)?;
                }
                (found, None) if is_table(name.get_ref()) => {
                    return Err(self.not_a_table(name.get_ref(), found, line));
                }
                (_, None) => return Err(self.unknown("", name.get_ref(), line)),
            }
        }
        Ok(())
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
        let Some(found) = misfit(key.kind, found) else {
            return Ok(());
        };
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

/// The same key of another table, else a near key of the same table, else all keys there are.
fn hint(table: &str, name: &str) -> String {
    let elsewhere: Vec<_> = keys::KEYS
        .iter()
        .filter(|key| key.name == name)
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
    let near = keys::nearest(name, here.map(|key| key.name).chain(tables()));
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
        Kind::Texts => matches!(found, DeValue::Array(texts)
            if texts.iter().all(|text| matches!(text.get_ref(), DeValue::String(_)))),
        Kind::Count => whole().is_some_and(|count| 0 < count),
        Kind::Large => large().is_some_and(|count| 0 < count),
        Kind::Number => matches!(found, DeValue::Integer(_) | DeValue::Float(_)),
        Kind::Share => matches!(found, DeValue::String(text) if parse_share(text).is_some()),
        Kind::CountOrShare => {
            let is_share = |text| parse_share(text).is_some();
            whole().is_some() || matches!(found, DeValue::String(text) if is_share(text))
        }
        Kind::Switch => matches!(found, DeValue::Boolean(_)),
        Kind::Table => matches!(found, DeValue::Table(_)),
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
