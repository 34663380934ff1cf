//! Bedrock's control plane, as far as it says which models there are.
//!
//! Which models a region has is read from the same list of facts as the runner's, for there is no
//! other; how it is read is written anew here. What the account has of its own is made up.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hyper::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::wire;

/// Region to how a model is offered there: a word of O, P and I, then geographies.
type Regions = BTreeMap<String, Vec<String>>;

static MODELS: LazyLock<BTreeMap<String, Regions>> = LazyLock::new(|| {
    let facts: Facts = serde_json::from_str(include_str!("../model/catalog/regions.json"))
        .expect("the list is part of the program, and a test reads it");
    facts.models
});

#[derive(Deserialize)]
struct Facts {
    models: BTreeMap<String, Regions>,
}

/// Regions behind the profiles of a geography, as far as they are needed to tell it from others.
const DESTINATIONS: [(&str, &[&str]); 3] = [
    ("us", &["us-east-1", "us-east-2", "us-west-2"]),
    ("eu", &["eu-central-1", "eu-west-1", "eu-west-3"]),
    ("global", &["", "us-east-1"]),
];

const WHEN: &str = "2026-09-01T08:00:00Z";

/// The permissions of the account, and how it is served.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlPlane {
    /// Operations that the account may not call, such as `ListImportedModels`.
    pub denied: Vec<String>,
    /// Entries of a page at most. Default 1,000.
    pub page: Option<usize>,
    /// Models of every region that answer in one piece only, beside those of the list; they may be
    /// newer than it.
    pub whole_only: Vec<String>,
}

/// A question to the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    path: Vec<String>,
    query: BTreeMap<String, String>,
    region: String,
}

/// The question that a request asks; `None` for any other request.
pub(super) fn question<B>(request: &Request<B>) -> Option<Question> {
    const ROOTS: [&str; 7] = [
        "foundation-models",
        "inference-profiles",
        "provisioned-model-throughputs",
        "provisioned-model-throughput",
        "model-customization",
        "custom-models",
        "imported-models",
    ];
    let uri = request.uri();
    let mut path = uri.path().trim_start_matches('/').splitn(3, '/');
    let root = path.next().filter(|root| ROOTS.contains(root))?;
    if request.method() != Method::GET {
        return None;
    }
    let rest = path.filter_map(wire::decode);
    let pairs = uri.query().unwrap_or_default().split('&');
    let query = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), wire::decode(value)?))
    });
    Some(Question {
        path: std::iter::once(root.to_owned()).chain(rest).collect(),
        query: query.collect(),
        region: wire::signed_region(request.headers()).unwrap_or_else(|| "us-east-1".into()),
    })
}

/// Answers `question` for an account of these permissions.
pub(super) fn answer(question: &Question, account: &ControlPlane) -> Result<Value, Refusal> {
    let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
    let operation = match path.as_slice() {
        ["foundation-models"] => "ListFoundationModels",
        ["foundation-models", ..] => "GetFoundationModel",
        ["inference-profiles"] => "ListInferenceProfiles",
        ["inference-profiles", ..] => "GetInferenceProfile",
        ["provisioned-model-throughputs"] => "ListProvisionedModelThroughputs",
        ["provisioned-model-throughput", ..] => "GetProvisionedModelThroughput",
        ["model-customization", "custom-model-deployments"] => "ListCustomModelDeployments",
        ["model-customization", "custom-model-deployments", ..] => "GetCustomModelDeployment",
        ["custom-models", _, ..] => "GetCustomModel",
        ["imported-models"] => "ListImportedModels",
        _ => {
            let message = "the emulator answers the lists of models, and what is behind an ARN";
            return Err(Refusal::new(404, "UnknownOperationException", message));
        }
    };
    if account.denied.iter().any(|denied| denied == operation) {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/emulated is not authorized to perform: \
             bedrock:{operation} because no identity-based policy allows the bedrock:{operation} \
             action"
        );
        return Err(Refusal::new(403, "AccessDeniedException", message));
    }
    let here = question.region.as_str();
    let name = path.get(1..).unwrap_or_default().join("/");
    match operation {
        "ListFoundationModels" => Ok(json!({"modelSummaries": models(question, account)})),
        "GetFoundationModel" => one(models(question, account), "modelId", "modelArn", &name)
            .map(|model| json!({"modelDetails": model})),
        "ListInferenceProfiles" => question.page(account, "inferenceProfileSummaries", {
            let wanted = question.query.get("type");
            let mut found = profiles(here);
            found.retain(|profile| wanted.is_none_or(|wanted| profile["type"] == **wanted));
            found
        }),
        "GetInferenceProfile" => one(
            profiles(here),
            "inferenceProfileId",
            "inferenceProfileArn",
            &name,
        ),
        "ListProvisionedModelThroughputs" => {
            question.page(account, "provisionedModelSummaries", vec![bought(here)])
        }
        "GetProvisionedModelThroughput" => one(
            vec![bought(here)],
            "provisionedModelName",
            "provisionedModelArn",
            &name,
        ),
        "ListCustomModelDeployments" => {
            question.page(account, "modelDeploymentSummaries", deployments(here))
        }
        "GetCustomModelDeployment" => {
            let name = name.trim_start_matches("custom-model-deployments/");
            let key = "customModelDeploymentName";
            one(deployments(here), key, "customModelDeploymentArn", name)
        }
        "GetCustomModel" => one(custom_models(here), "modelName", "modelArn", &name),
        _ => question.page(account, "modelSummaries", vec![imported(here)]),
    }
}

