//! The end of a run: what the summary says, and the exit code.

use super::run::Run;
use super::verdict::{enough_usd, lost, reason, verdict};
use crate::exit::{Exit, Reason};
use crate::format;
use crate::format::retrying;
use crate::model::Category;
use crate::output::tally::Tally;
use crate::output::{Existing, RecordedState};
use crate::report::progress::Progress;
use crate::report::summary::{Context, RunEnding};
use crate::run::{Reached, Stop};

impl Run<'_, '_> {
    /// What the summary knows. After a stop by cost, the command that resumes has a limit with
    /// which it can.
    pub(super) fn context_after(&self, stop: Option<&Stop>, progress: &Progress) -> Context {
        let mut context = self.context.clone();
        if let Some(Stop::Limit(reached @ Reached::Cost { .. })) = stop {
            let enough = enough_usd(reached, &progress.overall(), context.rows);
            context.resume = (self.command)(self.pinned, Some(enough));
            context.retry_failed = retrying(&context.resume);
        }
        context
    }

    pub(super) fn ending(&self, stop: Option<&Stop>, progress: &Progress) -> RunEnding {
        let overall = progress.overall();
        let is_whole = self.context.rows <= overall.ended();
        let stopped_by = match stop {
            Some(stop) => Some(match (stop, &self.plan.clock_deadline) {
                (Stop::Limit(Reached::Deadline(_)), Some(clock)) => {
                    format!("the deadline, {clock}")
                }
                (stop, _) => format!("{stop}{}", self.model_of(stop)),
            }),
            // Every row has ended, and some of them stood in a file that was deleted since.
            None if !is_whole => Some(lost(self.context.rows - overall.ended())),
            None => None,
        };
        let mut too_many_failed = None;
        let (exit, advice) = match stop {
            // If the input has changed, it is unknown whether its rows have completed.
            Some(stop @ (Stop::CannotWrite { .. } | Stop::Input(_))) => self.verdict(stop),
            Some(stop) if !is_whole => self.verdict(stop),
            None if !is_whole => (Exit::Stopped, None),
            // What stops a run while its last calls land has nothing left to stop.
            Some(_) | None => {
                too_many_failed = self.too_many(&overall);
                let exit = match &too_many_failed {
                    Some(_) => Exit::TooManyFailed,
                    None => Exit::Complete,
                };
                (exit, None)
            }
        };
        // With --fresh in it, the same command would start over; the one that is printed does not.
        let advice = match self.options.existing {
            Existing::Fresh => advice.map(|it| it.replace("the same command", "the command below")),
            Existing::Resume | Existing::RetryFailed => advice,
        };
        // What the service rejects for every row, it rejects again.
        let fails_again = match stop {
            Some(Stop::Fault(fault) | Stop::AllInvalid(fault)) => {
                exit == Exit::Usage || fault.wants_another_job()
            }
            Some(_) | None => false,
        };
        let is_completed = matches!(exit, Exit::Complete | Exit::TooManyFailed);
        RunEnding {
            exit,
            state: match is_completed {
                true => RecordedState::Completed,
                false => RecordedState::Stopped,
            },
            reason: match (exit, stop) {
                (Exit::Complete, _) => None,
                (Exit::TooManyFailed, _) if self.too_many_failed(&overall).is_none() => {
                    Some(Reason::MaxFiltered)
                }
                (Exit::TooManyFailed, _) => Some(Reason::MaxFailures),
                (_, Some(stop)) => Some(reason(stop)),
                (_, None) => Some(Reason::OutputDeleted),
            },
            stopped_by,
            advice,
            goes_on: !fails_again,
            too_many_failed,
            bears_bad_rows: {
                let bad = overall.failed_of(Category::BadInputRow);
                !self.plan.max_failures.exceeded_by(bad, self.rows_here())
            },
        }
    }

    /// Which model of a sweep a stop is about, where it is about one.
    fn model_of(&self, stop: &Stop) -> String {
        let is_sweep = !self.context.variants.is_empty();
        match stop {
            Stop::Fault(_)
            | Stop::AllInvalid(_)
            | Stop::TokensPerDay
            | Stop::Unreachable { .. }
            | Stop::Throttled { .. }
                if is_sweep =>
            {
                format!(" ({})", self.current.model)
            }
            Stop::Fault(_)
            | Stop::AllInvalid(_)
            | Stop::TokensPerDay
            | Stop::Unreachable { .. }
            | Stop::Throttled { .. }
            | Stop::Interrupted
            | Stop::Terminated
            | Stop::HungUp
            | Stop::Input(_)
            | Stop::Bug
            | Stop::Limit(_)
            | Stop::CannotWrite { .. } => String::new(),
        }
    }

    /// What of the completed rows makes exit code 3: more failed, or more were filtered, than is
    /// allowed.
    fn too_many(&self, overall: &Tally) -> Option<String> {
        let found = [
            self.too_many_failed(overall),
            self.too_many_filtered(overall),
        ];
        let found: Vec<_> = found.into_iter().flatten().collect();
        (!found.is_empty()).then(|| found.join("; "))
    }

    fn too_many_filtered(&self, overall: &Tally) -> Option<String> {
        let allowed = self.plan.max_filtered?;
        let words = || {
            let filtered = format::plural(overall.filtered, "row");
            format!("{filtered} filtered, max_filtered allows {allowed}")
        };
        let rows = self.rows_here();
        allowed.exceeded_by(overall.filtered, rows).then(words)
    }

    fn too_many_failed(&self, overall: &Tally) -> Option<String> {
        // Of rows that are no longer in the input, the output may have lost the failures.
        let failed = overall.failed.saturating_sub(self.kept.failures);
        let rows = self.rows_here();
        let allowed = self.plan.max_failures;
        let words = || {
            let failed = format::plural(failed, "row");
            format!("{failed} failed, max_failures allows {allowed}")
        };
        allowed.exceeded_by(failed, rows).then(words)
    }

    /// Rows of the input, without those that only the output has.
    fn rows_here(&self) -> u64 {
        self.context.rows.saturating_sub(self.kept.rows)
    }

    fn verdict(&self, stop: &Stop) -> (Exit, Option<String>) {
        let place = self.region.as_deref();
        verdict(stop, &self.current.model, place, &self.context.paths)
    }
}
