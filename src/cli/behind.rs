//! Which model stands behind a job's ARN, asked of Bedrock where neither id nor family tells.

use super::connect;
use super::emulate;
use super::failure::Failure;
use crate::job::expand::expand;
use crate::job::rows::MismatchError;
use crate::job::{JobFile, is_url};
use crate::model::aws::Access;
use crate::model::control::Control;
use crate::model::id::ModelId;

/// Notes in `job` what stands behind its model. Where that cannot be found out, the job is left
/// as it is, and the answer says why.
pub(super) async fn settle(job: &mut JobFile) -> Option<String> {
    let model = hidden(job)?;
    let found = async {
        let access = access(job, &model).await?;
        let control = Control::connect(access).await?;
        Ok::<_, Failure>(control.behind(&model).await?)
    };
    match found.await {
        Ok(found) => {
            job.model.behind = found;
            None
        }
        Err(why) => Some(format!("which model is behind it is not known: {why}")),
    }
}

/// A job without a layout for its prompts, and why Bedrock could not be asked for it.
pub(super) fn explain(error: MismatchError, hidden: Option<&str>) -> Failure {
    match (&error, hidden) {
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
async fn access(job: &JobFile, model: &ModelId) -> Result<Access, Failure> {
    let endpoint = job.model.endpoint.as_deref();
    let region = crate::job::region(job.model.region.clone(), model)?;
    if endpoint == Some("emulator") {
        let today = jiff::Zoned::now().date();
        let variable = |name: &str| std::env::var(name).ok();
        let path = job.emulator.scenario.as_deref();
        let path = path.and_then(|path| expand(path, today, variable).ok());
        let scenario = emulate::scenario(path.as_deref().map(std::path::Path::new))?;
        return connect::emulator(scenario, region).await;
    }
    let is_here = |url: &&str| {
        ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|here| url.starts_with(here))
    };
    Ok(Access::Aws {
        region,
        profile: job.model.profile.clone(),
        endpoint: endpoint
            .filter(|url| is_url(url))
            .filter(is_here)
            .map(str::to_owned),
    })
}
