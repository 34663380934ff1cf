//! What is said of a sweep before its first call, and why it may not share an output.

use super::failure::Failure;
use crate::exit::Reason;
use crate::format::{count, plural};
use crate::job::{Plan, PlannedVariant};
use crate::output::{EarlierRows, OutputPaths};

/// How many names are listed.
const SHOWN: usize = 3;

/// What a person should know of the variants of a job; nothing where it has none.
pub(super) fn remarks(variants: &[PlannedVariant], skipped: &[(String, String)]) -> Vec<String> {
    let remarks = [
        left_out(variants.len() + skipped.len(), skipped),
        same_samples(variants),
        without_seed(variants),
    ];
    remarks.into_iter().flatten().collect()
}

/// What is said of each plan, once.
pub(super) fn of_each(
    variants: &[PlannedVariant],
    remark: impl Fn(&Plan) -> Option<String>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    for said in variants.iter().filter_map(|it| remark(&it.plan)) {
        if !remarks.contains(&said) {
            remarks.push(said);
        }
    }
    remarks
}

fn left_out(of: usize, skipped: &[(String, String)]) -> Option<String> {
    let lines = skipped
        .iter()
        .map(|(variant, why)| format!("\n    {variant}: {why}"));
    let lines: String = lines.collect();
    let skipped = match skipped.len() {
        0 => return None,
        1 => "1 variant is".to_owned(),
        many => format!("{many} variants are"),
    };
    Some(format!(
        "{skipped} left out of {of}, with on_refused = \"skip\":{lines}"
    ))
}

/// Samples at temperature 0 differ by chance alone.
fn same_samples(variants: &[PlannedVariant]) -> Option<String> {
    let is_same = |it: &&PlannedVariant| {
        let sampled = it.sweep.as_ref().is_some_and(|sweep| 1 < sweep.samples);
        sampled && it.plan.parameters.temperature == Some(0.0)
    };
    let same: Vec<_> = variants.iter().filter(is_same).collect();
    let samples = same.first()?.sweep.as_ref()?.samples;
    let names = listed(same.iter().map(|it| it.name()));
    Some(format!(
        "{samples} samples at temperature 0 are mostly the same completion, paid for {samples} times \
         ({names}): raise the temperature, or ask for one sample"
    ))
}

fn without_seed(variants: &[PlannedVariant]) -> Option<String> {
    let has_seed = |it: &PlannedVariant| {
        let seed = it.sweep.as_ref().and_then(|sweep| sweep.seed(1));
        seed.is_some()
    };
    if !variants.iter().any(has_seed) {
        return None;
    }
    let mut models = Vec::new();
    for variant in variants.iter().filter(|it| !has_seed(it)) {
        let model = variant.plan.model.as_str();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    let names = listed(models.iter().copied());
    (!models.is_empty()).then(|| format!("no seed is sent to {names}: its requests have none"))
}

/// What is said of `gone` rows of the output that are none of the job's.
pub(super) fn gone(gone: u64, variants: &[PlannedVariant], past: &EarlierRows) -> Option<String> {
    if gone == 0 {
        return None;
    }
    let is_there = |name: &str| variants.iter().any(|it| it.name() == name);
    let removed = past.variants.keys().map(String::as_str);
    let removed: Vec<_> = removed.filter(|name| !is_there(name)).collect();
    let of = match removed.is_empty() {
        true => String::new(),
        false => format!(
            " (of variants that it no longer has: {})",
            listed(removed.into_iter())
        ),
    };
    let (rows, are) = match gone {
        1 => ("1 row".to_owned(), "is"),
        many => (format!("{} rows", count(many)), "are"),
    };
    let kept = if gone == 1 {
        "it is kept"
    } else {
        "they are kept"
    };
    Some(format!(
        "{rows} of the output {are} no longer in the job{of}; {kept}"
    ))
}

/// Why rows of this job and those in the output cannot share it: either all are of a sweep, or none.
pub(super) fn mixed(
    variants: &[PlannedVariant],
    past: &EarlierRows,
    paths: &OutputPaths,
) -> Option<Failure> {
    let output = paths.output.display();
    let remedy = "choose another --output, or start over with --fresh";
    let has_sweep = variants.iter().any(|it| it.sweep.is_some());
    let message = match (has_sweep, past.unswept(), past.variants.is_empty()) {
        (true, 0, _) | (false, _, true) => return None,
        (true, unswept, _) => format!(
            "{output}: {} of it are of a run without a sweep, and this job has one, whose rows would \
             run all the same: {remedy}",
            plural(unswept, "row")
        ),
        (false, _, false) => format!(
            "{output}: its rows are of a sweep ({}), and this job has none: give the job its [sweep] \
             back, {remedy}",
            listed(past.variants.keys().map(String::as_str))
        ),
    };
    Some(Failure::usage(message).because(Reason::Output))
}

/// `a, b, c and 2 more`
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
