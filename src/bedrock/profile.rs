//! The profile of the AWS configuration, checked before the SDK reads it.
//!
//! The SDK continues without a profile that is missing, looks for the endpoint of a service under a
//! name that AWS does not document, and ignores `ca_bundle`. This file adds what is missing.

use std::borrow::Cow;

use aws_config::profile::{Profile, load};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::property::PropertiesKey;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::{Env, Fs};

use super::environment::{self, BEARER_TOKEN, Expected, IGNORE_URLS};
use super::error::{ConnectError, causes};

/// Keys of a profile that reach headers, URLs or signatures.
const KEYS: &[(Expected, &[&str])] = &[
    (
        Expected::Credential,
        &[
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
        ],
    ),
    (Expected::Region, &["region", "sso_region"]),
    (Expected::Url, &["endpoint_url", "sso_start_url"]),
    (
        Expected::Text,
        &[
            "aws_account_id",
            "ca_bundle",
            "credential_process",
            "external_id",
            "role_arn",
            "role_session_name",
            "services",
            "source_profile",
            "sso_account_id",
            "sso_role_name",
            "sso_session",
            "web_identity_token_file",
        ],
    ),
    (
        Expected::Boolean,
        &[
            "ignore_configured_endpoint_urls",
            "use_dualstack_endpoint",
            "use_fips_endpoint",
        ],
    ),
];

/// The variable and the key of an endpoint.
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// What the AWS configuration says, seen from one profile.
#[derive(Debug)]
pub(super) struct Configuration {
    sections: EnvConfigSections,
    environment: Env,
    /// The profile that counts.
    name: String,
}

/// A setting, and what sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) value: String,
    pub(super) place: String,
}

/// Who named a profile.
#[derive(Debug, Clone, Copy)]
enum NamedBy<'a> {
    /// The job.
    Job,
    /// The environment.
    Environment,
    /// Nothing; it counts if it exists.
    Default,
    /// `source_profile` of this profile.
    Profile(&'a str),
}

impl Configuration {
    /// Reads and checks the configuration, for the profile that the job names, if it does.
    ///
    /// # Errors
    /// [`ConnectError`]: a file that cannot be parsed, a profile that is missing or cannot be used.
    pub(super) async fn load(named: Option<&str>) -> Result<Self, ConnectError> {
        Self::read(named, Env::real(), &EnvConfigFiles::default()).await
    }

    async fn read(
        named: Option<&str>,
        environment: Env,
        files: &EnvConfigFiles,
    ) -> Result<Self, ConnectError> {
        let sections = sections(&environment, files).await?;
        let in_environment = environment.get(environment::PROFILE).ok();
        let (name, by) = match (named, in_environment.filter(|name| !name.is_empty())) {
            (Some(name), _) => (name.to_owned(), NamedBy::Job),
            (None, Some(name)) => (name, NamedBy::Environment),
            (None, None) => ("default".to_owned(), NamedBy::Default),
        };
        let configuration = Self {
            sections,
            environment,
            name,
        };
        configuration.check(by).await?;
        Ok(configuration)
    }

    /// The name of the profile that counts.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The certificate bundle that is trusted instead of the system's.
    pub(super) fn ca_bundle(&self) -> Option<Setting> {
        self.setting("AWS_CA_BUNDLE", "ca_bundle")
    }

    /// The endpoint that is configured for a service, in AWS's order: the variable of the service, the
    /// variable of all services, the profile's `services` section, the profile.
    pub(super) fn endpoint(&self, service: &str) -> Option<Setting> {
        let ignored = self.setting(IGNORE_URLS, "ignore_configured_endpoint_urls");
        if ignored.is_some_and(|it| it.value.eq_ignore_ascii_case("true")) {
            return None;
        }
        let own = service.replace(' ', "_");
        let variable = format!("{ENDPOINT_URL}_{}", own.to_uppercase());
        self.variable(&variable)
            .or_else(|| self.variable(ENDPOINT_URL))
            .or_else(|| self.of_services(&own.to_lowercase()))
            .or_else(|| self.key("endpoint_url"))
    }

    fn setting(&self, variable: &str, key: &str) -> Option<Setting> {
        self.variable(variable).or_else(|| self.key(key))
    }

