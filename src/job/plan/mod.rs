//! The job, checked and complete: each part by the tables of the job file it comes from.

mod limits;
mod model;
mod of_model;
mod rows_per_call;
mod schema;
mod terms;
mod values;
mod windows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;

use super::clock::{ClockTime, LimitWindow};
use super::expand::expand;
use super::file::{JobError, JobFile, Mistakes};
use crate::catalog::ModelFacts;
use crate::catalog::id::ModelId;
use crate::family::{Doubtful, Family, Parameters};
use crate::input::ReadOptions;
use crate::model::{Delivery, Reasoning, RequestOptions};
use crate::output::{Durability, KeepRaw, Mode};
use crate::prompt::PromptSource;
use crate::run::{Limits, RequestsPerMinute, RetryPolicy, TokenLimits};
use limits::{quota_source, requests_per_minute};
use model::{doubtful, endpoint, model, refuse_idle_scenario};
use of_model::OfModel;
use terms::terms;
use values::{
    attempt_timeout, default_name, durability, input_file, json, keep_raw, max_failures,
    max_filtered, mode, output_file, read_options, retry, source,
};
use windows::{clock_deadline, windows};

pub use crate::url::{advice as url_advice, is_url, shown as shown_url};
pub use model::region;
pub use rows_per_call::RowsPerCall;
pub use schema::SchemaPlan;
pub use values::{is_share, rows_or_share, time};
pub(super) use values::{parse_deadline, parse_share, parse_time};

/// Enough for thousands of calls a minute at usual latencies, few enough to repeat after a crash.
const CONCURRENCY: usize = 64;

/// What is to be run. Nothing in it is left to be asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the job is called.
    pub name: String,
    /// Where the prompts are; `-` is standard input.
    pub input: PathBuf,
    /// What the job says of how they are written.
    pub reading: ReadOptions,
    /// The field that names a row, where it was said.
    pub id: Option<String>,
    /// Fields copied to each result.
    pub keep: Vec<String>,
    /// Whether identical requests are sent once.
    pub dedupe: bool,
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
    /// What responses are validated against, if the job says.
    pub schema: Option<SchemaPlan>,
    /// What to do with requests that the model is known to reject.
    pub doubtful: Doubtful,
    /// A key that asks something of the model, and would be idle where bodies are sent as they are.
    pub idle_with_bodies: Option<&'static str>,
    /// The request's Content-Type.
    pub content_type: String,
    /// The Accept header.
    pub accept: String,
    /// What is asked beside the body.
    pub terms: RequestOptions,
    /// How answers come.
    pub delivery: Delivery,
    /// How many rows share a call.
    pub rows_per_call: RowsPerCall,
    /// Where calls go.
    pub endpoint: Endpoint,
    /// The region, where the job or the ARN names one.
    pub region: Option<String>,
    /// The profile, where the job names one.
    pub profile: Option<String>,
    /// Calls started per minute.
    pub requests_per_minute: Option<RequestsPerMinute>,
    /// Where limits come from that are not given.
    pub quota: QuotaSource,
    /// How many tokens the quota has.
    pub tokens: TokenLimits,
    /// What the user allows; what was spent before the run is not known here.
    pub limits: Limits,
    /// The clock time at which runs stop sending, if the deadline is one.
    pub clock_deadline: Option<ClockTime>,
    /// Parts of the day with limits of their own.
    pub windows: Vec<LimitWindow>,
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
    /// When the provider's body is kept.
    pub keep_raw: KeepRaw,
    /// Whether answers keep the reasoning before them.
    pub reasoning: Reasoning,
    /// Whether records keep the prompt as it was rendered.
    pub keeps_messages: bool,
    /// Whether a commit waits for the disk.
    pub durability: Durability,
    /// Who may read what a run creates.
    pub mode: Mode,
    /// How many rows may fail.
    pub max_failures: MaxFailures,
    /// How many rows may be filtered; `None` is no limit.
    pub max_filtered: Option<MaxFailures>,
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

