//! What every client of AWS needs: region and credentials from the standard chain, the HTTP pool,
//! and a rehearsal that finds out what is missing before anything is sent.
//!
//! It knows no service. The types that all clients of the SDK share are named here by way of one
//! of them, which saves naming the crates they come from.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_bedrockruntime::config::{
    ConfigBag, Credentials, Intercept, RuntimeComponents, SharedCredentialsProvider,
};
use aws_sdk_bedrockruntime::error::{BoxError, DisplayErrorContext, SdkError};
use aws_smithy_http_client::pool;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_types::service_config::ServiceConfigKey;

use super::environment::{self, Overridden};
use super::error::{ConnectError, causes, plain};
use super::hosts::Hosts;
use super::profile::{Configuration, Setting};
use super::{proxy, trust};
use crate::url::{is_unencrypted, is_url, origin, shown};

/// NAT gateways and load balancers drop a TCP connection that is idle for 350 s (AWS
/// troubleshooting guide, read 2026-11-22), and a long generation is idle.
const KEEP_ALIVE: Duration = Duration::from_secs(45);

/// Longer than the SDK's 3.1 s, for networks that are slow to answer but do.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where calls go, and as whom.
#[derive(Debug, Clone)]
pub enum Access {
    /// AWS, or the endpoint that the standard chain names instead.
    Aws {
        /// The region, where the job names one.
        region: Option<String>,
        /// The profile, where the job names one.
        profile: Option<String>,
        /// The endpoint, where the job names one.
        endpoint: Option<String>,
    },
    /// The embedded emulator; nothing secret is read for it.
    Emulator {
        /// Where it listens.
        address: SocketAddr,
        /// The region it plays, where the job names one.
        region: Option<String>,
    },
}

impl Access {
    /// Finds region, credentials and endpoint of a service, and lays our HTTP pool and name over them.
    ///
    /// The pool serves the clients made from this, not those that fetch credentials, and of the one
    /// service: another may be elsewhere, and the way there another.
    pub(crate) async fn config(self, service: &str) -> Result<SdkConfig, ConnectError> {
        let (found, trust) = match self {
            Self::Emulator { address, region } => (emulator(address, region), trust::none()?),
            Self::Aws {
                region,
                profile,
                endpoint,
            } => chain(region, profile, endpoint, service).await?,
        };
        let proxy = match stays_here(found.endpoint_url()) {
            true => ProxyConfig::disabled(),
            false => ProxyConfig::from_env(),
        };
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
        let name = AppName::new(concat!("promptmill-", env!("CARGO_PKG_VERSION")));
        Ok(found
            .into_builder()
            .timeout_config(timeouts.build())
            .http_client(http_client(proxy, trust)?)
            .app_name(name.map_err(settings)?)
            .build())
    }
}

impl Access {
    /// What names the endpoint of a service, in words.
    pub(crate) async fn named_by(&self, service: &str) -> String {
        let Self::Aws {
            profile, endpoint, ..
        } = self
        else {
            return "the emulator".to_owned();
        };
        if endpoint.is_some() {
            return "named by `endpoint` of the job, or --endpoint-url".to_owned();
        }
        let configuration = Configuration::load(profile.as_deref()).await.ok();
        let found = configuration.and_then(|it| it.endpoint(service));
        found.map_or_else(
            || "named by the AWS configuration".to_owned(),
            |it| format!("named by {}", it.place),
        )
    }

    pub(crate) fn profile(&self) -> Option<String> {
        match self {
            Self::Aws { profile, .. } => profile.clone(),
            Self::Emulator { .. } => None,
        }
    }
}

