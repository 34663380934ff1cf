//! Checks environment variables before the SDK reads them.
//!
//! The SDK puts some of these values into headers, URLs and signatures. Where one does not fit there,
//! it panics or answers with a dump of the request. What is wrong with a value is told by its place
//! and the character, never by the value itself, which may be a secret.

use std::ffi::OsString;

use super::error::ConnectError;
use super::flaw::Flaw;
use crate::url::{is_url, shown};

/// What a value is, which decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A key or token: visible ASCII characters.
    Credential,
    /// A region: lowercase letters, digits and hyphens.
    Region,
    /// A URL.
    Url,
    /// A path or a name: any text on one line, without quotes or white space around it.
    Text,
    /// A list of hosts on one line.
    Hosts,
    /// `true` or `false`.
    Boolean,
}

/// The variables that the SDK and its HTTP client read, as far as a wrong value does harm.
const VARIABLES: &[(Expected, &[&str])] = &[
    (
        Expected::Credential,
        &[
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            BEARER_TOKEN,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ],
    ),
    (Expected::Region, &["AWS_REGION", "AWS_DEFAULT_REGION"]),
    (
        Expected::Url,
        &[
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_BEDROCK",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
            "AWS_ENDPOINT_URL_SSO",
            "AWS_ENDPOINT_URL_SSO_OIDC",
            "AWS_ENDPOINT_URL_STS",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
    ),
    (
        Expected::Text,
        &[
            PROFILE,
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_CA_BUNDLE",
            "AWS_ACCOUNT_ID",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_EC2_METADATA_DISABLED",
            "AWS_EXECUTION_ENV",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_SDK_UA_APP_ID",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
            "ALL_PROXY",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "all_proxy",
            "https_proxy",
            "http_proxy",
        ],
    ),
    (Expected::Hosts, &["NO_PROXY", "no_proxy"]),
    (
        Expected::Boolean,
        &[
            "AWS_USE_DUALSTACK_ENDPOINT",
            "AWS_USE_FIPS_ENDPOINT",
            IGNORE_URLS,
        ],
    ),
];

/// The Bedrock API key.
pub(super) const BEARER_TOKEN: &str = "AWS_BEARER_TOKEN_BEDROCK";

/// The profile, where the job names none.
pub(super) const PROFILE: &str = "AWS_PROFILE";

/// Whether endpoints of the environment and the configuration are ignored.
pub(super) const IGNORE_URLS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// Endpoints that credentials are asked from. The SDK shows what it cannot parse, with its password.
const ENDPOINTS_OF_CREDENTIALS: &[&str] = &[
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_STS",
];

/// What the job names itself; the variables that would name it are not read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Overridden {
    pub(super) region: bool,
    pub(super) profile: bool,
    pub(super) endpoint: bool,
}

impl Overridden {
    fn is_unread(self, name: &str) -> bool {
        match name {
            PROFILE => self.profile,
            "AWS_REGION" | "AWS_DEFAULT_REGION" => self.region,
            "AWS_ENDPOINT_URL_BEDROCK"
            | "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
            | "AWS_ENDPOINT_URL_SERVICE_QUOTAS" => self.endpoint,
            _ => false,
        }
    }
}

/// Rejects the first variable whose value the SDK cannot use.
///
/// # Errors
/// [`ConnectError::BadCredential`] and [`ConnectError::BadSetting`], with the variable's name.
pub(super) fn check(
    overridden: Overridden,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(), ConnectError> {
    for (expected, names) in VARIABLES {
        let names = names.iter().filter(|name| !overridden.is_unread(name));
        for name in names {
            if let Some(value) = variable(name) {
                expected.check(&value, || (*name).to_owned())?;
            }
        }
    }
    for name in ENDPOINTS_OF_CREDENTIALS {
        let url = variable(name).and_then(|url| url.into_string().ok());
        if let Some(url) = url.filter(|url| !is_url(url)) {
            return Err(ConnectError::NoUrl {
                from: (*name).to_owned(),
                url: shown(&url),
            });
        }
    }
    let is_empty = |name: &str| variable(name).is_none_or(|value| value.is_empty());
    let bad = |name: &str, flaw| {
        let place = name.to_owned();
        Err(ConnectError::BadCredential { place, flaw })
    };
    // The SDK would send an empty API key, where an empty access key counts as none.
    if variable(BEARER_TOKEN).is_some_and(|token| token.is_empty()) {
        return bad(BEARER_TOKEN, Flaw::Empty);
    }
    let [id, secret, short] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "SECRET_ACCESS_KEY",
    ];
    if !is_empty(id) && is_empty(secret) && is_empty(short) && is_empty(BEARER_TOKEN) {
        return bad(secret, Flaw::Without(id));
    }
    Ok(())
}

