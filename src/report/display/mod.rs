//! What a person sees during a run: a live view on a terminal, else a line now and then.
//!
//! All of it goes to standard error. Without a terminal nothing moves and nothing is colored;
//! NO_COLOR switches colors off.

mod reading;
mod terminal;
mod view;

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::progress::Progress;
use crate::event::{self, Level};
use crate::format::{Paint, escaped, one_line, plural, rough, time};
use crate::run::{Event, Reached, Stop, WaitReason};
use crate::stderr;
use terminal::Below;
use view::Figures;

pub use reading::ReadingProgress;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How often the live view is redrawn, and how soon the status line comes that was asked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Redrawn in place.
    Live,
    /// One line of text every few seconds.
    Lines,
    /// One line of JSON every few seconds.
    Json,
    /// Only warnings and errors.
    Quiet,
    /// Only warnings and errors, in lines of JSON.
    QuietJson,
}

impl Style {
    /// Live on a terminal, lines elsewhere, and on one that can only print.
    pub fn for_stderr() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if std::io::stderr().is_terminal() && !is_dumb {
            Self::Live
        } else {
            Self::Lines
        }
    }
}

/// Colors for standard error: on a terminal that has some, unless NO_COLOR is set.
pub fn paint() -> Paint {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match Style::for_stderr() {
        Style::Live if !no_color => Paint::On,
        Style::Live | Style::Lines | Style::Json | Style::Quiet | Style::QuietJson => Paint::Off,
    }
}

/// How many columns the terminal on standard error has, if there is one.
pub fn columns() -> Option<usize> {
    let size = console::Term::stderr().size_checked();
    size.map(|(_, columns)| usize::from(columns))
}

/// How many columns the terminal on standard output has, if there is one.
pub fn columns_of_stdout() -> Option<usize> {
    let size = console::Term::stdout().size_checked();
    size.map(|(_, columns)| usize::from(columns))
}

/// The view of one run.
#[derive(Debug)]
pub struct Display {
    style: Style,
    name: String,
    rows: u64,
    max_cost_usd: Option<f64>,
    drain: Duration,
    bar: Option<ProgressBar>,
    next_line: Instant,
    status_asked: Option<watch::Receiver<()>>,
    /// Why the output cannot be written, once that has been said.
    trouble: Option<String>,
}

impl Display {
    /// A view of a run over `rows` rows, those that ended before included.
    pub fn new(style: Style, rows: u64, drain: Duration, now: Instant) -> Self {
        let bar = (style == Style::Live).then(|| bar(rows));
        Self {
            style,
            name: String::new(),
            rows,
            max_cost_usd: None,
            drain,
            bar,
            next_line: now + LINE_EVERY,
            status_asked: None,
            trouble: None,
        }
    }

    /// Names the job, and the most that its output may cost, in USD.
    pub fn of_job(self, name: &str, max_cost_usd: Option<f64>) -> Self {
        Self {
            name: one_line(name, 60),
            max_cost_usd,
            ..self
        }
    }

    /// Also writes its line whenever `asked` changes, however quiet it is otherwise.
    pub fn showing_when(self, asked: watch::Receiver<()>) -> Self {
        Self {
            status_asked: Some(asked),
            ..self
        }
    }

    /// How often [`Event::Tick`] is wanted.
    pub fn tick(&self) -> Duration {
        LOOK_EVERY
    }

