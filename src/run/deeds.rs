//! What the loop does: each deed carries out one step, or takes in one thing that happened.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::retry::Next;
use super::state::{Admitted, Attempt, BrokenDisk, Landed, State};
use super::{Ask, Ended, Event, Outcome, Row, Stop, Store, chain};
use crate::alarm::Alarm;
use crate::model::{Category, Fault, Model};

/// Rows refused as invalid before any row was answered, after which the request itself may be wrong.
const ALL_INVALID: u32 = 20;

/// No longer than the last commit took are rows gathered for the next one, and no longer than
/// this: their slots stand idle meanwhile.
const LONGEST_GATHERING: Duration = Duration::from_millis(1);

/// How long to wait before a failed commit is tried again.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    /// Starts one attempt.
    pub(super) fn send(&mut self, admitted: Admitted, tell: &mut impl FnMut(&Event<'_>)) {
        let work = &admitted.attempt.work;
        tell(&Event::Sent {
            identity: &work.identity,
        });
        self.meter.hold(&work.call);
        let model = Arc::clone(&self.model);
        let limit = self.settings.attempt_timeout;
        self.in_flight.spawn(async move {
            let sent = Instant::now();
            let answer = model.invoke(&admitted.attempt.work.call);
            let outcome = Alarm::after(limit).or(answer).await;
            Landed {
                admitted,
                sent,
                landed: Instant::now(),
                outcome: outcome.unwrap_or_else(|| Err(gave_up(limit))),
            }
        });
    }

    /// Takes in `first` and everything else that has landed by now. An attempt that panicked is a
    /// bug, and its call may be paid for like those beside it: they land and are kept before the run
    /// goes down.
    pub(super) fn land(
        &mut self,
        first: Result<Landed, JoinError>,
        tell: &mut impl FnMut(&Event<'_>),
    ) {
        let mut next = Some(first);
        while let Some(joined) = next {
            match joined {
                Ok(landed) => self.settle(landed, tell),
                Err(_) => {
                    tell(&Event::Abandoned);
                    self.stop(Stop::Bug, tell);
                }
            }
            next = self.in_flight.try_join_next();
        }
    }

    fn settle(&mut self, landed: Landed, tell: &mut impl FnMut(&Event<'_>)) {
        let Landed {
            admitted,
            sent,
            landed,
            outcome,
        } = landed;
        let Admitted {
            mut attempt,
            admission,
        } = admitted;
        let outcome = outcome.map_err(|fault| self.settings.retry.heeded(fault));
        attempt.history.maybe_billed_usd += self.meter.settle(&attempt.work.call, &outcome);
        let row = attempt.work.identity.row;
        let services_fault = self.pace.landed(row, admission, &outcome, landed);
        let fault = match outcome {
            Ok(reply) => {
                self.hold.passed(admission.at);
                self.waiting.earn();
                self.answered_any = true;
                self.doubt = None;
                self.last_answer = landed;
                self.width.widen();
                attempt.history.attempts += 1;
                return self.end(attempt, sent, landed, Outcome::Answered(Box::new(reply)));
            }
            Err(fault) => fault,
        };
        if fault.status_code.is_some() && !fault.may_be_renewed() {
            self.hold.passed(admission.at);
        }
        if fault.wants_fewer_connections() {
            self.width
                .narrow(self.in_flight.len() + 1, admission.at, landed);
        }
        self.last_fault = Some(Box::new(fault.clone()));
        let dice = self.jitter.f64();
        let policy = self.settings.retry;
        let next = policy.after(&fault, &mut attempt.history, landed, dice, services_fault);
        match next {
            Next::Stop => {
                tell(&Event::Left {
                    identity: &attempt.work.identity,
                });
                self.stop(Stop::Fault(Box::new(fault)), tell);
            }
            Next::Again(after) => {
                tell(&Event::Again {
                    identity: &attempt.work.identity,
                    fault: &fault,
                    after,
                });
                self.waiting.insert(landed + after, attempt);
            }
            Next::Hold => {
                tell(&Event::Again {
                    identity: &attempt.work.identity,
                    fault: &fault,
                    after: Duration::ZERO,
                });
                self.hold.refused(&fault, landed);
                self.waiting.insert(landed, attempt);
            }
            Next::Fail if self.pace.service_is_to_blame(&fault, landed) => {
                let (identity, after) = (&attempt.work.identity, Duration::ZERO);
                tell(&Event::Again {
                    identity,
                    fault: &fault,
                    after,
                });
                attempt.history.forgive();
                self.waiting.insert(landed, attempt);
            }
            Next::Fail if self.nobody_is_let_in(&fault, landed) => {
                tell(&Event::Left {
                    identity: &attempt.work.identity,
                });
                let lasted = landed - self.last_answer;
                self.stop(
                    Stop::Unreachable {
                        lasted,
                        fault: Box::new(fault),
                    },
                    tell,
                );
            }
            Next::Fail => {
                self.note_invalid(&fault);
                self.end(attempt, sent, landed, Outcome::Failed(fault));
            }
        }
    }

    /// A row has been refused for as long as it may, and so has every other.
    fn nobody_is_let_in(&self, fault: &Fault, now: Instant) -> bool {
        let refused = matches!(
            fault.category,
            Category::Throttled | Category::ModelNotReady
        );
        refused && self.settings.retry.throttle_wait <= now - self.last_answer
    }

    fn end(&mut self, attempt: Attempt, sent: Instant, landed: Instant, outcome: Outcome) {
        self.meter.ended(matches!(outcome, Outcome::Failed(_)));
        self.ended.push(Ended {
            attempts: attempt.history.attempts,
            throttles: attempt.history.throttles,
            maybe_billed: attempt.history.maybe_billed,
            maybe_billed_usd: attempt.history.maybe_billed_usd,
            queued: sent - attempt.read,
            latency: landed - sent,
            ..Ended::unsent(attempt.work.identity, outcome, landed)
        });
    }

    /// When nothing but refusals comes back, the request itself is wrong. Refusals are sooner back
    /// than answers: what has been sent is waited for, and nothing new is sent meanwhile.
    fn note_invalid(&mut self, fault: &Fault) {
        let is_proved = self.answered_any || self.settings.answered_before;
        if fault.category != Category::InvalidRequest || is_proved {
            return;
        }
        self.invalid += 1;
        if ALL_INVALID <= self.invalid {
            self.doubt = Some(Box::new(fault.clone()));
        }
    }

    /// Keeps what has ended, and counts it only then.
    pub(super) fn commit<S: Store>(&mut self, store: &mut S, tell: &mut impl FnMut(&Event<'_>)) {
        let began = Instant::now();
        let kept = store.commit(&self.ended);
        let now = Instant::now();
        if kept.is_ok() {
            self.gather_until = now + (now - began).min(LONGEST_GATHERING);
            for ended in self.ended.drain(..) {
                self.meter.listed(ended.charge_usd());
                tell(&Event::Ended(&ended));
            }
        }
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

    /// Does what the person or the system asks.
    pub(super) fn obey(&mut self, ask: Ask, tell: &mut impl FnMut(&Event<'_>)) {
        match ask {
            Ask::Run => {}
            Ask::Drain(signal) => self.stop(signal.into(), tell),
            Ask::Leave(first) => {
                self.stop(first.into(), tell);
                self.leave = true;
            }
        }
    }

    /// The first reason to stop is the one that is reported; the first that is pressing says until
    /// when calls in flight may land.
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

    /// The end: why it stopped, if it did.
    pub(super) fn finish<S: Store>(
        self,
        store: &mut S,
        tell: &mut impl FnMut(&Event<'_>),
    ) -> Option<Stop> {
        for _ in 0..self.in_flight.len() {
            tell(&Event::Abandoned);
        }
        if let Some(unlisted_usd) = self.meter.unlisted_usd() {
            tell(&Event::Unlisted { unlisted_usd });
        }
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

/// The call is out of our hands, not out of the service's.
fn gave_up(limit: Duration) -> Fault {
    let message = format!("no answer within {} s", limit.as_secs());
    Fault {
        maybe_billed: true,
        ..Fault::local(Category::AttemptTimeout, message)
    }
}
