//! Where the records of an output are, in the order of the input: sixteen bytes each.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::error::ExportError;
use super::fields::FieldNames;
use super::record::Name;
use crate::output::{OutputPaths, RecordLine, RowName, each_record_line};

/// The bit of a place that says which file it is in.
const IN_FAILED: u64 = 1 << 63;

/// Where a line is: in which of the two files, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineAt(u64);

impl LineAt {
    pub(super) fn is_in_failed(self) -> bool {
        self.0 & IN_FAILED != 0
    }

    pub(super) fn byte(self) -> u64 {
        self.0 & !IN_FAILED
    }
}

/// A record, by the number of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexEntry {
    pub(super) row: u64,
    pub(super) place: LineAt,
}

/// What identifies a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub(super) struct RecordKey {
    #[serde(default)]
    pub(super) custom_id: Option<String>,
    #[serde(default)]
    pub(super) variant: Option<String>,
    #[serde(default)]
    pub(super) sample: Option<u32>,
}

impl RecordKey {
    /// The record in eight bytes.
    pub(super) fn key(&self, row: u64) -> u64 {
        RowName::new(self.custom_id.as_deref(), row)
            .in_cell(self.variant.as_deref(), self.sample)
            .key()
    }

    /// The row and what of it, as a person is told.
    pub(super) fn told(&self, row: u64) -> String {
        let id = self.custom_id.as_ref();
        let id = id.map_or_else(String::new, |id| format!(" ({id})"));
        let variant = self.variant.as_ref();
        let variant = variant.map_or_else(String::new, |it| format!(", variant {it}"));
        let sample = self.sample.map(|it| format!(", sample {it}"));
        format!("row {row}{id}{variant}{}", sample.unwrap_or_default())
    }
}

/// The part of a line that says who it is.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    custom_id: Option<Name<'a>>,
    row: u64,
    #[serde(borrow, default)]
    variant: Option<Name<'a>>,
    #[serde(default)]
    sample: Option<u32>,
}

impl Head<'_> {
    fn key(&self) -> u64 {
        let (id, variant) = (self.custom_id.as_ref(), self.variant.as_ref());
        RowName::new(id.map(|it| &*it.0), self.row)
            .in_cell(variant.map(|it| &*it.0), self.sample)
            .key()
    }
}

/// All records of an output.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) entries: Vec<IndexEntry>,
    /// The names of the fields that records have.
    pub(super) fields: FieldNames,
}

/// The order of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// That of the input: by row number, then ID, variant and sample.
    Input,
    /// That in which the records were written.
    Completion,
}

impl Index {
    /// Looks at every line of the output. A row that is in both files, as a crash between them leaves it,
    /// has succeeded.
    pub(super) fn of(
        paths: &OutputPaths,
        with_failed: bool,
        order: Order,
    ) -> Result<Self, ExportError> {
        let mut fields = FieldNames::default();
        let mut failed = Vec::new();
        let mut only_failed = HashSet::new();
        if with_failed {
            each_head(&paths.failed, |head, line| {
                fields.see(line.bytes, head.row);
                let (row, key) = (head.row, head.key());
                let place = LineAt(line.at | IN_FAILED);
                only_failed.insert(key);
                failed.push((key, IndexEntry { row, place }));
            })?;
        }
        let mut entries = Vec::new();
        let length = paths.output.metadata().map_or(0, |it| it.len());
        each_head(&paths.output, |head, line| {
            fields.see(line.bytes, head.row);
            if !only_failed.is_empty() {
                only_failed.remove(&head.key());
            }
            if entries.len() == entries.capacity() {
                entries.reserve_exact(expected(entries.len(), line.at, length));
            }
            entries.push(IndexEntry {
                row: head.row,
                place: LineAt(line.at),
            });
        })?;
        let failed = failed.into_iter();
        entries.extend(
            failed
                .filter(|(key, _)| only_failed.contains(key))
                .map(|(_, entry)| entry),
        );
        match order {
            Order::Input => entries.sort_unstable(),
            Order::Completion => {}
        }
        Ok(Self { entries, fields })
    }
}

/// How many more entries there will be, where `so_far` are in the first `at` of `length` bytes: vectors
/// that double their room take thrice what they need for a moment.
fn expected(so_far: usize, at: u64, length: u64) -> usize {
    let left = length.saturating_sub(at) as f64;
    let per_line = at as f64 / so_far.max(1) as f64;
    let more = if at == 0 { 0.0 } else { left / per_line * 1.02 };
    (more as usize).max(1024)
}

/// Shows the head of every whole line of a file to `see`, with its line.
fn each_head(
    path: &Path,
    mut see: impl FnMut(&Head<'_>, RecordLine<'_>),
) -> Result<(), ExportError> {
    each_record_line(path, |line| {
        if line.is_whole()
            && let Some(head) = line.parse::<Head<'_>>(path)?
        {
            see(&head, line);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_sixteen_bytes() {
        assert_eq!(size_of::<IndexEntry>(), 16);
    }

    #[test]
    fn records_are_ordered_by_row_and_a_row_in_both_files_has_succeeded() {
        let folder = tempfile::tempdir().unwrap();
        let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
        let line = |id: &str, row: u64| format!("{{\"custom_id\":\"{id}\",\"row\":{row}}}\n");
        let output = line("c", 3) + &line("a", 1) + "{\"custom_id\":\"torn";
        std::fs::write(&paths.output, &output).unwrap();
        std::fs::write(&paths.failed, line("c", 3) + &line("b", 2)).unwrap();
        let rows = |with_failed, order| -> Vec<_> {
            let index = Index::of(&paths, with_failed, order).unwrap();
            let entries = index.entries.into_iter();
            entries
                .map(|it| (it.row, it.place.is_in_failed(), it.place.byte()))
                .collect()
        };
        let length = line("c", 3).len() as u64;
        assert_eq!(
            rows(true, Order::Input),
            [(1, false, length), (2, true, length), (3, false, 0)]
        );
        assert_eq!(
            rows(false, Order::Completion),
            [(3, false, 0), (1, false, length)]
        );
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
        std::fs::write(&paths.output, "{\"custom_id\":\"a\",\"row\":1}\n{}\n").unwrap();
        let error = Index::of(&paths, true, Order::Input).unwrap_err();
        assert!(
            error.to_string().contains("line 2 is not a record"),
            "{error}"
        );
    }

    #[test]
    fn room_is_made_for_the_lines_that_are_left() {
        assert_eq!(expected(0, 0, 1 << 30), 1024);
        let more = expected(1000, 100_000, 1_100_000);
        assert!((10_000..10_500).contains(&more), "{more}");
    }
}
