//! `promptmill export`: the records of an output in another shape, in the order of the input.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use serde_json::json;

use super::args::{examples, output_argument, switch};
use super::print;
use super::repair::existing_output;
use crate::engine::Failure;
use crate::exit::{Exit, Reason};
use crate::export::{
    Condition, DatasetSplit, ExportCounts, ExportError, ExportFormat, ExportTarget, Failed,
    Formulas, Order, Table, Training, TrainingCounts, TrainingShape,
};
use crate::format::{count, plural};
use crate::output::OutputPaths;

const EXAMPLES: &str = "  promptmill export out.jsonl -o answers.csv
  promptmill export out.jsonl -o - --to jsonl --where status=succeeded | jq .completion
  promptmill export out.jsonl -o few.csv --columns custom_id,completion,cost_usd
  promptmill export out.jsonl -o tune.jsonl --to openai-chat --split train=0.9,test=0.1";

/// The shapes of records, and how a file's name says which is meant.
const TABLES: [(&str, &str); 2] = [("jsonl", ".jsonl"), ("csv", ".csv")];

/// The shapes that a file's name does not say: prompts with their completions.
const TRAINING: [(&str, TrainingShape); 4] = [
    ("openai-chat", TrainingShape::OpenaiChat),
    ("sharegpt", TrainingShape::Sharegpt),
    ("alpaca", TrainingShape::Alpaca),
    ("bedrock-sft", TrainingShape::BedrockSft),
];

/// Flags that only tables have.
const OF_TABLES: [&str; 5] = ["columns", "failed", "unordered", "bom", "keep-formulas"];

/// Flags that only training data has.
const OF_TRAINING: [&str; 3] = ["passed", "split", "split-by"];

/// The verb and its flags.
pub(super) fn command() -> Command {
    Command::new("export")
        .about("Write the records of an output as CSV, JSON Lines or training data, in the order of the input")
        .before_help(
            "Reads OUT.jsonl and OUT.failed.jsonl, also while a run writes them, and changes neither. A \
             file is replaced as a whole, and only once all records are in it.",
        )
        .after_help(examples(&format!(
            "{EXAMPLES}\n\nExit codes:\n\
             \x20   0  exported\n\
             \x20   2  the output cannot be read, or not be exported like this\n\
             \x20  74  the export cannot be written"
        )))
        .arg(output_argument())
        .arg(
            Arg::new("to-file")
                .short('o')
                .long("output")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .required(true)
                .help("File to write; - is standard output"),
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("SHAPE")
                .value_parser(PossibleValuesParser::new(shapes()))
                .help("Shape of the export [default: by the file's name, else jsonl]"),
        )
        .arg(
            Arg::new("columns")
                .long("columns")
                .value_name("NAMES")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("These columns only, such as custom_id,completion,usage.output_tokens"),
        )
        .arg(
            Arg::new("where")
                .long("where")
                .value_name("FIELD=VALUE")
                .value_parser(Condition::parse)
                .action(ArgAction::Append)
                .help("Only records whose field has this value (!= another one); may be repeated"),
        )
        .arg(
            Arg::new("failed")
                .long("failed")
                .value_name("WHERE")
                .value_parser(PossibleValuesParser::new(["together", "apart", "none"]))
                .default_value("together")
                .help("Failed rows: among the others, apart in FILE.failed.csv, or none"),
        )
        .arg(switch("ordered", "In the order of the input (the default)"))
        .arg(
            switch("unordered", "In the order in which the rows completed")
                .conflicts_with("ordered"),
        )
        .arg(switch(
            "bom",
            "Begin a CSV file with a byte order mark, so that Excel reads it as UTF-8",
        ))
        .arg(switch(
            "keep-formulas",
            "Write texts of CSV as they are, even those that a spreadsheet would run as formulas",
        ))
        .arg(
            Arg::new("passed")
                .long("passed")
                .value_name("CHECK")
                .action(ArgAction::Append)
                .help(
                    "Training data: only records that passed this check of `promptmill score`; may be \
                     repeated",
                ),
        )
        .arg(
            Arg::new("split")
                .long("split")
                .value_name("NAME=SHARE,…")
                .value_parser(DatasetSplit::parse)
                .help("Training data: spread over FILE.NAME.jsonl, such as train=0.9,test=0.1"),
        )
        .arg(
            Arg::new("split-by")
                .long("split-by")
                .value_name("FIELD")
                .requires("split")
                .help("Keep records together that have one value of this field [default: custom_id]"),
        )
        .arg(switch("json", "Print one JSON object instead of text"))
}

