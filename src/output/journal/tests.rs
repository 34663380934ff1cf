//! Deaths and power cuts at every step of every change of several files: afterwards the next verb finds
//! all of it or none of it, images included, and nothing that was left lying about.
//!
//! `PROMPTMILL_ROUNDS=500 cargo test --release --lib journal::` is the long form: so many power cuts at
//! each step, where a power cut leaves any part of what was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::model::{FinishReason, ParsedReply};
use crate::output::RowName;
use crate::output::claim::{Claim, Existing, Locks, claim};
use crate::output::disk::testing::{Death, Simulated};
use crate::output::repair::repair_on;
use crate::output::reparse::{Reread, reparse_on};

fn paths() -> OutputPaths {
    OutputPaths::new(Path::new("/simulated/out.jsonl"))
}

fn rounds(few: u64) -> u64 {
    let asked = std::env::var("PROMPTMILL_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(few)
}

fn answer(id: &str) -> String {
    format!(
        "{{\"custom_id\":\"{id}\",\"row\":1,\"status\":\"succeeded\",\"fingerprint\":null,\
         \"files\":[\"out.images/{id}.png\"],\"cost_usd\":0.5}}\n"
    )
}

fn failure(id: &str) -> String {
    format!(
        "{{\"custom_id\":\"{id}\",\"row\":1,\"status\":\"failed\",\"fingerprint\":null,\
         \"error\":{{\"category\":\"bad_response\",\"message\":\"x\"}},\"model\":\"m\",\
         \"attempts\":1,\"throttles\":0,\"maybe_billed\":1,\"maybe_billed_usd\":0.25,\
         \"queued_ms\":0,\"latency_ms\":1,\"started_at\":\"then\",\"finished_at\":\"then\",\
         \"request_id\":null,\"raw\":{{\"text\":\"{id}\"}}}}\n"
    )
}

/// A disk with an output that has everything, and `more` at the end of both files.
fn disk(seed: u64, more: &str) -> Simulated {
    let disk = Simulated::seeded(seed);
    let lines = |of: fn(&str) -> String, ids: [&str; 3]| ids.map(of).concat() + more;
    disk.put(&paths().output, lines(answer, ["a", "b", "c"]).as_bytes());
    disk.put(&paths().failed, lines(failure, ["d", "e", "f"]).as_bytes());
    let run =
        "{\"promptmill\":\"1\",\"total\":{\"unlisted_usd\":1.0,\"unlisted_answers_usd\":0.5}}";
    disk.put(&paths().run, run.as_bytes());
    // A folder is a name like any other here.
    disk.put(&paths().images, b"the images");
    disk
}

/// All files but the lock, with times in names left out.
fn all(disk: &Simulated) -> BTreeMap<String, String> {
    let names = disk
        .names()
        .into_iter()
        .filter(|name| *name != paths().lock);
    let timeless = |text: &str| {
        let mut parts = text.split("-20");
        let mut timeless = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            timeless += "-TIME";
            timeless += part.split_once('Z').map_or(part, |(_, rest)| rest);
        }
        timeless
    };
    names
        .map(|name| {
            let text = String::from_utf8(disk.read(&name)).unwrap();
            (timeless(&name.to_string_lossy()), timeless(&text))
        })
        .collect()
}

type Deed = fn(&Simulated) -> Result<(), LedgerError>;

fn back_up(disk: &Simulated, existing: Existing, redo: &[&str]) -> Result<(), LedgerError> {
    let mut claim = Claim::take_on(Arc::new(disk.clone()), &paths(), existing, Locks::Any)?;
    let redo: Vec<u64> = redo
        .iter()
        .map(|id| RowName::new(Some(id), 1).key())
        .collect();
    claim.back_up(&redo).map(drop)
}

fn fresh(disk: &Simulated) -> Result<(), LedgerError> {
    back_up(disk, Existing::Fresh, &[])
}

