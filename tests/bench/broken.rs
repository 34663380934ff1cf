//! What ends the benchmark without figures.

use std::io;
use std::process::ExitStatus;

/// Something went wrong; a goal that is missed is not that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The system refused.
    #[error("cannot {operation}: {source}")]
    Io {
        operation: &'static str,
        source: io::Error,
    },
    /// A side gave up.
    #[error("{side} ended with {status}; what it said stands above")]
    Side {
        side: &'static str,
        status: ExitStatus,
    },
    /// A side ended well with fewer answers than rows.
    #[error("{side}: {answered} of {rows} rows were answered")]
    Unanswered {
        side: &'static str,
        answered: u64,
        rows: u64,
    },
    /// A process did not come so far in time.
    #[error("{0} within 10 s")]
    Late(&'static str),
    /// A call of the bare loop.
    #[error("the bare loop: {0}")]
    Call(String),
    /// The two sides would not do the same.
    #[error("the bare loop's body is not promptmill's: {bare} instead of {promptmill}")]
    OtherBody { bare: String, promptmill: String },
}

/// Names the deed in an I/O error.
pub(crate) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Broken {
    move |source| Broken::Io { operation, source }
}
