//! Under which codes Service Quotas keeps the quotas of a model.
//!
//! The codes are data, `quota_codes.json`, with their source and date at its head. A model has
//! other quotas on every route: on demand, through the profiles of a geography, through the global
//! profile, as a custom model. Within one partition all geographies share their codes, so a
//! geography that the file does not list has those of one that it does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::catalog::id::{IdKind, ModelId, strip_context, strip_geo};

/// The service code of every quota here.
pub const SERVICE: &str = "bedrock";

/// How the name of a quota says that cross-region calls may use twice as much of it.
const DOUBLED: &str = "(doubled for cross-region calls)";

/// The file, parsed.
static CODES: LazyLock<QuotaCodesFile> = LazyLock::new(|| {
    serde_json::from_str(include_str!("quota_codes.json"))
        .expect("the catalog is part of the program, and a test parses it")
});

#[derive(Deserialize)]
struct QuotaCodesFile {
    #[serde(borrow)]
    quotas: BTreeMap<&'static str, BTreeMap<&'static str, OfRoute>>,
    names: BTreeMap<&'static str, &'static str>,
}

#[derive(Deserialize)]
struct OfRoute {
    rpm: Option<&'static str>,
    tpm: Option<&'static str>,
    tpd: Option<&'static str>,
    concurrent: Option<&'static str>,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaUnit {
    /// Requests per minute.
    Requests,
    /// Tokens per minute.
    Tokens,
    /// Tokens per day.
    TokensPerDay,
    /// Requests at once.
    Concurrent,
}

/// One quota of a model on one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaCode {
    /// What it counts.
    pub counts: QuotaUnit,
    /// Its code, such as `L-CCA5DF70`.
    pub code: &'static str,
    /// Its name in Service Quotas.
    pub name: &'static str,
    /// How often its value may be used on this route: 2 for cross-region calls against a quota
    /// that is doubled for them, else 1.
    pub times: u64,
}

/// How calls reach a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// In the region that is called.
    OnDemand,
    /// Through the regions of a geography, such as `us`.
    Geography(&'a str),
    /// Through all regions.
    Global,
    /// A model trained further in the account.
    Custom,
}

/// Why a model has no codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCodes {
    /// An ARN that hides the model.
    #[error(
        "`{0}` does not name its model: run `promptmill quotas` with that model or inference profile"
    )]
    Hidden(String),
    /// It has no such quotas.
    #[error("`{0}` has no quotas of requests and tokens: {1}")]
    Unmetered(String, &'static str),
    /// A model, or a route to it, that the catalog does not know.
    #[error("no quota codes are known for `{0}`: look for it in the console, {console}", console = CONSOLE)]
    Unknown(String),
}

const CONSOLE: &str = "Service Quotas, Amazon Bedrock";

/// The codes of `model` on the route its id says: never none, and in the order of [`QuotaUnit`].
///
/// # Errors
/// Why there are none.
pub fn of(model: &ModelId) -> Result<Vec<QuotaCode>, NoCodes> {
    let id = model.as_str().to_owned();
    match model.kind() {
        IdKind::Base | IdKind::Profile | IdKind::Custom => {}
        IdKind::ApplicationProfile if model.base().is_some() => {}
        IdKind::ApplicationProfile | IdKind::CustomDeployment | IdKind::PromptRouter => {
            return Err(NoCodes::Hidden(id));
        }
        IdKind::Provisioned => {
            let why = "its capacity is what was bought";
            return Err(NoCodes::Unmetered(id, why));
        }
        IdKind::Imported => {
            let why = "its capacity is that of its copies";
            return Err(NoCodes::Unmetered(id, why));
        }
        IdKind::MarketplaceEndpoint => {
            let why = "its capacity is that of its instances";
            return Err(NoCodes::Unmetered(id, why));
        }
    }
    let base = model.base().ok_or_else(|| NoCodes::Hidden(id.clone()))?;
    let route = route(model);
    let found = of_route(base, route).ok_or(NoCodes::Unknown(id))?;
    Ok(found.listed(route))
}

/// The route that an id says.
pub fn route(model: &ModelId) -> Route<'_> {
    if model.kind() == IdKind::Custom {
        return Route::Custom;
    }
    let id = model.like();
    let name = id.rsplit_once('/').map_or(id, |(_, name)| name);
    match strip_geo(name) {
        (None, _) => Route::OnDemand,
        (Some("global"), _) => Route::Global,
        (Some(geography), _) => Route::Geography(geography),
    }
}

