//! Which records passed a check: `OUT.scores.jsonl`, as `promptmill score` left it.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};

use serde::Deserialize;

use super::error::ExportError;
use super::index::hash;
use crate::nearest::nearest;
use crate::output::OutputPaths;

/// What a check said of the records.
#[derive(Debug, Default)]
pub(super) struct Scores {
    /// By the hash of a record: whether it passed all checks. Records that a check could not look at are
    /// not in it.
    passed: HashMap<u64, bool>,
}

#[derive(Deserialize)]
struct Line {
    custom_id: Option<String>,
    row: u64,
    variant: Option<String>,
    sample: Option<u64>,
    check: String,
    pass: Option<bool>,
}

impl Scores {
    /// Reads what these checks said.
    pub(super) fn read(paths: &OutputPaths, checks: &[String]) -> Result<Self, ExportError> {
        let path = &paths.scores;
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!(
                    "--passed: no {}; `promptmill score` writes it",
                    path.display()
                );
                return Err(ExportError::Usage(message));
            }
            Err(error) => return Err(ExportError::read(path)(error)),
        };
        let mut seen = BTreeSet::new();
        let mut passed = HashMap::new();
        for (nth, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(ExportError::read(path))?;
            let Ok(line) = serde_json::from_str::<Line>(&line) else {
                let message = format!(
                    "{}: line {} is no verdict; `promptmill score` writes the file again",
                    path.display(),
                    nth + 1
                );
                return Err(ExportError::Usage(message));
            };
            let is_meant = checks.contains(&line.check);
            if let Some(pass) = line.pass.filter(|_| is_meant) {
                let id = line.custom_id.as_deref();
                let key = hash(id, line.row, line.variant.as_deref(), line.sample);
                *passed.entry(key).or_insert(true) &= pass;
            }
            if !seen.contains(&line.check) {
                seen.insert(line.check);
            }
        }
        let names = seen.iter().map(String::as_str);
        match checks.iter().find(|check| !seen.contains(*check)) {
            None => Ok(Self { passed }),
            Some(unknown) => {
                let all: Vec<_> = names.clone().collect();
                let advice = match nearest(unknown, names) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("checks: {}", all.join(", ")),
                };
                let path = path.display();
                let message = format!("--passed: {path} has no check `{unknown}`; {advice}");
                Err(ExportError::Usage(message))
            }
        }
    }

    /// Whether a record passed; `None` if that is not known.
    pub(super) fn of(&self, key: u64) -> Option<bool> {
        self.passed.get(&key).copied()
    }
}
