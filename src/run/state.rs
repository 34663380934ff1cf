//! Everything the loop owns, and what is to be done at an instant. Nothing here awaits. Which call is next is in
//! [`reading`](super::reading), whether it may start in [`admission`](super::admission), and what is done in
//! [`effects`](super::effects), [`disposition`](super::disposition) and [`commit`](super::commit).

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attempt::{Attempt, Replies};
use super::bytes_in_flight::{BytesInFlight, Held};
use super::concurrency::ConcurrencyLimit;
use super::credential_hold::CredentialHold;
use super::duplicates::{Copied, Duplicates};
use super::gauge::Gauge;
use super::limits::{Budget, Reached};
use super::pace::{Admission, Pace};
use super::waiting::Waiting;
use super::{CompletedRow, FirstAlone, ReadyRow, Row, Settings, Stop, WaitReason};
use crate::model::{Fault, Model};

/// One slot in this many is enough for a commit: the others keep the service busy meanwhile.
const ENOUGH_TO_COMMIT: usize = 2;

/// An attempt that every quota had room for.
pub(super) struct Admitted {
    pub(super) attempt: Attempt,
    pub(super) admission: Admission,
    pub(super) held: Held,
}

/// An attempt that came back.
pub(super) struct Returned {
    pub(super) admitted: Admitted,
    pub(super) sent: Instant,
    pub(super) returned_at: Instant,
    pub(super) outcome: Result<Replies, Fault>,
}

/// What to do next.
pub(super) enum Step {
    Send(Box<Admitted>),
    Commit,
    /// A row completes with the response that it has, for its correction cannot be sent.
    EndCorrection(Box<Attempt>),
    Stop(Stop),
    Wait(Wait),
    Done,
}

/// Nothing can be done until a call returns, or until this instant.
pub(super) struct Wait {
    pub(super) why: WaitReason,
    pub(super) until: Option<Instant>,
}

/// The state of the loop.
pub(super) struct State<M, R> {
    pub(super) model: Arc<M>,
    pub(super) rows: std::iter::Fuse<R>,
    pub(super) settings: Settings,
    pub(super) pace: Pace,
    pub(super) concurrency: ConcurrencyLimit,
    pub(super) budget: Budget,
    pub(super) jitter: fastrand::Rng,
    pub(super) in_flight: JoinSet<Returned>,
    /// A row that was read and did not fit into the call of those before it.
    pub(super) next: Option<ReadyRow>,
    /// Requests that several rows would send.
    pub(super) duplicates: Duplicates,
    /// A row that was read and is to be sorted among them once fewer wait.
    pub(super) unsorted: Option<ReadyRow>,
    /// The next call, read but not yet admitted.
    pub(super) head: Option<Attempt>,
    /// Whether completed rows were skipped, and a row that has not completed may follow.
    pub(super) skips: bool,
    /// How much memory calls in flight take.
    pub(super) bytes: BytesInFlight,
    /// Calls to be retried.
    pub(super) waiting: Waiting,
    /// Parts of calls that failed while it is in doubt whether any row is valid: the first success
    /// releases them.
    pub(super) parked: Vec<Attempt>,
    /// Whether everything waits for new credentials.
    pub(super) credential_hold: CredentialHold,
    /// Rows that completed and are not yet committed.
    pub(super) ended: Vec<CompletedRow>,
    /// Rows that end like another one and are not in the output yet.
    pub(super) copies: VecDeque<Copied>,
    /// The slots that they still hold: one per call, and one for a row without a call.
    pub(super) held_slots: usize,
    /// Until when rows are gathered, if they complete faster than they can be committed one by one.
    pub(super) gather_until: Instant,
    pub(super) broken_disk: Option<BrokenDisk>,
    /// Why no new calls start, and until when those in flight may return, if the stop is urgent.
    pub(super) stop: Option<(Stop, Option<Instant>)>,
    /// When it was asked to exit without waiting.
    pub(super) leave: Option<Instant>,
    /// Until when responses are accepted that return during the last commits.
    pub(super) leaves_by: Option<Instant>,
    pub(super) last_response: Instant,
    pub(super) any_succeeded: bool,
    /// Rows rejected as invalid while none had succeeded.
    pub(super) invalid: u32,
    /// The last of them, once they are enough to suspect the request itself.
    pub(super) doubt: Option<Box<Fault>>,
    pub(super) last_fault: Option<Box<Fault>>,
    /// The error with which the input broke off.
    pub(super) input_broke: Option<String>,
}

