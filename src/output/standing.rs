//! `OUT.run.json` before a run has figures of its own: it says that a run is under way from the
//! moment its output is locked, and that a run did not start, and why.
//!
//! Only the process that holds the output's lock writes the file. A process that finds the output
//! locked leaves it alone: the file is the other run's, which keeps it up to date.
//!
//! A run that was killed has no chance to say so. Its file still has `"state": "running"`, and
//! nothing holds its lock: `killed` tells the next run.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::disk;
use super::holder::Holder;
use super::lock::Lock;
use super::run_file::{self, RunFile};
use super::state::RecordedState;
use super::{LedgerError, Mode, OutputPaths};
use crate::event::next_run_id;
use crate::exit::{Exit, Reason};

/// Where the run file of this process's run is, as soon as that is known.
#[derive(Debug)]
pub struct RunFilePlace {
    /// The id of the run.
    run: String,
    paths: OnceLock<OutputPaths>,
    is_ours: AtomicBool,
    /// Whether this run has made the file.
    is_new: AtomicBool,
}

impl Default for RunFilePlace {
    fn default() -> Self {
        Self {
            run: next_run_id(),
            paths: OnceLock::new(),
            is_ours: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
        }
    }
}

impl RunFilePlace {
    /// The id of the run, such as `20261130T221500Z-1f0c3a9e`.
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// The output is here.
    pub fn is_at(&self, paths: &OutputPaths) {
        // A run has one output; the first name stays.
        let _ = self.paths.set(paths.clone());
    }

    /// Says in the run file that a run is under way; its output is locked by now. What the output
    /// holds stays as it was counted last. A file that cannot be written is no reason not to run:
    /// the end of the run says so.
    pub fn starts(&self, name: &str, command: &str, mode: Mode) {
        self.is_ours.store(true, Ordering::Relaxed);
        let Some(paths) = self.paths.get() else {
            return;
        };
        self.is_new.store(!paths.run.exists(), Ordering::Relaxed);
        let mut file = run_file::read(&paths.run).unwrap_or_default();
        self.begin(&mut file, name, paths);
        file.insert("command".into(), command.into());
        let _ = run_file::write(&*disk::real(mode), &paths.run, &file);
    }

    /// Says in the run file that the run did not start, or ended without a summary. Where there was
    /// no run file before and there is no output, no run file is left; where another run holds the
    /// output, the file is its own.
    pub fn failed(&self, exit: Exit, reason: Reason, message: &str) {
        let Some(paths) = self.paths.get() else {
            return;
        };
        let Some(mut file) = run_file::of_output(paths) else {
            return;
        };
        let disk = disk::real(Mode::default());
        let is_this_runs = file.get("run") == Some(&self.run.as_str().into());
        let lock = match Lock::take(&*disk, paths) {
            Ok(lock) => Some(lock),
            // A signal has ended the run while its task still holds the lock.
            Err(LedgerError::Locked { holder, .. })
                if self.is_ours.load(Ordering::Relaxed)
                    && holder.as_ref().is_some_and(Holder::is_this_process) =>
            {
                None
            }
            Err(_) => return,
        };
        let is_new = self.is_new.load(Ordering::Relaxed) && is_this_runs;
        if is_new && !paths.output.exists() && !paths.failed.exists() {
            let _ = disk.remove(&paths.run);
            if let Some(lock) = lock {
                lock.remove_if_unused(&*disk, paths);
            }
            return;
        }
        if !is_this_runs {
            self.begin(&mut file, "", paths);
        }
        let now = Timestamp::now().to_string();
        file.insert("state".into(), RecordedState::Stopped.as_str().into());
        file.insert("updated_at".into(), now.clone().into());
        file.insert("finished_at".into(), now.into());
        file.insert("exit_code".into(), exit.code().into());
        file.insert("stop".into(), stop(reason, message, None));
        file.insert("stopped_by".into(), message.into());
        let _ = run_file::write(&*disk, &paths.run, &file);
    }

    /// A run begins: nothing of what the last one did is true of it.
    fn begin(&self, file: &mut RunFile, name: &str, paths: &OutputPaths) {
        let now = Timestamp::now().to_string();
        file.entry("promptmill")
            .or_insert_with(|| env!("CARGO_PKG_VERSION").into());
        if !name.is_empty() {
            file.insert("name".into(), name.into());
        }
        let holder = Holder::this_process();
        for (key, value) in [
            ("state", RecordedState::Running.as_str().into()),
            ("run", self.run.as_str().into()),
            ("process", holder.process().into()),
            ("host", holder.host().into()),
            ("started_at", now.clone().into()),
            ("updated_at", now.into()),
            ("finished_at", Value::Null),
            ("exit_code", Value::Null),
            ("stop", Value::Null),
            ("stopped_by", Value::Null),
            ("this_run", Value::Null),
            ("output", paths.output.display().to_string().into()),
            ("failed_output", paths.failed.display().to_string().into()),
        ] {
            file.insert(key.into(), value);
        }
    }
}

/// `stop` of the run file: a reason of the closed list, the message, and what to do about it: `advice`,
/// or else what helps in general.
pub fn stop(reason: Reason, detail: &str, advice: Option<&str>) -> Value {
    let advice = advice.unwrap_or(reason.advice());
    json!({ "reason": reason.as_str(), "detail": detail, "advice": advice })
}

/// What is said of a run that left the run file at `path` and was killed: to be asked once the
/// output is locked, for until then it may be running.
pub fn killed(path: &Path) -> Option<String> {
    let file = run_file::read(path)?;
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    if text("state") != Some(RecordedState::Running.as_str()) {
        return None;
    }
    let process = file.get("process").and_then(Value::as_u64);
    let process = process.map_or_else(String::new, |id| format!("process {id}, "));
    let started = text("started_at").unwrap_or("at an unknown time");
    let seen = text("updated_at").unwrap_or("an unknown time");
    Some(format!(
        "the last run ({process}started {started}) was killed after {seen}: the rows it committed \
         are kept, and calls that were in flight may be sent again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_file_that_says_running_tells_of_a_run_that_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.run.json");
        assert_eq!(killed(&path), None);
        std::fs::write(
            &path,
            r#"{"promptmill":"0.1.0","state":"completed","process":7}"#,
        )
        .unwrap();
        assert_eq!(killed(&path), None);
        let running = r#"{"promptmill":"0.1.0","state":"running","process":7,"started_at":"A","updated_at":"B"}"#;
        std::fs::write(&path, running).unwrap();
        let said = killed(&path).unwrap();
        assert!(
            said.starts_with("the last run (process 7, started A) was killed after B: "),
            "{said}"
        );
        std::fs::write(&path, r#"{"promptmill":"0.1.0","state":"running"}"#).unwrap();
        let said = killed(&path).unwrap();
        assert!(
            said.starts_with(
                "the last run (started at an unknown time) was killed after an unknown"
            ),
            "{said}"
        );
    }
}