fn retry_failed(disk: &Simulated) -> Result<(), LedgerError> {
    back_up(disk, Existing::RetryFailed, &["b"])
}

fn redo_changed(disk: &Simulated) -> Result<(), LedgerError> {
    back_up(disk, Existing::Resume, &["a", "e"])
}

fn repair(disk: &Simulated) -> Result<(), LedgerError> {
    repair_on(Arc::new(disk.clone()), &paths(), Locks::Any, None).map(drop)
}

fn reparse(disk: &Simulated) -> Result<(), LedgerError> {
    let understood = || ParsedReply {
        completion: Some("text".into()),
        finish_reason: FinishReason::Stop,
        ..ParsedReply::default()
    };
    let reparsed = reparse_on(
        Arc::new(disk.clone()),
        &paths(),
        Locks::Any,
        Reread::Unparsed,
        |kept| match kept.body == br#"{"text":"e"}"# {
            true => Ok((understood(), Some(0.1))),
            false => Err("not this one".into()),
        },
    );
    reparsed.map(drop)
}

/// What the next verb does first.
fn next_verb(disk: &Simulated) -> Result<(), LedgerError> {
    claim(disk, &paths(), Locks::Any).map(drop)
}

/// Lets `deed` die at each of its steps, then the verb after it at each of its own, and says what is left
/// to the verb after that. `check` sees it, and how much of it there was before and after.
fn die_everywhere(
    more: &str,
    deed: Deed,
    seen: fn(&Simulated) -> BTreeMap<String, String>,
    next: Deed,
) -> (usize, usize) {
    let whole = disk(0, more);
    let before = seen(&whole);
    deed(&whole).unwrap();
    let (after, steps) = (seen(&whole), whole.steps());
    assert_ne!(before, after);
    assert!(3 < steps, "{steps} steps");
    let (mut times_before, mut times_after) = (0, 0);
    let deaths = [(Death::OfTheProcess, 1), (Death::OfThePower, rounds(8))];
    for (death, seeds) in deaths {
        for (at, seed) in (0..steps).flat_map(|at| (0..seeds).map(move |seed| (at, seed))) {
            for again_at in 0..12 {
                let disk = disk(seed, more);
                disk.die_after(at);
                assert!(deed(&disk).is_err() || disk.is_dead(), "step {at}");
                disk.restart(death);
                disk.die_after(again_at);
                let is_over = next(&disk).is_ok() && !disk.is_dead();
                disk.restart(death);
                next(&disk).unwrap();
                let left = seen(&disk);
                assert!(
                    left == before || left == after,
                    "{death:?} at step {at} of {steps}, then {again_at}, seed {seed}: {left:#?}\n\
                     before: {before:#?}\nafter: {after:#?}"
                );
                times_before += usize::from(left == before);
                times_after += usize::from(left == after);
                if is_over {
                    break;
                }
            }
        }
    }
    (times_before, times_after)
}

#[track_caller]
fn check(more: &str, deed: Deed) {
    let (before, after) = die_everywhere(more, deed, all, next_verb);
    assert!(0 < before && 0 < after, "{before} before, {after} after");
}

#[test]
fn starting_over_happens_wholly_or_not_at_all_images_included() {
    check("", fresh);
}

#[test]
fn backing_up_failures_happens_wholly_or_not_at_all() {
    check("", retry_failed);
}

#[test]
fn backing_up_changed_rows_happens_wholly_or_not_at_all() {
    check("", redo_changed);
}

#[test]
fn a_repair_of_both_files_happens_wholly_or_not_at_all() {
    check("no line of ours\n", repair);
}

/// The rows of each file.
fn rows(disk: &Simulated) -> BTreeMap<String, String> {
    let rows = |path: &Path| {
        let text = String::from_utf8(disk.read(path)).unwrap();
        let lines = text.lines().map(|line| line[..16].to_owned());
        let lines: BTreeSet<_> = lines.collect();
        lines.into_iter().collect::<String>()
    };
    let left = disk.names().into_iter().filter(|name| {
        let name = name.to_string_lossy();
        name.ends_with(NEXT) || name.ends_with(".promptmill-new") || name.ends_with(".journal")
    });
    let mut rows: BTreeMap<_, _> = [&paths().output, &paths().failed]
        .map(|path| (path.display().to_string(), rows(path)))
        .into();
    rows.extend(left.map(|name| (name.display().to_string(), "left over".into())));
    rows
}

