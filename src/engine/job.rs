//! The library's door: a job that a program makes, plans and runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::open::Source;
use super::options::RunOptions;
use super::plan::Planned;
use super::run::{Finished, Told};
use super::{plan, run};
use crate::exit::Exit;
use crate::format::shell_word;
use crate::job::keys::{KEYS, Key, Kind};
use crate::job::{JobError, PinnedPath};
use crate::model::FinishReason;
use crate::output::RunFilePlace;
use crate::rows::forecast::{Cases, Estimate};
use crate::run::{CompletedRow, Event, Outcome};

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
    source: Source,
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
            source: Source {
                file: Some(path.as_ref().to_owned()),
                ..Source::default()
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
        Kind::Windows => {
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

/// Something that happened in a run. There may be more of them later.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum JobEvent<'a> {
    /// Something that a person may want to know.
    Note(&'a str),
    /// Something that a person should know.
    Warning(&'a str),
    /// Calls start now.
    Started {
        /// Rows of the job, those that completed earlier included.
        rows: u64,
    },
    /// A row completed, and its line is in the output.
    Row(RowEvent<'a>),
    /// The run is under way; reported five times a second.
    Progress(ProgressEvent),
}

/// A row that completed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RowEvent<'a> {
    /// Its number in the input, from 1.
    pub row: u64,
    /// Its id; `None` if the row could not be read.
    pub custom_id: Option<&'a str>,
    /// How it ended.
    pub status: RowStatus,
    /// What the model wrote; `None` for a failed row and for a model that writes no text.
    pub completion: Option<&'a str>,
    /// What the call cost, in USD, if the price is known.
    pub cost_usd: Option<f64>,
    /// Why it failed.
    pub error: Option<&'a str>,
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowStatus {
    /// The model answered.
    Succeeded,
    /// A filter or a guardrail intervened.
    Filtered,
    /// It will not be answered.
    Failed,
}

/// A run as it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProgressEvent {
    /// Rows that have completed, those of earlier runs included.
    pub completed: u64,
    /// Failed rows among them.
    pub failed: u64,
    /// Calls in flight.
    pub in_flight: u64,
    /// What all of it may have cost so far, in USD, at most.
    pub charge_usd: f64,
}

impl<'a> JobEvent<'a> {
    fn of(told: &'a Told<'_>) -> Option<Self> {
        match told {
            Told::Note(text) => Some(Self::Note(text)),
            Told::Warning(text) => Some(Self::Warning(text)),
            Told::Starts { rows, .. } => Some(Self::Started { rows: *rows }),
            Told::Happened(Event::Completed(row), ..) => Some(Self::Row(RowEvent::of(row))),
            Told::Happened(Event::Tick, progress, _) => {
                let overall = progress.overall();
                Some(Self::Progress(ProgressEvent {
                    completed: overall.ended(),
                    failed: overall.failed,
                    in_flight: progress.in_flight,
                    charge_usd: overall.charge_usd(),
                }))
            }
            Told::Happened(..) | Told::Reads(_) | Told::Read | Told::HasRead | Told::Ends(..) => {
                None
            }
        }
    }
}

impl<'a> RowEvent<'a> {
    fn of(row: &'a CompletedRow) -> Self {
        let (status, completion, cost_usd, error) = match &row.outcome {
            Outcome::Replied(reply) => {
                let status = match reply.parsed.finish_reason {
                    FinishReason::ContentFilter | FinishReason::Guardrail => RowStatus::Filtered,
                    FinishReason::Stop
                    | FinishReason::Length
                    | FinishReason::ToolCalls
                    | FinishReason::ContextWindow
                    | FinishReason::Unknown => RowStatus::Succeeded,
                };
                let completion = reply.parsed.completion.as_deref();
                (status, completion, reply.cost_usd, None)
            }
            Outcome::Failed(fault) => (RowStatus::Failed, None, None, Some(fault.meaning())),
        };
        Self {
            row: row.identity.row,
            custom_id: row.identity.custom_id.as_deref(),
            status,
            completion,
            cost_usd,
            error,
        }
    }
}

/// How a run ended. Printed, it is the summary that the command line shows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Summary {
    /// Rows of the job.
    pub rows: u64,
    /// Rows that succeeded, those of earlier runs included, here and below.
    pub succeeded: u64,
    /// Rows that were filtered.
    pub filtered: u64,
    /// Rows that failed.
    pub failed: u64,
    /// Rows that have not completed: the same job resumes with them.
    pub remaining: u64,
    /// Tokens of input.
    pub input_tokens: u64,
    /// Tokens of output.
    pub output_tokens: u64,
    /// What all responses cost, in USD; `None` if any price is unknown.
    pub cost_usd: Option<f64>,
    /// The exit code that the command line would end with.
    pub exit: Exit,
    /// What stopped the run before all rows had completed.
    pub stopped_by: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// The file of completions.
    pub output: PathBuf,
    /// The file of failures, which exists if a row failed.
    pub failed_output: PathBuf,
    /// Why the run file could not be written.
    pub not_written: Option<String>,
    text: String,
    json: String,
}

impl Summary {
    fn of(finished: &Finished) -> Self {
        let Finished {
            context,
            ending,
            progress,
            ..
        } = finished;
        let overall = progress.overall();
        let summary = finished.summary();
        Self {
            rows: context.rows,
            succeeded: overall.succeeded,
            filtered: overall.filtered,
            failed: overall.failed,
            remaining: context.rows.saturating_sub(overall.ended()),
            input_tokens: overall.usage.input_tokens,
            output_tokens: overall.usage.output_tokens,
            cost_usd: overall.known_cost(),
            exit: ending.exit,
            stopped_by: ending.stopped_by.clone(),
            advice: ending.advice.clone(),
            output: context.paths.output.clone(),
            failed_output: context.paths.failed.clone(),
            not_written: finished.written.as_ref().err().map(Failure::to_string),
            text: summary.to_string(),
            json: summary.json(),
        }
    }

    /// The text of the run file: a JSON object.
    pub fn json(&self) -> &str {
        &self.json
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a job will take. Figures come in three cases; what is not known is `None`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobPlan {
    /// Rows of the input.
    pub rows: u64,
    /// Rows that are left and can be sent.
    pub rows_left: u64,
    /// Calls that they take.
    pub calls: u64,
    /// Rows that are left and cannot be sent.
    pub bad_rows: u64,
    /// The first of them, described.
    pub bad_row_examples: Vec<String>,
    /// Tokens of input.
    pub input_tokens: Cases<Option<f64>>,
    /// Tokens of output.
    pub output_tokens: Cases<Option<f64>>,
    /// Cost in USD, in the service tier of the job.
    pub cost_usd: Cases<Option<f64>>,
    /// How long it takes.
    pub time: Cases<Option<Duration>>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why [`Job::run`] would not start; empty if it would.
    pub rejections: Vec<String>,
}

impl JobPlan {
    fn of(planned: Planned) -> Self {
        let forecast = &planned.forecast;
        Self {
            rows: planned.survey.rows,
            rows_left: forecast.rows,
            calls: forecast.calls,
            bad_rows: planned.survey.unusable.count,
            bad_row_examples: planned.survey.unusable.examples.clone(),
            input_tokens: forecast.input,
            output_tokens: forecast.output,
            cost_usd: forecast.in_tier,
            time: times(forecast.pace.seconds),
            notes: planned.notes,
            rejections: planned.refusals,
        }
    }
}

fn times(seconds: Estimate) -> Cases<Option<Duration>> {
    Cases {
        low: seconds.low.map(plan::duration),
        expected: seconds.expected.map(plan::duration),
        worst: seconds.worst.map(plan::duration),
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
