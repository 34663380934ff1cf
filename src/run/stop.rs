//! What can stop a run, from outside and from within.

use crate::model::Fault;

/// What the person at the terminal, or the system, asks of the run. Later is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Carry on.
    Run,
    /// Start nothing new, let calls in flight land (first Ctrl-C).
    Interrupt,
    /// The same, asked by the system (first SIGTERM).
    Terminate,
    /// Commit what has landed and leave (any second signal).
    Leave,
}

/// Why a run ended before its rows did. Every one of them is resumable.
#[derive(Debug, Clone)]
pub enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// A fault that every other row would share.
    Fault(Box<Fault>),
    /// Row after row is refused as invalid and none was ever answered.
    AllInvalid(Box<Fault>),
    /// The output cannot be written.
    CannotWrite {
        /// What the disk said.
        why: String,
        /// Rows that ended and could not be kept.
        lost: usize,
    },
}
