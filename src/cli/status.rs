//! `promptmill status`: how a run is, or ended, by the files of its output alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::print;
use crate::engine::Failure;
use crate::exit::{Exit, Reason};
use crate::format::{count, dollars, one_line, time};
use crate::output::{OutputStatus, RunCondition, run_files};

/// A command or a message that a run file holds is shown up to this length.
const LONGEST: usize = 2_000;

pub(super) fn command() -> Command {
    Command::new("status")
        .about("Show whether a run is running, stopped or completed, and how to resume it")
        .before_help(
            "Reads the run file and the lock of each output; sends, writes and locks nothing. A \
             directory stands for all outputs in it and below.",
        )
        .after_help(
            "Examples:\n\
             \x20 promptmill status out/labels.jsonl\n\
             \x20 promptmill status out/ --json\n\n\
             Exit codes:\n\
             \x20   0  every row has a record, in every output that was named\n\
             \x20   2  one of them is no output\n\
             \x20  74  the status cannot be written to standard output\n\
             \x20  75  one of them is running, stopped or was killed",
        )
        .arg(
            Arg::new("output")
                .value_name("OUT.jsonl")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .required(true)
                .num_args(1..)
                .help("Output files, as given to `run` with --output, or directories"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object"),
        )
}

/// Shows how each output is.
pub(super) fn status(matches: &ArgMatches) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let named = matches.get_many::<PathBuf>("output").into_iter().flatten();
    let mut found = Vec::new();
    for path in named {
        look(path, now, &mut found);
    }
    let is_json = matches.get_flag("json");
    let printed = match is_json {
        true => print::json(&json(&found, now)),
        false => {
            let blocks: Vec<_> = found.iter().flatten().map(|it| text(it, now)).collect();
            match blocks.is_empty() {
                true => Ok(()),
                false => print::text(&blocks.join("\n\n")),
            }
        }
    };
    print::delivered(printed)?;
    let wrong: Vec<_> = found.iter().filter_map(|it| it.as_ref().err()).collect();
    if !wrong.is_empty() && !is_json {
        wrong.iter().for_each(|why| print::error(why));
    }
    let is_complete =
        |it: &Result<OutputStatus, String>| it.as_ref().is_ok_and(|it| it.is_complete());
    Ok(match (wrong.is_empty(), found.iter().all(is_complete)) {
        (false, _) => Exit::Usage,
        (true, true) => Exit::Complete,
        (true, false) => Exit::Stopped,
    })
}

fn look(path: &Path, now: Timestamp, found: &mut Vec<Result<OutputStatus, String>>) {
    if !path.is_dir() {
        return found.push(OutputStatus::of(path, now));
    }
    let files = run_files(path);
    if files.is_empty() {
        let message = format!("{}: no output in this directory", path.display());
        found.push(Err(message));
    }
    found.extend(files.iter().map(|file| OutputStatus::of(file, now)));
}

/// How long ago something was; nothing for what is to come, as where two clocks differ.
fn ago(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO)
}

/// Rows a minute over the last run, once it has lasted for a second.
fn rows_per_minute(status: &OutputStatus) -> Option<f64> {
    let seconds = status
        .number("this_run", "seconds")
        .filter(|it| 1.0 <= *it)?;
    let ended = ["succeeded", "filtered", "failed"].map(|key| status.count("this_run", key));
    Some(60.0 * ended.iter().sum::<u64>() as f64 / seconds)
}

fn text(status: &OutputStatus, now: Timestamp) -> String {
    let clean = |text: &str| one_line(text, LONGEST);
    let name = clean(status.text("name").unwrap_or("promptmill"));
    let mut text = format!("{name}: {}", status.condition.as_str());
    // Writing to a String cannot fail.
    let _ = match status.condition {
        RunCondition::Running => {
            let since = status.instant("started_at");
            let since = since.map_or_else(String::new, |at| format!(" for {}", time(ago(at, now))));
            let process = status.count("", "process");
            let host = clean(status.text("host").unwrap_or("an unknown host"));
            write!(text, "{since} (process {process} on {host})")
        }
        RunCondition::Killed => write!(text, ", or its machine went down"),
        RunCondition::Stopped => {
            let exit = status.number("", "exit_code");
            let exit = exit.map_or_else(String::new, |code| format!(" with exit code {code}"));
            let reason = status.file.get("stop").and_then(|stop| stop.get("reason"));
            let reason = reason.and_then(Value::as_str).map(clean);
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            write!(text, "{exit}{reason}")
        }
        RunCondition::Completed => Ok(()),
    };
    let mut line = |label: &str, value: String| {
        let _ = write!(text, "\n  {label:<10} {value}");
    };
    if let (RunCondition::Stopped, Some(why)) = (status.condition, status.text("stopped_by")) {
        line("stopped by", clean(why));
    }
    line("rows", rows(status));
    line("cost", cost(status));
    if let Some(rate) = rows_per_minute(status) {
        line("rate", format!("{} rows/min", count(rate.round() as u64)));
    }
    if let Some(at) = status.instant("updated_at") {
        line(
            "progress",
            format!(
                "{} ago ({})",
                time(ago(at, now)),
                at.strftime("%Y-%m-%dT%H:%M:%SZ")
            ),
        );
    }
    line("output", status.paths.output.display().to_string());
    if 0 < status.count("total", "failed") {
        line("failures", status.paths.failed.display().to_string());
    }
    if let Some(command) = resume(status) {
        let _ = write!(text, "\n\nResume it:\n  {}", clean(command));
    }
    text
}

