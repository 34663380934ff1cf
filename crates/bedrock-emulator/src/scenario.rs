//! Scenarios: how the emulated service behaves, as a small TOML file.
//!
//! Every key is optional. Without any, the service has no quotas and no faults.
//!
//! ```toml
//! about = "a busy afternoon: a small quota, now and then no capacity"
//! seed = 7                    # selects faults and latencies
//! context_tokens = 200_000    # longer prompts are rejected
//! refusal_ms = 20             # latency of errors
//! connections = 100           # most calls in flight; one more gets 503
//! service_quotas = "denied"   # the account may not read its own quotas
//! end_of_life = true          # retired models get 404, as from the service
//!
//! [control_plane]
//! denied = ["ListImportedModels"]   # operations that the account may not call
//! whole_only = ["amazon.nova-9-v1:0"]   # additional models that do not stream
//! page = 50                         # most entries per page of a list
//!
//! [latency]
//! first_token_ms = 250
//! per_token_ms = 8
//! jitter = 0.2                # each call up to 20 % slower or faster
//!
//! [guardrail]
//! blocks = ["launch codes"]   # prompts with these texts get `message` from the guardrail
//! masks = ["home address"]    # for prompts with these texts a part of the completion is masked
//! message = "Not here."
//!
//! [filter]
//! takes = ["bomb"]            # prompts that the models' own filters refuse to answer
//!
//! [output]
//! min_tokens = 12
//! mean_tokens = 80
//! max_tokens = 400
//!
//! [prompt_cache]
//! min_tokens = 64             # shortest cached prefix, for every model
//!
//! [[quota]]                   # the first match counts; each model id has its own
//! model = "*claude*"
//! requests_per_minute = 600
//! burst = 10
//! tokens_per_minute = 200_000
//! tokens_per_day = 10_000_000
//! burndown = 5
//!
//! [[quota]]                   # quotas may change with time: here for three minutes
//! from_s = 300
//! to_s = 480
//! requests_per_minute = 60
//!
//! [[tenant]]                  # another user of the same quotas
//! model = "*claude*"
//! requests_per_minute = 300
//! tokens_per_minute = 50_000
//! from_s = 60
//! every_s = 30                # in bursts: 10 of every 30 seconds
//! for_s = 10
//!
//! [[answer]]                  # what the model says; see `AnswerRule`
//! matching = "^Label"         # a regular expression
//! share = 0.1
//! broken = "fenced"           # an answer made from the schema, in a code fence
//!
//! [[fault]]                   # see `FaultRule` for all conditions and `FaultKind` for all kinds
//! kind = "unavailable"
//! share = 0.02
//!
//! [[fault]]
//! kind = "throttled"
//! from_s = 60
//! to_s = 90
//! retry_after_s = 5
//! ```

use serde::Deserialize;
use toml::Spanned;

use super::answers::AnswerRule;
use super::control_plane::ControlPlane;
use super::faults::FaultRule;
use super::measures::{Latency, Output};
use super::prompt_cache::PromptCache;
use super::quota::Quota;
use super::request_options::{Filter, Guardrail};
use super::service_quotas::ServiceQuotas;
use super::tenant::Tenant;

/// Default latency of errors: a round trip within a region, without a model.
const REFUSAL_MS: f64 = 20.0;

