//! What Bedrock is asked of a job's model before the plan is made: which one an ARN refers to,
//! where neither id nor family tells, and whether it streams, where the catalog does not tell.

use std::time::Duration;

use jiff::civil::Date;
use tokio::time::timeout;

use super::connect::{self, Connection};
use super::failure::Failure;
use crate::bedrock::aws::Access;
use crate::bedrock::control::Control;
use crate::bedrock::emulated;
use crate::bedrock::hosts::Hosts;
use crate::catalog;
use crate::catalog::id::ModelId;
use crate::family::Family;
use crate::job::expand::expand;
use crate::job::{JobFile, VariantJob, is_url};
use crate::rows::MismatchError;

/// A run does not wait longer to hear whether a model streams: the first call would tell too.
const PATIENCE: Duration = Duration::from_secs(5);

/// Notes in `job` which model its ARN refers to, and whether that is known not to stream. Where
/// the first cannot be found out, the answer says why; the second is then left to the first call.
pub(super) async fn resolve(
    job: &mut JobFile,
    today: Date,
    hosts: &mut Hosts<'_>,
) -> Option<String> {
    let unknown = settle_model(job, today, hosts).await;
    settle_stream(job, today, hosts).await;
    unknown
}

/// Like [`resolve`], but for all variants of a sweep: each model is asked about once.
pub(super) async fn resolve_all(
    variants: &mut [VariantJob],
    today: Date,
    hosts: &mut Hosts<'_>,
) -> Option<String> {
    let mut unknown = None;
    for at in 0..variants.len() {
        let (before, rest) = variants.split_at_mut(at);
        let Some(variant) = rest.first_mut() else {
            break;
        };
        let model = &mut variant.job.model;
        let same = before
            .iter()
            .map(|it| &it.job.model)
            .find(|it| (&it.id, &it.region, it.stream) == (&model.id, &model.region, model.stream));
        match same {
            Some(same) => {
                model.behind.clone_from(&same.behind);
                model.answers_whole = same.answers_whole;
            }
            None => {
                let why = resolve(&mut variant.job, today, hosts).await;
                unknown = unknown.or(why);
            }
        }
    }
    unknown
}

async fn settle_model(job: &mut JobFile, today: Date, hosts: &mut Hosts<'_>) -> Option<String> {
    let model = hidden(job)?;
    let found = async {
        let connection = connection(job, &model, today)?;
        let control = Control::connect(connection.access.clone(), hosts).await?;
        Ok::<_, Failure>(control.behind(&model).await?)
    };
    match found.await {
        Ok(found) => {
            job.model.behind = found;
            None
        }
        Err(why) => Some(format!("its model is unknown: {why}")),
    }
}

async fn settle_stream(job: &mut JobFile, today: Date, hosts: &mut Hosts<'_>) {
    let Some(model) = unknown_stream(job) else {
        return;
    };
    let Some(base) = model.base() else {
        return;
    };
    let asked = async {
        let connection = connection(job, &model, today).ok()?;
        let control = Control::connect(connection.access.clone(), hosts)
            .await
            .ok()?;
        control.streams(base).await.ok()?
    };
    let streams = timeout(PATIENCE, asked).await;
    job.model.answers_whole = streams == Ok(Some(false));
}

/// The job's model, where it is to stream, and the catalog does not list it although its
/// layout is known: any other is rejected or sent anyway.
fn unknown_stream(job: &JobFile) -> Option<ModelId> {
    let model = ModelId::parse_of_any_provider(job.model.id.as_deref()?).ok()?;
    let model = match &job.model.behind {
        Some(behind) => model.behind(behind),
        None => model,
    };
    let base = model.base()?;
    let is_known = catalog::anywhere(base).is_some();
    let has_layout = job.model.family.is_some() || Family::of(base).is_some();
    let matters = job.model.stream && !job.model.force && !is_known && has_layout;
    matters.then_some(model)
}

/// A job without a layout for its prompts, and why Bedrock could not be asked for it.
pub(super) fn explain(error: MismatchError, hidden: Option<&str>) -> Failure {
    match (error.of_variant(), hidden) {
        (MismatchError::NoLayout { .. }, Some(why)) => Failure::usage(format!("{error}\n{why}")),
        _ => error.into(),
    }
}

/// The job's model, where it is an ARN that hides its model, and no family is named.
fn hidden(job: &JobFile) -> Option<ModelId> {
    if job.model.family.is_some() {
        return None;
    }
    let model = ModelId::parse(job.model.id.as_deref()?).ok()?;
    model.hides_its_model().then_some(model)
}

/// The control plane beside the job's endpoint. A URL of the job's is that of calls alone, unless
/// it is on this machine, where an emulator answers both.
fn connection(job: &JobFile, model: &ModelId, today: Date) -> Result<Connection, Failure> {
    let endpoint = job.model.endpoint.as_deref();
    let region = crate::job::region(job.model.region.clone(), model)?;
    if endpoint == Some("emulator") {
        let variable = |name: &str| std::env::var(name).ok();
        let path = job.emulator.scenario.as_deref();
        let path = path.and_then(|path| expand(path, today, variable).ok());
        let scenario = connect::scenario_file(path.as_deref().map(std::path::Path::new))?;
        return connect::emulator(scenario, region);
    }
    Ok(Connection::aws(Access::Aws {
        region,
        profile: job.model.profile.clone(),
        endpoint: endpoint
            .filter(|url| is_url(url) && emulated::may_be_at(url))
            .map(str::to_owned),
    }))
}
