//! What a run tells its caller, on its way and at its end.

use std::path::Path;

use tokio::time::Instant;

use super::failure::Failure;
use crate::report::progress::Progress;
use crate::report::summary::{Context, Ending, Summary};
use crate::run::Event;

/// What a run tells its caller.
pub(crate) enum Told<'a> {
    /// Something that a person may want to know.
    Note(&'a str),
    /// Something that a person should know.
    Warning(&'a str),
    /// The input is looked over from here on.
    Reads(&'a Path),
    /// One row of it was.
    Read,
    /// All of it was, or it was given up.
    HasRead,
    /// The loop starts.
    Starts {
        /// What the summary will know: the job's name, the most it may cost.
        context: &'a Context,
        /// Rows of the job, those that completed earlier included.
        rows: u64,
        at: Instant,
    },
    /// Something happened in the loop; the progress has taken it in.
    Happened(&'a Event<'a>, &'a mut Progress, Instant),
    /// The loop has ended, with this progress.
    Ends(&'a mut Progress, Instant),
}

/// Something to be said.
pub(super) enum Notice {
    /// What a person may want to know.
    Note(String),
    /// What a person should know.
    Warning(String),
}

/// How the caller is told.
pub(crate) type Tell<'t> = dyn FnMut(Told<'_>) + Send + 't;

/// A run that has ended.
pub(crate) struct Finished {
    pub(crate) context: Context,
    pub(crate) ending: Ending,
    pub(crate) progress: Progress,
    /// When it ended.
    pub(crate) at: Instant,
    /// Whether the summary was written to the run file.
    pub(crate) written: Result<(), Failure>,
}

impl Finished {
    /// The summary.
    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary::new(&self.context, &self.ending, &self.progress, self.at)
    }
}
