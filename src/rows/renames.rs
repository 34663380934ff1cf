//! Rows that the output has under another id: an id column that was named after the first run, or
//! ids that another program has rewritten, as pandas makes `2.0` of `2`.
//!
//! A row without a line of its own is one of them if an earlier row that the input no longer has
//! sent the same request, and no other row did, or if the ids of the two differ only in how a number
//! is written. Failed rows are left out: nothing was bought.

use super::standing::identity;
use super::trouble::EXAMPLES;
use crate::model::Fingerprint;
use crate::output::{EarlierRow, EarlierRows, RowName};
use crate::run::{Identity, Row};

/// Zeros before a number are looked for up to so many digits in all.
const MOST_DIGITS: usize = 10;

/// What is known of rows under other ids while the input is read.
pub(super) struct Renames<'a> {
    past: &'a EarlierRows,
    /// Earlier rows by the request they sent, sorted; made once it is needed.
    by_request: Option<Vec<(Fingerprint, usize)>>,
    /// Which earlier rows the input still has.
    present: Vec<bool>,
    found: Vec<Rename>,
}

/// A row that an earlier one may have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    /// The earlier row's place.
    at: usize,
    /// The number of the row now.
    pub(super) row: u64,
    /// Its id; empty beyond the first [`EXAMPLES`].
    pub(super) id: String,
    /// What they have in common.
    pub(super) by: By,
}

/// What two rows have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Their ids are the same number.
    Number,
    /// They send the same request.
    Request,
}

impl<'a> Renames<'a> {
    pub(super) fn of(past: &'a EarlierRows) -> Self {
        Self {
            past,
            by_request: None,
            present: Vec::new(),
            found: Vec::new(),
        }
    }

    /// The input has this row.
    pub(super) fn has(&mut self, who: &Identity) {
        let Some(at) = self.past.place(RowName::from(who)) else {
            return;
        };
        if self.present.is_empty() {
            self.present.resize(self.past.all().len(), false);
        }
        self.present[at] = true;
    }

    /// Whether an earlier row may have been this one, which has no line of its own.
    pub(super) fn may_be(&mut self, row: &Row) -> bool {
        if self.past.is_empty() || !matches!(row, Row::Ready(_)) {
            return false;
        }
        let who = identity(row);
        let id = who.custom_id.as_deref().unwrap_or_default();
        let number =
            forms(id).find_map(|form| self.past.place(RowName::from(who).renamed(Some(&form))));
        let (at, by) = match number.filter(|at| !self.past.all()[*at].failed) {
            Some(at) => (at, By::Number),
            None => match who.fingerprint.and_then(|request| self.sent(request)) {
                Some(at) => (at, By::Request),
                None => return false,
            },
        };
        let id = match self.found.len() < EXAMPLES {
            true => named(who),
            false => String::new(),
        };
        let row = who.row;
        self.found.push(Rename { at, row, id, by });
        true
    }

    /// Whether the rest of the input matters: an earlier row that is there is none of these.
    pub(super) fn is_open(&self) -> bool {
        !self.found.is_empty()
    }

    /// The only earlier row that sent this request, if it was answered.
    fn sent(&mut self, request: Fingerprint) -> Option<usize> {
        let past = self.past;
        let index = self.by_request.get_or_insert_with(|| {
            let rows = past.all().iter().enumerate();
            let sent = rows.filter_map(|(at, row)| Some((row.fingerprint?, at)));
            let mut index: Vec<_> = sent.collect();
            index.sort_unstable();
            index
        });
        let first = index.partition_point(|(sent, _)| *sent < request);
        let mut same = index[first..]
            .iter()
            .take_while(|(sent, _)| *sent == request);
        let (_, at) = same.next()?;
        let is_alone = same.next().is_none();
        (is_alone && !past.all()[*at].failed).then_some(*at)
    }

    /// The rows that are known under another id, each earlier row once, once all ids of the input
    /// have been seen.
    pub(super) fn finish(self) -> impl Iterator<Item = (&'a EarlierRow, Rename)> {
        let Self {
            past,
            mut present,
            found,
            ..
        } = self;
        present.resize(past.all().len(), false);
        let mut is_gone = move |rename: &Rename| !std::mem::replace(&mut present[rename.at], true);
        let gone = found.into_iter().filter(move |rename| is_gone(rename));
        gone.map(|rename| (&past.all()[rename.at], rename))
    }
}

/// What a row is called now.
fn named(who: &Identity) -> String {
    let id = who.custom_id.as_deref().unwrap_or_default();
    match &who.cell {
        Some(cell) => format!("{id}, {}, sample {}", cell.variant.name, cell.sample),
        None => id.to_owned(),
    }
}

/// The other ways to write the number that an id is: `2.0`, `02`, `002` … for `2`.
fn forms(id: &str) -> impl Iterator<Item = String> {
    let whole = number(id).map(str::to_owned);
    let all = whole.into_iter().flat_map(|whole| {
        let padded = (whole.len() + 1..=MOST_DIGITS).map({
            let whole = whole.clone();
            move |digits| format!("{whole:0>digits$}")
        });
        [whole.clone(), format!("{whole}.0")]
            .into_iter()
            .chain(padded)
    });
    let id = id.to_owned();
    all.filter(move |form| *form != id)
}

/// The whole number that an id is, without zeros before it and behind its point.
fn number(id: &str) -> Option<&str> {
    let (whole, behind) = id.split_once('.').unwrap_or((id, ""));
    let are_digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits || !behind.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let digits = whole.trim_start_matches('0');
    Some(if digits.is_empty() { "0" } else { digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_other_forms_and_a_name_has_none() {
        let of = |id: &str| forms(id).take(4).collect::<Vec<_>>().join(" ");
        assert_eq!(of("2"), "2.0 02 002 0002");
        assert_eq!(of("2.0"), "2 02 002 0002");
        assert_eq!(of("002"), "2 2.0 02 0002");
        assert_eq!(of("10.00"), "10 10.0 010 0010");
        assert_eq!(of("000"), "0 0.0 00 0000");
        assert_eq!(of("12345678901"), "12345678901.0");
        for name in ["", "a2", "2a", "-2", "2.5", "1e3", ".0", "2 "] {
            assert_eq!(of(name), "", "{name:?}");
        }
    }
}
