//! The scores as a table for people.

use super::tally::{JudgedRow, ScoreRow, ScoreTally};
use crate::format::{count, dollars, plural};

const HEAD: [&str; 11] = [
    "variant",
    "",
    "check",
    "n",
    "passed",
    "rate",
    "95 % interval",
    "$/pass",
    "mean ms",
    "failed",
    "missing",
];

/// The tally as text, one line per group and check. `by` heads the column of the field that groups.
pub fn table(tally: &ScoreTally, by: Option<&str>) -> String {
    let mut head = HEAD.map(str::to_owned);
    head[1] = by.unwrap_or_default().to_owned();
    let mut rows = vec![head];
    rows.extend(tally.rows().map(|row| cells(&row)));
    let used = |column: usize| rows[1..].iter().any(|row| !row[column].is_empty());
    let columns: Vec<_> = (0..HEAD.len()).filter(|column| used(*column)).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for column in &columns {
            let cell = &row[*column];
            let room = " ".repeat(width(*column) - cell.chars().count());
            // Names to the left, figures to the right.
            match column {
                0..=2 => line += &format!("{cell}{room}  "),
                _ => line += &format!("{room}{cell}  "),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    for row in tally.rows() {
        text += &of_samples(&row);
    }
    for row in tally.judged() {
        text += &of_judge(&row);
    }
    text
}

fn cells(row: &ScoreRow<'_>) -> [String; 11] {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let nothing_if_0 = |number: u64| {
        if number == 0 {
            String::new()
        } else {
            count(number)
        }
    };
    let interval = row.scored.interval();
    [
        row.variant.unwrap_or_default().to_owned(),
        row.by.unwrap_or_default().to_owned(),
        row.check.to_owned(),
        count(row.scored.n),
        count(row.scored.passed),
        row.scored.rate().map(percent).unwrap_or_default(),
        interval.map_or(String::new(), |(low, high)| {
            format!("{:.1} to {}", 100.0 * low, percent(high))
        }),
        row.cost_per_pass().map(dollars).unwrap_or_default(),
        row.group
            .mean_latency()
            .map_or(String::new(), |ms| format!("{ms:.0}")),
        nothing_if_0(row.group.failed + row.group.filtered),
        nothing_if_0(row.scored.missing),
    ]
}

/// What several samples of a row say together.
fn of_samples(row: &ScoreRow<'_>) -> String {
    let (Some(majority), [.., at_most]) = (row.scored.majority(), &row.scored.pass_at_all()[..])
    else {
        return String::new();
    };
    let most = row.scored.pass_at_all().len();
    let name = [row.variant, row.by, Some(row.check)];
    let name: Vec<_> = name.into_iter().flatten().collect();
    format!(
        "{}: majority vote {:.1} %, pass@{most} {:.1} %\n",
        name.join(", "),
        100.0 * majority,
        100.0 * at_most
    )
}

/// One number of what a judge said of a group.
fn of_judge(row: &JudgedRow<'_>) -> String {
    let name = [row.variant, row.by, Some(row.name)];
    let name: Vec<_> = name.into_iter().flatten().collect();
    let (mean, interval) = row.numbers.mean();
    let interval = interval.map_or(String::new(), |(low, high)| {
        format!(" (95 %: {low:.2} to {high:.2})")
    });
    format!(
        "{}: judged {mean:.2} on average{interval} over {}\n",
        name.join(", "),
        plural(row.numbers.records(), "record")
    )
}
