//! What can stop a run, from outside and from within.

use std::fmt;
use std::time::Duration;

use super::Rescued;
use super::limits::Reached;
use crate::model::Fault;

/// Who asks a run to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The person at the terminal: Ctrl-C.
    Interrupt,
    /// The system: SIGTERM.
    Terminate,
    /// The terminal was closed: SIGHUP.
    HangUp,
}

/// What the signals so far ask of the run. Each variant names the first signal, so that a late reader
/// still knows which one it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// Carry on.
    Run,
    /// Start nothing new, let calls in flight finish.
    Drain(Signal),
    /// Commit what has returned and leave: there was a second signal.
    Leave(Signal),
}

impl StopRequest {
    /// What is asked after one more `signal`.
    pub fn and(self, signal: Signal) -> Self {
        match self {
            Self::Run => Self::Drain(signal),
            Self::Drain(first) | Self::Leave(first) => Self::Leave(first),
        }
    }
}

/// Why a run ended before its rows did. Every one of them is resumable.
#[derive(Debug, Clone)]
pub enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP.
    HungUp,
    /// The input was cut off while it was read.
    Input(String),
    /// An attempt panicked: a bug of ours.
    Bug,
    /// A fault that every other row would share.
    Fault(Box<Fault>),
    /// Every row so far was rejected as invalid; none has succeeded.
    AllInvalid(Box<Fault>),
    /// A limit of the user's own.
    Limit(Reached),
    /// The day's tokens, as the job limits them, are used up.
    TokensPerDay,
    /// Only transient errors, for longer than rows may wait.
    Unreachable {
        /// For how long.
        lasted: Duration,
        /// The last of them.
        fault: Box<Fault>,
    },
    /// Every call throttled, for longer than rows may wait.
    Throttled {
        /// For how long.
        lasted: Duration,
        /// The last throttle.
        fault: Box<Fault>,
    },
    /// The output cannot be written.
    CannotWrite {
        /// What the disk said.
        why: String,
        /// Completed rows that could not be written, in order.
        rows: Vec<u64>,
        /// Where they were saved instead, if there was a place.
        rescued: Option<Rescued>,
    },
}

impl Stop {
    /// Whether the run should end soon: calls in flight then have the drain time to return. Otherwise they
    /// have as long as an attempt may take.
    pub fn is_pressing(&self) -> bool {
        match self {
            Self::Interrupted
            | Self::Terminated
            | Self::HungUp
            | Self::Limit(Reached::Deadline(_)) => true,
            Self::Input(_)
            | Self::Bug
            | Self::Fault(_)
            | Self::AllInvalid(_)
            | Self::Limit(
                Reached::Cost { .. } | Reached::RunCost { .. } | Reached::ErrorRate { .. },
            )
            | Self::TokensPerDay
            | Self::Unreachable { .. }
            | Self::Throttled { .. }
            | Self::CannotWrite { .. } => false,
        }
    }
}

impl From<Signal> for Stop {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Self::Interrupted,
            Signal::Terminate => Self::Terminated,
            Signal::HangUp => Self::HungUp,
        }
    }
}

/// As the summary prints it after "stopped by".
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("Ctrl-C"),
            Self::Terminated => f.write_str("SIGTERM"),
            Self::HungUp => f.write_str("SIGHUP"),
            Self::Input(why) => write!(f, "the input: {why}"),
            Self::Bug => f.write_str("a bug in promptmill"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::AllInvalid(fault) => {
                write!(f, "a rejection of every row so far; last error: {fault}")
            }
            Self::Limit(Reached::Cost {
                max_usd, spent_usd, ..
            }) => {
                write!(
                    f,
                    "max_cost_usd: ${spent_usd:.4} of ${max_usd} spent (including possibly billed calls); the next call could exceed the limit"
                )
            }
            Self::Limit(Reached::RunCost { max_usd, spent_usd }) => {
                write!(
                    f,
                    "max_cost_per_run_usd: this run has spent ${spent_usd:.4} of ${max_usd}, and the next call could cost more than the rest"
                )
            }
            Self::Limit(Reached::Deadline(time)) => {
                write!(f, "the deadline of {} s", time.as_secs())
            }
            Self::Limit(Reached::ErrorRate { failed, ended }) => {
                write!(f, "max_error_rate: {failed} of {ended} rows failed")
            }
            Self::TokensPerDay => {
                f.write_str("tokens_per_day: too few of today's tokens remain for the next call")
            }
            Self::Unreachable { lasted, fault } => {
                write!(
                    f,
                    "the service: only errors for {} s; last error: {fault}",
                    lasted.as_secs()
                )
            }
            Self::Throttled { lasted, fault } => {
                write!(
                    f,
                    "the service: every call throttled for {} s; last error: {fault}",
                    lasted.as_secs()
                )
            }
            Self::CannotWrite { why, rows, rescued } => match (rows.len(), rescued) {
                (0, _) => write!(f, "{why}; no responses were lost"),
                (1, None) => write!(
                    f,
                    "{why}; 1 completed row could not be saved and will run again: {}",
                    ranges(rows)
                ),
                (lost, None) => write!(
                    f,
                    "{why}; {lost} completed rows could not be saved and will run again: {}",
                    ranges(rows)
                ),
                (last, Some(Rescued { place, rows: kept })) => {
                    let kept_rows = if *kept == 1 { "row" } else { "rows" };
                    write!(f, "{why}; {kept} completed {kept_rows} saved to {place}: ")?;
                    match kept.saturating_sub(last as u64) {
                        0 => {}
                        1 => write!(f, "1 row that was written before, and ")?,
                        written => write!(f, "{written} rows that were written before, and ")?,
                    }
                    let last_rows = if last == 1 { "row" } else { "rows" };
                    write!(f, "{last_rows} {}", ranges(rows))
                }
            },
        }
    }
}

/// `3-9, 12`: rows in order, consecutive ones as a range.
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
    fn a_second_signal_leaves_and_the_first_says_why() {
        let first = StopRequest::Run.and(Signal::Interrupt);
        assert_eq!(first, StopRequest::Drain(Signal::Interrupt));
        assert_eq!(
            first.and(Signal::Terminate),
            StopRequest::Leave(Signal::Interrupt)
        );
    }

    #[test]
    fn rows_are_named_by_their_ranges() {
        assert_eq!(ranges(&[3, 4, 5, 9, 12, 13]), "3-5, 9, 12-13");
        assert_eq!(ranges(&[7]), "7");
    }
}
