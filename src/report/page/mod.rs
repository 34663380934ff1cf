//! The report of a run: one page for people, from the run file and the records. No prompt, completion
//! or metadata is on it unless samples are asked for.

pub(crate) mod chart;
mod distributions;
mod figures;
pub(crate) mod gathered;
pub(crate) mod histogram;
pub(crate) mod html;
mod timeline;

use std::time::Duration;

use serde_json::Value;

use crate::format::{count, dollars, millis, one_line, time};
use crate::output::OutputStatus;
use crate::report::failures::FailureGroup;
use gathered::PageFigures;
use html::Html;

/// A text of the run file or of a record is shown up to this length.
const LONGEST: usize = 1_000;

/// Groups of failures on the page; `errors` shows all.
const MOST_GROUPS: usize = 30;

/// A failure group with what to do about it.
pub(crate) struct Explained {
    pub(crate) group: FailureGroup,
    pub(crate) fix: String,
    pub(crate) command: String,
}

/// A completion that is shown because samples were asked for.
pub(crate) struct Sample {
    pub(crate) id: String,
    pub(crate) completion: String,
}

/// What another output has in common with this one.
#[derive(Debug, Default)]
pub(crate) struct OutputComparison {
    pub(crate) other: String,
    pub(crate) new: u64,
    pub(crate) gone: u64,
    /// Rows that succeeded there and failed here.
    pub(crate) failed: u64,
    pub(crate) changed: u64,
    pub(crate) different: u64,
    pub(crate) same: u64,
    /// The cost in USD, if all of it is known, and the mean latency in milliseconds: there, and here.
    pub(crate) cost_usd: [Option<f64>; 2],
    pub(crate) latency_ms: [Option<f64>; 2],
}

/// All that is on the page.
pub(crate) struct Report<'a> {
    pub(crate) status: &'a OutputStatus,
    pub(crate) records: &'a PageFigures,
    pub(crate) failures: &'a [Explained],
    pub(crate) samples: &'a [Sample],
    pub(crate) comparison: Option<&'a OutputComparison>,
    /// The command that runs failed rows again.
    pub(crate) retry_failed: Option<String>,
}

