//! Completions of earlier runs, read again to be copied to rows that would send the same request.

use std::collections::HashMap;
use std::fs::File;

use serde::Deserialize;
use serde_json::Value;

use super::OutputPaths;
use super::line::Status;
use super::scan::each_line;
use crate::model::{Fingerprint, FinishReason, ParsedReply, Reply, Served};

/// A row that succeeded in an earlier run.
#[derive(Debug, PartialEq)]
pub struct EarlierReply {
    /// The fingerprint of its request.
    pub fingerprint: Fingerprint,
    /// Its id.
    pub custom_id: String,
    /// The variant of a sweep that it is of.
    pub variant: Option<String>,
    /// Its record, as far as a copy has it.
    pub reply: Reply,
}

/// What a copy has of a line.
#[derive(Debug, Deserialize)]
struct CopiedFields {
    custom_id: Option<String>,
    completion: Option<String>,
    reasoning: Option<String>,
    output: Option<Value>,
    #[serde(default)]
    files: Vec<String>,
    stop_reason: Option<String>,
    service_tier: Option<String>,
    latency_mode: Option<String>,
    schema_valid: Option<bool>,
    #[serde(default)]
    emulated: bool,
}

/// The first succeeded row of each of these requests, in the order of the output. Images are files of
/// their row, a schema may have changed, and lines may be unreadable: all these are left out, and such
/// rows are sent.
pub fn earlier_replies(
    paths: &OutputPaths,
    requests: &HashMap<Fingerprint, u64>,
    mut take: impl FnMut(EarlierReply),
) {
    let Ok(mut file) = File::open(&paths.output) else {
        return;
    };
    // What breaks off later has shown the lines before it.
    let _ = each_line(&mut file, |line| {
        if let Some(known) = &line.known
            && known.status == Status::Succeeded
            && let Some(fingerprint) = known.fingerprint()
            && requests.contains_key(&fingerprint)
            && let Ok(source) = serde_json::from_slice::<CopiedFields>(line.bytes)
            && source.files.is_empty()
            && source.schema_valid.is_none()
            && let Some(finish_reason) =
                known.finish_reason.as_deref().and_then(FinishReason::parse)
            && let Some(custom_id) = source.custom_id
        {
            take(EarlierReply {
                fingerprint,
                custom_id,
                variant: known.variant.clone(),
                reply: Reply {
                    parsed: ParsedReply {
                        completion: source.completion,
                        reasoning: source.reasoning,
                        output: source.output,
                        finish_reason,
                        stop_reason: source.stop_reason,
                        ..ParsedReply::default()
                    },
                    served: Served {
                        tier: source.service_tier,
                        latency_mode: source.latency_mode,
                        emulated: source.emulated,
                        latency_ms: None,
                    },
                    ..Reply::default()
                },
            });
        }
        Ok(())
    });
}