fn shapes() -> impl Iterator<Item = &'static str> {
    let tables = TABLES.iter().map(|(name, _)| *name);
    tables.chain(TRAINING.iter().map(|(name, _)| *name))
}

/// Writes the export.
pub(super) fn export(matches: &ArgMatches) -> Result<Exit, Failure> {
    let paths = existing_output(matches)?;
    let target = target(matches);
    let is_stream = target == ExportTarget::Stream;
    if is_stream && matches.get_flag("json") {
        let why = "--json: standard output has the export; name a file with -o";
        return Err(Failure::usage(why));
    }
    let shape = shape(matches, &target);
    let training = TRAINING.iter().find(|(name, _)| *name == shape);
    let idle: &[&str] = match training {
        Some(_) => &OF_TABLES,
        None => &OF_TRAINING,
    };
    let given = |flag: &&&str| matches.value_source(flag) == Some(ValueSource::CommandLine);
    if let Some(flag) = idle.iter().find(given) {
        let of: Vec<_> = match training {
            Some(_) => TABLES.iter().map(|(name, _)| *name).collect(),
            None => TRAINING.iter().map(|(name, _)| *name).collect(),
        };
        let of = of.join(", ");
        let why = format!("--{flag} is not for --to {shape}: leave it out (it is for {of})");
        return Err(Failure::usage(why));
    }
    let told = match training {
        Some((_, shape)) => training_data(matches, &paths, *shape, &target),
        None => table(matches, &paths, &target)?,
    };
    let told = match told {
        // Its reader has read enough.
        Err(ExportError::Write { source, .. })
            if is_stream && source.kind() == std::io::ErrorKind::BrokenPipe =>
        {
            return Ok(Exit::Complete);
        }
        told => told?,
    };
    match told {
        Some((_, json)) if matches.get_flag("json") => print::delivered(print::json(&json))?,
        Some((text, _)) => print::delivered(print::text(&text))?,
        None => {}
    }
    Ok(Exit::Complete)
}

/// What is said of an export, as text and as JSON; nothing beside one to standard output.
type Told = Option<(String, String)>;

fn table(
    matches: &ArgMatches,
    paths: &OutputPaths,
    target: &ExportTarget,
) -> Result<Result<Told, ExportError>, Failure> {
    let columns: Vec<String> = many(matches, "columns");
    let conditions: Vec<Condition> = many(matches, "where");
    let table = Table {
        paths,
        format: format(matches, target)?,
        columns: &columns,
        conditions: &conditions,
        failed: failed(matches),
        order: match matches.get_flag("unordered") {
            true => Order::Completion,
            false => Order::Input,
        },
    };
    if columns.iter().any(String::is_empty) {
        return Err(Failure::usage("--columns: a name is empty"));
    }
    Ok(table
        .export(target, &mut print::stream())
        .map(|written| match target {
            ExportTarget::Path(path) => Some((text_of(path, written), json_of(path, written))),
            ExportTarget::Stream => None,
        }))
}

fn training_data(
    matches: &ArgMatches,
    paths: &OutputPaths,
    shape: TrainingShape,
    target: &ExportTarget,
) -> Result<Told, ExportError> {
    let conditions: Vec<Condition> = many(matches, "where");
    let passed: Vec<String> = many(matches, "passed");
    let split_by: Option<&String> = matches.get_one("split-by");
    let training = Training {
        paths,
        shape,
        conditions: &conditions,
        passed: &passed,
        split: matches.get_one("split"),
        split_by: split_by.map(String::as_str),
    };
    let counts = training.export(target, &mut print::stream())?;
    let told = (training_text(&counts), training_json(&counts));
    Ok(Some(told).filter(|_| *target != ExportTarget::Stream))
}

