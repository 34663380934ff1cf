//! Bedrock's control plane, as far as it lists models: queries and responses. The lists themselves are
//! in [`mod@models`].

mod models;

use std::collections::BTreeMap;

use hyper::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::service_error::ServiceError;
use super::wire;
use models::{custom_models, deployments, imported, models, profiles, provisioned};

/// The account's permissions on the control plane, and the size of its pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlPlane {
    /// Operations that the account may not call, such as `ListImportedModels`.
    pub denied: Vec<String>,
    /// Most entries per page. Default 1,000.
    pub page: Option<usize>,
    /// Additional models, offered in every region, that do not stream; they may be newer than the
    /// emulator's list.
    pub whole_only: Vec<String>,
}

/// A query to the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    path: Vec<String>,
    query: BTreeMap<String, String>,
    region: String,
}

/// The query that a request makes; `None` for any other request.
pub(super) fn query<B>(request: &Request<B>) -> Option<Query> {
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
    Some(Query {
        path: std::iter::once(root.to_owned()).chain(rest).collect(),
        query: query.collect(),
        region: wire::signed_region(request.headers()).unwrap_or_else(|| "us-east-1".into()),
    })
}

/// Answers `query` for an account with these permissions.
pub(super) fn answer(query: &Query, account: &ControlPlane) -> Result<Value, ServiceError> {
    let path: Vec<&str> = query.path.iter().map(String::as_str).collect();
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
            return Err(ServiceError::new(404, "UnknownOperationException", message));
        }
    };
    if account.denied.iter().any(|denied| denied == operation) {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/emulated is not authorized to perform: \
             bedrock:{operation} because no identity-based policy allows the bedrock:{operation} \
             action"
        );
        return Err(ServiceError::new(403, "AccessDeniedException", message));
    }
    let here = query.region.as_str();
    let name = path.get(1..).unwrap_or_default().join("/");
    match operation {
        "ListFoundationModels" => Ok(json!({"modelSummaries": models(query, account)})),
        "GetFoundationModel" => one(models(query, account), "modelId", "modelArn", &name)
            .map(|model| json!({"modelDetails": model})),
        "ListInferenceProfiles" => query.page(account, "inferenceProfileSummaries", {
            let wanted = query.query.get("type");
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
        "ListProvisionedModelThroughputs" => query.page(
            account,
            "provisionedModelSummaries",
            vec![provisioned(here)],
        ),
        "GetProvisionedModelThroughput" => one(
            vec![provisioned(here)],
            "provisionedModelName",
            "provisionedModelArn",
            &name,
        ),
        "ListCustomModelDeployments" => {
            query.page(account, "modelDeploymentSummaries", deployments(here))
        }
        "GetCustomModelDeployment" => {
            let name = name.trim_start_matches("custom-model-deployments/");
            let key = "customModelDeploymentName";
            one(deployments(here), key, "customModelDeploymentArn", name)
        }
        "GetCustomModel" => one(custom_models(here), "modelName", "modelArn", &name),
        _ => query.page(account, "modelSummaries", vec![imported(here)]),
    }
}

impl Query {
    /// One page of a list. The page token is the number of entries before it.
    fn page(
        &self,
        account: &ControlPlane,
        key: &str,
        list: Vec<Value>,
    ) -> Result<Value, ServiceError> {
        let number = |name: &str| self.query.get(name).map(|text| text.parse::<usize>());
        let from = number("nextToken").unwrap_or(Ok(0));
        let asked = number("maxResults").unwrap_or(Ok(1_000));
        let (Ok(from), Ok(asked @ 1..=1_000)) = (from, asked) else {
            return Err(ServiceError::validation(
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

/// The entry with this id or ARN.
fn one(list: Vec<Value>, id: &str, arn: &str, name: &str) -> Result<Value, ServiceError> {
    let found = list
        .into_iter()
        .find(|entry| entry[id] == name || entry[arn] == name);
    found.ok_or_else(|| {
        let message = "The provided identifier names no such resource.";
        ServiceError::new(404, "ResourceNotFoundException", message)
    })
}

#[cfg(test)]
mod tests {
    use super::{ControlPlane, answer, query};
    use hyper::Request;
    use serde_json::Value;

    fn ask(path: &str, account: &ControlPlane) -> Result<Value, String> {
        let request = Request::builder().uri(path).body(()).unwrap();
        let query = query(&request).expect("a path of the control plane");
        answer(&query, account).map_err(|error| error.code.to_owned())
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
