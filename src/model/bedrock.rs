//! Amazon Bedrock over its SDK: the only file that names `aws_*`.
//!
//! The SDK's own retry is off. It would hide throttles from the pace, repeat calls that cost
//! quota, and give up after three attempts; `run::retry` decides instead.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{
    AppName, Builder, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_bedrockruntime::error::{
    BoxError, DisplayErrorContext, ProvideErrorMetadata, SdkError,
};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelError;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_smithy_http_client::pool;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;

use crate::model::catalog::{ModelFacts, Tier};
use crate::model::family::Family;
use crate::model::fault::Scope;
use crate::model::{Call, Category, Fault, Model, Reply, Usage};

/// NAT gateways and load balancers drop a TCP connection that is idle for 350 s (AWS
/// troubleshooting guide, read 2026-11-22), and a long generation is idle.
const KEEP_ALIVE: Duration = Duration::from_secs(45);

/// Longer than the SDK's 3.1 s, for networks that are slow to answer but do.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where calls go, and as whom.
#[derive(Debug, Clone)]
pub enum Access {
    /// AWS, or what the standard chain says stands in for it.
    Aws {
        /// The region, where the job names one.
        region: Option<String>,
        /// The profile, where the job names one.
        profile: Option<String>,
        /// The endpoint, where the job names one.
        endpoint: Option<String>,
    },
    /// The embedded emulator; nothing secret is read for it.
    Emulator(SocketAddr),
}

/// What is called.
#[derive(Debug, Clone)]
pub struct Target {
    /// The model id as it goes on the wire.
    pub model_id: String,
    /// How its replies are read.
    pub family: Family,
    /// The request's Content-Type.
    pub content_type: String,
    /// The Accept header.
    pub accept: String,
    /// Whose work the bodies are.
    pub bodies: Bodies,
    /// Prices and limits, where they are known; `region` may change them.
    pub facts: Option<ModelFacts>,
}

/// Whose work the bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// All of one make: what the service refuses of one, it refuses of all.
    Built,
    /// Each row brought its own.
    OfRows,
}

/// Why no call can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No region anywhere in the chain.
    #[error(
        "no AWS region: give --region, `region` in [model], or set AWS_REGION or the profile's region"
    )]
    NoRegion,
    /// No credentials anywhere in the chain, or none that work.
    #[error(
        "no AWS credentials{profile}: log in (`aws sso login`), choose another --profile, or set \
         AWS_ACCESS_KEY_ID or AWS_BEARER_TOKEN_BEDROCK\n{causes}"
    )]
    NoCredentials {
        /// The profile that was named.
        profile: String,
        /// What the chain has tried.
        causes: String,
    },
    /// A plain connection to another machine would show prompts and signatures to the network.
    #[error("endpoint {0} is not encrypted: use https, or http on this machine only")]
    Unencrypted(String),
    /// The SDK refuses the settings.
    #[error("{0}")]
    Settings(String),
}

impl Access {
    fn profile(&self) -> Option<String> {
        match self {
            Self::Aws { profile, .. } => profile.clone(),
            Self::Emulator(_) => None,
        }
    }
}

impl ConnectError {
    fn in_profile(self, name: Option<String>) -> Self {
        match (self, name) {
            (Self::NoCredentials { causes, .. }, Some(name)) => Self::NoCredentials {
                profile: format!(" in profile `{name}`"),
                causes,
            },
            (error, _) => error,
        }
    }
}

/// A model on Amazon Bedrock.
#[derive(Debug)]
pub struct Bedrock {
    client: Client,
    target: Target,
}

