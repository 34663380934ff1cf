//! What the command line says beside the job.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

use super::{flags, print};
use crate::engine::Failure;
use crate::engine::open::JobSource;
use crate::engine::options::RunOptions;
use crate::event::{self, Level};
use crate::output::{Existing, Locks};
use crate::report::display::Style;
use crate::rows::{Changed, Only};

/// Where the job is: the file that was named, and the flags that override it.
pub(super) fn source(matches: &ArgMatches) -> Result<JobSource, Failure> {
    Ok(JobSource {
        file: matches.get_one::<PathBuf>("job").cloned(),
        keys: flags::table(matches)?,
        date: matches.get_one("date").copied(),
    })
}

/// The flags that belong to a run and to no job, as far as `plan` has them too.
pub(super) fn of_plan(matches: &ArgMatches) -> Result<RunOptions, Failure> {
    let only: Option<&PathBuf> = matches.get_one("only");
    let only = only.map(|file| Only::read(file)).transpose();
    Ok(RunOptions {
        limit: matches.get_one("limit").copied(),
        existing: existing(matches),
        changed: changed(matches),
        max_redo: matches.get_one("max-redo").copied(),
        only: only.map_err(Failure::usage)?,
        locks: locks(matches),
        trusted_hosts: trusted_hosts(matches),
        ..RunOptions::default()
    })
}

/// The flags that belong to a run and to no job.
pub(super) fn of_run(matches: &ArgMatches) -> Result<RunOptions, Failure> {
    let mut options = of_plan(matches)?;
    let wait_lock: Option<&String> = matches.get_one("wait-lock");
    options.wait_lock = wait_lock
        .map(|time| crate::job::time("--wait-lock", time))
        .transpose()?;
    options.metrics_file = matches.get_one("metrics-file").cloned();
    let drain: &String = matches.get_one("drain").expect("it has a default");
    options.drain = match drain.as_str() {
        "0s" => Duration::ZERO,
        drain => crate::job::time("--drain", drain)?,
    };
    Ok(options)
}

/// A warning, in the form that was asked for.
pub(super) fn warn(style: Style, text: &str) {
    match style {
        Style::Json | Style::QuietJson => print::noted(&event::note(Level::Warning, text)),
        Style::Live | Style::Lines | Style::Quiet => print::warning(text),
    }
}

/// How progress is shown.
pub(super) fn style(matches: &ArgMatches) -> Style {
    match (matches.get_flag("quiet"), matches.get_flag("json")) {
        (true, true) => Style::QuietJson,
        (true, false) => Style::Quiet,
        (false, true) => Style::Json,
        (false, false) => Style::for_stderr(),
    }
}

/// What to do with existing output.
pub(super) fn existing(matches: &ArgMatches) -> Existing {
    match (matches.get_flag("fresh"), matches.get_flag("retry-failed")) {
        (true, _) => Existing::Fresh,
        (false, true) => Existing::RetryFailed,
        (false, false) => Existing::Resume,
    }
}

/// What to do with completed rows whose request has changed.
pub(super) fn changed(matches: &ArgMatches) -> Changed {
    match matches.get_flag("redo-changed") {
        true => Changed::Redone,
        false => Changed::Refused,
    }
}

/// The hosts that may have an API key although they are not AWS's.
pub(super) fn trusted_hosts(matches: &ArgMatches) -> Vec<String> {
    let hosts = matches.get_many::<String>("trust-endpoint");
    hosts.unwrap_or_default().cloned().collect()
}

/// Whose locks are trusted.
pub(super) fn locks(matches: &ArgMatches) -> Locks {
    match matches.get_flag("trust-locks") {
        true => Locks::Any,
        false => Locks::Trusted,
    }
}
