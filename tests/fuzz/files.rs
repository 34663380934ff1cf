//! Targets that are files.

use std::path::Path;

use promptmill::input::{Format, Input, ReadOptions};
use promptmill::job::{JobFile, SweepPlan};
use promptmill::output::{Claim, Existing, Locks, Mode, OutputPaths};

/// Reads it in every format, twice, and by what it looks like.
pub(crate) fn input(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    std::fs::write(&path, bytes).unwrap();
    let formats = [
        Format::Csv,
        Format::Tsv,
        Format::Jsonl,
        Format::Json,
        Format::Txt,
    ]
    .map(Some);
    let said = formats.into_iter().chain([None]).map(|format| {
        let first = records(&path, format);
        assert_eq!(first, records(&path, format), "two readings differ");
        first
    });
    said.collect::<Vec<_>>().join("; ")
}

fn records(path: &Path, format: Option<Format>) -> String {
    let options = ReadOptions {
        format,
        ..ReadOptions::default()
    };
    let input = match Input::open(path, &options) {
        Ok(input) => input,
        Err(error) => return nameless(&error, path),
    };
    let (mut row, mut line, mut last) = (0, 0, String::new());
    for item in input.records().unwrap() {
        let place = match &item {
            Ok(Ok(record)) => (record.row, record.line),
            Ok(Err(bad)) => {
                last = bad.reason.clone();
                (bad.row, bad.line)
            }
            Err(error) => {
                last = nameless(&error, path);
                break;
            }
        };
        assert!(row < place.0, "rows are counted");
        assert!(line <= place.1, "lines go up");
        (row, line) = place;
    }
    format!("{row} rows, {last}")
}

/// Recovers it as an output, twice: what was mended stays mended, and nothing good is lost.
pub(crate) fn ledger(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
    let middle = bytes.len() / 2;
    let split = bytes
        .windows(2)
        .position(|two| two == b"\0\n")
        .unwrap_or(middle);
    std::fs::write(&paths.output, &bytes[..split]).unwrap();
    std::fs::write(&paths.failed, &bytes[split..]).unwrap();
    let claim = || Claim::take(&paths, Mode::default(), Existing::Resume, Locks::Trusted);
    let first = match claim() {
        Ok(claim) => claim.past.len(),
        Err(error) => return nameless(&error, folder.path()),
    };
    let again = claim().unwrap();
    assert_eq!(again.past.len(), first, "recovered twice");
    assert!(again.torn.is_empty(), "torn after it was mended");
    format!("{first} rows")
}

/// Reads it as a job file and makes a plan of it.
pub(crate) fn job(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.toml");
    std::fs::write(&path, bytes).unwrap();
    let plan = JobFile::load(Some(&path), toml::Table::new()).and_then(|job| {
        let any_variable = |_: &str| Some("set".to_owned());
        let variants = job.variants()?;
        let today = jiff::civil::date(2026, 11, 22);
        SweepPlan::new(job, variants, Some(&path), today, any_variable)
    });
    plan.map_or_else(
        |error| nameless(&error, folder.path()),
        |_| "a plan".to_owned(),
    )
}

/// What was said, without the name of the folder, which is another one each time.
fn nameless(error: &dyn std::error::Error, folder: &Path) -> String {
    error.to_string().replace(&folder.display().to_string(), "")
}
