//! What is printed: tables as they come, and the goals at the end.

/// The goals judged so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    goals: Vec<String>,
}

impl Report {
    /// Prints the line above a table.
    pub(crate) fn title(&self, text: &str) {
        println!("\n{text}");
    }

    /// Prints one line of a table: what it is about, and a cell for each column.
    pub(crate) fn row<const N: usize>(&self, what: &str, cells: [String; N]) {
        let cells: String = cells.iter().map(|cell| format!("{cell:>26}")).collect();
        println!("  {what:<24}{cells}");
    }

    /// Judges a goal; it is printed at the end.
    pub(crate) fn goal(&mut self, goal: &str, found: &str, met: Met) {
        let verdict = match met {
            Met::Yes => "met",
            Met::No => "missed",
        };
        self.goals.push(format!("goal {goal} ({found}): {verdict}"));
    }

    /// Prints the goals.
    pub(crate) fn print_goals(&self) {
        println!();
        for goal in &self.goals {
            println!("{goal}");
        }
    }
}

/// Whether a goal is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    Yes,
    No,
}

impl From<bool> for Met {
    fn from(met: bool) -> Self {
        if met { Self::Yes } else { Self::No }
    }
}
