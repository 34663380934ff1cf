//! How long rows took, and how many tokens they had.

use super::Report;
use super::chart::Bars;
use super::histogram::SizeHistogram;
use super::html::Html;
use crate::format::{count, millis, rough};

/// Bars of a histogram.
const BARS: usize = 40;

impl Report<'_> {
    pub(super) fn latency(&self, page: &mut Html) {
        page.heading("Latency");
        distribution(
            page,
            "Time to the response",
            &self.records.latency_ms,
            millis,
        );
        if 0 < self.records.first_token_ms.count() {
            distribution(
                page,
                "Time to the first token",
                &self.records.first_token_ms,
                millis,
            );
        }
    }

    pub(super) fn tokens(&self, page: &mut Html) {
        page.heading("Tokens");
        distribution(page, "Input", &self.records.input_tokens, rough);
        distribution(page, "Output", &self.records.output_tokens, rough);
        let answered = self.records.succeeded + self.records.filtered;
        if answered == 0 {
            return;
        }
        let cut_off = self.records.cut_off;
        let share = 100.0 * cut_off as f64 / answered as f64;
        let longest = self.records.output_tokens.most();
        let advice = match cut_off {
            0 if 0 < longest => format!(
                " The longest has {} tokens: a max_tokens of {} would be enough, and a lower one frees \
                 quota, since every call reserves it.",
                count(longest),
                count(longest.next_multiple_of(64))
            ),
            0 => String::new(),
            _ => {
                " Raise max_tokens if they should be whole, and run them again with --only.".into()
            }
        };
        let text = format!(
            "{} completions ({share:.1} %) were cut off at max_tokens.{advice}",
            count(cut_off)
        );
        page.paragraph("", &text);
    }
}

fn distribution(page: &mut Html, title: &str, histogram: &SizeHistogram, show: fn(f64) -> String) {
    let quantile = |share: f64| {
        histogram
            .quantile(share)
            .map_or_else(|| "unknown".into(), show)
    };
    if histogram.count() == 0 {
        return page.paragraph("dim", &format!("{title}: nothing is known."));
    }
    let bars = histogram.bars(BARS);
    let first = bars.first().map_or(0.0, |(end, _)| *end);
    let last = bars.last().map_or(0.0, |(end, _)| *end);
    let words = format!(
        "p50 {}, p95 {}, p99 {}, longest {}",
        quantile(0.5),
        quantile(0.95),
        quantile(0.99),
        show(histogram.most() as f64)
    );
    let bars = bars.into_iter().map(|(end, number)| {
        let what = format!("up to {}: {}", show(end), count(number));
        (number as f64, 0.0, what)
    });
    let chart = Bars {
        title: &format!("{title}: {words}"),
        words: words.clone(),
        bars: bars.collect(),
        limit: None,
        ends: [show(first), show(last)],
    };
    page.piece(&chart.svg());
}
