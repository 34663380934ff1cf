//! Which models a region offers ([`mod@crate::regions`]), and the account's own resources, which are
//! invented.

use serde_json::{Value, json};

use super::{ControlPlane, Query};
use crate::regions::offers;

/// Regions that the profiles of a geography route to: enough to distinguish geographies.
const DESTINATIONS: [(&str, &[&str]); 3] = [
    ("us", &["us-east-1", "us-east-2", "us-west-2"]),
    ("eu", &["eu-central-1", "eu-west-1", "eu-west-3"]),
    ("global", &["", "us-east-1"]),
];

const WHEN: &str = "2026-09-01T08:00:00Z";

/// The region's models, filtered as the query says.
pub(super) fn models(query: &Query, account: &ControlPlane) -> Vec<Value> {
    let here = query.region.as_str();
    let added = account.whole_only.iter().map(|id| {
        let mut added = model(id, here, &["ON_DEMAND"]);
        added["responseStreamingSupported"] = false.into();
        added
    });
    let listed = offers().iter().filter_map(|(id, regions)| {
        let offer = regions.get(here)?;
        Some(model(id, here, &offer.types))
    });
    let wanted = |model: &Value| {
        let is = |name: &str, of: &dyn Fn(&str) -> bool| {
            query.query.get(name).is_none_or(|wanted| of(wanted))
        };
        let has = |key: &str, word: &str| {
            let list = model[key].as_array();
            list.is_some_and(|list| list.iter().any(|it| it == word))
        };
        let provider = model["providerName"].as_str().unwrap_or_default();
        is("byProvider", &|wanted| {
            wanted.eq_ignore_ascii_case(provider)
        }) && is("byOutputModality", &|wanted| {
            has("outputModalities", wanted)
        }) && is("byInferenceType", &|wanted| {
            has("inferenceTypesSupported", wanted)
        })
    };
    let is_added = |id: &Value| account.whole_only.iter().any(|added| id == added);
    let listed = listed.filter(|model| !is_added(&model["modelId"]));
    listed.chain(added).filter(wanted).collect()
}

fn model(id: &str, region: &str, types: &[&str]) -> Value {
    let (provider, name) = id.split_once('.').unwrap_or(("", id));
    let writes = if id.contains("sonic") {
        "SPEECH"
    } else if id.contains("embed") {
        "EMBEDDING"
    } else if provider == "stability" {
        "IMAGE"
    } else if provider == "luma" {
        "VIDEO"
    } else {
        "TEXT"
    };
    let streams = writes == "TEXT" && !["rerank", "llama4"].iter().any(|it| id.contains(it));
    json!({
        "modelArn": foundation_model(region, id),
        "modelId": id,
        "modelName": title(name),
        "providerName": title(provider),
        "inputModalities": ["TEXT"],
        "outputModalities": [writes],
        "responseStreamingSupported": streams,
        "customizationsSupported": [],
        "inferenceTypesSupported": types,
        "modelLifecycle": lifecycle(id),
    })
}

/// Models of 2024 and before are marked as legacy.
fn lifecycle(id: &str) -> Value {
    let is_old = ["-2024", "-v2", "-2402", "llama3-8b", "llama3-70b"];
    match is_old.iter().any(|sign| id.contains(sign)) {
        true => json!({"status": "LEGACY", "endOfLifeTime": "2027-03-01T00:00:00Z"}),
        false => json!({"status": "ACTIVE"}),
    }
}

