//! What the loop does: each function carries out one step, or takes in one event.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::duplicates::{self, Copied};
use super::earlier::outcome as outcome_of;
use super::retry::Next;
use super::state::{Admitted, BrokenDisk, Returned, State};
use super::{
    CompletedRow, Event, FirstAlone, Outcome, Row, Share, Signal, Stop, StopRequest, Store, chain,
};
use crate::alarm::Alarm;
use crate::model::{Category, Fault, Model};

/// Rows rejected as invalid before any row succeeded, after which the request itself may be wrong.
const ALL_INVALID: u32 = 20;

/// A call that is throttled for this long has been skipped by two minutes' quotas.
const TOO_LARGE: Duration = Duration::from_secs(120);

/// After a commit rows are gathered for so many times as long as it took, so that commits take no more
/// than a third of the time where every sync takes a processor from the calls; and no longer than this,
/// which is little beside a call to a model: their slots stand idle meanwhile.
const GATHERING: u32 = 2;
const LONGEST_GATHERING: Duration = Duration::from_millis(5);

/// The most bytes of copied rows in a commit.
const MOST_COPIED_BYTES: usize = 8 << 20;

/// How long to wait before a failed commit is retried.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);

/// How long responses are accepted that return during the last commits: a user who interrupts twice
/// waits for them and for the commit under way, which takes less than a second on any but a slow disk.
const LAST_RESPONSES: Duration = Duration::from_millis(250);

