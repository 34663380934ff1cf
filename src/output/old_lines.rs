//! Lines of an output that are looked at once more: for a message that quotes them, or to see when
//! their rows completed.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OutputPaths;
use super::row_name::RowName;
use super::scan::each_line;

/// What an earlier run wrote of one row, as far as its line says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OldLine {
    /// The id it had.
    pub custom_id: Option<String>,
    /// Its number, from 1.
    pub row: u64,
    /// The variant of a sweep.
    #[serde(default)]
    pub variant: Option<String>,
    /// Which of its samples, from 1.
    #[serde(default)]
    pub sample: Option<u32>,
    /// The model that was called.
    #[serde(default)]
    pub model: Option<String>,
    /// The fields that were kept of it.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// When it completed.
    #[serde(default)]
    finished_at: Option<String>,
}

impl OldLine {
    /// The key of its row.
    pub fn key(&self) -> u64 {
        RowName::new(self.custom_id.as_deref(), self.row)
            .in_cell(self.variant.as_deref(), self.sample)
            .key()
    }

    /// Whether it completed at this instant or later; `false` where its line does not say.
    pub fn completed_since(&self, instant: Timestamp) -> bool {
        let finished = self.finished_at.as_deref();
        let finished = finished.and_then(|text| text.parse::<Timestamp>().ok());
        finished.is_some_and(|finished| instant <= finished)
    }
}

/// The lines of the rows with these keys, in no particular order. What cannot be read is left out:
/// nothing but a message depends on it.
pub fn old_lines(paths: &OutputPaths, keys: &[u64]) -> Vec<OldLine> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    let files = [&paths.output, &paths.failed];
    files
        .into_iter()
        .flat_map(|path| in_file(path, &keys))
        .collect()
}

/// Those of one file; the keys are sorted.
fn in_file(path: &Path, keys: &[u64]) -> Vec<OldLine> {
    let mut found = Vec::new();
    let Ok(mut file) = File::open(path) else {
        return found;
    };
    // What breaks off later has shown the lines before it.
    let _ = each_line(&mut file, |line| {
        let known = line.known.as_ref();
        let key = known.map(|known| known.name().key());
        if key.is_some_and(|key| keys.binary_search(&key).is_ok())
            && let Ok(old) = serde_json::from_slice(line.bytes)
        {
            found.push(old);
        }
        Ok(())
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_compared_as_a_time_and_not_as_text() {
        let line = |finished: &str| -> OldLine {
            serde_json::from_str(&format!(
                r#"{{"custom_id":"a","row":1,"finished_at":"{finished}"}}"#
            ))
            .unwrap()
        };
        let since: Timestamp = "2026-11-30T10:00:00.5Z".parse().unwrap();
        assert!(line("2026-11-30T10:00:00.500Z").completed_since(since));
        assert!(line("2026-11-30T12:00:01.000+01:00").completed_since(since));
        assert!(!line("2026-11-30T10:00:00.499Z").completed_since(since));
        assert!(!line("yesterday").completed_since(since));
    }

    #[test]
    fn the_lines_of_the_keys_are_found_in_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
        let line = |id: &str, status: &str| {
            format!(r#"{{"custom_id":"{id}","row":1,"status":"{status}","fingerprint":null}}"#)
        };
        let succeeded = [line("a", "succeeded"), line("b", "succeeded")].join("\n");
        std::fs::write(&paths.output, succeeded + "\n").unwrap();
        std::fs::write(&paths.failed, line("c", "failed") + "\n").unwrap();
        let found = |ids: &[&str]| -> Vec<_> {
            let keys: Vec<_> = ids
                .iter()
                .map(|id| RowName::new(Some(id), 1).key())
                .collect();
            let lines = old_lines(&paths, &keys).into_iter();
            lines.filter_map(|line| line.custom_id).collect()
        };
        assert_eq!(found(&["c", "a"]), ["a", "c"]);
        assert_eq!(found(&["b"]), ["b"]);
        assert!(found(&["d"]).is_empty());
    }
}
