//! The figures of the page, for programs.

use serde_json::{Value, json};

use super::Report;
use super::histogram::SizeHistogram;

impl Report<'_> {
    /// The figures of the page, for programs.
    pub(crate) fn json(&self) -> Value {
        let records = self.records;
        let (known, unpriced) = records.cost();
        let numbers = |histogram: &SizeHistogram| {
            json!({
                "count": histogram.count(),
                "mean": histogram.mean(),
                "p50": histogram.quantile(0.5),
                "p95": histogram.quantile(0.95),
                "p99": histogram.quantile(0.99),
                "max": histogram.most(),
            })
        };
        let failures = self.failures.iter().map(|explained| {
            let error = explained.group.example.error.clone().unwrap_or_default();
            json!({
                "category": error.category, "message": error.words(),
                "count": explained.group.count, "example_row": explained.group.example.row,
                "fix": explained.fix, "command": explained.command,
            })
        });
        let failures: Vec<_> = failures.collect();
        let compared = self.comparison.map(|found| {
            json!({
                "other": found.other, "new": found.new, "gone": found.gone, "failed": found.failed, "changed": found.changed,
                "different": found.different, "same": found.same,
                "cost_usd": found.cost_usd, "mean_latency_ms": found.latency_ms,
            })
        });
        json!({
            "ok": true,
            "output": self.status.paths.output.display().to_string(),
            "state": self.status.condition.as_str(),
            "rows": self.status.file.get("rows"),
            "succeeded": records.succeeded, "filtered": records.filtered,
            "failed": records.failed, "copied": records.copied, "cut_off": records.cut_off,
            "known_cost_usd": known, "unpriced": unpriced,
            "maybe_billed_usd": records.maybe_billed_usd,
            "latency_ms": numbers(&records.latency_ms),
            "first_token_ms": numbers(&records.first_token_ms),
            "input_tokens": numbers(&records.input_tokens),
            "output_tokens": numbers(&records.output_tokens),
            "failures": failures,
            "compared": compared,
            "timeline": self.status.file.get("timeline"),
        })
    }
}
