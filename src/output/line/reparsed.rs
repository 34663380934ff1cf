//! The line of a failure whose body can be parsed now, turned into that of a success.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{
    CellFields, CompletionFields, Ending, OutputLine, RecordError, Shared, Status, TokenFields,
    something,
};
use crate::exact::{self, ExactMap};
use crate::model::{Category, Fingerprint, FinishReason, ParsedReply, Served};
use crate::output::RowName;
use crate::run::{Cell, Identity, Share, Variant};

/// A line of a failure, as far as it goes into the line of the success.
#[derive(Debug, Deserialize)]
pub(in crate::output) struct Kept {
    pub(in crate::output) custom_id: Option<String>,
    pub(in crate::output) row: u64,
    variant: Option<String>,
    sample: Option<u32>,
    #[serde(default, deserialize_with = "exact::fields")]
    params: Option<Map<String, Value>>,
    pub(in crate::output) model: String,
    pub(in crate::output) error: RecordError,
    rows_in_call: Option<u32>,
    place_in_call: Option<u32>,
    attempts: u32,
    throttles: u32,
    maybe_billed: u32,
    #[serde(default)]
    maybe_billed_usd: f64,
    queued_ms: u64,
    latency_ms: u64,
    started_at: String,
    finished_at: String,
    pub(in crate::output) request_id: Option<String>,
    copied_from: Option<String>,
    fingerprint: Option<String>,
    #[serde(default, deserialize_with = "exact::fields")]
    metadata: Option<Map<String, Value>>,
    messages: Option<Box<RawValue>>,
    #[serde(default)]
    emulated: bool,
    /// Lines of earlier versions do not tell.
    pub(in crate::output) service_tier: Option<String>,
    pub(in crate::output) latency_mode: Option<String>,
    #[serde(default)]
    pub(in crate::output) keeps_reasoning: bool,
    #[serde(default)]
    pub(in crate::output) own_body: bool,
    raw: Option<Value>,
    /// Of a response that breaks the schema its line tells all of this.
    completion: Option<String>,
    reasoning: Option<String>,
    finish_reason: Option<String>,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: TokenFields,
    pub(in crate::output) cost_usd: Option<f64>,
    #[serde(default)]
    reasks: u32,
}

impl Kept {
    /// The response, if it was parsed and breaks the schema that its job had.
    pub(in crate::output) fn invalid(&self) -> Option<ParsedReply> {
        let is_invalid = self.error.category == Category::InvalidOutput.as_str();
        is_invalid.then(|| ParsedReply {
            completion: self.completion.clone(),
            reasoning: self.reasoning.clone(),
            finish_reason: self
                .finish_reason
                .as_deref()
                .and_then(FinishReason::parse)
                .unwrap_or(FinishReason::Unknown),
            stop_reason: self.stop_reason.clone(),
            usage: self.usage.into(),
            ..ParsedReply::default()
        })
    }

    /// With whom the row shared its call.
    pub(in crate::output) fn share(&self) -> Share {
        match (self.rows_in_call, self.place_in_call) {
            (Some(rows), Some(place)) => Share { rows, place },
            (None, _) | (_, None) => Share::ALONE,
        }
    }

    /// Which row it is.
    pub(in crate::output) fn name(&self) -> RowName<'_> {
        RowName::new(self.custom_id.as_deref(), self.row)
            .in_cell(self.variant.as_deref(), self.sample)
    }

    fn cell(&self) -> Option<Cell> {
        let name = self.variant.clone()?;
        Some(Cell {
            variant: Arc::new(Variant { place: 0, name }),
            sample: self.sample.unwrap_or(1),
            params: Arc::new(self.params.clone().unwrap_or_default()),
        })
    }

    pub(in crate::output) fn identity(&self) -> Identity {
        Identity {
            row: self.row,
            custom_id: self.custom_id.clone(),
            fingerprint: self.fingerprint(),
            metadata: self.metadata.clone(),
            cell: self.cell(),
            prompt: None,
        }
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint.as_ref()?.parse().ok()
    }

    /// The body as it came, but for the blanks in it.
    pub(in crate::output) fn body(&self) -> Option<Vec<u8>> {
        let raw = self.raw.as_ref()?;
        let text = raw.as_str().map(str::to_owned);
        Some(text.unwrap_or_else(|| raw.to_string()).into_bytes())
    }

    /// How many attempts may have been billed beside the answer, once its cost is known, and what
    /// for. All attempts of a row are the same call, or one that it shared, so each counted for about
    /// as much.
    fn maybe_billed_besides(&self, cost_usd: Option<f64>) -> (u32, f64) {
        match (cost_usd, self.maybe_billed) {
            (None, _) | (_, 0) => (self.maybe_billed, self.maybe_billed_usd),
            (Some(_), attempts) => {
                let others = attempts - 1;
                let usd = self.maybe_billed_usd * f64::from(others) / f64::from(attempts);
                (others, usd)
            }
        }
    }
}

/// The line of a response that could not be parsed when it arrived. It keeps its body.
pub(in crate::output) fn reparsed(
    kept: &Kept,
    reading: &ParsedReply,
    files: &[String],
    cost_usd: Option<f64>,
) -> Vec<u8> {
    let served = Served {
        tier: kept.service_tier.clone(),
        latency_mode: kept.latency_mode.clone(),
        ..Served::default()
    };
    let (maybe_billed, maybe_billed_usd) = match kept.invalid() {
        Some(_) => (kept.maybe_billed, kept.maybe_billed_usd),
        None => kept.maybe_billed_besides(cost_usd),
    };
    let cell = kept.cell();
    let line = OutputLine {
        custom_id: kept.custom_id.as_deref(),
        row: kept.row,
        cell: cell.as_ref().map(CellFields::of),
        status: Status::of_answer(reading.finish_reason),
        ending: Ending::Answered(CompletionFields {
            files,
            reasks: kept.reasks,
            ..CompletionFields::of(reading, &served, &kept.model, cost_usd)
        }),
        shared: Shared::of(kept.share()),
        attempts: kept.attempts,
        throttles: kept.throttles,
        maybe_billed,
        maybe_billed_usd: something(maybe_billed_usd),
        queued_ms: kept.queued_ms.into(),
        latency_ms: kept.latency_ms.into(),
        first_token_ms: None,
        service_latency_ms: None,
        started_at: kept.started_at.clone(),
        finished_at: kept.finished_at.clone(),
        request_id: kept.request_id.as_deref(),
        copied_from: kept.copied_from.as_deref(),
        fingerprint: kept.fingerprint(),
        metadata: kept.metadata.as_ref().map(ExactMap),
        messages: kept.messages.clone(),
        emulated: kept.emulated,
        // The body of a shared call is that of all its rows.
        raw: kept.raw.clone().filter(|_| kept.share() == Share::ALONE),
    };
    let mut text = serde_json::to_vec(&line).expect("a line holds nothing JSON cannot say");
    text.push(b'\n');
    text
}
