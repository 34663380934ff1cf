//! Everything the loop owns, and its steps. Nothing here awaits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::pace::Pace;
use super::retry::{History, Next};
use super::{Ask, Ended, Event, Outcome, Row, Settings, Stop, Store, Why, Work};
use crate::model::{Category, Fault, Model, Reply};

/// Rows refused as invalid before any row was answered, after which the request itself is wrong.
const ALL_INVALID: u32 = 20;

/// Rows that wait for another attempt, per slot: a bound on memory while a service is down.
const WAITING_PER_SLOT: usize = 4;

/// Rows that may end without a call before they are committed.
const MOST_UNCOMMITTED: usize = 1024;

/// How long to wait before a failed commit is tried again.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);

/// One row on its way.
#[derive(Debug)]
pub(super) struct Attempt {
    work: Work,
    history: History,
    read: Instant,
}

/// An attempt that came back.
pub(super) struct Landed {
    attempt: Attempt,
    sent: Instant,
    landed: Instant,
    outcome: Result<Reply, Fault>,
}

/// What to do next.
pub(super) enum Step {
    Send(Attempt),
    Commit,
    Wait(Wait),
    Done,
}

/// Nothing can be done until an answer lands, or until this instant.
pub(super) struct Wait {
    pub(super) why: Why,
    pub(super) until: Option<Instant>,
}

pub(super) struct State<M, R, E> {
    model: Arc<M>,
    rows: std::iter::Fuse<R>,
    settings: Settings,
    pace: Pace,
    jitter: fastrand::Rng,
    pub(super) in_flight: JoinSet<Landed>,
    /// The next row of the input, read but not yet admitted.
    head: Option<Attempt>,
    /// Rows to be sent again, by when they are due and then by row.
    again: BTreeMap<(Instant, u64), Attempt>,
    /// Rows that ended and are not yet committed.
    ended: Vec<Ended>,
    /// After a failed commit: when to try again, and when to give up.
    broken_disk: Option<BrokenDisk>,
    stop: Option<(Stop, Instant)>,
    leave: bool,
    answered_any: bool,
    invalid_in_a_row: u32,
    input_error: Option<E>,
}

struct BrokenDisk {
    again: Instant,
    give_up: Instant,
    why: String,
}

impl<M, R, E> State<M, R, E>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
{
    pub(super) fn new(model: Arc<M>, rows: R, settings: Settings, start: Instant) -> Self {
        Self {
            model,
            rows: rows.fuse(),
            pace: Pace::new(settings.requests_per_minute, start),
            jitter: fastrand::Rng::with_seed(settings.seed),
            settings,
            in_flight: JoinSet::new(),
            head: None,
            again: BTreeMap::new(),
            ended: Vec::new(),
            broken_disk: None,
            stop: None,
            leave: false,
            answered_any: false,
            invalid_in_a_row: 0,
            input_error: None,
        }
    }
}

/// Steps: what can be done at this instant.
impl<M, R, E> State<M, R, E>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
{
    pub(super) fn step(&mut self, now: Instant) -> Step {
        if let Some(step) = self.mend_disk(now) {
            return step;
        }
        if let Some((_, deadline)) = self.stop {
            return self.drain(deadline, now);
        }
        if self.settings.concurrency <= self.in_flight.len() + self.ended.len() {
            return self.commit_or_wait(Why::Concurrency, None);
        }
        let Some(attempt) = self.candidate(now) else {
            return self.nothing_to_send();
        };
        match self.pace.admit() {
            Ok(()) => Step::Send(attempt),
            Err(until) => {
                self.put_back(attempt, now);
                self.commit_or_wait(Why::Requests, Some(until))
            }
        }
    }

    /// While the output cannot be written nothing starts, and the commit is tried now and then.
    fn mend_disk(&mut self, now: Instant) -> Option<Step> {
        let disk = self.broken_disk.as_ref()?;
        if self.leave || disk.give_up <= now {
            return Some(Step::Done);
        }
        if disk.again <= now {
            return Some(Step::Commit);
        }
        Some(Step::Wait(Wait {
            why: Why::Disk,
            until: Some(disk.again),
        }))
    }

    fn drain(&self, deadline: Instant, now: Instant) -> Step {
        if !self.ended.is_empty() {
            return Step::Commit;
        }
        if self.in_flight.is_empty() || self.leave || deadline <= now {
            return Step::Done;
        }
        Step::Wait(Wait {
            why: Why::Drain,
            until: Some(deadline),
        })
    }

    /// A row that is due again goes before a new one.
    fn candidate(&mut self, now: Instant) -> Option<Attempt> {
        if let Some(due) = self.again.first_entry()
            && due.key().0 <= now
        {
            return Some(due.remove());
        }
        if let Some(head) = self.head.take() {
            return Some(head);
        }
        if self.settings.concurrency * WAITING_PER_SLOT <= self.again.len() {
            return None;
        }
        self.read(now)
    }

    /// Reads on to the next row that can be sent; rows that cannot be end here.
    fn read(&mut self, now: Instant) -> Option<Attempt> {
        if self.input_error.is_some() {
            return None;
        }
        while self.ended.len() < MOST_UNCOMMITTED {
            match self.rows.next()? {
                Ok(Row::Ready(work)) => {
                    return Some(Attempt {
                        work,
                        history: History::default(),
                        read: now,
                    });
                }
                Ok(Row::Rejected(identity, fault)) => self.ended.push(Ended {
                    identity,
                    outcome: Outcome::Failed(fault),
                    attempts: 0,
                    throttles: 0,
                    maybe_billed: 0,
                    queued: Duration::ZERO,
                    latency: Duration::ZERO,
                    landed: now,
                }),
                Err(error) => {
                    self.input_error = Some(error);
                    return None;
                }
            }
        }
        None
    }

