//! `--only FILE`: the ids of the rows that a run is about, one a line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::format::{count, hexadecimal};
use crate::job::small::{self, FileError};

/// How many ids that the input does not have are named.
const SHOWN: usize = 3;

/// The rows that a run is about, by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Only {
    file: PathBuf,
    ids: HashSet<String>,
}

/// Why a file of ids cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OnlyError {
    /// It cannot be read.
    #[error("--only {}: {cause}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: FileError,
    },
    /// It has nothing but blank lines.
    #[error("--only {}: no id in it; give one id a line", .0.display())]
    NoIds(PathBuf),
}

impl Only {
    /// Reads the ids of `file`. Blank lines are skipped, and blanks around an id, a byte order mark
    /// and CR LF are no part of it.
    ///
    /// # Errors
    /// The file cannot be read, is not UTF-8, or has no id.
    pub fn read(file: &Path) -> Result<Self, OnlyError> {
        let text = small::text_of_any(file).map_err(|cause| OnlyError::Unreadable {
            file: file.to_owned(),
            cause,
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let ids = text.lines().map(str::trim).filter(|id| !id.is_empty());
        let ids: HashSet<String> = ids.map(str::to_owned).collect();
        match ids.is_empty() {
            true => Err(OnlyError::NoIds(file.to_owned())),
            false => Ok(Self {
                file: file.to_owned(),
                ids,
            }),
        }
    }

    /// Whether the run is about this row.
    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(id.trim())
    }

    /// A hash of these IDs, whatever their order: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut ids: Vec<_> = self.ids.iter().collect();
        ids.sort_unstable();
        let mut hash = Sha256::new();
        for id in ids {
            hash.update(id);
            hash.update("\n");
        }
        hexadecimal(&hash.finalize()[..8])
    }

    /// Why the run does not start, where `found` lacks some of the ids.
    pub(super) fn missing(&self, found: &HashSet<String>) -> Option<String> {
        let mut missing: Vec<_> = self.ids.difference(found).map(String::as_str).collect();
        missing.sort_unstable();
        let first: Vec<_> = missing
            .iter()
            .take(SHOWN)
            .map(|id| format!("`{id}`"))
            .collect();
        let more = match missing.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {} more", count(more as u64)),
        };
        let rows = match missing.len() {
            0 => return None,
            1 => "1 id is not in the input".to_owned(),
            many => format!("{} ids are not in the input", count(many as u64)),
        };
        Some(format!(
            "--only {}: {rows} ({}{more}); give ids as the output has them in custom_id",
            self.file.display(),
            first.join(", "),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lines_without_what_editors_put_around_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids.txt");
        std::fs::write(&file, "\u{feff}b\r\n\n  a \nb\n").unwrap();
        let only = Only::read(&file).unwrap();
        assert!(only.contains("a") && only.contains("b") && !only.contains("c"));
        std::fs::write(&file, "a\nb").unwrap();
        assert_eq!(Only::read(&file).unwrap().fingerprint(), only.fingerprint());
        std::fs::write(&file, "ab").unwrap();
        assert_ne!(Only::read(&file).unwrap().fingerprint(), only.fingerprint());
        std::fs::write(&file, " \n").unwrap();
        let why = Only::read(&file).unwrap_err().to_string();
        assert!(
            why.ends_with("ids.txt: no id in it; give one id a line"),
            "{why}"
        );
    }

    #[test]
    fn ids_that_the_input_lacks_are_named() {
        let ids = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let only = Only {
            file: "ids.txt".into(),
            ids: ids("a b c d e"),
        };
        assert_eq!(only.missing(&ids("a b c d e f")), None);
        let said = |found: &str| only.missing(&ids(found)).unwrap();
        assert!(said("a b c d").starts_with("--only ids.txt: 1 id is not in the input (`e`);"));
        let four = "--only ids.txt: 4 ids are not in the input (`b`, `c`, `d` and 1 more);";
        assert!(said("a").starts_with(four), "{}", said("a"));
    }
}
