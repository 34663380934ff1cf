//! The plan for machines: one object, whose fields are only ever added.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Planned, request};
use crate::engine::plan::PlannedWork;
use crate::job::{Endpoint, QuotaSource, SchemaPlan};
use crate::model::Fingerprint;
use crate::rows::forecast::{Cases, Estimate, Forecast, MaxTokens};
use crate::rows::trouble::Trouble;

/// What `plan --json` prints.
#[derive(Serialize)]
struct PlanObject<'a> {
    promptmill: &'a str,
    name: &'a str,
    model: &'a str,
    region: Option<&'a str>,
    emulated: bool,
    fingerprint: Fingerprint,
    input: String,
    output: String,
    /// Why `run` would refuse the job; empty where it would not.
    refusals: &'a [String],
    notes: &'a [String],
    rows: RowCounts<'a>,
    assumed: Assumed,
    tokens: TokenEstimate,
    cost_usd: Cost,
    time: Time,
    max_tokens: Option<Lengths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Structured<'a>>,
    /// The variants of a sweep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<OfVariant<'a>>,
    /// Variants that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped<'a>>,
    first_request: Option<FirstRequest<'a>>,
}

#[derive(Serialize)]
struct RowCounts<'a> {
    /// Records of the input; with a sweep each is several rows.
    input: u64,
    /// Rows of the job.
    all: u64,
    answered: u64,
    failed: u64,
    /// Rows that are left and can be sent.
    left: u64,
    /// Calls that they take.
    calls: u64,
    unusable: Troubled<'a>,
    changed: Troubled<'a>,
    duplicates: Troubled<'a>,
    /// Whose prompts are the template alone.
    blank: Troubled<'a>,
    /// In the output and no longer in the input.
    gone: u64,
}

#[derive(Serialize)]
struct Troubled<'a> {
    count: u64,
    examples: &'a [String],
}

/// What the figures rest on.
#[derive(Serialize)]
struct Assumed {
    bytes_per_token: EstimateFigures,
    /// Answers the bytes per token were measured on; 0 where they are assumed.
    bytes_per_token_measured_on: u64,
    /// Answers the length of answers was measured on.
    output_measured_on: u64,
    latency_seconds: Option<f64>,
    burndown: f64,
}

/// How the model gets the schema of the job.
#[derive(Serialize)]
struct Structured<'a> {
    mode: &'static str,
    why: &'a str,
    name: &'a str,
    /// As it is sent.
    sent: &'a Value,
    /// What of it is not sent, each with its place.
    removed: &'a [String],
    reasks: u32,
    /// Corrections that are assumed per row.
    corrections: EstimateFigures,
}

/// What is not known is `null`.
#[derive(Serialize)]
struct EstimateFigures {
    low: Option<f64>,
    expected: Option<f64>,
    worst: Option<f64>,
}

#[derive(Serialize)]
struct TokenEstimate {
    /// Cached ones included.
    input: EstimateFigures,
    /// What of it is read from the prompt cache.
    cache_read: EstimateFigures,
    output: EstimateFigures,
    /// Input that is not read from the cache, and output times its burndown.
    quota: EstimateFigures,
    largest_reservation: u64,
}

#[derive(Serialize)]
struct Cost {
    on_demand: EstimateFigures,
    flex: EstimateFigures,
    batch: EstimateFigures,
    /// The tier that the job asks for.
    service_tier: &'static str,
    /// In that tier: what the run will cost.
    in_service_tier: EstimateFigures,
    /// By the answers so far.
    spent: Option<f64>,
    /// What calls may have cost beyond that.
    maybe_billed: f64,
}

#[derive(Serialize)]
struct Time {
    seconds: EstimateFigures,
    /// `requests_per_minute`, `tokens_per_minute`, `reservations` or `concurrency`.
    bound_by: Option<&'static str>,
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u64>,
    concurrency: usize,
    /// Where limits come from that the job does not give: `learned` from refusals, or `auto`, which
    /// the run asks Service Quotas for and plan does not.
    quota: &'static str,
}

#[derive(Serialize)]
struct Lengths {
    reserved: Option<u64>,
    answers: u64,
    p50: u64,
    p99: u64,
    max: u64,
    cut_off: u64,
    advice: Option<u64>,
}

/// One variant of a sweep.
#[derive(Serialize)]
struct OfVariant<'a> {
    variant: &'a str,
    params: &'a Map<String, Value>,
    samples: u32,
    answered: u64,
    failed: u64,
    left: u64,
    calls: u64,
    input_tokens: EstimateFigures,
    output_tokens: EstimateFigures,
    quota_tokens: EstimateFigures,
    /// In the tier that it asks for.
    cost_usd: EstimateFigures,
    seconds: EstimateFigures,
    bound_by: Option<&'static str>,
}

#[derive(Serialize)]
struct Skipped<'a> {
    variant: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct FirstRequest<'a> {
    row: u64,
    custom_id: Option<&'a str>,
    rows_in_call: usize,
    method: &'a str,
    path: String,
    headers: Map<String, Value>,
    body: Value,
}

