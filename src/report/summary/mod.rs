//! The end of a run: one screen for people, one file for machines.

mod next_steps;
mod remarks;
mod screen;
mod variants;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::progress::Progress;
use super::timeline::TimelineOnDisk;
use crate::exit::{Exit, Reason};
use crate::model::Fingerprint;
use crate::output::tally::{Tally, TallyFields};
use crate::output::{
    Holder, LedgerError, Mode, OnlyRun, OutputPaths, RecordedSettings, RecordedState, stop,
    write_run_file,
};
use crate::run::WaitReason;
use variants::{ModelOnDisk, VariantOnDisk};

pub use variants::SummaryVariant;

/// What the summary knows beside the counts.
#[derive(Debug, Clone)]
pub struct Context {
    /// The id of the run.
    pub run: String,
    /// The job's name.
    pub name: String,
    /// The model id, as typed; of a sweep all of them.
    pub model: String,
    /// The variants of a sweep.
    pub variants: Vec<SummaryVariant>,
    /// Records of the input.
    pub records: u64,
    /// Rows that this run was to end: with a sweep one for each sample of each variant of a record.
    pub rows: u64,
    /// Whether the embedded emulator answered.
    pub emulated: bool,
    /// Whether rows are named by a field, and not by their number.
    pub named_ids: bool,
    /// The fingerprint of the job's settings.
    pub fingerprint: Fingerprint,
    /// The parts of these settings.
    pub settings: RecordedSettings,
    /// The rows that `--only` selected, if it was given.
    pub only: Option<OnlyRun>,
    /// `max_tokens` of the job, where it has one.
    pub max_tokens: Option<u32>,
    /// The tokens of it that the job lets the model think for.
    pub thought: u64,
    /// The most that the output may cost, in USD, where the job says so.
    pub max_cost_usd: Option<f64>,
    /// When the run stops sending, where the job names a clock time.
    pub deadline_at: Option<Timestamp>,
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
    /// The command that resumes this run.
    pub resume: String,
    /// The command that runs the failed rows again.
    pub retry_failed: String,
}

/// How a run ended, in words and as a code.
#[derive(Debug, Clone)]
pub struct RunEnding {
    /// The exit code.
    pub exit: Exit,
    /// Whether every row completed.
    pub state: RecordedState,
    /// Why the exit code is not 0.
    pub reason: Option<Reason>,
    /// Why it stopped, where it did not run to its end.
    pub stopped_by: Option<String>,
    /// What the person should do about it.
    pub advice: Option<String>,
    /// Whether the same command can resume.
    pub goes_on: bool,
    /// What of the failures makes the exit code, where they do.
    pub too_many_failed: Option<String>,
    /// Whether a run may start while the rows are broken that could not be read or sent.
    pub bears_bad_rows: bool,
}

impl RunEnding {
    /// `stop` of `OUT.run.json`.
    fn stop(&self) -> Option<Value> {
        let detail = self.stopped_by.as_ref().or(self.too_many_failed.as_ref());
        let detail = detail.map(String::as_str).unwrap_or_default();
        let advice = self.advice.as_deref();
        self.reason.map(|reason| stop(reason, detail, advice))
    }
}

/// How often `OUT.run.json` is brought up to date while a run is under way. Each time is a write, a
/// sync and a rename: about 10 ms of 5 s.
const UPDATE_EVERY: Duration = Duration::from_secs(5);

/// Keeps `OUT.run.json` true while a run is under way.
#[derive(Debug)]
pub struct Updates {
    next: Instant,
}

impl Updates {
    /// The first update is due at once.
    pub fn new(now: Instant) -> Self {
        Self { next: now }
    }

    /// Brings the file up to date where that is due. That it cannot be written is no reason to stop:
    /// the end of the run says so.
    pub fn tick(&mut self, context: &Context, progress: &Progress, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + UPDATE_EVERY;
        let overall = &progress.overall();
        let state = RunState {
            context,
            progress,
            overall,
            elapsed: progress.elapsed(now),
            limited_by: progress.held_back(now),
        };
        let _ = write_run_file(context.mode, &context.paths, &state.text(None));
    }
}

/// `OUT.run.json`. Fields are only ever added.
#[derive(Debug, Serialize)]
struct RunFile<'a> {
    promptmill: &'a str,
    state: &'static str,
    name: &'a str,
    model: &'a str,
    emulated: bool,
    fingerprint: Fingerprint,
    settings: &'a RecordedSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<&'a OnlyRun>,
    /// The id of the run, which the events of `--json` have too.
    run: &'a str,
    process: u32,
    host: &'a str,
    started_at: String,
    updated_at: String,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_at: Option<String>,
    exit_code: Option<u8>,
    stop: Option<Value>,
    stopped_by: Option<&'a str>,
    /// Records of the input, of which a sweep makes several rows each.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_rows: Option<u64>,
    rows: u64,
    remaining: u64,
    total: TallyFields<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<VariantOnDisk<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<ModelOnDisk<'a>>,
    this_run: ThisRun<'a>,
    timeline: TimelineOnDisk,
    output: String,
    failed_output: String,
    resume: Option<&'a str>,
    command: &'a str,
}

