//! The library's door: a job that a program makes, plans and runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::failure::Failure;
use super::job_event::JobEvent;
use super::job_summary::{JobPlan, Summary};
use super::open::JobSource;
use super::options::RunOptions;
use super::told::Told;
use super::{plan, run};
use crate::format::shell_word;
use crate::job::keys::{KEYS, Key, Kind};
use crate::job::{JobError, PinnedPath};
use crate::output::RunFilePlace;

/// A job: a file of prompts, a model, and an output, with the keys of a job file.
///
/// ```no_run
/// # async fn example() -> Result<(), promptmill::Error> {
/// let job = promptmill::Job::from_file("jobs/quickstart.toml")?.set("model.max_tokens", 32)?;
/// let summary = job.run(&promptmill::RunOptions::default(), |_| {}).await?;
/// assert_eq!(summary.remaining, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Job {
    source: JobSource,
    /// The keys that were set, by their flags.
    flags: BTreeMap<&'static str, Vec<String>>,
}

impl Job {
    /// A job without any key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The job in the TOML file at `path`.
    ///
    /// # Errors
    /// The file cannot be read, or holds something other than the keys of a job.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Failure> {
        let job = Self {
            source: JobSource {
                file: Some(path.as_ref().to_owned()),
                ..JobSource::default()
            },
            ..Self::default()
        };
        job.source.read()?;
        Ok(job)
    }

    /// Sets a key by its table and name, such as `model.max_tokens`, and overrides the file's. A
    /// source of prompts replaces any other.
    ///
    /// # Errors
    /// There is no such key, or it takes another kind of value.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Result<Self, Failure> {
        let known = KEYS.iter().find(|known| path_of(known) == key);
        let known = known.ok_or_else(|| unknown(key))?;
        let value = value.into();
        let written = toml::Value::try_from(&value)
            .ok()
            .filter(|_| fits(known.kind, &value))
            .ok_or_else(|| wrong_kind(known, &value))?;
        let keys = &mut self.source.keys;
        let table = match known.table {
            "" => keys,
            table => keys
                .entry(table)
                .or_insert_with(|| toml::Table::new().into())
                .as_table_mut()
                .expect("inserted as a table"),
        };
        if crate::job::keys::PROMPT_SOURCES.contains(&known.name) {
            for source in crate::job::keys::PROMPT_SOURCES {
                table.remove(*source);
                let flag = KEYS
                    .iter()
                    .find(|key| key.table == "prompt" && key.name == *source);
                self.flags.remove(flag.map_or("", |key| key.flag));
            }
        }
        table.insert(known.name.to_owned(), written);
        self.flags.insert(known.flag, words(&value));
        Ok(self)
    }

    /// Estimates tokens, cost and time, and finds bad rows, without calling the model.
    ///
    /// # Errors
    /// The job cannot be read, or its input, or they do not fit each other. Whatever else would keep
    /// [`Job::run`] from starting is in [`JobPlan::rejections`].
    pub async fn plan(&self, options: &RunOptions) -> Result<JobPlan, Failure> {
        let planned = plan::plan(&self.source, options, &mut |_| {}).await?;
        Ok(JobPlan::of(planned))
    }

    /// Runs the job, resuming an earlier run if there is one, and shows `on_event` what happens.
    ///
    /// It wants a tokio runtime with timers and I/O; on one of several threads, reading files does not
    /// keep others waiting. Where the future is dropped, calls in flight are lost, and may have been
    /// billed: [`crate::StopHandle::stop`] lets them finish.
    ///
    /// # Errors
    /// Nothing was sent. A run that starts always ends with a [`Summary`], whatever stops it.
    pub async fn run(
        &self,
        options: &RunOptions,
        mut on_event: impl FnMut(JobEvent<'_>) + Send,
    ) -> Result<Summary, Failure> {
        let command = |pinned: &[PinnedPath], usd: Option<f64>| self.command(pinned, usd);
        let asked = options.stop.asked.subscribe();
        let tell = &mut |told: Told<'_>| {
            if let Some(event) = JobEvent::of(&told) {
                on_event(event);
            }
        };
        let place = RunFilePlace::default();
        let ended = run::run(&self.source, options, &command, asked, &place, tell).await;
        let finished = ended.inspect_err(|failure| {
            place.failed(failure.exit, failure.reason, &failure.to_string());
        })?;
        Ok(Summary::of(&finished))
    }

    /// The command that runs the job from a shell.
    fn command(&self, pinned: &[PinnedPath], max_cost_usd: Option<f64>) -> String {
        let mut flags = self.flags.clone();
        let pinned = pinned
            .iter()
            .map(|path| (path.flag, vec![path.path.clone()]));
        flags.extend(pinned);
        flags.extend(max_cost_usd.map(|usd| ("max-cost", vec![usd.to_string()])));
        let file = self.source.file.iter();
        let file = file.map(|file| shell_word(&file.to_string_lossy()));
        let flags = flags.iter().flat_map(|(flag, values)| {
            let flag = move |value: &String| shell_word(&format!("--{flag}={value}"));
            values.iter().map(flag)
        });
        let words = ["promptmill".to_owned(), "run".to_owned()].into_iter();
        words.chain(file).chain(flags).collect::<Vec<_>>().join(" ")
    }
}