fn of_route(base: &str, route: Route<'_>) -> Option<&'static OfRoute> {
    let routes = || CODES.quotas.get(base);
    match route {
        Route::OnDemand => routes()?.get("base"),
        Route::Global => routes()?.get("global"),
        // Another partition, with quotas of its own; the file is of the commercial one.
        Route::Geography("us-gov") => None,
        Route::Geography(_) => {
            let mut routes = routes()?.iter();
            let cross_region = |name: &str| !["base", "global", "custom"].contains(&name);
            routes
                .find(|(name, _)| cross_region(name))
                .map(|(_, codes)| codes)
        }
        // The ids of models that can be trained carry the context they are trained with.
        Route::Custom => CODES
            .quotas
            .iter()
            .filter(|(id, _)| strip_context(id) == base)
            .find_map(|(_, routes)| routes.get("custom")),
    }
}

impl OfRoute {
    fn listed(&self, route: Route<'_>) -> Vec<QuotaCode> {
        let kinds = [
            (QuotaUnit::Requests, self.rpm),
            (QuotaUnit::Tokens, self.tpm),
            (QuotaUnit::TokensPerDay, self.tpd),
            (QuotaUnit::Concurrent, self.concurrent),
        ];
        let listed = kinds.into_iter().filter_map(|(counts, code)| {
            let code = code?;
            let name = CODES.names.get(code).copied().unwrap_or_default();
            let doubled = matches!(route, Route::Geography(_)) && name.ends_with(DOUBLED);
            Some(QuotaCode {
                counts,
                code,
                name,
                times: if doubled { 2 } else { 1 },
            })
        });
        listed.collect()
    }
}

impl QuotaUnit {
    /// What it counts, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Requests => "requests per minute",
            Self::Tokens => "tokens per minute",
            Self::TokensPerDay => "tokens per day",
            Self::Concurrent => "concurrent requests",
        }
    }

    /// The key it has in a job and in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_minute",
            Self::Tokens => "tokens_per_minute",
            Self::TokensPerDay => "tokens_per_day",
            Self::Concurrent => "concurrency",
        }
    }
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnDemand => f.write_str("on demand"),
            Self::Geography(geography) => write!(f, "cross-region ({geography})"),
            Self::Global => f.write_str("global cross-region"),
            Self::Custom => f.write_str("custom model"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts the route and codes of a model, `requests tokens per-day concurrent`.
    #[track_caller]
    fn check(id: &str, expected: &str) {
        let model = ModelId::parse(id).unwrap();
        let found = match of(&model) {
            Err(none) => none.to_string(),
            Ok(codes) => {
                let codes = codes.iter().map(|code| {
                    let times = if code.times == 1 { "" } else { " twice" };
                    format!(", {} {}{times}", code.counts.key(), code.code)
                });
                format!("{}{}", route(&model), codes.collect::<String>())
            }
        };
        assert_eq!(found, expected, "{id}");
    }

    #[test]
    fn every_route_has_codes_of_its_own() {
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        for geography in ["us", "eu", "jp"] {
            check(
                &format!("{geography}.{haiku}"),
                &format!(
                    "cross-region ({geography}), requests_per_minute L-CCA5DF70, \
                     tokens_per_minute L-58BE175A"
                ),
            );
        }
        check(
            &format!("global.{haiku}"),
            "global cross-region, requests_per_minute L-E5084BBA, tokens_per_minute L-9A11C666",
        );
        check(
            "amazon.nova-lite-v1:0",
            "on demand, requests_per_minute L-E386A278, tokens_per_minute L-70423BF8, \
             tokens_per_day L-45E0AD92",
        );
        check(
            "amazon.nova-2-multimodal-embeddings-v1:0",
            "on demand, requests_per_minute L-29E17D48, concurrency L-44704E61",
        );
    }

    #[test]
    fn a_day_is_doubled_for_calls_across_regions_only() {
        check(
            "eu.amazon.nova-lite-v1:0",
            "cross-region (eu), requests_per_minute L-89F8391A, tokens_per_minute L-7C42E72A, \
             tokens_per_day L-45E0AD92 twice",
        );
        check(
            "global.amazon.nova-2-lite-v1:0",
            "global cross-region, requests_per_minute L-D5F39C2F, tokens_per_minute L-71C69B70, \
             tokens_per_day L-AD940EDE",
        );
    }

    #[test]
    fn a_geography_that_is_not_listed_shares_the_codes_of_one_that_is() {
        check(
            "sa.anthropic.claude-opus-5",
            "cross-region (sa), tokens_per_minute L-99296DCD",
        );
        for (model, routes) in &CODES.quotas {
            let shared = |name: &str| !["base", "global", "custom"].contains(&name);
            let mut codes = routes
                .iter()
                .filter(|(name, _)| shared(name))
                .map(|(_, of)| (of.rpm, of.tpm, of.tpd, of.concurrent));
            let first = codes.next();
            assert!(codes.all(|other| Some(other) == first), "{model}");
        }
    }

    #[test]
    fn an_arn_is_read_by_what_it_names() {
        check(
            "arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b-1:0",
            "on demand, requests_per_minute L-AF7F0545, tokens_per_minute L-036E14D8",
        );
        check(
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-5",
            "cross-region (eu), tokens_per_minute L-99296DCD",
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefabcdef",
            "custom model, requests_per_minute L-7374C882, tokens_per_minute L-153ADCCB, \
             tokens_per_day L-B706E06A",
        );
    }

    #[test]
    fn what_has_no_codes_says_why() {
        check(
            "anthropic.claude-next",
            "no quota codes are known for `anthropic.claude-next`: look for it in the console, \
             Service Quotas, Amazon Bedrock",
        );
        let account = "arn:aws:bedrock:us-east-1:123456789012";
        check(
            &format!("{account}:application-inference-profile/a1b2c3d4e5f6"),
            &format!(
                "`{account}:application-inference-profile/a1b2c3d4e5f6` does not name its model: run \
                 `promptmill quotas` with that model or inference profile"
            ),
        );
        check(
            &format!("{account}:provisioned-model/a1b2c3d4e5f6"),
            &format!(
                "`{account}:provisioned-model/a1b2c3d4e5f6` has no quotas of requests and tokens: \
                 its capacity is what was bought"
            ),
        );
        check(
            "us-gov.anthropic.claude-opus-5",
            "no quota codes are known for `us-gov.anthropic.claude-opus-5`: look for it in the \
             console, Service Quotas, Amazon Bedrock",
        );
    }
}
