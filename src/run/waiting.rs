//! Calls that wait for another attempt, ordered by when they are due and then by their first row.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::WaitReason;
use super::attempt::Attempt;
use super::health::Health;
use super::retry_budget::RetryBudget;

/// Calls on their way that are not in flight.
pub(super) struct Waiting {
    /// Those that were throttled.
    free: Queue,
    /// Those whose next attempt is paid from the budget.
    owing: Queue,
    /// Those that are to correct a response, which go before all others.
    corrections: Queue,
    budget: RetryBudget,
}

type Queue = BTreeMap<(Instant, u64), Attempt>;

impl Waiting {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            free: Queue::new(),
            owing: Queue::new(),
            corrections: Queue::new(),
            budget: RetryBudget::new(start),
        }
    }

    /// How many calls wait.
    pub(super) fn len(&self) -> usize {
        self.free.len() + self.owing.len() + self.corrections.len()
    }

    /// Lets a call wait until `due`.
    pub(super) fn insert(&mut self, due: Instant, attempt: Attempt) {
        let key = (due, attempt.identity().row);
        if attempt.is_correction() {
            self.corrections.insert(key, attempt);
        } else if attempt.history.owes {
            self.owing.insert(key, attempt);
        } else {
            self.free.insert(key, attempt);
        }
    }

    /// How many calls wait that are to correct a response. Their rows keep their slots.
    pub(super) fn corrections(&self) -> usize {
        self.corrections.len()
    }

    /// When the first of them is due.
    pub(super) fn next_correction(&self) -> Option<Instant> {
        first(&self.corrections).map(|(due, _)| due)
    }

    /// The first call that is due and is to correct a response.
    pub(super) fn due_correction(&mut self, now: Instant) -> Option<Attempt> {
        let next = first(&self.corrections).filter(|(due, _)| *due <= now)?;
        self.corrections.remove(&next)
    }

    /// Any call that is to correct a response.
    pub(super) fn take_correction(&mut self) -> Option<Attempt> {
        Some(self.corrections.pop_first()?.1)
    }

    /// The first call that is due and paid for.
    pub(super) fn due(&mut self, now: Instant) -> Option<Attempt> {
        let free = first(&self.free);
        let owing = first(&self.owing).filter(|_| self.budget.is_open());
        let next = free.into_iter().chain(owing).min()?;
        if now < next.0 {
            return None;
        }
        self.free.remove(&next).or_else(|| self.owing.remove(&next))
    }

    /// The first call that is due and that the budget does not pay for, where nothing else can be sent.
    pub(super) fn unpaid(&mut self, now: Instant) -> Option<Attempt> {
        let next = first(&self.owing)?;
        if now < next.0.max(self.budget.alone()) {
            return None;
        }
        self.owing.remove(&next)
    }

    /// When the next call can be sent if nothing else happens, and what it waits for.
    pub(super) fn next(&self, now: Instant) -> Option<(WaitReason, Instant)> {
        let retried = |queue| first(queue).map(|(due, _)| (WaitReason::Retries, due));
        let free = retried(&self.free).into_iter();
        let free = free.chain(retried(&self.corrections));
        let owing = first(&self.owing).map(|(due, _)| {
            if self.budget.is_open() || now < due {
                (WaitReason::Retries, due)
            } else {
                (WaitReason::RetryBudget, due.max(self.budget.alone()))
            }
        });
        free.chain(owing).min_by_key(|(_, due)| *due)
    }

    /// A call is sent; if it is retried, the budget pays.
    pub(super) fn pay(&mut self, attempt: &mut Attempt, now: Instant) {
        if std::mem::take(&mut attempt.history.owes) {
            self.budget.spend(now);
        }
    }

    /// A call came back with a transient error.
    pub(super) fn failed(&mut self) {
        self.budget.failed();
    }

    /// How well the service works.
    pub(super) fn health(&self) -> Health {
        self.budget.health()
    }

    /// A call succeeded.
    pub(super) fn earn(&mut self) {
        self.budget.earn();
    }
}

fn first(queue: &Queue) -> Option<(Instant, u64)> {
    queue.first_key_value().map(|(key, _)| *key)
}
