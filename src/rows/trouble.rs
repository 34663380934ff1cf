//! What is wrong with rows: how many there are of a kind, with examples.

use crate::exit::Reason;
use crate::format::count as counted;

/// How many examples of each kind of trouble are kept for `plan --json`.
pub const EXAMPLES: usize = 1000;

/// How many of them people are shown.
const SHOWN: usize = 3;

/// Why a run over these rows does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// In the word of the closed list.
    pub reason: Reason,
    /// What is wrong, where, and what to do.
    pub message: String,
}

/// Rows with the same kind of trouble.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How many.
    pub count: u64,
    /// The first [`EXAMPLES`] of them, described.
    pub examples: Vec<String>,
}

impl Trouble {
    pub(super) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }

    /// Like [`Self::add`], but rows of one record with the same trouble have one example.
    pub(super) fn add_once(&mut self, example: &str) {
        if self.examples.last().is_some_and(|last| last == example) {
            self.count += 1;
        } else {
            self.add(|| example.to_owned());
        }
    }

    /// The examples that people are shown, and how many rows are not among them.
    pub fn shown(&self) -> (&[String], u64) {
        let shown = self.examples.get(..SHOWN).unwrap_or(&self.examples);
        (shown, self.count - shown.len() as u64)
    }

    /// `a, b, c and 5 more`
    pub(super) fn in_a_line(&self) -> String {
        let (shown, more) = self.shown();
        let more = match more {
            0 => String::new(),
            more => format!(" and {} more", counted(more)),
        };
        shown.join(", ") + &more
    }

    /// Each on a line of its own, after `indent`; where there are more, with the way to them.
    pub fn in_lines(&self, indent: &str) -> String {
        let (shown, more) = self.shown();
        let lines = shown.iter().map(|example| format!("\n{indent}{example}"));
        let more = (0 < more).then(|| {
            format!(
                "\n{indent}and {} more: `promptmill plan --json` lists up to {}",
                counted(more),
                counted(EXAMPLES as u64)
            )
        });
        lines.chain(more).collect()
    }
}
