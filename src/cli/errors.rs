//! `promptmill errors`: the failures of an output in groups, with what to do about each.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{fixes, print};
use crate::engine::Failure;
use crate::exit::{Exit, Reason};
use crate::format::{count, one_line, plural};
use crate::output::{OutputStatus, each_record};
use crate::report::failures::{FailureGroup, FailureGroups};

/// A message is shown up to this length.
const LONGEST: usize = 400;

pub(super) fn command() -> Command {
    Command::new("errors")
        .about("Show the failed rows of an output in groups, with what to do about each")
        .before_help(
            "Failures are grouped by category and by what their messages have in common. Reads \
             OUT.failed.jsonl and OUT.run.json; sends, writes and locks nothing.",
        )
        .after_help(
            "Examples:\n\
             \x20 promptmill errors out/labels.jsonl\n\
             \x20 promptmill errors out/labels.jsonl --json\n\n\
             Exit codes:\n\
             \x20   0  the failures were shown, or there are none\n\
             \x20   2  it is no output\n\
             \x20  74  they cannot be read, or not be written to standard output",
        )
        .arg(
            Arg::new("output")
                .value_name("OUT.jsonl")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .required(true)
                .help("Output file, as given to `run` with --output"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object"),
        )
}

/// Shows the failures.
pub(super) fn errors(matches: &ArgMatches) -> Result<Exit, Failure> {
    let status = named_output(matches)?;
    let mut groups = FailureGroups::default();
    each_record(&status.paths.failed, |record, _| groups.take(record))?;
    let failed = groups.failed;
    let groups = groups.largest_first();
    let printed = match matches.get_flag("json") {
        true => print::json(&json(&status, failed, &groups)),
        false => print::text(&text(&status, failed, &groups)),
    };
    print::delivered(printed)?;
    Ok(Exit::Complete)
}

/// The output that is named, as its run file tells.
pub(super) fn named_output(matches: &ArgMatches) -> Result<OutputStatus, Failure> {
    let output: &PathBuf = matches.get_one("output").expect("it is required");
    let status = OutputStatus::of(output, Timestamp::now());
    status.map_err(|why| Failure::usage(why).because(Reason::Output))
}

fn text(status: &OutputStatus, failed: u64, groups: &[FailureGroup]) -> String {
    let name = one_line(status.text("name").unwrap_or("promptmill"), LONGEST);
    let ended = ["succeeded", "filtered", "failed"].map(|key| status.count("total", key));
    let rows = plural(ended.iter().sum::<u64>().max(failed), "row");
    if failed == 0 {
        return format!("{name}: none of {rows} failed");
    }
    let mut text = format!("{name}: {} of {rows} failed", count(failed));
    for group in groups {
        let example = &group.example;
        let error = example.error.clone().unwrap_or_default();
        let cell = example.variant.as_ref();
        let cell = cell.map_or(String::new(), |variant| {
            format!(", {}, sample {}", one_line(variant, 200), example.sample)
        });
        let id = example.custom_id.as_deref().filter(|id| !id.is_empty());
        let id = id.map_or_else(String::new, |id| format!(", {}", one_line(id, 100)));
        text += &format!(
            "\n\n{} {}: {}\n  example    row {}{id}{cell}: {}\n  fix        {}\n  command    {}",
            count(group.count),
            one_line(&error.category, 60),
            one_line(&group.shape, LONGEST),
            example.row,
            one_line(&error.message, LONGEST),
            fixes::fix(example),
            one_line(&fixes::command(example, status), 2_000),
        );
    }
    text
}

fn json(status: &OutputStatus, failed: u64, groups: &[FailureGroup]) -> String {
    let groups: Vec<_> = groups.iter().map(|group| object(group, status)).collect();
    let text = serde_json::to_string_pretty(&json!({
        "ok": true,
        "output": status.paths.output.display().to_string(),
        "failed": failed,
        "groups": groups,
    }));
    text.expect("it is made of JSON")
}

fn object(group: &FailureGroup, status: &OutputStatus) -> Value {
    let error = group.example.error.clone().unwrap_or_default();
    json!({
        "category": error.category,
        "shape": group.shape,
        "count": group.count,
        "example_row": group.example.row,
        "example_id": group.example.custom_id,
        "example_variant": group.example.variant,
        "example_message": error.message,
        "fix": fixes::fix(&group.example),
        "command": fixes::command(&group.example, status),
    })
}