/// Disposition of a failed call.
enum Disposition {
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
    /// Starts one attempt.
    pub(super) fn send(&mut self, mut admitted: Admitted, tell: &mut impl FnMut(&Event<'_>)) {
        tell(&Event::Sent {
            identity: admitted.attempt.identity(),
            is_retry: admitted.attempt.history.is_retry(),
            gauge: self.gauge(),
        });
        let attempt = &admitted.attempt;
        self.budget
            .hold(attempt.worst_cost_usd() + attempt.reserve_usd());
        self.bytes.hold(admitted.held);
        let model = Arc::clone(&self.model);
        let limit = match self.is_first_alone() {
            true => self.settings.first_timeout,
            false => self.settings.attempt_timeout,
        };
        let compiles = self.is_first_alone() && self.settings.first_alone == FirstAlone::ForGrammar;
        admitted.attempt.first.request.silence = compiles.then_some(limit);
        self.in_flight.spawn(async move {
            let sent = Instant::now();
            let answer = admitted.attempt.send(&*model);
            let outcome = Alarm::after(limit).or(pin!(answer)).await;
            Returned {
                admitted,
                sent,
                returned_at: Instant::now(),
                outcome: outcome.unwrap_or_else(|| Err(timed_out(limit))),
            }
        });
    }

    /// Handles `first` and everything else that has returned by now. An attempt that panicked is a bug;
    /// the other calls are paid for, so they finish and are stored before the run stops.
    pub(super) fn receive(
        &mut self,
        first: Result<Returned, JoinError>,
        tell: &mut impl FnMut(&Event<'_>),
    ) {
        let mut next = Some(first);
        while let Some(joined) = next {
            match joined {
                Ok(returned) => self.take_back(returned, tell),
                Err(_) => {
                    tell(&Event::Abandoned);
                    self.stop(Stop::Bug, tell);
                }
            }
            next = self.in_flight.try_join_next();
        }
    }

    fn take_back(&mut self, back: Returned, tell: &mut impl FnMut(&Event<'_>)) {
        let Returned {
            admitted,
            sent,
            returned_at,
            outcome,
        } = back;
        let Admitted {
            mut attempt,
            admission,
            held,
        } = admitted;
        let outcome = outcome.map_err(|fault| self.settings.retry.heeded(fault));
        let unknown_usd =
            self.budget
                .returned(attempt.worst_cost_usd(), attempt.reserve_usd(), &outcome);
        attempt.history.maybe_billed_usd += unknown_usd / attempt.rows() as f64;
        let row = attempt.identity().row;
        let health = self.waiting.health();
        let services_fault = self
            .pace
            .returned(row, admission, &outcome, health, returned_at);
        match outcome {
            Ok(replies) => {
                self.note_success(admission.at, returned_at);
                attempt.history.attempts += 1;
                if let Some(correction) = self.correction(&attempt, &replies.first) {
                    self.bytes.release(held);
                    self.queue_correction(attempt, replies.first, correction, returned_at, tell);
                    return;
                }
                self.bytes.returned(held, &replies);
                let first = attempt.outcome_of(replies.first);
                let others = replies.others.into_iter().map(outcome_of);
                self.end(
                    attempt,
                    sent,
                    returned_at,
                    std::iter::once(first).chain(others),
                );
            }
            Err(fault) => {
                self.bytes.release(held);
                self.note_fault(&fault, admission.at, returned_at);
                let disposition =
                    self.disposition(&fault, &mut attempt, returned_at, services_fault);
                if attempt.is_correction()
                    && matches!(disposition, Disposition::Fail | Disposition::Stop(_))
                {
                    self.end_uncorrected(attempt, Some(&fault), sent, returned_at);
                    if let Disposition::Stop(stop) = disposition {
                        self.stop(stop, tell);
                    }
                    return;
                }
                report_disposition(&disposition, &attempt, &fault, tell);
                self.carry_out(disposition, attempt, fault, (sent, returned_at), tell);
            }
        }
    }

    /// A call succeeded: calls that were held until then continue.
    fn note_success(&mut self, sent: Instant, now: Instant) {
        self.credential_hold.passed(sent);
        self.waiting.earn();
        self.any_succeeded = true;
        self.doubt = None;
        for part in self.parked.drain(..) {
            self.waiting.insert(now, part);
        }
        self.last_response = now;
        self.concurrency.widen();
    }

    /// What a fault tells about the run, besides the disposition of its call.
    fn note_fault(&mut self, fault: &Fault, sent: Instant, now: Instant) {
        if fault.status_code.is_some() && !fault.may_be_renewed() {
            self.credential_hold.passed(sent);
        }
        if fault.is_transient_error() {
            self.waiting.failed();
        }
        if fault.wants_fewer_connections() {
            self.concurrency.narrow(self.in_flight.len() + 1, sent, now);
        }
        self.last_fault = Some(Box::new(fault.clone()));
    }

    /// Disposition of a call that came back with `fault`.
    fn disposition(
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

    fn carry_out(
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

    /// Every row of a call has completed, each with its outcome.
    pub(super) fn end(
        &mut self,
        attempt: Attempt,
        sent: Instant,
        returned_at: Instant,
        outcomes: impl Iterator<Item = Outcome>,
    ) {
        self.held_slots += 1;
        let rows = attempt.rows() as u32;
        let history = attempt.history;
        let rows_of_call = std::iter::once(attempt.first).chain(attempt.others);
        for (place, (ready, outcome)) in (1..).zip(rows_of_call.zip(outcomes)) {
            self.budget.ended(matches!(outcome, Outcome::Failed(_)));
            let copies = self.duplicates.ended(&ready.identity, &outcome);
            self.ended.push(CompletedRow {
                share: Share { rows, place },
                attempts: history.shared + history.attempts,
                throttles: history.throttles,
                maybe_billed: history.maybe_billed,
                maybe_billed_usd: history.maybe_billed_usd,
                queued: sent - attempt.read,
                latency: returned_at - sent,
                ..CompletedRow::unsent(ready.identity, outcome, returned_at)
            });
            self.copies.extend(copies);
        }
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

    /// Commits what has completed, and counts it only then.
    pub(super) fn commit<S: Store>(&mut self, store: &mut S, tell: &mut impl FnMut(&Event<'_>)) {
        let began = Instant::now();
        let kept = store.commit(&self.ended);
        let now = Instant::now();
        if kept.is_ok() {
            self.gather_until = now + ((now - began) * GATHERING).min(LONGEST_GATHERING);
            self.held_slots = 0;
            self.bytes.committed();
            for ended in self.ended.drain(..) {
                self.budget.attribute(ended.charge_usd());
                tell(&Event::Completed(&ended));
            }
        }
        let kept = kept.and_then(|()| self.commit_copies(store, now, tell));
        match kept.and_then(|()| store.make_room()) {
            Ok(()) => self.broken_disk = None,
            Err(error) => {
                let give_up = match &self.broken_disk {
                    Some(disk) => disk.give_up,
                    None => now + self.settings.drain,
                };
                tell(&Event::CannotWrite(&error));
                let (again, why) = (now + COMMIT_AGAIN, chain(&error));
                self.broken_disk = Some(BrokenDisk {
                    tried: now,
                    again,
                    give_up,
                    why,
                });
            }
        }
    }

    /// Commits some of the rows that end like another one. They were not paid for and no room is reserved for
    /// them: if they cannot be written, they wait, and nothing else fails with them.
    fn commit_copies<S: Store>(
        &mut self,
        store: &mut S,
        now: Instant,
        tell: &mut impl FnMut(&Event<'_>),
    ) -> Result<(), S::Error> {
        let mut bytes = 0;
        let fit = |copied: &&Copied| {
            bytes += duplicates::bytes(&copied.outcome);
            bytes <= MOST_COPIED_BYTES
        };
        let rows = self.copies.iter().take_while(fit).count().max(1);
        let copies = self.copies.iter().take(rows);
        let ended: Vec<_> = copies.map(|copied| copied.completed(now)).collect();
        if ended.is_empty() {
            return Ok(());
        }
        store.commit(&ended)?;
        self.copies.drain(..ended.len());
        for ended in &ended {
            self.budget
                .ended(matches!(ended.outcome, Outcome::Failed(_)));
            tell(&Event::Completed(ended));
        }
        Ok(())
    }

    /// Does what a signal or the caller asks.
    pub(super) fn follow(&mut self, ask: StopRequest, tell: &mut impl FnMut(&Event<'_>)) {
        match ask {
            StopRequest::Run => {}
            StopRequest::Drain(signal) => {
                // The deadline does what a first signal does, so a person's is the second then. A
                // system that ends its services gives calls in flight their time.
                if signal == Signal::Interrupt && self.is_hurried() {
                    self.leave.get_or_insert(Instant::now());
                }
                self.stop(signal.into(), tell);
            }
            StopRequest::Leave(first) => {
                self.stop(first.into(), tell);
                self.leave.get_or_insert(Instant::now());
            }
        }
    }

    /// The first reason to stop is the one that is reported; the first that is pressing says until
    /// when calls in flight may return.
    pub(super) fn stop(&mut self, stop: Stop, tell: &mut impl FnMut(&Event<'_>)) {
        let drained = stop
            .is_pressing()
            .then(|| Instant::now() + self.settings.drain);
        match &mut self.stop {
            None => {
                tell(&Event::Stops(&stop));
                self.stop = Some((stop, drained));
            }
            Some((_, until)) if until.is_none() && drained.is_some() => {
                tell(&Event::Stops(&stop));
                *until = drained;
            }
            Some(_) => {}
        }
    }

    /// Before the end: accepts responses that returned meanwhile, as during a slow commit, since they are
    /// paid for. Returns whether there were any.
    pub(super) fn receive_the_last(&mut self, tell: &mut impl FnMut(&Event<'_>)) -> bool {
        let now = Instant::now();
        while let Some(attempt) = self.waiting.take_correction() {
            self.end_waiting(attempt, now, tell);
        }
        if self.leaves_by.is_some_and(|by| by <= now) {
            return false;
        }
        self.leaves_by.get_or_insert(now + LAST_RESPONSES);
        let returned = self.in_flight.try_join_next();
        let is_any = returned.is_some();
        if let Some(first) = returned {
            self.receive(first, tell);
        }
        is_any
    }

    /// The end: why it stopped, if it did.
    pub(super) fn finish<S: Store>(
        self,
        store: &mut S,
        tell: &mut impl FnMut(&Event<'_>),
    ) -> Option<Stop> {
        for _ in 0..self.in_flight.len() {
            tell(&Event::Abandoned);
        }
        if let Some(unattributed_usd) = self.budget.unattributed_usd() {
            tell(&Event::Unattributed { unattributed_usd });
        }
        tell(&Event::Over(self.gauge()));
        if let Some(disk) = self.broken_disk {
            let rows = self.ended.iter().map(|ended| ended.identity.row);
            let mut rows: Vec<_> = rows.collect();
            rows.sort_unstable();
            let kept = (!rows.is_empty()).then(|| store.rescue(&self.ended));
            return Some(Stop::CannotWrite {
                why: disk.why,
                rows,
                rescued: kept.flatten(),
            });
        }
        self.stop.map(|(stop, _)| stop)
    }
}

/// Reports the disposition of a call once; failed rows are reported when they are kept.
fn report_disposition(
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
/// be throttled for ever.
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

/// A call that got no response in time; the service may still work on it and bill it.
fn timed_out(limit: Duration) -> Fault {
    let message = format!("no response within {} s", limit.as_secs());
    Fault {
        maybe_billed: true,
        ..Fault::local(Category::AttemptTimeout, message)
    }
}
