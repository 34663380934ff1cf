//! Everything that can be invoked from a region, as one list.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::resolve::{base_of, of_profile};
use super::{Control, ControlError, segment};
use crate::catalog::Capabilities;
use crate::catalog::id::IdKind;

/// Entries of one page; the service gives no more.
const PAGE: &str = "maxResults=1000";

/// More pages than any account fills: a service that hands out tokens for ever is left.
const MOST_PAGES: usize = 100;

/// Something that can stand as a job's model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// What to type.
    pub id: String,
    /// Which form it has.
    pub kind: IdKind,
    /// What people call it.
    pub name: String,
    /// The id that calls the same model at the same price, where `id` is an ARN that hides it.
    pub like: Option<String>,
    /// Who made the model.
    pub provider: Option<String>,
    /// Whether it answers InvokeModelWithResponseStream, where that is known.
    pub streaming: Option<bool>,
    /// What it reads, in the service's words: `TEXT`, `IMAGE`.
    pub reads: Vec<String>,
    /// What it writes: `TEXT`, `IMAGE`, `EMBEDDING`.
    pub writes: Vec<String>,
    /// Why it is not to be built upon, or not ready: `legacy`, `Creating`.
    pub state: Option<String>,
    /// When it ends, where that is announced.
    pub end_of_life: Option<String>,
}

/// All that could be found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// What can be invoked.
    pub offers: Vec<ListedModel>,
    /// How many models can be called through bought capacity only.
    pub to_be_bought: usize,
    /// What could not be asked.
    pub missing: Vec<ControlError>,
}