fn path_of(key: &Key) -> String {
    match key.table {
        "" => key.name.to_owned(),
        table => format!("{table}.{}", key.name),
    }
}

fn unknown(key: &str) -> Failure {
    let keys: Vec<_> = KEYS.iter().map(path_of).collect();
    let nearest = crate::nearest::nearest(key, keys.iter().map(String::as_str));
    let hint = nearest.map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
    Failure::usage(format!("unknown key `{key}`{hint}"))
}

fn wrong_kind(key: &Key, value: &Value) -> Failure {
    let error = JobError::WrongKind {
        place: "set".into(),
        key: path_of(key),
        takes: if key.kind == Kind::Text {
            "text"
        } else {
            key.kind.takes()
        },
        found: value.to_string(),
    };
    error.into()
}

/// Whether a key of this kind takes such a value.
fn fits(kind: Kind, value: &Value) -> bool {
    let is_text_list = |items: &[Value]| items.iter().all(Value::is_string);
    match kind {
        Kind::Text | Kind::Time | Kind::Deadline | Kind::Share => value.is_string(),
        Kind::Texts => value.as_array().is_some_and(|items| is_text_list(items)),
        Kind::Count => matches!(value.as_u64(), Some(1..=0xffff_ffff)),
        Kind::Whole => value.as_u64().is_some_and(|it| u32::try_from(it).is_ok()),
        Kind::Large => matches!(value.as_i64(), Some(1..)),
        Kind::Number => value.is_number(),
        Kind::CountOrShare => value.is_string() || value.is_u64(),
        Kind::Switch => value.is_boolean(),
        Kind::Table => value.is_object(),
        Kind::Windows | Kind::Prompts => {
            let windows = value.as_array();
            windows.is_some_and(|windows| windows.iter().all(Value::is_object))
        }
    }
}

/// A value as flags take it: a list is a flag for each.
fn words(value: &Value) -> Vec<String> {
    let word = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    match value {
        Value::Array(items) => items.iter().map(word).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![word(value)]
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_takes_its_kind_of_value_and_no_other() {
        let good = [
            ("name", json!("n")),
            ("input.keep", json!(["a", "b"])),
            ("model.max_tokens", json!(1)),
            ("model.temperature", json!(0)),
            ("model.extra", json!({ "a": [1] })),
            ("model.stream", json!(true)),
            ("limits.deadline", json!("6h")),
            ("output.max_failures", json!(3)),
            ("output.max_failures", json!("1%")),
        ];
        for (key, value) in good {
            assert!(Job::new().set(key, value.clone()).is_ok(), "{key} {value}");
        }
        for (key, value, expected) in [
            (
                "model.max_tokens",
                json!("64"),
                "set: `model.max_tokens` takes a whole number from 1 to 4294967295, not \"64\"",
            ),
            (
                "model.max_tokens",
                json!(4_294_967_296_u64),
                "set: `model.max_tokens` takes a whole number from 1 to 4294967295, not 4294967296",
            ),
            ("model.id", json!(7), "set: `model.id` takes text, not 7"),
            (
                "model.extra",
                json!({ "a": null }),
                "set: `model.extra` takes a table of JSON values, not {\"a\":null}",
            ),
            (
                "model.max_token",
                json!(1),
                "unknown key `model.max_token`; did you mean `model.max_tokens`?",
            ),
        ] {
            let error = Job::new().set(key, value).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_job_is_a_command_that_a_shell_can_run() {
        let job = Job::new()
            .set("prompt.column", "x")
            .and_then(|job| job.set("prompt.template", "Don't: {{ x }}"))
            .and_then(|job| job.set("output.path", "out/{{ date }}.jsonl"))
            .and_then(|job| job.set("model.stop", json!(["a", "b"])))
            .and_then(|job| job.set("limits.max_cost_usd", 0.5))
            .unwrap();
        let pinned = [PinnedPath {
            flag: "output",
            path: "out/2026-11-22.jsonl".into(),
        }];
        assert_eq!(
            job.command(&pinned, Some(1.25)),
            r"promptmill run --max-cost=1.25 --output=out/2026-11-22.jsonl --stop=a --stop=b '--template=Don'\''t: {{ x }}'"
        );
    }
}
