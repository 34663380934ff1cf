//! The end of a run: one screen for people, one file for machines.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::disk;
use super::rewrite::replace;
use super::tally::{Counts, Progress, Tally};
use super::text::{count, dollars, one_line, time};
use super::{LedgerError, Mode, OutputPaths};
use crate::exit::Exit;
use crate::run::Why;

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
    pub fingerprint: String,
    /// `max_tokens` of the job, where it has one.
    pub max_tokens: Option<u32>,
    /// The job's quota of requests per minute, where it names one.
    pub requests_per_minute: Option<u64>,
    /// The job's quota of tokens per minute, where it names one.
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
}

/// `OUT.run.json`. Fields are only ever added.
#[derive(Debug, Serialize)]
struct RunFile<'a> {
    promptmill: &'a str,
    name: &'a str,
    model: &'a str,
    emulated: bool,
    fingerprint: &'a str,
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
    held_back: Option<(Why, f64)>,
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
            fingerprint: &context.fingerprint,
            started_at: context.started_at.to_string(),
            finished_at: Timestamp::now().to_string(),
            exit_code: ending.exit.code(),
            stopped_by: ending.stopped_by.as_deref(),
            rows: context.rows,
            remaining: self.remaining(),
            total: Counts::of(overall),
            this_run: ThisRun {
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
        let disk = disk::real(self.context.mode);
        replace(&*disk, &self.context.paths.run, |file| {
            file.write_all(self.json().as_bytes())?;
            file.write_all(b"\n")
        })
    }
}

/// One screen.
impl std::fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = self.headline();
        for (name, what) in self.figures() {
            let _ = write!(text, "\n  {name:<10} {what}");
        }
        for (category, failures) in &self.overall.failures {
            let id = failures
                .example_id
                .as_deref()
                .map(|id| format!(" ({id})"))
                .unwrap_or_default();
            let _ = write!(
                text,
                "\n  {:<10} {category} ×{}; first row {}{}: {}",
                "",
                count(failures.count),
                failures.example_row,
                one_line(&id, 60),
                one_line(&failures.example_message, 200),
            );
        }
        for (name, what) in self.whereabouts() {
            let _ = write!(text, "\n  {name:<10} {what}");
        }
        f.write_str(&text)
    }
}

