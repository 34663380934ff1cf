//! `OUT.run.json` between runs: what it keeps for the next one, and recounting where a verb
//! has changed what the files hold.
//!
//! What the last run did (`this_run`, `exit_code`, `stopped_by`) stays as it was; what the output
//! holds (`total`, `remaining`, `resume`) is made true, and `counted` says who counted, and when.
//!
//! `total.unlisted_usd` is spend that no line of the output accounts for, because lines were backed up or
//! calls abandoned; `total.unlisted_answers_usd` is the part of it that was paid for responses. It is
//! noted in the same change ([`journal`](super::journal)) in which lines leave the output.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::disk::{self, Disk};
use super::error::{LedgerError, io_error};
use super::journal::Change;
use super::mode::Mode;
use super::paths::OutputPaths;
use super::resume::open_if_there;
use super::rewrite::replace;
use super::state::RecordedState;
use super::tally::{Tally, TallyFields, Unattributed};
use crate::exit::Exit;
use crate::model::Fingerprint;

pub(super) type RunFile = Map<String, Value>;

/// Within a process, one writer at a time: a signal can end a run while it is still starting.
static WRITER: Mutex<()> = Mutex::new(());

/// The keys of spend that no line accounts for, within `total`.
const UNLISTED: &str = "unlisted_usd";
const UNLISTED_ANSWERS: &str = "unlisted_answers_usd";

/// The longest run file that is read; they have a few kilobytes.
const MOST_BYTES: u64 = 16 << 20;

/// The run file at `path`: `None` if there is none, or something else.
pub(super) fn read(path: &Path) -> Option<RunFile> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MOST_BYTES).read_to_end(&mut text).ok()?;
    parse(&text)
}

fn parse(text: &[u8]) -> Option<RunFile> {
    let file: RunFile = serde_json::from_slice(text).ok()?;
    file.contains_key("promptmill").then_some(file)
}

/// Like [`read`], but through `disk`.
fn read_on(disk: &dyn Disk, path: &Path) -> Result<Option<RunFile>, LedgerError> {
    let mut text = Vec::new();
    if let Some(mut file) = open_if_there(disk, path)? {
        let read = file
            .seek_to(0)
            .and_then(|()| file.take(MOST_BYTES).read_to_end(&mut text).map(drop));
        read.map_err(io_error("read", path))?;
    }
    Ok(parse(&text))
}

/// What a run file says of the last run, for the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastRun {
    /// The fingerprint of its settings.
    pub fingerprint: Option<Fingerprint>,
    /// Its settings in parts; runs of earlier versions do not say.
    pub settings: Option<RecordedSettings>,
    /// Which rows it ran again by `--only`, unless it completed.
    pub only: Option<OnlyRun>,
    /// The clock time at which it was to stop sending, unless it completed.
    pub deadline_at: Option<Timestamp>,
}

/// The settings of a job in parts, so that what has changed can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSettings {
    /// The model id, as typed.
    pub model: String,
    /// The fingerprint of the prompt's source (template, column or field) and the system prompt.
    pub prompt: String,
    /// The fingerprint of all else that goes into a request.
    pub parameters: String,
}

/// A run of `--only FILE`, so that the same command resumes it instead of starting it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlyRun {
    /// The fingerprint of the ids.
    pub ids: String,
    /// When it first started, as a timestamp: its rows that completed later are done.
    pub since: String,
}

/// What the last run left in the run file of this output.
pub fn last_run(paths: &OutputPaths) -> LastRun {
    let file = of_output(paths).unwrap_or_default();
    let fingerprint = file.get("fingerprint").and_then(Value::as_str);
    let part = |key: &str| file.get(key).cloned().unwrap_or_default();
    let is_completed = file.get("state") == Some(&RecordedState::Completed.as_str().into());
    let only = serde_json::from_value(part("only")).ok();
    let deadline_at = file.get("deadline_at").and_then(Value::as_str);
    let deadline_at = deadline_at.and_then(|at| at.parse().ok());
    LastRun {
        deadline_at: deadline_at.filter(|_| !is_completed),
        fingerprint: fingerprint.and_then(|text| text.parse().ok()),
        settings: serde_json::from_value(part("settings")).ok(),
        only: only.filter(|_| !is_completed),
    }
}