impl Expected {
    /// Rejects a value of this kind that the SDK cannot use; `place` names it.
    pub(super) fn check(
        self,
        value: &OsString,
        place: impl FnOnce() -> String,
    ) -> Result<(), ConnectError> {
        let flaw = match value.to_str() {
            Some(text) => self.flaw(text),
            None => Some(Flaw::NotUtf8),
        };
        match (flaw, self) {
            (None, _) => Ok(()),
            (Some(flaw), Self::Credential) => Err(ConnectError::BadCredential {
                place: place(),
                flaw,
            }),
            (Some(flaw), _) => Err(ConnectError::BadSetting {
                place: place(),
                flaw,
                remedy: self.remedy(),
            }),
        }
    }

    fn flaw(self, value: &str) -> Option<Flaw> {
        let is_quote = |c: char| "\"'`".contains(c);
        let hold = |is_bad: &dyn Fn(char) -> bool| Flaw::of_characters(value, is_bad);
        match self {
            Self::Region | Self::Url if value.is_empty() => Some(Flaw::Empty),
            Self::Credential | Self::Url => hold(&|c| !c.is_ascii_graphic() || is_quote(c)),
            Self::Region => hold(&|c| !c.is_ascii_alphanumeric() && c != '-'),
            Self::Hosts => hold(&|c| c.is_control() || is_quote(c)),
            Self::Text => hold(&char::is_control).or_else(|| {
                let around = |c: char| c.is_whitespace() || is_quote(c);
                let ends = [value.chars().next(), value.chars().last()];
                ends.into_iter()
                    .flatten()
                    .any(around)
                    .then(|| hold(&around))?
            }),
            Self::Boolean => {
                let is_boolean = ["", "true", "false"].map(|word| value.eq_ignore_ascii_case(word));
                (!is_boolean.contains(&true)).then_some(Flaw::NotBoolean)
            }
        }
    }

    /// What to do about a flaw.
    fn remedy(self) -> &'static str {
        match self {
            Self::Region => "set it to a region such as us-east-1, or unset it",
            Self::Url => "set it to a URL such as https://vpce-1a2b.example.com, or unset it",
            Self::Credential | Self::Text | Self::Hosts => "set it again without that character",
            Self::Boolean => "set it to true or false, or unset it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of `name` with this value.
    #[track_caller]
    fn said(name: &str, value: &str) -> String {
        let variable = |asked: &str| (asked == name).then(|| value.into());
        match check(Overridden::default(), variable) {
            Ok(()) => "fine".to_owned(),
            Err(error) => {
                let is_credential = matches!(error, ConnectError::BadCredential { .. });
                let exit = if is_credential { 77 } else { 2 };
                format!("{exit} {error}")
            }
        }
    }

    #[test]
    fn a_credential_is_visible_ascii_and_its_value_is_never_shown() {
        let flaw = |value: &str, flaw: &str| {
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", BEARER_TOKEN] {
                let said = said(name, value);
                assert!(said.starts_with(&format!("77 {name} {flaw}")), "{said}");
                assert!(!said.contains("SECRET1"), "{said}");
            }
        };
        flaw("SECRET1\r", "ends in a carriage return (\\r)");
        flaw("SECRET1\n", "ends in a line break (\\n)");
        flaw("\"SECRET1\"", "begins with a double quote (\")");
        flaw(" SECRET1", "begins with a space");
        flaw("SECRET1\tSECRET1", "contains a tab (\\t)");
        flaw("SECRET1\u{1b}", "ends in a control character (U+001B)");
        flaw("SECRET1\u{a0}", "ends in white space (U+00A0)");
        flaw(
            "SECR\u{c9}T1",
            "contains a character that is not ASCII (U+00C9)",
        );
        assert_eq!(said("AWS_SECRET_ACCESS_KEY", "wJalr/K7+EX=-_."), "fine");
        assert_eq!(said("AWS_SESSION_TOKEN", ""), "fine");
        assert_eq!(
            said(BEARER_TOKEN, ""),
            "77 AWS_BEARER_TOKEN_BEDROCK is empty; set it, or unset it"
        );
        assert_eq!(
            said("AWS_ACCESS_KEY_ID", "AKIA"),
            "77 AWS_SECRET_ACCESS_KEY is not set, although AWS_ACCESS_KEY_ID is; set both, or unset both"
        );
        assert_eq!(said("AWS_ACCESS_KEY_ID", ""), "fine");
    }

