//! Between the limits as the loop counts them, on its own clock, and the file in which the next run
//! finds them, on the wall clock.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::output::{LedgerError, Mode, OutputPaths, PaceFile, PaceRecord, left_of_day};
use crate::run::{EarlierUse, Event, Gauge};

/// Keeps `OUT.pace` true while a run is under way.
pub(super) struct LimitUseFile {
    file: PaceFile,
    emulated: bool,
    /// Whether the job names a limit: then every call is recorded before it leaves. What was learned
    /// is recorded now and then.
    is_limited: bool,
    gauge: Option<Gauge>,
    written: Option<Gauge>,
    has_failed: bool,
}

impl LimitUseFile {
    /// What earlier runs have used, and the file that says it to the next one. In a sweep each `model`
    /// has a record of its own.
    pub(super) fn open(
        paths: &OutputPaths,
        mode: Mode,
        emulated: bool,
        model: Option<&str>,
        is_limited: bool,
    ) -> Result<(Self, EarlierUse), LedgerError> {
        let mut file = PaceFile::new(paths, mode, model);
        let now = Timestamp::now();
        let earlier = file.read()?;
        let earlier = earlier.filter(|record| record.emulated == emulated);
        let nothing = EarlierUse {
            day_ends_in: Some(left_of_day(now)),
            ..EarlierUse::default()
        };
        let earlier = earlier.map_or(nothing, |record| EarlierUse {
            since_last_call: record.since_last_call(now),
            tokens_due_in: record.tokens_due_in(now),
            tokens_of_day: record.tokens_on(now),
            learned_per_minute: record.learned_per_minute(now),
            ..nothing
        });
        let this = Self {
            file,
            emulated,
            is_limited,
            gauge: None,
            written: None,
            has_failed: false,
        };
        Ok((this, earlier))
    }

    /// Takes in an event; records a call before it leaves. Returns what is to be said, once, if that
    /// fails.
    pub(super) fn take(&mut self, event: &Event<'_>) -> Option<String> {
        let is_due = match event {
            Event::Sent { gauge, .. } => {
                self.gauge = Some(*gauge);
                self.is_limited
            }
            Event::Waits(_, gauge) => {
                self.gauge = Some(*gauge);
                false
            }
            Event::Over(gauge) => {
                self.gauge = Some(*gauge);
                true
            }
            Event::Tick => true,
            Event::Retry { .. }
            | Event::Reasked { .. }
            | Event::Uncorrected { .. }
            | Event::Completed(_)
            | Event::Left { .. }
            | Event::Abandoned
            | Event::Unattributed { .. }
            | Event::CannotWrite(_)
            | Event::Stops(_) => false,
        };
        let gauge = self.gauge.filter(|_| is_due)?;
        let says_something = self.is_limited || gauge.learned_per_minute.is_some();
        if !says_something || self.written == Some(gauge) {
            return None;
        }
        self.written = Some(gauge);
        let record = self.record(&gauge, Timestamp::now(), Instant::now());
        let error = self.file.write(&record).err()?;
        (!std::mem::replace(&mut self.has_failed, true)).then(|| {
            format!(
                "cannot write {}: {error}: limits per minute and per day start over if the run is resumed",
                self.file.path().display()
            )
        })
    }

    fn record(&self, gauge: &Gauge, now: Timestamp, at: Instant) -> PaceRecord {
        let wall = |then: Instant| match then.checked_duration_since(at) {
            Some(later) => now.checked_add(later).ok(),
            None => now.checked_sub(at - then).ok(),
        };
        let used = gauge.limit_use;
        PaceRecord {
            last_call_at: used.last_call.and_then(wall),
            tokens_due_at: used.tokens_due.and_then(wall),
            tokens_of_day: used.tokens_of_day,
            learned_per_minute: gauge.learned_per_minute,
            ..PaceRecord::new(self.emulated, now)
        }
    }
}
