//! `OUT.pace`: what is used of the limits per minute and per day, for the run after this one.
//!
//! Before a call of a limited run leaves, the file says so. A process that is killed has then counted
//! every call that it sent, and no more than one that it did not. The file is one record of a fixed
//! size, overwritten in place with one write: whatever kills the process, there is the old record or
//! the new one. It is not synced, so a power cut may lose the last seconds.
//!
//! Times are those of the wall clock, since nothing else outlives a process. A clock that was set back
//! makes the record one of this moment.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::LedgerError;
use super::mode::Mode;
use super::paths::OutputPaths;
use crate::format::hexadecimal;

/// The size of a record in bytes, the padding included: more than the longest has, and in one page.
const RECORD_BYTES: usize = 512;

/// What was learned from throttles longer ago than this says little: the quota is shared.
const LEARNED_FOR: Duration = Duration::from_secs(300);

/// A sweep has no more models than this.
const MOST_RECORDS: usize = 1000;

/// Tokens are owed for this long at most, whatever the file says.
const OWED_FOR: Duration = Duration::from_secs(900);

/// What is used of the limits. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaceRecord {
    /// The version of the layout.
    pub pace: u32,
    /// The model whose limits these are, in a sweep: the beginning of the SHA-256 of its ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the embedded emulator answered: it has quotas of its own.
    pub emulated: bool,
    /// When the record was written.
    pub written_at: Timestamp,
    /// When the last call was admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_call_at: Option<Timestamp>,
    /// When the tokens that calls have taken are paid for, by the tokens per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_due_at: Option<Timestamp>,
    /// Tokens of quota used on the day of `written_at` (UTC).
    #[serde(default)]
    pub tokens_of_day: f64,
    /// The calls per minute that throttles have taught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_per_minute: Option<f64>,
}

impl PaceRecord {
    /// Nothing is used yet.
    pub fn new(emulated: bool, written_at: Timestamp) -> Self {
        Self {
            pace: 1,
            model: None,
            emulated,
            written_at,
            last_call_at: None,
            tokens_due_at: None,
            tokens_of_day: 0.0,
            learned_per_minute: None,
        }
    }

    /// How long before `now` the last call was admitted.
    pub fn since_last_call(&self, now: Timestamp) -> Option<Duration> {
        Some(between(self.last_call_at?, self.now(now)))
    }

    /// How long after `now` the tokens are paid for.
    pub fn tokens_due_in(&self, now: Timestamp) -> Duration {
        let due = self.tokens_due_at.map(|due| between(self.now(now), due));
        due.unwrap_or_default().min(OWED_FOR)
    }

    /// Tokens that count for the day of `now`.
    pub fn tokens_on(&self, now: Timestamp) -> f64 {
        match day(self.written_at) < day(now) {
            true => 0.0,
            false => self.tokens_of_day,
        }
    }

    /// The calls per minute that were learned, if that is recent.
    pub fn learned_per_minute(&self, now: Timestamp) -> Option<f64> {
        let is_recent = between(self.written_at, now) < LEARNED_FOR;
        let learned = self.learned_per_minute.filter(|_| is_recent)?;
        (learned.is_finite() && 0.0 < learned).then_some(learned)
    }

