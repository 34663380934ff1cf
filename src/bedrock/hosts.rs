//! Hosts that requests go to and that are not AWS's: they are named before anything is sent, and get an API
//! key only where the command line trusts them.
//!
//! A job file can name an endpoint. Without this, its author could be sent prompts, signatures and session
//! tokens unseen, or a Bedrock API key, which opens the account until it expires.

use aws_sdk_bedrockruntime::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};

use super::error::ConnectError;
use crate::url::{host, is_loopback, origin, shown};

/// Hosts that a person trusts with an API key, and who is told of a host that is not AWS's.
pub struct Hosts<'t> {
    trusted: &'t [String],
    tell: &'t mut (dyn FnMut(&str) + Send),
}

impl std::fmt::Debug for Hosts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hosts {{ trusted: {:?} }}", self.trusted)
    }
}

impl<'t> Hosts<'t> {
    /// `trusted` are names of hosts, as `--trust-endpoint` takes them; `tell` is called with a sentence for
    /// a person, before anything is sent to a host that is not AWS's.
    pub fn new(trusted: &'t [String], tell: &'t mut (dyn FnMut(&str) + Send)) -> Self {
        Self { trusted, tell }
    }

    /// Names the host of `url`, where it is not AWS's; `named_by` is what names it, and `carries_key` is
    /// whether the requests carry an API key.
    ///
    /// # Errors
    /// [`ConnectError::Untrusted`], for a key to a host that is not trusted.
    pub(super) async fn meet(
        &mut self,
        url: &str,
        service: &str,
        region: Option<&str>,
        named_by: &str,
        carries_key: bool,
    ) -> Result<(), ConnectError> {
        if is_loopback(url) || is_of_aws(url, service, region).await {
            return Ok(());
        }
        let host = host(url);
        let is_trusted = |trusted: &String| trusted.eq_ignore_ascii_case(host);
        let named_by = named_by.to_owned();
        if carries_key && !self.trusted.iter().any(is_trusted) {
            return Err(ConnectError::Untrusted {
                host: host.to_ascii_lowercase(),
                named_by,
            });
        }
        (self.tell)(&remark(url, service, &named_by));
        Ok(())
    }
}

/// What is said of a host that is not AWS's.
pub(super) fn remark(url: &str, service: &str, named_by: &str) -> String {
    let what = match service {
        RUNTIME => "prompts and signed requests",
        _ => "signed requests",
    };
    format!(
        "{what} go to {}, which is not an AWS host for {service} ({named_by}): check that it is meant",
        shown(origin(url))
    )
}

/// The host of the endpoints that calls go to.
pub(super) const RUNTIME: &str = "bedrock-runtime";

/// Whether `url` is an endpoint of AWS for a service, in the partition of the region where one is known: a
/// regional endpoint, with FIPS or dual stack or both, or a VPC endpoint.
///
/// `service` is its name in hosts. Which hosts a region has is asked of the SDK.
pub(super) async fn is_of_aws(url: &str, service: &str, region: Option<&str>) -> bool {
    let Some(authority) = origin(url).strip_prefix("https://") else {
        return false;
    };
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(":443").unwrap_or(&authority);
    let labels: Vec<_> = authority.split('.').collect();
    let is_service = |label: &&str| label.strip_suffix("-fips").unwrap_or(label) == service;
    let Some(at) = labels.iter().position(is_service) else {
        return false;
    };
    let Some(its_region) = labels.get(at + 1) else {
        return false;
    };
    for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
        let Some(regional) = endpoint(service, its_region, fips, dual_stack).await else {
            continue;
        };
        let beginning = format!("{}.{its_region}.", labels[at]);
        let Some(suffix) = regional.strip_prefix(&beginning) else {
            continue;
        };
        let vpc = format!("{beginning}vpce.{suffix}");
        let is_there = match at {
            0 => authority == regional,
            1 => labels[0].starts_with("vpce-") && authority.ends_with(&format!(".{vpc}")),
            _ => false,
        };
        if is_there {
            return match region {
                Some(region) => is_same_partition(service, region, its_region).await,
                None => true,
            };
        }
    }
    false
}

async fn is_same_partition(service: &str, one: &str, two: &str) -> bool {
    let [one, two] = [partition(service, one).await, partition(service, two).await];
    one == two
}

