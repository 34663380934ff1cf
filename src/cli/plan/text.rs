//! The plan for people: about one screen.

use super::{Planned, request, variants};
use crate::engine::plan::{EarlierCounts, duration};
use crate::format::{count, dollars, one_line, plural, time, wrap};
use crate::job::{Plan, QuotaSource, SchemaPlan};
use crate::model::Tier;
use crate::rows::forecast::{Bound, Estimate, Forecast, MaxTokens};
use crate::rows::trouble::Trouble;

/// Where what is said of a label begins.
const INDENT: usize = 16;

/// The screen, for a terminal of so many columns or for a file.
pub(super) fn of(columns: Option<usize>, planned: &Planned) -> String {
    let mut lines = vec![headline(planned)];
    lines.extend(facts(planned));
    lines.push(String::new());
    if planned.is_sweep() {
        lines.extend(variants::table(planned));
        lines.push(String::new());
    }
    lines.extend(table(&planned.forecast));
    lines.push(String::new());
    lines.extend(named(&findings(planned)));
    for line in &mut lines {
        *line = wrap(line, INDENT, columns);
    }
    lines.extend(first_request(planned));
    if !planned.refusals.is_empty() {
        lines.push(String::new());
        lines.push("`run` would reject this job:".into());
        let refusals = planned.refusals.iter();
        lines.extend(refusals.map(|why| wrap(&format!("- {}", tame(why)), 2, columns)));
    }
    lines.join("\n")
}

fn headline(planned: &Planned) -> String {
    let rows = match planned.is_sweep() {
        false => format!("{} rows", count(planned.survey.rows)),
        true => variants::rows(planned),
    };
    format!(
        "{}: {rows}, {} calls to make; nothing has been sent",
        planned.plan.name,
        count(planned.forecast.calls)
    )
}

fn named(what: &[(&str, String)]) -> Vec<String> {
    let line = |(name, what): &(&str, String)| format!("  {name:<13} {}", tame(what));
    what.iter().map(line).collect()
}

/// Examples may quote the input: no control characters but our own newlines.
fn tame(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| one_line(line, 600)).collect();
    lines.join("\n")
}

fn facts(planned: &Planned) -> Vec<String> {
    let Plan {
        model,
        region,
        input,
        output,
        ..
    } = &planned.plan;
    let region = match region {
        Some(region) => format!(" in {region}"),
        None => String::new(),
    };
    let models = match planned.is_sweep() {
        false => model.to_string(),
        true => variants::models(planned),
    };
    named(&[
        ("model", format!("{models}{region}")),
        ("input", input.display().to_string()),
        ("output", format!("{}{}", output.display(), so_far(planned))),
    ])
}

/// What is in the output already, and what that leaves.
fn so_far(planned: &Planned) -> String {
    let EarlierCounts {
        answered: kept,
        failed: kept_failed,
    } = planned.earlier;
    if kept + kept_failed == 0 {
        return " (no rows yet)".into();
    }
    let (answered, failed) = (planned.answered(), planned.failed());
    let left = planned.survey.rows - (answered + failed);
    // Of rows that run again, or that the input does not have, the output has more.
    let held = match (kept + kept_failed).saturating_sub(answered + failed) {
        0 => String::new(),
        more => format!("; {} more in the output", plural(more, "row")),
    };
    let spent = planned
        .spent_usd
        .map(|usd| format!(", {} spent", dollars(usd)));
    let maybe_billed = match planned.maybe_billed_usd {
        0.0 => String::new(),
        usd => format!(", up to {} more possibly billed", dollars(usd)),
    };
    format!(
        " ({} succeeded, {} failed, {} remaining{held}{}{maybe_billed})",
        count(answered),
        count(failed),
        count(left),
        spent.unwrap_or_default()
    )
}

