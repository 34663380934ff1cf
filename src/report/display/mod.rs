//! What a person sees while a run goes on: a live view on a terminal, else a line now and then.
//!
//! All of it goes to standard error. Without a terminal nothing moves and nothing is colored;
//! NO_COLOR switches colors off.

mod reading;
mod terminal;

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::progress::Progress;
use crate::format::{Paint, count, dollars, escaped, one_line, plural, rough, time};
use crate::run::{Event, Reached, Stop, WaitReason};
use terminal::Below;

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
    /// Nothing but trouble.
    Quiet,
    /// Nothing but trouble, in lines of JSON.
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

/// The view of one run.
#[derive(Debug)]
pub struct Display {
    style: Style,
    rows: u64,
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
            rows,
            drain,
            bar,
            next_line: now + LINE_EVERY,
            status_asked: None,
            trouble: None,
        }
    }

    /// The same, and writes its line whenever `asked` changes, however quiet it is otherwise.
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
                        "{trouble}; nothing new is sent, trying again every second"
                    ));
                    self.trouble = Some(trouble);
                }
            }
            Event::Sent { .. } => self.trouble = None,
            Event::Again { .. }
            | Event::Completed(_)
            | Event::Left { .. }
            | Event::Abandoned
            | Event::Unlisted { .. }
            | Event::Over(_)
            | Event::Waits(..) => {}
        }
    }

    /// Takes the live view off the terminal, for the summary to take its place.
    pub fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
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
            bar.set_position(progress.past.ended() + progress.now.ended());
            bar.set_message(self.figures(progress, now));
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
        let done = progress.past.ended() + progress.now.ended();
        let figures = self.figures(progress, now).replace('\n', "; ");
        self.say(&format!(
            "{} of {} rows; {figures}",
            count(done),
            count(self.rows)
        ));
    }

    fn figures(&self, progress: &mut Progress, now: Instant) -> String {
        let pace = progress.per_minute(now);
        let overall = progress.overall();
        let mut parts = vec![
            format!("answered {}", count(overall.answered())),
            format!("failed {}", count(overall.failed)),
            format!("in flight {}", count(progress.in_flight)),
        ];
        if 0 < progress.throttles {
            parts.push(format!("throttled {}", count(progress.throttles)));
        }
        if 0 < progress.retries {
            parts.push(format!("retried {}", count(progress.retries)));
        }
        if 0.0 < overall.cost_usd {
            parts.push(dollars(overall.cost_usd));
        }
        let mut rates = vec![
            format!("{} rows/min", rough(pace.rows)),
            format!("{} tokens/min", rough(pace.tokens)),
        ];
        let left = self.rows.saturating_sub(overall.ended());
        if let Some(learned) = progress.gauge.learned_per_minute {
            rates.push(format!("learned {}/min", rough(learned)));
        }
        if let Some(left) = progress.time_left(left, now) {
            rates.push(format!("about {} left", time(left)));
        }
        if let Some(why) = progress.waits {
            rates.push(format!("waiting for {}", waiting(why, progress)));
        }
        format!("{}\n{}", parts.join("  "), rates.join("  "))
    }

    fn json(&self, progress: &mut Progress, now: Instant) -> serde_json::Value {
        let pace = progress.per_minute(now);
        let overall = progress.overall();
        let left = self.rows.saturating_sub(overall.ended());
        json!({
            "event": "progress",
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
        })
    }

    fn say(&self, text: &str) {
        match self.style {
            Style::Json | Style::QuietJson => {
                let note = json!({ "event": "note", "message": text });
                self.write(&escaped(&note.to_string()));
            }
            Style::Live | Style::Lines | Style::Quiet => self.write(&one_line(text, 500)),
        }
    }

    fn write(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| to_stderr(line)),
            None => to_stderr(line),
        }
    }
}

/// A closed standard error must not end a run that is being paid for.
fn to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// How often a view is drawn at most, a second: as indicatif does on its own.
const DRAWN: u8 = 20;

