//! A record of an output, as far as checks need it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::output::RowName;
use crate::record_id::record_id;

/// A line of `OUT.jsonl` or `OUT.failed.jsonl`, as far as a check looks at it: with its texts, which are
/// borrowed from the line.
#[derive(Debug, Deserialize)]
pub struct ScoredRecord<'a> {
    #[serde(borrow)]
    pub(super) custom_id: Option<LineText<'a>>,
    pub(super) row: u64,
    #[serde(borrow)]
    pub(super) status: LineText<'a>,
    #[serde(borrow, default)]
    pub(super) completion: Option<LineText<'a>>,
    #[serde(borrow, default)]
    pub(super) reasoning: Option<LineText<'a>>,
    #[serde(borrow, default)]
    pub(super) output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<LineText<'a>>,
    #[serde(default)]
    pub(super) usage: CheckedUsage,
    #[serde(default)]
    pub(super) cost_usd: Option<f64>,
    #[serde(default)]
    pub(super) latency_ms: Option<u64>,
    #[serde(borrow, default)]
    pub(super) variant: Option<LineText<'a>>,
    #[serde(default)]
    pub(super) sample: Option<u32>,
    /// What a judge said of it.
    #[serde(skip)]
    pub(super) judged: Option<&'a RawValue>,
}

/// Text that is borrowed where the line has it without escapes.
#[derive(Debug, Deserialize)]
pub(super) struct LineText<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The part of the token counts that a check can look at.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CheckedUsage {
    #[serde(default)]
    pub(super) output_tokens: Option<u64>,
}

/// What identifies a record, in eight bytes: two of a million records are mistaken for each other
/// once in 30 million outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RecordHash(pub(super) u64);

impl ScoredRecord<'_> {
    /// The row that the record is of, whatever its variant and sample.
    pub(super) fn row_identity(&self) -> RecordHash {
        RecordHash(self.row_name().key())
    }

    /// The record itself: row, variant, sample.
    pub(super) fn identity(&self) -> RecordHash {
        let variant = self.variant.as_ref().map(|LineText(name)| name.as_ref());
        RecordHash(self.row_name().in_cell(variant, self.sample).key())
    }

    fn row_name(&self) -> RowName<'_> {
        let id = self.custom_id.as_ref().map(|LineText(id)| id.as_ref());
        RowName::new(id, self.row)
    }

    /// Its ID as the input of another job.
    pub(super) fn record_id(&self) -> String {
        let id = self.custom_id.as_ref().map(|LineText(id)| id.as_ref());
        let variant = self.variant.as_ref().map(|LineText(name)| name.as_ref());
        record_id(
            id.unwrap_or_default(),
            variant.zip(self.sample.map(u64::from)),
        )
    }

    /// What is at `place`; `None` if nothing is, or `null`.
    pub(super) fn value(&self, place: &Place) -> Option<Value> {
        let text = |text: &Option<LineText<'_>>| text.as_ref().map(|text| text.0.as_ref().into());
        match place {
            Place::Completion => text(&self.completion),
            Place::Reasoning => text(&self.reasoning),
            Place::Output(pointer) => within(self.output?, pointer),
            Place::Judged(pointer) => within(self.judged?, pointer),
            Place::Metadata(field) => {
                let all: Value = serde_json::from_str(self.metadata?.get()).ok()?;
                let found = match field.strip_prefix('/') {
                    Some(_) => all.pointer(field),
                    // A kept field has its name as its key, dots included.
                    None => all
                        .get(field)
                        .or_else(|| all.pointer(&format!("/{}", field.replace('.', "/")))),
                };
                found.filter(|value| !value.is_null()).cloned()
            }
        }
    }

    /// The names of the kept fields.
    pub(super) fn fields(&self) -> Vec<String> {
        let all = self.metadata.map(|raw| serde_json::from_str(raw.get()));
        match all {
            Some(Ok(Value::Object(all))) => all.into_iter().map(|(name, _)| name).collect(),
            _ => Vec::new(),
        }
    }
}

fn within(raw: &RawValue, pointer: &str) -> Option<Value> {
    let all: Value = serde_json::from_str(raw.get()).ok()?;
    let found = all.pointer(pointer)?;
    (!found.is_null()).then(|| found.clone())
}

/// Where in a record a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Completion,
    Reasoning,
    /// A JSON pointer into `output`; empty is all of it.
    Output(String),
    /// A JSON pointer into what a judge said; empty is all of it.
    Judged(String),
    /// A kept field.
    Metadata(String),
}

impl Place {
    /// The place that `on` names.
    pub(super) fn parse(typed: &str) -> Option<Self> {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        match typed.trim_start_matches('/') {
            "completion" => Some(Self::Completion),
            "reasoning" => Some(Self::Reasoning),
            name => {
                if let Some(rest) = name.strip_prefix("output").filter(|rest| below(rest)) {
                    return Some(Self::Output(rest.to_owned()));
                }
                if let Some(rest) = name.strip_prefix("judged").filter(|rest| below(rest)) {
                    return Some(Self::Judged(rest.to_owned()));
                }
                let rest = name.strip_prefix("metadata/")?;
                Some(Self::Metadata(match rest.contains('/') {
                    true => format!("/{rest}"),
                    false => rest.to_owned(),
                }))
            }
        }
    }
}
