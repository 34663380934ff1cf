//! Which model stands behind an ARN that does not tell.

use serde_json::Value;

use super::{Control, ControlError, segment};
use crate::catalog;
use crate::catalog::id::{IdKind, ModelId};

impl Control {
    /// The id that calls the model behind `model` in the same way: its base id, or where calls may
    /// go to several regions, a profile's. `None` where no model stands behind it, or several do.
    ///
    /// # Errors
    /// [`ControlError`]; the permission depends on the kind of ARN.
    pub async fn behind(&self, model: &ModelId) -> Result<Option<String>, ControlError> {
        let arn = segment(model.as_str());
        let arn_in = |answer: &Value, field: &str| answer[field].as_str().map(str::to_owned);
        let found = match model.kind() {
            IdKind::ApplicationProfile => {
                let path = format!("/inference-profiles/{arn}");
                let profile = self.get("GetInferenceProfile", path).await?;
                return Ok(of_profile(&profile["models"], self.region()));
            }
            IdKind::Provisioned => {
                let path = format!("/provisioned-model-throughput/{arn}");
                let bought = self.get("GetProvisionedModelThroughput", path).await?;
                arn_in(&bought, "foundationModelArn")
            }
            IdKind::CustomDeployment => {
                let path = format!("/model-customization/custom-model-deployments/{arn}");
                let deployment = self.get("GetCustomModelDeployment", path).await?;
                match arn_in(&deployment, "modelArn") {
                    Some(model) => self.behind_custom(&model).await?,
                    None => None,
                }
            }
            IdKind::Custom => self.behind_custom(model.as_str()).await?,
            IdKind::Base
            | IdKind::Profile
            | IdKind::Imported
            | IdKind::PromptRouter
            | IdKind::MarketplaceEndpoint => None,
        };
        Ok(found.as_deref().and_then(base_of))
    }

    /// The ARN of the model that a custom one was made from: its own, where that tells.
    async fn behind_custom(&self, arn: &str) -> Result<Option<String>, ControlError> {
        if base_of(arn).is_some() {
            return Ok(Some(arn.to_owned()));
        }
        let path = format!("/custom-models/{}", segment(arn));
        let custom = self.get("GetCustomModel", path).await?;
        Ok(custom["baseModelArn"].as_str().map(str::to_owned))
    }
}

/// The base id that an ARN tells.
pub(super) fn base_of(arn: &str) -> Option<String> {
    ModelId::parse(arn).ok()?.base().map(str::to_owned)
}

/// The id of the profile, given the models of a profile that was made from it, which stand in its
/// regions; those of a global profile may stand in none.
pub(super) fn of_profile(models: &Value, here: &str) -> Option<String> {
    let arns: Vec<&str> = models
        .as_array()?
        .iter()
        .filter_map(|model| model["modelArn"].as_str())
        .collect();
    let base = arns.first()?.rsplit('/').next()?;
    let region = |arn: &&str| arn.split(':').nth(3).unwrap_or_default().to_owned();
    let regions: Vec<_> = arns.iter().map(region).collect();
    if regions.iter().any(String::is_empty) {
        return Some(format!("global.{base}"));
    }
    if regions.len() == 1 {
        return Some(base.to_owned());
    }
    let ids = catalog::ids_in(base, here).unwrap_or_default();
    let of_geography = ids
        .into_iter()
        .find(|id| id != base && !id.starts_with("global."));
    Some(of_geography.unwrap_or_else(|| base.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(regions: &[&str], id: &str) {
        let arn =
            |region| format!("arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0");
        let models = regions
            .iter()
            .map(|region| json!({"modelArn": arn(region)}));
        let models = Value::from(models.collect::<Vec<_>>());
        assert_eq!(of_profile(&models, "us-east-1").as_deref(), Some(id));
    }

    #[test]
    fn regions_tell_which_profile_was_copied() {
        check(&["us-east-1"], "amazon.nova-lite-v1:0");
        check(&["us-east-1", "us-west-2"], "us.amazon.nova-lite-v1:0");
        check(&["", "us-east-1"], "global.amazon.nova-lite-v1:0");
        assert_eq!(of_profile(&json!([]), "us-east-1"), None);
    }
}
