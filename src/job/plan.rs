//! The job, checked and complete.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use super::expand::expand;
use super::file::{JobError, JobFile, ModelTable, OutputTable, PromptTable};
use crate::input::Format;
use crate::model::family::{Family, Parameters};
use crate::model::id::ModelId;
use crate::output::KeepRaw;
use crate::prompt::PromptSource;
use crate::run::{RequestsPerMinute, RetryPolicy};

/// Enough for thousands of calls a minute at usual latencies, few enough to repeat after a crash.
const CONCURRENCY: usize = 64;

/// What is to be run. Nothing in it is left to be asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the job is called.
    pub name: String,
    /// Where the prompts are; `-` is standard input.
    pub input: PathBuf,
    /// Their format, where it was said.
    pub format: Option<Format>,
    /// The field that names a row, where it was said.
    pub id: Option<String>,
    /// Fields copied to each result.
    pub keep: Vec<String>,
    /// Where a record's prompt comes from; `None` is the usual column.
    pub source: Option<PromptSource>,
    /// The system prompt's template.
    pub system: Option<String>,
    /// What is called.
    pub model: ModelId,
    /// How it is spoken to.
    pub family: Family,
    /// What is asked of it.
    pub parameters: Parameters,
    /// The request's Content-Type.
    pub content_type: String,
    /// The Accept header.
    pub accept: String,
    /// Where calls go.
    pub endpoint: Endpoint,
    /// The region, where the job or the ARN names one.
    pub region: Option<String>,
    /// The profile, where the job names one.
    pub profile: Option<String>,
    /// Calls started per minute.
    pub requests_per_minute: Option<RequestsPerMinute>,
    /// The most calls in flight.
    pub concurrency: usize,
    /// What deserves another attempt.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// Where answers go.
    pub output: PathBuf,
    /// Whether the output's path depends on the day.
    pub output_is_dated: bool,
    /// When the provider's body is kept.
    pub keep_raw: KeepRaw,
    /// How many rows may fail.
    pub max_failures: MaxFailures,
}

/// Where calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// AWS, or what the standard chain says.
    Aws,
    /// This URL.
    Url(String),
    /// The embedded emulator, playing this scenario.
    Emulator {
        /// The scenario file, where one is named.
        scenario: Option<PathBuf>,
    },
}

/// How many rows may fail before the exit code says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFailures {
    /// This many.
    Count(u64),
    /// This share of all rows, from 0 to 1.
    Share(f64),
}

impl MaxFailures {
    /// Whether `failed` of `rows` is more than is allowed.
    pub fn exceeded_by(self, failed: u64, rows: u64) -> bool {
        match self {
            Self::Count(count) => count < failed,
            Self::Share(share) => share * (rows as f64) < failed as f64,
        }
    }
}

impl std::fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