impl Bedrock {
    /// Finds region, credentials and endpoint, and rehearses one call up to the moment it would
    /// leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(access: Access, target: Target) -> Result<Self, ConnectError> {
        let profile = access.profile();
        let builder = match access {
            Access::Emulator(address) => emulator_config(address),
            Access::Aws {
                region,
                profile,
                endpoint,
            } => aws_chain(region, profile, endpoint).await?,
        };
        let config = builder
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(http_client()?)
            .app_name(
                AppName::new(concat!("promptmill-", env!("CARGO_PKG_VERSION")))
                    .map_err(settings)?,
            )
            .build();
        let bedrock = Self {
            client: Client::from_conf(config),
            target,
        };
        let rehearsed = bedrock.rehearse().await;
        rehearsed.map_err(|error| error.in_profile(profile))?;
        Ok(bedrock)
    }

    /// Resolves endpoint and identity and signs a call, as the first row's call will, then lets
    /// go of it before a byte is sent.
    async fn rehearse(&self) -> Result<(), ConnectError> {
        let rehearsal = Rehearsal::default();
        let outcome = self
            .client
            .invoke_model()
            .model_id(&self.target.model_id)
            .customize()
            .interceptor(rehearsal.clone())
            .send()
            .await;
        match (rehearsal.0.get(), outcome) {
            (Some(uri), _) if is_unencrypted(uri) => {
                Err(ConnectError::Unencrypted(origin(uri).into()))
            }
            (Some(_), _) | (None, Ok(_)) => Ok(()),
            (None, Err(error)) if is_credentials(&error) => {
                let text = causes(&error);
                let causes = text
                    .trim_start_matches("dispatch failure: other: ")
                    .to_owned();
                Err(ConnectError::NoCredentials {
                    profile: String::new(),
                    causes,
                })
            }
            (None, Err(error)) => Err(ConnectError::Settings(causes(&error))),
        }
    }
}

impl Model for Bedrock {
    async fn invoke(&self, call: &Call) -> Result<Reply, Fault> {
        let counts = TokenHeaders::default();
        let sent = self
            .client
            .invoke_model()
            .model_id(&self.target.model_id)
            .content_type(&self.target.content_type)
            .accept(&self.target.accept)
            .body(Blob::new(call.body.as_ref()))
            .customize()
            .interceptor(counts.clone())
            .send()
            .await;
        let answer = sent.map_err(|error| self.fault(&error))?;
        let request_id = answer.request_id().map(str::to_owned);
        let raw = Bytes::from(answer.body.into_inner());
        self.read(raw, counts.usage(), request_id)
    }
}

impl Bedrock {
    fn read(&self, raw: Bytes, headers: Usage, request_id: Option<String>) -> Result<Reply, Fault> {
        let understood = serde_json::from_slice(&raw)
            .map_err(|error| format!("the answer is not JSON: {error}"))
            .and_then(|body| {
                self.target
                    .family
                    .read(&body)
                    .map_err(|misread| misread.to_string())
            });
        match understood {
            Ok(mut reading) => {
                reading.usage = reading.usage.or(headers);
                let cost_usd = self.cost_usd(&reading.usage);
                Ok(Reply {
                    reading,
                    cost_usd,
                    request_id,
                    raw,
                })
            }
            Err(why) => Err(Fault {
                status_code: Some(200),
                request_id,
                raw: Some(raw),
                ..Fault::local(Category::BadResponse, why)
            }),
        }
    }
}

impl Bedrock {
    /// A body that a row brought says nothing about the other rows' bodies.
    fn fault(&self, error: &SdkError<InvokeModelError, HttpResponse>) -> Fault {
        let fault = fault(error);
        if self.target.bodies == Bodies::OfRows && fault.blames_body() {
            return Fault {
                scope: Scope::Row,
                ..fault
            };
        }
        fault
    }

    /// To ten places: what is behind them is the noise of floating point.
    fn cost_usd(&self, usage: &Usage) -> Option<f64> {
        let cost = self.target.facts.as_ref()?.cost_usd(usage, Tier::Default)?;
        Some((cost * 1e10).round() / 1e10)
    }
}

fn emulator_config(address: SocketAddr) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            "EMULATED", "EMULATED", None, None, "emulator",
        ))
        .endpoint_url(format!("http://{address}"))
}

async fn aws_chain(
    region: Option<String>,
    profile: Option<String>,
    endpoint: Option<String>,
) -> Result<Builder, ConnectError> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() {
        return Err(ConnectError::NoRegion);
    }
    Ok(Builder::from(&sdk))
}

/// The SDK's pool with keep-alive on, and the proxy of the environment as its default client has.
fn http_client() -> Result<SharedHttpClient, ConnectError> {
    let pool = pool::ConnectionPool::builder()
        .tcp_keepalive(KEEP_ALIVE)
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https()
        .map_err(settings)?;
    Ok(SharedHttpClient::new(
        pool::Client::new(&pool).map_err(settings)?,
    ))
}

