//! The end of a run: one screen for people, one file for machines.

mod screen;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::progress::Progress;
use crate::exit::Exit;
use crate::model::Fingerprint;
use crate::output::tally::{Counts, Tally};
use crate::output::{LedgerError, Mode, OutputPaths, write_run_file};
use crate::run::WaitReason;

/// What the summary knows beside the counts.
#[derive(Debug, Clone)]
pub struct Context {
    /// The job's name.
    pub name: String,
    /// The model id, as typed.
    pub model: String,
    /// Rows of the input that this run was to end.
    pub rows: u64,
    /// Whether the embedded emulator answered.
    pub emulated: bool,
    /// Whether rows are named by a field, and not by their number.
    pub named_ids: bool,
    /// The fingerprint of the job's settings.
    pub fingerprint: Fingerprint,
    /// `max_tokens` of the job, where it has one.
    pub max_tokens: Option<u32>,
    /// The tokens of it that the job lets the model think for.
    pub thought: u64,
    /// The most that the output may cost, in USD, where the job says so.
    pub max_cost_usd: Option<f64>,
    /// The requests per minute that the run keeps to, where they are known.
    pub requests_per_minute: Option<u64>,
    /// The tokens per minute that the run keeps to, where they are known.
    pub tokens_per_minute: Option<u64>,
    /// When the run started.
    pub started_at: Timestamp,
    /// Where the output is.
    pub paths: OutputPaths,
    /// Who may read it.
    pub mode: Mode,
    /// The command that goes on where this run ended.
    pub resume: String,
    /// The command that runs the failed rows again.
    pub retry_failed: String,
}

/// How a run ended, in words and as a code.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The exit code.
    pub exit: Exit,
    /// Why it stopped, where it did not run to its end.
    pub stopped_by: Option<String>,
    /// What the person should do about it.
    pub advice: Option<String>,
    /// Whether the same command can go on.
    pub goes_on: bool,
    /// What of the failures makes the exit code, where they do.
    pub too_many_failed: Option<String>,
    /// Whether a run may start while the rows are broken that could not be read or sent.
    pub bears_bad_rows: bool,
}

/// `OUT.run.json`. Fields are only ever added.
#[derive(Debug, Serialize)]
struct RunFile<'a> {
    promptmill: &'a str,
    name: &'a str,
    model: &'a str,
    emulated: bool,
    fingerprint: Fingerprint,
    started_at: String,
    finished_at: String,
    exit_code: u8,
    stopped_by: Option<&'a str>,
    rows: u64,
    remaining: u64,
    total: Counts<'a>,
    this_run: ThisRun<'a>,
    output: String,
    failed_output: String,
    resume: Option<&'a str>,
    command: &'a str,
}

#[derive(Debug, Serialize)]
struct ThisRun<'a> {
    #[serde(flatten)]
    counts: Counts<'a>,
    calls: u64,
    throttles: u64,
    retries: u64,
    maybe_billed: u64,
    seconds: f64,
    /// The limits that the run kept to, given or read from Service Quotas.
    requests_per_minute: Option<u64>,
    tokens_per_minute: Option<u64>,
    learned_requests_per_minute: Option<f64>,
    learned_tokens_per_minute: Option<f64>,
    quota_tokens: f64,
    reserved_and_never_used_tokens: f64,
    held_back_by: Option<&'a str>,
}

/// The end of one run.
#[derive(Debug)]
pub struct Summary<'a> {
    context: &'a Context,
    ending: &'a Ending,
    progress: &'a Progress,
    overall: Tally,
    elapsed: Duration,
    held_back: Option<(WaitReason, f64)>,
}

impl<'a> Summary<'a> {
    /// Sums up at `now`.
    pub fn new(
        context: &'a Context,
        ending: &'a Ending,
        progress: &'a Progress,
        now: Instant,
    ) -> Self {
        Self {
            context,
            ending,
            progress,
            overall: progress.overall(),
            elapsed: progress.elapsed(now),
            held_back: progress.held_back(now),
        }
    }

    /// Whether an emulator has answered, be it the embedded one or another.
    fn is_made_up(&self) -> bool {
        self.context.emulated || 0 < self.overall.made_up
    }

    fn remaining(&self) -> u64 {
        self.context.rows.saturating_sub(self.overall.ended())
    }

    /// The text of `OUT.run.json`, which `--json` prints too.
    pub fn json(&self) -> String {
        let Self {
            context,
            ending,
            progress,
            overall,
            ..
        } = self;
        let file = RunFile {
            promptmill: env!("CARGO_PKG_VERSION"),
            name: &context.name,
            model: &context.model,
            emulated: self.is_made_up(),
            fingerprint: context.fingerprint,
            started_at: context.started_at.to_string(),
            finished_at: Timestamp::now().to_string(),
            exit_code: ending.exit.code(),
            stopped_by: ending.stopped_by.as_deref(),
            rows: context.rows,
            remaining: self.remaining(),
            total: Counts::of(overall),
            this_run: ThisRun {
                requests_per_minute: context.requests_per_minute,
                tokens_per_minute: context.tokens_per_minute,
                learned_requests_per_minute: progress.gauge.learned_per_minute,
                learned_tokens_per_minute: progress.gauge.learned_tokens_per_minute,
                quota_tokens: progress.gauge.tokens_settled,
                reserved_and_never_used_tokens: progress.gauge.tokens_never_used,
                counts: Counts::of(&progress.now),
                calls: progress.sent,
                throttles: progress.throttles,
                retries: progress.retries,
                maybe_billed: progress.maybe_billed,
                seconds: self.elapsed.as_secs_f64(),
                held_back_by: self.held_back.map(|(why, _)| why.as_str()),
            },
            output: context.paths.answered.display().to_string(),
            failed_output: context.paths.failed.display().to_string(),
            resume: (0 < self.remaining()).then_some(&context.resume),
            command: &context.resume,
        };
        serde_json::to_string_pretty(&file).expect("a run file holds nothing JSON cannot say")
    }

    /// Writes `OUT.run.json`: beside it first, then in its place.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write(&self) -> Result<(), LedgerError> {
        write_run_file(self.context.mode, &self.context.paths, &self.json())
    }
}