impl Report<'_> {
    /// The page.
    pub(crate) fn html(&self) -> String {
        let mut page = Html::new(&format!(
            "{}: {}",
            self.name(),
            self.status.condition.as_str()
        ));
        self.what(&mut page);
        self.counts(&mut page);
        self.cost(&mut page);
        self.timeline(&mut page);
        self.latency(&mut page);
        self.tokens(&mut page);
        self.failed(&mut page);
        self.slowest(&mut page);
        self.compared(&mut page);
        self.sampled(&mut page);
        let version = self.status.text("promptmill").unwrap_or("?");
        page.finish(&format!("promptmill {}", one_line(version, 40)))
    }

    fn name(&self) -> String {
        one_line(self.status.text("name").unwrap_or("promptmill"), 200)
    }

    fn text(&self, key: &str) -> String {
        one_line(self.status.text(key).unwrap_or("unknown"), LONGEST)
    }

    fn what(&self, page: &mut Html) {
        let status = self.status;
        let seconds = status.number("this_run", "seconds");
        let took = seconds.filter(|it| (0.0..1e12).contains(it));
        let took = took.map_or_else(|| "unknown".into(), |it| time(Duration::from_secs_f64(it)));
        let exit = status.number("", "exit_code");
        let reason = status.file.get("stop").and_then(|stop| stop.get("reason"));
        let reason = reason.and_then(Value::as_str).unwrap_or_default();
        let exit = match exit {
            Some(code) => format!("{code} {}", one_line(reason, 60))
                .trim_end()
                .to_owned(),
            None => "none: it has not ended, or was killed".into(),
        };
        let mut facts = vec![
            ("model", self.text("model")),
            ("started", self.text("started_at")),
            ("took", took),
            ("exit code", exit),
        ];
        if let Some(why) = status.text("stopped_by") {
            facts.push(("stopped by", one_line(why, LONGEST)));
        }
        facts.push(("output", status.paths.output.display().to_string()));
        page.facts(&facts);
        if status.file.get("emulated") == Some(&true.into()) {
            page.paragraph(
                "dim",
                "Responses are from an emulator: nothing was billed; costs are Bedrock's.",
            );
        }
        if let Some(command) = status.text("resume").filter(|_| !status.is_complete()) {
            page.paragraph("", "Resume it:");
            page.code(command);
        }
    }

    fn counts(&self, page: &mut Html) {
        let records = self.records;
        page.heading("Rows");
        let completed = records.succeeded + records.filtered + records.failed;
        let rows = self.status.count("", "rows").max(completed);
        let share = |part: u64| match rows {
            0 => String::new(),
            rows => format!("{:.2} %", 100.0 * part as f64 / rows as f64),
        };
        let table = [
            ("succeeded", records.succeeded),
            ("filtered", records.filtered),
            ("failed", records.failed),
            ("without a record", rows - completed),
            ("all", rows),
        ];
        let table = table.map(|(name, rows)| vec![name.into(), count(rows), share(rows)]);
        page.table(&["", "#rows", "#share"], &table);
        if 0 < records.copied {
            let text = format!(
                "{} of them are copies of identical requests (--dedupe), at no cost.",
                count(records.copied)
            );
            page.paragraph("dim", &text);
        }
    }

    fn cost(&self, page: &mut Html) {
        page.heading("Cost");
        let tiers = self.records.tiers.iter().map(|(name, tier)| {
            let unpriced = count(tier.unpriced);
            vec![
                one_line(name, 40),
                count(tier.rows),
                dollars(tier.cost_usd),
                unpriced,
            ]
        });
        let tiers: Vec<_> = tiers.collect();
        page.table(
            &[
                "service tier",
                "#responses",
                "#known cost",
                "#price unknown",
            ],
            &tiers,
        );
        let (known, unpriced) = self.records.cost();
        let unlisted = self.status.number("total", "unlisted_usd").unwrap_or(0.0);
        let uncertain = self.records.maybe_billed_usd + unlisted;
        let mut text = format!("{} by the price list", dollars(known));
        if 0 < unpriced {
            text += &format!("; the price of {} responses is unknown", count(unpriced));
        }
        if 0.0 < uncertain {
            text += &format!("; up to {} more may have been billed", dollars(uncertain));
        }
        page.paragraph("", &text);
    }

    fn failed(&self, page: &mut Html) {
        if self.failures.is_empty() {
            return;
        }
        page.heading("Failures");
        let rows = self.failures.iter().take(MOST_GROUPS).map(|explained| {
            let example = &explained.group.example;
            let error = example.error.clone().unwrap_or_default();
            let id = example.custom_id.as_deref().unwrap_or_default();
            vec![
                count(explained.group.count),
                one_line(&error.category, 60),
                one_line(&error.words(), 300),
                one_line(&format!("row {} {id}", example.row), 120),
                one_line(&explained.fix, 400),
            ]
        });
        let rows: Vec<_> = rows.collect();
        page.table(
            &["#rows", "category", "message", "example", "what to do"],
            &rows,
        );
        if let Some(command) = &self.retry_failed {
            page.paragraph("", "Run failed rows again:");
            page.code(command);
        }
    }

    fn slowest(&self, page: &mut Html) {
        let rows = self.records.slowest.iter().map(|record| {
            let id = record.custom_id.as_deref().unwrap_or_default();
            let latency = record.latency_ms.unwrap_or(0) as f64;
            let tokens = record.usage.output_tokens.map_or_else(String::new, count);
            vec![
                one_line(id, 120),
                count(record.row),
                millis(latency),
                tokens,
                count(record.attempts),
            ]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            page.heading("Slowest rows");
            page.table(
                &["ID", "#row", "#latency", "#output tokens", "#attempts"],
                &rows,
            );
        }
    }

    fn compared(&self, page: &mut Html) {
        let Some(found) = self.comparison else { return };
        page.heading("Compared");
        page.paragraph("dim", &format!("with {}", one_line(&found.other, LONGEST)));
        let rows = [
            ("new rows", found.new),
            ("rows that are gone", found.gone),
            ("rows that failed here", found.failed),
            ("rows whose request changed", found.changed),
            ("same request, different completion", found.different),
            ("same request, same completion", found.same),
        ];
        let rows = rows.map(|(name, rows)| vec![name.to_owned(), count(rows)]);
        page.table(&["", "#rows"], &rows);
        let latency = found
            .latency_ms
            .map(|ms| ms.map_or_else(|| "unknown".into(), millis));
        let cost = found
            .cost_usd
            .map(|usd| usd.map_or_else(|| "unknown".into(), dollars));
        let text = format!(
            "Cost {} there, {} here. Mean latency {} there, {} here.",
            cost[0], cost[1], latency[0], latency[1]
        );
        page.paragraph("", &text);
    }

    fn sampled(&self, page: &mut Html) {
        if self.samples.is_empty() {
            return;
        }
        page.heading("Samples");
        for sample in self.samples {
            page.paragraph("dim", &one_line(&sample.id, 200));
            page.code(&sample.completion);
        }
    }
}
