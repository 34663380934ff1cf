//! The metrics file: figures of a run in the text format of Prometheus, for the textfile collector of
//! node_exporter. The file is replaced as a whole, so no reader sees half of it, and a file that cannot
//! be written never harms a run.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::progress::Progress;
use super::summary::{Context, RunEnding};
use crate::event;
use crate::exit::{Exit, Reason};
use crate::replacement::{Replacement, mode_of};

/// How often the file is written while a run is under way. Prometheus reads it every 15 s or more
/// seldom, by its usual settings.
const EVERY: Duration = Duration::from_secs(5);

/// The metric that outlives a run that failed: when a run last ended with exit code 0.
const LAST_SUCCESS: &str = "promptmill_last_success_timestamp_seconds";

/// Every metric, with its type and what it means: the table of the reference, and the file's own.
pub const METRICS: &[(&str, &str, &str)] = &[
    (
        "promptmill_running",
        "gauge",
        "1 while the run is under way, else 0",
    ),
    (
        "promptmill_exit_code",
        "gauge",
        "Exit code of the last run, once it has ended",
    ),
    (
        "promptmill_stop_info",
        "gauge",
        "1, with the reason why the exit code is not 0",
    ),
    ("promptmill_rows", "gauge", "Rows of the input"),
    (
        "promptmill_rows_remaining",
        "gauge",
        "Rows without a record",
    ),
    (
        "promptmill_rows_completed",
        "gauge",
        "Rows with a record, by status",
    ),
    (
        "promptmill_failures",
        "gauge",
        "Failed rows, by error category",
    ),
    (
        "promptmill_tokens",
        "gauge",
        "Tokens of all completed rows, by direction",
    ),
    (
        "promptmill_cost_usd",
        "gauge",
        "Known cost of the output, in USD",
    ),
    (
        "promptmill_uncertain_cost_usd",
        "gauge",
        "What else may have been billed at worst, in USD",
    ),
    (
        "promptmill_unpriced_responses",
        "gauge",
        "Responses whose cost is unknown",
    ),
    (
        "promptmill_run_cost_usd",
        "gauge",
        "Known cost of this run, in USD",
    ),
    (
        "promptmill_run_calls_total",
        "counter",
        "Calls sent by this run",
    ),
    (
        "promptmill_run_throttles_total",
        "counter",
        "Calls of this run that were throttled",
    ),
    (
        "promptmill_run_retries_total",
        "counter",
        "Calls of this run that were retries",
    ),
    (
        "promptmill_run_timeouts_total",
        "counter",
        "Calls of this run that timed out and may be billed",
    ),
    ("promptmill_calls_in_flight", "gauge", "Calls in flight"),
    (
        "promptmill_rows_per_minute",
        "gauge",
        "Rows completed in the last minute",
    ),
    (
        "promptmill_tokens_per_minute",
        "gauge",
        "Tokens used in the last minute",
    ),
    (
        "promptmill_limit_requests_per_minute",
        "gauge",
        "Requests per minute that the run keeps to, where known",
    ),
    (
        "promptmill_limit_tokens_per_minute",
        "gauge",
        "Tokens per minute that the run keeps to, where known",
    ),
    (
        "promptmill_learned_requests_per_minute",
        "gauge",
        "Requests per minute learned from throttles",
    ),
    (
        "promptmill_limited_by",
        "gauge",
        "1, with what limits the run now",
    ),
    (
        "promptmill_start_timestamp_seconds",
        "gauge",
        "When the run started",
    ),
    (
        "promptmill_update_timestamp_seconds",
        "gauge",
        "When this file was written",
    ),
    (
        LAST_SUCCESS,
        "gauge",
        "When a run last ended with exit code 0",
    ),
];

/// A metrics file that is kept true.
#[derive(Debug)]
pub(crate) struct MetricsFile {
    path: PathBuf,
    next: Instant,
    last_success: Option<f64>,
    has_warned: bool,
}

impl MetricsFile {
    /// The file at `path`, written at once when it is first asked for.
    pub(crate) fn new(path: &Path, now: Instant) -> Self {
        Self {
            path: path.to_owned(),
            next: now,
            last_success: last_success(path),
            has_warned: false,
        }
    }

