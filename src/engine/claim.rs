//! Claiming the output of a job: waiting for another run on it, and what of it runs again by ID.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::open::Opened;
use super::options::RunOptions;
use super::told::{Tell, Told};
use crate::format::time;
use crate::output::{Claim, LastRun, LedgerError, OnlyRun, OutputPaths, old_lines};
use crate::rows::Only;

/// `plan` holds a lock for a moment to see whether a run does.
const INSPECTION_TIME: Duration = Duration::from_millis(50);

/// How often a lock is asked for that another run holds.
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// Claims the output; waits for another run on it if that is wanted.
pub(super) async fn claim_output(
    opened: &Opened<'_>,
    options: &RunOptions,
    tell: &mut Tell<'_>,
) -> Result<Claim, LedgerError> {
    let patience = options.wait_lock.unwrap_or(INSPECTION_TIME);
    let give_up = Instant::now() + patience;
    let mut is_said = options.wait_lock.is_none();
    let mode = opened.plan.mode;
    loop {
        match Claim::take(&opened.paths, mode, options.existing, options.locks) {
            Err(LedgerError::Locked { output, holder }) if Instant::now() < give_up => {
                if !std::mem::replace(&mut is_said, true) {
                    let who = holder.map(|who| format!(" ({who})")).unwrap_or_default();
                    let output = output.display();
                    let patience = time(patience);
                    tell(Told::Note(&format!(
                        "another run is writing {output}{who}; waiting for it for up to {patience}"
                    )));
                }
                tokio::time::sleep(LOCK_EVERY).await;
            }
            claimed => return claimed,
        }
    }
}

/// The run of these ids: the same as the last one, if that did not complete.
pub(super) fn only_run(only: &Only, last: &LastRun, now: Timestamp) -> OnlyRun {
    let ids = only.fingerprint();
    let same = last.only.clone().filter(|last| last.ids == ids);
    same.unwrap_or_else(|| OnlyRun {
        ids,
        since: now.to_string(),
    })
}

/// Those of the completed rows that did not complete since the run of their ids first started.
pub(super) fn unfinished(paths: &OutputPaths, keys: &[u64], run: &OnlyRun) -> Vec<u64> {
    let Ok(since) = run.since.parse() else {
        return keys.to_vec();
    };
    let lines = old_lines(paths, keys).into_iter();
    let finished = lines.filter(|line| line.completed_since(since));
    let finished: HashSet<_> = finished.map(|line| line.key()).collect();
    let keys = keys.iter().copied();
    keys.filter(|key| !finished.contains(key)).collect()
}
