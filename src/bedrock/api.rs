//! AWS services that are called without a crate of their own.
//!
//! The SDK's crates for Bedrock's control plane and for Service Quotas build for 141 s and 50 s in
//! release on two cores (aws-sdk-bedrock 1.166, aws-sdk-servicequotas 1.121, measured in November
//! 2026), for a dozen requests that read something. They are made here with what carries the SDK's
//! own operations, so that signing, API keys, retries, proxies and endpoints are as they are for
//! calls. Requests here cost no quota of a model.

use std::time::Duration;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_bedrockruntime::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_bedrockruntime::config::http::{HttpRequest, HttpResponse};
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Layer, RuntimeComponentsBuilder, Token};
use aws_sdk_bedrockruntime::error::{BoxError, ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime::client::auth::http::BearerAuthScheme;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::SharedAuthScheme;
use aws_smithy_runtime_api::client::auth::http::HTTP_BEARER_AUTH_SCHEME_ID;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use serde_json::Value;

use super::aws::{Access, Rehearsal, configured};
use super::error::ConnectError;
use super::hosts::Hosts;
use super::wire::BoundedAnswer;
use crate::url::shown;

/// How long one answer may take, repeats included: a run that waits for it has not begun.
const PATIENCE: Duration = Duration::from_secs(15);

/// A service, by the names it has in different places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// In the AWS configuration and the SDK's settings.
    pub(super) name: &'static str,
    /// In the host of the endpoint, in place of `bedrock-runtime`.
    pub(super) host: &'static str,
    /// In signatures.
    pub(super) signing: &'static str,
    /// Who may ask.
    pub(super) identity: ApiAuth,
}

/// What proves who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiAuth {
    /// A Bedrock API key where there is one, else a signature.
    KeyOrSignature,
    /// A signature alone.
    Signature,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) enum ApiRequest {
    /// The resource at this path.
    Get(String),
    /// An operation of the JSON 1.1 protocol.
    Json {
        /// The header `x-amz-target`.
        target: String,
        /// The arguments.
        body: Value,
    },
}

/// A service in a region, as somebody.
#[derive(Debug)]
pub(super) struct ServiceApi {
    sdk: SdkConfig,
    service: Service,
    url: String,
    region: String,
}

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("{meta}")]
pub(super) struct ApiError {
    meta: ErrorMetadata,
}

impl ProvideErrorMetadata for ApiError {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

impl ServiceApi {
    /// Finds region, credentials and endpoint, and rehearses a question up to the moment it would
    /// leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub(super) async fn connect(
        access: Access,
        service: Service,
        operation: &'static str,
        question: ApiRequest,
        hosts: &mut Hosts<'_>,
    ) -> Result<Self, ConnectError> {
        let profile = access.profile();
        let named_by = access.named_by(service.name).await;
        let sdk = access.config(service.name).await?;
        let region = sdk.region().map(ToString::to_string).unwrap_or_default();
        let url = match sdk.endpoint_url() {
            Some(url) => url.to_owned(),
            None => regional_url(&sdk, &region, service).await?,
        };
        let api = Self {
            sdk,
            service,
            url,
            region,
        };
        let rehearsal = Rehearsal::default();
        let asked = api.operation(operation, Some(rehearsal.clone()));
        let outcome = asked.invoke(question).await;
        let rehearsed = rehearsal
            .verdict(outcome, service.host, Some(&api.region), &named_by, hosts)
            .await;
        rehearsed.map_err(|error| error.in_profile(profile))?;
        Ok(api)
    }

    /// The region that is asked.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// The endpoint that is asked, for messages.
    pub(super) fn place(&self) -> String {
        shown(&self.url)
    }

    /// Asks.
    ///
    /// # Errors
    /// What the SDK says; [`ApiError`] where the service did.
    pub(super) async fn ask(
        &self,
        operation: &'static str,
        request: ApiRequest,
    ) -> Result<Value, SdkError<ApiError, HttpResponse>> {
        self.operation(operation, None).invoke(request).await
    }

    fn operation(
        &self,
        name: &'static str,
        rehearsal: Option<Rehearsal>,
    ) -> Operation<ApiRequest, Value, ApiError> {
        let timeouts = self
            .sdk
            .timeout_config()
            .map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let mut operation = Operation::builder()
            .service_name(self.service.name)
            .operation_name(name)
            .endpoint_url(&self.url)
            .timeout_config(timeouts.operation_timeout(PATIENCE).build())
            .standard_retry(&RetryConfig::standard())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ApiError>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ApiError>::new())
            .with_connection_poisoning()
            .interceptor(BoundedAnswer::WHOLE)
            .runtime_plugin(self.identity());
        if let Some(version) = self.sdk.behavior_version() {
            operation = operation.behavior_version(version);
        }
        if let Some(client) = self.sdk.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(rehearsal) = rehearsal {
            operation = operation.interceptor(rehearsal);
        }
        operation.serializer(request).deserializer(answer).build()
    }

    /// Who asks, as for calls.
    fn identity(&self) -> StaticRuntimePlugin {
        let mut layer = Layer::new("identity");
        let mut parts = RuntimeComponentsBuilder::new("identity");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        let key = match self.service.identity {
            ApiAuth::KeyOrSignature => api_key(&self.sdk),
            ApiAuth::Signature => None,
        };
        let scheme = match key {
            Some(key) => {
                parts.push_auth_scheme(SharedAuthScheme::new(BearerAuthScheme::new()));
                parts.set_identity_resolver(HTTP_BEARER_AUTH_SCHEME_ID, Token::new(key, None));
                HTTP_BEARER_AUTH_SCHEME_ID
            }
            None => {
                layer.store_put(SigV4OperationSigningConfig {
                    region: self.sdk.region().cloned().map(SigningRegion::from),
                    name: Some(SigningName::from_static(self.service.signing)),
                    ..SigV4OperationSigningConfig::default()
                });
                parts.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
                if let Some(credentials) = self.sdk.credentials_provider() {
                    parts.set_identity_resolver(SCHEME_ID, credentials);
                }
                SCHEME_ID
            }
        };
        let schemes = StaticAuthSchemeOptionResolver::new(vec![scheme]);
        parts.set_auth_scheme_option_resolver(Some(schemes));
        StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(parts)
    }
}

