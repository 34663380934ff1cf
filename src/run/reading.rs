//! The next call: a retry that is due, or rows that are read.

use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::duplicates::Sorted;
use super::state::State;
use super::{CompletedRow, Outcome, ReadyRow, Row, chain};
use crate::model::Model;

/// Calls that wait for another attempt, per slot: a bound on memory while a service is down.
const WAITING_PER_SLOT: usize = 4;

/// Rows that may fail without a call before they are committed.
const MOST_UNCOMMITTED: usize = 1024;

/// Rows that completed in an earlier run are skipped in batches of this many, and for this long:
/// responses, signals and the clock have their turn in between.
const SKIPPED_AT_ONCE: u32 = 1024;
const SKIPPED_FOR: Duration = Duration::from_millis(10);

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    /// A call whose retry is due goes before a new one, unless the retry budget is used up.
    pub(super) fn candidate(&mut self, now: Instant) -> Option<Attempt> {
        if let Some(correction) = self.waiting.due_correction(now) {
            return Some(correction);
        }
        while let Some(due) = self.waiting.due(now) {
            if self.doubt.is_none() || !due.history.was_shared {
                return Some(due);
            }
            self.parked.push(due);
        }
        if self.doubt.is_none()
            && let Some(head) = self.head.take()
        {
            return Some(head);
        }
        self.skips = false;
        let has_room = self.waiting.len() < self.settings.concurrency * WAITING_PER_SLOT;
        let new = match &self.doubt {
            None if has_room => self.read(now),
            Some(_) | None => None,
        };
        match new {
            None if !self.skips => self.waiting.unpaid(now),
            new => new,
        }
    }

    /// Reads the next call: a row, or as many as may share one.
    fn read(&mut self, now: Instant) -> Option<Attempt> {
        let first = self.next.take().or_else(|| self.read_row(now))?;
        let sharing = self.settings.sharing;
        let (mut bytes, mut attempt) = (first.request.body.len(), Attempt::new(first, now));
        while attempt.rows() < sharing.rows {
            let Some(ready) = self.read_row(now) else {
                break;
            };
            let len = ready.request.body.len();
            if !sharing.takes(attempt.rows(), bytes, len) {
                self.next = Some(ready);
                break;
            }
            bytes += len;
            attempt.others.push(ready);
        }
        Some(attempt)
    }

    /// Reads on to the next row that can be sent; rows that cannot be sent fail here.
    fn read_row(&mut self, now: Instant) -> Option<ReadyRow> {
        if self.input_broke.is_some() {
            return None;
        }
        let mut passed = 0;
        while self.held_slots < MOST_UNCOMMITTED && self.copies.len() < MOST_UNCOMMITTED {
            let row = match self.unsorted.take() {
                Some(ready) => Ok(Row::Ready(ready)),
                None => self.rows.next()?,
            };
            match row {
                Ok(Row::Ready(ready)) => match self.duplicates.sort(ready) {
                    Sorted::Send(ready) => return Some(ready),
                    Sorted::Held => {}
                    Sorted::Copied(copied) => self.copies.push_back(copied),
                    Sorted::Full(ready) => {
                        self.unsorted = Some(ready);
                        return None;
                    }
                },
                Ok(Row::Rejected(identity, fault)) => {
                    self.budget.ended(true);
                    self.held_slots += 1;
                    self.ended
                        .push(CompletedRow::unsent(identity, Outcome::Failed(fault), now));
                }
                Ok(Row::Completed(_)) => {
                    passed += 1;
                    if passed == SKIPPED_AT_ONCE || SKIPPED_FOR <= now.elapsed() {
                        self.skips = true;
                        return None;
                    }
                }
                Err(error) => {
                    self.input_broke = Some(chain(&error));
                    return None;
                }
            }
        }
        None
    }
}
