//! What every client of AWS needs: region and credentials from the standard chain, the HTTP pool,
//! and a rehearsal that finds out what is missing before anything is sent.
//!
//! It knows no service. The types that all clients of the SDK share are named here by way of one
//! of them, which saves naming the crates they come from.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::profile::load;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_bedrockruntime::config::{
    ConfigBag, Credentials, Intercept, RuntimeComponents, SharedCredentialsProvider,
};
use aws_sdk_bedrockruntime::error::{BoxError, DisplayErrorContext, SdkError};
use aws_smithy_http_client::pool;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::ServiceConfigKey;

use crate::url::{is_unencrypted, is_url, origin};

/// NAT gateways and load balancers drop a TCP connection that is idle for 350 s (AWS
/// troubleshooting guide, read 2026-11-22), and a long generation is idle.
const KEEP_ALIVE: Duration = Duration::from_secs(45);

/// Longer than the SDK's 3.1 s, for networks that are slow to answer but do.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What to look at where there is no way to a service.
pub(crate) const WAYS: &str = "check the name of the region, the proxy (HTTPS_PROXY, NO_PROXY), the \
                               VPC endpoint, --endpoint-url";

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
    Emulator {
        /// Where it listens.
        address: SocketAddr,
        /// The region it plays, where the job names one.
        region: Option<String>,
    },
}

/// Why no call can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No region anywhere in the chain.
    #[error(
        "no AWS region: give --region (in a job file `region` under [model]), or set AWS_REGION or \
         the profile's region"
    )]
    NoRegion,
    /// The profile that was named is in none of the files.
    #[error("no profile `{name}` in the AWS configuration: {there}")]
    NoProfile {
        /// The profile.
        name: String,
        /// Those that are, in words.
        there: String,
    },
    /// No credentials anywhere in the chain, or none that work.
    #[error(
        "no AWS credentials{profile}: log in (`aws sso login`), choose another --profile, or set \
         AWS_ACCESS_KEY_ID or AWS_BEARER_TOKEN_BEDROCK\n{causes}"
    )]
    NoCredentials {
        /// The profile that was named, in words.
        profile: String,
        /// What the chain has tried.
        causes: String,
    },
    /// The same where only a signature will do.
    #[error(
        "no AWS credentials: log in (`aws sso login`), choose another --profile, or set \
         AWS_ACCESS_KEY_ID (AWS_BEARER_TOKEN_BEDROCK opens Bedrock, not Service Quotas)\n{0}"
    )]
    NoSignature(String),
    /// A plain connection to another machine would show prompts and signatures to the network.
    #[error("endpoint {0} is not encrypted: use https, or http on this machine only")]
    Unencrypted(String),
    /// An endpoint of the environment or the AWS configuration that is no URL.
    #[error(
        "{from}: \"{url}\" is no URL such as https://vpce-1a2b.example.com or \
         http://127.0.0.1:8686: correct it, or leave it out"
    )]
    NoUrl {
        /// Where it stands.
        from: String,
        /// What stands there.
        url: String,
    },
    /// The SDK refuses the settings.
    #[error("{0}")]
    Settings(String),
}

impl Access {
    /// Finds region, credentials and endpoint, and lays our HTTP pool and name over them.
    ///
    /// The pool serves the clients made from this, not those that fetch credentials, and of the one
    /// service: another may be elsewhere, and the way there another.
    pub(crate) async fn config(self, service: &str) -> Result<SdkConfig, ConnectError> {
        let found = match self {
            Self::Emulator { address, region } => emulator(address, region),
            Self::Aws {
                region,
                profile,
                endpoint,
            } => chain(region, profile, endpoint).await?,
        };
        let url = configured_url(&found, service);
        refuse_no_url(url.as_deref(), service)?;
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
        let name = AppName::new(concat!("promptmill-", env!("CARGO_PKG_VERSION")));
        Ok(found
            .into_builder()
            .timeout_config(timeouts.build())
            .http_client(http_client(url.as_deref())?)
            .app_name(name.map_err(settings)?)
            .build())
    }
}

impl Access {
    pub(crate) fn profile(&self) -> Option<String> {
        match self {
            Self::Aws { profile, .. } => profile.clone(),
            Self::Emulator { .. } => None,
        }
    }
}

impl ConnectError {
    /// The same, naming the profile in which nothing was found.
    pub(crate) fn in_profile(self, name: Option<String>) -> Self {
        match (self, name) {
            (Self::NoCredentials { causes, .. }, Some(name)) => Self::NoCredentials {
                profile: format!(" in profile `{name}`"),
                causes,
            },
            (error, _) => error,
        }
    }
}

