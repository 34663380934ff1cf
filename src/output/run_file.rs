//! `OUT.run.json` after the run: counted anew where a verb has changed what the files hold.
//!
//! What the last run did (`this_run`, `exit_code`, `stopped_by`) stays as it was; what the output
//! holds (`total`, `remaining`, `resume`) is made true, and `counted` says who counted, and when.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::disk::Disk;
use super::error::{LedgerError, io_error};
use super::paths::OutputPaths;
use super::rewrite::replace;
use super::tally::{Counts, Tally};

/// The longest run file that is read; ours have some kilobytes.
const MOST_BYTES: u64 = 16 << 20;

/// What stands in the run file at `path`: `None` where there is none, or nothing that is one.
pub(super) fn read(path: &Path) -> Option<Map<String, Value>> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MOST_BYTES).read_to_end(&mut text).ok()?;
    let file: Map<String, Value> = serde_json::from_slice(&text).ok()?;
    file.contains_key("promptmill").then_some(file)
}

/// Makes the run file say what the output holds now: `tally`, as `verb` has left it.
///
/// # Errors
/// The disk refused; the output is as it should be then, and the next run counts again.
pub(super) fn count_anew(
    disk: &dyn Disk,
    paths: &OutputPaths,
    tally: &Tally,
    verb: &str,
) -> Result<(), LedgerError> {
    let Some(mut file) = read(&paths.run) else {
        return Ok(());
    };
    let total = serde_json::to_value(Counts::of(tally)).unwrap_or_default();
    if file.get("total") == Some(&total) {
        return Ok(());
    }
    let rows = file.get("rows").and_then(Value::as_u64).unwrap_or(0);
    let remaining = rows.saturating_sub(tally.ended());
    let goes_on = file.get("command").filter(|_| 0 < remaining).cloned();
    file.insert("total".into(), total);
    file.insert("remaining".into(), remaining.into());
    file.insert("resume".into(), goes_on.into());
    let at = Timestamp::now().to_string();
    file.insert("counted".into(), json!({ "by": verb, "at": at }));
    let text = serde_json::to_string_pretty(&file)
        .map_err(|error| io_error("write", &paths.run)(error.into()))?;
    replace(disk, &paths.run, |file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")
    })
}
