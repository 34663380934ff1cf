//! The figures of a run in progress, as a live view or as one line.

use std::time::Duration;

use crate::format::{Paint, count, dollars, dollars_of, one_line, rough, time};

/// The least columns that the bar is worth.
const LEAST_BAR: usize = 5;

/// The figures of a run at one moment.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) name: String,
    pub(super) completed: u64,
    pub(super) rows: u64,
    pub(super) elapsed: Duration,
    pub(super) left: Option<Duration>,
    /// Numbers with their words; those that are not worth a word are missing.
    pub(super) counts: [(Option<u64>, &'static str); 6],
    pub(super) cost_usd: f64,
    pub(super) max_cost_usd: Option<f64>,
    pub(super) rows_per_minute: f64,
    pub(super) tokens_per_minute: f64,
    pub(super) limited_by: Option<String>,
}

impl Figures {
    /// One line, for a file or a pipe.
    pub(super) fn line(&self) -> String {
        let mut parts = vec![
            format!("{} of {} rows", count(self.completed), count(self.rows)),
            self.counts().join(", "),
            self.rates().join(", "),
        ];
        parts.extend(self.limited_by.clone());
        parts.extend(
            self.left
                .map(|left| format!("about {} left", roughly(left))),
        );
        parts.join("; ")
    }

    /// A few lines for a terminal of so many columns, none of them wider.
    pub(super) fn view(&self, columns: usize, paint: Paint) -> String {
        // Some terminals wrap a line that fills the last column.
        let columns = columns.saturating_sub(1).max(10);
        let mut rates = self.rates();
        rates.extend(self.limited_by.clone());
        let mut lines = vec![self.bar(columns, paint)];
        for parts in [self.counts(), rates] {
            lines.extend(arranged(&parts, columns));
        }
        let failed = self.counts.iter().find(|(_, word)| *word == "failed");
        if let Some((Some(number @ 1..), _)) = failed {
            let failed = format!("{} failed", count(*number));
            for line in &mut lines {
                *line = line.replace(&failed, &paint.red(&failed));
            }
        }
        lines.join("\n")
    }

    /// The name, a bar where there is room for it, and how far it is.
    fn bar(&self, columns: usize, paint: Paint) -> String {
        let name = one_line(&self.name, columns / 4);
        let (completed, rows) = (self.completed.min(self.rows), self.rows.max(1));
        let percent = completed * 100 / rows;
        let done = format!("{}/{}   {percent}%", count(completed), count(self.rows));
        let elapsed = time(self.elapsed);
        let ends = [
            self.left
                .map(|left| format!("{done}   {elapsed}, about {} left", roughly(left))),
            Some(format!("{done}   {elapsed}")),
            Some(done),
        ];
        let width = |text: &str| text.chars().count();
        let mut ends = ends.into_iter().flatten();
        let fits = |end: &String| width(&name) + 2 + width(end) <= columns;
        let end = ends.find(fits).unwrap_or_default();
        let room = columns.saturating_sub(width(&name) + 2 + width(&end) + 2);
        if room < LEAST_BAR {
            return one_line(&format!("{name}  {end}"), columns);
        }
        // The product of two numbers of rows may need more than 64 bits.
        let filled = (completed as f64 / rows as f64 * room as f64) as usize;
        let filled = filled.min(room);
        let bar = paint.green(&"━".repeat(filled));
        let rest = paint.dim(&"─".repeat(room - filled));
        format!("{name}  {bar}{rest}  {end}")
    }

    fn counts(&self) -> Vec<String> {
        let counts = self.counts.iter();
        let counts = counts.filter_map(|(number, word)| Some((number.as_ref()?, word)));
        let mut parts: Vec<_> = counts
            .map(|(number, word)| format!("{} {word}", count(*number)))
            .collect();
        let cost = match self.max_cost_usd {
            Some(most) => Some(dollars_of(self.cost_usd, most)),
            None => (0.0 < self.cost_usd).then(|| dollars(self.cost_usd)),
        };
        parts.extend(cost);
        parts
    }

    fn rates(&self) -> Vec<String> {
        vec![
            format!("{} rows/min", rough(self.rows_per_minute)),
            format!("{} tokens/min", rough(self.tokens_per_minute)),
        ]
    }
}

/// A time that is a guess: without tenths.
fn roughly(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..10 => format!("{}s", seconds.max(1)),
        _ => time(left),
    }
}

/// Parts side by side in as many lines as they take; one that is wider than a line is cut.
fn arranged(parts: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let part = one_line(part, columns.saturating_sub(2 + 1));
        let width = part.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + width <= columns => {
                *line = format!("{line}   {part}");
            }
            Some(_) | None => lines.push(format!("  {part}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            name: "nightly-labels".into(),
            completed: 1204,
            rows: 1319,
            elapsed: Duration::from_secs(42),
            left: Some(Duration::from_secs(4)),
            counts: [
                (Some(1201), "succeeded"),
                (None, "filtered"),
                (Some(3), "failed"),
                (Some(64), "in flight"),
                (Some(12), "throttled"),
                (Some(8), "retried"),
            ],
            cost_usd: 0.41,
            max_cost_usd: Some(2.0),
            rows_per_minute: 1710.0,
            tokens_per_minute: 212_345.0,
            limited_by: Some("limited by tokens per minute".into()),
        }
    }

    #[track_caller]
    fn check(columns: usize, expected: &str) {
        let view = figures().view(columns, Paint::Off);
        assert_eq!(view, expected, "\n{view}");
        for line in view.lines() {
            assert!(line.chars().count() < columns, "{line}");
        }
    }

    #[test]
    fn a_view_fits_the_terminal_and_breaks_no_word() {
        check(
            80,
            "nightly-labels  ━━━━━━━━━━━━━━━━━━━━───  1,204/1,319   91%   42s, about 4s left\n  \
             1,201 succeeded   3 failed   64 in flight   12 throttled   8 retried\n  \
             $0.41 of $2.00\n  \
             1,710 rows/min   212k tokens/min   limited by tokens per minute",
        );
        check(
            50,
            "nightly-labe…  ━━━━━━━━─  1,204/1,319   91%   42s\n  \
             1,201 succeeded   3 failed   64 in flight\n  \
             12 throttled   8 retried   $0.41 of $2.00\n  \
             1,710 rows/min   212k tokens/min\n  \
             limited by tokens per minute",
        );
        for columns in 1..200 {
            for line in figures().view(columns, Paint::Off).lines() {
                assert!(line.chars().count() < columns.max(11), "{columns}: {line}");
            }
        }
    }

    #[test]
    fn failed_rows_stand_out_in_color() {
        let view = figures().view(80, Paint::On);
        assert!(view.contains("\u{1b}[1;31m3 failed\u{1b}[0m"), "{view}");
    }

    #[test]
    fn without_a_terminal_all_of_it_is_one_line() {
        assert_eq!(
            figures().line(),
            "1,204 of 1,319 rows; 1,201 succeeded, 3 failed, 64 in flight, 12 throttled, 8 retried, \
             $0.41 of $2.00; 1,710 rows/min, 212k tokens/min; limited by tokens per minute; about 4s \
             left"
        );
    }
}