/// Where limits come from that the job does not give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QuotaSource {
    /// They are learned from refusals.
    Learned,
    /// Service Quotas is asked before the run.
    Auto {
        /// The share of what it says that is used, above 0 and up to 1.
        utilization: f64,
    },
}

/// How many rows may fail, or be filtered, before the exit code says so.
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
    /// The longest answer that a body of the job's own asks for, whatever is merged into it.
    pub fn longest_answer(&self) -> Option<u32> {
        let base = self.model.base();
        self.family.asks_for(&self.parameters, base).limit
    }

    /// Checks `job` and fills in what it leaves out. `job_file` names the job where nothing
    /// else does; `today` stands for `{{ date }}`; `variable` reads the environment.
    ///
    /// # Errors
    /// Everything that is wrong, each with the key it belongs to.
    pub fn new(
        job: JobFile,
        job_file: Option<&Path>,
        today: Date,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, JobError> {
        let path = |text: &str| expand(text, today, &variable).map(PathBuf::from);
        let mut mistakes = Mistakes::default();
        mistakes.keep(refuse_idle_scenario(&job));
        let input = mistakes.keep(input_file(&job.input, &path));
        let reading = mistakes.keep(read_options(&job.input));
        let source = mistakes.keep(source(&job.prompt, &path));
        let named = mistakes.keep(model(&job.model));
        let terms = mistakes.keep(terms(&job.model));
        let of_model = named.and_then(|(model, family)| {
            OfModel::new(&job, model, family, terms.as_ref(), &path, &mut mistakes)
        });
        let scenario = job.emulator.scenario.as_deref();
        let endpoint = mistakes.keep(endpoint(job.model.endpoint, scenario, &path));
        let quota = mistakes.keep(quota_source(&job.limits));
        let clock_deadline = mistakes.keep(clock_deadline(&job.limits));
        let windows = mistakes.keep(windows(&job.limits));
        let retry = mistakes.keep(retry(&job.retry));
        let attempt_timeout = mistakes.keep(attempt_timeout(&job.retry));
        let output = mistakes.keep(output_file(&job.output, &path));
        let keep_raw = mistakes.keep(keep_raw(job.output.raw.as_deref()));
        let durability = mistakes.keep(durability(job.output.durability.as_deref()));
        let mode = mistakes.keep(mode(job.output.mode.as_deref()));
        let max_failures = mistakes.keep(max_failures(&job.output));
        let max_filtered = mistakes.keep(max_filtered(&job.output));
        let complete = || {
            let of_model = of_model?;
            Some(Self {
                name: job.name.unwrap_or_else(|| default_name(job_file)),
                input: input?,
                reading: reading?,
                id: job.input.id,
                keep: job.input.keep,
                dedupe: job.input.dedupe,
                source: source?,
                system: job.prompt.system,
                region: of_model.region,
                model: of_model.model,
                family: of_model.family,
                parameters: of_model.parameters,
                schema: of_model.schema,
                doubtful: doubtful(job.model.force),
                idle_with_bodies: of_model.idle_with_bodies,
                terms: terms?,
                delivery: of_model.delivery,
                rows_per_call: of_model.rows_per_call,
                content_type: job.model.content_type.unwrap_or_else(json),
                accept: job.model.accept.unwrap_or_else(json),
                endpoint: endpoint?,
                profile: job.model.profile,
                requests_per_minute: requests_per_minute(job.limits.requests_per_minute),
                quota: quota?,
                tokens: of_model.tokens,
                limits: of_model.limits,
                clock_deadline: clock_deadline?,
                windows: windows?,
                facts: of_model.facts,
                concurrency: job.limits.concurrency.map_or(CONCURRENCY, |n| n as usize),
                retry: retry?,
                attempt_timeout: attempt_timeout?,
                output: output?,
                reasoning: match job.output.reasoning {
                    true => Reasoning::Kept,
                    false => Reasoning::Dropped,
                },
                keep_raw: keep_raw?,
                keeps_messages: job.output.messages,
                durability: durability?,
                mode: mode?,
                max_failures: max_failures?,
                max_filtered: max_filtered?,
            })
        };
        let complete = complete();
        mistakes.or(complete)
    }
}
