//! What is said of completed rows that a run would send again: how many, at what cost, what has
//! changed, and how to get what was meant. Nothing bought is bought twice unasked.

use std::fmt::Write as _;

use super::preflight::Preflight;
use super::standing::Standing;
use super::trouble::{Rejection, Trouble};
use crate::exit::Reason;
use crate::format::{count, dollars, one_line, plural};
use crate::job::{MaxFailures, Plan};
use crate::output::{EarlierRows, LastRun, OldLine, OutputPaths, old_lines};
use crate::run::Identity;

/// Without `--max-redo`, so large a share of the completed rows may be sent again.
const REDO_SHARE: f64 = 0.1;

/// Few rows cost little, and a job of a few rows is a trial: so many may be sent again without
/// `--max-redo`, whatever share they are.
const REDO_ROWS: u64 = 5;

/// More of a changed value is not shown.
const SHOWN_CHARACTERS: usize = 160;

/// What is to become of completed rows whose request or id is another now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The run does not start: its output would answer two different questions.
    Refused,
    /// They run again, and their old lines are backed up.
    Redone,
}

impl Changed {
    /// Whether a run sends a row of which the output has this.
    pub fn sends(self, standing: Standing<'_>) -> bool {
        match standing {
            Standing::Changed(_) => self == Self::Redone,
            Standing::New | Standing::Renamed | Standing::Selected(_) => true,
            Standing::Completed(_) => false,
        }
    }
}

/// What the command says of completed rows, and what is known of them.
#[derive(Debug)]
pub struct Redo<'a> {
    /// Whether they may run again.
    pub changed: Changed,
    /// How many may, where that is said.
    pub max: Option<MaxFailures>,
    /// How many rows have completed.
    pub completed: u64,
    /// What those that would run again cost, in USD, where that is known.
    pub usd: Option<f64>,
    /// Where the output is.
    pub paths: &'a OutputPaths,
    /// What the last run left in `OUT.run.json`.
    pub last: &'a LastRun,
}

impl Redo<'_> {
    fn is_exceeded(&self, rows: u64) -> bool {
        match self.max {
            Some(max) => max.exceeded_by(rows, self.completed),
            None => {
                REDO_ROWS < rows && MaxFailures::Share(REDO_SHARE).exceeded_by(rows, self.completed)
            }
        }
    }

    /// The bound in words.
    fn bound(&self) -> String {
        match self.max {
            Some(max) => format!("--max-redo is {max}"),
            None => format!("without --max-redo at most {}% may", REDO_SHARE * 100.0),
        }
    }

    fn cost(&self) -> String {
        match self.usd {
            Some(usd) => format!("about {}", dollars(usd)),
            None => "at an unknown price".into(),
        }
    }

    /// `4,155 of 41,550 completed rows`
    fn rows(&self, rows: u64) -> String {
        let completed = count(self.completed);
        format!("{} of {completed} completed rows", count(rows))
    }
}

impl Preflight {
    /// Rows of the output that the input does not have, or the part of it that was asked for.
    /// Old lines of rows that run again under another id are backed up, and so not among them.
    pub fn gone(&self, past: &EarlierRows, changed: Changed) -> u64 {
        let outdated = self.outdated.len() as u64;
        let renamed = match changed {
            Changed::Refused => 0,
            Changed::Redone => self.renamed.count,
        };
        past.len().saturating_sub(self.ended + outdated + renamed)
    }

    /// Keys in the output of the rows that run again, whose lines are backed up.
    pub fn keys_to_redo(&self, changed: Changed) -> Vec<u64> {
        match changed {
            Changed::Refused => Vec::new(),
            Changed::Redone => [self.changed_keys.as_slice(), &self.renamed_keys].concat(),
        }
    }

    /// What is said where `rows` completed rows run again by name.
    pub fn selection_remark(&self, rows: u64, usd: Option<f64>) -> Option<String> {
        let cost = usd.map(|usd| format!(", about {}", dollars(usd)));
        let cost = cost.unwrap_or_default();
        (0 < rows && !self.selected_keys.is_empty()).then(|| {
            format!(
                "{} of --only {} again{cost}; {} backed up",
                plural(rows, "completed row"),
                if rows == 1 { "runs" } else { "run" },
                if rows == 1 {
                    "its old line is"
                } else {
                    "their old lines are"
                },
            )
        })
    }

