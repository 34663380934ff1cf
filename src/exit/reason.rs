//! Why a run stopped, or did not start: the closed list behind an exit code.
//!
//! `OUT.run.json` has one of these words as `stop.reason`, and the errors of `--json` have one as
//! `error.kind`. Words are only ever added.

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
    /// A check passes for fewer records than `--min-pass` asks for.
    MinPass,
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
    pub const ALL: [Self; 27] = [
        Self::Usage,
        Self::Input,
        Self::ChangedRows,
        Self::Output,
        Self::InvalidRequest,
        Self::MaxFailures,
        Self::MaxFiltered,
        Self::MinPass,
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
            Self::MinPass => "min_pass",
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

    /// What to do about it, where nothing more precise is known: `error.advice` of `--json` and
    /// `stop.advice` of `OUT.run.json`. For people and programs; not frozen.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Usage => "fix the command or the job as the message says",
            Self::Input => "fix the input as the message says, then run the same command",
            Self::ChangedRows => {
                "rerun the changed rows with --redo-changed, or start over with --fresh"
            }
            Self::Output => {
                "choose another --output, or fix this one: `promptmill repair` moves corrupt and \
                 duplicate lines to a backup"
            }
            Self::InvalidRequest => {
                "fix the request as the message says (parameters, prompt, model), then run the \
                 same command"
            }
            Self::MaxFailures => {
                "inspect the failed rows; retry them with --retry-failed, or raise max_failures"
            }
            Self::MaxFiltered => "inspect the filtered rows, or raise max_filtered",
            Self::MinPass => "inspect the verdicts in OUT.scores.jsonl that did not pass",
            Self::MaxCost => "raise max_cost_usd, then run the same command",
            Self::MaxRunCost => {
                "run the same command, which may spend as much again, or raise max_cost_per_run_usd"
            }
            Self::MaxErrorRate => {
                "fix the cause of the failures, then run the same command with --retry-failed"
            }
            Self::Locked => "wait for the other run (--wait-lock 10m), or choose another --output",
            Self::Bug => "report the bug; the same command resumes",
            Self::CannotWrite => {
                "make the output writable (space, permissions), then run the same command"
            }
            Self::OutputDeleted
            | Self::Deadline
            | Self::Terminated
            | Self::HungUp
            | Self::Interrupted => "run the same command to resume",
            Self::Unreachable => "check the network, then run the same command",
            Self::Throttled => {
                "run the same command later, or set requests_per_minute and tokens_per_minute to \
                 stay below the quota"
            }
            Self::DailyQuota => {
                "run the same command tomorrow, or request a higher quota of tokens per day"
            }
            Self::ServiceQuota => "request a higher quota, then run the same command",
            Self::TokensPerDay => "run the same command tomorrow, or raise tokens_per_day",
            Self::Credentials => {
                "renew the credentials (with SSO: aws sso login), then run the same command"
            }
            Self::AccessDenied => {
                "grant access to the model as the message says, then run the same command"
            }
            Self::NotFound => "check the model ID and the region: `promptmill models` lists both",
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
            "usage input changed_rows output invalid_request max_failures max_filtered min_pass \
             max_cost max_run_cost deadline max_error_rate locked bug cannot_write output_deleted terminated hung_up \
             unreachable throttled daily_quota service_quota tokens_per_day credentials \
             access_denied not_found interrupted"
        );
    }

    #[test]
    fn advice_is_a_clause_without_a_full_stop() {
        for reason in Reason::ALL {
            let advice = reason.advice();
            assert!(advice.starts_with(char::is_lowercase), "{advice}");
            assert!(!advice.ends_with('.'), "{advice}");
        }
    }

    #[test]
    fn every_exit_code_but_0_has_a_reason_of_its_own() {
        let mut reasons: Vec<_> = Exit::ALL.into_iter().filter_map(Reason::of).collect();
        assert_eq!(reasons.len(), Exit::ALL.len() - 1);
        reasons.dedup();
        assert_eq!(reasons.len(), Exit::ALL.len() - 1);
    }
}
