//! Deaths, power cuts, full disks and broken ones, at every step there is.
//!
//! `PROMPTMILL_ROUNDS=10000 cargo test --lib ledger::` is the long form.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Durability, InFlight, Ledger, LedgerSettings};
use crate::model::{Category, Fault, FinishReason, ParsedReply, Reasoning, Reply};
use crate::output::claim::{Claim, Existing, Locks};
use crate::output::disk::testing::{Death, Operation, Simulated};
use crate::output::repair::repair_on;
use crate::output::{EarlierRows, KeepRaw, LedgerError, OutputPaths, RowName, TailFix};
use crate::run::{CompletedRow, Identity, Outcome, Rescued, Share, Store as _};

/// Rows of one job.
const ROWS: u64 = 120;

/// Calls in flight, and so the most rows of a commit.
const CALLS: usize = 16;

fn paths() -> OutputPaths {
    OutputPaths::new(Path::new("/simulated/out.jsonl"))
}

fn ledger_settings(durability: Durability) -> LedgerSettings {
    LedgerSettings {
        model: "m".into(),
        keep_raw: KeepRaw::Errors,
        service_tier: "default",
        latency_mode: None,
        reasoning: Reasoning::Dropped,
        own_body: false,
        emulated: false,
        durability,
        in_flight: InFlight {
            calls: CALLS,
            rows: CALLS,
        },
        max_tokens: Some(100),
    }
}

/// A row with `bytes` of answer; every ninth fails.
fn ended(row: u64, bytes: usize) -> CompletedRow {
    let outcome = if row.is_multiple_of(9) {
        Outcome::Failed(Fault::local(Category::ModelError, "x".repeat(bytes)))
    } else {
        Outcome::Replied(Arc::new(Reply {
            parsed: ParsedReply {
                completion: Some(format!("answer {row} {}", "y".repeat(bytes))),
                finish_reason: FinishReason::Stop,
                ..ParsedReply::default()
            },
            ..Reply::default()
        }))
    };
    CompletedRow {
        copied_from: None,
        share: Share::ALONE,
        identity: Identity {
            row,
            custom_id: Some(format!("r{row}")),
            ..Identity::default()
        },
        outcome,
        attempts: 1,
        throttles: 0,
        maybe_billed: 0,
        maybe_billed_usd: 0.0,
        queued: Duration::ZERO,
        latency: Duration::ZERO,
        completed_at: Instant::now(),
    }
}

/// A job that is started again until it is done, whatever happens to it.
struct Life {
    disk: Simulated,
    rng: fastrand::Rng,
    durability: Durability,
    /// The most rows of a commit.
    most: usize,
    /// Rows whose commit was reported done, or that a run took for done.
    done: BTreeSet<u64>,
    /// Rows that were done and then were not there.
    lost: BTreeSet<u64>,
    repairs: u32,
    torn: usize,
}

impl Life {
    fn new(seed: u64, durability: Durability) -> Self {
        Self {
            disk: Simulated::seeded(seed),
            rng: fastrand::Rng::with_seed(seed),
            durability,
            most: CALLS,
            done: BTreeSet::new(),
            lost: BTreeSet::new(),
            repairs: 0,
            torn: 0,
        }
    }

    /// A life with many small commits.
    fn in_small_steps(seed: u64) -> Self {
        Self {
            most: 2,
            ..Self::new(seed, Durability::Sync)
        }
    }

    fn claim(&mut self) -> Result<Claim, LedgerError> {
        let claim = |disk: &Simulated| {
            let disk = Arc::new(disk.clone());
            Claim::take_on(disk, &paths(), Existing::Resume, Locks::Any)
        };
        match claim(&self.disk) {
            Err(LedgerError::Corrupt { .. }) => {
                self.repairs += 1;
                repair_on(Arc::new(self.disk.clone()), &paths(), Locks::Any, None)?;
                claim(&self.disk)
            }
            other => other,
        }
    }

    /// One run, from what is there to the end or to its death.
    fn live(&mut self) -> Result<(), LedgerError> {
        let claim = self.claim()?;
        self.torn += claim.torn.len();
        let (mut ledger, past) = claim.begin(ledger_settings(self.durability))?;
        let is_there = |row: u64| {
            past.row(RowName::new(Some(&format!("r{row}")), row))
                .is_some()
        };
        self.lost
            .extend(self.done.iter().filter(|row| !is_there(**row)));
        self.done.extend((1..=ROWS).filter(|row| is_there(*row)));
        let mut left: Vec<u64> = (1..=ROWS).filter(|row| !is_there(*row)).collect();
        while !left.is_empty() {
            let group = self.rng.usize(1..=self.most.min(left.len()));
            let group: Vec<_> = left
                .drain(..group)
                .map(|row| {
                    let bytes = match self.rng.u8(0..10) {
                        0 => self.rng.usize(0..40_000),
                        _ => self.rng.usize(0..600),
                    };
                    ended(row, bytes)
                })
                .collect();
            self.commit(&mut ledger, &group)?;
            self.done.extend(group.iter().map(|row| row.identity.row));
        }
        ledger.release();
        Ok(())
    }

