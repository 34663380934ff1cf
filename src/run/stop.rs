//! What can stop a run, from outside and from within.

use std::fmt;
use std::time::Duration;

use super::limits::Reached;
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
    /// A limit of the user's own.
    Limit(Reached),
    /// The day's tokens, as the job limits them, are used up.
    TokensPerDay,
    /// Nothing but passing faults for longer than rows are to wait.
    Unreachable {
        /// For how long.
        lasted: Duration,
        /// The last of them.
        fault: Box<Fault>,
    },
    /// The output cannot be written.
    CannotWrite {
        /// What the disk said.
        why: String,
        /// Rows that ended and could not be written, in order.
        rows: Vec<u64>,
        /// Where they are kept instead, if there was a place.
        rescued: Option<String>,
    },
}

/// In the past tense, as the summary says it after "stopped by".
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("Ctrl-C"),
            Self::Terminated => f.write_str("SIGTERM"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::AllInvalid(fault) => {
                write!(f, "row after row refused as invalid, the last with {fault}")
            }
            Self::Limit(Reached::Cost { max_usd, spent_usd }) => {
                write!(
                    f,
                    "max_cost_usd: ${spent_usd:.4} of ${max_usd} are spent or may have been, and the next call could cost more than the rest"
                )
            }
            Self::Limit(Reached::Deadline(time)) => {
                write!(f, "the deadline of {} s", time.as_secs())
            }
            Self::Limit(Reached::ErrorRate { failed, ended }) => {
                write!(f, "max_error_rate: {failed} of {ended} rows failed")
            }
            Self::TokensPerDay => f.write_str(
                "tokens_per_day: the rest of the day's tokens is too small for the next call",
            ),
            Self::Unreachable { lasted, fault } => {
                write!(
                    f,
                    "the service: nothing but faults for {} s, the last {fault}",
                    lasted.as_secs()
                )
            }
            Self::CannotWrite { why, rows, rescued } => match (rows.len(), rescued) {
                (0, _) => write!(f, "{why}; no answer is lost"),
                (lost, None) => write!(
                    f,
                    "{why}; {lost} rows that had ended could not be kept and run again: {}",
                    ranges(rows)
                ),
                (lost, Some(place)) => write!(
                    f,
                    "{why}; {lost} rows that had ended are kept in {place}: {}",
                    ranges(rows)
                ),
            },
        }
    }
}

/// `3-9, 12`: rows in order, those that follow each other taken together.
fn ranges(rows: &[u64]) -> String {
    let runs = rows.chunk_by(|a, b| a + 1 == *b);
    let runs = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        run => run.iter().map(u64::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_by_their_ranges() {
        assert_eq!(ranges(&[3, 4, 5, 9, 12, 13]), "3-5, 9, 12-13");
        assert_eq!(ranges(&[7]), "7");
    }
}