    /// Completed rows that this run would send again.
    pub fn redone(&self) -> u64 {
        self.changed.count + self.renamed.count
    }

    /// Those, and the completed rows that run again by name.
    pub fn bought_again(&self) -> u64 {
        self.redone() + self.selected_keys.len() as u64
    }

    /// Why the run does not start, for completed rows that it would send again.
    pub(super) fn redo_rejection(&self, plan: &Plan, redo: &Redo<'_>) -> Option<Rejection> {
        let message = match redo.changed {
            Changed::Redone => self.too_many(plan, redo),
            Changed::Refused => self
                .changed_rows(plan, redo)
                .or_else(|| self.renamed_rows(plan, redo)),
        }?;
        Some(Rejection {
            reason: Reason::ChangedRows,
            message,
        })
    }

    /// What is said before rows are sent again.
    pub fn redo_remark(&self, redo: &Redo<'_>) -> Option<String> {
        let rows = self.redone();
        let what = match (redo.changed, self.changed.count) {
            _ if rows == 0 => return None,
            (Changed::Redone, 0) => "whose id changed run again",
            (Changed::Redone, _) => "whose request changed run again",
            (Changed::Refused, _) => "have another id now and run again under it",
        };
        let lines = match redo.changed {
            Changed::Redone => "; their old lines are backed up",
            Changed::Refused => "; their old lines stay",
        };
        Some(format!(
            "{} {what}, {}{lines}",
            redo.rows(rows),
            redo.cost()
        ))
    }

    fn too_many(&self, plan: &Plan, redo: &Redo<'_>) -> Option<String> {
        let rows = self.redone();
        if !redo.is_exceeded(rows) {
            return None;
        }
        let mut found = vec![&self.changed, &self.renamed];
        found.retain(|trouble| 0 < trouble.count);
        let examples: Vec<_> = found.into_iter().map(Trouble::in_a_line).collect();
        Some(format!(
            "{}: {} would run again ({}), {}, and {}: {}{}; to send them all the same, give \
             --max-redo {rows}{}",
            plan.output.display(),
            redo.rows(rows),
            examples.join("; "),
            redo.cost(),
            redo.bound(),
            self.cause(plan, redo),
            self.as_numbers(),
            self.example(redo),
        ))
    }

    fn changed_rows(&self, plan: &Plan, redo: &Redo<'_>) -> Option<String> {
        let rows = self.changed.count;
        let by_number = match plan.id.is_none() && !self.named_ids {
            true => {
                "; rows are known by their number here, so a row inserted above others changes them \
                 all: an --id field prevents that"
            }
            false => "",
        };
        let message = || {
            format!(
                "{}: {} would now send a different request ({}): {}; undo the change, \
                 choose another --output, rerun these rows with {} ({}), or start over with --fresh \
                 (both back up the old lines){by_number}{}{}",
                plan.output.display(),
                redo.rows(rows),
                self.changed.in_a_line(),
                self.cause(plan, redo),
                redo_flags(redo.is_exceeded(self.redone()), self.redone()),
                redo.cost(),
                self.as_numbers(),
                self.example(redo),
            )
        };
        (0 < rows).then(message)
    }

    /// Rows of another id are new rows, unless that would buy the table again.
    fn renamed_rows(&self, plan: &Plan, redo: &Redo<'_>) -> Option<String> {
        let rows = self.renamed.count;
        let are_all = rows == self.new_rows;
        if rows == 0 || !are_all && !redo.is_exceeded(rows) {
            return None;
        }
        let keep = match (&plan.id, self.named_ids) {
            (Some(id), _) => {
                format!("leave out the id field `{id}`, or give back the ids they had")
            }
            (None, _) => {
                "give the rows back the ids they had, or name their field with --id".into()
            }
        };
        Some(format!(
            "{}: {} would run again, {}, only because they have another id now ({}){}; to keep what \
             was paid for, {keep}; else rerun them with {} (their old lines are backed up), choose \
             another --output, or start over with --fresh",
            plan.output.display(),
            redo.rows(rows),
            redo.cost(),
            self.renamed.in_a_line(),
            self.as_numbers(),
            redo_flags(redo.is_exceeded(rows), rows),
        ))
    }

