//! Runs of named rows (`--only`): which of them are still to be done.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::output::{LastRun, OnlyRun, OutputPaths, old_lines};
use crate::rows::Only;

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