fn table(forecast: &Forecast) -> Vec<String> {
    let Forecast {
        input,
        cache_read,
        output,
        quota,
        on_demand,
        flex,
        batch,
        tier,
        in_tier,
        pace,
        ..
    } = forecast;
    let tokens = |tokens: f64| count(tokens.round() as u64);
    let mut lines = vec![format!(
        "  {:<13} {:>14} {:>14} {:>14}",
        "", "low", "expected", "worst"
    )];
    let mut row = |name: &str, figure: &Estimate, show: &dyn Fn(f64) -> String| {
        lines.push(table_row(name, figure, show));
    };
    row("input tokens", input, &tokens);
    if cache_read.low.is_some_and(|tokens| 0.0 < tokens) {
        row("from cache", cache_read, &tokens);
    }
    row("output tokens", output, &tokens);
    row("quota tokens", quota, &tokens);
    row("on demand", on_demand, &dollars);
    if flex.low.or(flex.expected).or(flex.worst).is_some() {
        row("flex tier", flex, &dollars);
    } else {
        lines.push(format!("  {:<13} {:>14}", "flex tier", "not offered"));
    }
    let mut row = |name: &str, figure: &Estimate, show: &dyn Fn(f64) -> String| {
        lines.push(table_row(name, figure, show));
    };
    match tier {
        Tier::Default | Tier::Flex => {}
        Tier::Priority | Tier::Reserved => {
            row(&format!("{} tier", tier.as_str()), in_tier, &dollars);
        }
    }
    row("batch", batch, &dollars);
    row("time", &pace.seconds, &|seconds| time(duration(seconds)));
    lines
}

fn table_row(name: &str, figure: &Estimate, show: &dyn Fn(f64) -> String) -> String {
    let cell = |figure: Option<f64>| figure.map_or_else(|| "unknown".into(), show);
    let [low, expected, worst] = [figure.low, figure.expected, figure.worst].map(cell);
    format!("  {name:<13} {low:>14} {expected:>14} {worst:>14}")
}

fn findings(planned: &Planned) -> Vec<(&'static str, String)> {
    let Planned {
        forecast, survey, ..
    } = planned;
    let mut findings = vec![("assumed", assumed(planned))];
    if let Some(schema) = &planned.plan.schema {
        findings.extend(structured(schema, planned.plan.corrections().expected));
    }
    if forecast.output.expected.is_none() {
        let advice = "how long completions are; `promptmill run` with --limit 20 measures it";
        findings.push(("unknown", advice.into()));
    }
    if 0 < forecast.calls {
        findings.push(("limited by", limited_by(planned)));
    }
    if let Some(found) = &forecast.max_tokens {
        findings.push(("max_tokens", lengths(found)));
        findings.extend(found.better.map(|better| ("advice", advice(found, better))));
    }
    if 0 < survey.unusable.count {
        findings.push(("bad rows", bad_rows(&survey.unusable)));
    }
    let notes = planned.notes.iter();
    findings.extend(notes.map(|note| ("note", note.clone())));
    findings
}

/// How the model gets the schema, what of it is not sent, and what corrections are expected.
fn structured(schema: &SchemaPlan, expected: f64) -> Vec<(&'static str, String)> {
    let mode = schema.sent.mode.as_str();
    let mut lines = vec![("schema", format!("{mode} mode: {}", schema.why))];
    let removed = schema.removed.iter().map(|what| format!("\n    {what}"));
    if !schema.removed.is_empty() {
        let removed: String = removed.collect();
        let why = "not enforced by the service, and validated all the same:";
        lines.push(("not sent", format!("{why}{removed}")));
    }
    let reasks = match schema.reasks {
        0 => "none: reasks = 0".to_owned(),
        number => format!(
            "up to {number} per row; {}% of the rows are assumed to need one, in the worst case all \
             need {number}",
            100.0 * expected
        ),
    };
    lines.push(("corrections", reasks));
    lines.extend(schema.remark.clone().map(|remark| ("note", remark)));
    lines
}

fn bad_rows(bad: &Trouble) -> String {
    format!(
        "{} cannot be sent:{}",
        count(bad.count),
        bad.in_lines("    ")
    )
}

