//! A line of output as it is on disk. Fields are only ever added.

mod known;
mod reparsed;
mod status;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::catalog::rounded_usd;
use crate::exact::{Exact, ExactMap};
use crate::json_cost;
use crate::model::{
    Category, Fault, Fingerprint, ParsedReply, Prompt, Reasoning, Reply, SchemaCheck, SchemaError,
    Served, Usage,
};
use crate::run::{Cell, CompletedRow, Outcome, Share};

pub(super) use known::Known;
pub use known::RecordError;
pub(super) use reparsed::{Kept, reparsed};
pub(super) use status::Status;

/// When the provider's own body is kept beside what was read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepRaw {
    /// With every response.
    Always,
    /// With responses that could not be parsed.
    Errors,
    /// Not at all.
    Never,
}

/// What is the same for every line of a run, or belongs to the moment it is written.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The model id, as it was typed.
    pub model: &'a str,
    /// When to keep the provider's body.
    pub keep_raw: KeepRaw,
    /// The service tier that the job asks for.
    pub service_tier: &'a str,
    /// The latency that the job asks for, where it does.
    pub latency_mode: Option<&'a str>,
    /// Whether lines keep the reasoning before the completion.
    pub reasoning: Reasoning,
    /// Whether rows bring their own bodies, to which completions are kept as they were sent.
    pub own_body: bool,
    /// Whether the embedded emulator is asked: then all of the line is made up.
    pub emulated: bool,
    /// The files of the row's images, seen from the output.
    pub files: &'a [String],
    /// The wall clock when the row completed.
    pub finished_at: Timestamp,
}

#[derive(Serialize)]
struct OutputLine<'a> {
    custom_id: Option<&'a str>,
    row: u64,
    #[serde(flatten)]
    cell: Option<CellFields<'a>>,
    status: Status,
    #[serde(flatten)]
    ending: Ending<'a>,
    #[serde(flatten)]
    shared: Option<Shared>,
    attempts: u32,
    throttles: u32,
    maybe_billed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe_billed_usd: Option<f64>,
    queued_ms: u128,
    latency_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_latency_ms: Option<u64>,
    started_at: String,
    finished_at: String,
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_from: Option<&'a str>,
    fingerprint: Option<Fingerprint>,
    metadata: Option<ExactMap<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    emulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Value>,
}

/// The place of a row in a sweep.
#[derive(Serialize)]
struct CellFields<'a> {
    variant: &'a str,
    sample: u32,
    params: ExactMap<'a>,
}

impl<'a> CellFields<'a> {
    fn of(cell: &'a Cell) -> Self {
        Self {
            variant: &cell.variant.name,
            sample: cell.sample,
            params: ExactMap(&cell.params),
        }
    }
}

/// A row that shares its call with others: how many they are, and which of them it is, from 1.
#[derive(Serialize)]
struct Shared {
    rows_in_call: u32,
    place_in_call: u32,
}

impl Shared {
    fn of(share: Share) -> Option<Self> {
        let shared = Self {
            rows_in_call: share.rows,
            place_in_call: share.place,
        };
        (1 < share.rows).then_some(shared)
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Ending<'a> {
    Answered(CompletionFields<'a>),
    Failed {
        error: Error<'a>,
        model: &'a str,
        #[serde(flatten)]
        reading: Option<LaterReading<'a>>,
        #[serde(flatten)]
        invalid: Option<InvalidAnswer<'a>>,
    },
}

/// What the line of a response that could not be parsed keeps for `reparse`: how to parse it, and by
/// which price list it was billed.
#[derive(Serialize)]
struct LaterReading<'a> {
    service_tier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    keeps_reasoning: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own_body: bool,
}

impl<'a> LaterReading<'a> {
    fn of(category: Category, stamp: &Stamp<'a>) -> Option<Self> {
        let is_read_later = matches!(category, Category::BadResponse | Category::InvalidOutput);
        is_read_later.then_some(Self {
            service_tier: stamp.service_tier,
            latency_mode: stamp.latency_mode,
            keeps_reasoning: stamp.reasoning == Reasoning::Kept,
            own_body: stamp.own_body,
        })
    }
}

/// What the line of a response that breaks the schema keeps of it: it is paid for.
#[derive(Serialize)]
struct InvalidAnswer<'a> {
    completion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    finish_reason: &'a str,
    stop_reason: Option<&'a str>,
    usage: TokenFields,
    cost_usd: Option<f64>,
    schema_valid: bool,
    schema_errors: Vec<BrokenRule<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    reasks: u32,
}