fn rows(status: &OutputStatus) -> String {
    let total = |key: &str| status.count("total", key);
    let (succeeded, filtered, failed) = (total("succeeded"), total("filtered"), total("failed"));
    let filtered_text = match filtered {
        0 => String::new(),
        some => format!(", {} filtered", count(some)),
    };
    format!(
        "{} of {}: {} succeeded{filtered_text}, {} failed",
        count(succeeded + filtered + failed),
        count(status.count("", "rows")),
        count(succeeded),
        count(failed)
    )
}

fn cost(status: &OutputStatus) -> String {
    let known = status.number("total", "known_cost_usd").unwrap_or(0.0);
    let unpriced = match status.count("total", "unpriced") {
        0 => String::new(),
        many => format!(", and {} responses whose price is unknown", count(many)),
    };
    let uncertain = ["maybe_billed_usd", "unlisted_usd"];
    let uncertain = uncertain.map(|key| status.number("total", key).unwrap_or(0.0));
    let uncertain: f64 = uncertain.iter().sum();
    let more = match 0.0 < uncertain {
        true => format!("; up to {} more may have been billed", dollars(uncertain)),
        false => String::new(),
    };
    let emulated = match status.file.get("emulated") {
        Some(Value::Bool(true)) => " on Bedrock; the emulator bills nothing",
        Some(_) | None => "",
    };
    format!("{}{emulated}{unpriced}{more}", dollars(known))
}

/// The command that runs what is left, unless a process is at it.
fn resume(status: &OutputStatus) -> Option<&str> {
    let is_open = matches!(
        status.condition,
        RunCondition::Stopped | RunCondition::Killed
    );
    let command = status.text("resume").or_else(|| status.text("command"));
    command.filter(|_| is_open)
}

fn json(found: &[Result<OutputStatus, String>], now: Timestamp) -> String {
    let outputs: Vec<_> = found.iter().map(|it| object(it, now)).collect();
    let is_ok = found.iter().all(Result::is_ok);
    let text = serde_json::to_string_pretty(&json!({ "ok": is_ok, "outputs": outputs }));
    text.expect("it is made of JSON")
}

fn object(found: &Result<OutputStatus, String>, now: Timestamp) -> Value {
    let status = match found {
        Ok(status) => status,
        Err(message) => {
            let kind = Reason::Output.as_str();
            return json!({ "error": { "kind": kind, "message": message } });
        }
    };
    let kept = |key: &str| status.file.get(key).cloned().unwrap_or_default();
    let total = |key: &str| status.file.get("total").and_then(|it| it.get(key)).cloned();
    let idle = status.instant("updated_at");
    json!({
        "output": status.paths.output.display().to_string(),
        "name": kept("name"),
        "state": status.condition.as_str(),
        "exit_code": kept("exit_code"),
        "stop": kept("stop"),
        "rows": kept("rows"),
        "remaining": kept("remaining"),
        "succeeded": total("succeeded"),
        "filtered": total("filtered"),
        "failed": total("failed"),
        "cost_usd": total("cost_usd"),
        "known_cost_usd": total("known_cost_usd"),
        "maybe_billed_usd": total("maybe_billed_usd"),
        "unlisted_usd": total("unlisted_usd"),
        "rows_per_minute": rows_per_minute(status),
        "started_at": kept("started_at"),
        "updated_at": kept("updated_at"),
        "seconds_since_update": idle.map(|at| ago(at, now).as_secs()),
        "process": kept("process"),
        "host": kept("host"),
        "resume": resume(status),
    })
}
