//! The variants of a sweep, as `plan` shows them.

use super::Planned;
use crate::engine::plan::{PlannedWork, duration};
use crate::format::{count, dollars, plural, time};
use crate::rows::forecast::Estimate;

/// `1,319 rows × 4 variants × 3 samples = 15,828 completions`
pub(super) fn rows(planned: &Planned) -> String {
    let variants = planned.variants.len() as u64;
    let sweep = planned.variants.first().and_then(|it| it.of.sweep.as_ref());
    let samples = u64::from(sweep.map_or(1, |sweep| sweep.samples));
    format!(
        "{} × {} × {} = {}",
        plural(planned.survey.records, "row"),
        plural(variants, "variant"),
        plural(samples, "sample"),
        plural(planned.survey.rows, "completion")
    )
}

/// The models, each once.
pub(super) fn models(planned: &Planned) -> String {
    let mut models = Vec::new();
    for variant in &planned.variants {
        let model = variant.of.plan.model.as_str();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models.join(", ")
}

/// A line for each variant, and one for all of them.
pub(super) fn table(planned: &Planned) -> Vec<String> {
    let head = [
        "variant",
        "calls",
        "tokens in",
        "tokens out",
        "cost",
        "time",
    ];
    let mut rows = vec![(head.map(str::to_owned), "limited by")];
    rows.extend(planned.variants.iter().map(cells));
    let width = |column: usize| {
        let widths = rows.iter().map(|(row, _)| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4, 5].map(width);
    let line = |(row, limit): &([String; 6], &str)| {
        let mut line = format!("  {:<room$}", row[0], room = widths[0]);
        for column in 1..row.len() {
            line += &format!("  {:>room$}", row[column], room = widths[column]);
        }
        format!("{line}  {limit}").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn cells(work: &PlannedWork) -> ([String; 6], &'static str) {
    let forecast = &work.forecast;
    let tokens = |tokens: f64| count(tokens.round() as u64);
    let cells = [
        work.of.name().to_owned(),
        count(forecast.calls),
        figure(&forecast.input, &tokens),
        figure(&forecast.output, &tokens),
        figure(&forecast.in_tier, &dollars),
        figure(&forecast.pace.seconds, &|seconds| time(duration(seconds))),
    ];
    let bound = forecast.pace.bound.map(|bound| bound.as_str());
    (cells, bound.unwrap_or_default())
}

/// What is expected, else the most.
fn figure(figure: &Estimate, show: &dyn Fn(f64) -> String) -> String {
    match (figure.expected, figure.worst) {
        (Some(expected), _) => show(expected),
        (None, Some(worst)) => format!("≤ {}", show(worst)),
        (None, None) => "unknown".into(),
    }
}