/// A rule of the schema that a response breaks.
#[derive(Serialize)]
struct BrokenRule<'a> {
    pointer: &'a str,
    keyword: &'a str,
    message: &'a str,
}

impl<'a> InvalidAnswer<'a> {
    fn of(reply: &'a Reply) -> Self {
        let reading = &reply.parsed;
        let errors = match &reading.schema {
            Some(SchemaCheck::Invalid(errors)) => errors.as_slice(),
            Some(SchemaCheck::Valid { .. }) | None => &[],
        };
        let broken = |error: &'a SchemaError| BrokenRule {
            pointer: &error.pointer,
            keyword: &error.keyword,
            message: &error.message,
        };
        Self {
            completion: reading.completion.as_deref(),
            reasoning: reading.reasoning.as_deref(),
            finish_reason: reading.finish_reason.as_str(),
            stop_reason: reading.stop_reason.as_deref(),
            usage: reading.usage.into(),
            cost_usd: reply.cost_usd,
            schema_valid: false,
            schema_errors: errors.iter().map(broken).collect(),
            reasks: reply.reasks,
        }
    }
}

/// Whether a count is 0, and is left out of a line.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field by reference"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct CompletionFields<'a> {
    completion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    files: &'a [String],
    finish_reason: &'a str,
    stop_reason: Option<&'a str>,
    model: &'a str,
    usage: TokenFields,
    cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guardrail_trace: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    reasks: u32,
}

impl<'a> CompletionFields<'a> {
    fn of(
        reading: &'a ParsedReply,
        served: &'a Served,
        model: &'a str,
        cost_usd: Option<f64>,
    ) -> Self {
        Self {
            completion: reading.completion.as_deref(),
            reasoning: reading.reasoning.as_deref(),
            output: reading.output.as_ref(),
            files: &[],
            finish_reason: reading.finish_reason.as_str(),
            stop_reason: reading.stop_reason.as_deref(),
            model,
            usage: reading.usage.into(),
            cost_usd,
            service_tier: served.tier.as_deref(),
            latency_mode: served.latency_mode.as_deref(),
            guardrail_trace: reading.guardrail_trace.as_ref(),
            schema_valid: reading.schema.as_ref().map(SchemaCheck::is_valid),
            repaired: reading.schema.as_ref().and_then(SchemaCheck::repair),
            reasks: 0,
        }
    }
}

#[derive(Serialize)]
struct Error<'a> {
    category: &'a str,
    code: Option<&'a str>,
    status_code: Option<u16>,
    message: &'a str,
}

/// Token counts as they are on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenFields {
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) cache_read_input_tokens: Option<u64>,
    pub(super) cache_write_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_write_1h_input_tokens: Option<u64>,
}

impl From<TokenFields> for Usage {
    fn from(tokens: TokenFields) -> Self {
        let TokenFields {
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            cache_write_input_tokens,
            cache_write_1h_input_tokens,
        } = tokens;
        Self {
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            cache_write_input_tokens,
            cache_write_1h_input_tokens,
        }
    }
}

impl From<Usage> for TokenFields {
    fn from(usage: Usage) -> Self {
        let Usage {
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            cache_write_input_tokens,
            cache_write_1h_input_tokens,
        } = usage;
        Self {
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            cache_write_input_tokens,
            cache_write_1h_input_tokens: cache_write_1h_input_tokens.filter(|tokens| 0 < *tokens),
        }
    }
}

