//! `promptmill score`: checks on the records of an output, without a call.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use serde_json::json;

use super::args::{examples, output_argument, switch};
use super::print;
use super::repair::existing_output;
use crate::engine::Failure;
use crate::exit::{Exit, Reason};
use crate::job::small;
use crate::output::OutputPaths;
use crate::output::paths::check_name;
use crate::score::{
    Checks, Comparison, Judged, ScoreError, ScoreTally, Scores, score as count, table,
};

const EXAMPLES: &str = "  promptmill score out.jsonl checks.toml
  promptmill score out.jsonl checks.toml --by category --min-pass 90%
  promptmill score out.jsonl checks.toml --against yesterday.jsonl
  promptmill score out.jsonl checks.toml --from out.judged.jsonl";

/// The verb and its flags.
pub(super) fn command() -> Command {
    Command::new("score")
        .about("Check the records of an output and count what passes, without calling the model")
        .before_help(
            "Checks are in a TOML file, one [[check]] each. Every verdict goes to OUT.scores.jsonl, which \
             is replaced, and a table to standard output. Failed and filtered rows, and records without \
             the value that a check needs, are counted apart, never as wrong.",
        )
        .after_help(examples(&format!(
            "{EXAMPLES}\n\nExit codes:\n\
             \x20   0  scored\n\
             \x20   2  the checks or the output cannot be read\n\
             \x20   3  a check passes for fewer records than --min-pass\n\
             \x20  74  the scores cannot be written"
        )))
        .arg(output_argument())
        .arg(
            Arg::new("checks")
                .value_name("CHECKS.toml")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .required(true)
                .help("File of checks"),
        )
        .arg(
            Arg::new("by")
                .long("by")
                .value_name("FIELD")
                .help("Count apart for each value of this kept field"),
        )
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("OTHER.jsonl")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Compare with another output of the same rows, row by row"),
        )
        .arg(
            Arg::new("compare")
                .long("compare")
                .value_names(["VARIANT", "VARIANT"])
                .num_args(2)
                .conflicts_with("against")
                .help("Compare two variants of a sweep, row by row: the first with the second"),
        )
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("JUDGED.jsonl")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Output of a judge whose input was OUT: its scores are /judged/NAME in checks"),
        )
        .arg(
            Arg::new("min-pass")
                .long("min-pass")
                .value_name("SHARE")
                .value_parser(share)
                .help("Exit with 3 if a check passes for a smaller share, such as 90%"),
        )
        .arg(switch("json", "Print one JSON object instead of the table"))
}

/// A share of records, as it was typed.
#[derive(Debug, Clone)]
struct TypedShare {
    typed: String,
    share: f64,
}

/// `90%` or `0.9`.
fn share(typed: &str) -> Result<TypedShare, &'static str> {
    let parsed = match typed.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => typed.parse(),
    };
    let share = parsed.ok().filter(|share| (0.0..=1.0).contains(share));
    let share = share.ok_or("it takes a percentage such as 90%, or a share from 0 to 1")?;
    let typed = typed.to_owned();
    Ok(TypedShare { typed, share })
}

/// What is said of a check that passes for too few records, or of which none could be checked.
fn below(tally: &ScoreTally, least: &TypedShare) -> Option<String> {
    let Some((check, rate)) = tally.lowest() else {
        return Some("the output has no records: nothing passes".into());
    };
    let why = match rate {
        None => "no record could be checked".into(),
        Some(rate) if rate < least.share => format!("{:.1} % passed", 100.0 * rate),
        Some(_) => return None,
    };
    let typed = &least.typed;
    Some(format!(
        "check `{check}`: {why}, and --min-pass asks for {typed}"
    ))
}

