//! Repairs what a run does not touch by itself: corrupt lines between good ones, duplicate rows, rows
//! that were rescued to another file.
//!
//! Nothing is deleted. Lines that are removed from a file are backed up beside it; their rows run again
//! with the next run.

mod import;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::claim::{Locks, claim};
use super::disk::{self, Disk, OnDisk};
use super::error::{LedgerError, io_error};
use super::journal::Change;
use super::ledger::{Durability, Sink};
use super::line::Status;
use super::paths::OutputPaths;
use super::resume::{EarlierRows, open_if_there};
use super::scan::{FoundLine, each_line, may_be_ours};
use super::{Tally, run_file};
use import::{imported_line, reject_wrong_file};

/// Lines that are added at once.
const GROUP: usize = 256;

/// What was repaired.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Corrupt lines, by file.
    pub bad: Vec<RemovedLines>,
    /// Lines of duplicate rows.
    pub twice: u64,
    /// Rows that were added from another file.
    pub added: u64,
    /// Rows of that file that were there already.
    pub there_already: u64,
    /// Corrupt lines of that file.
    pub not_added: u64,
    /// Why the run file could not be made to say so.
    pub uncounted: Option<LedgerError>,
    /// Rows of that file whose images cannot be read.
    pub without_images: u64,
}

/// Lines that were removed from a file.
#[derive(Debug, PartialEq, Eq)]
pub struct RemovedLines {
    /// The file.
    pub from: PathBuf,
    /// Where they are now.
    pub kept: PathBuf,
    /// How many.
    pub lines: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// The first of them, from 1.
    pub first_line: u64,
    /// Where that started.
    pub first_byte: u64,
}

/// Removes corrupt lines, a torn end among them, and second lines of a row from an output, and adds the
/// lines of `add`.
///
/// # Errors
/// Another run holds the output, it belongs to another program, or the disk failed.
pub fn repair(
    paths: &OutputPaths,
    locks: Locks,
    add: Option<&Path>,
) -> Result<Repaired, LedgerError> {
    // A deleted output is created with the mode of the file of rescued rows.
    let mode = paths.mode(add);
    repair_on(disk::real(mode), paths, locks, add)
}

pub(super) fn repair_on(
    disk: Arc<dyn Disk>,
    paths: &OutputPaths,
    locks: Locks,
    add: Option<&Path>,
) -> Result<Repaired, LedgerError> {
    let _lock = claim(&*disk, paths, locks)?;
    if let Some(from) = add {
        reject_wrong_file(&*disk, paths, from)?;
    }
    let mut repaired = Repaired::default();
    let mut rows = HashSet::new();
    let mut change = Change::of(&*disk, paths);
    let mut of_second_lines = Tally::default();
    let kept = paths.bad(&*disk, Timestamp::now(), 2);
    for (path, kept) in [&paths.output, &paths.failed].into_iter().zip(kept) {
        let damage = fix_file(&*disk, &mut change, path, kept, &mut rows, &mut repaired)?;
        of_second_lines.add(&damage.of_second_lines);
    }
    note_cost(&*disk, &mut change, paths, &of_second_lines)?;
    change.commit()?;
    let mut past = EarlierRows::default();
    for path in [&paths.output, &paths.failed] {
        // Nothing is left that would have to be backed up; the read syncs what stays.
        let kept = || paths.torn(&*disk, Timestamp::now());
        past.read(&*disk, paths, path, kept)?;
        past.complete();
    }
    let before_usd = past.tally.charge_usd();
    if let Some(from) = add {
        add_lines(
            &disk,
            paths,
            from,
            &mut rows,
            &mut repaired,
            &mut past.tally,
        )?;
    }
    let imported_usd = past.tally.charge_usd() - before_usd;
    let counted = run_file::recount(&*disk, paths, &past.tally, "repair", imported_usd);
    repaired.uncounted = counted.err();
    Ok(repaired)
}

/// Damaged lines of one file.
#[derive(Default)]
struct Damage {
    /// Offsets of the lines that are removed, in order.
    at: Vec<u64>,
    bad: u64,
    bad_bytes: u64,
    twice: u64,
    /// The rows that this file has, and what the second lines of some have cost.
    own: HashSet<u64>,
    of_second_lines: Tally,
    first_bad: Option<(u64, u64)>,
    good: bool,
    foreign: bool,
}

