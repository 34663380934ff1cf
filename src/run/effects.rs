//! What the loop does: each function carries out one step, or takes in one event.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::disposition::{Disposition, report_disposition};
use super::earlier::outcome as outcome_of;
use super::state::{Admitted, Returned, State};
use super::{CompletedRow, Event, FirstAlone, Outcome, Row, Share, Signal, Stop, StopRequest};
use crate::alarm::Alarm;
use crate::model::{Category, Fault, Model};

/// How long responses are accepted that return during the last commits: a user who interrupts twice
/// waits for them and for the commit under way, which takes less than a second on any but a slow disk.
const LAST_RESPONSES: Duration = Duration::from_millis(250);

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
}

/// A call that got no response in time; the service may still work on it and bill it.
fn timed_out(limit: Duration) -> Fault {
    let message = format!("no response within {} s", limit.as_secs());
    Fault {
        maybe_billed: true,
        ..Fault::local(Category::AttemptTimeout, message)
    }
}