impl Plan {
    /// Checks `job` and fills in what it leaves out. `job_file` names the job where nothing
    /// else does; `today` stands for `{{ date }}`; `variable` reads the environment.
    ///
    /// # Errors
    /// The first thing that is wrong, with the key it belongs to.
    pub fn new(
        job: JobFile,
        job_file: Option<&Path>,
        today: Date,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, JobError> {
        let path = |text: &str| expand(text, today, &variable).map(PathBuf::from);
        let input = job
            .input
            .path
            .as_deref()
            .ok_or(missing("input", "input", "path", "input"))?;
        let output = job
            .output
            .path
            .as_deref()
            .ok_or(missing("output", "output", "path", "output"))?;
        let source = source(&job.prompt, &path)?;
        let (model, family) = model(&job.model)?;
        let parameters = parameters(&job.model, family, &model)?;
        refuse_idle_keys(&job)?;
        Ok(Self {
            name: job.name.unwrap_or_else(|| default_name(job_file)),
            input: path(input)?,
            format: job.input.format.as_deref().map(format).transpose()?,
            id: job.input.id,
            keep: job.input.keep,
            source,
            system: job.prompt.system,
            region: job
                .model
                .region
                .or_else(|| model.region().map(str::to_owned)),
            model,
            family,
            parameters,
            content_type: job.model.content_type.unwrap_or_else(json),
            accept: job.model.accept.unwrap_or_else(json),
            endpoint: endpoint(job.model.endpoint, job.emulator.scenario.as_deref(), &path)?,
            profile: job.model.profile,
            requests_per_minute: requests_per_minute(job.limits.requests_per_minute),
            concurrency: job.limits.concurrency.map_or(CONCURRENCY, |n| n as usize),
            retry: RetryPolicy {
                max_attempts: job.retry.max_attempts.unwrap_or(6),
                throttle_wait: time(
                    "retry.throttle_wait",
                    job.retry.throttle_wait.as_deref().unwrap_or("15m"),
                )?,
            },
            attempt_timeout: time(
                "retry.attempt_timeout",
                job.retry.attempt_timeout.as_deref().unwrap_or("15m"),
            )?,
            output_is_dated: output.contains("{{"),
            output: path(output)?,
            keep_raw: keep_raw(job.output.raw.as_deref())?,
            max_failures: max_failures(&job.output)?,
        })
    }
}

fn missing(
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

fn wrong(key: &'static str, message: impl ToString) -> JobError {
    JobError::Value {
        key,
        message: message.to_string(),
    }
}

fn default_name(job_file: Option<&Path>) -> String {
    let stem = job_file.and_then(Path::file_stem);
    stem.map_or_else(
        || "promptmill".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

fn json() -> String {
    "application/json".into()
}

fn format(name: &str) -> Result<Format, JobError> {
    name.parse().map_err(|error| wrong("input.format", error))
}

fn source(
    prompt: &PromptTable,
    path: &impl Fn(&str) -> Result<PathBuf, super::expand::ExpandError>,
) -> Result<Option<PromptSource>, JobError> {
    let given = [
        ("template", prompt.template.clone()),
        ("template_file", prompt.template_file.clone()),
        ("column", prompt.column.clone()),
        ("messages", prompt.messages.clone()),
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
        _ => PromptSource::Body(value),
    }))
}

/// A file's last newline ends the file, not the prompt.
fn template_file(path: &Path) -> Result<String, JobError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        wrong(
            "prompt.template_file",
            format!("{}: {error}", path.display()),
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The family is `Raw` where neither the job nor the id tells it: good enough for bodies that are
/// sent as they are, and refused for prompts once it is known that there are prompts.
fn model(table: &ModelTable) -> Result<(ModelId, Family), JobError> {
    let id = table
        .id
        .as_deref()
        .ok_or(missing("model", "model", "id", "model"))?;
    let model = ModelId::parse(id).map_err(|error| wrong("model.id", error))?;
    let named = table.family.as_deref().map(Family::parse).transpose();
    if let Some(family) = named.map_err(|error| wrong("model.family", error))? {
        return Ok((model, family));
    }
    match model.base() {
        Some(base) => {
            let family = Family::of(base).unwrap_or(Family::Raw);
            Ok((model, family))
        }
        None => Ok((model, Family::Raw)),
    }
}

fn parameters(table: &ModelTable, family: Family, model: &ModelId) -> Result<Parameters, JobError> {
    let mut parameters = Parameters {
        max_tokens: table.max_tokens,
        temperature: table.temperature,
        top_p: table.top_p,
        top_k: table.top_k,
        stop: table.stop.clone(),
        extra: table.extra.clone(),
    };
    if parameters.max_tokens.is_none() {
        parameters.max_tokens = family.default_max_tokens(model.base());
    }
    let checked = family.check(&parameters, model.base());
    checked.map_err(|error| wrong("model", error))?;
    Ok(parameters)
}

/// Keys that would do nothing are refused: whoever wrote them expects something of them.
fn refuse_idle_keys(job: &JobFile) -> Result<(), JobError> {
    let emulated = job.model.endpoint.as_deref() == Some("emulator");
    if job.emulator.scenario.is_some() && !emulated {
        let message = "only the embedded emulator plays a scenario: set endpoint = \"emulator\"";
        return Err(wrong("emulator.scenario", message));
    }
    let model = &job.model;
    let idle = [
        ("model.max_tokens", model.max_tokens.is_some()),
        ("model.temperature", model.temperature.is_some()),
        ("model.top_p", model.top_p.is_some()),
        ("model.top_k", model.top_k.is_some()),
        ("model.stop", !model.stop.is_empty()),
        ("model.extra", !model.extra.is_empty()),
    ];
    match idle.into_iter().find(|(_, given)| *given) {
        Some((key, _)) if job.prompt.body.is_some() => Err(wrong(
            key,
            "bodies are sent as they are; write it into the bodies",
        )),
        _ => Ok(()),
    }
}

fn endpoint(
    endpoint: Option<String>,
    scenario: Option<&str>,
    path: &impl Fn(&str) -> Result<PathBuf, super::expand::ExpandError>,
) -> Result<Endpoint, JobError> {
    match endpoint {
        None => Ok(Endpoint::Aws),
        Some(name) if name == "emulator" => Ok(Endpoint::Emulator {
            scenario: scenario.map(path).transpose()?,
        }),
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(Endpoint::Url(url))
        }
        Some(other) => {
            let message = format!("\"{other}\" is neither an http(s) URL nor \"emulator\"");
            Err(wrong("model.endpoint", message))
        }
    }
}

fn requests_per_minute(limit: Option<u32>) -> Option<RequestsPerMinute> {
    limit.and_then(NonZeroU32::new).map(RequestsPerMinute)
}

/// Reads a time such as `90s`, `15m`, `6h`.
///
/// # Errors
/// Anything else, and no time at all.
pub fn time(key: &'static str, typed: &str) -> Result<Duration, JobError> {
    let parsed = typed.parse::<jiff::SignedDuration>().ok();
    parsed
        .and_then(|time| Duration::try_from(time).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| {
            wrong(
                key,
                format!("\"{typed}\" is not a time such as \"90s\" or \"15m\""),
            )
        })
}

fn keep_raw(typed: Option<&str>) -> Result<KeepRaw, JobError> {
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

fn max_failures(output: &OutputTable) -> Result<MaxFailures, JobError> {
    let refused = |typed: &dyn std::fmt::Display| {
        wrong(
            "output.max_failures",
            format!("{typed} is not a count or a percentage such as \"1%\""),
        )
    };
    match &output.max_failures {
        None => Ok(MaxFailures::Count(0)),
        Some(toml::Value::Integer(count)) => u64::try_from(*count)
            .map(MaxFailures::Count)
            .map_err(|_| refused(count)),
        Some(toml::Value::String(text)) => text
            .strip_suffix('%')
            .and_then(|percent| percent.trim().parse::<f64>().ok())
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent| MaxFailures::Share(percent / 100.0))
            .ok_or_else(|| refused(text)),
        Some(other) => Err(refused(&other.type_str())),
    }
}
