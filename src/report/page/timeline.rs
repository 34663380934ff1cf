//! The timeline of the last run, from its run file.

use std::time::Duration;

use serde_json::Value;

use super::Report;
use super::chart::Bars;
use super::html::Html;
use crate::format::{count, one_line, rough, time};

impl Report<'_> {
    pub(super) fn timeline(&self, page: &mut Html) {
        let Some(timeline) = self.status.file.get("timeline") else {
            return;
        };
        let list = |key: &str| -> Vec<f64> {
            let list = timeline.get(key).and_then(Value::as_array);
            let numbers = list.into_iter().flatten().take(500);
            numbers
                .map(|number| number.as_f64().unwrap_or(0.0))
                .collect()
        };
        let step = timeline
            .get("step_seconds")
            .and_then(Value::as_f64)
            .unwrap_or(1.0);
        let step = step.clamp(1.0, 1e9);
        let (calls, throttled) = (list("calls"), list("throttled"));
        if calls.is_empty() {
            return;
        }
        page.heading("Timeline of the last run");
        let at = |step_number: usize| time(Duration::from_secs_f64(step * step_number as f64));
        let ends = [at(0), at(calls.len())];
        let sum = |list: &[f64]| count(list.iter().sum::<f64>() as u64);
        let mut draw = |title: &str, values: &[f64], marks: &[f64], mark: &str, limit| {
            let bars = values.iter().enumerate().map(|(number, value)| {
                let marked = marks.get(number).copied().unwrap_or(0.0);
                let what = match mark {
                    "" => format!("{}: {}", at(number), rough(*value)),
                    mark => format!(
                        "{}: {}, {} {mark}",
                        at(number),
                        rough(*value),
                        rough(marked)
                    ),
                };
                (value.max(marked), marked, what)
            });
            let chart = Bars {
                title,
                words: format!("{} in {}", sum(values), ends[1]),
                bars: bars.collect(),
                limit,
                ends: ends.clone(),
            };
            page.piece(&chart.svg());
        };
        let minute = |key: &str| {
            let limit = self.status.number("this_run", key);
            limit
                .filter(|limit| 0.0 < *limit)
                .map(|limit| limit * step / 60.0)
        };
        draw(
            "Calls; throttled ones stand out",
            &calls,
            &throttled,
            "throttled",
            minute("requests_per_minute"),
        );
        draw(
            "Rows that succeeded; failed ones stand out",
            &list("succeeded"),
            &list("failed"),
            "failed",
            None,
        );
        draw(
            "Tokens of quota; the line is the limit",
            &list("quota_tokens"),
            &[],
            "",
            minute("tokens_per_minute"),
        );
        if let Some(text) = limited_by(timeline) {
            page.paragraph("", &text);
        }
    }
}

/// What limited a run, each with its share of the steps.
fn limited_by(timeline: &Value) -> Option<String> {
    let list = timeline.get("limited_by")?.as_array()?;
    let mut counts: Vec<(String, usize)> = Vec::new();
    let known = list.iter().take(500).filter_map(Value::as_str);
    for why in known {
        match counts.iter_mut().find(|(name, _)| name == why) {
            Some((_, steps)) => *steps += 1,
            None => counts.push((why.to_owned(), 1)),
        }
    }
    counts.sort_by_key(|(_, steps)| std::cmp::Reverse(*steps));
    let all = list.len().max(1);
    let parts = counts.iter().take(5).map(|(why, steps)| {
        format!(
            "{} ({:.0} % of the time)",
            one_line(why, 60),
            100.0 * *steps as f64 / all as f64
        )
    });
    let parts: Vec<_> = parts.collect();
    (!parts.is_empty()).then(|| format!("Limited by {}.", parts.join(", ")))
}
