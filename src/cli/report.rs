//! `promptmill report`: one page about a run, from its files.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::errors::named_output;
use super::{fixes, print};
use crate::engine::Failure;
use crate::exit::{Exit, Reason};
use crate::format::retrying;
use crate::output::{OutputPaths, OutputStatus, RecordFigures, each_record};
use crate::replacement::{Replacement, mode_of};
use crate::report::page::gathered::PageFigures;
use crate::report::page::{Explained, OutputComparison, Report, Sample};

/// A sample is shown up to this many characters.
const LONGEST_SAMPLE: usize = 4_000;

pub(super) fn command() -> Command {
    Command::new("report")
        .about("Write a page about a run: rows, cost, timeline, latency, tokens, failures")
        .before_help(
            "One HTML file without script, from OUT.run.json and the records. No prompt, completion or \
             metadata is in it unless --samples asks for completions. Sends nothing.",
        )
        .after_help(
            "Examples:\n\
             \x20 promptmill report out/labels.jsonl\n\
             \x20 promptmill report out/labels.jsonl --compare out/yesterday.jsonl\n\n\
             Exit codes:\n\
             \x20   0  the page was written\n\
             \x20   2  it is no output\n\
             \x20  74  the records cannot be read, or the page cannot be written",
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
            Arg::new("to")
                .short('o')
                .long("output")
                .value_name("FILE.html")
                .value_parser(page_path)
                .value_hint(ValueHint::FilePath)
                .help("Page to write [default: OUT.report.html]"),
        )
        .arg(
            Arg::new("compare")
                .long("compare")
                .value_name("OTHER.jsonl")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Also compare with this output: rows, completions, cost, latency"),
        )
        .arg(
            Arg::new("samples")
                .long("samples")
                .value_name("N")
                .value_parser(value_parser!(u16).range(0..=1000))
                .default_value("0")
                .help("Show the completions of the first N rows"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the figures as one JSON object instead of writing the page"),
        )
}

/// Writes the page.
pub(super) fn report(matches: &ArgMatches) -> Result<Exit, Failure> {
    let status = named_output(matches)?;
    let samples: u16 = *matches.get_one("samples").expect("it has a default");
    let (mut records, samples) = gather(&status, samples.into())?;
    let other: Option<&PathBuf> = matches.get_one("compare");
    let comparison = other.map(|other| compare(other, &status)).transpose()?;
    let groups = std::mem::take(&mut records.failures).largest_first();
    let explained = groups.into_iter().map(|group| Explained {
        fix: fixes::fix(&group.example),
        command: fixes::command(&group.example, &status),
        group,
    });
    let failures: Vec<_> = explained.collect();
    let command = status.text("command");
    let report = Report {
        status: &status,
        records: &records,
        failures: &failures,
        samples: &samples,
        comparison: comparison.as_ref(),
        retry_failed: command.map(retrying),
    };
    if matches.get_flag("json") {
        print::delivered(print::json(&report.json().to_string()))?;
        return Ok(Exit::Complete);
    }
    let to: Option<&PathBuf> = matches.get_one("to");
    let to = to
        .cloned()
        .unwrap_or_else(|| status.paths.beside("report.html"));
    write(&to, &report.html(), &status.paths)?;
    print::delivered(print::text(&format!("wrote {}", to.display())))?;
    Ok(Exit::Complete)
}

/// The page may name IDs and show completions: it is for the same people as the output.
fn write(to: &Path, html: &str, paths: &OutputPaths) -> Result<(), Failure> {
    let write = || {
        let mut file = Replacement::of(to)?;
        file.write_all(html.as_bytes())?;
        file.keep(mode_of(&paths.output, 0o600))
    };
    write().map_err(|error: io::Error| {
        let message = format!("{}: {error}; name another file with -o", to.display());
        Failure::new(Exit::CannotWrite, message)
    })
}

/// A page, and no file of an output: `-o` means another thing to `run`.
fn page_path(typed: &str) -> Result<PathBuf, &'static str> {
    match typed.ends_with(".html") {
        true => Ok(typed.into()),
        false => Err("the page is HTML: name a file that ends in .html"),
    }
}