    fn put_back(&mut self, attempt: Attempt, now: Instant) {
        if attempt.history.attempts + attempt.history.throttles == 0 {
            self.head = Some(attempt);
        } else {
            self.again.insert((now, attempt.work.identity.row), attempt);
        }
    }

    fn nothing_to_send(&self) -> Step {
        let due = self.again.first_key_value().map(|((due, _), _)| *due);
        if !self.in_flight.is_empty() {
            return self.commit_or_wait(Why::Answers, due);
        }
        if due.is_some() || !self.ended.is_empty() {
            return self.commit_or_wait(Why::Retries, due);
        }
        Step::Done
    }

    fn commit_or_wait(&self, why: Why, until: Option<Instant>) -> Step {
        if self.ended.is_empty() {
            Step::Wait(Wait { why, until })
        } else {
            Step::Commit
        }
    }
}

/// Deeds: each carries out one step, or takes in one thing that happened.
impl<M, R, E> State<M, R, E>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
{
    pub(super) fn send(&mut self, attempt: Attempt, tell: &mut impl FnMut(&Event<'_>)) {
        tell(&Event::Sent {
            identity: &attempt.work.identity,
        });
        let model = Arc::clone(&self.model);
        let limit = self.settings.attempt_timeout;
        self.in_flight.spawn(async move {
            let sent = Instant::now();
            let outcome = match timeout(limit, model.invoke(&attempt.work.call)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(gave_up(limit)),
            };
            Landed {
                attempt,
                sent,
                landed: Instant::now(),
                outcome,
            }
        });
    }

    /// Takes in `first` and everything else that has landed by now.
    pub(super) fn land(
        &mut self,
        first: Result<Landed, JoinError>,
        tell: &mut impl FnMut(&Event<'_>),
    ) {
        let mut next = Some(first);
        while let Some(joined) = next {
            match joined {
                Ok(landed) => self.settle(landed, tell),
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
            next = self.in_flight.try_join_next();
        }
    }

    fn settle(&mut self, landed: Landed, tell: &mut impl FnMut(&Event<'_>)) {
        let Landed {
            mut attempt,
            sent,
            landed,
            outcome,
        } = landed;
        let fault = match outcome {
            Ok(reply) => {
                self.answered_any = true;
                attempt.history.attempts += 1;
                return self.end(attempt, sent, landed, Outcome::Answered(reply));
            }
            Err(fault) => fault,
        };
        let dice = self.jitter.f64();
        let next = self
            .settings
            .retry
            .after(&fault, &mut attempt.history, landed, dice);
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
                self.again
                    .insert((landed + after, attempt.work.identity.row), attempt);
            }
            Next::Fail => {
                self.note_invalid(&fault, tell);
                self.end(attempt, sent, landed, Outcome::Failed(fault));
            }
        }
    }

    fn end(&mut self, attempt: Attempt, sent: Instant, landed: Instant, outcome: Outcome) {
        self.ended.push(Ended {
            identity: attempt.work.identity,
            outcome,
            attempts: attempt.history.attempts,
            throttles: attempt.history.throttles,
            maybe_billed: attempt.history.maybe_billed,
            queued: sent - attempt.read,
            latency: landed - sent,
            landed,
        });
    }

    /// When nothing but refusals comes back, the request itself is wrong.
    fn note_invalid(&mut self, fault: &Fault, tell: &mut impl FnMut(&Event<'_>)) {
        if fault.category != Category::InvalidRequest || self.answered_any {
            return;
        }
        self.invalid_in_a_row += 1;
        if self.invalid_in_a_row == ALL_INVALID {
            self.stop(Stop::AllInvalid(Box::new(fault.clone())), tell);
        }
    }

    pub(super) fn commit<S: Store>(&mut self, store: &mut S, tell: &mut impl FnMut(&Event<'_>)) {
        match store.commit(&self.ended) {
            Ok(()) => {
                self.broken_disk = None;
                for ended in self.ended.drain(..) {
                    tell(&Event::Ended(&ended));
                }
            }
            Err(error) => {
                let now = Instant::now();
                let give_up = match &self.broken_disk {
                    Some(disk) => disk.give_up,
                    None => now + self.settings.drain,
                };
                tell(&Event::CannotWrite(&error));
                self.broken_disk = Some(BrokenDisk {
                    again: now + COMMIT_AGAIN,
                    give_up,
                    why: chain(&error),
                });
            }
        }
    }

    pub(super) fn obey(&mut self, ask: Ask, tell: &mut impl FnMut(&Event<'_>)) {
        match ask {
            Ask::Run => {}
            Ask::Interrupt => self.stop(Stop::Interrupted, tell),
            Ask::Terminate => self.stop(Stop::Terminated, tell),
            Ask::Leave => self.leave = true,
        }
    }

    /// The first reason to stop is the one that is reported.
    fn stop(&mut self, stop: Stop, tell: &mut impl FnMut(&Event<'_>)) {
        if self.stop.is_none() {
            tell(&Event::Stops(&stop));
            self.stop = Some((stop, Instant::now() + self.settings.drain));
        }
    }

    pub(super) fn finish(self, tell: &mut impl FnMut(&Event<'_>)) -> Result<Option<Stop>, E> {
        for _ in 0..self.in_flight.len() {
            tell(&Event::Abandoned);
        }
        if let Some(disk) = self.broken_disk {
            return Ok(Some(Stop::CannotWrite {
                why: disk.why,
                lost: self.ended.len(),
            }));
        }
        match self.input_error {
            Some(error) => Err(error),
            None => Ok(self.stop.map(|(stop, _)| stop)),
        }
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

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
