//! What to do after a run.

use super::RunSummary;
use crate::format::plural;
use crate::model::Category;

impl RunSummary<'_> {
    /// What to do next, each with the command that does it.
    pub(super) fn next_steps(&self) -> Vec<(String, String)> {
        let Self {
            context,
            overall,
            ending,
            ..
        } = self;
        let resume = || context.resume.clone();
        if 0 < self.remaining() {
            let step = ("Resume:".to_owned(), resume());
            return ending.goes_on.then_some(step).into_iter().collect();
        }
        if overall.failed == 0 {
            return Vec::new();
        }
        // Rows that could not be read or sent run once they are fixed; as they are they may be too
        // many for a run to start that is to send all failures again.
        let bad = overall.failed_of(Category::BadInputRow);
        let fix = format!(
            "Fix {} of the input that could not be read or sent",
            plural(bad, "row")
        );
        let retry = (
            "Retry the failed rows:".to_owned(),
            context.retry_failed.clone(),
        );
        if bad == 0 {
            vec![retry]
        } else if bad == overall.failed {
            vec![(format!("{fix}, then run the same command:"), resume())]
        } else if ending.bears_bad_rows {
            vec![(format!("{fix}, and retry the failed rows:"), retry.1)]
        } else {
            let first = format!("{fix}; until then this is rejected. Then retry the failed rows:");
            vec![(first, retry.1)]
        }
    }
}