    /// Writes the file if that is due. Says once that it cannot be written.
    pub(crate) fn tick(
        &mut self,
        context: &Context,
        progress: &mut Progress,
        now: Instant,
    ) -> Option<String> {
        if now < self.next {
            return None;
        }
        self.next = now + EVERY;
        self.write(context, progress, None, now)
    }

    /// Writes the file: of a run that is under way, or has ended.
    pub(crate) fn write(
        &mut self,
        context: &Context,
        progress: &mut Progress,
        ending: Option<&RunEnding>,
        now: Instant,
    ) -> Option<String> {
        if ending.is_some_and(|ending| ending.exit == Exit::Complete) {
            self.last_success = Some(seconds(Timestamp::now()));
        }
        let mut page = Page::of(&context.name);
        page.run(context, progress, now);
        page.state(ending.map(|ending| (ending.exit, ending.reason)));
        page.put(LAST_SUCCESS, &[], self.last_success);
        let error = replace(&self.path, &page.text()).err()?;
        let is_first = !std::mem::replace(&mut self.has_warned, true);
        is_first.then(|| {
            let path = self.path.display();
            format!("--metrics-file {path}: {error}; the run goes on without it")
        })
    }
}

/// Writes the file of a run that did not start.
pub(crate) fn write_failed(path: &Path, exit: Exit, reason: Reason) {
    let mut page = Page::of(event::job_name().unwrap_or_default());
    if let Some(job) = job_of(path).filter(|_| page.job.is_empty()) {
        page.job = job;
    }
    page.state(Some((exit, Some(reason))));
    page.put(LAST_SUCCESS, &[], last_success(path));
    // The failure itself is reported; a second error has nowhere to go.
    let _ = replace(path, &page.text());
}

/// Lines of the file, gathered by metric.
struct Page {
    job: String,
    lines: Vec<(&'static str, String)>,
}

impl Page {
    fn of(job: &str) -> Self {
        Self {
            job: escaped(job),
            lines: Vec::new(),
        }
    }

    fn put(
        &mut self,
        metric: &'static str,
        labels: &[(&str, &str)],
        value: impl Into<Option<f64>>,
    ) {
        let Some(value) = value.into().filter(|value| value.is_finite()) else {
            return;
        };
        let labels: String = labels
            .iter()
            .map(|(name, value)| format!(",{name}=\"{}\"", escaped(value)))
            .collect();
        let line = format!("{metric}{{job=\"{}\"{labels}}} {value}", self.job);
        self.lines.push((metric, line));
    }

    fn state(&mut self, ended: Option<(Exit, Option<Reason>)>) {
        let is_running = f64::from(u8::from(ended.is_none()));
        self.put("promptmill_running", &[], is_running);
        if let Some((exit, reason)) = ended {
            self.put("promptmill_exit_code", &[], f64::from(exit.code()));
            if let Some(reason) = reason {
                let labels = [("reason", reason.as_str())];
                self.put("promptmill_stop_info", &labels, 1.0);
            }
        }
        let now = seconds(Timestamp::now());
        self.put("promptmill_update_timestamp_seconds", &[], now);
    }