fn gather(status: &OutputStatus, samples: usize) -> Result<(PageFigures, Vec<Sample>), Failure> {
    let mut gathered = PageFigures::default();
    let mut shown = Vec::new();
    for path in [&status.paths.output, &status.paths.failed] {
        each_record(path, |record, line| {
            if shown.len() < samples
                && record.status != "failed"
                && let Some(completion) = completion(line)
            {
                shown.push(Sample {
                    id: format!(
                        "row {} {}",
                        record.row,
                        record.custom_id.clone().unwrap_or_default()
                    ),
                    completion: completion.chars().take(LONGEST_SAMPLE).collect(),
                });
            }
            gathered.take(record);
        })?;
    }
    Ok((gathered, shown))
}

fn completion(line: &[u8]) -> Option<String> {
    let line: Value = serde_json::from_slice(line).ok()?;
    line.get("completion")?.as_str().map(str::to_owned)
}

/// A row by its identity, and what its request and its completion hash to: 24 bytes of each row.
type Rows = HashMap<u64, (u64, u64)>;

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    u64::from_le_bytes(hash[..8].try_into().expect("eight bytes of 32"))
}

fn key(record: &RecordFigures) -> u64 {
    let row = record.row.to_le_bytes();
    let mut parts: Vec<&[u8]> = match &record.custom_id {
        Some(id) => vec![b"id", id.as_bytes()],
        None => vec![b"row", &row],
    };
    let sample = record.sample.to_le_bytes();
    if let Some(variant) = &record.variant {
        parts.extend([variant.as_bytes(), &sample]);
    }
    hash(&parts)
}

/// What of an output is compared.
#[derive(Default)]
struct Side {
    rows: Rows,
    failed: HashSet<u64>,
    /// In USD, if the cost of every response is known.
    cost_usd: Option<f64>,
    mean_latency_ms: Option<f64>,
}

impl Side {
    fn of(status: &OutputStatus) -> Result<Self, Failure> {
        let mut side = Self::default();
        let (mut usd, mut ms, mut timed) = (Some(0.0), 0.0, 0u64);
        each_record(&status.paths.output, |record, line| {
            let request = hash(&[record.fingerprint.as_deref().unwrap_or_default().as_bytes()]);
            let answer = hash(&[written(line).as_bytes()]);
            usd = usd.zip(record.cost_usd).map(|(sum, usd)| sum + usd);
            if let Some(latency) = record.latency_ms.filter(|_| record.copied_from.is_none()) {
                ms += latency as f64;
                timed += 1;
            }
            side.rows.insert(key(&record), (request, answer));
        })?;
        each_record(&status.paths.failed, |record, _| {
            // Of a response that breaks its schema the cost is known, of other failures there is none.
            usd = usd.map(|sum| sum + record.cost_usd.unwrap_or(0.0));
            side.failed.insert(key(&record));
        })?;
        side.cost_usd = usd;
        side.mean_latency_ms = (0 < timed).then(|| ms / timed as f64);
        Ok(side)
    }
}

/// What the model wrote: the completion, or what came in its place.
fn written(line: &[u8]) -> String {
    let line: Value = serde_json::from_slice(line).unwrap_or_default();
    match line["completion"].as_str() {
        Some(completion) => completion.to_owned(),
        None => format!("{}{}", line["output"], line["files"]),
    }
}

fn compare(other: &Path, status: &OutputStatus) -> Result<OutputComparison, Failure> {
    let there = OutputStatus::of(other, Timestamp::now());
    let there =
        there.map_err(|why| Failure::usage(format!("--compare {why}")).because(Reason::Output))?;
    let (before, now) = (Side::of(&there)?, Side::of(status)?);
    let mut found = OutputComparison {
        other: other.display().to_string(),
        cost_usd: [before.cost_usd, now.cost_usd],
        latency_ms: [before.mean_latency_ms, now.mean_latency_ms],
        ..OutputComparison::default()
    };
    for (key, (request, answer)) in &now.rows {
        let counter = match before.rows.get(key) {
            None => &mut found.new,
            Some((old, _)) if old != request => &mut found.changed,
            Some((_, old)) if old != answer => &mut found.different,
            Some(_) => &mut found.same,
        };
        *counter += 1;
    }
    for key in before.rows.keys().filter(|key| !now.rows.contains_key(key)) {
        match now.failed.contains(key) {
            true => found.failed += 1,
            false => found.gone += 1,
        }
    }
    Ok(found)
}
