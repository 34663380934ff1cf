//! What identifies a row in an output: its ID, and with a sweep its variant and its sample.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::run::Identity;

/// The name of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowName<'a> {
    custom_id: Option<&'a str>,
    row: u64,
    cell: Option<(&'a str, u32)>,
}

impl<'a> RowName<'a> {
    /// The row of this ID, or of this number where it has no ID, in no sweep.
    pub fn new(custom_id: Option<&'a str>, row: u64) -> Self {
        Self {
            custom_id,
            row,
            cell: None,
        }
    }

    /// That row as the sample of a variant, where a line names one. A line without a sample is of
    /// the first.
    #[must_use]
    pub(crate) fn in_cell(self, variant: Option<&'a str>, sample: Option<u32>) -> Self {
        let cell = variant.map(|variant| (variant, sample.unwrap_or(1)));
        Self { cell, ..self }
    }

    /// This row under another ID.
    #[must_use]
    pub(crate) fn renamed(self, custom_id: Option<&'a str>) -> Self {
        Self { custom_id, ..self }
    }

    /// It in 8 bytes: two of a million rows share them once in 30 million outputs. They differ
    /// between versions of this program and are never on disk.
    pub(crate) fn key(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.custom_id {
            Some(id) => id.hash(&mut hasher),
            None => self.row.hash(&mut hasher),
        }
        if let Some(cell) = self.cell {
            cell.hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl<'a> From<&'a Identity> for RowName<'a> {
    fn from(who: &'a Identity) -> Self {
        let cell = who.cell.as_ref();
        Self::new(who.custom_id.as_deref(), who.row).in_cell(
            cell.map(|cell| cell.variant.name.as_str()),
            cell.map(|cell| cell.sample),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_differ_in_id_variant_and_sample_and_a_row_with_an_id_does_not_in_its_number() {
        let plain = RowName::new(Some("a"), 1);
        let first = plain.in_cell(Some("x"), Some(1));
        let others = [
            plain,
            RowName::new(Some("b"), 1),
            RowName::new(None, 1),
            RowName::new(None, 2),
            first,
            plain.in_cell(Some("x"), Some(2)),
            plain.in_cell(Some("y"), Some(1)),
        ];
        for (at, one) in others.iter().enumerate() {
            for other in &others[at + 1..] {
                assert_ne!(one.key(), other.key(), "{one:?} {other:?}");
            }
        }
        assert_eq!(plain.key(), RowName::new(Some("a"), 9).key());
        assert_eq!(first.key(), plain.in_cell(Some("x"), None).key());
    }
}