    fn variable(&self, name: &str) -> Option<Setting> {
        let value = self.environment.get(name).ok();
        value.filter(|it| !it.is_empty()).map(|value| Setting {
            value,
            place: name.to_owned(),
        })
    }

    fn key(&self, key: &str) -> Option<Setting> {
        let value = self.sections.get_profile(&self.name)?.get(key)?;
        Some(Setting {
            value: value.to_owned(),
            place: format!(
                "`{key}` of profile `{}` in the AWS configuration",
                self.name
            ),
        })
    }

    /// `endpoint_url` of a service in the section that the profile names as its `services`. AWS writes
    /// the service's name with underscores, the SDK with hyphens.
    fn of_services(&self, service: &str) -> Option<Setting> {
        let section = self.sections.get_profile(&self.name)?.get("services")?;
        let of = |service: &str| {
            let key = PropertiesKey::builder()
                .section_key("services")
                .section_name(section)
                .property_name(service)
                .sub_property_name("endpoint_url")
                .build();
            self.sections.other_sections().get(&key.ok()?)
        };
        let value = of(service).or_else(|| of(&service.replace('_', "-")))?;
        let place = format!(
            "`endpoint_url` under `{service}` in [services {section}] of the AWS configuration"
        );
        Some(Setting {
            value: value.clone(),
            place,
        })
    }

    /// Follows `source_profile` from the profile that counts to where its credentials are.
    async fn check(&self, by: NamedBy<'_>) -> Result<(), ConnectError> {
        let mut followed: Vec<&str> = Vec::new();
        let mut name = self.name.as_str();
        let mut by = by;
        loop {
            let Some(profile) = self.sections.get_profile(name) else {
                return match by {
                    NamedBy::Default => Ok(()),
                    NamedBy::Environment if name == "default" => Ok(()),
                    NamedBy::Job | NamedBy::Environment | NamedBy::Profile(_) => {
                        Err(self.missing(name, by))
                    }
                };
            };
            self.check_values(profile).await?;
            // Keys of the environment, and an API key, are used instead of the profile's.
            if self.has_credentials_of_environment() {
                return Ok(());
            }
            let first = followed.is_empty();
            followed.push(name);
            let next = match source(profile, first)? {
                CredentialSource::Own => return Ok(()),
                CredentialSource::Login => return Err(ConnectError::Login(name.to_owned())),
                CredentialSource::Profile(next) => next,
            };
            if followed.contains(&next) {
                return Err(ConnectError::BadProfile {
                    name: self.name.clone(),
                    why: format!(
                        "its `source_profile` leads in a circle: {}, {next}",
                        followed.join(", ")
                    ),
                });
            }
            (by, name) = (NamedBy::Profile(name), next);
        }
    }

    async fn check_values(&self, profile: &Profile) -> Result<(), ConnectError> {
        for (expected, keys) in KEYS {
            for key in *keys {
                let Some(value) = profile.get(key) else {
                    continue;
                };
                let file = self.file_of(profile.name(), key).await;
                let name = profile.name();
                let place = || format!("`{key}` of profile `{name}` in {file}");
                expected.check(&value.into(), place)?;
            }
        }
        Ok(())
    }

    /// The file that sets a key of a profile; the credentials file overrides the other.
    async fn file_of(&self, profile: &str, key: &str) -> String {
        let only = EnvConfigFiles::builder()
            .include_default_credentials_file(true)
            .build();
        let credentials = load(&Fs::real(), &self.environment, &only, None).await.ok();
        let is_there = credentials.is_some_and(|sections| {
            let profile = sections.get_profile(profile);
            profile.is_some_and(|profile| profile.get(key).is_some())
        });
        let (variable, default) = match is_there {
            true => ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
            false => ("AWS_CONFIG_FILE", "~/.aws/config"),
        };
        let file = self.environment.get(variable);
        file.unwrap_or_else(|_| default.to_owned())
    }

    fn has_credentials_of_environment(&self) -> bool {
        let is_set = |name| self.environment.get(name).is_ok_and(|it| !it.is_empty());
        is_set("AWS_ACCESS_KEY_ID") || is_set(BEARER_TOKEN)
    }

