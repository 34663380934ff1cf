//! Service Quotas for Bedrock: the scenario's quotas.
//!
//! It speaks the JSON 1.1 protocol on the same port. What a code counts is read from the quota's name
//! ([`mod@super::quota_names`]).

use hyper::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::glob;
use super::quota::Quota;
use super::quota_names::{self, Counted, NamedQuota};
use super::service_error::ServiceError;

/// The prefix of operations in `x-amz-target`.
const TARGET: &str = "ServiceQuotasV20190624.";

/// Whether the account may read its quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceQuotas {
    /// It may.
    #[default]
    Allowed,
    /// It may not: `AccessDeniedException`.
    Denied,
}

/// The operation that a request to Service Quotas asks for; `None` for any other request.
pub(super) fn operation<B>(request: &Request<B>) -> Option<String> {
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    let operation = target.strip_prefix(TARGET)?;
    (request.uri().path() == "/").then(|| operation.to_owned())
}

/// Answers `operation`.
pub(super) fn answer(
    operation: &str,
    body: &[u8],
    quotas: &[Quota],
    access: ServiceQuotas,
) -> Result<Value, ServiceError> {
    let is_default = match operation {
        "GetServiceQuota" => false,
        "GetAWSDefaultServiceQuota" => true,
        _ => {
            let message = "the emulator answers GetServiceQuota and GetAWSDefaultServiceQuota";
            return Err(ServiceError::new(400, "UnknownOperationException", message));
        }
    };
    if access == ServiceQuotas::Denied {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/emulated is not authorized to perform: \
             servicequotas:{operation}"
        );
        return Err(ServiceError::new(400, "AccessDeniedException", message));
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let (Some(service), Some(code)) = (asked["ServiceCode"].as_str(), asked["QuotaCode"].as_str())
    else {
        let message = "ServiceCode and QuotaCode are required";
        return Err(ServiceError::new(400, "IllegalArgumentException", message));
    };
    let absent = || {
        let message = "The request failed because the specified quota does not exist.";
        ServiceError::new(400, "NoSuchResourceException", message)
    };
    let quota = quota_names::find(code).filter(|_| service == "bedrock");
    let quota = quota.ok_or_else(absent)?;
    let value = match is_default {
        true => Some(usual(quota.counted())),
        false => applied(quota, quotas),
    };
    let value = value.ok_or_else(absent)?;
    Ok(json!({"Quota": {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": format!("arn:aws:servicequotas:us-east-1:123456789012:bedrock/{code}"),
        "QuotaCode": code,
        "QuotaName": quota.name(),
        "Value": value,
        "Unit": "None",
        // As at AWS for most models: quotas per minute can be raised, those per day cannot.
        "Adjustable": quota.counted() != Counted::TokensPerDay,
        "GlobalQuota": false,
    }}))
}

/// The scenario's value. Where it has several for one code, the least: a caller who keeps to it is
/// never throttled.
fn applied(quota: &NamedQuota, quotas: &[Quota]) -> Option<f64> {
    let values = quota.counts().into_iter().filter_map(|(id, times)| {
        let of_scenario = quotas
            .iter()
            .find(|quota| glob::matches(&quota.model, &id))?;
        let value = match quota.counted() {
            Counted::Requests => of_scenario.requests_per_minute.map(f64::from),
            Counted::Tokens => of_scenario.tokens_per_minute.map(|tokens| tokens as f64),
            Counted::TokensPerDay => of_scenario.tokens_per_day.map(|tokens| tokens as f64),
            Counted::Concurrency => None,
        }?;
        Some((value / times).floor())
    });
    values.reduce(f64::min)
}

/// A default that an account may have.
fn usual(counted: Counted) -> f64 {
    match counted {
        Counted::Requests => 10_000.0,
        Counted::Tokens => 5_000_000.0,
        Counted::TokensPerDay => 7_200_000_000.0, // a day of the above, as AWS has it
        Counted::Concurrency => 20.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{ServiceQuotas, answer};
    use crate::Scenario;

    /// Asks an operation for a code, under a scenario, and compares the value or the error.
    #[track_caller]
    fn check(scenario: &str, asked: &str, expected: &str) {
        let quotas = Scenario::parse(scenario, "x").unwrap().quotas;
        let (operation, code) = asked.split_once(' ').unwrap();
        let body = format!(r#"{{"ServiceCode":"bedrock","QuotaCode":"{code}"}}"#);
        let got = match answer(operation, body.as_bytes(), &quotas, ServiceQuotas::Allowed) {
            Ok(found) => found["Quota"]["Value"].to_string(),
            Err(error) => error.code.to_owned(),
        };
        assert_eq!(got, expected, "{scenario}: {asked}");
    }

    #[test]
    fn a_code_has_the_value_of_the_model_it_is_for() {
        let claude = "[[quota]]\nmodel = \"us.*haiku*\"\nrequests_per_minute = 600";
        check(claude, "GetServiceQuota L-CCA5DF70", "600.0");
        let none = "NoSuchResourceException";
        check(claude, "GetServiceQuota L-58BE175A", none);
        check(claude, "GetServiceQuota L-E386A278", none);
        check(claude, "GetServiceQuota L-00000000", none);
    }

    #[test]
    fn a_default_is_there_whatever_the_scenario() {
        check("", "GetAWSDefaultServiceQuota L-CCA5DF70", "10000.0");
        check(
            "",
            "GetAWSDefaultServiceQuota L-00000000",
            "NoSuchResourceException",
        );
        check(
            "",
            "ListServiceQuotas L-CCA5DF70",
            "UnknownOperationException",
        );
    }

    #[test]
    fn a_doubled_quota_is_half_of_what_cross_region_calls_may_use() {
        let nova = "[[quota]]\nmodel = \"us.amazon.nova-lite*\"\ntokens_per_day = 1001";
        check(nova, "GetServiceQuota L-45E0AD92", "500.0");
        let base = "[[quota]]\nmodel = \"amazon.nova-lite*\"\ntokens_per_day = 1001";
        check(base, "GetServiceQuota L-45E0AD92", "1001.0");
    }
}