/// `claude-opus-5` as `Claude Opus 5`.
fn title(name: &str) -> String {
    let words = name.split(':').next().unwrap_or(name).split('-');
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// System-defined profiles, and one application profile.
pub(super) fn profiles(here: &str) -> Vec<Value> {
    let of_system = offers().iter().flat_map(|(id, regions)| {
        let offer = regions.get(here).into_iter();
        let geographies = offer.flat_map(|offer| &offer.geographies);
        geographies.map(move |geography| {
            let profile = format!("{geography}.{id}");
            let arn = own(here, "inference-profile", &profile);
            let name = id.split_once('.').map_or(*id, |(_, name)| name);
            let name = format!("{} {}", geography.to_uppercase(), title(name));
            self::profile(&profile, &arn, &name, destinations(geography, here, id))
        })
    });
    let base = "amazon.nova-lite-v1:0";
    let mut own_profile = profile(
        "abcdefghij12",
        &own(here, "application-inference-profile", "abcdefghij12"),
        "emulated-team",
        destinations("us", here, base),
    );
    own_profile["type"] = "APPLICATION".into();
    of_system.chain([own_profile]).collect()
}

fn profile(id: &str, arn: &str, name: &str, models: Vec<Value>) -> Value {
    json!({
        "inferenceProfileName": name,
        "inferenceProfileArn": arn,
        "inferenceProfileId": id,
        "models": models,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        "createdAt": WHEN,
        "updatedAt": WHEN,
    })
}

fn destinations(geography: &str, here: &str, id: &str) -> Vec<Value> {
    let known = DESTINATIONS.iter().find(|(name, _)| *name == geography);
    let regions = known.map_or_else(|| vec![here], |(_, regions)| regions.to_vec());
    let arns = regions.iter().map(|region| foundation_model(region, id));
    arns.map(|arn| json!({"modelArn": arn})).collect()
}

pub(super) fn provisioned(here: &str) -> Value {
    let model = foundation_model(here, "amazon.nova-micro-v1:0");
    json!({
        "provisionedModelName": "emulated-capacity",
        "provisionedModelArn": own(here, "provisioned-model", "abcdefghij34"),
        "modelArn": model,
        "desiredModelArn": model,
        "foundationModelArn": model,
        "modelUnits": 1,
        "desiredModelUnits": 1,
        "status": "InService",
        "creationTime": WHEN,
        "lastModifiedTime": WHEN,
    })
}

/// Custom models of the account: one fine-tuned, whose ARN contains its base model, and one imported,
/// whose ARN does not.
pub(super) fn custom_models(here: &str) -> Vec<Value> {
    let custom = |name: &str, id: &str| {
        json!({
            "modelArn": own(here, "custom-model", id),
            "modelName": name,
            "baseModelArn": foundation_model(here, "amazon.nova-lite-v1:0:300k"),
            "modelStatus": "Active",
            "creationTime": WHEN,
        })
    };
    vec![
        custom("emulated-tuning", "amazon.nova-lite-v1:0:300k/abcdefghij56"),
        custom("emulated-brought", "imported/abcdefghij57"),
    ]
}

/// One deployment per custom model.
pub(super) fn deployments(here: &str) -> Vec<Value> {
    let names = [
        ("emulated-deployment", "abcdefghij78"),
        ("emulated-brought-deployment", "abcdefghij79"),
    ];
    let deployed = names.into_iter().zip(custom_models(here));
    let deployment = |((name, id), model): ((&str, &str), Value)| {
        json!({
            "customModelDeploymentName": name,
            "modelDeploymentName": name,
            "customModelDeploymentArn": own(here, "custom-model-deployment", id),
            "modelArn": model["modelArn"],
            "status": "Active",
            "createdAt": WHEN,
        })
    };
    deployed.map(deployment).collect()
}

pub(super) fn imported(here: &str) -> Value {
    json!({
        "modelArn": own(here, "imported-model", "abcdefghij90"),
        "modelName": "emulated-import",
        "creationTime": WHEN,
        "instructSupported": true,
        "modelArchitecture": "llama3",
    })
}

fn foundation_model(region: &str, id: &str) -> String {
    format!("arn:aws:bedrock:{region}::foundation-model/{id}")
}

fn own(region: &str, kind: &str, id: &str) -> String {
    format!("arn:aws:bedrock:{region}:123456789012:{kind}/{id}")
}