impl Question {
    /// A page of a list: a token is the number of entries before it.
    fn page(&self, account: &ControlPlane, key: &str, list: Vec<Value>) -> Result<Value, Refusal> {
        let number = |name: &str| self.query.get(name).map(|text| text.parse::<usize>());
        let from = number("nextToken").unwrap_or(Ok(0));
        let asked = number("maxResults").unwrap_or(Ok(1_000));
        let (Ok(from), Ok(asked @ 1..=1_000)) = (from, asked) else {
            return Err(Refusal::validation(
                "The nextToken or maxResults is invalid.",
            ));
        };
        let size = account.page.unwrap_or(1_000).clamp(1, asked);
        let more = (from + size < list.len()).then(|| (from + size).to_string());
        let page: Vec<_> = list.into_iter().skip(from).take(size).collect();
        let mut answer = json!({ key: page });
        if let Some(token) = more {
            answer["nextToken"] = token.into();
        }
        Ok(answer)
    }
}

/// The entry of this id or ARN.
fn one(list: Vec<Value>, id: &str, arn: &str, name: &str) -> Result<Value, Refusal> {
    let found = list
        .into_iter()
        .find(|entry| entry[id] == name || entry[arn] == name);
    found.ok_or_else(|| {
        let message = "The provided identifier names no such resource.";
        Refusal::new(404, "ResourceNotFoundException", message)
    })
}

/// Whether a model is called through its inference profiles only, wherever it is offered.
pub(super) fn only_by_profile(base: &str) -> bool {
    let by_profile = |offered: &Vec<String>| offered.first().is_some_and(|types| types == "I");
    MODELS
        .get(base)
        .is_some_and(|regions| regions.values().all(by_profile))
}