fn resume(disk: &Simulated) -> Result<(), LedgerError> {
    back_up(disk, Existing::Resume, &[])
}

#[test]
fn a_row_that_is_parsed_again_is_in_one_file_whatever_dies() {
    let (before, after) = die_everywhere("", reparse, rows, resume);
    assert!(0 < before && 0 < after, "{before} before, {after} after");
}

#[test]
fn a_disk_that_refuses_any_step_changes_nothing_or_leaves_the_rest_to_the_next_verb() {
    for deed in [fresh as Deed, retry_failed, redo_changed] {
        let whole = disk(0, "");
        let before = all(&whole);
        deed(&whole).unwrap();
        let (after, steps) = (all(&whole), whole.steps());
        for at in 0..steps {
            let disk = disk(0, "");
            disk.fail_at(at);
            let result = deed(&disk);
            disk.restart(Death::OfTheProcess);
            if result.is_err() {
                next_verb(&disk).unwrap();
            }
            let left = all(&disk);
            assert!(left == before || left == after, "step {at}: {left:#?}");
        }
    }
}

#[test]
fn the_journal_on_disk_stays_as_it_is() {
    let preparing = Journal::Preparing {
        files: vec!["a".into()],
    };
    let decided = Journal::Decided {
        renames: vec![FileRename {
            from: "a".into(),
            to: "b".into(),
        }],
        removals: vec!["c".into()],
    };
    for (journal, text) in [
        (preparing, r#"{"journal":"preparing","files":["a"]}"#),
        (
            decided,
            r#"{"journal":"decided","renames":[{"from":"a","to":"b"}],"removals":["c"]}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&journal).unwrap(), text);
        assert_eq!(serde_json::from_str::<Journal>(text).unwrap(), journal);
    }
}

#[test]
fn a_journal_that_names_files_of_others_is_rejected_and_nothing_is_touched() {
    for name in [
        "/etc/passwd",
        "../out.jsonl",
        "deep/out.jsonl",
        "other.jsonl",
        "outer.jsonl",
        "",
        "..",
    ] {
        for text in [
            format!(r#"{{"journal":"preparing","files":["{name}"]}}"#),
            format!(r#"{{"journal":"decided","renames":[],"removals":["{name}"]}}"#),
            format!(
                r#"{{"journal":"decided","renames":[{{"from":"{name}","to":"out.jsonl"}}],"removals":[]}}"#
            ),
            format!(
                r#"{{"journal":"decided","renames":[{{"from":"out.jsonl","to":"{name}"}}],"removals":[]}}"#
            ),
        ] {
            let disk = disk(0, "");
            disk.put(Path::new("/etc/passwd"), b"root");
            disk.put(&paths().journal, text.as_bytes());
            let before = all(&disk);
            let error = next_verb(&disk).unwrap_err();
            assert!(
                matches!(error, LedgerError::NotOurs { .. }),
                "{text}: {error}"
            );
            assert_eq!(all(&disk), before, "{text}");
        }
    }
}

#[test]
fn a_journal_that_is_not_ours_is_rejected_and_nothing_is_touched() {
    for theirs in [
        "",
        "{}",
        "{\"journal\":\"other\"}",
        "2026-12-01 bought milk\n",
    ] {
        let disk = disk(0, "");
        disk.put(&paths().journal, theirs.as_bytes());
        let before = all(&disk);
        let error = next_verb(&disk).unwrap_err();
        assert!(matches!(error, LedgerError::NotOurs { .. }), "{error}");
        assert_eq!(all(&disk), before);
    }
}