    fn missing(&self, name: &str, by: NamedBy<'_>) -> ConnectError {
        let mut names: Vec<_> = self.sections.profiles().collect();
        names.sort_unstable();
        let there = match names.is_empty() {
            true => "there is none; `aws configure sso` or `aws configure` makes one".to_owned(),
            false => format!("there are {}", names.join(", ")),
        };
        let by = match by {
            NamedBy::Job | NamedBy::Default => String::new(),
            NamedBy::Environment => format!(" (named by {})", environment::PROFILE),
            NamedBy::Profile(profile) => format!(" (`source_profile` of profile `{profile}`)"),
        };
        ConnectError::NoProfile {
            name: name.to_owned(),
            by,
            there,
        }
    }
}

/// Where a profile's credentials come from.
enum CredentialSource<'a> {
    /// The profile itself, or what it names that is no profile.
    Own,
    /// A session of `aws login`.
    Login,
    /// Another profile.
    Profile(&'a str),
}

/// Reads a profile as the SDK does. Keys of its own count for `source_profile`, but not where the
/// profile that counts has a role.
fn source(profile: &Profile, is_first: bool) -> Result<CredentialSource<'_>, ConnectError> {
    let has = |key| profile.get(key).is_some();
    let has_keys = has("aws_access_key_id") && has("aws_secret_access_key");
    if !is_first && has_keys {
        return Ok(CredentialSource::Own);
    }
    if has("role_arn") && !has("web_identity_token_file") {
        let bad = |why: &str| ConnectError::BadProfile {
            name: profile.name().to_owned(),
            why: why.to_owned(),
        };
        match (profile.get("source_profile"), has("credential_source")) {
            (Some(next), false) if next == profile.name() => {}
            (Some(next), false) => return Ok(CredentialSource::Profile(next)),
            (Some(_), true) => {
                return Err(bad(
                    "it has `source_profile` and `credential_source`; keep one of them",
                ));
            }
            (None, true) => return Ok(CredentialSource::Own),
            (None, false) => {
                return Err(bad(
                    "it has `role_arn`, but neither `source_profile` nor `credential_source`; add one",
                ));
            }
        }
    }
    let others = ["credential_source", "web_identity_token_file"];
    let others = others.into_iter().chain(["sso_session", "sso_start_url"]);
    match has("login_session") && !others.into_iter().any(has) {
        true => Ok(CredentialSource::Login),
        false => Ok(CredentialSource::Own),
    }
}