fn assumed(planned: &Planned) -> String {
    let bytes = planned.forecast.bytes_per_token;
    let source = match planned.forecast.measured_on {
        0 => String::new(),
        answers => format!(", measured on {} completions", count(answers)),
    };
    let whole = if planned.sends_bodies {
        " of the body (images too)"
    } else {
        ""
    };
    let burndown = match planned.plan.tokens.burndown {
        _ if planned.is_sweep() => String::new(),
        1.0 => String::new(),
        rate => format!("; an output token uses {rate} quota tokens"),
    };
    let output = match planned.plan.family.writes_text() {
        true => format!("; worst output is max_tokens{burndown}"),
        false => String::new(),
    };
    let cached = match planned.forecast.cache_read.expected {
        Some(tokens) if 0.0 < tokens => {
            "; the first call writes the system prompt to the cache and the others read it, in the \
             worst case none does"
        }
        Some(_) | None => "",
    };
    format!(
        "{:.1} bytes{whole} per input token{source} (low {:.1}, worst {:.1}){output}{cached}",
        bytes.expected, bytes.low, bytes.worst
    )
}

fn limited_by(planned: &Planned) -> String {
    let Planned { plan, forecast, .. } = planned;
    let latency = forecast.latency.map(time).unwrap_or_default();
    let learned = match plan.quota {
        QuotaSource::Learned => "no quota in the job, so the rate is learned from throttling",
        QuotaSource::Auto { .. } => {
            "quota = \"auto\": the run reads it from Service Quotas, plan does not"
        }
    };
    match forecast.pace.bound {
        Some(Bound::Requests) => {
            let requests = plan
                .requests_per_minute
                .map_or(0, |requests| requests.0.get());
            format!("requests_per_minute, {}", count(requests.into()))
        }
        Some(Bound::Tokens) => format!("tokens_per_minute, {}", per_minute(plan)),
        Some(Bound::Reservations) => format!(
            "tokens_per_minute, {}: calls reserve max_tokens for {latency} each, so lower \
             max_tokens is faster",
            per_minute(plan)
        ),
        Some(Bound::Concurrency) => {
            let known = plan.requests_per_minute.is_some() || plan.tokens.per_minute.is_some();
            let learned = if known {
                String::new()
            } else {
                format!("; {learned}")
            };
            format!(
                "concurrency, {} calls in flight of {latency} each{learned}",
                plan.concurrency
            )
        }
        None => format!("{learned}; how long a call takes is unknown"),
    }
}

fn per_minute(plan: &Plan) -> String {
    count(plan.tokens.per_minute.unwrap_or(0))
}

fn lengths(found: &MaxTokens) -> String {
    let reserved = match found.reserved {
        Some(reserved) => format!(", each call reserves {}", count(reserved)),
        None => String::new(),
    };
    let cut_off = match found.cut_off {
        0 => String::new(),
        cut_off => format!("; {} were cut off", count(cut_off)),
    };
    format!(
        "p99 of the output is {}{reserved} ({} completions: p50 {}, longest {}{cut_off})",
        count(found.p99),
        count(found.answers),
        count(found.p50),
        count(found.max),
    )
}

fn advice(found: &MaxTokens, better: u64) -> String {
    let why = match found.cut_off {
        0 => "lets more calls run at once",
        _ => "cuts off fewer completions",
    };
    format!("--max-tokens {better} {why}; it changes the requests, so completed rows need --fresh")
}

fn first_request(planned: &Planned) -> Vec<String> {
    let Some((plan, first)) = planned.first() else {
        return Vec::new();
    };
    let id = match &first.custom_id {
        Some(id) if *id != first.row.to_string() => format!(" ({})", one_line(id, 60)),
        Some(_) | None => String::new(),
    };
    let others = match first.bodies.len() {
        1 => String::new(),
        rows => format!(" and the {} rows after it", count(rows as u64 - 1)),
    };
    let mut lines = vec![
        String::new(),
        format!("the first request, row {}{id}{others}:", first.row),
        format!("  POST {}", request::path(plan)),
    ];
    let headers = request::headers(plan).into_iter();
    lines.extend(headers.map(|(name, value)| format!("  {name}: {}", one_line(value, 100))));
    let body = request::lines(&request::bytes(plan.family, first));
    lines.extend(body.into_iter().map(|line| format!("  {line}")));
    lines
}
