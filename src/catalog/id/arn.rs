//! ARNs of things that can be invoked.

use super::{IdError, IdKind, ModelId, is_provider_and_name, strip_context, strip_geo};

/// The kinds of resource that can be invoked, as their ARNs name them.
const RESOURCES: &str = "foundation-model, inference-profile, application-inference-profile, \
    provisioned-model, custom-model, custom-model-deployment, imported-model, prompt-router and \
    default-prompt-router of bedrock, and endpoint of sagemaker";

/// Understands `arn:<partition>:<service>:<region>:<account>:<resource>/<id>`.
pub(super) fn parse(text: &str) -> Result<ModelId, IdError> {
    let refuse = |reason: String| IdError::BadArn {
        arn: text.to_owned(),
        reason,
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &[_, partition, service, region, account, resource] = parts.as_slice() else {
        let form = "arn:<partition>:<service>:<region>:<account>:<resource>/<id>";
        return Err(refuse(format!(
            "it has {} of the 6 parts of `{form}`",
            parts.len()
        )));
    };
    if let Some(c) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(refuse(format!("it has a `{}` in it", c.escape_default())));
    }
    if !partition.starts_with("aws") {
        return Err(refuse(format!(
            "`{partition}` is no partition (aws, aws-us-gov, aws-cn …)"
        )));
    }
    if region.is_empty() {
        return Err(refuse("it names no region".to_owned()));
    }
    let (kind, base) = understand(service, resource).map_err(refuse)?;
    // Foundation models belong to no account; everything else does.
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if !is_account && (kind != IdKind::Base || !account.is_empty()) {
        return Err(refuse(format!(
            "`{account}` is no account number (12 digits)"
        )));
    }
    Ok(ModelId {
        wire: text.to_owned(),
        kind,
        base: base.map(str::to_owned),
        region: Some(region.to_owned()),
        like: None,
    })
}

/// What kind of thing the last part of an ARN names, and the base id it gives away.
fn understand<'a>(service: &str, resource: &'a str) -> Result<(IdKind, Option<&'a str>), String> {
    let (word, name) = resource.split_once('/').unwrap_or((resource, ""));
    let opaque = |kind| Ok((kind, None));
    let found = match (service, word) {
        ("bedrock", "foundation-model") => Ok((IdKind::Base, Some(strip_context(name)))),
        ("bedrock", "inference-profile") => profile(name),
        ("bedrock", "custom-model") => Ok((
            IdKind::Custom,
            name.split_once('/')
                .map(|(base, _)| strip_context(base))
                .filter(|base| is_provider_and_name(base)),
        )),
        ("bedrock", "application-inference-profile") => opaque(IdKind::ApplicationProfile),
        ("bedrock", "provisioned-model") => opaque(IdKind::Provisioned),
        ("bedrock", "custom-model-deployment") => opaque(IdKind::CustomDeployment),
        ("bedrock", "imported-model") => opaque(IdKind::Imported),
        ("bedrock", "prompt-router" | "default-prompt-router") => opaque(IdKind::PromptRouter),
        ("sagemaker", "endpoint") => opaque(IdKind::MarketplaceEndpoint),
        ("bedrock", "prompt") => Err(
            "a stored prompt works with Converse only, which promptmill \
             does not call; give the prompt's model, and its text as the template"
                .to_owned(),
        ),
        ("bedrock", other) => Err(format!(
            "`{other}` is no model; what can be invoked: {RESOURCES}"
        )),
        (other, _) => Err(format!(
            "`{other}` is not the service; what can be invoked: {RESOURCES}"
        )),
    };
    match found {
        Ok(_) if name.is_empty() => Err(format!("no ID after `{word}/`")),
        found => found,
    }
}

fn profile(name: &str) -> Result<(IdKind, Option<&str>), String> {
    match strip_geo(name) {
        (Some(_), base) => Ok((IdKind::Profile, Some(strip_context(base)))),
        (None, _) => Err(format!(
            "`{name}` is no profile of the system, which look like `us.amazon.nova-lite-v1:0`; \
             a profile of your account is an `application-inference-profile`"
        )),
    }
}
