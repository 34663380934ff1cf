//! The records of an output, one after the other in the order of its index.

use std::fs::File;

use super::error::ExportError;
use super::index::{Index, IndexEntry, RecordKey};
use super::lines::FileLines;
use crate::output::OutputPaths;

/// Reads records by their places.
pub(super) struct RecordReader<'a> {
    paths: &'a OutputPaths,
    output: Option<FileLines>,
    failed: Option<FileLines>,
}

impl<'a> RecordReader<'a> {
    pub(super) fn of(paths: &'a OutputPaths) -> Self {
        Self {
            paths,
            output: None,
            failed: None,
        }
    }

    /// The line of a record.
    pub(super) fn line(&mut self, entry: IndexEntry) -> Result<&[u8], ExportError> {
        let (path, lines) = match entry.place.is_in_failed() {
            true => (&self.paths.failed, &mut self.failed),
            false => (&self.paths.output, &mut self.output),
        };
        let lines = match lines {
            Some(lines) => lines,
            None => {
                let file = File::open(path).map_err(ExportError::read(path))?;
                lines.insert(FileLines::of(file))
            }
        };
        lines
            .at(entry.place.byte())
            .map_err(ExportError::read(path))
    }

    /// Shows every record of `index` to `take`. Records with one row number are ordered by ID, variant
    /// and sample.
    pub(super) fn each(
        &mut self,
        index: &Index,
        mut take: impl FnMut(IndexEntry, &[u8]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for group in index.entries.chunk_by(|a, b| a.row == b.row) {
            match group {
                [entry] => take(*entry, self.line(*entry)?)?,
                group => {
                    for entry in self.in_order(group)? {
                        take(entry, self.line(entry)?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Records with one row number in the order of what identifies them.
    fn in_order(&mut self, group: &[IndexEntry]) -> Result<Vec<IndexEntry>, ExportError> {
        let mut named = Vec::new();
        for entry in group {
            let line = self.line(*entry)?;
            let identity: RecordKey = serde_json::from_slice(line).unwrap_or(RecordKey {
                custom_id: None,
                variant: None,
                sample: None,
            });
            named.push((identity, *entry));
        }
        named.sort();
        let twice = named.windows(2).find(|pair| pair[0].0 == pair[1].0);
        match twice {
            None => Ok(named.into_iter().map(|(_, entry)| entry).collect()),
            Some(pair) => {
                let (identity, entry) = &pair[1];
                Err(ExportError::Twice {
                    path: self.paths.output.clone(),
                    row: identity.told(entry.row),
                })
            }
        }
    }
}
