//! Rows that have ended go to the store, and count only then.

use std::time::Duration;

use tokio::time::Instant;

use super::duplicates::{self, Copied};
use super::state::{BrokenDisk, State};
use super::{Event, Outcome, Row, Stop, Store, chain};
use crate::model::Model;

/// After a commit rows are gathered for so many times as long as it took, so that commits take no more
/// than a third of the time where every sync takes a processor from the calls; and no longer than this,
/// which is little beside a call to a model: their slots stand idle meanwhile.
const GATHERING: u32 = 2;
const LONGEST_GATHERING: Duration = Duration::from_millis(5);

/// The most bytes of copied rows in a commit.
const MOST_COPIED_BYTES: usize = 8 << 20;

/// How long to wait before a failed commit is retried.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
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
