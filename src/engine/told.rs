//! What a run tells its caller, who shows it.

use std::path::Path;

use tokio::time::Instant;

use crate::job::PinnedPath;
use crate::report::progress::Progress;
use crate::report::summary::Context;
use crate::run::Event;

/// Writes the command that runs the job again: paths that depend on the day or on the environment are
/// written out, and with a number it allows that many USD.
pub(crate) type Command<'c> = dyn Fn(&[PinnedPath], Option<f64>) -> String + Send + Sync + 'c;

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

/// The caller's function for what a run tells.
pub(crate) type Tell<'t> = dyn FnMut(Told<'_>) + Send + 't;
