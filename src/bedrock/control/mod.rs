//! Bedrock's control plane, as far as it says which models there are: the only file that names the
//! machinery under the SDK.
//!
//! The SDK has a crate for it, of 11 MB of source: alone it builds for 141 s in release on two
//! cores (aws-sdk-bedrock 1.166, measured 2026-11-22), for nine GET requests. They are made here
//! with what carries the SDK's own operations, so that signing, API keys, retries, proxies and
//! endpoints are as they are for calls. Requests here cost no quota of a model.

mod list;
mod resolve;
mod streams;

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

use super::aws::{Access, ConnectError, Rehearsal, WAYS, causes, configured, configured_url};
use super::wire::BoundedAnswer;
use crate::model::fault::{Category, Fault};
use crate::percent::segment;
pub use list::{ListedModel, Listing};

/// What the configuration calls the control plane.
const SERVICE: &str = "Bedrock";

/// How long one answer may take, repeats included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Something that answers which models there are.
#[derive(Debug)]
pub struct Control {
    sdk: SdkConfig,
    url: String,
    region: String,
}

/// Why something could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The identity may not ask.
    #[error("bedrock:{operation} is missing: {message}")]
    Denied {
        /// What was asked.
        operation: &'static str,
        /// What the service said.
        message: String,
    },
    /// The credentials do not work.
    #[error("Bedrock refuses the credentials: {0}; log in (`aws sso login`) or renew them")]
    Credentials(String),
    /// There is no such thing.
    #[error("{0}")]
    Absent(String),
    /// There is no way to the service.
    #[error("{operation} cannot be asked at {url}: {message}; {}", WAYS)]
    NoWay {
        /// What was asked.
        operation: &'static str,
        /// Where.
        url: String,
        /// What went wrong.
        message: String,
    },
    /// Anything else.
    #[error("{operation} cannot be asked: {message}")]
    Unreachable {
        /// What was asked.
        operation: &'static str,
        /// What went wrong.
        message: String,
    },
}

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("{meta}")]
struct Refused {
    meta: ErrorMetadata,
}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

impl Control {
    /// Finds region, credentials and endpoint, and rehearses one question up to the moment it
    /// would leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(access: Access) -> Result<Self, ConnectError> {
        let profile = access.profile();
        let sdk = access.config(SERVICE).await?;
        let region = sdk.region().map(ToString::to_string).unwrap_or_default();
        let url = match configured_url(&sdk, SERVICE) {
            Some(url) => url,
            None => regional_url(&sdk, &region).await?,
        };
        let control = Self { sdk, url, region };
        let rehearsal = Rehearsal::default();
        let asked = control.operation("ListFoundationModels", Some(rehearsal.clone()));
        let outcome = asked.invoke("/foundation-models".to_owned()).await;
        let rehearsed = rehearsal.verdict(outcome);
        rehearsed.map_err(|error| error.in_profile(profile))?;
        Ok(control)
    }

    /// The region whose models these are.
    pub fn region(&self) -> &str {
        &self.region
    }

    async fn get(&self, operation: &'static str, path: String) -> Result<Value, ControlError> {
        let answer = self.operation(operation, None).invoke(path).await;
        answer.map_err(|error| refusal(operation, &self.url, &error))
    }

    fn operation(
        &self,
        name: &'static str,
        rehearsal: Option<Rehearsal>,
    ) -> Operation<String, Value, Refused> {
        let timeouts = self
            .sdk
            .timeout_config()
            .map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let mut operation = Operation::builder()
            .service_name("Bedrock")
            .operation_name(name)
            .endpoint_url(&self.url)
            .timeout_config(timeouts.operation_timeout(PATIENCE).build())
            .standard_retry(&RetryConfig::standard())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
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

    /// Who asks: a Bedrock API key where there is one, as for calls, else a signature.
    fn identity(&self) -> StaticRuntimePlugin {
        let mut layer = Layer::new("identity");
        let mut parts = RuntimeComponentsBuilder::new("identity");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        let scheme = match api_key(&self.sdk) {
            Some(key) => {
                parts.push_auth_scheme(SharedAuthScheme::new(BearerAuthScheme::new()));
                parts.set_identity_resolver(HTTP_BEARER_AUTH_SCHEME_ID, Token::new(key, None));
                HTTP_BEARER_AUTH_SCHEME_ID
            }
            None => {
                layer.store_put(SigV4OperationSigningConfig {
                    region: self.sdk.region().cloned().map(SigningRegion::from),
                    name: Some(SigningName::from_static("bedrock")),
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
async fn regional_url(sdk: &SdkConfig, region: &str) -> Result<String, ConnectError> {
    let settings = |error: &dyn std::fmt::Display| ConnectError::Settings(error.to_string());
    let place = Params::builder()
        .region(region)
        .use_fips(sdk.use_fips().unwrap_or_default())
        .use_dual_stack(sdk.use_dual_stack().unwrap_or_default())
        .build()
        .map_err(|error| settings(&error))?;
    let found = DefaultResolver::new().resolve_endpoint(&place).await;
    let found = found.map_err(|error| settings(&error))?;
    Ok(found.url().replacen("bedrock-runtime", "bedrock", 1))
}

fn request(path: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::get(path)?;
    let headers = request.headers_mut();
    headers.insert("accept", "application/json");
    let name = concat!("promptmill/", env!("CARGO_PKG_VERSION"));
    headers.insert("user-agent", name);
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Value, OrchestratorError<Refused>> {
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
    Err(OrchestratorError::operation(Refused { meta }))
}

fn refusal(
    operation: &'static str,
    url: &str,
    error: &SdkError<Refused, HttpResponse>,
) -> ControlError {
    if matches!(
        error,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)
    ) {
        return ControlError::NoWay {
            operation,
            url: url.to_owned(),
            message: causes(error),
        };
    }
    let SdkError::ServiceError(refused) = error else {
        let message = causes(error);
        return ControlError::Unreachable { operation, message };
    };
    let status = refused.raw().status().as_u16();
    let (code, said) = (refused.err().code(), refused.err().message());
    let fault = Fault::from_response(code, status, said.unwrap_or_default(), None, None);
    let message = fault.to_string();
    if fault.category == Category::AccessDenied {
        ControlError::Denied { operation, message }
    } else if fault.category == Category::Credentials {
        ControlError::Credentials(message)
    } else if fault.category == Category::NotFound {
        ControlError::Absent(message)
    } else {
        ControlError::Unreachable { operation, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_endpoint_is_that_of_the_region() {
        let plain = || SdkConfig::builder();
        for (sdk, region, url) in [
            (
                plain(),
                "us-east-1",
                "https://bedrock.us-east-1.amazonaws.com",
            ),
            (
                plain(),
                "cn-north-1",
                "https://bedrock.cn-north-1.amazonaws.com.cn",
            ),
            (
                plain().use_fips(true),
                "us-gov-west-1",
                "https://bedrock-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                plain().use_dual_stack(true),
                "eu-west-1",
                "https://bedrock.eu-west-1.api.aws",
            ),
        ] {
            let found = regional_url(&sdk.build(), region).await;
            assert_eq!(found.expect("a region"), url);
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