/// The object as text.
pub(super) fn of(planned: &Planned) -> String {
    let Planned {
        plan,
        survey,
        forecast,
        ..
    } = planned;
    let object = PlanObject {
        promptmill: env!("CARGO_PKG_VERSION"),
        name: &plan.name,
        model: plan.model.as_str(),
        region: plan.region.as_deref(),
        emulated: matches!(plan.endpoint, Endpoint::Emulator { .. }),
        fingerprint: plan.fingerprint(),
        input: plan.input.display().to_string(),
        output: plan.output.display().to_string(),
        refusals: &planned.refusals,
        notes: &planned.notes,
        rows: RowCounts {
            input: survey.records,
            all: survey.rows,
            answered: planned.answered(),
            failed: planned.failed(),
            left: forecast.rows,
            calls: forecast.calls,
            unusable: troubled(&survey.unusable),
            changed: troubled(&survey.changed),
            duplicates: troubled(&survey.duplicates),
            blank: troubled(&survey.blank),
            gone: planned.gone,
        },
        assumed: assumed(forecast, plan.tokens.burndown),
        tokens: TokenEstimate {
            input: figures(&forecast.input),
            cache_read: figures(&forecast.cache_read),
            output: figures(&forecast.output),
            quota: figures(&forecast.quota),
            largest_reservation: forecast.largest_reservation as u64,
        },
        cost_usd: Cost {
            on_demand: figures(&forecast.on_demand),
            flex: figures(&forecast.flex),
            batch: figures(&forecast.batch),
            service_tier: forecast.tier.as_str(),
            in_service_tier: figures(&forecast.in_tier),
            spent: planned.spent_usd,
            maybe_billed: planned.maybe_billed_usd,
        },
        time: Time {
            seconds: figures(&forecast.pace.seconds),
            bound_by: forecast.pace.bound.map(|bound| bound.as_str()),
            requests_per_minute: plan.requests_per_minute.map(|requests| requests.0.get()),
            tokens_per_minute: plan.tokens.per_minute,
            concurrency: plan.concurrency,
            quota: match plan.quota {
                QuotaSource::Learned => "learned",
                QuotaSource::Auto { .. } => "auto",
            },
        },
        max_tokens: forecast.max_tokens.as_ref().map(lengths),
        schema: planned.plan.schema.as_ref().map(|schema| {
            let corrections = planned.plan.corrections();
            structured(schema, &corrections)
        }),
        variants: planned.variants.iter().filter_map(of_variant).collect(),
        skipped: skipped(planned),
        first_request: first_request(planned),
    };
    serde_json::to_string_pretty(&object).expect("a plan holds nothing JSON cannot say")
}

fn of_variant(work: &PlannedWork) -> Option<OfVariant<'_>> {
    let sweep = work.of.sweep.as_ref()?;
    let forecast = &work.forecast;
    Some(OfVariant {
        variant: work.of.name(),
        params: sweep.varies(),
        samples: sweep.samples,
        answered: work.gathered.answered,
        failed: work.gathered.failed,
        left: forecast.rows,
        calls: forecast.calls,
        input_tokens: figures(&forecast.input),
        output_tokens: figures(&forecast.output),
        quota_tokens: figures(&forecast.quota),
        cost_usd: figures(&forecast.in_tier),
        seconds: figures(&forecast.pace.seconds),
        bound_by: forecast.pace.bound.map(|bound| bound.as_str()),
    })
}

fn skipped(planned: &Planned) -> Vec<Skipped<'_>> {
    let skipped = planned.skipped.iter();
    let skipped = skipped.map(|(variant, reason)| Skipped { variant, reason });
    skipped.collect()
}

fn structured<'a>(schema: &'a SchemaPlan, corrections: &Cases<f64>) -> Structured<'a> {
    Structured {
        mode: schema.sent.mode.as_str(),
        why: &schema.why,
        name: &schema.sent.name,
        sent: &schema.sent.schema,
        removed: &schema.removed,
        reasks: schema.reasks,
        corrections: EstimateFigures {
            low: Some(corrections.low),
            expected: Some(corrections.expected),
            worst: Some(corrections.worst),
        },
    }
}

fn troubled(trouble: &Trouble) -> Troubled<'_> {
    Troubled {
        count: trouble.count,
        examples: &trouble.examples,
    }
}

fn assumed(forecast: &Forecast, burndown: f64) -> Assumed {
    let bytes = forecast.bytes_per_token;
    Assumed {
        bytes_per_token: EstimateFigures {
            low: Some(bytes.low),
            expected: Some(bytes.expected),
            worst: Some(bytes.worst),
        },
        bytes_per_token_measured_on: forecast.measured_on,
        output_measured_on: forecast.answers,
        latency_seconds: forecast.latency.map(|latency| latency.as_secs_f64()),
        burndown,
    }
}

fn figures(estimate: &Estimate) -> EstimateFigures {
    EstimateFigures {
        low: estimate.low,
        expected: estimate.expected,
        worst: estimate.worst,
    }
}

fn lengths(found: &MaxTokens) -> Lengths {
    Lengths {
        reserved: found.reserved,
        answers: found.answers,
        p50: found.p50,
        p99: found.p99,
        max: found.max,
        cut_off: found.cut_off,
        advice: found.better,
    }
}

fn first_request(planned: &Planned) -> Option<FirstRequest<'_>> {
    let (plan, first) = planned.first()?;
    let headers = request::headers(plan).into_iter();
    Some(FirstRequest {
        row: first.row,
        custom_id: first.custom_id.as_deref(),
        rows_in_call: first.bodies.len(),
        method: "POST",
        path: request::path(plan),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
        body: request::body(&request::bytes(plan.family, first)),
    })
}