async fn sections(
    environment: &Env,
    files: &EnvConfigFiles,
) -> Result<EnvConfigSections, ConnectError> {
    // Which profile counts is decided here, not by the SDK.
    let any = Some(Cow::Borrowed("default"));
    let read = load(&Fs::real(), environment, files, any).await;
    read.map_err(|error| {
        let text = causes(&error);
        let text = text.trim_start_matches("could not parse profile file: ");
        let text = text.trim_start_matches("error parsing ");
        let words: Vec<_> = text.split_whitespace().collect();
        ConnectError::BadFile(words.join(" ").replacen(" on line ", ", line ", 1))
    })
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::EnvConfigFileKind;

    use super::*;

    async fn read(
        config: &str,
        named: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Result<Configuration, ConnectError> {
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, config)
            .build();
        Configuration::read(named, Env::from_slice(environment), &files).await
    }

    /// What is said of this profile of this configuration.
    async fn said(config: &str, named: &str) -> String {
        match read(config, Some(named), &[]).await {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_profile_is_followed_to_its_credentials() {
        let keys = "aws_access_key_id = a\naws_secret_access_key = b\n";
        let config = format!(
            "[profile keys]\n{keys}\
             [profile role]\nrole_arn = arn\nsource_profile = keys\n\
             [profile own]\nrole_arn = arn\nsource_profile = own\n{keys}\
             [profile lost]\nrole_arn = arn\nsource_profile = gone\n\
             [profile alone]\nrole_arn = arn\n\
             [profile both]\nrole_arn = arn\nsource_profile = keys\ncredential_source = Environment\n\
             [profile a]\nrole_arn = arn\nsource_profile = b\n\
             [profile b]\nrole_arn = arn\nsource_profile = a\n\
             [profile web]\nrole_arn = arn\nweb_identity_token_file = f\n\
             [profile of-login]\nrole_arn = arn\nsource_profile = console\n\
             [profile console]\nlogin_session = arn:aws:iam::111122223333:user/ada\n"
        );
        let there = "there are a, alone, b, both, console, keys, lost, of-login, own, role, web";
        let login = "profile `console` holds a session of `aws login`, which only the AWS CLI reads: add \
                     a profile with `credential_process = aws configure export-credentials --profile \
                     console --format process` and its region, and name that profile";
        for (named, expected) in [
            ("keys", "fine"),
            ("role", "fine"),
            ("own", "fine"),
            ("web", "fine"),
            (
                "lost",
                &format!(
                    "no profile `gone` (`source_profile` of profile `lost`) in the AWS configuration: \
                     {there}"
                ),
            ),
            (
                "none",
                &format!("no profile `none` in the AWS configuration: {there}"),
            ),
            (
                "alone",
                "profile `alone` of the AWS configuration cannot be used: it has `role_arn`, but neither \
                 `source_profile` nor `credential_source`; add one",
            ),
            (
                "both",
                "profile `both` of the AWS configuration cannot be used: it has `source_profile` and \
                 `credential_source`; keep one of them",
            ),
            (
                "a",
                "profile `a` of the AWS configuration cannot be used: its `source_profile` leads in a \
                 circle: a, b, a",
            ),
            ("console", login),
            ("of-login", login),
        ] {
            assert_eq!(said(&config, named).await, expected, "{named}");
        }
    }

    #[tokio::test]
    async fn keys_of_the_environment_are_used_instead_of_a_login() {
        let config = "[profile console]\nlogin_session = arn\n";
        for (name, value) in [("AWS_ACCESS_KEY_ID", "a"), (BEARER_TOKEN, "t")] {
            let read = read(config, Some("console"), &[(name, value)]).await;
            assert!(read.is_ok(), "{name}");
        }
    }

    #[tokio::test]
    async fn the_profile_of_the_environment_has_to_be_there() {
        let of = |value: &'static str| async move {
            let variables = [("AWS_PROFILE", value)];
            let read = read("[profile work]\n", None, &variables).await;
            read.map(|it| it.name).map_err(|error| error.to_string())
        };
        assert_eq!(of("work").await, Ok("work".into()));
        assert_eq!(of("").await, Ok("default".into()));
        assert_eq!(of("default").await, Ok("default".into()));
        assert_eq!(
            of("wrok").await,
            Err(
                "no profile `wrok` (named by AWS_PROFILE) in the AWS configuration: there are work"
                    .into()
            )
        );
    }

    #[tokio::test]
    async fn the_endpoint_of_a_service_is_found_in_the_order_of_aws() {
        let config = "[default]\nservices = here\nendpoint_url = http://profile\n\
                      [services here]\nbedrock_runtime =\n  endpoint_url = http://services\n\
                      service-quotas =\n  endpoint_url = http://hyphens\n";
        let all = ("AWS_ENDPOINT_URL", "http://all");
        let own = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://own");
        let ignore = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        for (service, variables, expected) in [
            ("Bedrock Runtime", &[][..], Some("http://services")),
            ("Service Quotas", &[], Some("http://hyphens")),
            ("Bedrock", &[], Some("http://profile")),
            ("Bedrock Runtime", &[all], Some("http://all")),
            ("Bedrock Runtime", &[all, own], Some("http://own")),
            ("Bedrock", &[all, own], Some("http://all")),
            ("Bedrock Runtime", &[own, ignore], None),
        ] {
            let found = read(config, None, variables).await.expect("a profile");
            let found = found.endpoint(service).map(|it| it.value);
            assert_eq!(found.as_deref(), expected, "{service} {variables:?}");
        }
    }

    #[tokio::test]
    async fn a_value_that_no_header_takes_is_named_with_its_profile() {
        let config = "[default]\nregion = \"us-east-1\"\n";
        let error = read(config, None, &[]).await.expect_err("quotes");
        assert_eq!(
            error.to_string(),
            "`region` of profile `default` in ~/.aws/config begins with a double quote (\"): set it to a \
             region such as us-east-1, or unset it"
        );
        let broken = read("[default\n", None, &[]).await.expect_err("no file");
        let broken = broken.to_string();
        assert!(broken.contains("line 1"), "{broken}");
    }
}
