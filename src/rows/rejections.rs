//! Why a run over these rows does not start: everything that is wrong is said at once.

use super::preflight::Preflight;
use super::redo::Redo;
use super::trouble::Rejection;
use crate::exit::Reason;
use crate::format::count as counted;
use crate::job::Plan;

impl Preflight {
    /// What has to be settled before anything is sent.
    pub fn refusals(&self, plan: &Plan, redo: &Redo<'_>) -> Vec<Rejection> {
        let because = |reason, message: Option<String>| {
            let message = message?;
            Some(Rejection { reason, message })
        };
        let found = [
            because(Reason::Usage, self.not_found.clone()),
            because(Reason::Usage, self.named_by_nothing(plan)),
            because(Reason::Usage, self.kept_of_nothing(plan)),
            because(Reason::Input, self.duplicate_ids(plan)),
            self.redo_rejection(plan, redo),
            because(Reason::Input, self.unusable_rows(plan)),
        ];
        found.into_iter().flatten().collect()
    }

    fn named_by_nothing(&self, plan: &Plan) -> Option<String> {
        let named = self.never_named.as_ref()?;
        Some(format!(
            "{}: `id`: no record that was read has the field {named}; fields here: {}; choose one of \
             them, or leave it out",
            plan.input.display(),
            self.fields,
        ))
    }

    fn kept_of_nothing(&self, plan: &Plan) -> Option<String> {
        let message = || {
            format!(
                "{}: `keep`: no record has the field {}; fields here: {}; keep one of them, or leave \
                 it out",
                plan.input.display(),
                self.never_kept.join(" or "),
                self.fields,
            )
        };
        (!self.never_kept.is_empty()).then(message)
    }

    fn duplicate_ids(&self, plan: &Plan) -> Option<String> {
        let count = &self.duplicates.count;
        let share = match count {
            1 => "1 row shares".to_owned(),
            count => format!("{count} rows share"),
        };
        let message = || {
            format!(
                "{}: {share} an id with an earlier row: {}; give every row an id of its \
                 own, or choose another field with --id",
                plan.input.display(),
                self.duplicates.in_a_line(),
            )
        };
        (0 < *count).then(message)
    }

    fn unusable_rows(&self, plan: &Plan) -> Option<String> {
        let count = self.unusable.count;
        let rows = self.rows;
        let fix = if count == 1 {
            "Fix the row"
        } else {
            "Fix these rows"
        };
        let allow = match count == rows {
            true => String::new(),
            false => format!(", or run the others with --max-failures {count}"),
        };
        let message = || {
            format!(
                "{}: {} of {} rows cannot be sent, and max_failures is {}:{}\n\
                 {fix}{allow}",
                plan.input.display(),
                counted(count),
                counted(rows),
                plan.max_failures,
                self.unusable.in_lines("  "),
            )
        };
        // Rows that lack their id have been spoken of.
        let exceeded = plan.max_failures.exceeded_by(count, rows);
        (exceeded && self.never_named.is_none()).then(message)
    }
}