    /// The time, and that of the record if the clock was set back since.
    fn now(&self, now: Timestamp) -> Timestamp {
        now.max(self.written_at)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.resize(RECORD_BYTES - 1, b' ');
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// How long until the day ends in UTC.
pub fn left_of_day(now: Timestamp) -> Duration {
    let tomorrow = day(now).tomorrow().ok();
    let midnight = tomorrow.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight.map_or(Duration::ZERO, |midnight| {
        between(now, midnight.timestamp())
    })
}

/// The day in UTC.
fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// From one time to a later one; nothing if it is not later.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The file of one output, which the run that holds the output's lock writes.
#[derive(Debug)]
pub struct PaceFile {
    path: PathBuf,
    mode: Mode,
    /// Whose record is read and written, in a sweep.
    model: Option<String>,
    /// Which record of the file it is, from 0.
    place: usize,
    file: Option<File>,
}

impl PaceFile {
    /// Of this output, and in a sweep of this model. It is created when there is something to say.
    pub fn new(paths: &OutputPaths, mode: Mode, model: Option<&str>) -> Self {
        let hash = |model: &str| hexadecimal(&Sha256::digest(model)[..8]);
        Self {
            path: paths.pace.clone(),
            mode,
            model: model.map(hash),
            place: 0,
            file: None,
        }
    }

    /// What an earlier run has left. In a sweep each model has a record, in the order in which they
    /// came.
    ///
    /// # Errors
    /// It cannot be read, or it is no such file.
    pub fn read(&mut self) -> Result<Option<PaceRecord>, LedgerError> {
        let mut text = Vec::new();
        let most = (RECORD_BYTES * MOST_RECORDS) as u64;
        match open(OpenOptions::new().read(true), &self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened
                .and_then(|file| file.take(most).read_to_end(&mut text))
                .map_err(super::error::io_error("read", &self.path))?,
        };
        self.place = 0;
        for record in text.chunks(RECORD_BYTES) {
            // Created and never written, or never written before a power cut.
            if record.iter().all(|byte| *byte == 0) {
                break;
            }
            let foreign = |_| LedgerError::NotOurs {
                path: self.path.clone(),
            };
            let record: PaceRecord = serde_json::from_slice(record).map_err(foreign)?;
            if record.model == self.model {
                return Ok(Some(record));
            }
            self.place += 1;
        }
        Ok(None)
    }

    /// Puts `record` in the place of the one that is there.
    ///
    /// # Errors
    /// It cannot be written: the next run will know less than it should.
    pub fn write(&mut self, record: &PaceRecord) -> io::Result<()> {
        let model = self.model.clone();
        let bytes = PaceRecord {
            model,
            ..record.clone()
        }
        .bytes()?;
        let file = match &mut self.file {
            Some(file) => file,
            closed => {
                let mut options = OpenOptions::new();
                options.write(true).create(true).mode(self.mode.bits());
                closed.insert(open(&mut options, &self.path)?)
            }
        };
        file.write_all_at(&bytes, (self.place * RECORD_BYTES) as u64)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A link is not followed: what it leads to is not ours to overwrite.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK);
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn record() -> PaceRecord {
        PaceRecord {
            last_call_at: Some(at("2026-11-30T23:59:50Z")),
            tokens_due_at: Some(at("2026-12-01T00:00:20Z")),
            tokens_of_day: 1200.0,
            learned_per_minute: Some(60.0),
            ..PaceRecord::new(false, at("2026-11-30T23:59:51Z"))
        }
    }

    #[test]
    fn a_record_says_at_any_later_time_what_still_counts() {
        let record = record();
        for (now, since, due, tokens, learned) in [
            ("2026-11-30T23:59:55Z", 5, 25, 1200.0, Some(60.0)),
            // The clock was set back: it is as if the record were of this moment.
            ("2026-11-30T20:00:00Z", 1, 29, 1200.0, Some(60.0)),
            ("2026-12-01T00:00:30Z", 40, 0, 0.0, Some(60.0)),
            ("2026-12-01T00:10:00Z", 610, 0, 0.0, None),
        ] {
            let now = at(now);
            let secs = |time: Duration| time.as_secs();
            assert_eq!(record.since_last_call(now).map(secs), Some(since), "{now}");
            assert_eq!(secs(record.tokens_due_in(now)), due, "{now}");
            assert_eq!(record.tokens_on(now), tokens, "{now}");
            assert_eq!(record.learned_per_minute(now), learned, "{now}");
        }
    }

    #[test]
    fn a_record_on_disk_stays_as_it_is_and_takes_one_block_of_a_fixed_size() {
        let bytes = record().bytes().unwrap();
        assert_eq!(bytes.len(), RECORD_BYTES);
        assert_eq!(
            String::from_utf8(bytes).unwrap().trim_end(),
            r#"{"pace":1,"emulated":false,"written_at":"2026-11-30T23:59:51Z","last_call_at":"2026-11-30T23:59:50Z","tokens_due_at":"2026-12-01T00:00:20Z","tokens_of_day":1200.0,"learned_per_minute":60.0}"#
        );
        let longest = PaceRecord {
            last_call_at: Some(at("2026-11-30T23:59:50.123456789Z")),
            tokens_due_at: Some(at("2026-11-30T23:59:50.123456789Z")),
            tokens_of_day: -f64::MIN_POSITIVE * 1.234_567_890_123_4,
            learned_per_minute: Some(-f64::MIN_POSITIVE * 1.234_567_890_123_4),
            ..PaceRecord::new(false, at("2026-11-30T23:59:51.123456789Z"))
        };
        assert_eq!(longest.bytes().unwrap().len(), RECORD_BYTES);
    }

    #[test]
    fn each_model_of_a_sweep_has_a_record_that_others_leave_alone() {
        let folder = tempfile::tempdir().unwrap();
        let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
        let used = |tokens: f64| PaceRecord {
            tokens_of_day: tokens,
            ..record()
        };
        let of = |model: &str| PaceFile::new(&paths, Mode::default(), Some(model));
        let tokens = |model: &str| Some(of(model).read().unwrap()?.tokens_of_day);
        for (model, amount) in [("a", 1.0), ("b", 2.0), ("a", 3.0), ("c", 4.0), ("b", 5.0)] {
            let mut file = of(model);
            file.read().unwrap();
            file.write(&used(amount)).unwrap();
            assert_eq!(tokens(model), Some(amount));
        }
        assert_eq!(
            ["a", "b", "c", "d"].map(tokens),
            [Some(3.0), Some(5.0), Some(4.0), None]
        );
        let mut plain = PaceFile::new(&paths, Mode::default(), None);
        assert_eq!(
            plain.read().unwrap(),
            None,
            "they say nothing of a job without a sweep"
        );
        let most = "m".repeat(2048);
        let mut long = of(&most);
        long.read().unwrap();
        long.write(&used(6.0)).unwrap();
        assert_eq!(tokens(&most), Some(6.0));
        assert_eq!(
            std::fs::metadata(&paths.pace).unwrap().len(),
            4 * RECORD_BYTES as u64
        );
    }

    #[test]
    fn a_file_is_overwritten_in_place_and_links_and_foreign_files_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
        let mut file = PaceFile::new(&paths, Mode::default(), None);
        assert_eq!(file.read().unwrap(), None);
        std::fs::write(&paths.pace, "").unwrap();
        assert_eq!(file.read().unwrap(), None, "created, never written");
        for tokens in [1.0, 123_456.0, 2.0] {
            let record = PaceRecord {
                tokens_of_day: tokens,
                ..record()
            };
            file.write(&record).unwrap();
            assert_eq!(file.read().unwrap(), Some(record));
        }
        for theirs in ["4711\n", "{\"pace\":1}"] {
            std::fs::write(&paths.pace, theirs).unwrap();
            assert!(matches!(file.read(), Err(LedgerError::NotOurs { .. })));
        }
        let target = folder.path().join("target");
        std::fs::write(&target, "precious").unwrap();
        std::fs::remove_file(&paths.pace).unwrap();
        std::os::unix::fs::symlink(&target, &paths.pace).unwrap();
        let mut file = PaceFile::new(&paths, Mode::default(), None);
        assert!(file.read().is_err());
        assert!(file.write(&record()).is_err());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    }
}