/// How the emulated service behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What the scenario is about, in one sentence.
    pub about: String,
    /// The seed of everything random: latencies, and which attempts get a fault by `share`.
    pub seed: u64,
    /// The longest input, in tokens. Default 200,000.
    pub context_tokens: u64,
    /// Latency of errors, in milliseconds. Default 20.
    pub refusal_ms: f64,
    /// Whether retired models (Claude up to 3.7, Titan Text, Jurassic-2, Command, Command R, Llama 2
    /// and 3.2, Stable Diffusion XL) get 404, as from the service. Default false: they respond, so
    /// that programs written for them can be tried.
    pub end_of_life: bool,
    /// Most calls in flight, over all models. Default: unlimited.
    pub connections: Option<u64>,
    /// Latency of responses.
    pub latency: Latency,
    /// Lengths of completions.
    pub output: Output,
    /// The account's quotas; the first that matches the model and the time counts.
    pub quotas: Vec<Quota>,
    /// Other users of the account.
    pub tenants: Vec<Tenant>,
    /// Whether the account may read its quotas from Service Quotas.
    pub service_quotas: ServiceQuotas,
    /// The prompt cache.
    pub prompt_cache: PromptCache,
    /// The account's permissions on the control plane.
    pub control_plane: ControlPlane,
    /// The guardrail, for requests that name one.
    pub guardrail: Guardrail,
    /// The models' own content filters. A filtered response has the finish reason of its family:
    /// `refusal`, `content_filter`, `CONTENT_FILTERED`, `ERROR_TOXIC`, `Filter reason: prompt`.
    /// Families without one respond as usual.
    pub filter: Filter,
    /// What the models are told to answer, in order: the first that applies to a call decides.
    pub answers: Vec<AnswerRule>,
    /// Fault rules, in order: the first that applies to a call decides.
    pub faults: Vec<FaultRule>,
}

/// A scenario that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {what}")]
pub struct ScenarioError {
    /// The name given to [`Scenario::parse`].
    pub name: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub what: String,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    about: String,
    seed: u64,
    context_tokens: Option<u64>,
    refusal_ms: Option<f64>,
    end_of_life: bool,
    connections: Option<u64>,
    latency: Option<Spanned<Latency>>,
    output: Option<Spanned<Output>>,
    service_quotas: ServiceQuotas,
    control_plane: ControlPlane,
    guardrail: Guardrail,
    filter: Filter,
    prompt_cache: PromptCache,
    quota: Vec<Spanned<Quota>>,
    tenant: Vec<Spanned<Tenant>>,
    answer: Vec<Spanned<AnswerRule>>,
    fault: Vec<Spanned<FaultRule>>,
}

impl Scenario {
    /// Reads a scenario in TOML; `name` is what error messages call it.
    pub fn parse(text: &str, name: &str) -> Result<Self, ScenarioError> {
        let error = |at: usize, what: String| ScenarioError {
            name: name.to_owned(),
            line: line_of(text, at),
            what,
        };
        let mut file: File = toml::from_str(text).map_err(|rejected| {
            let at = rejected.span().map_or(0, |span| span.start);
            error(at, with_suggestion(rejected.message()))
        })?;
        file.check()
            .map_err(|(at, what)| error(at, what.to_owned()))?;
        for answer in &mut file.answer {
            let at = answer.span().start;
            answer.get_mut().load().map_err(|what| error(at, what))?;
        }
        Ok(file.into())
    }

    /// This scenario without latencies, for benchmarks and tests.
    pub fn without_latency(mut self) -> Self {
        self.latency = Latency {
            first_token_ms: 0.0,
            per_token_ms: 0.0,
            jitter: 0.0,
        };
        self.refusal_ms = 0.0;
        self
    }
}

impl Default for Scenario {
    /// No quotas and no faults.
    fn default() -> Self {
        File::default().into()
    }
}

impl File {
    /// Rejects values out of range, with the position of their table.
    fn check(&self) -> Result<(), (usize, &'static str)> {
        if !(0.0..=3_600_000.0).contains(&self.refusal_ms.unwrap_or_default()) {
            return Err((0, "refusal_ms is from 0 to an hour of milliseconds"));
        }
        if let Some(latency) = &self.latency {
            latency
                .get_ref()
                .check()
                .map_err(|what| (latency.span().start, what))?;
        }
        if let Some(output) = &self.output {
            output
                .get_ref()
                .check()
                .map_err(|what| (output.span().start, what))?;
        }
        for quota in &self.quota {
            quota
                .get_ref()
                .check()
                .map_err(|what| (quota.span().start, what))?;
        }
        for tenant in &self.tenant {
            tenant
                .get_ref()
                .check()
                .map_err(|what| (tenant.span().start, what))?;
        }
        for answer in &self.answer {
            answer
                .get_ref()
                .check()
                .map_err(|what| (answer.span().start, what))?;
        }
        for fault in &self.fault {
            fault
                .get_ref()
                .check()
                .map_err(|what| (fault.span().start, what))?;
        }
        Ok(())
    }
}