/// What the hosts of a region end in.
async fn partition(service: &str, region: &str) -> Option<String> {
    let host = endpoint(service, region, false, false).await?;
    let (_, suffix) = host.split_once(&format!(".{region}."))?;
    Some(suffix.to_owned())
}

/// The host of a region, as the SDK has it.
async fn endpoint(service: &str, region: &str, fips: bool, dual_stack: bool) -> Option<String> {
    let place = Params::builder()
        .region(region)
        .use_fips(fips)
        .use_dual_stack(dual_stack)
        .build()
        .ok()?;
    let found = DefaultResolver::new().resolve_endpoint(&place).await.ok()?;
    let host = found.url().strip_prefix("https://")?;
    Some(host.replacen(RUNTIME, service, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_hosts_of_aws_are_those_of_the_service_and_the_partition() {
        let us = Some("us-east-1");
        for (url, service, region, expected) in [
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                true,
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com:443/x",
                RUNTIME,
                None,
                true,
            ),
            (
                "https://Bedrock-Runtime.eu-west-1.amazonaws.com",
                RUNTIME,
                us,
                true,
            ),
            (
                "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                true,
            ),
            (
                "https://bedrock-runtime.us-east-1.api.aws",
                RUNTIME,
                us,
                true,
            ),
            (
                "https://vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                RUNTIME,
                us,
                true,
            ),
            (
                "https://bedrock.us-east-1.amazonaws.com",
                "bedrock",
                us,
                true,
            ),
            (
                "https://servicequotas.us-east-1.amazonaws.com",
                "servicequotas",
                us,
                true,
            ),
            (
                "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
                RUNTIME,
                Some("cn-north-1"),
                true,
            ),
            // Another service, another partition, another port, other people's hosts at AWS.
            (
                "https://bedrock.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com.cn",
                RUNTIME,
                None,
                false,
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com:8443",
                RUNTIME,
                us,
                false,
            ),
            (
                "http://bedrock-runtime.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://x.execute-api.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://bedrock-runtime.s3.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://x.bedrock-runtime.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://vpce-0a.vpce-svc-1.us-east-1.vpce.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com.example.com",
                RUNTIME,
                us,
                false,
            ),
            (
                "https://example.com/bedrock-runtime.us-east-1.amazonaws.com",
                RUNTIME,
                us,
                false,
            ),
            ("https://bedrock-runtime", RUNTIME, us, false),
        ] {
            assert_eq!(
                is_of_aws(url, service, region).await,
                expected,
                "{url} {region:?}"
            );
        }
    }

    /// What is told, or why not, of requests to `url`.
    async fn met(url: &str, trusted: &[&str], carries_key: bool) -> Result<Vec<String>, String> {
        let trusted: Vec<_> = trusted.iter().map(|&host| host.to_owned()).collect();
        let mut told = Vec::new();
        let tell = &mut |text: &str| told.push(text.to_owned());
        let mut hosts = Hosts::new(&trusted, tell);
        let met = hosts
            .meet(url, RUNTIME, None, "by the job", carries_key)
            .await;
        met.map(|()| told).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_key_goes_to_a_host_that_is_trusted_and_to_no_other() {
        let url = "https://gateway.example.com:8443/x?secret#y";
        let told = "prompts and signed requests go to https://gateway.example.com:8443, which is not an AWS \
                    host for bedrock-runtime (by the job): check that it is meant";
        assert_eq!(met(url, &[], false).await, Ok(vec![told.into()]));
        assert_eq!(
            met(url, &["Gateway.Example.com"], true).await,
            Ok(vec![told.into()])
        );
        let refused = met(url, &["example.com"], true).await.unwrap_err();
        assert!(
            refused.ends_with("--trust-endpoint gateway.example.com"),
            "{refused}"
        );
        for silent in [
            "http://127.0.0.1:8686",
            "http://[::1]:1",
            "https://localhost:8443",
            "https://bedrock-runtime.us-east-1.amazonaws.com",
        ] {
            assert_eq!(met(silent, &[], true).await, Ok(Vec::new()), "{silent}");
        }
        for loud in [
            "https://127.0.0.1.example.com",
            "https://localhost.example.com",
        ] {
            assert!(met(loud, &[], true).await.is_err(), "{loud}");
        }
    }
}