/// Scores an output, writes the verdicts, prints the table.
pub(super) fn score(matches: &ArgMatches) -> Result<Exit, Failure> {
    let paths = existing_output(matches)?;
    let file: &PathBuf = matches.get_one("checks").expect("it is required");
    let checks = read_checks(file)?;
    let by: Option<&String> = matches.get_one("by");
    let by = by.map(|field| field.strip_prefix("metadata.").unwrap_or(field));
    let against: Option<&PathBuf> = matches.get_one("against");
    let variants: Option<Vec<&String>> = matches.get_many("compare").map(Iterator::collect);
    let judged = judged(matches, &checks)?;
    let tally = count(&Scores {
        paths: &paths,
        checks: &checks,
        by,
        judged: judged.as_ref(),
        compares: against.is_some() || variants.is_some(),
        into: Some(&paths.scores),
    })?;
    let other = against.map(|other| of_other(other, &checks)).transpose()?;
    let compared = match (&other, variants.as_deref()) {
        (Some(other), _) => tally.compare_with(other),
        (None, Some([one, other])) => tally
            .compare_variants(one, other)
            .map_err(|error| Failure::usage(format!("--compare: {error}")))?,
        (None, _) => Vec::new(),
    };
    let least: Option<&TypedShare> = matches.get_one("min-pass");
    let missed = least.and_then(|least| below(&tally, least));
    print::delivered(match matches.get_flag("json") {
        true => print::json(&json_of(&paths, &tally, &compared, missed.as_deref())),
        false => {
            let heading = variants.as_deref().map(heading);
            print::text(&text_of(&paths, &tally, heading, &compared, by))
        }
    })?;
    match missed {
        None => Ok(Exit::Complete),
        Some(missed) => {
            print::error(&missed);
            Ok(Exit::TooManyFailed)
        }
    }
}

fn read_checks(file: &Path) -> Result<Checks, Failure> {
    let at = |why: &dyn std::error::Error| Failure::usage(format!("{}: {why}", file.display()));
    let text = small::text_of_any(file).map_err(|error| at(&error))?;
    let read = |path: &str| small::text(Path::new(path)).map_err(|error| error.to_string());
    Checks::parse(&text, read).map_err(|error| at(&error))
}

/// What a judge said, where that is asked for.
fn judged(matches: &ArgMatches, checks: &Checks) -> Result<Option<Judged>, Failure> {
    let from: Option<&PathBuf> = matches.get_one("from");
    match (from, checks.of_judge()) {
        (Some(from), _) => {
            check_name(from).map_err(|why| Failure::usage(format!("--from: {why}")))?;
            let read = Judged::read(from);
            Ok(Some(read.map_err(|error| {
                Failure::usage(format!("--from {error}"))
            })?))
        }
        (None, Some(check)) => Err(Failure::usage(format!(
            "check `{check}` looks at what a judge said: give the judge's output with --from"
        ))),
        (None, None) => Ok(None),
    }
}

/// The counts of the output that this one is compared with.
fn of_other(other: &Path, checks: &Checks) -> Result<ScoreTally, Failure> {
    check_name(other).map_err(|why| Failure::usage(format!("--against: {why}")))?;
    let paths = OutputPaths::new(other);
    if !paths.output.exists() && !paths.failed.exists() {
        let message = format!("--against {}: no such output", other.display());
        return Err(Failure::usage(message));
    }
    let tally = count(&Scores {
        paths: &paths,
        checks,
        by: None,
        judged: None,
        compares: true,
        into: None,
    })?;
    Ok(tally)
}

/// What goes before the comparison of two variants.
fn heading(variants: &[&String]) -> String {
    match variants {
        [one, other] => format!("{one} compared with {other}:\n"),
        _ => String::new(),
    }
}

fn text_of(
    paths: &OutputPaths,
    tally: &ScoreTally,
    heading: Option<String>,
    compared: &[Comparison],
    by: Option<&str>,
) -> String {
    let mut text = table(tally, by);
    if text.is_empty() {
        text.push_str("no records\n");
    }
    text += &heading.unwrap_or_default();
    for comparison in compared {
        text += &format!("{comparison}\n");
    }
    text + &format!("scores of every record: {}", paths.scores.display())
}

fn json_of(
    paths: &OutputPaths,
    tally: &ScoreTally,
    compared: &[Comparison],
    missed: Option<&str>,
) -> String {
    let compared: Vec<_> = compared.iter().map(Comparison::json).collect();
    let stop = missed.map(|detail| json!({ "reason": Reason::MinPass.as_str(), "detail": detail }));
    json!({
        "ok": missed.is_none(),
        "stop": stop,
        "output": paths.output,
        "scores_file": paths.scores,
        "records": tally.records(),
        "scores": tally.json(),
        "judged": tally.judged_json(),
        "comparison": compared,
    })
    .to_string()
}

impl From<ScoreError> for Failure {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Write { .. } => Self::new(Exit::CannotWrite, error),
            ScoreError::NoRecord { .. } => Self::usage(error).because(Reason::Output),
            ScoreError::Read(_) | ScoreError::NoField { .. } | ScoreError::NotJudged { .. } => {
                Self::usage(error)
            }
        }
    }
}
