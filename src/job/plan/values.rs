//! What single keys say: paths, times, shares, choices.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::MaxFailures;
use crate::input::{Mark, Quote, ReadOptions};
use crate::job::expand::ExpandError;
use crate::job::file::{InputTable, JobError, OutputTable, PromptTable, RetryTable};
use crate::job::keys::{self, Kind};
use crate::job::small;
use crate::output::paths::check_name;
use crate::output::{Durability, KeepRaw, Mode};
use crate::prompt::PromptSource;
use crate::run::RetryPolicy;

pub(super) fn missing(
    what: &'static str,
    flag: &'static str,
    key: &'static str,
    table: &'static str,
) -> JobError {
    JobError::Missing {
        what,
        flag,
        key,
        table,
    }
}

pub(super) fn wrong(key: &'static str, message: impl ToString) -> JobError {
    JobError::Value {
        key,
        message: message.to_string(),
    }
}

pub(super) fn default_name(job_file: Option<&Path>) -> String {
    let stem = job_file.and_then(Path::file_stem);
    stem.map_or_else(
        || "promptmill".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

pub(super) fn json() -> String {
    "application/json".into()
}

pub(super) fn read_options(table: &InputTable) -> Result<ReadOptions, JobError> {
    let mark = |key, typed: &Option<String>| {
        let typed = typed.as_deref().map(Mark::read).transpose();
        typed.map_err(|problem| wrong(key, problem))
    };
    let format = table.format.as_deref().map(str::parse).transpose();
    let quote = table.quote.as_deref().map(Quote::read).transpose();
    let options = ReadOptions {
        format: format.map_err(|error| wrong("input.format", error))?,
        delimiter: mark("input.delimiter", &table.delimiter)?,
        quote: quote.map_err(|problem| wrong("input.quote", problem))?,
        escape: mark("input.escape", &table.escape)?,
        comment: mark("input.comment", &table.comment)?,
        header: table.header,
        records: table.records.clone(),
        allow_empty: table.allow_empty,
    };
    match options.conflict() {
        Some(conflict) => Err(wrong("input", conflict)),
        None => Ok(options),
    }
}

pub(super) fn source(
    prompt: &PromptTable,
    path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
) -> Result<Option<PromptSource>, JobError> {
    let given = [
        ("template", prompt.template.clone()),
        ("template_file", prompt.template_file.clone()),
        ("column", prompt.column.clone()),
        ("messages", prompt.messages.clone()),
        ("texts", prompt.texts.clone()),
        ("body", prompt.body.clone()),
    ];
    let mut given = given
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    let Some((key, value)) = given.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = given.next() {
        return Err(JobError::TwoSources(key, other));
    }
    Ok(Some(match key {
        "template" => PromptSource::Template(value),
        "template_file" => PromptSource::Template(template_file(&path(&value)?)?),
        "column" => PromptSource::Column(value),
        "messages" => PromptSource::Messages(value),
        "texts" => PromptSource::Texts(value),
        _ => PromptSource::Body(value),
    }))
}

/// A file's last newline ends the file, not the prompt.
pub(super) fn template_file(path: &Path) -> Result<String, JobError> {
    let text = small::text(path).map_err(|why| {
        let message = format!("{}: {why}", path.display());
        wrong("prompt.template_file", message)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

pub(super) fn input_file(
    table: &InputTable,
    path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
) -> Result<PathBuf, JobError> {
    let typed = table.path.as_deref();
    let typed = typed.ok_or(missing("input", "input", "path", "input"))?;
    let path = named("input.path", path(typed)?)?;
    reject_address(
        "input.path",
        &path,
        "copy the file here first, as `aws s3 cp` or `curl -O` do",
    )?;
    Ok(path)
}

/// Rejects an address such as `s3://bucket/key`, which as a path would be a folder named `s3:`.
fn reject_address(key: &'static str, path: &Path, instead: &str) -> Result<(), JobError> {
    match small::address(path, instead) {
        Some(address) => Err(wrong(key, format!("\"{}\" is {address}", path.display()))),
        None => Ok(()),
    }
}

fn named(key: &'static str, path: PathBuf) -> Result<PathBuf, JobError> {
    match path.as_os_str().is_empty() {
        true => Err(wrong(key, "the path is empty; name a file")),
        false => Ok(path),
    }
}

pub(super) fn output_file(
    table: &OutputTable,
    path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
) -> Result<PathBuf, JobError> {
    let typed = table.path.as_deref();
    let typed = typed.ok_or(missing("output", "output", "path", "output"))?;
    let path = named("output.path", path(typed)?)?;
    if path == Path::new("-") {
        let message = "\"-\" is not a file, and a run resumes from its file; name one";
        return Err(wrong("output.path", message));
    }
    if path.to_string_lossy().ends_with('/') {
        let name = path.display();
        let message = format!("\"{name}\" is a directory; name a file, such as {name}out.jsonl");
        return Err(wrong("output.path", message));
    }
    reject_address(
        "output.path",
        &path,
        "write to a file, and copy it when the run has ended, as `aws s3 cp` does",
    )?;
    match check_name(&path) {
        Ok(()) => Ok(path),
        Err(why) => Err(wrong("output.path", why)),
    }
}

/// Reads a time such as `90s`, `15m`, `6h`.
///
/// # Errors
/// Anything else, and no time at all.
pub fn time(key: &'static str, typed: &str) -> Result<Duration, JobError> {
    let time = parse_time(typed).ok_or_else(|| {
        let meant = keys::meant(Kind::Time, typed);
        let message =
            format!("\"{typed}\" is not a time above 0 such as \"90s\" or \"15m\"{meant}");
        wrong(key, message)
    })?;
    if LONGEST_TIME < time {
        let message = format!("\"{typed}\" is longer than ten years (87600h); name a shorter time");
        return Err(wrong(key, message));
    }
    Ok(time)
}

/// No time is longer, so that each can be added to now: ten years.
const LONGEST_TIME: Duration = Duration::from_secs(87_600 * 3_600);

pub(in crate::job) fn parse_time(typed: &str) -> Option<Duration> {
    let parsed: jiff::SignedDuration = typed.parse().ok()?;
    Duration::try_from(parsed)
        .ok()
        .filter(|time| !time.is_zero())
}

/// Reads a time such as `3h`, or sees that it is a clock time such as `06:30`.
pub(in crate::job) fn parse_deadline(typed: &str) -> Option<()> {
    match crate::job::clock::is_clock_time(typed) {
        true => Some(()),
        false => parse_time(typed).map(drop),
    }
}

/// Whether this is a percentage such as `5%`.
pub fn is_share(typed: &str) -> bool {
    parse_share(typed).is_some()
}

/// Reads a percentage as a share from 0 to 1.
pub(in crate::job) fn parse_share(typed: &str) -> Option<f64> {
    let percent: f64 = typed.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

pub(super) fn retry(table: &RetryTable) -> Result<RetryPolicy, JobError> {
    let throttle_wait = table.throttle_wait.as_deref().unwrap_or("15m");
    Ok(RetryPolicy {
        max_attempts: table.max_attempts.unwrap_or(6),
        throttle_wait: time("retry.throttle_wait", throttle_wait)?,
    })
}

pub(super) fn attempt_timeout(table: &RetryTable) -> Result<Duration, JobError> {
    let typed = table.attempt_timeout.as_deref().unwrap_or("15m");
    time("retry.attempt_timeout", typed)
}

pub(super) fn keep_raw(typed: Option<&str>) -> Result<KeepRaw, JobError> {
    match typed {
        Some("always") => Ok(KeepRaw::Always),
        None | Some("errors") => Ok(KeepRaw::Errors),
        Some("never") => Ok(KeepRaw::Never),
        Some(other) => Err(wrong(
            "output.raw",
            format!("\"{other}\" is not always, errors or never"),
        )),
    }
}

pub(super) fn durability(typed: Option<&str>) -> Result<Durability, JobError> {
    match typed {
        None | Some("sync") => Ok(Durability::Sync),
        Some("none") => Ok(Durability::None),
        Some(other) => Err(wrong(
            "output.durability",
            format!("\"{other}\" is not sync or none"),
        )),
    }
}

pub(super) fn mode(typed: Option<&str>) -> Result<Mode, JobError> {
    let Some(typed) = typed else {
        return Ok(Mode::default());
    };
    Mode::parse(typed).ok_or_else(|| {
        let message = format!(
            "\"{typed}\" is not a file mode: give it in octal, such as \"0640\"; the owner \
             must be able to read and write (0600), and no one may execute"
        );
        wrong("output.mode", message)
    })
}

pub(super) fn max_failures(output: &OutputTable) -> Result<MaxFailures, JobError> {
    let typed = most_rows("output.max_failures", output.max_failures.as_ref())?;
    Ok(typed.unwrap_or(MaxFailures::Count(0)))
}

/// Reads a number of rows or a share of them: `181`, `10%`.
pub fn rows_or_share(typed: &str) -> Option<MaxFailures> {
    let count = typed.replace('_', "").parse().ok();
    let share = || parse_share(typed).map(MaxFailures::Share);
    count.map(MaxFailures::Count).or_else(share)
}

/// How many rows may be filtered; `None` is no limit.
pub(super) fn max_filtered(output: &OutputTable) -> Result<Option<MaxFailures>, JobError> {
    most_rows("output.max_filtered", output.max_filtered.as_ref())
}

/// A number of rows, or a share of them.
fn most_rows(
    key: &'static str,
    typed: Option<&toml::Value>,
) -> Result<Option<MaxFailures>, JobError> {
    let rejected = |typed: &dyn std::fmt::Display| {
        let meant = keys::meant(Kind::CountOrShare, &typed.to_string().replace('"', ""));
        let message =
            format!("{typed} is not a whole number or a percentage such as \"1%\"{meant}");
        wrong(key, message)
    };
    match typed {
        None => Ok(None),
        Some(toml::Value::Integer(count)) => match u64::try_from(*count) {
            Ok(count) => Ok(Some(MaxFailures::Count(count))),
            Err(_) => Err(rejected(count)),
        },
        Some(toml::Value::String(text)) => match parse_share(text) {
            Some(share) => Ok(Some(MaxFailures::Share(share))),
            None => Err(rejected(&format_args!("\"{text}\""))),
        },
        Some(other) => Err(rejected(&other.type_str())),
    }
}