    /// A commit that fails is tried again, as the loop does.
    fn commit(&self, ledger: &mut Ledger, group: &[CompletedRow]) -> Result<(), LedgerError> {
        for _ in 0..5 {
            let kept = ledger.commit(group);
            if kept.is_ok() || self.disk.is_dead() {
                return kept;
            }
        }
        ledger.commit(group)
    }

    /// Every line of both files, by row.
    #[track_caller]
    fn lines(&self) -> BTreeMap<u64, String> {
        let mut lines = BTreeMap::new();
        for path in [paths().output, paths().failed] {
            let text = String::from_utf8(self.disk.read(&path)).unwrap();
            for line in text.lines() {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                let row = value["row"].as_u64().unwrap();
                let message = value["error"]["message"].as_str();
                let said = value["completion"].as_str().or(message).unwrap().to_owned();
                let before = lines.insert(row, said);
                assert_eq!(before, None, "row {row} stands twice");
            }
        }
        lines
    }

    #[track_caller]
    fn check_all_is_there(&self) {
        let rows: Vec<_> = self.lines().into_keys().collect();
        assert_eq!(rows, (1..=ROWS).collect::<Vec<_>>());
    }
}

/// How many seeds: the environment's wish, or a few.
fn seeds(few: u64) -> u64 {
    let asked = std::env::var("PROMPTMILL_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// Lives on through several deaths.
fn die_and_live(seed: u64, death: Death, durability: Durability) -> Life {
    let mut life = Life::new(seed, durability);
    for _ in 0..life.rng.u32(1..6) {
        let steps = life.rng.u64(0..60);
        life.disk.die_after(steps);
        if life.live().is_ok() {
            break;
        }
        assert!(life.disk.is_dead(), "seed {seed}: it failed by itself");
        // What a process left unsynced when it died may meet the power cut of the next one.
        let by_itself = death == Death::OfTheProcess || life.rng.u8(0..3) == 0;
        life.disk.restart(if by_itself {
            Death::OfTheProcess
        } else {
            death
        });
    }
    life.disk.restart(Death::OfTheProcess);
    life.live()
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    life.check_all_is_there();
    life
}

#[test]
fn power_cuts_at_any_moment_lose_no_row_that_was_done() {
    let mut repairs = 0;
    let mut torn = 0;
    for seed in 0..seeds(200) {
        let life = die_and_live(seed, Death::OfThePower, Durability::Sync);
        assert_eq!(life.lost, BTreeSet::new(), "seed {seed}");
        repairs += life.repairs;
        torn += life.torn;
    }
    assert!(50 < torn, "the cuts met few writes: {torn}");
    assert_eq!(repairs, 0, "a person was needed");
}

/// The control: the same cuts do lose rows where nothing is synced.
#[test]
fn power_cuts_lose_rows_where_nothing_is_synced() {
    let lost = (0..60).map(|seed| {
        let mut life = Life::new(seed, Durability::None);
        life.disk.die_after(15);
        assert!(life.live().is_err());
        life.disk.restart(Death::OfThePower);
        match life.live() {
            Ok(()) => life.lost.len(),
            // What is not synced can come back as anything.
            Err(_) => life.done.len(),
        }
    });
    assert!(100 < lost.sum::<usize>());
}

#[test]
fn deaths_of_the_process_lose_nothing_even_where_nothing_is_synced() {
    for seed in 0..seeds(200) {
        for durability in [Durability::Sync, Durability::None] {
            let life = die_and_live(seed, Death::OfTheProcess, durability);
            assert_eq!(life.lost, BTreeSet::new(), "seed {seed}");
            assert_eq!(life.repairs, 0, "seed {seed}");
        }
    }
}

#[test]
fn a_death_at_every_single_step_ends_in_the_same_output() {
    let mut whole = Life::in_small_steps(1);
    whole.live().unwrap();
    let (steps, whole) = (whole.disk.steps(), whole.lines());
    assert!(150 < steps, "{steps}");
    for death in [Death::OfTheProcess, Death::OfThePower] {
        for step in 0..steps {
            let mut life = Life::in_small_steps(1);
            life.disk.die_after(step);
            let _ = life.live();
            assert!(life.disk.is_dead(), "step {step}");
            life.disk.restart(death);
            life.live().unwrap();
            assert_eq!(life.lost, BTreeSet::new(), "step {step}, {death:?}");
            let rows = life.lines().into_keys();
            assert!(rows.eq(whole.keys().copied()), "step {step}, {death:?}");
        }
    }
}

#[test]
fn a_disk_that_is_full_at_any_write_ends_in_the_same_output() {
    for write in 0..50 {
        for times in [1, 3] {
            let mut life = Life::in_small_steps(write);
            life.disk
                .fail(Operation::Write, write, times, ErrorKind::StorageFull);
            life.live().unwrap();
            assert!(life.disk.has_failed(), "write {write}");
            life.check_all_is_there();
        }
    }
}

#[test]
fn a_sync_that_fails_at_any_point_loses_nothing_to_a_power_cut() {
    for sync in 0..50 {
        let mut life = Life::in_small_steps(sync);
        life.disk.fail(Operation::Sync, sync, 1, ErrorKind::Other);
        life.live().unwrap();
        assert!(life.disk.has_failed(), "sync {sync}");
        life.disk.restart(Death::OfThePower);
        life.live().unwrap();
        assert_eq!(life.lost, BTreeSet::new(), "sync {sync}");
        life.check_all_is_there();
    }
}

#[test]
fn what_fails_at_any_step_for_good_ends_and_can_be_resumed() {
    let operations = [
        (Operation::Create, ErrorKind::StorageFull),
        (Operation::Write, ErrorKind::StorageFull),
        (Operation::Sync, ErrorKind::Other),
        (Operation::Cut, ErrorKind::Other),
        (Operation::Reserve, ErrorKind::StorageFull),
        (Operation::SyncDirectory, ErrorKind::Other),
    ];
    for (operation, kind) in operations {
        for after in 0..30 {
            let mut life = Life::in_small_steps(after);
            life.disk.fail(operation, after, u64::MAX, kind);
            let _ = life.live();
            life.disk.has_failed();
            life.live().unwrap();
            assert_eq!(life.lost, BTreeSet::new(), "{operation:?} {after}");
            life.check_all_is_there();
        }
    }
}

fn begun(disk: &Simulated) -> Result<(Ledger, EarlierRows), LedgerError> {
    let disk = Arc::new(disk.clone());
    let claim = Claim::take_on(disk, &paths(), Existing::Resume, Locks::Any)?;
    claim.begin(ledger_settings(Durability::Sync))
}

#[test]
fn on_a_disk_that_fills_up_every_call_in_flight_still_has_its_room() {
    let disk = Simulated::default();
    let (mut ledger, _) = begun(&disk).unwrap();
    ledger.commit(&[ended(1, 300)]).unwrap();
    disk.leave_free(Some(0));
    let flight: Vec<_> = (2..=8).chain(10..=17).map(|row| ended(row, 300)).collect();
    ledger.commit(&flight).unwrap();
    for more in (20..).filter(|row| row % 9 != 0) {
        if ledger.make_room().is_err() {
            return;
        }
        ledger.commit(&[ended(more, 300)]).unwrap();
    }
}

#[test]
fn no_call_is_paid_for_without_room_for_its_line() {
    let disk = Simulated::default();
    disk.leave_free(Some(100_000));
    let refused = begun(&disk).map(drop).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no room for the completions of 16 rows (275 kB) on the disk of /simulated/out.jsonl, or \
         within its file size limit: free some space, or lower --concurrency"
    );
}

#[test]
fn one_long_line_of_a_shared_call_is_no_measure_for_the_rows_after_it() {
    let disk = Simulated::default();
    disk.leave_free(Some(50_000_000));
    let claim = Claim::take_on(
        Arc::new(disk.clone()),
        &paths(),
        Existing::Resume,
        Locks::Any,
    );
    let ledger_settings = LedgerSettings {
        in_flight: InFlight {
            calls: 4,
            rows: 4 * 96,
        },
        ..ledger_settings(Durability::Sync)
    };
    let (mut ledger, _) = claim.unwrap().begin(ledger_settings).unwrap();
    let shared = |place, bytes| CompletedRow {
        share: Share { rows: 96, place },
        ..ended(9 * u64::from(place), bytes)
    };
    let call: Vec<_> = (1..=96)
        .map(|place| shared(place, if place == 1 { 1_200_000 } else { 100 }))
        .collect();
    ledger.commit(&call).unwrap();
    ledger.make_room().unwrap();
    // There is room for three more of the kind, and for the usual lines behind them.
    disk.leave_free(Some(0));
    (0..3).for_each(|_| ledger.commit(&call).unwrap());
}

#[test]
fn room_that_was_not_needed_is_freed() {
    let disk = Simulated::default();
    disk.leave_free(Some(10_000_000));
    let (mut ledger, _) = begun(&disk).unwrap();
    ledger.commit(&[ended(1, 0)]).unwrap();
    let files = disk.names().into_iter().map(|name| disk.read(&name).len());
    let rest = 10_000_000 - files.sum::<usize>() as u64;
    assert!(disk.free().unwrap() < rest, "room is held");
    ledger.release();
    assert_eq!(disk.free(), Some(rest));
}

#[test]
fn a_deleted_file_is_noticed_and_its_rows_are_rescued() {
    let disk = Simulated::default();
    let (mut ledger, _) = begun(&disk).unwrap();
    ledger.commit(&[ended(1, 10), ended(2, 10)]).unwrap();
    disk.unlink(&paths().output);
    let last = [ended(3, 10)];
    let error = ledger.commit(&last).unwrap_err();
    assert!(matches!(error, LedgerError::Gone { .. }), "{error}");
    let Rescued { place, rows } = ledger.rescue(&last).unwrap();
    assert_eq!(rows, 3, "those of the file that is gone count");
    let left = ledger.remaining_after_deletion().unwrap();
    assert_eq!(left.ended(), 0);
    let rescued = String::from_utf8(disk.read(Path::new(&place))).unwrap();
    let rows: Vec<_> = rescued
        .lines()
        .map(|line| line.split(',').next().unwrap())
        .collect();
    let expected = [1, 2, 3].map(|row| format!("{{\"custom_id\":\"r{row}\""));
    assert_eq!(rows, expected);
}

#[test]
fn a_file_that_another_program_writes_to_is_left_alone() {
    let disk = Simulated::default();
    let (mut ledger, _) = begun(&disk).unwrap();
    ledger.commit(&[ended(1, 10)]).unwrap();
    let mut other = super::Disk::open(&disk, &paths().output, super::Open::Append).unwrap();
    other.write_all(b"mine\n").unwrap();
    let error = ledger.commit(&[ended(2, 10)]).unwrap_err();
    assert!(matches!(error, LedgerError::Disturbed { .. }), "{error}");
    let error = ledger.commit(&[ended(2, 10)]).unwrap_err();
    assert!(matches!(error, LedgerError::Disturbed { .. }), "{error}");
    let text = String::from_utf8(disk.read(&paths().output)).unwrap();
    assert!(text.contains("mine\n"), "{text}");
}

#[test]
fn a_torn_end_is_backed_up() {
    let disk = Simulated::default();
    let (mut ledger, _) = begun(&disk).unwrap();
    ledger.commit(&[ended(1, 10)]).unwrap();
    let mut file = super::Disk::open(&disk, &paths().output, super::Open::Append).unwrap();
    file.write_all(b"{\"custom_id\":\"r2\",\"row\":2,\"sta")
        .unwrap();
    let (_, past) = begun(&disk).unwrap();
    assert_eq!(past.len(), 1);
    let torn: Vec<PathBuf> = disk
        .names()
        .into_iter()
        .filter(|name| name.to_string_lossy().contains(".torn-"))
        .collect();
    let [torn] = &torn[..] else {
        panic!("{torn:?}")
    };
    assert_eq!(disk.read(torn), b"{\"custom_id\":\"r2\",\"row\":2,\"sta");
}

#[test]
fn a_backup_says_why_it_was_made() {
    let line = |id: &str| {
        format!(
            "{{\"custom_id\":\"{id}\",\"row\":1,\"status\":\"failed\",\"fingerprint\":null,\
             \"error\":{{\"category\":\"network\",\"message\":\"x\"}}}}\n"
        )
    };
    let (a, b, c) = (line("a"), line("b"), line("c"));
    for (failed, why) in [
        (format!("{b}{{\"custom_id\":"), TailFix::Torn),
        (format!("{b}\0\0\n{c}"), TailFix::Holes),
        (format!("{a}{b}"), TailFix::Answered),
        (format!("{a}{b}\0\0\n{c}"), TailFix::Both),
    ] {
        let disk = Simulated::default();
        let answer = a.replace("failed", "succeeded");
        disk.put(&paths().output, answer.as_bytes());
        disk.put(&paths().failed, failed.as_bytes());
        let claim = Claim::take_on(Arc::new(disk), &paths(), Existing::Resume, Locks::Any);
        let torn = std::mem::take(&mut claim.unwrap().torn);
        let found: Vec<_> = torn.iter().map(|torn| torn.why).collect();
        assert_eq!(found, [why], "{failed:?}");
    }
}