    fn run(&mut self, context: &Context, progress: &mut Progress, now: Instant) {
        let count = |number: u64| Some(number as f64);
        let overall = progress.overall();
        let pace = progress.per_minute(now);
        let remaining = context.rows.saturating_sub(overall.ended());
        self.put("promptmill_rows", &[], count(context.rows));
        self.put("promptmill_rows_remaining", &[], count(remaining));
        for (status, rows) in [
            ("succeeded", overall.succeeded),
            ("filtered", overall.filtered),
            ("failed", overall.failed),
        ] {
            let labels = [("status", status)];
            self.put("promptmill_rows_completed", &labels, count(rows));
        }
        for (category, failures) in &overall.failures {
            let labels = [("category", category.as_str())];
            self.put("promptmill_failures", &labels, count(failures.count));
        }
        for (direction, tokens) in [
            ("input", overall.usage.input_tokens),
            ("output", overall.usage.output_tokens),
        ] {
            let labels = [("direction", direction)];
            self.put("promptmill_tokens", &labels, count(tokens));
        }
        let run = &progress.now;
        let limit = |limit: Option<u64>| limit.map(|limit| limit as f64);
        for (metric, value) in [
            ("promptmill_cost_usd", Some(overall.cost_usd)),
            (
                "promptmill_uncertain_cost_usd",
                Some(overall.uncertain_usd()),
            ),
            ("promptmill_unpriced_responses", count(overall.unpriced)),
            ("promptmill_run_cost_usd", Some(run.cost_usd)),
            ("promptmill_run_calls_total", count(progress.sent)),
            ("promptmill_run_throttles_total", count(progress.throttles)),
            ("promptmill_run_retries_total", count(progress.retries)),
            (
                "promptmill_run_timeouts_total",
                count(progress.maybe_billed),
            ),
            ("promptmill_calls_in_flight", count(progress.in_flight)),
            ("promptmill_rows_per_minute", Some(pace.rows)),
            ("promptmill_tokens_per_minute", Some(pace.tokens)),
            (
                "promptmill_limit_requests_per_minute",
                limit(context.requests_per_minute),
            ),
            (
                "promptmill_limit_tokens_per_minute",
                limit(context.tokens_per_minute),
            ),
            (
                "promptmill_learned_requests_per_minute",
                progress.gauge.learned_per_minute,
            ),
            (
                "promptmill_start_timestamp_seconds",
                Some(seconds(context.started_at)),
            ),
        ] {
            self.put(metric, &[], value);
        }
        if let Some(why) = progress.waits {
            let labels = [("what", why.as_str())];
            self.put("promptmill_limited_by", &labels, 1.0);
        }
    }

    /// Every metric with its help and its type, its lines together, as the format asks.
    fn text(&self) -> String {
        let mut text = String::new();
        for (metric, kind, help) in METRICS {
            let lines = self.lines.iter().filter(|(name, _)| name == metric);
            let lines: Vec<_> = lines.map(|(_, line)| line.as_str()).collect();
            if !lines.is_empty() {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "# HELP {metric} {help}\n# TYPE {metric} {kind}");
                text += &lines.join("\n");
                text.push('\n');
            }
        }
        text
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// The value of a label, as the format has it.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

/// When a run last ended well, as the file at `path` says.
fn last_success(path: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(LAST_SUCCESS))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// The file's job, as the label has it: that of the run before.
fn job_of(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, rest) = text.split_once("{job=\"")?;
    let mut is_escape = false;
    let end = rest.find(|c| {
        let is_end = c == '"' && !is_escape;
        is_escape = c == '\\' && !is_escape;
        is_end
    })?;
    Some(rest[..end].to_owned())
}

/// Puts `text` in the place of the file, for everyone to read: the collector is another user.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = Replacement::of(path)?;
    file.write_all(text.as_bytes())?;
    file.keep(mode_of(path, 0o644))
}

/// The path of a metrics file. The collector reads no other ending, and no file of an output has this one.
pub fn metrics_path(typed: &str) -> Result<PathBuf, &'static str> {
    match typed.ends_with(".prom") {
        true => Ok(typed.into()),
        false => Err("node_exporter reads files that end in .prom: name one, such as job.prom"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_grouped_with_help_and_type_and_labels_are_escaped() {
        let mut page = Page::of("a \"b\"\\\n");
        page.put("promptmill_rows", &[], 3.0);
        page.put("promptmill_failures", &[("category", "network")], 1.0);
        page.put("promptmill_rows_remaining", &[], None);
        page.put("promptmill_cost_usd", &[], f64::NAN);
        assert_eq!(
            page.text(),
            "# HELP promptmill_rows Rows of the input\n\
             # TYPE promptmill_rows gauge\n\
             promptmill_rows{job=\"a \\\"b\\\"\\\\\\n\"} 3\n\
             # HELP promptmill_failures Failed rows, by error category\n\
             # TYPE promptmill_failures gauge\n\
             promptmill_failures{job=\"a \\\"b\\\"\\\\\\n\",category=\"network\"} 1\n"
        );
    }

    #[test]
    fn the_last_success_outlives_runs_that_do_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.prom");
        std::fs::write(&path, format!("{LAST_SUCCESS}{{job=\"j\"}} 1234.5\n")).unwrap();
        write_failed(&path, Exit::Access, Reason::Credentials);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("promptmill_exit_code{job=\"j\"} 77\n"),
            "{text}"
        );
        assert!(text.contains("reason=\"credentials\"} 1\n"), "{text}");
        assert_eq!(last_success(&path), Some(1234.5));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