fn bar(rows: u64) -> ProgressBar {
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Below::stderr()), DRAWN);
    let bar = ProgressBar::with_draw_target(Some(rows), target);
    let style = ProgressStyle::with_template(
        "{wide_bar} {human_pos}/{human_len} {percent}%  {elapsed}\n{msg}",
    );
    bar.set_style(
        style
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> "),
    );
    bar
}

/// What is waited for, with what led to it.
fn waiting(why: WaitReason, progress: &Progress) -> String {
    let fault = progress
        .last_fault
        .as_deref()
        .map(|fault| one_line(fault, 90));
    match (why, fault) {
        (WaitReason::Concurrency, _) => "answers, every slot is taken".into(),
        (WaitReason::Retries, Some(fault)) => format!("retries after {fault}"),
        (WaitReason::RetryBudget, Some(fault)) => {
            format!("the retry budget, a tenth of the answers, after {fault}")
        }
        (WaitReason::Credentials, Some(fault)) => {
            format!("new credentials (log in again, it goes on by itself): {fault}")
        }
        (WaitReason::Outage, Some(fault)) => format!("the service, which is down: {fault}"),
        (
            WaitReason::Requests
            | WaitReason::Tokens
            | WaitReason::TokensOfDay
            | WaitReason::Refusals
            | WaitReason::FirstAnswer
            | WaitReason::Proof
            | WaitReason::Budget
            | WaitReason::Input
            | WaitReason::Answers
            | WaitReason::Retries
            | WaitReason::RetryBudget
            | WaitReason::Credentials
            | WaitReason::Outage
            | WaitReason::NotReady
            | WaitReason::Drain
            | WaitReason::Disk,
            _,
        ) => why.as_str().into(),
    }
}

fn stopping(stop: &Stop, in_flight: u64, drain: Duration) -> String {
    let why = match stop {
        Stop::Interrupted => "Ctrl-C",
        Stop::Terminated => "asked to terminate",
        Stop::HungUp => "the terminal is gone",
        Stop::Input(_) => "the input broke off",
        Stop::Bug => "a bug in promptmill",
        Stop::Fault(_) | Stop::AllInvalid(_) => "a fault that every row would share",
        Stop::Limit(Reached::Cost { .. }) => "the budget is used up",
        Stop::Limit(Reached::Deadline(_)) => "the deadline has come",
        Stop::Limit(Reached::ErrorRate { .. }) => "too many rows fail",
        Stop::TokensPerDay => "the day's tokens are used up",
        Stop::Unreachable { .. } => "the service cannot be reached",
        Stop::Refused { .. } => "the service refuses every call",
        Stop::CannotWrite { .. } => "the output cannot be written",
    };
    let calls = match in_flight {
        0 => return format!("stopping: {why}"),
        calls => plural(calls, "call"),
    };
    let drain = time(drain);
    if stop.is_pressing() {
        // Nobody has pressed anything yet where something else stops the run.
        let again = match matches!(stop, Stop::Interrupted) {
            true => " again",
            false => "",
        };
        format!(
            "stopping: {why}; waiting up to {drain} for {calls} in flight (press Ctrl-C{again} to \
             leave now)"
        )
    } else {
        format!(
            "stopping: {why}; waiting for {calls} in flight (press Ctrl-C to wait {drain} at most)"
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
    fn only_who_has_pressed_ctrl_c_is_to_press_it_again() {
        check(Stop::Interrupted, "(press Ctrl-C again to leave now)");
        check(Stop::Terminated, "(press Ctrl-C to leave now)");
        let deadline = Reached::Deadline(Duration::from_secs(9));
        check(Stop::Limit(deadline), "(press Ctrl-C to leave now)");
        check(Stop::Bug, "(press Ctrl-C to wait 25 s at most)");
    }

    #[test]
    fn a_service_that_refuses_was_reached() {
        let fault = Box::new(Fault::local(Category::Throttled, "slow down"));
        let lasted = Duration::from_secs(900);
        let said = |stop| stopping(&stop, 0, Duration::ZERO);
        let refused = said(Stop::Refused {
            lasted,
            fault: fault.clone(),
        });
        assert_eq!(refused, "stopping: the service refuses every call");
        let unreachable = said(Stop::Unreachable { lasted, fault });
        assert_eq!(unreachable, "stopping: the service cannot be reached");
    }
}
