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
