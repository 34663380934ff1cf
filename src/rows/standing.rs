//! Who a row is, and what the output has of it.

use crate::output::EarlierRow;
use crate::run::{Identity, Row};

/// What the output has of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing.
    New,
    /// A line under another id, it seems; what is known later may speak against it.
    Renamed,
    /// A line, of another request.
    Changed(&'a EarlierRow),
    /// A line, and the run is to send the row again by name.
    Selected(&'a EarlierRow),
    /// A line, of this request.
    Completed(&'a EarlierRow),
}

impl<'a> Standing<'a> {
    /// The line it has, whatever happens to it.
    pub fn line(self) -> Option<&'a EarlierRow> {
        match self {
            Self::New | Self::Renamed => None,
            Self::Changed(line) | Self::Selected(line) | Self::Completed(line) => Some(line),
        }
    }

    /// Whether the row was bought once and would be bought again.
    pub fn is_bought_again(self) -> bool {
        match self {
            Self::Renamed | Self::Changed(_) | Self::Selected(_) => true,
            Self::New | Self::Completed(_) => false,
        }
    }
}

/// Who a row is.
pub fn identity(row: &Row) -> &Identity {
    match row {
        Row::Ready(ready) => &ready.identity,
        Row::Rejected(identity, _) | Row::Completed(identity) => identity,
    }
}

/// The place of a row's variant; 0 without a sweep.
pub fn place_of(who: &Identity) -> usize {
    who.cell.as_ref().map_or(0, |cell| cell.variant.place)
}

/// Whether a row is the first that its record makes.
pub(super) fn is_first_of_record(who: &Identity) -> bool {
    let cell = who.cell.as_ref();
    cell.is_none_or(|cell| cell.variant.place == 0 && cell.sample == 1)
}

/// How a message names a row: with its ID, where that is not its number, and with its cell.
pub(super) fn name_of(who: &Identity) -> String {
    let number = who.row.to_string();
    let id = who.custom_id.clone().filter(|id| *id != number);
    let cell = who.cell.as_ref();
    let cell = cell.map(|cell| format!("{}, sample {}", cell.variant.name, cell.sample));
    let names: Vec<_> = id.into_iter().chain(cell).collect();
    match names.is_empty() {
        true => format!("row {number}"),
        false => format!("row {number} ({})", names.join(", ")),
    }
}

/// Whether a row that has ended was another request then, as far as that is known.
pub(super) fn has_changed(who: &Identity, before: &EarlierRow) -> bool {
    matches!((before.fingerprint, who.fingerprint), (Some(before), Some(now)) if before != now)
}
