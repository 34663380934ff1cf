//! The summary for people: one screen.

use super::RunSummary;
use super::remarks::LEAST_USD;
use crate::exit::Exit;
use crate::format::{count, one_line, time, wrap};

/// Where what is said of a label begins: after two spaces, the label and a space.
const INDENT: usize = 13;

/// A line of the summary, before it is laid out.
enum SummaryLine {
    /// A label and what is said of it.
    Text(&'static str, String),
    /// A label, a number, and remarks on it, one below the other.
    Number(&'static str, u64, Vec<String>),
    /// A label and lines, one below the other.
    List(&'static str, Vec<String>),
}

impl std::fmt::Display for RunSummary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.screen(None))
    }
}

impl RunSummary<'_> {
    /// The summary for a terminal of so many columns, or for a file.
    pub fn screen(&self, columns: Option<usize>) -> String {
        let costs_no_more = self.overall.uncertain_usd() < LEAST_USD && self.overall.unpriced == 0;
        if self.has_nothing_to_do() && self.overall.failed == 0 && costs_no_more {
            return self.headline();
        }
        let lines = self.lines();
        let numbers = lines.iter().filter_map(|line| match line {
            SummaryLine::Number(_, number, _) => Some(count(*number).len()),
            SummaryLine::Text(..) | SummaryLine::List(..) => None,
        });
        let width = numbers.max().unwrap_or_default();
        let mut text = wrap(&self.headline(), 2, columns) + "\n";
        for line in lines {
            let (label, said, indent) = match line {
                SummaryLine::Text(label, said) => (label, vec![said], INDENT),
                SummaryLine::List(label, said) => (label, said, INDENT),
                SummaryLine::Number(label, number, remarks) => {
                    let number = format!("{:>width$}", count(number));
                    let mut remarks = remarks.into_iter();
                    let first = remarks.next().map(|remark| format!("{number}    {remark}"));
                    let said = std::iter::once(first.unwrap_or(number)).chain(remarks);
                    (label, said.collect(), INDENT + width + 4)
                }
            };
            for (at, said) in said.into_iter().enumerate() {
                let line = match at {
                    0 => format!("  {label:<10} {said}"),
                    _ => format!("{:indent$}{said}", ""),
                };
                text += "\n";
                text += &wrap(&line, indent, columns);
            }
        }
        for (what, command) in self.next_steps() {
            text += &format!("\n\n{}\n  {command}", wrap(&what, 0, columns));
        }
        text
    }

    /// Whether every row had completed before this run.
    fn has_nothing_to_do(&self) -> bool {
        let Self {
            progress, ending, ..
        } = self;
        let did_nothing = progress.sent == 0 && progress.now.ended() == 0;
        did_nothing && self.remaining() == 0 && ending.stopped_by.is_none()
    }

    fn headline(&self) -> String {
        let Self {
            context,
            ending,
            overall,
            ..
        } = self;
        let name = &context.name;
        let (rows, took) = (count(context.rows), time(self.elapsed));
        let emulated = match self.is_emulated() {
            true => " (fake responses from the emulator)",
            false => "",
        };
        if self.has_nothing_to_do() && context.rows == 0 {
            return format!("{name}: the input has no rows; nothing to do");
        }
        if self.has_nothing_to_do() {
            let all = match context.rows {
                1 => "the only row".into(),
                many => format!("all {} rows", count(many)),
            };
            let failed = match overall.failed {
                0 => String::new(),
                failed => format!(" ({} failed)", count(failed)),
            };
            return format!("{name}: {all} completed earlier{failed}; nothing to do");
        }
        let completed = count(overall.ended());
        match &ending.stopped_by {
            Some(_) if !matches!(ending.exit, Exit::Complete | Exit::TooManyFailed) => {
                format!(
                    "{name}: stopped after {took}; {completed} of {rows} rows completed{emulated}"
                )
            }
            Some(_) | None => format!(
                "{name}: {} of {rows} rows succeeded in {took}{emulated}",
                count(overall.succeeded)
            ),
        }
    }

    fn lines(&self) -> Vec<SummaryLine> {
        let Self {
            overall,
            progress,
            ending,
            context,
            ..
        } = self;
        let mut lines = Vec::new();
        if let Some(why) = &ending.stopped_by {
            let after = match matches!(ending.exit, Exit::Complete | Exit::TooManyFailed) {
                true => " (nothing was left to send)",
                false => "",
            };
            lines.push(SummaryLine::Text("stopped by", one_line(why, 2000) + after));
        }
        if let Some(advice) = &ending.advice {
            lines.push(SummaryLine::Text("what to do", advice.clone()));
        }
        lines.push(SummaryLine::Number(
            "succeeded",
            overall.succeeded,
            self.succeeded(),
        ));
        if 0 < overall.filtered {
            let remark = "the model or a guardrail filtered the completion; billed";
            lines.push(SummaryLine::Number(
                "filtered",
                overall.filtered,
                vec![remark.into()],
            ));
        }
        if 0 < overall.failed {
            lines.push(SummaryLine::Number(
                "failed",
                overall.failed,
                self.failures(),
            ));
        }
        if 0 < self.remaining() {
            lines.push(SummaryLine::Number(
                "remaining",
                self.remaining(),
                Vec::new(),
            ));
        }
        if let Some(failures) = &ending.too_many_failed {
            lines.push(SummaryLine::Text("exit code", format!("3: {failures}")));
        }
        let usage = &overall.usage;
        if 0 < usage.input_tokens.max(usage.output_tokens) {
            let cached = match usage.cache_read_input_tokens {
                0 => String::new(),
                cached => format!(" ({} read from the cache)", count(cached)),
            };
            let (input, output) = (count(usage.input_tokens), count(usage.output_tokens));
            lines.push(SummaryLine::Text(
                "tokens",
                format!("{input} in{cached}, {output} out"),
            ));
        }
        if 0 < overall.responses() || 0.0 < overall.cost_usd + overall.uncertain_usd() {
            lines.push(SummaryLine::Text("cost", self.cost()));
        }
        if !context.variants.is_empty() {
            lines.push(SummaryLine::List("variants", self.variants()));
        }
        if 0 < progress.sent {
            lines.push(SummaryLine::Number("calls", progress.sent, self.calls()));
            lines.extend(self.hint().map(|hint| SummaryLine::Text("hint", hint)));
        }
        if 0 < overall.answered() {
            let output = context.paths.output.display();
            lines.push(SummaryLine::Text("output", output.to_string()));
        }
        if 0 < overall.failed {
            let failures = context.paths.failed.display();
            lines.push(SummaryLine::Text("failures", failures.to_string()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::*;
    use crate::model::Fingerprint;
    use crate::output::tally::Failures;
    use crate::output::{EarlierRows, Mode, OutputPaths};
    use crate::report::progress::Progress;
    use crate::report::summary::{Context, RunEnding};

    fn context(rows: u64) -> Context {
        Context {
            variants: Vec::new(),
            records: 0,
            run: "20261130T221500Z-1f0c3a9e".into(),
            name: "nightly".into(),
            model: "m".into(),
            rows,
            emulated: false,
            named_ids: true,
            fingerprint: Fingerprint::default(),
            settings: crate::output::RecordedSettings {
                model: "m".into(),
                prompt: String::new(),
                parameters: String::new(),
            },
            only: None,
            max_tokens: Some(64),
            thought: 0,
            max_cost_usd: Some(2.0),
            deadline_at: None,
            requests_per_minute: Some(60),
            tokens_per_minute: None,
            started_at: Timestamp::UNIX_EPOCH,
            paths: OutputPaths::new(Path::new("out/labels.jsonl")),
            mode: Mode::default(),
            resume: "promptmill run nightly.toml".into(),
            retry_failed: "promptmill run nightly.toml --retry-failed".into(),
        }
    }

    fn ending(exit: Exit, stopped_by: Option<&str>) -> RunEnding {
        RunEnding {
            exit,
            state: crate::output::RecordedState::Completed,
            reason: None,
            stopped_by: stopped_by.map(str::to_owned),
            advice: None,
            goes_on: true,
            too_many_failed: None,
            bears_bad_rows: false,
        }
    }

    fn failures(count: u64, row: u64, message: &str) -> Failures {
        Failures {
            count,
            example_row: row,
            example_id: Some(format!("T-{row}")),
            example_message: message.into(),
        }
    }

    /// A run of 1,319 rows of which 3 failed, after 46 seconds.
    fn finished(columns: Option<usize>) -> String {
        let start = Instant::now();
        let mut progress = Progress::new(&EarlierRows::default(), start);
        progress.sent = 1331;
        progress.throttles = 12;
        progress.retries = 8;
        progress.now.succeeded = 1316;
        progress.now.cut_off = 9;
        progress.now.failed = 3;
        progress.now.cost_usd = 0.71823;
        progress.now.usage.input_tokens = 412_330;
        progress.now.usage.output_tokens = 61_212;
        let message = "max_tokens: 9000 > 8192, which is the maximum allowed for this model";
        let categories = &mut progress.now.failures;
        categories.insert("invalid_request".into(), failures(2, 1044, message));
        categories.insert("throttled".into(), failures(1, 7, "slow down"));
        let (context, ending) = (context(1319), ending(Exit::TooManyFailed, None));
        let end = start + Duration::from_secs(46);
        RunSummary::new(&context, &ending, &progress, end).screen(columns)
    }

    #[test]
    fn a_finished_run_fits_one_screen() {
        let expected = "\
nightly: 1,316 of 1,319 rows succeeded in 46s

  succeeded  1,316    9 cut off at max_tokens = 64
  failed         3    2 invalid_request (first: row 1044, T-1044): max_tokens: 9000 > 8192, which is the maximum allowed for this model
                      1 throttled (row 7, T-7): slow down
  tokens     412,330 in, 61,212 out
  cost       $0.7182 of $2.00
  calls      1,331    1,720 rows/min, 12 throttled, 8 retried
  output     out/labels.jsonl
  failures   out/labels.failed.jsonl

Retry the failed rows:
  promptmill run nightly.toml --retry-failed";
        assert_eq!(finished(None), expected);
    }

    #[test]
    fn on_a_terminal_no_line_is_wider_and_no_word_is_broken() {
        let whole = finished(None);
        for columns in [80, 50] {
            let text = finished(Some(columns));
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
            let words = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(words(&text), words(&whole), "{columns}");
        }
        let narrow = finished(Some(50));
        assert!(
            narrow.contains(
                "\n  failed         3    2 invalid_request (first:\
                 \n                      row 1044, T-1044):\n"
            ),
            "{narrow}"
        );
    }

    /// The end of a run that sent nothing, after an earlier one.
    fn again(earlier: impl FnOnce(&mut Progress), rows: u64) -> String {
        let start = Instant::now();
        let mut progress = Progress::new(&EarlierRows::default(), start);
        earlier(&mut progress);
        let (context, ending) = (context(rows), ending(Exit::Complete, None));
        RunSummary::new(&context, &ending, &progress, start).to_string()
    }

    #[test]
    fn a_finished_rerun_says_that_there_was_nothing_to_do() {
        let all = again(|progress| progress.past.succeeded = 1319, 1319);
        assert_eq!(
            all,
            "nightly: all 1,319 rows completed earlier; nothing to do"
        );
        let some_failed = again(
            |progress| {
                progress.past.succeeded = 1318;
                progress.past.failed = 1;
                let failed = failures(1, 7, "slow down");
                progress.past.failures.insert("throttled".into(), failed);
            },
            1319,
        );
        let first = "nightly: all 1,319 rows completed earlier (1 failed); nothing to do\n";
        assert!(some_failed.starts_with(first), "{some_failed}");
        let line = "\n  failed         1    throttled (row 7, T-7): slow down\n";
        assert!(some_failed.contains(line), "{some_failed}");
        let last = "Retry the failed rows:\n  promptmill run nightly.toml --retry-failed";
        assert!(some_failed.ends_with(last), "{some_failed}");
    }

    #[test]
    fn a_run_that_was_stopped_says_how_to_resume() {
        let start = Instant::now();
        let mut progress = Progress::new(&EarlierRows::default(), start);
        progress.sent = 9;
        progress.now.succeeded = 9;
        let (context, ending) = (context(40), ending(Exit::Interrupted, Some("Ctrl-C")));
        let end = start + Duration::from_secs(5);
        let text = RunSummary::new(&context, &ending, &progress, end).to_string();
        let first = "nightly: stopped after 5.0s; 9 of 40 rows completed\n\n  stopped by Ctrl-C\n";
        assert!(text.starts_with(first), "{text}");
        assert!(text.contains("\n  remaining  31\n"), "{text}");
        let last = "\n\nResume:\n  promptmill run nightly.toml";
        assert!(text.ends_with(last), "{text}");
    }

    /// What is said of 60 requests a minute after `sent` calls in so many seconds.
    fn quota(sent: u64, seconds: u64) -> Option<String> {
        let (context, ending) = (context(sent), ending(Exit::Complete, None));
        let start = Instant::now();
        let mut progress = Progress::new(&EarlierRows::default(), start);
        progress.sent = sent;
        let end = start + Duration::from_secs(seconds);
        RunSummary::new(&context, &ending, &progress, end).quota()
    }

    #[test]
    fn the_use_of_a_quota_per_minute_is_said_of_whole_minutes_only() {
        assert_eq!(quota(1, 1), None);
        assert_eq!(quota(60, 59), None);
        let used = |percent| Some(format!("{percent}% of 60 requests/min used"));
        assert_eq!(quota(61, 60), used(100));
        assert_eq!(quota(46, 90), used(50));
    }
}