impl Summary<'_> {
    fn headline(&self) -> String {
        let Self {
            context, ending, ..
        } = self;
        let ended = count(self.overall.ended());
        let rows = count(context.rows);
        let took = time(self.elapsed);
        let made_up = if self.is_made_up() {
            "; the emulator made these answers up"
        } else {
            ""
        };
        match &ending.stopped_by {
            None => format!(
                "{}: {ended} of {rows} rows ended in {took}{made_up}",
                context.name
            ),
            Some(why) if matches!(ending.exit, Exit::Complete | Exit::TooManyFailed) => format!(
                "{}: {ended} of {rows} rows ended in {took}{made_up}\n  {:<10} {}, with nothing left to send",
                context.name,
                "stopped by",
                one_line(why, 2000),
            ),
            Some(why) => format!(
                "{}: stopped after {took}, {ended} of {rows} rows ended{made_up}\n  {:<10} {}",
                context.name,
                "stopped by",
                one_line(why, 2000),
            ),
        }
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        let Self {
            overall, progress, ..
        } = self;
        let mut figures = Vec::new();
        if let Some(advice) = &self.ending.advice {
            figures.push(("what to do", advice.clone()));
        }
        figures.push(("answered", self.answered()));
        figures.push(("failed", count(overall.failed)));
        if 0 < self.remaining() {
            figures.push(("left", count(self.remaining())));
        }
        let usage = &overall.usage;
        if 0 < usage.input_tokens + usage.output_tokens {
            let cached = match usage.cache_read_input_tokens {
                0 => String::new(),
                cached => format!(" ({} of them from the cache)", count(cached)),
            };
            let (input, output) = (count(usage.input_tokens), count(usage.output_tokens));
            figures.push(("tokens", format!("{input} in{cached}, {output} out")));
        }
        if 0 < overall.answered() || 0.0 < overall.uncertain_usd() {
            figures.push(("cost", self.cost()));
        }
        if 0 < progress.sent {
            figures.push(("calls", self.calls()));
            figures.extend(self.quota().map(|quota| ("quota", quota)));
            figures.extend(self.hint().map(|hint| ("hint", hint)));
        }
        figures
    }

    fn answered(&self) -> String {
        let Self {
            overall,
            progress,
            context,
            ..
        } = self;
        let mut notes = Vec::new();
        if 0 < progress.past.answered() {
            notes.push(format!(
                "{} of them before this run",
                count(progress.past.answered())
            ));
        }
        if 0 < overall.filtered {
            notes.push(format!("{} filtered", count(overall.filtered)));
        }
        if 0 < overall.cut_off {
            let limit = context
                .max_tokens
                .map(|n| format!(" of {n}"))
                .unwrap_or_default();
            notes.push(format!(
                "{} cut off at max_tokens{limit}",
                count(overall.cut_off)
            ));
        }
        let answered = count(overall.answered());
        if notes.is_empty() {
            answered
        } else {
            format!("{answered} ({})", notes.join(", "))
        }
    }

    fn cost(&self) -> String {
        let overall = &self.overall;
        let known = match (overall.known_cost(), self.is_made_up()) {
            (Some(cost), false) => dollars(cost),
            (Some(cost), true) => format!("{} on Bedrock, nothing here", dollars(cost)),
            (None, _) => format!(
                "unknown for {} of {} answers",
                count(overall.unpriced),
                count(overall.answered()),
            ),
        };
        match overall.uncertain_usd() {
            0.0 => known,
            usd => format!(
                "{known}; up to {} more for calls that may have been billed",
                dollars(usd)
            ),
        }
    }

    fn calls(&self) -> String {
        let Self { progress, .. } = self;
        let minutes = self.elapsed.as_secs_f64().max(0.001) / 60.0;
        let pace = (progress.now.ended() as f64 / minutes).round() as u64;
        let mut text = format!("{}, {} rows/min", count(progress.sent), count(pace));
        let tell = |number: u64, what: &str| match number {
            0 => String::new(),
            number => format!(", {} {what}", count(number)),
        };
        text += &tell(progress.throttles, "refused for now");
        text += &tell(progress.retries, "sent again");
        text += &tell(progress.maybe_billed, "given up on and maybe billed");
        if let Some((why, share)) = self.held_back
            && 0.5 <= share
        {
            let _ = write!(text, "; held back by {}", why.as_str());
        }
        text
    }

    /// How much of the quota was used, or what refusals have taught of it.
    fn quota(&self) -> Option<String> {
        let Self {
            context, progress, ..
        } = self;
        let gauge = &progress.gauge;
        let minutes = self.elapsed.as_secs_f64() / 60.0;
        let share = |used: f64, per_minute: u64| {
            let share = (used / (per_minute as f64 * minutes) * 100.0).round();
            format!("{share} % of {} ", count(per_minute))
        };
        let mut parts = Vec::new();
        if let Some(per_minute) = context.requests_per_minute {
            parts.push(share(progress.sent as f64, per_minute) + "requests a minute used");
        }
        if let Some(per_minute) = context.tokens_per_minute {
            parts.push(share(gauge.tokens_settled, per_minute) + "tokens a minute used");
        }
        if let Some(learned) = gauge.learned_per_minute {
            parts.push(format!(
                "refusals taught about {} calls a minute",
                count(learned as u64)
            ));
        }
        if let Some(learned) = gauge.learned_tokens_per_minute {
            parts.push(format!(
                "refusals taught about {} tokens a minute",
                count(learned as u64)
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// One thing that would make the next run faster, where there is one.
    fn hint(&self) -> Option<String> {
        let Self {
            context, overall, ..
        } = self;
        let (why, share) = self.held_back?;
        let (limit, longest) = (u64::from(context.max_tokens?), overall.longest_output);
        let room = (longest + longest / 4).next_multiple_of(64);
        let tokens_bind = matches!(why, Why::Tokens | Why::Refusals) && 0.25 <= share;
        (tokens_bind && 50 <= overall.answered() && overall.cut_off == 0 && 2 * room <= limit).then(|| {
            format!(
                "the longest answer has {} tokens and every call reserves {}: max_tokens = {room} \
                 would leave more of the quota",
                count(longest),
                count(limit),
            )
        })
    }

    fn whereabouts(&self) -> Vec<(&'static str, String)> {
        let Self {
            context, overall, ..
        } = self;
        let mut lines = Vec::new();
        if 0 < overall.answered() {
            lines.push(("answers", context.paths.answered.display().to_string()));
        }
        if 0 < overall.failed {
            lines.push(("failures", context.paths.failed.display().to_string()));
        }
        if 0 < self.remaining() {
            lines.push(("to go on", context.resume.clone()));
        } else if 0 < overall.failed {
            lines.push(("to retry", context.retry_failed.clone()));
        }
        lines
    }
}