#[derive(Debug, Serialize)]
struct ThisRun<'a> {
    #[serde(flatten)]
    counts: TallyFields<'a>,
    calls: u64,
    copied: u64,
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
pub struct RunSummary<'a> {
    context: &'a Context,
    ending: &'a RunEnding,
    progress: &'a Progress,
    overall: Tally,
    elapsed: Duration,
    held_back: Option<(WaitReason, f64)>,
}

impl<'a> RunSummary<'a> {
    /// Sums up at `now`.
    pub fn new(
        context: &'a Context,
        ending: &'a RunEnding,
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
    fn is_emulated(&self) -> bool {
        self.run_state().is_emulated()
    }

    fn remaining(&self) -> u64 {
        self.run_state().remaining()
    }

    fn run_state(&self) -> RunState<'_> {
        RunState {
            context: self.context,
            progress: self.progress,
            overall: &self.overall,
            elapsed: self.elapsed,
            limited_by: self.held_back,
        }
    }

    /// The text of `OUT.run.json`, which `--json` prints too.
    pub fn json(&self) -> String {
        self.run_state().text(Some(self.ending))
    }

    /// Writes `OUT.run.json`: beside it first, then in its place.
    ///
    /// # Errors
    /// The disk failed.
    pub fn write(&self) -> Result<(), LedgerError> {
        write_run_file(self.context.mode, &self.context.paths, &self.json())
    }
}

/// What `OUT.run.json` says of a run, ended or under way.
struct RunState<'a> {
    context: &'a Context,
    progress: &'a Progress,
    overall: &'a Tally,
    elapsed: Duration,
    /// What held the run back most, and for what share of its time.
    limited_by: Option<(WaitReason, f64)>,
}

impl RunState<'_> {
    fn is_emulated(&self) -> bool {
        self.context.emulated || 0 < self.overall.emulated
    }

    fn remaining(&self) -> u64 {
        self.context.rows.saturating_sub(self.overall.ended())
    }

    /// The text of the file; without an `ending` the run is under way.
    fn text(&self, ending: Option<&RunEnding>) -> String {
        let Self {
            context,
            progress,
            overall,
            ..
        } = self;
        let now = Timestamp::now().to_string();
        let holder = Holder::this_process();
        let file = RunFile {
            promptmill: env!("CARGO_PKG_VERSION"),
            state: ending
                .map_or(RecordedState::Running, |ending| ending.state)
                .as_str(),
            name: &context.name,
            model: &context.model,
            emulated: self.is_emulated(),
            fingerprint: context.fingerprint,
            settings: &context.settings,
            only: context.only.as_ref(),
            run: &context.run,
            process: holder.process(),
            host: holder.host(),
            started_at: context.started_at.to_string(),
            updated_at: now.clone(),
            finished_at: ending.map(|_| now),
            deadline_at: context.deadline_at.map(|at| at.to_string()),
            exit_code: ending.map(|ending| ending.exit.code()),
            stop: ending.and_then(RunEnding::stop),
            stopped_by: ending.and_then(|ending| ending.stopped_by.as_deref()),
            input_rows: (!context.variants.is_empty()).then_some(context.records),
            rows: context.rows,
            remaining: self.remaining(),
            total: TallyFields::of(overall),
            variants: variants::on_disk(&context.variants, progress),
            models: variants::models(progress),
            this_run: ThisRun {
                requests_per_minute: context.requests_per_minute,
                tokens_per_minute: context.tokens_per_minute,
                learned_requests_per_minute: progress.gauge.learned_per_minute,
                learned_tokens_per_minute: progress.gauge.learned_tokens_per_minute,
                quota_tokens: progress.quota_tokens().0,
                reserved_and_never_used_tokens: progress.quota_tokens().1,
                counts: TallyFields::of(&progress.now),
                calls: progress.sent,
                copied: progress.copied,
                throttles: progress.throttles,
                retries: progress.retries,
                maybe_billed: progress.maybe_billed,
                seconds: self.elapsed.as_secs_f64(),
                held_back_by: self.limited_by.map(|(why, _)| why.as_str()),
            },
            timeline: progress.timeline(),
            output: context.paths.output.display().to_string(),
            failed_output: context.paths.failed.display().to_string(),
            resume: (0 < self.remaining()).then_some(&context.resume),
            command: &context.resume,
        };
        serde_json::to_string_pretty(&file).expect("a run file holds nothing JSON cannot say")
    }
}
