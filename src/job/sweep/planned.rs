//! The variants of a sweep, each with a plan of its own.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::{OnRefused, VariantJob, wrong};
use crate::job::file::{JobError, JobFile};
use crate::job::plan::Plan;
use crate::run::{Cell, Variant};

/// The plan of one variant; a job without a sweep has one, which is no sweep's.
#[derive(Debug, Clone)]
pub struct PlannedVariant {
    /// What is asked in it.
    pub plan: Plan,
    /// Its place in the sweep.
    pub sweep: Option<SweepCells>,
}

impl PlannedVariant {
    /// Its name; empty where there is no sweep.
    pub fn name(&self) -> &str {
        let sweep = self.sweep.as_ref();
        sweep.map_or("", |sweep| sweep.variant.name.as_str())
    }
}

/// The cells of one variant: its samples.
#[derive(Debug, Clone)]
pub struct SweepCells {
    /// The variant.
    pub variant: Arc<Variant>,
    /// How many samples there are.
    pub samples: u32,
    varies: Map<String, Value>,
    /// What varies, by sample: one for all, or one for each where they have seeds.
    params: Vec<Arc<Map<String, Value>>>,
    /// The seed of the first sample, if its model takes one.
    seed: Option<u32>,
}

impl SweepCells {
    /// The cell of this sample, from 1.
    pub fn cell(&self, sample: u32) -> Cell {
        let nth = sample.saturating_sub(1) as usize;
        let params = self.params.get(nth).unwrap_or(&self.params[0]);
        Cell {
            variant: Arc::clone(&self.variant),
            sample,
            params: Arc::clone(params),
        }
    }

    /// The seed of this sample, from 1.
    pub fn seed(&self, sample: u32) -> Option<u32> {
        Some(self.seed?.wrapping_add(sample.saturating_sub(1)))
    }

    /// What varies, with the values of this variant, seeds apart.
    pub fn varies(&self) -> &Map<String, Value> {
        &self.varies
    }
}

/// The variants of a job, planned.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    /// At least one.
    pub variants: Vec<PlannedVariant>,
    /// Variants that are left out, each with the reason.
    pub skipped: Vec<(String, String)>,
}

impl SweepPlan {
    /// Checks all variants of `job`, or the job itself where it has no sweep. The jobs of `variants`
    /// may know more of their models than `job` does.
    ///
    /// # Errors
    /// Everything that is wrong: what is wrong with each variant alike is said once.
    pub fn new(
        job: JobFile,
        variants: Vec<VariantJob>,
        job_file: Option<&Path>,
        today: Date,
        variable: impl Fn(&str) -> Option<String> + Copy,
    ) -> Result<Self, JobError> {
        if variants.is_empty() {
            let plan = Plan::new(job, job_file, today, variable)?;
            let variants = vec![PlannedVariant { plan, sweep: None }];
            let skipped = Vec::new();
            return Ok(Self { variants, skipped });
        }
        let on_refused = job.sweep.on_refused()?;
        let mut planned = Vec::new();
        let mut mistakes = Vec::new();
        for of in variants {
            match Plan::new(of.job, job_file, today, variable) {
                Ok(plan) => planned.push((of.variant, of.params, plan)),
                Err(mistake) => mistakes.push((of.variant.name.clone(), mistake)),
            }
        }
        let skipped = left_out(mistakes, planned.is_empty(), on_refused)?;
        let seed = job.sweep.seed;
        if seed.is_some() && !planned.iter().any(|(.., plan)| plan.family.takes_a_seed()) {
            let message = "no model of the sweep takes a seed: leave it out";
            return Err(wrong("sweep.seed", message));
        }
        let brings_a_seed =
            |(_, _, plan): &(_, _, Plan)| plan.family.brings_a_seed(&plan.parameters.extra);
        if seed.is_some() && planned.iter().any(brings_a_seed) {
            let message = "model.extra has a seed too, the same for all samples: keep one of them";
            return Err(wrong("sweep.seed", message));
        }
        let samples = job.sweep.samples();
        let planned = planned.into_iter().enumerate();
        let variants = planned.map(|(place, (variant, params, plan))| PlannedVariant {
            sweep: Some(cells(place, &variant, &params, samples, seed, &plan)),
            plan,
        });
        Ok(Self {
            variants: variants.collect(),
            skipped,
        })
    }
}

fn cells(
    place: usize,
    variant: &Variant,
    params: &Map<String, Value>,
    samples: u32,
    seed: Option<u32>,
    plan: &Plan,
) -> SweepCells {
    let seed = seed.filter(|_| plan.family.takes_a_seed());
    let varies = params.clone();
    let params = match seed {
        None => vec![Arc::new(params.clone())],
        Some(first) => {
            let of_sample = |nth| {
                let mut params = params.clone();
                params.insert("seed".into(), first.wrapping_add(nth).into());
                Arc::new(params)
            };
            (0..samples).map(of_sample).collect()
        }
    };
    SweepCells {
        variant: Arc::new(Variant {
            place,
            name: variant.name.clone(),
        }),
        samples,
        varies,
        params,
        seed,
    }
}

/// The variants that are left out.
///
/// # Errors
/// All other mistakes. Those that every variant has are the job's.
fn left_out(
    mistakes: Vec<(String, JobError)>,
    is_every_one: bool,
    on_refused: OnRefused,
) -> Result<Vec<(String, String)>, JobError> {
    let is_common = |first: &JobError| {
        let first = first.to_string();
        is_every_one && mistakes.iter().all(|(_, it)| it.to_string() == first)
    };
    if mistakes.first().is_some_and(|(_, first)| is_common(first)) {
        let mut mistakes = mistakes.into_iter();
        return match mistakes.next() {
            Some((_, mistake)) => Err(mistake),
            None => Ok(Vec::new()),
        };
    }
    let may_skip = !is_every_one && on_refused == OnRefused::Skip;
    let mut skipped = Vec::new();
    let mut others = Vec::new();
    for (variant, mistake) in mistakes {
        if may_skip && mistake.is_the_models() {
            skipped.push((variant, mistake.to_string()));
        } else {
            let mistake = Box::new(mistake);
            others.push(JobError::Variant { variant, mistake });
        }
    }
    match others.len() {
        0 => Ok(skipped),
        1 => Err(others.swap_remove(0)),
        _ => Err(JobError::Several(others)),
    }
}

impl JobError {
    /// Whether it is said of what a model takes, and not of what was typed.
    fn is_the_models(&self) -> bool {
        match self {
            Self::Value { key, .. } => match key.split_once('.') {
                Some(("model", key)) => {
                    !["id", "family", "region", "endpoint", "prices"].contains(&key)
                }
                Some(("schema", key)) => key == "mode",
                Some(("prompt", key)) => key == "cache",
                Some(_) => false,
                None => *key == "model",
            },
            Self::Several(all) => all.iter().all(Self::is_the_models),
            Self::Read { .. }
            | Self::Prompts { .. }
            | Self::Syntax { .. }
            | Self::NotATable { .. }
            | Self::UnknownKey { .. }
            | Self::WrongKind { .. }
            | Self::Missing { .. }
            | Self::TwoSources(..)
            | Self::CannotVary { .. }
            | Self::Variant { .. }
            | Self::Expand(_) => false,
        }
    }
}