impl Damage {
    fn take(&mut self, found: &FoundLine<'_>, rows: &mut HashSet<u64>) {
        match &found.known {
            Some(known) => {
                self.good = true;
                let key = known.name().key();
                if rows.insert(key) {
                    self.own.insert(key);
                    return;
                }
                self.twice += 1;
                self.at.push(found.at);
                // The cost of a failure whose row succeeded is part of that success.
                if self.own.contains(&key) {
                    self.of_second_lines.count_earlier(known);
                }
            }
            None => {
                self.foreign |= found.number == 1 && !may_be_ours(found.bytes);
                self.bad += 1;
                self.bad_bytes += found.bytes.len() as u64;
                self.at.push(found.at);
                self.first_bad = self.first_bad.or(Some((found.number, found.at)));
            }
        }
    }
}

/// Notes what lines cost before they are removed: two responses to a row were both paid for.
fn note_cost(
    disk: &dyn Disk,
    change: &mut Change<'_>,
    paths: &OutputPaths,
    of: &Tally,
) -> Result<(), LedgerError> {
    let unattributed = of.as_unattributed();
    if unattributed.usd <= 0.0 {
        return Ok(());
    }
    let noted = run_file::unattributed(disk, &paths.run)?;
    run_file::note(disk, change, paths, noted + unattributed)
}

fn fix_file(
    disk: &dyn Disk,
    change: &mut Change<'_>,
    path: &Path,
    kept: PathBuf,
    rows: &mut HashSet<u64>,
    repaired: &mut Repaired,
) -> Result<Damage, LedgerError> {
    let Some(mut file) = open_if_there(disk, path)? else {
        return Ok(Damage::default());
    };
    let damage = find_damage(&mut *file, path, rows)?;
    if damage.foreign && !damage.good {
        return Err(LedgerError::NotOurs { path: path.into() });
    }
    if damage.at.is_empty() {
        return Ok(damage);
    }
    change.remove_lines(path, &kept, |found| {
        damage.at.binary_search(&found.at).is_ok()
    })?;
    repaired.twice += damage.twice;
    if let Some((first_line, first_byte)) = damage.first_bad {
        repaired.bad.push(RemovedLines {
            from: path.into(),
            kept,
            lines: damage.bad,
            bytes: damage.bad_bytes,
            first_line,
            first_byte,
        });
    }
    Ok(damage)
}

fn find_damage(
    file: &mut dyn OnDisk,
    path: &Path,
    rows: &mut HashSet<u64>,
) -> Result<Damage, LedgerError> {
    let mut damage = Damage::default();
    each_line(file, |found| {
        damage.take(&found, rows);
        Ok(())
    })
    .map_err(io_error("read", path))?;
    Ok(damage)
}