/// Appends `ended` to `out` as one line.
pub(super) fn write(ended: &CompletedRow, stamp: &Stamp<'_>, out: &mut Vec<u8>) {
    let identity = &ended.identity;
    let latency = jiff::SignedDuration::try_from(ended.latency).unwrap_or_default();
    let line = OutputLine {
        custom_id: identity.custom_id.as_deref(),
        row: identity.row,
        cell: identity.cell.as_ref().map(CellFields::of),
        status: Status::of(&ended.outcome),
        ending: ending(&ended.outcome, stamp),
        shared: Shared::of(ended.share),
        attempts: ended.attempts,
        throttles: ended.throttles,
        maybe_billed: ended.maybe_billed,
        maybe_billed_usd: something(ended.maybe_billed_usd),
        queued_ms: ended.queued.as_millis(),
        latency_ms: ended.latency.as_millis(),
        first_token_ms: first_token(&ended.outcome).map(|time| time.as_millis()),
        service_latency_ms: service_latency_ms(&ended.outcome),
        started_at: time(stamp.finished_at - latency),
        finished_at: time(stamp.finished_at),
        request_id: request_id(&ended.outcome),
        copied_from: ended.copied_from.as_deref(),
        fingerprint: identity.fingerprint,
        metadata: identity.metadata.as_ref().map(ExactMap),
        messages: identity.prompt.as_deref().and_then(messages),
        emulated: stamp.emulated || is_emulated(&ended.outcome),
        raw: raw(&ended.outcome, stamp.keep_raw),
    };
    serde_json::to_writer(&mut *out, &line).expect("a line holds nothing JSON cannot say");
    out.push(b'\n');
}

fn ending<'a>(outcome: &'a Outcome, stamp: &Stamp<'a>) -> Ending<'a> {
    match outcome {
        Outcome::Replied(reply) => {
            let Reply {
                parsed,
                cost_usd,
                served,
                reasks,
                ..
            } = reply.as_ref();
            Ending::Answered(CompletionFields {
                files: stamp.files,
                reasks: *reasks,
                ..CompletionFields::of(parsed, served, stamp.model, *cost_usd)
            })
        }
        Outcome::Failed(Fault {
            category,
            code,
            status_code,
            message,
            invalid,
            ..
        }) => Ending::Failed {
            error: Error {
                category: category.as_str(),
                code: code.as_deref(),
                status_code: *status_code,
                message,
            },
            model: stamp.model,
            reading: LaterReading::of(*category, stamp),
            invalid: invalid.as_deref().map(InvalidAnswer::of),
        },
    }
}

/// A prompt as messages, its numbers with all their digits.
fn messages(prompt: &Prompt) -> Option<Box<RawValue>> {
    let messages = Value::from(prompt.as_messages());
    RawValue::from_string(Exact(&messages).to_string()).ok()
}

fn request_id(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Replied(reply) => reply.request_id.as_deref(),
        Outcome::Failed(fault) => fault.request_id.as_deref(),
    }
}

fn first_token(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Replied(reply) => reply.first_token,
        Outcome::Failed(fault) => fault.invalid.as_ref()?.first_token,
    }
}

/// Whether the response has the mark of an emulator.
pub(super) fn is_emulated(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Replied(reply) => reply.served.emulated,
        Outcome::Failed(fault) => fault.emulated,
    }
}

fn service_latency_ms(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Replied(reply) => reply.served.latency_ms,
        Outcome::Failed(fault) => fault.invalid.as_ref()?.served.latency_ms,
    }
}

/// The most that the tree of a failed row's body may cost, in bytes, for its line to have it as JSON: what
/// was no response may have been made to fill the memory.
const MOST_BYTES_OF_FAILED: usize = 4 << 20;

/// The provider's body: JSON where it is JSON of a reasonable number of values, else text.
fn raw(outcome: &Outcome, keep: KeepRaw) -> Option<Value> {
    let (bytes, most) = match (outcome, keep) {
        (_, KeepRaw::Never) | (Outcome::Replied(_), KeepRaw::Errors) => return None,
        (Outcome::Replied(reply), KeepRaw::Always) => (&reply.raw, json_cost::MOST_BYTES),
        (Outcome::Failed(fault), KeepRaw::Always | KeepRaw::Errors) => {
            (fault.raw.as_ref()?, MOST_BYTES_OF_FAILED)
        }
    };
    let text = || String::from_utf8_lossy(bytes).into();
    Some(match json_cost::cost(bytes) {
        Ok(cost) if cost <= most => serde_json::from_slice(bytes).unwrap_or_else(|_| text()),
        Ok(_) | Err(_) => text(),
    })
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An amount, unless it is nothing.
fn something(usd: f64) -> Option<f64> {
    let usd = rounded_usd(usd);
    (0.0 < usd).then_some(usd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_to_the_millisecond() {
        let at = Timestamp::from_microsecond(1_764_500_400_123_999).unwrap();
        assert_eq!(time(at), "2025-11-30T11:00:00.123Z");
    }
}