impl From<File> for Scenario {
    fn from(file: File) -> Self {
        Self {
            about: file.about,
            seed: file.seed,
            context_tokens: file.context_tokens.unwrap_or(200_000),
            refusal_ms: file.refusal_ms.unwrap_or(REFUSAL_MS),
            end_of_life: file.end_of_life,
            connections: file.connections,
            latency: file.latency.map(Spanned::into_inner).unwrap_or_default(),
            output: file.output.map(Spanned::into_inner).unwrap_or_default(),
            quotas: file.quota.into_iter().map(Spanned::into_inner).collect(),
            tenants: file.tenant.into_iter().map(Spanned::into_inner).collect(),
            service_quotas: file.service_quotas,
            control_plane: file.control_plane,
            guardrail: file.guardrail,
            filter: file.filter,
            prompt_cache: file.prompt_cache,
            answers: file.answer.into_iter().map(Spanned::into_inner).collect(),
            faults: file.fault.into_iter().map(Spanned::into_inner).collect(),
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    1 + before.matches('\n').count()
}

/// The parser's message, with the nearest name that it accepts.
fn with_suggestion(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let nearest = names.next().and_then(|typed| {
        let scored = names.map(|name| (strsim::jaro_winkler(typed, name), name));
        scored.max_by(|a, b| a.0.total_cmp(&b.0))
    });
    match nearest {
        Some((score, name)) if 0.7 < score => format!("{message}; did you mean `{name}`?"),
        Some(_) | None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[track_caller]
    fn rejected(text: &str, expected: &str) {
        let error = Scenario::parse(text, "busy.toml").unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_empty_file_is_the_default_scenario() {
        assert_eq!(Scenario::parse("", "x").unwrap(), Scenario::default());
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let page = include_str!("scenario.rs").split("```").nth(1).unwrap();
        let lines = page
            .lines()
            .skip(1)
            .map(|line| line.trim_start_matches("//!"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let scenario = Scenario::parse(&text, "example").unwrap();
        assert_eq!(scenario.faults.len(), 2, "{scenario:?}");
        assert_eq!(scenario.tenants.len(), 1, "{scenario:?}");
        assert_eq!(scenario.quotas[0].tokens_per_minute, Some(200_000));
    }

    #[test]
    fn a_mistyped_name_suggests_the_nearest_one() {
        rejected(
            "about = \"x\"\n\n[[fault]]\nkind = \"throttled\"\nshar = 0.5\n",
            "busy.toml:5: unknown field `shar`, expected one of `kind`, `model`, `matching`, \
             `key`, `from_s`, `to_s`, `first`, `every`, `times`, `share`, `retry_after_s`, `ms`; did \
             you mean `share`?",
        );
    }

    #[test]
    fn an_invalid_value_names_its_table() {
        rejected(
            "seed = 1\n[[fault]]\nkind = \"throttled\"\nshare = 1.5\n",
            "busy.toml:2: share is from 0 to 1, such as 0.05",
        );
        rejected(
            "[output]\nmin_tokens = 90\n",
            "busy.toml:1: lengths go up: min_tokens, mean_tokens, max_tokens",
        );
        rejected(
            "seed = 1\n\n[[tenant]]\nevery_s = 30\n",
            "busy.toml:3: bursts need every_s and for_s, and end before the next begins",
        );
        rejected(
            "[[quota]]\nfrom_s = 9\nto_s = 9\n",
            "busy.toml:1: to_s comes after from_s; both count seconds from the start",
        );
        rejected(
            "[[fault]]\nkind = \"slow\"\n",
            "busy.toml:1: a slow fault needs ms, the milliseconds to add",
        );
        rejected(
            "[[fault]]\nkind = \"reset\"\nretry_after_s = 1\n",
            "busy.toml:1: retry_after_s needs a kind that answers with an error status",
        );
    }
}