/// The emulator's region is that of the job alone, so that a run on it is the same everywhere.
fn emulator(address: SocketAddr, region: Option<String>) -> SdkConfig {
    let made_up = Credentials::new("EMULATED", "EMULATED", None, None, "emulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.unwrap_or_else(|| "us-east-1".into())))
        .credentials_provider(SharedCredentialsProvider::new(made_up))
        .endpoint_url(format!("http://{address}"))
        .build()
}

/// What the standard chain finds for a service, and whose certificates are trusted.
async fn chain(
    region: Option<String>,
    profile: Option<String>,
    endpoint: Option<String>,
    service: &str,
) -> Result<(SdkConfig, TlsContext), ConnectError> {
    let overridden = Overridden {
        region: region.is_some(),
        profile: profile.is_some(),
        endpoint: endpoint.is_some(),
    };
    environment::check(overridden, |name| std::env::var_os(name))?;
    let configuration = Configuration::load(profile.as_deref()).await?;
    let url = match endpoint {
        Some(endpoint) => Some(endpoint),
        None => configured_url(&configuration, service)?,
    };
    let bundle = configuration.ca_bundle();
    let trust = match &bundle {
        Some(bundle) => trust::of_bundle(bundle)?,
        None => trust::of_system()?,
    };
    // The loader panics over numbers of the environment that are none, unless it is told.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard())
        .profile_name(configuration.name());
    if bundle.is_some() {
        // Credentials come through the same proxies, with the same certificates.
        loader = loader.http_client(http_client(ProxyConfig::from_env(), trust.clone())?);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    let is_plain = stays_here(url.as_deref());
    if let Some(url) = url {
        loader = loader.endpoint_url(url);
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() {
        return Err(ConnectError::NoRegion);
    }
    match is_plain {
        true => Ok((sdk, trust::none()?)),
        false => Ok((sdk, trust)),
    }
}

/// The endpoint that environment or profile name for a service.
fn configured_url(
    configuration: &Configuration,
    service: &str,
) -> Result<Option<String>, ConnectError> {
    match configuration.endpoint(service) {
        // The SDK would answer with a dump of the request that it cannot address.
        Some(Setting { value: url, place }) if !is_url(&url) => Err(ConnectError::NoUrl {
            from: place,
            url: shown(&url),
        }),
        found => Ok(found.map(|it| it.value)),
    }
}

/// Where environment or profile send the calls of a service, if not to AWS. What is wrong with them is
/// said when a connection is made.
pub(crate) async fn elsewhere(profile: Option<&str>, service: &str) -> Option<String> {
    let configuration = Configuration::load(profile).await.ok()?;
    configuration.endpoint(service).map(|it| it.value)
}

/// What environment or profile say of one service.
pub(crate) fn configured(
    sdk: &SdkConfig,
    service: &str,
    env: &str,
    profile: &str,
) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env(env)
        .profile(profile)
        .build();
    sdk.service_config()?.load_config(key.ok()?)
}

/// The SDK's pool, with keep-alive on.
pub(super) fn http_client(
    proxy: ProxyConfig,
    trust: TlsContext,
) -> Result<pool::Client, ConnectError> {
    let pool = pool::ConnectionPool::builder()
        .tcp_keepalive(KEEP_ALIVE)
        .proxy_config(proxy)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(trust)
        .build_https()
        .map_err(settings)?;
    pool::Client::new(&pool).map_err(settings)
}

/// Whether the calls stay on this machine, as plain HTTP does: a proxy would take them elsewhere,
/// unencrypted.
fn stays_here(url: Option<&str>) -> bool {
    url.is_some_and(|url| url.starts_with("http://"))
}

fn settings(error: impl Error) -> ConnectError {
    ConnectError::Settings(error.to_string())
}

/// Notes where a call would go, and lets go of it: everything up to the network has then been
/// done as it will be done for the first real call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rehearsal(Arc<OnceLock<Rehearsed>>);

/// A call that was let go.
#[derive(Debug)]
struct Rehearsed {
    uri: String,
    /// Whether it carries an API key.
    carries_key: bool,
}

impl Rehearsal {
    /// What the rehearsal showed, given how its call ended. A host that is not AWS's is named, and a proxy on
    /// the way is asked whether it lets the calls through. `service` is its name in hosts.
    pub(crate) async fn verdict<T, E: Error + Send + Sync + 'static>(
        &self,
        outcome: Result<T, SdkError<E, HttpResponse>>,
        service: &str,
        region: Option<&str>,
        named_by: &str,
        hosts: &mut Hosts<'_>,
    ) -> Result<(), ConnectError> {
        self.found(outcome)?;
        let Some(Rehearsed { uri, carries_key }) = self.0.get() else {
            return Ok(());
        };
        hosts
            .meet(uri, service, region, named_by, *carries_key)
            .await?;
        proxy::check(uri).await
    }

    fn found<T, E: Error + Send + Sync + 'static>(
        &self,
        outcome: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<(), ConnectError> {
        match (self.0.get(), outcome) {
            (Some(it), _) if is_unencrypted(&it.uri) => {
                Err(ConnectError::Unencrypted(shown(origin(&it.uri))))
            }
            (Some(_), _) | (None, Ok(_)) => Ok(()),
            (None, Err(error)) if is_credentials(&error) => Err(ConnectError::NoCredentials {
                profile: String::new(),
                causes: plain(&causes(&error)),
            }),
            (None, Err(error)) => Err(ConnectError::Settings(plain(&causes(&error)))),
        }
    }
}

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
        let request = context.request();
        let authorization = request.headers().get("authorization");
        let is_bearer = |it: &str| {
            it.trim_start()
                .get(..6)
                .is_some_and(|it| it.eq_ignore_ascii_case("bearer"))
        };
        let _ = self.0.set(Rehearsed {
            uri: request.uri().to_owned(),
            carries_key: authorization.is_some_and(is_bearer),
        });
        Err("the rehearsal ends here".into())
    }
}

/// Credential failures arrive as a failure to dispatch, told apart by what is in their chain.
pub(crate) fn is_credentials<E: Error + Send + Sync + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> bool {
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
