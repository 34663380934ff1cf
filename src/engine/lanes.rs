//! Which variants of a sweep share a loop: those whose calls differ in their bodies alone. A loop has
//! one model, one pace and one wire; loops run one after another, on one output and one budget.

use crate::job::{Plan, PlannedVariant};
use crate::model::Fingerprint;
use crate::output::RecordedSettings;
use crate::rows::joined;

/// Variants that share a loop, by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) places: Vec<usize>,
}

impl Lane {
    /// Its first variant.
    pub(super) fn first(&self) -> usize {
        self.places[0]
    }
}

/// The lanes of a job, in the order of its variants.
pub(super) fn lanes(variants: &[PlannedVariant]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (place, variant) in variants.iter().enumerate() {
        let shares = |lane: &&mut Lane| share_a_loop(&variants[lane.first()].plan, &variant.plan);
        match lanes.iter_mut().find(shares) {
            Some(lane) => lane.places.push(place),
            None => lanes.push(Lane {
                places: vec![place],
            }),
        }
    }
    lanes
}

/// The first variant of each lane: together they make every kind of call that the job makes.
pub(crate) fn first_of_each(variants: &[PlannedVariant]) -> Vec<usize> {
    lanes(variants).iter().map(Lane::first).collect()
}

/// Whether the calls of two variants differ in their bodies alone.
fn share_a_loop(one: &Plan, other: &Plan) -> bool {
    // A correction is written with the parameters of its variant, which the loop has one set of.
    let is_corrected = |plan: &Plan| plan.reasks().is_some();
    one.model == other.model
        && one.family == other.family
        && one.region == other.region
        && one.content_type == other.content_type
        && one.accept == other.accept
        && one.terms == other.terms
        && one.delivery == other.delivery
        && one.rows_per_call == other.rows_per_call
        && !is_corrected(one)
        && !is_corrected(other)
}

/// The fingerprint of the settings of all variants: for a job without a sweep that of its plan.
pub(super) fn fingerprint(variants: &[PlannedVariant]) -> Fingerprint {
    match variants {
        [only] if only.sweep.is_none() => only.plan.fingerprint(),
        variants => {
            let parts = variants.iter();
            let parts = parts.map(|it| format!("{} {}", it.name(), it.plan.fingerprint()));
            joined(parts)
        }
    }
}

/// The settings of all variants, in parts.
pub(super) fn settings(variants: &[PlannedVariant]) -> RecordedSettings {
    if let [only] = variants
        && only.sweep.is_none()
    {
        return only.plan.settings();
    }
    let all: Vec<_> = variants.iter().map(|it| it.plan.settings()).collect();
    let mut models: Vec<_> = all.iter().map(|it| it.model.as_str()).collect();
    models.dedup();
    RecordedSettings {
        model: models.join(", "),
        prompt: joined(all.iter().map(|it| it.prompt.clone())).to_string(),
        parameters: joined(all.iter().map(|it| it.parameters.clone())).to_string(),
    }
}

/// The models of a job, each once.
pub(super) fn models(variants: &[PlannedVariant]) -> Vec<&str> {
    let mut models = Vec::new();
    for variant in variants {
        let model = variant.plan.model.as_str();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobFile, SweepPlan};

    /// The names of the variants of each lane.
    #[track_caller]
    fn check(sweep: &str, expected: &[&str]) {
        let job = format!(
            "input.path = \"in.csv\"\noutput.path = \"out.jsonl\"\n\
             model = {{ id = \"amazon.nova-lite-v1:0\", max_tokens = 9 }}\n{sweep}"
        );
        let job = JobFile::load(None, toml::from_str(&job).unwrap()).unwrap();
        let variants = job.variants().unwrap();
        let today = jiff::civil::date(2026, 12, 1);
        let planned = SweepPlan::new(job, variants, None, today, |_| None).unwrap();
        let named = |lane: Lane| {
            let names = lane
                .places
                .iter()
                .map(|place| planned.variants[*place].name());
            names.collect::<Vec<_>>().join(" ")
        };
        let lanes: Vec<_> = lanes(&planned.variants).into_iter().map(named).collect();
        assert_eq!(lanes, expected, "{sweep}");
    }

    #[test]
    fn variants_share_a_loop_where_their_calls_differ_in_their_bodies_alone() {
        check("", &[""]);
        check(
            "[sweep]\ntemperature = [0.0, 0.5]\nmax_tokens = [10, 20]",
            &[
                "nova-lite/max_tokens=10/temperature=0 nova-lite/max_tokens=10/temperature=0.5 \
               nova-lite/max_tokens=20/temperature=0 nova-lite/max_tokens=20/temperature=0.5",
            ],
        );
        check(
            "[sweep]\nmodel = [\"amazon.nova-lite-v1:0\", \"amazon.nova-pro-v1:0\"]\ntemperature = [0.0, 0.5]",
            &[
                "nova-lite/temperature=0 nova-lite/temperature=0.5",
                "nova-pro/temperature=0 nova-pro/temperature=0.5",
            ],
        );
        for key in [
            "stream = [true, false]",
            "service_tier = [\"default\", \"flex\"]",
            "region = [\"us-east-1\", \"us-west-2\"]",
        ] {
            let name = key.split_once(' ').unwrap().0;
            let values: Vec<_> = key.split('"').collect();
            let [one, other] = match values.len() {
                1 => ["true", "false"],
                _ => [values[1], values[3]],
            };
            check(
                &format!("[sweep]\n{key}"),
                &[
                    &format!("nova-lite/{name}={one}"),
                    &format!("nova-lite/{name}={other}"),
                ],
            );
        }
        // A correction is written with the parameters of its variant.
        check(
            "[sweep]\ntemperature = [0.0, 0.5]\n[schema]\njson = '{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}'",
            &["nova-lite/temperature=0", "nova-lite/temperature=0.5"],
        );
    }

    #[test]
    fn a_job_without_a_sweep_has_the_fingerprint_of_its_plan() {
        let job = "input.path = \"in.csv\"\noutput.path = \"out.jsonl\"\nmodel.id = \"amazon.nova-lite-v1:0\"";
        let planned = |text: &str| {
            let job = JobFile::load(None, toml::from_str(text).unwrap()).unwrap();
            let variants = job.variants().unwrap();
            let today = jiff::civil::date(2026, 12, 1);
            SweepPlan::new(job, variants, None, today, |_| None)
                .unwrap()
                .variants
        };
        let plain = planned(job);
        assert_eq!(fingerprint(&plain), plain[0].plan.fingerprint());
        assert_eq!(settings(&plain), plain[0].plan.settings());
        let swept = planned(&format!("{job}\nsweep.temperature = [0.0, 0.5]"));
        assert_ne!(fingerprint(&swept), swept[0].plan.fingerprint());
        let more = planned(&format!("{job}\nsweep.temperature = [0.0, 0.6]"));
        assert_ne!(fingerprint(&swept), fingerprint(&more));
    }
}