fn api_key(sdk: &SdkConfig) -> Option<String> {
    configured(sdk, "bedrock", "AWS_BEARER_TOKEN", "")
}

/// The endpoint of the region: named as that of the calls is, in every partition, with FIPS and
/// with dual stack.
async fn regional_url(
    sdk: &SdkConfig,
    region: &str,
    service: Service,
) -> Result<String, ConnectError> {
    let settings = |error: &dyn std::fmt::Display| ConnectError::Settings(error.to_string());
    let place = Params::builder()
        .region(region)
        .use_fips(sdk.use_fips().unwrap_or_default())
        .use_dual_stack(sdk.use_dual_stack().unwrap_or_default())
        .build()
        .map_err(|error| settings(&error))?;
    let found = DefaultResolver::new().resolve_endpoint(&place).await;
    let found = found.map_err(|error| settings(&error))?;
    let url = found.url().replacen("bedrock-runtime", service.host, 1);
    // The only endpoint there is for FIPS and without.
    Ok(url.replacen("servicequotas-fips.us-gov", "servicequotas.us-gov", 1))
}

fn request(request: ApiRequest) -> Result<HttpRequest, BoxError> {
    let mut request = match request {
        ApiRequest::Get(path) => HttpRequest::get(path)?,
        ApiRequest::Json { target, body } => {
            let mut request = HttpRequest::new(body.to_string().into());
            request.set_method("POST")?;
            request.set_uri("/")?;
            let headers = request.headers_mut();
            headers.insert("content-type", "application/x-amz-json-1.1");
            headers.insert("x-amz-target", target);
            request
        }
    };
    let headers = request.headers_mut();
    headers.insert("accept", "application/json");
    let name = concat!("promptmill/", env!("CARGO_PKG_VERSION"));
    headers.insert("user-agent", name);
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Value, OrchestratorError<ApiError>> {
    let body = response.body().bytes().unwrap_or_default();
    let read = serde_json::from_slice::<Value>(body);
    if response.status().is_success() {
        return read.map_err(|error| OrchestratorError::response(error.into()));
    }
    let body = read.unwrap_or_default();
    let code = response.headers().get("x-amzn-errortype");
    let code = code.or(body["code"].as_str()).or(body["__type"].as_str());
    let message = body["message"].as_str().or(body["Message"].as_str());
    let mut meta = ErrorMetadata::builder();
    if let Some(code) = code {
        let code = code.split(':').next().unwrap_or(code);
        meta = meta.code(code.rsplit('#').next().unwrap_or(code));
    }
    if let Some(message) = message {
        meta = meta.message(message);
    }
    let meta = meta.build();
    Err(OrchestratorError::operation(ApiError { meta }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_endpoint_is_that_of_the_region() {
        let plain = || SdkConfig::builder();
        for (sdk, region, bedrock, quotas) in [
            (
                plain(),
                "us-east-1",
                "https://bedrock.us-east-1.amazonaws.com",
                "https://servicequotas.us-east-1.amazonaws.com",
            ),
            (
                plain(),
                "cn-north-1",
                "https://bedrock.cn-north-1.amazonaws.com.cn",
                "https://servicequotas.cn-north-1.amazonaws.com.cn",
            ),
            (
                plain().use_fips(true),
                "us-gov-west-1",
                "https://bedrock-fips.us-gov-west-1.amazonaws.com",
                "https://servicequotas.us-gov-west-1.amazonaws.com",
            ),
            (
                plain().use_fips(true),
                "us-east-1",
                "https://bedrock-fips.us-east-1.amazonaws.com",
                "https://servicequotas-fips.us-east-1.amazonaws.com",
            ),
            (
                plain().use_dual_stack(true),
                "eu-west-1",
                "https://bedrock.eu-west-1.api.aws",
                "https://servicequotas.eu-west-1.api.aws",
            ),
        ] {
            let sdk = sdk.build();
            for (host, url) in [("bedrock", bedrock), ("servicequotas", quotas)] {
                let service = Service {
                    name: "",
                    host,
                    signing: "",
                    identity: ApiAuth::Signature,
                };
                let found = regional_url(&sdk, region, service).await;
                assert_eq!(found.expect("a region"), url);
            }
        }
    }

    #[test]
    fn an_error_is_read_from_header_or_body() {
        let refused = |header: Option<&'static str>, body: &'static str| {
            let mut response = HttpResponse::new(403.try_into().expect("a status"), body.into());
            if let Some(header) = header {
                response.headers_mut().insert("x-amzn-errortype", header);
            }
            match answer(&response) {
                Ok(answer) => answer.to_string(),
                Err(error) => error.as_operation_error().map_or_else(
                    || "-".to_owned(),
                    |refused| format!("{:?} {:?}", refused.code(), refused.message()),
                ),
            }
        };
        assert_eq!(
            refused(
                Some("AccessDeniedException:http://x"),
                r#"{"message":"no"}"#
            ),
            r#"Some("AccessDeniedException") Some("no")"#
        );
        assert_eq!(
            refused(
                None,
                r##"{"__type":"a#ThrottlingException","Message":"slow"}"##
            ),
            r#"Some("ThrottlingException") Some("slow")"#
        );
        assert_eq!(refused(None, "<html>"), "None None");
    }
}