    /// What is said of ids that differ only in how a number is written.
    fn as_numbers(&self) -> String {
        match self.renamed_numbers {
            0 => String::new(),
            rows => format!(
                "; the ids of {} differ only in how a number is written, such as 2, 2.0 and 002: \
                 read the id column as text (pandas: dtype=str)",
                plural(rows, "row")
            ),
        }
    }

    /// What has changed, as far as the last run says.
    fn cause(&self, plan: &Plan, redo: &Redo<'_>) -> String {
        if self.changed.count == 0 {
            return "their ids changed".into();
        }
        let now = plan.fingerprint();
        let Some(before) = redo.last.fingerprint else {
            return "prompt, model or parameters changed".into();
        };
        if before == now {
            return "the settings are those of the last run, so rows of the input changed".into();
        }
        let Some(parts) = &redo.last.settings else {
            return "the settings changed (prompt, model or parameters)".into();
        };
        let settings = plan.settings();
        let mut changed = Vec::new();
        if parts.model != settings.model {
            changed.push(format!("the model ({} → {})", parts.model, settings.model));
        }
        if parts.prompt != settings.prompt {
            changed.push("the template or system prompt".to_owned());
        }
        if parts.parameters != settings.parameters {
            changed.push("the parameters".to_owned());
        }
        match changed.is_empty() {
            true => "the settings changed".into(),
            false => format!("the settings changed: {}", changed.join(", ")),
        }
    }

    /// The first changed row as a diff of what was kept of it, where that tells.
    fn example(&self, redo: &Redo<'_>) -> String {
        let example = || {
            let (key, now) = self.first_changed.as_ref()?;
            let old = old_lines(redo.paths, &[*key]);
            difference(old.first()?, now)
        };
        example().unwrap_or_default()
    }
}

fn redo_flags(is_exceeded: bool, rows: u64) -> String {
    match is_exceeded {
        true => format!("--redo-changed --max-redo {rows}"),
        false => "--redo-changed".into(),
    }
}

/// The first kept field that is another now.
fn difference(old: &OldLine, now: &Identity) -> Option<String> {
    let (before, after) = (old.metadata.as_ref()?, now.metadata.as_ref()?);
    let changed = after.iter().find(|(name, value)| {
        let before = before.get(*name);
        before.is_some_and(|before| before != *value)
    });
    let (name, after) = changed?;
    let shown = |value: &serde_json::Value| match value.as_str() {
        Some(text) => one_line(text, SHOWN_CHARACTERS),
        None => one_line(&value.to_string(), SHOWN_CHARACTERS),
    };
    let mut text = format!("\n  row {}, `{name}`:", now.row);
    // Writing to a String cannot fail.
    let _ = write!(text, "\n  - {}\n  + {}", shown(&before[name]), shown(after));
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[track_caller]
    fn check(max: Option<MaxFailures>, completed: u64, most: u64) {
        let (paths, last) = (OutputPaths::new(Path::new("o.jsonl")), LastRun::default());
        let redo = Redo {
            changed: Changed::Redone,
            max,
            completed,
            usd: None,
            paths: &paths,
            last: &last,
        };
        assert!(!redo.is_exceeded(most), "{most} of {completed}");
        assert!(redo.is_exceeded(most + 1), "{} of {completed}", most + 1);
    }

    #[test]
    fn a_tenth_of_the_completed_rows_may_run_again_and_a_few_in_any_case() {
        check(None, 41_550, 4155);
        check(None, 60, 6);
        check(None, 50, 5);
        check(None, 30, 5);
        check(None, 6, 5);
        check(Some(MaxFailures::Share(0.1)), 30, 3);
        check(Some(MaxFailures::Share(0.5)), 3, 1);
        check(Some(MaxFailures::Count(0)), 1000, 0);
        check(Some(MaxFailures::Count(181)), 1000, 181);
    }
}
