//! `promptmill repair`: repairs an output that a run refuses to resume.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

use super::args::{output_argument, trust_locks, with_examples};
use super::options::locks;
use super::print;
use crate::engine::Failure;
use crate::exit::Exit;
use crate::format::{count, plural};
use crate::job::small::unreadable;
use crate::output::paths::check_name;
use crate::output::{OutputPaths, Repaired, repair as fix_file};

pub(super) const EXAMPLES: &str = "  promptmill repair out.jsonl
  promptmill repair out.jsonl --add /tmp/promptmill-out-4711.rescued.jsonl";

/// The verb and its flags.
pub(super) fn command() -> Command {
    Command::new("repair")
        .about("Move corrupt or duplicate lines of an output to a backup file")
        .before_help(
            "Corrupt lines go to OUT.bad-TIME, and so do all but the first line of a duplicate row; \
             nothing is deleted. The same `run` command then runs the rows again that have no line.",
        )
        .after_help(with_examples(EXAMPLES, &crate::exit::table()))
        .arg(output_argument())
        .arg(
            Arg::new("add")
                .long("add")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Also add rows from this file, such as rows that a run had to rescue"),
        )
        .arg(trust_locks())
}

/// Repairs an output, and says what was done.
pub(super) fn repair(matches: &ArgMatches) -> Result<Exit, Failure> {
    let add: Option<&PathBuf> = matches.get_one("add");
    // An output that was deleted under its run is made again from what was rescued.
    let paths = match add {
        Some(_) => named_output(matches)?,
        None => existing_output(matches)?,
    };
    if let Some(add) = add {
        let why = match add.metadata() {
            Ok(there) if there.is_file() => None,
            Ok(_) => Some("not a regular file; name the one that `run` has rescued".into()),
            Err(error) => Some(unreadable(add, &error).to_string()),
        };
        if let Some(why) = why {
            return Err(Failure::usage(format!("--add {}: {why}", add.display())));
        }
    }
    let repaired = fix_file(&paths, locks(matches), add.map(PathBuf::as_path))?;
    let mut text = describe(&repaired);
    if text.is_empty() {
        text.push("nothing was wrong with it".into());
    }
    for line in text {
        print::delivered(print::text(&format!("{}: {line}", paths.output.display())))?;
    }
    match repaired.uncounted {
        Some(error) => Err(error.into()),
        None => Ok(Exit::Complete),
    }
}

/// The output that is named.
fn named_output(matches: &ArgMatches) -> Result<OutputPaths, Failure> {
    let output: &PathBuf = matches.get_one("output").expect("it is required");
    check_name(output).map_err(Failure::usage)?;
    Ok(OutputPaths::new(output))
}

/// The output that is named, which must be there.
pub(super) fn existing_output(matches: &ArgMatches) -> Result<OutputPaths, Failure> {
    let paths = named_output(matches)?;
    let files = [&paths.output, &paths.failed, &paths.journal];
    if files.into_iter().any(|path| path.exists()) {
        return Ok(paths);
    }
    let message = format!(
        "{}: no such output; name the file given to `run` with --output",
        paths.output.display()
    );
    Err(Failure::usage(message))
}

fn describe(repaired: &Repaired) -> Vec<String> {
    let mut text = Vec::new();
    for bad in &repaired.bad {
        text.push(format!(
            "{} that cannot be read ({}, the first is line {} at byte {}) moved from {} to {}; \
             their rows run again",
            plural(bad.lines, "line"),
            plural(bad.bytes, "byte"),
            bad.first_line,
            bad.first_byte,
            bad.from.display(),
            bad.kept.display(),
        ));
    }
    if 0 < repaired.twice {
        text.push(format!(
            "{} of duplicate rows backed up; the first line of each row stays",
            plural(repaired.twice, "line")
        ));
    }
    if 0 < repaired.added + repaired.there_already + repaired.not_added {
        text.push(format!(
            "{} added, {} there already, {} could not be read",
            plural(repaired.added, "row"),
            count(repaired.there_already),
            plural(repaired.not_added, "line"),
        ));
    }
    if 0 < repaired.without_images {
        text.push(match repaired.without_images {
            1 => "1 row not added, for images that it names cannot be read: it runs again".into(),
            many => format!(
                "{} rows not added, for images that they name cannot be read: these rows run again",
                count(many)
            ),
        });
    }
    text
}
