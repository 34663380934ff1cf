//! A run that has ended, and its summary on disk.

use tokio::time::Instant;

use super::failure::Failure;
use crate::exit::Exit;
use crate::format::{count, plural};
use crate::output::{OutputPaths, read_back};
use crate::report::progress::Progress;
use crate::report::summary::{Context, RunEnding, RunSummary};

/// A run that has ended.
pub(crate) struct Finished {
    pub(crate) context: Context,
    pub(crate) ending: RunEnding,
    pub(crate) progress: Progress,
    /// When it ended.
    pub(crate) at: Instant,
    /// Whether the summary was written to the run file.
    pub(crate) written: Result<(), Failure>,
}

impl Finished {
    /// The summary.
    pub(crate) fn summary(&self) -> RunSummary<'_> {
        RunSummary::new(&self.context, &self.ending, &self.progress, self.at)
    }
}

/// Writes the summary to the run file.
pub(super) fn write(finished: &Finished) -> Result<(), Failure> {
    finished.summary().write().map_err(|error| {
        let message = format!(
            "{error}{}: free some space, or fix the cause given above; the same command then \
             writes the summary",
            rows_read_back(&finished.context.paths, finished.progress.overall().ended())
        );
        Failure::new(Exit::CannotWrite, message)
    })
}

/// What can be said of the rows of an output after the disk has refused something else: whatever was
/// said before, they are read back.
fn rows_read_back(paths: &OutputPaths, expected: u64) -> String {
    if !paths.output.exists() {
        return String::new();
    }
    let output = paths.output.display();
    match read_back(paths) {
        Ok(rows) if expected <= rows => {
            format!("; {output} was read back: {}", plural(rows, "row"))
        }
        Ok(rows) => format!(
            "; only {} of {} of {output} could be read back",
            count(rows),
            plural(expected, "row")
        ),
        Err(why) => format!("; {output} could not be read back ({why})"),
    }
}
