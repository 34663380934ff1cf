//! The parts of a plan that depend on which model it is.

use std::path::PathBuf;
use std::sync::Arc;

use super::limits::{known, limits, tokens};
use super::model::{cache, idle_with_bodies, parameters, region, rows_per_call};
use super::rows_per_call::RowsPerCall;
use super::schema::{SchemaPlan, schema};
use super::terms::delivery;
use crate::catalog::ModelFacts;
use crate::catalog::id::ModelId;
use crate::family::{Family, Parameters};
use crate::job::expand::ExpandError;
use crate::job::file::{JobFile, Mistakes};
use crate::model::{Delivery, RequestOptions};
use crate::run::{Limits, TokenLimits};

/// What is asked of a model, what it costs, and what it is held to.
pub(super) struct OfModel {
    pub(super) model: ModelId,
    pub(super) family: Family,
    pub(super) region: Option<String>,
    pub(super) parameters: Parameters,
    pub(super) schema: Option<SchemaPlan>,
    pub(super) idle_with_bodies: Option<&'static str>,
    pub(super) delivery: Delivery,
    pub(super) rows_per_call: RowsPerCall,
    pub(super) tokens: TokenLimits,
    pub(super) limits: Limits,
    pub(super) facts: Option<ModelFacts>,
}

impl OfModel {
    /// What `job` says of `model`; `None` where something of it is wrong, which is then among the
    /// `mistakes`.
    pub(super) fn new(
        job: &JobFile,
        model: ModelId,
        family: Family,
        terms: Option<&RequestOptions>,
        path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let parameters = cache(&job.prompt, family)
            .and_then(|cache| parameters(&job.model, cache, family, &model));
        let mut parameters = mistakes.keep(parameters);
        let schema = parameters
            .as_ref()
            .map(|parameters| schema(job, parameters, family, &model, path));
        let schema = schema.and_then(|schema| mistakes.keep(schema));
        if let (Some(parameters), Some(Some(schema))) = (&mut parameters, &schema) {
            parameters.schema = Some(Arc::clone(&schema.sent));
        }
        let shared = parameters
            .as_ref()
            .map(|parameters| rows_per_call(&job.model, family, parameters));
        let rows_per_call = shared.and_then(|shared| mistakes.keep(shared));
        let idle = job.retry.idle_timeout.as_deref();
        let delivery = delivery(&job.model, idle, family, &model);
        let delivery = mistakes.keep(delivery);
        let region = mistakes.keep(region(job.model.region.clone(), &model));
        let own = job.model.prices.as_deref().map(path).transpose();
        let own = mistakes.keep(own);
        let place = region.clone().flatten();
        let default = RequestOptions::default();
        let terms = terms.unwrap_or(&default);
        let known = known(&model, place.as_deref(), terms, own?.as_deref());
        let known = mistakes.keep(known)?;
        let tokens = mistakes.keep(tokens(&job.limits, &known, &model, family));
        let limits = limits(
            &job.limits,
            known.facts.as_ref(),
            terms,
            &model,
            family,
            mistakes,
        );
        Some(Self {
            region: region?,
            parameters: parameters?,
            idle_with_bodies: idle_with_bodies(job),
            schema: schema?,
            delivery: delivery?,
            rows_per_call: rows_per_call?,
            tokens: tokens?,
            limits: limits?,
            facts: known.facts,
            model,
            family,
        })
    }
}