/// A commit has failed: when it was tried, when to try again, and when to give up.
pub(super) struct BrokenDisk {
    pub(super) tried: Instant,
    pub(super) again: Instant,
    pub(super) give_up: Instant,
    pub(super) why: String,
}

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    pub(super) fn new(model: Arc<M>, rows: R, mut settings: Settings, start: Instant) -> Self {
        Self {
            model,
            rows: rows.fuse(),
            pace: Pace::new(
                settings.requests_per_minute,
                settings.tokens,
                &settings.earlier,
                start,
            ),
            concurrency: ConcurrencyLimit::new(settings.concurrency, start),
            budget: Budget::new(settings.limits, start),
            jitter: fastrand::Rng::with_seed(settings.seed),
            duplicates: std::mem::take(&mut settings.duplicates),
            settings,
            in_flight: JoinSet::new(),
            next: None,
            unsorted: None,
            head: None,
            skips: false,
            bytes: BytesInFlight::default(),
            waiting: Waiting::new(start),
            parked: Vec::new(),
            credential_hold: CredentialHold::default(),
            ended: Vec::new(),
            copies: VecDeque::new(),
            held_slots: 0,
            gather_until: start,
            broken_disk: None,
            stop: None,
            leave: None,
            leaves_by: None,
            last_response: start,
            any_succeeded: false,
            invalid: 0,
            doubt: None,
            last_fault: None,
            input_broke: None,
        }
    }

    /// Whether a call is the only one, until it is answered.
    pub(super) fn is_first_alone(&self) -> bool {
        self.settings.first_alone != FirstAlone::No && !self.any_succeeded
    }

    /// Rows that wait for a correction keep their slots, so that there are never more rows under way
    /// than slots. Where they keep all that are free: until when, if none of them is due.
    fn slots_kept_until(&self, now: Instant) -> Option<Instant> {
        let next = self.waiting.next_correction()?;
        let taken = self.in_flight.len() + self.held_slots + self.waiting.corrections();
        (now < next && self.concurrency.calls() <= taken).then_some(next)
    }

    /// What is known of the quota.
    pub(super) fn gauge(&self) -> Gauge {
        self.pace.gauge(Instant::now())
    }

    /// When something is to be done even if no call returns. While the disk is broken the deadline can
    /// wait for the next try.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let applies = !self.is_hurried() && self.broken_disk.is_none();
        self.budget.deadline().filter(|_| applies)
    }

    /// What can be done now.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        if let Some(step) = self.wait_for_disk(now) {
            return step;
        }
        if let Some((_, until)) = self.stop {
            if let Some(attempt) = self.waiting.take_correction() {
                return Step::EndCorrection(Box::new(attempt));
            }
            return self.drain(until, now);
        }
        if let Some(stop) = self.reason_to_stop(now) {
            return Step::Stop(stop);
        }
        if self.concurrency.calls() <= self.in_flight.len() + self.held_slots {
            return self.commit_or_wait(WaitReason::Concurrency, None, now);
        }
        if self.is_first_alone() && !self.in_flight.is_empty() {
            let why = match self.settings.first_alone {
                FirstAlone::ForGrammar => WaitReason::FirstGrammar,
                FirstAlone::ForCache | FirstAlone::No => WaitReason::FirstAnswer,
            };
            return self.commit_or_wait(why, None, now);
        }
        if let Some(due) = self.slots_kept_until(now) {
            return self.commit_or_wait(WaitReason::Retries, Some(due), now);
        }
        match self.candidate(now) {
            Some(attempt) => self.admit(attempt, now),
            None => match self.input_broke.take() {
                Some(why) => Step::Stop(Stop::Input(why)),
                None => self.nothing_to_send(now),
            },
        }
    }

    /// While the output cannot be written nothing starts, and the commit is retried.
    fn wait_for_disk(&mut self, now: Instant) -> Option<Step> {
        let disk = self.broken_disk.as_ref()?;
        let give_up = self.leave.map_or(disk.give_up, |at| at.min(disk.give_up));
        // What has returned since the last try gets one at the very end.
        if give_up <= disk.tried {
            return Some(Step::Done);
        }
        let until = disk.again.min(give_up);
        if until <= now {
            return Some(Step::Commit);
        }
        Some(Step::Wait(Wait {
            why: WaitReason::Disk,
            until: Some(until),
        }))
    }

    /// Calls in flight are paid for, so they finish. Only an urgent stop cuts that short; the deadline is
    /// one, also if something else has stopped the run.
    fn drain(&self, until: Option<Instant>, now: Instant) -> Step {
        let is_committed = match self.leave {
            // Copies cost nothing: the next run makes them.
            Some(_) => self.ended.is_empty(),
            None => self.is_committed(),
        };
        if !is_committed {
            return Step::Commit;
        }
        let is_over = until.is_some_and(|until| until <= now);
        if self.in_flight.is_empty() || self.leave.is_some() || is_over {
            return Step::Done;
        }
        match self.budget.reached(now) {
            Some(reached @ Reached::Deadline(_)) if until.is_none() => {
                Step::Stop(Stop::Limit(reached))
            }
            _ => Step::Wait(Wait {
                why: WaitReason::Drain,
                until,
            }),
        }
    }

    /// Whether the run is stopping for an urgent reason.
    pub(super) fn is_hurried(&self) -> bool {
        matches!(self.stop, Some((_, Some(_))))
    }

    fn reason_to_stop(&self, now: Instant) -> Option<Stop> {
        if let Some(reached) = self.budget.reached(now) {
            return Some(Stop::Limit(reached));
        }
        if let Some((ends, fault)) = self.hold_ends()
            && self.in_flight.is_empty()
            && ends <= now
        {
            return Some(Stop::Fault(Box::new(fault.clone())));
        }
        let lasted = self.pace.outage(now)?;
        let fault = self.last_fault.clone()?;
        let unreachable = self.settings.retry.throttle_wait <= lasted;
        unreachable.then_some(Stop::Unreachable { lasted, fault })
    }

    pub(super) fn hold_ends(&self) -> Option<(Instant, &Fault)> {
        let patience = self.settings.retry.throttle_wait;
        self.credential_hold.ends(patience, self.any_succeeded)
    }

    /// Whether every row that has ended is in the output.
    pub(super) fn is_committed(&self) -> bool {
        self.ended.is_empty() && self.copies.is_empty()
    }

    fn nothing_to_send(&self, now: Instant) -> Step {
        if self.skips {
            return self.commit_or_wait(WaitReason::Input, Some(now), now);
        }
        let next = self.waiting.next(now);
        let due = next.map(|(_, due)| due);
        match next {
            Some((WaitReason::RetryBudget, _)) => {
                self.commit_or_wait(WaitReason::RetryBudget, due, now)
            }
            _ if !self.in_flight.is_empty() => {
                let why = match &self.doubt {
                    Some(_) => WaitReason::Proof,
                    None => WaitReason::LastResponses,
                };
                self.commit_or_wait(why, due, now)
            }
            Some((why, _)) => self.commit_or_wait(why, due, now),
            None if !self.is_committed() => self.commit_or_wait(WaitReason::Retries, None, now),
            None => match &self.doubt {
                Some(fault) => Step::Stop(Stop::AllInvalid(fault.clone())),
                None => Step::Done,
            },
        }
    }

    pub(super) fn commit_or_wait(
        &self,
        why: WaitReason,
        until: Option<Instant>,
        now: Instant,
    ) -> Step {
        if self.is_committed() {
            return Step::Wait(Wait { why, until });
        }
        let enough = self.concurrency.calls().div_ceil(ENOUGH_TO_COMMIT);
        if self.in_flight.is_empty() || enough <= self.held_slots || self.gather_until <= now {
            return Step::Commit;
        }
        let gathered = Some(self.gather_until);
        let until = until.into_iter().chain(gathered).min();
        Step::Wait(Wait { why, until })
    }
}
