//! Why a run stopped, or did not start: the closed list behind an exit code.
//!
//! `OUT.run.json` has one of these words as `stop.reason`, and so have the errors of `--json`. Words
//! are only ever added.

use super::Exit;

/// Why a run ended with something other than exit code 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The command line or the job is wrong.
    Usage,
    /// The input cannot be read, has rows that cannot be sent, or changed during the run.
    Input,
    /// Completed rows would be sent again, and that was not asked for.
    ChangedRows,
    /// The output was not written by promptmill, or has lines that a run does not touch.
    Output,
    /// The service rejects every request of the job.
    InvalidRequest,
    /// More rows failed than `max_failures` allows.
    MaxFailures,
    /// More rows were filtered than `max_filtered` allows.
    MaxFiltered,
    /// `max_cost_usd` was reached.
    MaxCost,
    /// `max_cost_per_run_usd` was reached.
    MaxRunCost,
    /// `deadline` was reached.
    Deadline,
    /// `max_error_rate` was exceeded.
    MaxErrorRate,
    /// Another process holds the output.
    Locked,
    /// A bug in promptmill.
    Bug,
    /// The output cannot be written.
    CannotWrite,
    /// A file of the output was deleted during the run.
    OutputDeleted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP.
    HungUp,
    /// The service does not answer, or nothing reaches it.
    Unreachable,
    /// The service throttled every call.
    Throttled,
    /// The account's tokens per day are used up.
    DailyQuota,
    /// Another quota of the account is used up.
    ServiceQuota,
    /// `tokens_per_day` of the job is used up.
    TokensPerDay,
    /// No credentials, or none that are valid.
    Credentials,
    /// The caller may not use the model.
    AccessDenied,
    /// There is no such model.
    NotFound,
    /// Ctrl-C.
    Interrupted,
}

impl Reason {
    /// All of them, by exit code.
    pub const ALL: [Self; 26] = [
        Self::Usage,
        Self::Input,
        Self::ChangedRows,
        Self::Output,
        Self::InvalidRequest,
        Self::MaxFailures,
        Self::MaxFiltered,
        Self::MaxCost,
        Self::MaxRunCost,
        Self::Deadline,
        Self::MaxErrorRate,
        Self::Locked,
        Self::Bug,
        Self::CannotWrite,
        Self::OutputDeleted,
        Self::Terminated,
        Self::HungUp,
        Self::Unreachable,
        Self::Throttled,
        Self::DailyQuota,
        Self::ServiceQuota,
        Self::TokensPerDay,
        Self::Credentials,
        Self::AccessDenied,
        Self::NotFound,
        Self::Interrupted,
    ];

    /// The word on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Input => "input",
            Self::ChangedRows => "changed_rows",
            Self::Output => "output",
            Self::InvalidRequest => "invalid_request",
            Self::MaxFailures => "max_failures",
            Self::MaxFiltered => "max_filtered",
            Self::MaxCost => "max_cost",
            Self::MaxRunCost => "max_run_cost",
            Self::Deadline => "deadline",
            Self::MaxErrorRate => "max_error_rate",
            Self::Locked => "locked",
            Self::Bug => "bug",
            Self::CannotWrite => "cannot_write",
            Self::OutputDeleted => "output_deleted",
            Self::Terminated => "terminated",
            Self::HungUp => "hung_up",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::DailyQuota => "daily_quota",
            Self::ServiceQuota => "service_quota",
            Self::TokensPerDay => "tokens_per_day",
            Self::Credentials => "credentials",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::Interrupted => "interrupted",
        }
    }

    /// The reason behind an exit code, where nothing more is known; `None` for exit code 0.
    pub fn of(exit: Exit) -> Option<Self> {
        match exit {
            Exit::Complete => None,
            Exit::Usage => Some(Self::Usage),
            Exit::TooManyFailed => Some(Self::MaxFailures),
            Exit::Limit => Some(Self::MaxCost),
            Exit::Locked => Some(Self::Locked),
            Exit::Bug => Some(Self::Bug),
            Exit::CannotWrite => Some(Self::CannotWrite),
            Exit::Stopped => Some(Self::Unreachable),
            Exit::Access => Some(Self::Credentials),
            Exit::Interrupted => Some(Self::Interrupted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_disk_stay_what_they_are() {
        let words = Reason::ALL.map(Reason::as_str).join(" ");
        assert_eq!(
            words,
            "usage input changed_rows output invalid_request max_failures max_filtered max_cost \
             max_run_cost deadline max_error_rate locked bug cannot_write output_deleted terminated hung_up \
             unreachable throttled daily_quota service_quota tokens_per_day credentials \
             access_denied not_found interrupted"
        );
    }

    #[test]
    fn every_exit_code_but_0_has_a_reason_of_its_own() {
        let mut reasons: Vec<_> = Exit::ALL.into_iter().filter_map(Reason::of).collect();
        assert_eq!(reasons.len(), Exit::ALL.len() - 1);
        reasons.dedup();
        assert_eq!(reasons.len(), Exit::ALL.len() - 1);
    }
}