    /// Shows what has changed.
    pub fn show(&mut self, event: &Event<'_>, progress: &mut Progress, now: Instant) {
        match event {
            Event::Tick => self.refresh(progress, now),
            Event::Stops(stop) => self.say(&stopping(stop, progress.in_flight, self.drain)),
            Event::CannotWrite(error) => {
                let trouble = error.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    self.say(&format!(
                        "{trouble}; sending nothing, trying again every second"
                    ));
                    self.trouble = Some(trouble);
                }
            }
            Event::Sent { .. } => self.trouble = None,
            Event::Retry { .. }
            | Event::Completed(_)
            | Event::Reasked { .. }
            | Event::Uncorrected { .. }
            | Event::Left { .. }
            | Event::Abandoned
            | Event::Unattributed { .. }
            | Event::Over(_)
            | Event::Waits(..) => {}
        }
    }

    /// Takes the live view off the terminal, for the summary to take its place. Programs are shown
    /// the final counts.
    pub fn close(&self, progress: &mut Progress, now: Instant) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.style == Style::Json {
            self.write_status(progress, now);
        }
    }

    fn is_asked_for(&mut self) -> bool {
        let Some(asked) = &mut self.status_asked else {
            return false;
        };
        let changed = asked.has_changed().unwrap_or(false);
        if changed {
            asked.mark_unchanged();
        }
        changed
    }

    fn refresh(&mut self, progress: &mut Progress, now: Instant) {
        if self.is_asked_for() {
            self.write_status(progress, now);
        }
        if let Some(bar) = &self.bar {
            let columns = columns().unwrap_or(USUAL_COLUMNS);
            bar.set_message(self.figures(progress, now).view(columns, paint()));
            return;
        }
        if now < self.next_line {
            return;
        }
        self.next_line = now + LINE_EVERY;
        match self.style {
            Style::Lines | Style::Json => self.write_status(progress, now),
            Style::Live | Style::Quiet | Style::QuietJson => {}
        }
    }

    fn write_status(&self, progress: &mut Progress, now: Instant) {
        if matches!(self.style, Style::Json | Style::QuietJson) {
            return self.write(&escaped(&self.json(progress, now).to_string()));
        }
        self.say(&self.figures(progress, now).line());
    }

    fn figures(&self, progress: &mut Progress, now: Instant) -> Figures {
        let pace = progress.per_minute(now);
        let overall = progress.overall();
        let left = self.rows.saturating_sub(overall.ended());
        Figures {
            name: self.name.clone(),
            completed: overall.ended(),
            rows: self.rows,
            elapsed: progress.elapsed(now),
            left: progress.time_left(left, now),
            counts: [
                (Some(overall.succeeded), "succeeded"),
                (
                    Some(overall.filtered).filter(|number| 0 < *number),
                    "filtered",
                ),
                (Some(overall.failed), "failed"),
                (Some(progress.in_flight), "in flight"),
                (
                    Some(progress.throttles).filter(|number| 0 < *number),
                    "throttled",
                ),
                (
                    Some(progress.retries).filter(|number| 0 < *number),
                    "retried",
                ),
            ],
            cost_usd: overall.cost_usd,
            max_cost_usd: self.max_cost_usd,
            rows_per_minute: pace.rows,
            tokens_per_minute: pace.tokens,
            limited_by: progress.waits.map(|why| limited_by(why, progress)),
        }
    }

    fn json(&self, progress: &mut Progress, now: Instant) -> serde_json::Value {
        let pace = progress.per_minute(now);
        let overall = progress.overall();
        let left = self.rows.saturating_sub(overall.ended());
        let fields = json!({
            "rows": self.rows,
            "succeeded": overall.succeeded,
            "filtered": overall.filtered,
            "failed": overall.failed,
            "in_flight": progress.in_flight,
            "throttles": progress.throttles,
            "retries": progress.retries,
            "rows_per_minute": pace.rows,
            "tokens_per_minute": pace.tokens,
            "learned_requests_per_minute": progress.gauge.learned_per_minute,
            "cost_usd": overall.known_cost(),
            "seconds_left": progress.time_left(left, now).map(|left| left.as_secs()),
            "waiting_for": progress.waits.map(WaitReason::as_str),
        });
        event::event("progress", Level::Info, fields)
    }

    fn say(&self, text: &str) {
        match self.style {
            Style::Json | Style::QuietJson => {
                self.write(&escaped(&event::note(Level::Warning, text).to_string()));
            }
            Style::Live | Style::Lines | Style::Quiet => self.write(&one_line(text, 500)),
        }
    }

    fn write(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| stderr::line(line)),
            None => stderr::line(line),
        }
    }
}

/// How often a view is drawn at most, a second: as indicatif does on its own.
const DRAWN: u8 = 20;

/// How wide a terminal is that does not say.
const USUAL_COLUMNS: usize = 80;

