//! Service Quotas, as far as it is asked about Bedrock: what the scenario's quotas are.
//!
//! It speaks the JSON 1.1 protocol on the same port. Which model a code belongs to is read from the
//! same list of facts as the runner's, for there is no other; how it is read is written anew here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hyper::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::glob;
use super::quota::Quota;
use super::refusal::Refusal;

/// Before the operation's name in `x-amz-target`.
const TARGET: &str = "ServiceQuotasV20190624.";

/// Model ids, by route, by what is counted, to codes.
type Codes = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../model/catalog/quota_codes.json"))
        .expect("the list is part of the program, and a test reads it")
});

#[derive(Deserialize)]
struct Facts {
    quotas: Codes,
    names: BTreeMap<String, String>,
}

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
) -> Result<Value, Refusal> {
    let is_default = match operation {
        "GetServiceQuota" => false,
        "GetAWSDefaultServiceQuota" => true,
        _ => {
            let message = "the emulator answers GetServiceQuota and GetAWSDefaultServiceQuota";
            return Err(Refusal::new(400, "UnknownOperationException", message));
        }
    };
    if access == ServiceQuotas::Denied {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/emulated is not authorized to perform: \
             servicequotas:{operation}"
        );
        return Err(Refusal::new(400, "AccessDeniedException", message));
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let (Some(service), Some(code)) = (asked["ServiceCode"].as_str(), asked["QuotaCode"].as_str())
    else {
        let message = "ServiceCode and QuotaCode are required";
        return Err(Refusal::new(400, "IllegalArgumentException", message));
    };
    let absent = || {
        let message = "The request failed because the specified quota does not exist.";
        Refusal::new(400, "NoSuchResourceException", message)
    };
    let name = FACTS.names.get(code).filter(|_| service == "bedrock");
    let name = name.ok_or_else(absent)?;
    let value = match is_default {
        true => usual(code),
        false => applied(code, name, quotas),
    };
    let value = value.ok_or_else(absent)?;
    Ok(json!({"Quota": {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": format!("arn:aws:servicequotas:us-east-1:123456789012:bedrock/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        // As AWS has it for most models: more a minute on request, not more a day.
        "Adjustable": !name.contains(" per day "),
        "GlobalQuota": false,
    }}))
}

/// The ids a code is for, as they stand in a request's path, and what it counts.
fn ids(code: &str) -> impl Iterator<Item = (String, &'static str)> {
    let routes = FACTS.quotas.iter().flat_map(|(model, routes)| {
        routes
            .iter()
            .map(move |(route, codes)| (model, route, codes))
    });
    routes.filter_map(move |(model, route, codes)| {
        let (counts, _) = codes.iter().find(|(_, of)| *of == code)?;
        Some(match route.as_str() {
            "base" | "custom" => (model.clone(), counts.as_str()),
            geography => (format!("{geography}.{model}"), counts.as_str()),
        })
    })
}

/// The scenario's value. Where it has several for one code, the least: nobody who keeps to it is
/// refused. Cross-region calls may use a doubled quota twice, so it is kept as half of theirs.
fn applied(code: &str, name: &str, quotas: &[Quota]) -> Option<f64> {
    let doubled = name.ends_with("(doubled for cross-region calls)");
    let values = ids(code).filter_map(|(id, counts)| {
        let quota = quotas
            .iter()
            .find(|quota| glob::matches(&quota.model, &id))?;
        let value = match counts {
            "rpm" => quota.requests_per_minute.map(f64::from),
            "tpm" => quota.tokens_per_minute.map(|tokens| tokens as f64),
            "tpd" => quota.tokens_per_day.map(|tokens| tokens as f64),
            _ => None,
        }?;
        let is_base = FACTS.quotas.contains_key(&id);
        Some(match doubled && !is_base {
            true => (value / 2.0).floor(),
            false => value,
        })
    });
    values.reduce(f64::min)
}

/// A default that an account might have.
fn usual(code: &str) -> Option<f64> {
    let (_, counts) = ids(code).next()?;
    Some(match counts {
        "rpm" => 10_000.0,
        "tpm" => 5_000_000.0,
        "tpd" => 7_200_000_000.0, // a day of the above, as AWS has it
        _ => 20.0,
    })
}

#[cfg(test)]
mod tests {
    use super::{ServiceQuotas, answer};
    use crate::emulator::Scenario;

    /// Asks an operation for a code, under a scenario, and compares the value or the refusal.
    #[track_caller]
    fn check(scenario: &str, asked: &str, expected: &str) {
        let quotas = Scenario::parse(scenario, "x").unwrap().quotas;
        let (operation, code) = asked.split_once(' ').unwrap();
        let body = format!(r#"{{"ServiceCode":"bedrock","QuotaCode":"{code}"}}"#);
        let got = match answer(operation, body.as_bytes(), &quotas, ServiceQuotas::Allowed) {
            Ok(found) => found["Quota"]["Value"].to_string(),
            Err(refusal) => refusal.code.to_owned(),
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
