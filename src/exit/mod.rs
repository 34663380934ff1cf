//! The table of exit codes.

mod reason;

use std::fmt::Write as _;
use std::process::ExitCode;

pub use reason::Reason;

/// How promptmill ended, for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every row completed, failures within what is allowed; or there was nothing to do.
    Complete,
    /// The command, the job or the input cannot be run.
    Usage,
    /// Every row completed, and more failed or were filtered than is allowed.
    TooManyFailed,
    /// A limit that the user set stopped it.
    Limit,
    /// Another run holds this output.
    Locked,
    /// A bug in promptmill.
    Bug,
    /// The output cannot be written.
    CannotWrite,
    /// Stopped; the same command resumes.
    Stopped,
    /// Credentials or model access.
    Access,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Complete,
        Self::Usage,
        Self::TooManyFailed,
        Self::Limit,
        Self::Locked,
        Self::Bug,
        Self::CannotWrite,
        Self::Stopped,
        Self::Access,
        Self::Interrupted,
    ];

    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Usage => 2,
            Self::TooManyFailed => 3,
            Self::Limit => 8,
            Self::Locked => 11,
            Self::Bug => 70,
            Self::CannotWrite => 74,
            Self::Stopped => 75,
            Self::Access => 77,
            Self::Interrupted => 130,
        }
    }

    /// What it means, as help and README say it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Complete => "all rows completed, with at most max_failures failures",
            Self::Usage => "usage, job file, input or changed settings; do not retry",
            Self::TooManyFailed => "all rows completed, with more failed or filtered than allowed",
            Self::Limit => "stopped by a limit you set: deadline, error rate or cost",
            Self::Locked => "another run is writing this output",
            Self::Bug => "a bug in promptmill",
            Self::CannotWrite => "the output cannot be written; fix that, then resume",
            Self::Stopped => {
                "SIGTERM, SIGHUP, tokens per day, unreachable service, deleted output; resume later"
            }
            Self::Access => "credentials or model access",
            Self::Interrupted => "Ctrl-C; run the same command to resume",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table as the help shows it.
pub fn table() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text
}