fn bar(rows: u64) -> ProgressBar {
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Below::stderr()), DRAWN);
    let bar = ProgressBar::with_draw_target(Some(rows), target);
    let style = ProgressStyle::with_template("{msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// What limits the run now, with what led to it.
fn limited_by(why: WaitReason, progress: &Progress) -> String {
    let fault = progress.last_fault.as_deref();
    let after = |words: &str| match fault {
        Some(fault) => format!("{words}{}", one_line(fault, 90)),
        None => words.trim_end_matches([':', ' ']).to_owned(),
    };
    match why {
        WaitReason::Concurrency
        | WaitReason::Requests
        | WaitReason::Tokens
        | WaitReason::TokensOfDay => format!("limited by {}", why.as_str()),
        WaitReason::LearnedRate => match progress.gauge.learned_per_minute {
            Some(learned) => format!("limited by the learned rate ({}/min)", rough(learned)),
            None => "limited by the learned rate".into(),
        },
        WaitReason::Budget => "limited by the cost limit".into(),
        WaitReason::RetryBudget => after("limited by the retry budget, after "),
        WaitReason::Retries => after("waiting to retry after "),
        WaitReason::Credentials => {
            after("credentials expired; log in again and the run resumes by itself: ")
        }
        WaitReason::Outage => after("service errors, still trying: "),
        WaitReason::NotReady => "waiting for the model to load".into(),
        WaitReason::FirstAnswer => {
            "waiting for the first response, which fills the prompt cache".into()
        }
        WaitReason::FirstGrammar => {
            "waiting for the first response, for which the service compiles the schema".into()
        }
        WaitReason::Memory => "limited by memory for calls in flight".into(),
        WaitReason::Proof => {
            "waiting for a first success, since every row so far was rejected".into()
        }
        WaitReason::Input => "reading completed rows of the input".into(),
        WaitReason::LastResponses => "waiting for the last responses".into(),
        WaitReason::Drain => "waiting for calls in flight".into(),
        WaitReason::Disk => "waiting for the output disk".into(),
    }
}

fn stopping(stop: &Stop, in_flight: u64, drain: Duration) -> String {
    let why = match stop {
        Stop::Interrupted => "Ctrl-C",
        Stop::Terminated => "SIGTERM",
        Stop::HungUp => "SIGHUP",
        Stop::Input(_) => "the input could not be read",
        Stop::Bug => "a bug in promptmill",
        Stop::Fault(_) | Stop::AllInvalid(_) => "an error that every row would share",
        Stop::Limit(Reached::Cost { .. } | Reached::RunCost { .. }) => "cost limit reached",
        Stop::Limit(Reached::Deadline(_)) => "deadline reached",
        Stop::Limit(Reached::ErrorRate { .. }) => "error rate limit reached",
        Stop::TokensPerDay => "daily token limit reached",
        Stop::Unreachable { .. } => "the service is unreachable",
        Stop::Throttled { .. } => "the service throttles every call",
        Stop::CannotWrite { .. } => "the output cannot be written",
    };
    let calls = match in_flight {
        0 => return format!("stopping: {why}"),
        calls => plural(calls, "call"),
    };
    let drain = time(drain);
    if stop.is_pressing() {
        let again = match matches!(stop, Stop::Interrupted) {
            true => " again",
            false => "",
        };
        format!(
            "stopping: {why}; waiting up to {drain} for {calls} in flight (press Ctrl-C{again} to \
             exit now)"
        )
    } else {
        format!(
            "stopping: {why}; waiting for {calls} in flight (press Ctrl-C to wait at most {drain})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Category, Fault};

    #[track_caller]
    fn check(stop: Stop, ends: &str) {
        let said = stopping(&stop, 2, Duration::from_secs(25));
        assert!(said.ends_with(ends), "{said}");
    }

    #[test]
    fn a_second_ctrl_c_is_offered_only_after_the_first() {
        check(Stop::Interrupted, "(press Ctrl-C again to exit now)");
        check(Stop::Terminated, "(press Ctrl-C to exit now)");
        let deadline = Reached::Deadline(Duration::from_secs(9));
        check(Stop::Limit(deadline), "(press Ctrl-C to exit now)");
        check(Stop::Bug, "(press Ctrl-C to wait at most 25s)");
    }

    #[test]
    fn a_service_that_throttles_is_not_unreachable() {
        let fault = Box::new(Fault::local(Category::Throttled, "slow down"));
        let lasted = Duration::from_secs(900);
        let said = |stop| stopping(&stop, 0, Duration::ZERO);
        let refused = said(Stop::Throttled {
            lasted,
            fault: fault.clone(),
        });
        assert_eq!(refused, "stopping: the service throttles every call");
        let unreachable = said(Stop::Unreachable { lasted, fault });
        assert_eq!(unreachable, "stopping: the service is unreachable");
    }
}