/// The spend in this run file that no line accounts for.
pub(super) fn unattributed_in(file: &RunFile) -> Unattributed {
    let said = |key: &str| {
        let usd = file.get("total").and_then(|total| total.get(key));
        let usd = usd.and_then(Value::as_f64);
        usd.filter(|usd| 0.0 < *usd).unwrap_or(0.0)
    };
    Unattributed {
        usd: said(UNLISTED),
        answers_usd: said(UNLISTED_ANSWERS),
    }
}

/// What the run file at `path` says of it.
pub(super) fn unattributed(disk: &dyn Disk, path: &Path) -> Result<Unattributed, LedgerError> {
    let file = read_on(disk, path)?;
    Ok(file.as_ref().map(unattributed_in).unwrap_or_default())
}

/// Notes it as part of `change`, and leaves all else in the run file as it is.
pub(super) fn note(
    disk: &dyn Disk,
    change: &mut Change<'_>,
    paths: &OutputPaths,
    unattributed: Unattributed,
) -> Result<(), LedgerError> {
    let mut file = read_on(disk, &paths.run)?.unwrap_or_default();
    file.entry("promptmill")
        .or_insert_with(|| env!("CARGO_PKG_VERSION").into());
    let total = file.entry("total").or_insert_with(|| json!({}));
    if let Value::Object(total) = total {
        total.insert(UNLISTED.into(), unattributed.usd.into());
        total.insert(UNLISTED_ANSWERS.into(), unattributed.answers_usd.into());
    }
    let text = serde_json::to_string_pretty(&file)
        .map_err(|error| io_error("write", &paths.run)(error.into()))?;
    change.write(&paths.run, &paths.run, |file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")
    })
}

/// Writes the run file of this output: beside it first, then in its place.
///
/// # Errors
/// The disk failed.
pub fn write_run_file(mode: Mode, paths: &OutputPaths, json: &str) -> Result<(), LedgerError> {
    write_text(&*disk::real(mode), &paths.run, json)
}

pub(super) fn write(disk: &dyn Disk, path: &Path, file: &RunFile) -> Result<(), LedgerError> {
    let text = serde_json::to_string_pretty(file)
        .map_err(|error| io_error("write", path)(error.into()))?;
    write_text(disk, path, &text)
}

/// Puts `text` in the place of the run file at `path`.
fn write_text(disk: &dyn Disk, path: &Path, text: &str) -> Result<(), LedgerError> {
    // A panic while it was held left no file half written: files are replaced whole.
    let _writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    replace(disk, path, |file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")
    })
}

/// The run file of this output; `None` where there is none, or that of another.
pub(super) fn of_output(paths: &OutputPaths) -> Option<RunFile> {
    let file = read(&paths.run)?;
    is_of(&file, paths).then_some(file)
}

/// Whether a run file is of this output, as far as it says. Where its directory is now says
/// nothing: both may have been moved.
pub(super) fn is_of(file: &RunFile, paths: &OutputPaths) -> bool {
    let output = file.get("output").and_then(Value::as_str);
    let named = output.and_then(|output| Path::new(output).file_name());
    named.is_none() || named == paths.output.file_name()
}

/// Makes the run file say what the output holds now: `tally`, as `verb` has left it. `brought_usd`
/// of it stood in no line before.
///
/// # Errors
/// The disk failed; the output is still correct, and the next run counts again.
pub(super) fn recount(
    disk: &dyn Disk,
    paths: &OutputPaths,
    tally: &Tally,
    verb: &str,
    brought_usd: f64,
) -> Result<(), LedgerError> {
    let Some(mut file) = read(&paths.run) else {
        return Ok(());
    };
    // Lines from elsewhere may be of calls that were never counted here; those that a run could not
    // write down were.
    let could_not_write = file.get("exit_code") == Some(&Exit::CannotWrite.code().into());
    let brought_usd = if could_not_write { brought_usd } else { 0.0 };
    let noted = unattributed_in(&file);
    let usd = (noted.usd - brought_usd).max(0.0);
    let tally = Tally {
        unattributed: Unattributed {
            usd,
            answers_usd: noted.answers_usd.min(usd),
        },
        ..tally.clone()
    };
    let total = serde_json::to_value(TallyFields::of(&tally)).unwrap_or_default();
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
    write(disk, &paths.run, &file)
}