    #[test]
    fn a_setting_is_rejected_with_what_it_should_be() {
        for (name, value, expected) in [
            ("AWS_REGION", "us-east-1", "fine"),
            (
                "AWS_REGION",
                "us-east-1\r",
                "2 AWS_REGION ends in a carriage return (\\r): set it to a region such as us-east-1, or \
                 unset it",
            ),
            (
                "AWS_DEFAULT_REGION",
                "us_east_1",
                "2 AWS_DEFAULT_REGION contains `_`: set it to a region such as us-east-1, or unset it",
            ),
            (
                PROFILE,
                "'work'",
                "2 AWS_PROFILE begins with a single quote ('): set it again without that character",
            ),
            (PROFILE, "my team's", "fine"),
            (
                "AWS_USE_FIPS_ENDPOINT",
                "yes",
                "2 AWS_USE_FIPS_ENDPOINT is neither true nor false: set it to true or false, or unset it",
            ),
            ("AWS_USE_FIPS_ENDPOINT", "True", "fine"),
            ("NO_PROXY", "localhost, .internal", "fine"),
            (
                "NO_PROXY",
                "localhost\n.internal",
                "2 NO_PROXY contains a line break (\\n): set it again without that character",
            ),
            (
                "HTTPS_PROXY",
                "http://proxy:80 ",
                "2 HTTPS_PROXY ends in a space: set it again without that character",
            ),
            (
                "AWS_ENDPOINT_URL",
                "",
                "2 AWS_ENDPOINT_URL is empty: set it to a URL such as https://vpce-1a2b.example.com, or \
                 unset it",
            ),
            (
                "AWS_ENDPOINT_URL_STS",
                "garbage",
                "2 AWS_ENDPOINT_URL_STS: \"garbage\" is no URL such as https://vpce-1a2b.example.com or \
                 http://127.0.0.1:8686: correct it, or leave it out",
            ),
        ] {
            assert_eq!(said(name, value), expected, "{name}={value:?}");
        }
    }

    #[test]
    fn what_the_job_names_itself_is_not_looked_for_in_the_environment() {
        let variable = |_: &str| Some(OsString::from("\""));
        let overridden = Overridden {
            region: true,
            profile: true,
            endpoint: true,
        };
        for name in ["AWS_REGION", PROFILE, "AWS_ENDPOINT_URL_BEDROCK"] {
            let one = |asked: &str| (asked == name).then(|| variable(asked))?;
            assert!(check(overridden, one).is_ok(), "{name}");
            assert!(check(Overridden::default(), one).is_err(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_rejected() {
        use std::os::unix::ffi::OsStringExt as _;
        let broken = || OsString::from_vec(vec![b'A', 0xff]);
        let variable = |name: &str| (name == "AWS_PROFILE").then(broken);
        let error = check(Overridden::default(), variable).expect_err("not UTF-8");
        assert!(
            error.to_string().starts_with("AWS_PROFILE is not UTF-8"),
            "{error}"
        );
    }
}
