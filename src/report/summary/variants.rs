//! What the summary says of the variants of a sweep, one by one.

use serde::Serialize;
use serde_json::{Map, Value};

use super::RunSummary;
use crate::format::{count, dollars};
use crate::output::tally::{Tally, TallyFields};
use crate::report::progress::Progress;

/// More variants than this are left to `OUT.run.json`.
const MOST_LINES: usize = 40;

/// A variant of the job.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryVariant {
    /// Its name.
    pub name: String,
    /// What varies, with its values.
    pub params: Map<String, Value>,
    /// Rows that it is to have: one for each sample of a record.
    pub rows: u64,
}

/// A variant in `OUT.run.json`. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct VariantOnDisk<'a> {
    variant: &'a str,
    params: &'a Map<String, Value>,
    rows: u64,
    remaining: u64,
    #[serde(flatten)]
    counts: TallyFields<'a>,
}

/// A model of a sweep in `OUT.run.json`. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct ModelOnDisk<'a> {
    model: &'a str,
    calls: u64,
    seconds: f64,
    requests_per_minute: Option<u64>,
    tokens_per_minute: Option<u64>,
    learned_requests_per_minute: Option<f64>,
    learned_tokens_per_minute: Option<f64>,
    quota_tokens: f64,
}

/// All variants, with what the output has of each.
pub(super) fn on_disk<'a>(
    variants: &'a [SummaryVariant],
    progress: &'a Progress,
) -> Vec<VariantOnDisk<'a>> {
    let counted = variants.iter().zip(&progress.variants);
    let on_disk = counted.map(|(variant, tally)| VariantOnDisk {
        variant: &variant.name,
        params: &variant.params,
        rows: variant.rows,
        remaining: variant.rows.saturating_sub(tally.ended()),
        counts: TallyFields::of(tally),
    });
    on_disk.collect()
}

/// The loops of this run that are over, each of one model.
pub(super) fn models(progress: &Progress) -> Vec<ModelOnDisk<'_>> {
    let models = progress.models.iter().map(|it| ModelOnDisk {
        model: &it.model,
        calls: it.calls,
        seconds: it.time.as_secs_f64(),
        requests_per_minute: it.requests_per_minute,
        tokens_per_minute: it.tokens_per_minute,
        learned_requests_per_minute: it.gauge.learned_per_minute,
        learned_tokens_per_minute: it.gauge.learned_tokens_per_minute,
        quota_tokens: it.gauge.tokens_settled,
    });
    models.collect()
}

impl RunSummary<'_> {
    /// A line for each variant.
    pub(super) fn variants(&self) -> Vec<String> {
        let variants = &self.context.variants;
        let counted: Vec<_> = variants.iter().zip(&self.progress.variants).collect();
        let shown = &counted[..counted.len().min(MOST_LINES)];
        let width = |text: fn(&SummaryVariant, &Tally) -> String| {
            let widths = shown
                .iter()
                .map(|(it, tally)| text(it, tally).chars().count());
            widths.max().unwrap_or(0)
        };
        let [names, rates] = [width(|it, _| it.name.clone()), width(of_rows)];
        let line = |(it, tally): &(&SummaryVariant, &Tally)| {
            let mut line = format!(
                "{:<names$}  {:>rates$} succeeded  {}",
                it.name,
                of_rows(it, tally),
                cost(tally)
            );
            for (number, what) in [(tally.filtered, "filtered"), (tally.failed, "failed")] {
                if 0 < number {
                    line += &format!(", {} {what}", count(number));
                }
            }
            line
        };
        let mut lines: Vec<_> = shown.iter().map(line).collect();
        let more = counted.len() - shown.len();
        if 0 < more {
            let place = self.context.paths.run.display();
            lines.push(format!("and {} more, in {place}", count(more as u64)));
        }
        lines
    }
}

/// `3,957 of 3,957`
fn of_rows(variant: &SummaryVariant, tally: &Tally) -> String {
    format!("{} of {}", count(tally.succeeded), count(variant.rows))
}

fn cost(tally: &Tally) -> String {
    match tally.unpriced {
        0 => dollars(tally.cost_usd),
        unpriced if unpriced == tally.answered() => "cost unknown".into(),
        unpriced => format!(
            "{} and an unknown cost for {}",
            dollars(tally.cost_usd),
            count(unpriced)
        ),
    }
}
