//! Reading kept bodies again: what could not be understood when it came may be now.
//!
//! A row that can be parsed moves from the failures to the completions: first it is committed there,
//! then its line is taken out of the failures. Who dies between the two leaves it in both, and
//! the next reader of the output takes the success.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::claim::{Claim, Existing, Locks};
use super::disk::{self, Disk, Open};
use super::error::{LedgerError, io_error};
use super::images;
use super::journal::Change;
use super::ledger::{Durability, Sink};
use super::line::{self, Kept};
use super::paths::OutputPaths;
use super::run_file;
use super::scan::each_line;
use crate::model::{Category, ParsedReply, Reasoning};
use crate::run::Share;

/// Lines that are committed at once.
const GROUP: usize = 256;

/// What happened to responses that could not be parsed before.
#[derive(Debug, Default)]
pub struct Reparsed {
    /// Rows that succeed now.
    pub understood: u64,
    /// Rows whose body still means nothing, and why the first of them does not.
    pub not_understood: u64,
    /// The first of those, with its row.
    pub example: Option<(u64, String)>,
    /// Rows without a body, as `raw = "never"` leaves them.
    pub without_body: u64,
    /// Where the lines are kept that were failures.
    pub aside: Option<PathBuf>,
    /// Why the run file could not be made to say so.
    pub uncounted: Option<LedgerError>,
}

/// What a body says, and what it cost.
pub type Understood = Result<(ParsedReply, Option<f64>), String>;

/// A kept body.
#[derive(Debug, Clone, Copy)]
pub struct KeptBody<'a> {
    /// The model's id.
    pub model: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Whose it is, among the rows that shared the call.
    pub share: Share,
    /// The service tier it was asked for in, where its line tells.
    pub service_tier: Option<&'a str>,
    /// The latency it was asked for with, where its line tells.
    pub latency_mode: Option<&'a str>,
    /// Whether its job keeps the reasoning before completions.
    pub reasoning: Reasoning,
    /// Whether its row brought the body of the request, to which completions are kept as they were
    /// sent.
    pub own_body: bool,
    /// The response, if it was parsed and breaks the schema that its job had; then there is no body.
    pub invalid: Option<&'a ParsedReply>,
}

/// Which failures are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reread {
    /// Responses that could not be parsed.
    Unparsed,
    /// These, and those that break the schema that their job had.
    InvalidToo,
}

/// Reads kept bodies again with `read`.
///
/// # Errors
/// Another run holds the output, it belongs to another program, or the disk failed.
pub fn reparse(
    paths: &OutputPaths,
    locks: Locks,
    which: Reread,
    read: impl FnMut(KeptBody<'_>) -> Understood,
) -> Result<Reparsed, LedgerError> {
    let mode = paths.mode(None);
    reparse_on(disk::real(mode), paths, locks, which, read)
}

pub(super) fn reparse_on(
    disk: Arc<dyn Disk>,
    paths: &OutputPaths,
    locks: Locks,
    which: Reread,
    mut read: impl FnMut(KeptBody<'_>) -> Understood,
) -> Result<Reparsed, LedgerError> {
    let claim = Claim::take_on(Arc::clone(&disk), paths, Existing::Resume, locks)?;
    let mut reparsed = Reparsed::default();
    if !disk.exists(&paths.failed) {
        return Ok(reparsed);
    }
    let mut failures = disk
        .open(&paths.failed, Open::Append)
        .map_err(io_error("open", &paths.failed))?;
    let mut answers = Sink::new(&disk, &paths.output, Durability::Sync, 0);
    let mut bodies = LastBody::default();
    let mut moved = Vec::new();
    let mut refused = None;
    let done = each_line(&mut *failures, |found| {
        let Some(kept) = kept(found.bytes, which) else {
            return Ok(());
        };
        let understood = reparsed.understand(&kept, bodies.of(&kept), &mut read);
        let Some((reading, cost_usd)) = understood else {
            return Ok(());
        };
        moved.push(kept.name().key());
        // The images first: a line names files that are there.
        let who = kept.identity();
        let files = images::keep_row(&*disk, &paths.images, &who, &reading.images);
        let added = files.and_then(|files| {
            let line = line::reparsed(&kept, &reading, &files, cost_usd);
            answers.add(|lines| lines.extend_from_slice(&line));
            match moved.len().is_multiple_of(GROUP) {
                true => answers.keep(),
                false => Ok(()),
            }
        });
        added.map_err(|error| {
            refused = Some(error);
            std::io::ErrorKind::Other.into()
        })
    });
    if let Some(error) = refused {
        return Err(error);
    }
    done.map_err(io_error("read", &paths.failed))?;
    answers.keep()?;
    if moved.is_empty() {
        return Ok(reparsed);
    }
    moved.sort_unstable();
    let aside = paths.before(&*disk, Timestamp::now()).failed;
    let mut change = Change::of(&*disk, paths);
    change.remove_lines(&paths.failed, &aside, |found| {
        let known = found.known.as_ref();
        let key = known.map(|known| known.name().key());
        key.is_some_and(|key| moved.binary_search(&key).is_ok())
    })?;
    change.commit()?;
    reparsed.aside = Some(aside);
    let now = claim.reread()?;
    reparsed.uncounted = run_file::recount(&*disk, paths, &now.past.tally, "reparse", 0.0).err();
    Ok(reparsed)
}

/// The line, if it is of a response that is looked at.
fn kept(line: &[u8], which: Reread) -> Option<Kept> {
    let kept: Kept = serde_json::from_slice(line).ok()?;
    let is_wanted = match which {
        Reread::Unparsed => kept.invalid().is_none(),
        Reread::InvalidToo => true,
    };
    let category = kept.error.category.as_str();
    let is_kept = category == Category::BadResponse.as_str() || kept.invalid().is_some();
    (is_wanted && is_kept).then_some(kept)
}

/// The last body so far. Rows that shared a call have consecutive lines, and its body is in the first.
#[derive(Default)]
struct LastBody {
    request_id: Option<String>,
    body: Option<Vec<u8>>,
}

impl LastBody {
    /// The body that `kept` came with.
    fn of(&mut self, kept: &Kept) -> Option<&[u8]> {
        let same_call = kept.request_id.is_some() && kept.request_id == self.request_id;
        if kept.share().is_first() || !same_call {
            self.request_id = kept.request_id.clone();
            self.body = kept.body();
        }
        self.body.as_deref()
    }
}

impl Reparsed {
    /// What the body says, if it is understood now, and what it cost.
    fn understand(
        &mut self,
        kept: &Kept,
        body: Option<&[u8]>,
        read: &mut impl FnMut(KeptBody<'_>) -> Understood,
    ) -> Option<(ParsedReply, Option<f64>)> {
        let invalid = kept.invalid();
        let body = body.or(invalid.as_ref().map(|_| &b""[..]));
        let Some(body) = body else {
            self.without_body += 1;
            return None;
        };
        let model = &kept.model;
        match read(KeptBody {
            model,
            body,
            share: kept.share(),
            service_tier: kept.service_tier.as_deref(),
            latency_mode: kept.latency_mode.as_deref(),
            reasoning: match kept.keeps_reasoning {
                true => Reasoning::Kept,
                false => Reasoning::Dropped,
            },
            own_body: kept.own_body,
            invalid: invalid.as_ref(),
        }) {
            Ok((reading, cost_usd)) => {
                self.understood += 1;
                Some((reading, cost_usd.or(kept.cost_usd)))
            }
            Err(why) => {
                self.not_understood += 1;
                self.example.get_or_insert((kept.row, why));
                None
            }
        }
    }
}