/// The models of the region, as it offers them.
fn models(question: &Question, account: &ControlPlane) -> Vec<Value> {
    let here = question.region.as_str();
    let added = account.whole_only.iter().map(|id| {
        let mut added = model(id, here, "O");
        added["responseStreamingSupported"] = false.into();
        added
    });
    let listed = MODELS.iter().filter_map(|(id, regions)| {
        let types = regions.get(here)?.first()?;
        Some(model(id, here, types))
    });
    let wanted = |model: &Value| {
        let is = |name: &str, of: &dyn Fn(&str) -> bool| {
            question.query.get(name).is_none_or(|wanted| of(wanted))
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

fn model(id: &str, region: &str, types: &str) -> Value {
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
    let kinds = [
        ('O', "ON_DEMAND"),
        ('P', "PROVISIONED"),
        ('I', "INFERENCE_PROFILE"),
    ];
    let kinds = kinds
        .into_iter()
        .filter(|(letter, _)| types.contains(*letter));
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
        "inferenceTypesSupported": kinds.map(|(_, word)| word).collect::<Vec<_>>(),
        "modelLifecycle": lifecycle(id),
    })
}

/// Models of 2024 and before are on their way out.
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

/// The profiles of the system, and one that the account has made.
fn profiles(here: &str) -> Vec<Value> {
    let of_system = MODELS.iter().flat_map(|(id, regions)| {
        let geographies = regions.get(here).and_then(|offered| offered.get(1..));
        let geographies = geographies.unwrap_or_default().iter();
        geographies.map(move |geography| {
            let profile = format!("{geography}.{id}");
            let arn = own(here, "inference-profile", &profile);
            let name = id.split_once('.').map_or(id.as_str(), |(_, name)| name);
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

fn bought(here: &str) -> Value {
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

/// Models that the account has trained further: one here, whose ARN tells its base, and one
/// elsewhere, whose ARN only says that it was brought.
fn custom_models(here: &str) -> Vec<Value> {
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

/// Each of them is deployed.
fn deployments(here: &str) -> Vec<Value> {
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

fn imported(here: &str) -> Value {
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

#[cfg(test)]
mod tests {
    use super::{ControlPlane, answer, question};
    use hyper::Request;
    use serde_json::Value;

    fn ask(path: &str, account: &ControlPlane) -> Result<Value, String> {
        let request = Request::builder().uri(path).body(()).unwrap();
        let question = question(&request).expect("a path of the control plane");
        answer(&question, account).map_err(|refusal| refusal.code.to_owned())
    }

    #[track_caller]
    fn check(path: &str, pointer: &str, expected: &str) {
        let got = match ask(path, &ControlPlane::default()) {
            Ok(found) => found
                .pointer(pointer)
                .cloned()
                .unwrap_or_default()
                .to_string(),
            Err(code) => code,
        };
        assert_eq!(got, expected, "{path}");
    }

    #[test]
    fn an_arn_in_the_path_names_one_thing() {
        let arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A";
        check(
            &format!("/inference-profiles/{arn}application-inference-profile%2Fabcdefghij12"),
            "/models/0/modelArn",
            "\"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0\"",
        );
        check(
            &format!("/provisioned-model-throughput/{arn}provisioned-model%2Fabcdefghij34"),
            "/status",
            "\"InService\"",
        );
        check(
            &format!(
                "/model-customization/custom-model-deployments/{arn}custom-model-deployment%2F\
                 abcdefghij78"
            ),
            "/status",
            "\"Active\"",
        );
        check(
            &format!("/custom-models/{arn}custom-model%2Fimported%2Fabcdefghij57"),
            "/baseModelArn",
            "\"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k\"",
        );
        check("/custom-models/nothing", "", "ResourceNotFoundException");
        check(
            "/inference-profiles/nothing",
            "",
            "ResourceNotFoundException",
        );
        check(
            "/foundation-models/nothing",
            "",
            "ResourceNotFoundException",
        );
    }

    #[test]
    fn a_model_says_whether_it_streams() {
        let streams = "/modelDetails/responseStreamingSupported";
        let of = |id: &str| format!("/foundation-models/{}", id.replace(':', "%3A"));
        check(&of("amazon.nova-lite-v1:0"), streams, "true");
        check(&of("amazon.titan-embed-text-v2:0"), streams, "false");
        let account = ControlPlane {
            whole_only: vec!["amazon.nova-lite-v1:0".into()],
            ..ControlPlane::default()
        };
        let found = ask(&of("amazon.nova-lite-v1:0"), &account).unwrap();
        assert_eq!(found.pointer(streams), Some(&Value::Bool(false)));
    }

    #[test]
    fn a_list_is_filtered_and_comes_in_pages() {
        let path = "/foundation-models?byProvider=deepseek&byInferenceType=INFERENCE_PROFILE";
        check(path, "/modelSummaries/0/modelId", "\"deepseek.r1-v1:0\"");
        check(path, "/modelSummaries/1", "null");
        let first = "/inference-profiles?maxResults=2";
        check(first, "/nextToken", "\"2\"");
        let wrong = "/inference-profiles?maxResults=0";
        check(wrong, "", "ValidationException");
        let account = ControlPlane {
            page: Some(7),
            denied: vec!["ListImportedModels".into()],
            ..ControlPlane::default()
        };
        let found = ask("/inference-profiles?nextToken=7", &account).unwrap();
        assert_eq!(found["nextToken"], "14");
        assert_eq!(
            ask("/imported-models", &account),
            Err("AccessDeniedException".into())
        );
    }
}
