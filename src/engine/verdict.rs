//! What a stop means: the exit code, and what the person should do about it.

use crate::catalog::id::ModelId;
use crate::exit::{Exit, Reason};
use crate::format;
use crate::model::{Category, Fault};
use crate::output::{OutputPaths, Tally};
use crate::run::{Reached, Rescued, Stop};

/// The exit code of a stop, and what the person should do about it.
pub(super) fn verdict(
    stop: &Stop,
    model: &ModelId,
    region: Option<&str>,
    paths: &OutputPaths,
) -> (Exit, Option<String>) {
    let words = |text: &str| Some(text.to_owned());
    match stop {
        Stop::Interrupted => (Exit::Interrupted, None),
        Stop::Terminated | Stop::HungUp => (Exit::Stopped, None),
        Stop::Input(_) => (
            Exit::Usage,
            words("completed rows are in the output; fix the input, then run the same command"),
        ),
        Stop::Bug => (
            Exit::Bug,
            words("completed rows are in the output; run the same command to resume"),
        ),
        Stop::Fault(fault) => (stopped(fault), fault.advice_in(model, region)),
        Stop::AllInvalid(fault) => (Exit::Usage, fault.advice_in(model, region)),
        Stop::Limit(Reached::Cost { .. }) => (
            Exit::Limit,
            words("raise max_cost_usd; otherwise the same command stops immediately"),
        ),
        Stop::Limit(Reached::RunCost { .. }) => (
            Exit::Limit,
            words(
                "run the same command again, which may spend as much again, or raise max_cost_per_run_usd",
            ),
        ),
        Stop::Limit(Reached::Deadline(_)) => (Exit::Limit, words("run the same command again")),
        Stop::Limit(Reached::ErrorRate { .. }) => (
            Exit::Limit,
            words(
                "inspect the failures and fix their cause; then run the same command, with \
                 --retry-failed to retry the failed rows",
            ),
        ),
        Stop::TokensPerDay => (Exit::Stopped, words("run the same command tomorrow")),
        Stop::Unreachable { fault, .. } => (
            Exit::Stopped,
            fault
                .advice_in(model, region)
                .filter(|_| fault.category == Category::Network)
                .or(words("run the same command later")),
        ),
        Stop::Throttled { .. } => (
            Exit::Stopped,
            Some(format!(
                "run the same command later, when more of the quota is free: `promptmill quotas \
                 {model}` shows the quota; requests_per_minute and \
                 tokens_per_minute keep a run below it"
            )),
        ),
        Stop::CannotWrite { rescued, .. } => (
            Exit::CannotWrite,
            Some(match rescued {
                None => "free some space, or fix the cause given above; then run the same command"
                    .into(),
                Some(Rescued { place, .. }) => format!(
                    "free some space, or fix the cause given above; then add these rows to the \
                     output with `promptmill repair {} --add {place}`, and run the same command",
                    paths.output.display()
                ),
            }),
        ),
    }
}

/// Why a run has stopped, in the word of the closed list.
pub(super) fn reason(stop: &Stop) -> Reason {
    match stop {
        Stop::Interrupted => Reason::Interrupted,
        Stop::Terminated => Reason::Terminated,
        Stop::HungUp => Reason::HungUp,
        Stop::Input(_) => Reason::Input,
        Stop::Bug => Reason::Bug,
        Stop::AllInvalid(_) => Reason::InvalidRequest,
        Stop::Limit(Reached::Cost { .. }) => Reason::MaxCost,
        Stop::Limit(Reached::RunCost { .. }) => Reason::MaxRunCost,
        Stop::Limit(Reached::Deadline(_)) => Reason::Deadline,
        Stop::Limit(Reached::ErrorRate { .. }) => Reason::MaxErrorRate,
        Stop::TokensPerDay => Reason::TokensPerDay,
        Stop::Throttled { .. } => Reason::Throttled,
        Stop::CannotWrite { .. } => Reason::CannotWrite,
        Stop::Unreachable { .. } => Reason::Unreachable,
        Stop::Fault(fault) => match fault.category {
            Category::AccessDenied => Reason::AccessDenied,
            Category::NotFound => Reason::NotFound,
            Category::Credentials => Reason::Credentials,
            Category::DailyQuota => Reason::DailyQuota,
            Category::ServiceQuota => Reason::ServiceQuota,
            Category::Throttled | Category::ModelNotReady => Reason::Throttled,
            Category::InvalidRequest
            | Category::ContextWindow
            | Category::RequestTooLarge
            | Category::BadInputRow
            | Category::BadResponse
            | Category::InvalidOutput => Reason::InvalidRequest,
            Category::Unavailable
            | Category::ServerError
            | Category::ModelTimeout
            | Category::ModelError
            | Category::Network
            | Category::AttemptTimeout => Reason::Unreachable,
        },
    }
}

/// The cause of a stop, as the summary prints it: a file with the lines of `rows` completed rows was deleted.
pub(super) fn lost(rows: u64) -> String {
    let rows = format::plural(rows, "row");
    format!("the deletion of an output file that held {rows}")
}

/// A cost limit for all `rows`, assuming that the remaining rows cost what the completed ones did: rounded
/// up, with room for calls at their worst case, at least twice the limit that was reached, and enough
/// for the next call.
pub(super) fn enough_usd(reached: &Reached, so_far: &Tally, rows: u64) -> f64 {
    let (max_usd, least) = match reached {
        Reached::Cost {
            max_usd,
            spent_usd,
            next_usd,
        } => (*max_usd, spent_usd + next_usd),
        Reached::RunCost { .. } | Reached::Deadline(_) | Reached::ErrorRate { .. } => (0.0, 0.0),
    };
    let each = so_far.charge_usd() / so_far.ended().max(1) as f64;
    let enough = (1.1 * each * rows as f64).max(2.0 * max_usd).max(least);
    let step = 10_f64.powf(enough.log10().floor() - 1.0);
    (enough / step).ceil() * step
}

/// The exit code of a fault that stopped the run.
pub(crate) fn stopped(fault: &Fault) -> Exit {
    match fault.category {
        Category::AccessDenied | Category::NotFound | Category::Credentials => Exit::Access,
        Category::InvalidRequest
        | Category::ContextWindow
        | Category::RequestTooLarge
        | Category::BadInputRow
        | Category::BadResponse
        | Category::InvalidOutput => Exit::Usage,
        Category::DailyQuota
        | Category::ServiceQuota
        | Category::Throttled
        | Category::ModelNotReady
        | Category::Unavailable
        | Category::ServerError
        | Category::ModelTimeout
        | Category::ModelError
        | Category::Network
        | Category::AttemptTimeout => Exit::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_limit_has_room_for_the_next_call() {
        let reached = Reached::Cost {
            max_usd: 0.01,
            spent_usd: 0.004,
            next_usd: 0.5,
        };
        let enough = enough_usd(&reached, &Tally::default(), 10);
        assert!((0.504..0.6).contains(&enough), "{enough}");
    }
}