/// The emulator's region is that of the job alone, so that a rehearsal is the same everywhere.
fn emulator(address: SocketAddr, region: Option<String>) -> SdkConfig {
    let made_up = Credentials::new("EMULATED", "EMULATED", None, None, "emulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.unwrap_or_else(|| "us-east-1".into())))
        .credentials_provider(SharedCredentialsProvider::new(made_up))
        .endpoint_url(format!("http://{address}"))
        .build()
}

async fn chain(
    region: Option<String>,
    profile: Option<String>,
    endpoint: Option<String>,
) -> Result<SdkConfig, ConnectError> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = profile {
        refuse_unknown(&profile).await?;
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let sdk = loader.load().await;
    match sdk.region() {
        None => Err(ConnectError::NoRegion),
        Some(_) => Ok(sdk),
    }
}

/// The endpoint that is configured for a service: its own, else that of all. What the job names
/// goes before both.
pub(crate) fn configured_url(sdk: &SdkConfig, service: &str) -> Option<String> {
    let general = || sdk.endpoint_url().map(str::to_owned);
    if sdk.get_origin("endpoint_url").is_client_config() {
        return general();
    }
    configured(sdk, service, ENDPOINT_URL, "endpoint_url").or_else(general)
}

/// Where environment or profile send the calls of a service, if not to AWS. Nobody is asked: the
/// region, which may be looked for on the network, does not matter to it.
pub(crate) async fn elsewhere(profile: Option<&str>, service: &str) -> Option<String> {
    let any = Region::from_static("us-east-1");
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).region(any);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    configured_url(&loader.load().await, service)
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

const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// The SDK would answer with a dump of the request that it cannot address.
fn refuse_no_url(url: Option<&str>, service: &str) -> Result<(), ConnectError> {
    let Some(url) = url.filter(|url| !is_url(url)) else {
        return Ok(());
    };
    let own = format!(
        "{ENDPOINT_URL}_{}",
        service.replace(' ', "_").to_uppercase()
    );
    let environment = Env::real();
    let says_it = |name: &&str| environment.get(name).is_ok_and(|value| value == url);
    let variable = [own.as_str(), ENDPOINT_URL].into_iter().find(says_it);
    let from = variable.map_or_else(
        || "`endpoint_url` in the AWS configuration".to_owned(),
        str::to_owned,
    );
    let url = url.to_owned();
    Err(ConnectError::NoUrl { from, url })
}

/// A profile that is not there is a slip: the chain would go on without it, as somebody else.
/// Files that cannot be read are left to the chain, which says so.
async fn refuse_unknown(profile: &str) -> Result<(), ConnectError> {
    let (files, environment) = (EnvConfigFiles::default(), Env::real());
    let Ok(found) = load(&Fs::real(), &environment, &files, None).await else {
        return Ok(());
    };
    if found.get_profile(profile).is_some() {
        return Ok(());
    }
    let mut names: Vec<_> = found.profiles().collect();
    names.sort_unstable();
    let there = match names.is_empty() {
        true => "there is none; `aws configure sso` or `aws configure` makes one".to_owned(),
        false => format!("there are {}", names.join(", ")),
    };
    Err(ConnectError::NoProfile {
        name: profile.to_owned(),
        there,
    })
}

/// The SDK's pool with keep-alive on, and the proxy of the environment as its default client has;
/// but none where the calls stay on this machine, as plain HTTP does: they would leave it, unencrypted.
fn http_client(url: Option<&str>) -> Result<pool::Client, ConnectError> {
    let stays_here = url.is_some_and(|url| url.starts_with("http://"));
    let proxy = match stays_here {
        true => ProxyConfig::disabled(),
        false => ProxyConfig::from_env(),
    };
    let pool = pool::ConnectionPool::builder()
        .tcp_keepalive(KEEP_ALIVE)
        .proxy_config(proxy)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https()
        .map_err(settings)?;
    pool::Client::new(&pool).map_err(settings)
}

fn settings(error: impl Error) -> ConnectError {
    ConnectError::Settings(error.to_string())
}

/// Notes where a call would go, and lets go of it: everything up to the network has then been
/// done as it will be done for the first real call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rehearsal(Arc<OnceLock<String>>);

impl Rehearsal {
    /// What the rehearsal showed, given how its call ended.
    pub(crate) fn verdict<T, E: Error + Send + Sync + 'static>(
        &self,
        outcome: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<(), ConnectError> {
        match (self.0.get(), outcome) {
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

/// The error and its causes in one line, without the debug dump that the SDK's own text carries.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
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
