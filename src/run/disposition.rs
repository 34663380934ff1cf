//! What follows from the fault of a call: a retry, a wait, a split, the failure of its rows or the end of the run.

use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::retry::Next;
use super::state::State;
use super::{Event, Outcome, Row, Stop};
use crate::model::{Category, Fault, Model};

/// Rows rejected as invalid before any row succeeded, after which the request itself may be wrong.
const ALL_INVALID: u32 = 20;

/// A call that is throttled for this long has been skipped by two minutes' quotas.
const TOO_LARGE: Duration = Duration::from_secs(120);

/// Disposition of a failed call.
pub(super) enum Disposition {
    /// It is retried after this long.
    Retry(Duration),
    /// Everything waits for new credentials, and it is retried then.
    Hold,
    /// The service was at fault: it is retried, and loses no attempt.
    Forgive,
    /// It has more tokens than a minute of the quota: it is split, and later calls stay as small.
    Shrink,
    /// It is split, to find the row that made the others fail.
    Split,
    /// The run stops, and its rows are left.
    Stop(Stop),
    /// Its rows have failed.
    Fail,
}

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    /// Disposition of a call that came back with `fault`.
    pub(super) fn disposition(
        &mut self,
        fault: &Fault,
        attempt: &mut Attempt,
        now: Instant,
        services_fault: bool,
    ) -> Disposition {
        let draw = self.jitter.f64();
        let policy = self.settings.retry;
        let health = self.waiting.health();
        match policy.after(
            fault,
            &mut attempt.history,
            now,
            draw,
            services_fault,
            health,
        ) {
            Next::Stop => Disposition::Stop(Stop::Fault(Box::new(fault.clone()))),
            Next::Hold => Disposition::Hold,
            Next::Retry(_) if too_large(attempt, fault, now) => Disposition::Shrink,
            Next::Retry(after) => Disposition::Retry(after),
            Next::Fail if self.pace.service_is_to_blame(fault, now) => Disposition::Forgive,
            Next::Fail if self.every_call_is_throttled(fault, now) => {
                let (lasted, fault) = (now - self.last_response, Box::new(fault.clone()));
                Disposition::Stop(if fault.category == Category::Throttled {
                    Stop::Throttled { lasted, fault }
                } else {
                    Stop::Unreachable { lasted, fault }
                })
            }
            Next::Fail if 1 < attempt.rows() && fault.may_be_of_one_row() => Disposition::Split,
            Next::Fail => Disposition::Fail,
        }
    }

    /// Does what follows from the fault of a call.
    pub(super) fn carry_out(
        &mut self,
        disposition: Disposition,
        mut attempt: Attempt,
        fault: Fault,
        (sent, returned_at): (Instant, Instant),
        tell: &mut impl FnMut(&Event<'_>),
    ) {
        match disposition {
            Disposition::Retry(after) => self.waiting.insert(returned_at + after, attempt),
            Disposition::Hold => {
                self.credential_hold.refused(&fault, returned_at);
                self.waiting.insert(returned_at, attempt);
            }
            Disposition::Forgive => {
                attempt.history.forgive();
                self.waiting.insert(returned_at, attempt);
            }
            Disposition::Shrink => {
                let fits = &mut self.settings.sharing.bytes;
                *fits = (*fits).min(attempt.bytes() / 2);
                self.part(attempt, returned_at);
            }
            Disposition::Split => self.part(attempt, returned_at),
            Disposition::Stop(stop) => self.stop(stop, tell),
            Disposition::Fail => {
                self.note_invalid(&fault);
                let failed = fault_of_each_row(fault, attempt.rows(), attempt.identity().row);
                self.end(attempt, sent, returned_at, failed.map(Outcome::Failed));
            }
        }
    }

    /// Sends the rows of a call in two, to find the one that the others failed with.
    ///
    /// They go in halves; but while nothing has ever succeeded, the first row goes alone: it shows
    /// soonest whether any row is valid, so that a mistake in every row is found before all are sent.
    fn part(&mut self, mut attempt: Attempt, now: Instant) {
        let was_whole = !attempt.history.was_shared;
        attempt.history.start_over();
        let at = if was_whole && !self.any_succeeded {
            1
        } else {
            attempt.rows() / 2
        };
        for part in attempt.part(at) {
            self.waiting.insert(now, part);
        }
    }

    /// A row has been throttled for as long as it may be, and so has every other.
    fn every_call_is_throttled(&self, fault: &Fault, now: Instant) -> bool {
        let refused = matches!(
            fault.category,
            Category::Throttled | Category::ModelNotReady
        );
        refused && self.settings.retry.throttle_wait <= now - self.last_response
    }

    /// If nothing but rejections comes back, the request itself is wrong. Rejections come back sooner
    /// than successes, so calls in flight are waited for, and nothing new is sent meanwhile.
    fn note_invalid(&mut self, fault: &Fault) {
        let is_proved = self.any_succeeded || self.settings.succeeded_before;
        if fault.category != Category::InvalidRequest || is_proved {
            return;
        }
        self.invalid += 1;
        if ALL_INVALID <= self.invalid {
            self.doubt = Some(Box::new(fault.clone()));
        }
    }
}

/// Reports the disposition of a call once; failed rows are reported when they are kept.
pub(super) fn report_disposition(
    disposition: &Disposition,
    attempt: &Attempt,
    fault: &Fault,
    tell: &mut impl FnMut(&Event<'_>),
) {
    let identity = attempt.identity();
    let after = match disposition {
        Disposition::Fail => return,
        Disposition::Stop(_) => return tell(&Event::Left { identity }),
        Disposition::Retry(after) => *after,
        Disposition::Hold | Disposition::Forgive | Disposition::Shrink | Disposition::Split => {
            Duration::ZERO
        }
    };
    tell(&Event::Retry {
        identity,
        fault,
        after,
    });
}

/// Whether a call that several rows share has more tokens than a minute of an unknown quota: it would
/// always be throttled.
fn too_large(attempt: &Attempt, fault: &Fault, now: Instant) -> bool {
    let since = attempt.history.refused_since;
    let skipped = since.is_some_and(|since| TOO_LARGE <= now - since);
    fault.category == Category::Throttled && 1 < attempt.rows() && skipped
}

/// The fault of a call as that of each of its rows. A body that could not be parsed is stored with the
/// first of them, whose number is `row`: it may be as long as all their responses together.
fn fault_of_each_row(fault: Fault, rows: usize, row: u64) -> impl Iterator<Item = Fault> {
    let bare = Fault {
        raw: None,
        message: match &fault.raw {
            Some(_) => format!("{}; its body is kept with row {row}", fault.message),
            None => fault.message.clone(),
        },
        ..fault.clone()
    };
    std::iter::once(fault).chain(std::iter::repeat_n(bare, rows - 1))
}