/// Appends the lines of `from` whose rows are not there yet, as a run commits.
fn add_lines(
    disk: &Arc<dyn Disk>,
    paths: &OutputPaths,
    from: &Path,
    rows: &mut HashSet<u64>,
    repaired: &mut Repaired,
    tally: &mut Tally,
) -> Result<(), LedgerError> {
    let Some(mut file) = open_if_there(&**disk, from)? else {
        let missing = std::io::ErrorKind::NotFound.into();
        return Err(io_error("open", from)(missing));
    };
    let mut answered = Sink::new(disk, &paths.output, Durability::Sync, 0);
    let mut failed = Sink::new(disk, &paths.failed, Durability::Sync, 0);
    let mut refused = None;
    let mut waiting = 0;
    let read = each_line(&mut *file, |found| {
        let Some(known) = &found.known else {
            repaired.not_added += 1;
            return Ok(());
        };
        let key = known.name().key();
        if rows.contains(&key) {
            repaired.there_already += 1;
            return Ok(());
        }
        let line = match imported_line(&**disk, paths, from, found.bytes) {
            Ok(Some(line)) => line,
            Ok(None) => {
                repaired.without_images += 1;
                return Ok(());
            }
            Err(error) => {
                refused = Some(error);
                return Err(std::io::ErrorKind::Other.into());
            }
        };
        rows.insert(key);
        let is_failed = known.status == Status::Failed;
        let sink = if is_failed {
            &mut failed
        } else {
            &mut answered
        };
        sink.add(|lines| lines.extend_from_slice(&line));
        repaired.added += 1;
        tally.count_earlier(known);
        waiting += 1;
        if waiting == GROUP {
            waiting = 0;
            if let Err(error) = answered.keep().and_then(|()| failed.keep()) {
                refused = Some(error);
                return Err(std::io::ErrorKind::Other.into());
            }
        }
        Ok(())
    });
    if let Some(error) = refused {
        return Err(error);
    }
    read.map_err(io_error("read", from))?;
    answered.keep().and_then(|()| failed.keep())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::disk::testing::Simulated;

    fn line(id: &str, status: &str) -> String {
        let error = if status == "failed" {
            ",\"error\":{\"category\":\"network\",\"message\":\"x\"}"
        } else {
            ""
        };
        format!(
            "{{\"custom_id\":\"{id}\",\"row\":1,\"status\":\"{status}\",\"fingerprint\":null{error}}}\n"
        )
    }

    fn paths() -> OutputPaths {
        OutputPaths::new(Path::new("/simulated/out.jsonl"))
    }

    fn repaired(disk: &Simulated, add: Option<&Path>) -> Result<Repaired, LedgerError> {
        repair_on(Arc::new(disk.clone()), &paths(), Locks::Any, add)
    }

    fn text(disk: &Simulated, path: &Path) -> String {
        String::from_utf8(disk.read(path)).unwrap()
    }

    #[test]
    fn corrupt_lines_are_backed_up_and_good_ones_stay() {
        let disk = Simulated::default();
        let (a, b) = (line("a", "succeeded"), line("b", "succeeded"));
        disk.put(&paths().output, format!("{a}oops\n{b}torn").as_bytes());
        let repaired = repaired(&disk, None).unwrap();
        let [bad] = &repaired.bad[..] else {
            panic!("{repaired:?}")
        };
        let expected = (2, 9, 2, a.len() as u64);
        assert_eq!(
            (bad.lines, bad.bytes, bad.first_line, bad.first_byte),
            expected
        );
        assert_eq!(text(&disk, &bad.kept), "oops\ntorn");
        assert_eq!(text(&disk, &paths().output), format!("{a}{b}"));
    }

    #[test]
    fn a_duplicate_row_stays_once_and_its_success_wins() {
        let disk = Simulated::default();
        let (a, b) = (line("a", "succeeded"), line("b", "succeeded"));
        disk.put(&paths().output, format!("{a}{b}{a}").as_bytes());
        let failed = format!("{}{}", line("b", "failed"), line("c", "failed"));
        disk.put(&paths().failed, failed.as_bytes());
        assert_eq!(repaired(&disk, None).unwrap().twice, 2);
        assert_eq!(text(&disk, &paths().output), format!("{a}{b}"));
        assert_eq!(text(&disk, &paths().failed), line("c", "failed"));
    }

    #[test]
    fn rescued_rows_are_added_once() {
        let disk = Simulated::default();
        let (a, b) = (line("a", "succeeded"), line("b", "succeeded"));
        let c = line("c", "failed");
        disk.put(&paths().output, a.as_bytes());
        let rescued = Path::new("/tmp/rescued.jsonl");
        disk.put(rescued, format!("{a}{b}oops\n{c}").as_bytes());
        for expected in [(2, 1, 1), (0, 3, 1)] {
            let repaired = repaired(&disk, Some(rescued)).unwrap();
            let counts = (repaired.added, repaired.there_already, repaired.not_added);
            assert_eq!(counts, expected);
            assert_eq!(text(&disk, &paths().output), format!("{a}{b}"));
            assert_eq!(text(&disk, &paths().failed), c);
        }
    }

    #[test]
    fn a_file_of_another_program_is_left_alone() {
        let disk = Simulated::default();
        disk.put(&paths().output, b"hello\n");
        let refused = repaired(&disk, None).unwrap_err();
        assert!(matches!(refused, LedgerError::NotOurs { .. }), "{refused}");
        assert_eq!(text(&disk, &paths().output), "hello\n");
    }

    /// A line of a success that cost this many USD.
    fn priced(id: &str, cost_usd: f64) -> String {
        let line = line(id, "succeeded");
        line.replace("null", &format!("null,\"cost_usd\":{cost_usd}"))
    }

    fn unattributed(disk: &Simulated) -> f64 {
        run_file::unattributed(disk, &paths().run).unwrap().usd
    }

    #[test]
    fn the_cost_of_a_second_line_is_kept_and_a_failure_that_became_a_success_counts_once() {
        let disk = Simulated::default();
        let answers = [priced("a", 0.5), priced("b", 0.25), priced("a", 0.125)].concat();
        disk.put(&paths().output, answers.as_bytes());
        let failed = line("b", "failed").replace("null", "null,\"maybe_billed_usd\":9");
        disk.put(&paths().failed, failed.as_bytes());
        assert_eq!(repaired(&disk, None).unwrap().twice, 2);
        assert_eq!(unattributed(&disk), 0.125);
    }
}
