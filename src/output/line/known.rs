//! A line as it is read back.

use serde::Deserialize;

use super::{Status, TokenFields};
use crate::model::fault::words;
use crate::model::{Category, Fingerprint};
use crate::output::RowName;

/// Only what resuming and counting need.
#[derive(Debug, Deserialize)]
pub(in crate::output) struct Known {
    pub(in crate::output) custom_id: Option<String>,
    pub(in crate::output) row: u64,
    #[serde(default)]
    pub(in crate::output) variant: Option<String>,
    #[serde(default)]
    pub(in crate::output) sample: Option<u32>,
    pub(in crate::output) status: Status,
    fingerprint: Option<String>,
    #[serde(default)]
    pub(in crate::output) finish_reason: Option<String>,
    #[serde(default)]
    pub(in crate::output) usage: TokenFields,
    #[serde(default)]
    pub(in crate::output) cost_usd: Option<f64>,
    #[serde(default)]
    pub(in crate::output) maybe_billed_usd: f64,
    #[serde(default)]
    pub(in crate::output) emulated: bool,
    /// The id of the row that was sent for this one.
    #[serde(default)]
    pub(in crate::output) copied_from: Option<String>,
    #[serde(default)]
    pub(in crate::output) latency_ms: Option<u64>,
    /// What a failed row failed of.
    #[serde(default)]
    pub(in crate::output) error: Option<RecordError>,
}

impl Known {
    /// Which row it is.
    pub(in crate::output) fn name(&self) -> RowName<'_> {
        RowName::new(self.custom_id.as_deref(), self.row)
            .in_cell(self.variant.as_deref(), self.sample)
    }

    /// The fingerprint of the row's request; `None` if the line has none, or text that is not one.
    pub(in crate::output) fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint.as_ref()?.parse().ok()
    }
}

/// Why a row failed, as its record says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RecordError {
    /// One of the error categories, or a word of a later version.
    pub category: String,
    /// The service's error code.
    pub code: Option<String>,
    /// The HTTP status.
    pub status_code: Option<u16>,
    /// What the service said.
    pub message: String,
}

impl RecordError {
    /// What may be said of it outside of the failed file.
    pub(crate) fn words(&self) -> String {
        let named = |it: &Category| it.as_str() == self.category;
        // One of a later version.
        let category = Category::ALL.into_iter().find(named);
        let category = category.unwrap_or(Category::InvalidRequest);
        words(
            category,
            self.code.as_deref(),
            self.status_code,
            &self.message,
        )
    }
}
