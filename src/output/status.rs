//! What an output is now, by its files alone: nothing is locked, written or created.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::holder::Holder;
use super::inspect::is_locked;
use super::paths::{OutputPaths, RUN};
use super::run_file;
use super::state::RecordedState;

/// A run on another machine, whose locks may not be seen from here, is taken to be alive for so long
/// after it has written its run file. It does so every 5 s.
const ALIVE_FOR: SignedDuration = SignedDuration::from_secs(60);

/// How deep a directory is searched: outputs are in folders by day and job, not further down.
const DEEPEST: usize = 6;

/// The state of a run, as its files tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunCondition {
    /// A process holds the output.
    Running,
    /// Every row has a record.
    Completed,
    /// It stopped, and said why.
    Stopped,
    /// It ended without a word: killed, or the machine went down.
    Killed,
}

impl RunCondition {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Killed => "killed",
        }
    }
}

/// An output, as its run file and its lock tell.
#[derive(Debug, Clone)]
pub struct OutputStatus {
    /// Its files.
    pub paths: OutputPaths,
    /// How its last run is, or ended.
    pub condition: RunCondition,
    /// The run file.
    pub file: Map<String, Value>,
}

impl OutputStatus {
    /// Looks at the output `named`, or at that of a run file, at the instant `now`.
    ///
    /// # Errors
    /// It is no output: says where, what, and what to do.
    pub fn of(named: &Path, now: Timestamp) -> Result<Self, String> {
        let name = named.to_string_lossy();
        let output = match name.strip_suffix(RUN) {
            Some(stem) => PathBuf::from(format!("{stem}.jsonl")),
            None => {
                super::paths::check_name(named).map_err(|error| error.to_string())?;
                named.to_owned()
            }
        };
        let paths = OutputPaths::new(&output);
        let run = paths.run.display();
        if !paths.run.exists() {
            let message = match paths.output.exists() {
                true => format!("{name}: no run file {run} beside it; the next run writes one"),
                false => {
                    format!("{name}: no such output; name the file given to `run` with --output")
                }
            };
            return Err(message);
        }
        let not_ours = || {
            format!(
                "{run} is not a run file of promptmill: name an output of `run`, or move it away"
            )
        };
        let file = run_file::read(&paths.run).ok_or_else(not_ours)?;
        if !run_file::is_of(&file, &paths) {
            let of = file.get("output").and_then(Value::as_str);
            let of = of.unwrap_or_default();
            return Err(format!("{run} is the run file of another output, {of}"));
        }
        let condition = condition(&file, is_locked(&paths.lock), now);
        Ok(Self {
            paths,
            condition,
            file,
        })
    }

    /// Text of the run file.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.file.get(key)?.as_str()
    }

    /// A number of it, in the object of this name.
    pub fn number(&self, object: &str, key: &str) -> Option<f64> {
        let object = match object {
            "" => self.file.get(key)?,
            object => self.file.get(object)?.get(key)?,
        };
        object.as_f64()
    }

    /// A count of it; 0 where there is none.
    pub fn count(&self, object: &str, key: &str) -> u64 {
        let number = self.number(object, key).unwrap_or(0.0);
        number.max(0.0) as u64
    }

    /// An instant of it.
    pub fn instant(&self, key: &str) -> Option<Timestamp> {
        self.text(key)?.parse().ok()
    }

    /// Whether every row has a record.
    pub fn is_complete(&self) -> bool {
        self.condition == RunCondition::Completed
    }
}

/// How the run is that has left `file`.
fn condition(file: &Map<String, Value>, is_locked: bool, now: Timestamp) -> RunCondition {
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    let is_in = |state: RecordedState| text("state") == Some(state.as_str());
    if is_locked {
        return RunCondition::Running;
    }
    let remaining = file.get("remaining").and_then(Value::as_u64);
    if is_in(RecordedState::Running) {
        let is_here = text("host") == Some(Holder::this_process().host());
        let written = text("updated_at").and_then(|at| at.parse::<Timestamp>().ok());
        let is_fresh = written.is_some_and(|at| now.duration_since(at) < ALIVE_FOR);
        return match !is_here && is_fresh {
            true => RunCondition::Running,
            false => RunCondition::Killed,
        };
    }
    match is_in(RecordedState::Completed) && remaining.unwrap_or(0) == 0 {
        true => RunCondition::Completed,
        false => RunCondition::Stopped,
    }
}

/// The run files in `directory` and below, in order of their names.
pub fn run_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(directory, 0, &mut found);
    found.sort();
    found
}

fn collect(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    // What cannot be read holds nothing that could be said.
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    for entry in entries.flatten() {
        let path = entry.path();
        let kind = entry.file_type();
        if kind.is_ok_and(|kind| kind.is_dir()) && depth < DEEPEST {
            collect(&path, depth + 1, found);
        } else if path.to_string_lossy().ends_with(RUN) {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_lock_and_the_run_file_tell_how_a_run_is() {
        let here = Holder::this_process();
        let (here, now) = (here.host(), "2026-12-01T06:00:30Z".parse().unwrap());
        let old = "2026-12-01T05:00:00Z";
        let fresh = "2026-12-01T06:00:00Z";
        for (state, host, updated, remaining, is_locked, expected) in [
            ("running", here, fresh, 3, true, RunCondition::Running),
            ("running", here, fresh, 3, false, RunCondition::Killed),
            (
                "running",
                "elsewhere",
                fresh,
                3,
                false,
                RunCondition::Running,
            ),
            ("running", "elsewhere", old, 3, false, RunCondition::Killed),
            ("stopped", here, old, 3, false, RunCondition::Stopped),
            ("stopped", here, old, 3, true, RunCondition::Running),
            ("completed", here, old, 0, false, RunCondition::Completed),
            // `repair` has taken lines out since.
            ("completed", here, old, 2, false, RunCondition::Stopped),
            ("a later word", here, old, 0, false, RunCondition::Stopped),
        ] {
            let file = json!({
                "state": state, "host": host, "updated_at": updated, "remaining": remaining,
            });
            let Value::Object(file) = file else { panic!() };
            let found = condition(&file, is_locked, now);
            assert_eq!(
                found, expected,
                "{state} {host} {updated} {remaining} {is_locked}"
            );
        }
    }
}
