//! The job, checked and complete.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use super::expand::expand;
use super::file::{
    JobError, JobFile, LimitsTable, ModelTable, OutputTable, PromptTable, unreadable,
};
use crate::input::Format;
use crate::model::catalog::{Known, ModelFacts};
use crate::model::family::{Family, Parameters};
use crate::model::id::ModelId;
use crate::output::KeepRaw;
use crate::prompt::PromptSource;
use crate::run::{Limits, RequestsPerMinute, RetryPolicy, TokenLimits};

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
    /// A key that asks something of the model, and would be idle where bodies are sent as they are.
    pub idle_with_bodies: Option<&'static str>,
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
    /// How many tokens the quota has.
    pub tokens: TokenLimits,
    /// What the user allows; what was spent before the run is not known here.
    pub limits: Limits,
    /// Prices and limits of the model, where they are known.
    pub facts: Option<ModelFacts>,
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

impl Endpoint {
    /// The URL the job names.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::Aws | Self::Emulator { .. } => None,
        }
    }
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
        refuse_idle_scenario(&job)?;
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
        let idle_with_bodies = idle_with_bodies(&job.model);
        let region = region(job.model.region, &model)?;
        let own = job.model.prices.as_deref().map(&path).transpose()?;
        let known = known(&model, region.as_deref(), own.as_deref())?;
        let limits = limits(&job.limits, known.facts.as_ref(), &model)?;
        Ok(Self {
            name: job.name.unwrap_or_else(|| default_name(job_file)),
            input: named("input.path", path(input)?)?,
            format: job.input.format.as_deref().map(format).transpose()?,
            id: job.input.id,
            keep: job.input.keep,
            source,
            system: job.prompt.system,
            region,
            model,
            family,
            parameters,
            idle_with_bodies,
            content_type: job.model.content_type.unwrap_or_else(json),
            accept: job.model.accept.unwrap_or_else(json),
            endpoint: endpoint(job.model.endpoint, job.emulator.scenario.as_deref(), &path)?,
            profile: job.model.profile,
            requests_per_minute: requests_per_minute(job.limits.requests_per_minute),
            tokens: tokens(&job.limits, &known, family)?,
            limits,
            facts: known.facts,
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
            output: output_file(path(output)?)?,
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
            format!("{}: {}", path.display(), unreadable(path, &error)),
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
fn refuse_idle_scenario(job: &JobFile) -> Result<(), JobError> {
    let emulated = job.model.endpoint.as_deref() == Some("emulator");
    if job.emulator.scenario.is_some() && !emulated {
        let message = "only the embedded emulator plays a scenario: set endpoint = \"emulator\" \
                       in [model], or give --endpoint-url emulator";
        return Err(wrong("emulator.scenario", message));
    }
    Ok(())
}

fn idle_with_bodies(model: &ModelTable) -> Option<&'static str> {
    let asked = [
        ("model.max_tokens", model.max_tokens.is_some()),
        ("model.temperature", model.temperature.is_some()),
        ("model.top_p", model.top_p.is_some()),
        ("model.top_k", model.top_k.is_some()),
        ("model.stop", !model.stop.is_empty()),
        ("model.extra", !model.extra.is_empty()),
    ];
    let first = asked.into_iter().find(|(_, given)| *given);
    first.map(|(key, _)| key)
}

fn named(key: &'static str, path: PathBuf) -> Result<PathBuf, JobError> {
    match path.as_os_str().is_empty() {
        true => Err(wrong(key, "the path is empty; name a file")),
        false => Ok(path),
    }
}

fn output_file(path: PathBuf) -> Result<PathBuf, JobError> {
    let path = named("output.path", path)?;
    if path == Path::new("-") {
        let message = "\"-\" is no file, and a run goes on from its file; name one";
        return Err(wrong("output.path", message));
    }
    if path.to_string_lossy().ends_with('/') {
        let name = path.display();
        let message = format!("\"{name}\" is a directory; name a file, such as {name}out.jsonl");
        return Err(wrong("output.path", message));
    }
    Ok(path)
}

/// The region the job names, else the ARN's. An ARN is only known to the region it names.
fn region(typed: Option<String>, model: &ModelId) -> Result<Option<String>, JobError> {
    let Some(typed) = typed else {
        return Ok(model.region().map(str::to_owned));
    };
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if typed.is_empty() || !typed.chars().all(is_label) {
        let message = format!("\"{typed}\" is not a region such as us-east-1");
        return Err(wrong("model.region", message));
    }
    match model.region() {
        Some(region) if region != typed => {
            let message = format!("{typed}, but the ARN is of {region}: leave the region out");
            Err(wrong("model.region", message))
        }
        _ => Ok(Some(typed)),
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
        Some(url) if has_host(&url) => Ok(Endpoint::Url(url)),
        Some(other) => {
            let message = format!("\"{other}\" is neither an http(s) URL nor \"emulator\"");
            Err(wrong("model.endpoint", message))
        }
    }
}

fn has_host(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
        && !url.contains(char::is_whitespace)
}

fn requests_per_minute(limit: Option<u32>) -> Option<RequestsPerMinute> {
    limit.and_then(NonZeroU32::new).map(RequestsPerMinute)
}

/// What the catalogue and the user's own file know of the model.
fn known(model: &ModelId, region: Option<&str>, own: Option<&Path>) -> Result<Known, JobError> {
    let refused =
        |path: &Path, why: String| wrong("model.prices", format!("{}: {why}", path.display()));
    let text = own.map(|path| {
        let read = std::fs::read_to_string(path);
        read.map_err(|error| refused(path, unreadable(path, &error).to_string()))
    });
    let text = text.transpose()?;
    Known::of(model, region, text.as_deref())
        .map_err(|why| refused(own.unwrap_or(Path::new("")), why))
}

/// Where nothing says how long an answer can be, this many tokens of output are reserved for it.
const UNKNOWN_MAX_TOKENS: u64 = 4096;

fn tokens(table: &LimitsTable, known: &Known, family: Family) -> Result<TokenLimits, JobError> {
    let burndown = table.burndown.unwrap_or(known.burndown);
    if !(0.0 < burndown && burndown.is_finite()) {
        let message = "it must be above 0: tokens of quota for one token of output, such as 5";
        return Err(wrong("limits.burndown", message));
    }
    let most = known.facts.as_ref().and_then(|facts| facts.max_out);
    Ok(TokenLimits {
        per_minute: table.tokens_per_minute,
        per_day: table.tokens_per_day,
        burndown,
        default_max_tokens: match family.writes_text() {
            true => most.unwrap_or(UNKNOWN_MAX_TOKENS),
            false => 0,
        },
    })
}

fn limits(
    table: &LimitsTable,
    facts: Option<&ModelFacts>,
    model: &ModelId,
) -> Result<Limits, JobError> {
    if let Some(max) = table.max_cost_usd {
        if !(0.0 < max && max.is_finite()) {
            return Err(wrong("limits.max_cost_usd", "it must be above 0"));
        }
        if facts.is_none_or(|facts| facts.price.of(1, 1).is_none()) {
            let message = format!(
                "the price of `{model}` is not known, so its cost cannot be limited: give its price \
                 in a file with --prices, or leave the limit out"
            );
            return Err(wrong("limits.max_cost_usd", message));
        }
    }
    let deadline = table.deadline.as_deref();
    Ok(Limits {
        max_cost_usd: table.max_cost_usd,
        spent_usd: 0.0,
        deadline: deadline
            .map(|typed| time("limits.deadline", typed))
            .transpose()?,
        max_error_rate: table.max_error_rate.as_deref().and_then(parse_share),
    })
}

/// Reads a time such as `90s`, `15m`, `6h`.
///
/// # Errors
/// Anything else, and no time at all.
pub fn time(key: &'static str, typed: &str) -> Result<Duration, JobError> {
    parse_time(typed).ok_or_else(|| {
        let message = format!("\"{typed}\" is not a time above 0 such as \"90s\" or \"15m\"");
        wrong(key, message)
    })
}

pub(super) fn parse_time(typed: &str) -> Option<Duration> {
    let parsed: jiff::SignedDuration = typed.parse().ok()?;
    Duration::try_from(parsed)
        .ok()
        .filter(|time| !time.is_zero())
}

/// Whether this is a percentage such as `5%`.
pub fn is_share(typed: &str) -> bool {
    parse_share(typed).is_some()
}

/// Reads a percentage as a share from 0 to 1.
pub(super) fn parse_share(typed: &str) -> Option<f64> {
    let percent: f64 = typed.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
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
        let message = format!("{typed} is not a whole number or a percentage such as \"1%\"");
        wrong("output.max_failures", message)
    };
    match &output.max_failures {
        None => Ok(MaxFailures::Count(0)),
        Some(toml::Value::Integer(count)) => match u64::try_from(*count) {
            Ok(count) => Ok(MaxFailures::Count(count)),
            Err(_) => Err(refused(count)),
        },
        Some(toml::Value::String(text)) => match parse_share(text) {
            Some(share) => Ok(MaxFailures::Share(share)),
            None => Err(refused(&format_args!("\"{text}\""))),
        },
        Some(other) => Err(refused(&other.type_str())),
    }
}