fn settings(error: impl std::error::Error) -> ConnectError {
    ConnectError::Settings(error.to_string())
}

fn fault(error: &SdkError<InvokeModelError, HttpResponse>) -> Fault {
    let raw = error.raw_response();
    let header = |name| raw.and_then(|raw| raw.headers().get(name));
    let request_id = error.request_id().map(str::to_owned);
    let local = |category| Fault {
        request_id: request_id.clone(),
        ..Fault::local(category, causes(error))
    };
    match error {
        SdkError::ServiceError(refused) => Fault::from_response(
            refused.err().code(),
            refused.raw().status().as_u16(),
            refused.err().message().unwrap_or_default(),
            header("retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
            request_id,
        ),
        SdkError::ResponseError(_) => Fault {
            maybe_billed: true,
            ..local(Category::Network)
        },
        SdkError::TimeoutError(_) => Fault {
            maybe_billed: true,
            ..local(Category::AttemptTimeout)
        },
        SdkError::DispatchFailure(_) if is_credentials(error) => local(Category::Credentials),
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            local(Category::InvalidRequest).job_wide()
        }
        SdkError::DispatchFailure(_) => local(Category::Network),
        SdkError::ConstructionFailure(_) => local(Category::InvalidRequest).job_wide(),
        _ => local(Category::Network),
    }
}

/// Credential failures arrive as a failure to dispatch, told apart by what is in their chain.
fn is_credentials(error: &SdkError<InvokeModelError, HttpResponse>) -> bool {
    let text = DisplayErrorContext(error).to_string();
    matches!(
        error,
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_)
    ) && [
        "CredentialsNotLoaded",
        "CredentialsError",
        "ProviderError",
        "ProviderTimedOut",
        "InvalidConfiguration",
        "no identity",
        "NoMatchingAuthSchemeError",
        "failed to select an auth scheme",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// The error and its causes in one line, without the debug dump that the SDK's own text carries.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

/// Plain HTTP to anywhere but this machine.
fn is_unencrypted(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host),
    };
    let loopback = host
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    !loopback && host != "localhost"
}

fn origin(uri: &str) -> &str {
    let from = uri.find("://").map_or(0, |at| at + 3);
    let to = uri[from..].find('/').map_or(uri.len(), |at| from + at);
    &uri[..to]
}

/// Notes where a call would go, and lets go of it.
#[derive(Debug, Clone, Default)]
struct Rehearsal(Arc<OnceLock<String>>);

impl Intercept for Rehearsal {
    fn name(&self) -> &'static str {
        "rehearsal"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Set once: a rehearsal is one call.
        let _ = self.0.set(context.request().uri().to_owned());
        Err("the rehearsal ends here".into())
    }
}

/// Reads the token counts that the SDK does not model from the response's headers.
#[derive(Debug, Clone, Default)]
struct TokenHeaders(Arc<OnceLock<Usage>>);

impl TokenHeaders {
    fn usage(&self) -> Usage {
        self.0.get().copied().unwrap_or_default()
    }
}

impl Intercept for TokenHeaders {
    fn name(&self) -> &'static str {
        "token headers"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let count = |what: &str| {
            headers
                .get(format!("x-amzn-bedrock-{what}-token-count"))?
                .parse()
                .ok()
        };
        // Set once: without the SDK's retry there is one response a call.
        let _ = self.0.set(Usage::from_headers(
            count("input"),
            count("output"),
            count("cache-read-input"),
            count("cache-write-input"),
        ));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_spoken_to_in_plain_text() {
        let table = [
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke",
                false,
            ),
            ("http://127.0.0.1:9000/model/x/invoke", false),
            ("http://localhost/model/x/invoke", false),
            ("http://[::1]:9000/model/x/invoke", false),
            ("http://bedrock.example.com:9000/model/x/invoke", true),
            ("http://127.0.0.1.example.com/", true),
            ("http://10.0.0.7/", true),
        ];
        for (uri, unencrypted) in table {
            assert_eq!(is_unencrypted(uri), unencrypted, "{uri}");
        }
    }
}
