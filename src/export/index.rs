//! Where the records of an output are, in the order of the input: sixteen bytes each.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use serde::Deserialize;

use super::error::ExportError;
use super::fields::FieldNames;
use super::record::Name;
use crate::output::OutputPaths;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

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
    pub(super) sample: Option<u64>,
}

impl RecordKey {
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
    sample: Option<u64>,
}

impl Head<'_> {
    fn hash(&self) -> u64 {
        let (id, variant) = (self.custom_id.as_ref(), self.variant.as_ref());
        hash(
            id.map(|it| &*it.0),
            self.row,
            variant.map(|it| &*it.0),
            self.sample,
        )
    }
}

/// What identifies a record, in eight bytes.
pub(super) fn hash(
    custom_id: Option<&str>,
    row: u64,
    variant: Option<&str>,
    sample: Option<u64>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    match custom_id {
        Some(id) => id.hash(&mut hasher),
        None => row.hash(&mut hasher),
    }
    variant.hash(&mut hasher);
    sample.hash(&mut hasher);
    hasher.finish()
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
            each_line(&paths.failed, |at, line| {
                let Ok(head) = serde_json::from_slice::<Head<'_>>(line) else {
                    return false;
                };
                fields.see(line, head.row);
                let (row, hash) = (head.row, head.hash());
                let place = LineAt(at | IN_FAILED);
                only_failed.insert(hash);
                failed.push((hash, IndexEntry { row, place }));
                true
            })?;
        }
        let mut entries = Vec::new();
        let length = paths.output.metadata().map_or(0, |it| it.len());
        each_line(&paths.output, |at, line| {
            let Ok(head) = serde_json::from_slice::<Head<'_>>(line) else {
                return false;
            };
            fields.see(line, head.row);
            if !only_failed.is_empty() {
                only_failed.remove(&head.hash());
            }
            if entries.len() == entries.capacity() {
                entries.reserve_exact(expected(entries.len(), at, length));
            }
            entries.push(IndexEntry {
                row: head.row,
                place: LineAt(at),
            });
            true
        })?;
        let failed = failed.into_iter();
        entries.extend(
            failed
                .filter(|(hash, _)| only_failed.contains(hash))
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

/// Shows every whole line of a file to `see`, with the byte it begins at, until that says that one is no
/// record. A file that is not there has none, and a last line without its end is not shown: a run may be
/// writing it.
fn each_line(path: &Path, mut see: impl FnMut(u64, &[u8]) -> bool) -> Result<(), ExportError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ExportError::read(path)(error)),
    };
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let (mut line, mut at) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        let read = read.map_err(ExportError::read(path))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        if !see(at, &line) {
            let path = path.to_owned();
            return Err(ExportError::NoRecord { path, line: number });
        }
        at += read as u64;
    }
    Ok(())
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
