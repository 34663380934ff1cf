//! Job keys as flags: one flag a key, from the one table of keys.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use jiff::civil::Date;

use crate::job::JobError;
use crate::job::expand::expand;
use crate::job::keys::{self, KEYS, Key, Kind};

/// Texts such as `- {{ item }}`, which are no flags.
const MAY_BEGIN_WITH_A_HYPHEN: &[&str] = &["system", "template", "stop"];

/// The flags of job keys, grouped by table.
pub(super) fn args() -> impl Iterator<Item = Arg> {
    KEYS.iter().map(|key| {
        let arg = Arg::new(key.flag)
            .long(key.flag)
            .value_name(key.value)
            .help(key.help)
            .help_heading(heading(key.table))
            .hide_possible_values(true)
            .value_parser(suggesting(&keys::values(key.table, key.name)))
            .allow_negative_numbers(true)
            .allow_hyphen_values(MAY_BEGIN_WITH_A_HYPHEN.contains(&key.name));
        let arg = match key.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        let arg = match key.value {
            "FILE" => arg.value_hint(ValueHint::FilePath),
            _ => arg,
        };
        let arg = if key.kind == Kind::Switch {
            arg.num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
        } else {
            arg
        };
        let is_model = (key.table, key.name) == ("model", "id");
        let many = is_model || matches!(key.kind, Kind::Texts | Kind::Windows | Kind::Prompts);
        arg.action(if many {
            ArgAction::Append
        } else {
            ArgAction::Set
        })
    })
}

/// Any text, with these values offered by completions. Which of them the job takes is for the job
/// to say: it knows the place of a wrong one, and lists all that is wrong at once.
#[derive(Debug, Clone)]
pub(super) struct Suggesting(Vec<&'static str>);

pub(super) fn suggesting(values: &[&'static str]) -> Suggesting {
    Suggesting(values.to_vec())
}

impl TypedValueParser for Suggesting {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        if self.0.is_empty() {
            return None;
        }
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

fn heading(table: &str) -> Option<&'static str> {
    match table {
        "input" => Some("Input"),
        "prompt" => Some("Prompt"),
        "model" => Some("Model"),
        "sweep" => Some("Sweep"),
        "schema" => Some("Schema"),
        "limits" => Some("Limits"),
        "retry" => Some("Retry"),
        "output" => Some("Output"),
        "emulator" => Some("Emulator"),
        _ => None,
    }
}

/// The flags that were given, shaped as the job file they stand for.
pub(super) fn table(matches: &ArgMatches) -> Result<toml::Table, JobError> {
    let mut job = toml::Table::new();
    for key in KEYS {
        let Some(typed) = matches.get_many::<String>(key.flag) else {
            continue;
        };
        let typed: Vec<_> = typed.map(String::as_str).collect();
        let value = value(key, &typed)?;
        if (key.table, key.name) == ("model", "id") && 1 < typed.len() {
            let sweep = job
                .entry("sweep")
                .or_insert_with(|| toml::Table::new().into());
            let sweep = sweep.as_table_mut().expect("inserted as a table");
            sweep.insert("model".into(), typed.into());
            continue;
        }
        let table = if key.table.is_empty() {
            &mut job
        } else {
            job.entry(key.table)
                .or_insert_with(|| toml::Table::new().into())
                .as_table_mut()
                .expect("inserted as a table")
        };
        table.insert(key.name.to_owned(), value);
    }
    Ok(job)
}

/// Where the output is, where a flag says it.
pub(super) fn output_path(
    matches: &ArgMatches,
    today: Date,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<PathBuf> {
    let typed = matches.get_one::<String>("output")?;
    expand(typed, today, variable).ok().map(PathBuf::from)
}

fn value(key: &Key, typed: &[&str]) -> Result<toml::Value, JobError> {
    let last = typed.last().copied().unwrap_or_default();
    let value = match key.kind {
        Kind::Text | Kind::Time | Kind::Deadline => Some(last.into()),
        Kind::Share => crate::job::is_share(last).then(|| last.into()),
        Kind::Large => last
            .replace('_', "")
            .parse::<i64>()
            .ok()
            .filter(|n| 0 < *n)
            .map(Into::into),
        Kind::Switch => last.parse::<bool>().ok().map(Into::into),
        Kind::Texts => Some(typed.to_vec().into()),
        Kind::Count => last
            .replace('_', "")
            .parse::<u32>()
            .ok()
            .filter(|n| 0 < *n)
            .map(Into::into),
        Kind::Whole => last.parse::<u32>().ok().map(Into::into),
        Kind::Number => last.parse::<f64>().ok().map(Into::into),
        Kind::CountOrShare => Some(match last.parse::<u32>() {
            Ok(count) => count.into(),
            Err(_) => last.into(),
        }),
        Kind::Table => serde_json::from_str::<toml::Table>(last)
            .ok()
            .map(Into::into),
        Kind::Windows | Kind::Prompts => {
            let windows = typed.iter().map(|typed| serde_json::from_str(typed).ok());
            let windows: Option<Vec<toml::Table>> = windows.collect();
            windows.map(Into::into)
        }
    };
    value.ok_or_else(|| JobError::WrongKind {
        place: "command line".into(),
        key: format!("--{}", key.flag),
        takes: if matches!(key.kind, Kind::Table | Kind::Windows | Kind::Prompts) {
            "a JSON object without null"
        } else {
            key.kind.takes()
        },
        found: format!("\"{last}\"{}", keys::meant(key.kind, last)),
    })
}
