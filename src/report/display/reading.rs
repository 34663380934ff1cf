//! What a person sees of the reading that goes before the first call, where it takes long.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{LINE_EVERY, LOOK_EVERY, Style, bar};
use crate::event::{self, Level};
use crate::format::{escaped, one_line, plural};
use crate::stderr;

/// Who waits shorter than this needs no telling.
const LONG: Duration = Duration::from_secs(1);

/// The view of one reading of an input. It takes itself off the terminal.
#[derive(Debug)]
pub struct ReadingProgress {
    style: Style,
    input: String,
    rows: u64,
    next: Instant,
    bar: Option<ProgressBar>,
}

impl ReadingProgress {
    /// A view of the reading of `input`, which begins now.
    pub fn new(style: Style, input: &Path, now: Instant) -> Self {
        let first = match style {
            Style::Live => LONG,
            Style::Lines | Style::Json | Style::Quiet | Style::QuietJson => LINE_EVERY,
        };
        Self {
            style,
            input: one_line(&input.display().to_string(), 60),
            rows: 0,
            next: now + first,
            bar: None,
        }
    }

    /// Counts a row, and shows how many there are where it is time to.
    pub fn saw_a_row(&mut self, now: Instant) {
        self.rows += 1;
        if self.is_due(now) {
            self.show();
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now
            + match self.style {
                Style::Live => LOOK_EVERY,
                Style::Lines | Style::Json | Style::Quiet | Style::QuietJson => LINE_EVERY,
            };
        true
    }

    fn show(&mut self) {
        match self.style {
            Style::Live => {
                let text = self.text();
                self.bar.get_or_insert_with(line).set_message(text);
            }
            Style::Lines => stderr::line(&self.text()),
            Style::Json => stderr::line(&escaped(&self.json().to_string())),
            Style::Quiet | Style::QuietJson => {}
        }
    }

    fn text(&self) -> String {
        let Self { input, rows, .. } = self;
        let rows = plural(*rows, "row");
        format!("reading {input}: {rows} so far; nothing is sent before all are read")
    }

    fn json(&self) -> Value {
        let fields = json!({ "input": self.input, "rows": self.rows });
        event::event("reading", Level::Info, fields)
    }
}

impl Drop for ReadingProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The number of rows is unknown, so there is no bar to fill.
fn line() -> ProgressBar {
    let line = bar(0);
    let style = ProgressStyle::with_template("{wide_msg}");
    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds of a reading of a row a second in which it is shown.
    #[track_caller]
    fn check(style: Style, seconds: &[u64]) {
        let start = Instant::now();
        let mut reading = ReadingProgress::new(style, Path::new("in.csv"), start);
        let due = |second: &u64| reading.is_due(start + Duration::from_secs(*second));
        let shown: Vec<_> = (0..12).filter(due).collect();
        assert_eq!(shown, seconds, "{style:?}");
    }

    #[test]
    fn a_short_reading_is_not_shown_and_a_long_one_every_few_seconds() {
        check(Style::Lines, &[5, 10]);
        check(Style::Json, &[5, 10]);
        check(Style::Live, &(1..12).collect::<Vec<_>>());
    }

    #[test]
    fn a_reading_says_how_far_it_is() {
        let start = Instant::now();
        let mut reading = ReadingProgress::new(Style::Quiet, Path::new("in.csv"), start);
        (0..1234).for_each(|_| reading.saw_a_row(start));
        let text = "reading in.csv: 1,234 rows so far; nothing is sent before all are read";
        assert_eq!(reading.text(), text);
        let json = reading.json();
        assert_eq!(
            (&json["event"], &json["input"]),
            (&"reading".into(), &"in.csv".into())
        );
        assert_eq!(json["rows"], 1234);
    }
}