fn training_text(counts: &TrainingCounts) -> String {
    let files = counts.files.iter();
    let files =
        files.map(|(file, lines)| format!("{}: {}", file.display(), plural(*lines, "record")));
    let left_out = counts.left_out.iter();
    let left_out = left_out.map(|(why, records)| format!("{} {}", count(*records), why.text()));
    files.chain(left_out).collect::<Vec<_>>().join("\n")
}

fn training_json(counts: &TrainingCounts) -> String {
    let files = counts.files.iter();
    let files = files.map(|(file, lines)| json!({ "file": file, "records": lines }));
    let left_out = counts.left_out.iter();
    let left_out = left_out.map(|(why, records)| (why.name().to_owned(), json!(records)));
    json!({
        "ok": true,
        "files": files.collect::<Vec<_>>(),
        "left_out": left_out.collect::<serde_json::Map<_, _>>(),
    })
    .to_string()
}

fn many<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, flag: &str) -> Vec<T> {
    let values = matches.get_many(flag);
    values.unwrap_or_default().cloned().collect()
}

fn target(matches: &ArgMatches) -> ExportTarget {
    let path: &PathBuf = matches.get_one("to-file").expect("it is required");
    match path == Path::new("-") {
        true => ExportTarget::Stream,
        false => ExportTarget::Path(path.clone()),
    }
}

/// The shape that was asked for, or that the file's name says.
fn shape<'a>(matches: &'a ArgMatches, target: &ExportTarget) -> &'a str {
    let by_name = || {
        let ExportTarget::Path(path) = target else {
            return None;
        };
        let name = path.to_string_lossy();
        let shape = TABLES.iter().find(|(_, end)| name.ends_with(end));
        shape.map(|(name, _)| *name)
    };
    let typed: Option<&String> = matches.get_one("to");
    typed
        .map(String::as_str)
        .or_else(by_name)
        .unwrap_or("jsonl")
}

fn format(matches: &ArgMatches, target: &ExportTarget) -> Result<ExportFormat, Failure> {
    let mark = matches.get_flag("bom");
    let keeps = matches.get_flag("keep-formulas");
    if shape(matches, target) == "csv" {
        let formulas = match keeps {
            true => Formulas::Kept,
            false => Formulas::Guarded,
        };
        return Ok(ExportFormat::Csv { formulas, mark });
    }
    let idle = [("bom", mark), ("keep-formulas", keeps)];
    match idle.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::usage(format!(
            "--{flag} is for CSV: add --to csv, or leave it out"
        ))),
        None => Ok(ExportFormat::Jsonl),
    }
}

fn failed(matches: &ArgMatches) -> Failed {
    let failed: Option<&String> = matches.get_one("failed");
    match failed.map(String::as_str) {
        Some("apart") => Failed::Apart,
        Some("none") => Failed::LeftOut,
        _ => Failed::Together,
    }
}

fn text_of(path: &Path, written: ExportCounts) -> String {
    let ExportCounts {
        records,
        failed,
        left_out,
    } = written;
    let failed = match failed {
        0 => String::new(),
        failed => format!(", {} of failed rows", count(failed)),
    };
    let left_out = match left_out {
        0 => String::new(),
        left_out => format!("; {} left out by --where", count(left_out)),
    };
    let records = plural(records, "record");
    format!("{}: {records}{failed}{left_out}", path.display())
}

fn json_of(path: &Path, written: ExportCounts) -> String {
    let ExportCounts {
        records,
        failed,
        left_out,
    } = written;
    json!({
        "ok": true,
        "file": path,
        "records": records,
        "failed": failed,
        "left_out": left_out,
    })
    .to_string()
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Write { .. } => Self::new(Exit::CannotWrite, error),
            ExportError::NoRecord { .. } | ExportError::Twice { .. } => {
                Self::usage(error).because(Reason::Output)
            }
            ExportError::Ledger(_) | ExportError::Read { .. } | ExportError::Usage(_) => {
                Self::usage(error)
            }
        }
    }
}
