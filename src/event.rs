//! Lines of JSON for programs: what each of them says beside its own fields.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// What happens.
    Info,
    /// What a person should look at.
    Warning,
    /// Why the run stopped or did not start.
    Error,
}

impl Level {
    /// The word in the line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The job of this process, once it is known.
static JOB: OnceLock<String> = OnceLock::new();

/// The instant in it sorts runs, and the digits part those of one second.
static RUN_ID: LazyLock<String> = LazyLock::new(new_id);

fn new_id() -> String {
    let started = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("{started}-{:08x}", fastrand::u32(..))
}

/// The id of this process's first run, such as `20261130T221500Z-1f0c3a9e`: in `OUT.run.json` and in
/// every event of `--json`.
pub(crate) fn run_id() -> &'static str {
    &RUN_ID
}

/// The id of a run that starts: that of the process for its first, and another for each later one of
/// a program that runs several.
pub(crate) fn next_run_id() -> String {
    static IS_TAKEN: AtomicBool = AtomicBool::new(false);
    match IS_TAKEN.swap(true, Ordering::Relaxed) {
        false => run_id().to_owned(),
        true => new_id(),
    }
}

/// What the job of this process is called, once it is known.
pub(crate) fn job_name() -> Option<&'static str> {
    JOB.get().map(String::as_str)
}

/// Says once what the job of this process is called.
pub(crate) fn name_job(name: &str) {
    // A process runs one job; the first name stays.
    let _ = JOB.set(name.to_owned());
}

/// An event `kind` with these `fields`, an object: `event`, `time`, `level`, `job` (`null` until it is known)
/// and `run` come first.
pub(crate) fn event(kind: &str, level: Level, fields: Value) -> Value {
    let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let mut event = Map::new();
    event.insert("event".into(), kind.into());
    event.insert("time".into(), time.to_string().into());
    event.insert("level".into(), level.as_str().into());
    event.insert("job".into(), json!(JOB.get()));
    event.insert("run".into(), run_id().into());
    if let Value::Object(fields) = fields {
        event.extend(fields);
    }
    Value::Object(event)
}

/// The event `note`: something a person may want to know.
pub(crate) fn note(level: Level, message: &str) -> Value {
    event("note", level, json!({ "message": message }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_time_level_job_and_run_before_its_own_fields() {
        let note = note(Level::Warning, "look here");
        let keys: Vec<_> = note.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["event", "time", "level", "job", "run", "message"]);
        assert_eq!(
            (note["event"].as_str(), note["level"].as_str()),
            (Some("note"), Some("warning"))
        );
        assert_eq!(note["run"], run_id(), "one id for one process");
        assert!(note["time"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }
}
