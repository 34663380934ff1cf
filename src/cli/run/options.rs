//! What the command line says beside the job, and what the run says to whoever typed it.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use tokio::time::Instant;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::format::time;
use crate::output::{Claim, Existing, LedgerError, Locks, Mode, OutputPaths};
use crate::report::display::Style;
use crate::rows::preflight::Changed;

/// `plan` holds a lock for a moment to see whether a run does.
const LOOKERS_ARE_QUICK: Duration = Duration::from_millis(50);

/// How often a lock is asked for that another run holds.
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// What the command line says beside the job.
pub(super) struct RunOptions {
    pub(super) job_file: Option<PathBuf>,
    pub(super) limit: Option<u64>,
    pub(super) existing: Existing,
    pub(super) changed: Changed,
    pub(super) wait_lock: Option<Duration>,
    pub(super) locks: Locks,
    pub(super) drain: Duration,
    pub(super) style: Style,
    pub(super) json: bool,
}

impl RunOptions {
    /// Reads the flags that belong to the run and to no job.
    pub(super) fn of(matches: &ArgMatches) -> Result<Self, Failure> {
        let json = matches.get_flag("json");
        let drain: &String = matches.get_one("drain").expect("it has a default");
        let wait_lock: Option<&String> = matches.get_one("wait-lock");
        Ok(Self {
            job_file: matches.get_one("job").cloned(),
            limit: matches.get_one("limit").copied(),
            existing: existing(matches),
            changed: changed(matches),
            wait_lock: wait_lock
                .map(|time| crate::job::time("--wait-lock", time))
                .transpose()?,
            locks: locks(matches),
            drain: if drain == "0s" {
                Duration::ZERO
            } else {
                crate::job::time("--drain", drain)?
            },
            style: style(matches),
            json,
        })
    }

    /// Claims the output; waits for another run on it if that is wanted.
    pub(super) async fn stake(
        &self,
        paths: &OutputPaths,
        mode: Mode,
    ) -> Result<Claim, LedgerError> {
        let patience = self.wait_lock.unwrap_or(LOOKERS_ARE_QUICK);
        let give_up = Instant::now() + patience;
        let mut is_said = self.wait_lock.is_none();
        loop {
            match Claim::stake(paths, mode, self.existing, self.locks) {
                Err(LedgerError::Locked { output, holder }) if Instant::now() < give_up => {
                    if !std::mem::replace(&mut is_said, true) {
                        let who = holder.map(|who| format!(" ({who})")).unwrap_or_default();
                        let output = output.display();
                        let patience = time(patience);
                        self.say(&format!(
                            "another run is writing {output}{who}; waiting for it for up to {patience}"
                        ));
                    }
                    tokio::time::sleep(LOCK_EVERY).await;
                }
                staked => return staked,
            }
        }
    }

    /// A note, in the form that was asked for; none for those who asked for quiet.
    pub(super) fn say(&self, text: &str) {
        match self.style {
            Style::Quiet | Style::QuietJson => {}
            Style::Json => print::noted(&event("note", text)),
            Style::Live | Style::Lines => print::note(text),
        }
    }

    /// A warning, in the form that was asked for.
    pub(super) fn warn(&self, text: &str) {
        match self.style {
            Style::Json | Style::QuietJson => print::noted(&event("warning", text)),
            Style::Live | Style::Lines | Style::Quiet => print::warning(text),
        }
    }
}

fn event(level: &str, text: &str) -> serde_json::Value {
    serde_json::json!({ "event": "note", "level": level, "message": text })
}

/// How progress is shown.
pub(in crate::cli) fn style(matches: &ArgMatches) -> Style {
    match (matches.get_flag("quiet"), matches.get_flag("json")) {
        (true, true) => Style::QuietJson,
        (true, false) => Style::Quiet,
        (false, true) => Style::Json,
        (false, false) => Style::for_stderr(),
    }
}

/// What is to become of earlier output.
pub(in crate::cli) fn existing(matches: &ArgMatches) -> Existing {
    match (matches.get_flag("fresh"), matches.get_flag("retry-failed")) {
        (true, _) => Existing::Fresh,
        (false, true) => Existing::RetryFailed,
        (false, false) => Existing::Resume,
    }
}

/// What is to become of rows that have changed since they ended.
pub(in crate::cli) fn changed(matches: &ArgMatches) -> Changed {
    match matches.get_flag("redo-changed") {
        true => Changed::Redone,
        false => Changed::Refused,
    }
}

/// Whose locks are trusted.
pub(in crate::cli) fn locks(matches: &ArgMatches) -> Locks {
    match matches.get_flag("trust-locks") {
        true => Locks::Any,
        false => Locks::Trusted,
    }
}
