//! Which records passed checks: `OUT.scores.jsonl`, as `promptmill score` wrote it.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};

use serde::Deserialize;

use super::error::ExportError;
use super::index::RecordKey;
use crate::nearest::nearest;
use crate::output::OutputPaths;

/// The verdicts of some checks.
#[derive(Debug, Default)]
pub(super) struct PassedRecords {
    /// By the key of a record: whether it passed all checks. A record without a verdict is not in it.
    passed: HashMap<u64, bool>,
}

#[derive(Deserialize)]
struct VerdictLine {
    #[serde(flatten)]
    of: RecordKey,
    row: u64,
    check: String,
    pass: Option<bool>,
}

impl PassedRecords {
    /// Reads the verdicts of these checks.
    ///
    /// # Errors
    /// There are no scores, a line is not a verdict, a check is unknown.
    pub(super) fn read(paths: &OutputPaths, checks: &[String]) -> Result<Self, ExportError> {
        let path = &paths.scores;
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = path.display();
                let message = format!("--passed: no {path}; run `promptmill score` first");
                return Err(ExportError::Usage(message));
            }
            Err(error) => return Err(ExportError::read(path)(error)),
        };
        let mut seen = BTreeSet::new();
        let mut passed = HashMap::new();
        for (nth, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(ExportError::read(path))?;
            let Ok(line) = serde_json::from_str::<VerdictLine>(&line) else {
                let (path, number) = (path.display(), nth + 1);
                let message = format!(
                    "{path}: line {number} is not a verdict; `promptmill score` writes the file again"
                );
                return Err(ExportError::Usage(message));
            };
            if checks.contains(&line.check) {
                let key = line.of.key(line.row);
                *passed.entry(key).or_insert(true) &= line.pass == Some(true);
            }
            if !seen.contains(&line.check) {
                seen.insert(line.check);
            }
        }
        let Some(unknown) = checks.iter().find(|check| !seen.contains(*check)) else {
            return Ok(Self { passed });
        };
        let names: Vec<_> = seen.iter().map(String::as_str).collect();
        let advice = match nearest(unknown, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("checks: {}", names.join(", ")),
        };
        let path = path.display();
        let message = format!("--passed: {path} has no check `{unknown}`; {advice}");
        Err(ExportError::Usage(message))
    }

    /// Whether a record passed all checks. One without a verdict did not.
    pub(super) fn has(&self, record: u64) -> bool {
        self.passed.get(&record) == Some(&true)
    }
}