impl Control {
    /// Everything that can be invoked here. What may not be asked is left out and named.
    ///
    /// # Errors
    /// Nothing could be asked: why the first question was not answered.
    pub async fn list(&self) -> Result<Listing, ControlError> {
        let mut listing = Listing::default();
        let models = self.get("ListFoundationModels", "/foundation-models".to_owned());
        let models: Vec<FoundationModel> = match models.await {
            Ok(answer) => entries(answer, "modelSummaries"),
            Err(denied @ ControlError::Denied { .. }) => {
                listing.missing.push(denied);
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let about = |base: &str| models.iter().find(|model| model.model_id == base);
        for model in &models {
            if model.is("ON_DEMAND") {
                listing.offers.push(model.offer());
            } else if !model.is("INFERENCE_PROFILE") {
                listing.to_be_bought += 1;
            }
        }
        let profiles = self.pages::<Profile>(
            "ListInferenceProfiles",
            "/inference-profiles",
            "inferenceProfileSummaries",
        );
        let profiles = listing.take(profiles.await);
        let offers = profiles.iter().map(|it| it.offer(self.region(), about));
        listing.offers.extend(offers);
        let bought = self.pages::<Provisioned>(
            "ListProvisionedModelThroughputs",
            "/provisioned-model-throughputs",
            "provisionedModelSummaries",
        );
        let bought = listing.take(bought.await);
        listing
            .offers
            .extend(bought.iter().map(|it| it.offer(about)));
        let deployments = self.pages::<Deployment>(
            "ListCustomModelDeployments",
            "/model-customization/custom-model-deployments",
            "modelDeploymentSummaries",
        );
        let deployments = listing.take(deployments.await);
        let offers = deployments.iter().map(|it| it.offer(about));
        listing.offers.extend(offers);
        let imported =
            self.pages::<Imported>("ListImportedModels", "/imported-models", "modelSummaries");
        let imported = listing.take(imported.await);
        listing.offers.extend(imported.iter().map(Imported::offer));
        match listing.missing.first() {
            Some(first) if listing.offers.is_empty() => Err(first.clone()),
            Some(_) | None => Ok(listing),
        }
    }

    /// All pages of a list.
    async fn pages<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        field: &str,
    ) -> Result<Vec<T>, ControlError> {
        let mut found = Vec::new();
        let mut next = format!("{path}?{PAGE}");
        for _ in 0..MOST_PAGES {
            let answer = self.get(operation, next).await?;
            let token = answer["nextToken"].as_str().map(segment);
            found.extend(entries(answer, field));
            match token {
                Some(token) => next = format!("{path}?{PAGE}&nextToken={token}"),
                None => break,
            }
        }
        Ok(found)
    }
}

impl Listing {
    fn take<T>(&mut self, answer: Result<Vec<T>, ControlError>) -> Vec<T> {
        answer.unwrap_or_else(|error| {
            self.missing.push(error);
            Vec::new()
        })
    }
}

/// The entries of an answer that have what an entry must have.
fn entries<T: DeserializeOwned>(mut answer: Value, field: &str) -> Vec<T> {
    let list = answer.get_mut(field).map(Value::take);
    let Some(Value::Array(list)) = list else {
        return Vec::new();
    };
    list.into_iter()
        .filter_map(|entry| serde_json::from_value(entry).ok())
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundationModel {
    model_id: String,
    model_name: Option<String>,
    provider_name: Option<String>,
    #[serde(default)]
    input_modalities: Vec<String>,
    #[serde(default)]
    output_modalities: Vec<String>,
    response_streaming_supported: Option<bool>,
    #[serde(default)]
    inference_types_supported: Vec<String>,
    model_lifecycle: Option<Lifecycle>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lifecycle {
    status: String,
    end_of_life_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    inference_profile_name: String,
    inference_profile_id: String,
    inference_profile_arn: String,
    #[serde(default)]
    models: Value,
    status: String,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provisioned {
    provisioned_model_name: String,
    provisioned_model_arn: String,
    foundation_model_arn: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    custom_model_deployment_arn: String,
    custom_model_deployment_name: String,
    model_arn: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    model_arn: String,
    model_name: String,
    model_architecture: Option<String>,
}

impl FoundationModel {
    fn is(&self, inference_type: &str) -> bool {
        let types = &self.inference_types_supported;
        types.iter().any(|it| it == inference_type)
    }

    fn offer(&self) -> ListedModel {
        self.offer_as(self.model_id.clone(), IdKind::Base, self.name().to_owned())
    }

    fn name(&self) -> &str {
        self.model_name.as_deref().unwrap_or(&self.model_id)
    }

    /// This model under another id.
    fn offer_as(&self, id: String, kind: IdKind, name: String) -> ListedModel {
        let lifecycle = self.model_lifecycle.as_ref();
        let legacy = lifecycle.is_some_and(|cycle| cycle.status == "LEGACY");
        ListedModel {
            id,
            kind,
            name,
            like: None,
            provider: self.provider_name.clone(),
            streaming: self.response_streaming_supported,
            reads: self.input_modalities.clone(),
            writes: self.output_modalities.clone(),
            state: legacy.then(|| "legacy".to_owned()),
            end_of_life: lifecycle.and_then(|cycle| cycle.end_of_life_time.clone()),
        }
    }
}

/// An offer of the model behind `base`, with what the list of models says about it.
fn offer<'a>(
    id: &str,
    kind: IdKind,
    name: &str,
    base: Option<&str>,
    about: impl Fn(&str) -> Option<&'a FoundationModel>,
) -> ListedModel {
    let (id, name) = (id.to_owned(), name.to_owned());
    match base.and_then(about) {
        Some(model) => model.offer_as(id, kind, name),
        None => ListedModel {
            id,
            kind,
            name,
            like: None,
            provider: None,
            // What is known to refuse streams refuses them; of the others nothing is known.
            streaming: base
                .is_some_and(|base| Capabilities::of(base).no_stream)
                .then_some(false),
            reads: Vec::new(),
            writes: Vec::new(),
            state: None,
            end_of_life: None,
        },
    }
}

/// What is not ready is not hidden: whoever waits for it sees how far it is.
fn unready(status: &str, ready: &str) -> Option<String> {
    (status != ready).then(|| status.to_owned())
}

impl Profile {
    fn offer<'a>(
        &self,
        region: &str,
        about: impl Fn(&str) -> Option<&'a FoundationModel>,
    ) -> ListedModel {
        let like = of_profile(&self.models, region);
        let base = like.as_deref().and_then(base_of);
        let is_own = self.r#type == "APPLICATION";
        let (id, kind) = match is_own {
            true => (&self.inference_profile_arn, IdKind::ApplicationProfile),
            false => (&self.inference_profile_id, IdKind::Profile),
        };
        let found = offer(
            id,
            kind,
            &self.inference_profile_name,
            base.as_deref(),
            about,
        );
        ListedModel {
            like: like.filter(|_| is_own),
            state: unready(&self.status, "ACTIVE").or(found.state),
            ..found
        }
    }
}

impl Provisioned {
    fn offer<'a>(&self, about: impl Fn(&str) -> Option<&'a FoundationModel>) -> ListedModel {
        let base = base_of(&self.foundation_model_arn);
        let (arn, name) = (&self.provisioned_model_arn, &self.provisioned_model_name);
        let found = offer(arn, IdKind::Provisioned, name, base.as_deref(), about);
        ListedModel {
            like: base,
            state: unready(&self.status, "InService").or(found.state),
            ..found
        }
    }
}

impl Deployment {
    fn offer<'a>(&self, about: impl Fn(&str) -> Option<&'a FoundationModel>) -> ListedModel {
        let base = base_of(&self.model_arn);
        let arn = &self.custom_model_deployment_arn;
        let name = &self.custom_model_deployment_name;
        let found = offer(arn, IdKind::CustomDeployment, name, base.as_deref(), about);
        ListedModel {
            like: base,
            state: unready(&self.status, "Active").or(found.state),
            ..found
        }
    }
}

impl Imported {
    fn offer(&self) -> ListedModel {
        let architecture = self.model_architecture.as_deref();
        let name = match architecture {
            Some(architecture) => format!("{} ({architecture})", self.model_name),
            None => self.model_name.clone(),
        };
        offer(&self.model_arn, IdKind::Imported, &name, None, |_| None)
    }
}
