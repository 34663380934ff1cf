//! What the library reports of a run that has ended, and of a job before it runs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::failure::Failure;
use super::finished::Finished;
use super::plan::{self, Planned};
use crate::exit::Exit;
use crate::rows::forecast::{Cases, Estimate};

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
    pub(super) fn of(finished: &Finished) -> Self {
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
    /// Why [`Job::run`](super::job::Job::run) would not start; empty if it would.
    pub rejections: Vec<String>,
}

impl JobPlan {
    pub(super) fn of(planned: Planned) -> Self {
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
