//! What the library reports during a run.

use super::told::Told;
use crate::model::FinishReason;
use crate::run::{CompletedRow, Event, Outcome};

/// Something that happened in a run. There may be more of them later.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum JobEvent<'a> {
    /// Something that a person may want to know.
    Note(&'a str),
    /// Something that a person should know.
    Warning(&'a str),
    /// Calls start now.
    Started {
        /// Rows of the job, those that completed earlier included.
        rows: u64,
    },
    /// A row completed, and its line is in the output.
    Row(RowEvent<'a>),
    /// The run is under way; reported five times a second.
    Progress(ProgressEvent),
}

/// A row that completed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RowEvent<'a> {
    /// Its number in the input, from 1.
    pub row: u64,
    /// Its id; `None` if the row could not be read.
    pub custom_id: Option<&'a str>,
    /// The variant of a sweep; `None` without one.
    pub variant: Option<&'a str>,
    /// Which of the variant's samples, from 1; `None` without a sweep.
    pub sample: Option<u32>,
    /// How it ended.
    pub status: RowStatus,
    /// What the model wrote; `None` for a failed row and for a model that writes no text.
    pub completion: Option<&'a str>,
    /// What the call cost, in USD, if the price is known.
    pub cost_usd: Option<f64>,
    /// Why it failed.
    pub error: Option<&'a str>,
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowStatus {
    /// The model answered.
    Succeeded,
    /// A filter or a guardrail intervened.
    Filtered,
    /// It will not be answered.
    Failed,
}

/// A run as it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ProgressEvent {
    /// Rows that have completed, those of earlier runs included.
    pub completed: u64,
    /// Failed rows among them.
    pub failed: u64,
    /// Calls in flight.
    pub in_flight: u64,
    /// What all of it may have cost so far, in USD, at most.
    pub charge_usd: f64,
}

impl<'a> JobEvent<'a> {
    pub(super) fn of(told: &'a Told<'_>) -> Option<Self> {
        match told {
            Told::Note(text) => Some(Self::Note(text)),
            Told::Warning(text) => Some(Self::Warning(text)),
            Told::Starts { rows, .. } => Some(Self::Started { rows: *rows }),
            Told::Happened(Event::Completed(row), ..) => Some(Self::Row(RowEvent::of(row))),
            Told::Happened(Event::Tick, progress, _) => {
                let overall = progress.overall();
                Some(Self::Progress(ProgressEvent {
                    completed: overall.ended(),
                    failed: overall.failed,
                    in_flight: progress.in_flight,
                    charge_usd: overall.charge_usd(),
                }))
            }
            Told::Happened(..) | Told::Reads(_) | Told::Read | Told::HasRead | Told::Ends(..) => {
                None
            }
        }
    }
}

impl<'a> RowEvent<'a> {
    fn of(row: &'a CompletedRow) -> Self {
        let (status, completion, cost_usd, error) = match &row.outcome {
            Outcome::Replied(reply) => {
                let status = match reply.parsed.finish_reason {
                    FinishReason::ContentFilter | FinishReason::Guardrail => RowStatus::Filtered,
                    FinishReason::Stop
                    | FinishReason::Length
                    | FinishReason::ToolCalls
                    | FinishReason::ContextWindow
                    | FinishReason::Unknown => RowStatus::Succeeded,
                };
                let completion = reply.parsed.completion.as_deref();
                (status, completion, reply.cost_usd, None)
            }
            Outcome::Failed(fault) => (RowStatus::Failed, None, None, Some(fault.meaning())),
        };
        let cell = row.identity.cell.as_ref();
        Self {
            row: row.identity.row,
            custom_id: row.identity.custom_id.as_deref(),
            variant: cell.map(|cell| cell.variant.name.as_str()),
            sample: cell.map(|cell| cell.sample),
            status,
            completion,
            cost_usd,
            error,
        }
    }
}
