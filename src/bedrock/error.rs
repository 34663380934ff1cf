//! Why no call can be made, and what the SDK says about it in plain words.

use std::error::Error;

use super::flaw::Flaw;
use crate::url::shown;

/// What to look at where there is no way to a service.
pub(crate) const WAYS: &str = "check the name of the region, the proxy (HTTPS_PROXY, NO_PROXY), the \
                               VPC endpoint, --endpoint-url";

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
    #[error("no profile `{name}`{by} in the AWS configuration: {there}")]
    NoProfile {
        /// The profile.
        name: String,
        /// What named it, in words, where that is not the job.
        by: String,
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
    /// No credentials that can sign a request, where an API key is not enough.
    #[error(
        "no AWS credentials: log in (`aws sso login`), choose another --profile, or set \
         AWS_ACCESS_KEY_ID (AWS_BEARER_TOKEN_BEDROCK opens Bedrock, not Service Quotas)\n{0}"
    )]
    NoSignature(String),
    /// A plain connection to another machine would show prompts and signatures to the network.
    #[error("endpoint {0} is not encrypted: use https, or http on this machine only")]
    Unencrypted(String),
    /// An API key that would be sent to a host that is not AWS's.
    #[error(
        "a Bedrock API key (AWS_BEARER_TOKEN_BEDROCK) would be sent to {host}, which is not an AWS host \
         ({named_by}): use other credentials or, if the host may have the key, add --trust-endpoint {host}"
    )]
    Untrusted {
        /// The host.
        host: String,
        /// What names it, in words.
        named_by: String,
    },
    /// An endpoint of the environment or the AWS configuration that is no URL.
    #[error(
        "{from}: \"{url}\" is no URL such as https://vpce-1a2b.example.com or \
         http://127.0.0.1:8686: correct it, or leave it out"
    )]
    NoUrl {
        /// The variable, or the key with its profile and file.
        from: String,
        /// Its value, without a password.
        url: String,
    },
    /// A key or token that no header takes.
    #[error("{place} {flaw}{}", .flaw.remedy_in_credential())]
    BadCredential {
        /// The variable, or the key with its profile and file.
        place: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A setting that the SDK cannot use.
    #[error("{place} {flaw}: {remedy}")]
    BadSetting {
        /// The variable, or the key with its profile and file.
        place: String,
        /// What is wrong with it.
        flaw: Flaw,
        /// What to do.
        remedy: &'static str,
    },
    /// A file of the AWS configuration that cannot be parsed.
    #[error("the AWS configuration cannot be read: {0}")]
    BadFile(String),
    /// A profile whose keys contradict each other.
    #[error("profile `{name}` of the AWS configuration cannot be used: {why}")]
    BadProfile {
        /// The profile.
        name: String,
        /// Why, and what to do.
        why: String,
    },
    /// A profile whose credentials only the AWS CLI can read.
    #[error(
        "profile `{0}` holds a session of `aws login`, which only the AWS CLI reads: add a profile \
         with `credential_process = aws configure export-credentials --profile {0} --format process` \
         and its region, and name that profile"
    )]
    Login(String),
    /// A file of certificates that cannot be used.
    #[error("{place}: {path} {why}: name a file of PEM certificates, or unset it")]
    BadBundle {
        /// What names it.
        place: String,
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A proxy that cannot be used.
    #[error(
        "{variable}: {why}; set it to the URL of an HTTP proxy such as \
         http://proxy.example.com:8080, or unset it"
    )]
    ProxySettings {
        /// The variable that names it.
        variable: &'static str,
        /// Why.
        why: String,
    },
    /// A proxy that does not let the calls through.
    #[error("{variable}: {why}")]
    ProxyDenied {
        /// The variable that names it.
        variable: &'static str,
        /// What it said, and what to do.
        why: String,
    },
    /// The SDK refuses the settings.
    #[error("{0}")]
    Settings(String),
}

impl ConnectError {
    /// Whether no account is set up: no region, or no credentials anywhere in the chain. An expired
    /// login is an account.
    pub fn is_without_account(&self) -> bool {
        let is_tried = |causes: &str| causes.starts_with(TRIED);
        matches!(self, Self::NoRegion)
            || matches!(self, Self::NoSignature(causes) if is_tried(causes))
            || matches!(self, Self::NoCredentials { profile, causes }
                if profile.is_empty() && is_tried(causes))
    }

    /// The error, with the name of the profile that has no credentials.
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

/// Before the list of where credentials were looked for and not found.
const TRIED: &str = "tried:";

/// What the SDK says of settings and credentials, and what that means.
const SAID_BY_SDK: &[(&str, &str)] = &[
    ("dispatch failure: other: ", ""),
    (
        "Invalid Configuration: FIPS and custom endpoint are not supported",
        "AWS_USE_FIPS_ENDPOINT (`use_fips_endpoint`) and an endpoint URL exclude each other: unset one",
    ),
    (
        "Invalid Configuration: Dualstack and custom endpoint are not supported",
        "AWS_USE_DUALSTACK_ENDPOINT (`use_dualstack_endpoint`) and an endpoint URL exclude each other: \
         unset one",
    ),
    ("Invalid Configuration: ", ""),
    ("unexpected credentials error: ", "no credentials: "),
    ("dispatch failure: io error: ", ""),
    ("client error (Connect): ", ""),
    (
        "the credential provider was not enabled: no credentials found in chain. Attempted:",
        TRIED,
    ),
    ("the credential provider was not enabled: ", ""),
    ("the credential provider was not enabled", "not configured"),
    ("the credentials provider was not properly configured: ", ""),
    ("an error occurred while loading credentials: ", ""),
    ("an unexpected error occurred: ", ""),
    (
        "an error occurred while loading an access token: failed to load the cached SSO token",
        "there is no SSO login that is valid: aws sso login",
    ),
    ("ProfileFile provider could not be built: ", ""),
    ("Error retrieving credentials: ", "credential_process: "),
    (
        "Error retrieving credentials from external process: ",
        "credential_process: ",
    ),
    (
        "environment variable not set",
        "AWS_ACCESS_KEY_ID is not set",
    ),
    (
        "$AWS_WEB_IDENTITY_TOKEN_FILE was not set",
        "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
    ),
    ("WebIdentityToken: ", "web identity: "),
    ("EcsContainer: ", "container: "),
    ("Ec2InstanceMetadata: ", "EC2 instance: "),
    ("Environment: ", "environment: "),
    ("Profile: ", "profile: "),
];

/// What the SDK says of settings and credentials, in plain words.
pub(super) fn plain(text: &str) -> String {
    SAID_BY_SDK
        .iter()
        .fold(text.to_owned(), |text, (said, meant)| {
            text.replace(said, meant)
        })
}

/// A word of a message, without the user and the password where it is a URL.
fn without_password(word: &str) -> String {
    match word.contains("://") {
        true => shown(word),
        false => word.to_owned(),
    }
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
    texts
        .join(": ")
        .split_inclusive(char::is_whitespace)
        .map(without_password)
        .collect()
}
