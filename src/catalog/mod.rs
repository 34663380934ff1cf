//! What is known of models beforehand: prices, token limits, and what some of them refuse.
//!
//! The facts are data, `prices.json`, with their source and date at its head. They are parsed
//! once, when first asked for. A model that is not in the file is simply unknown: nothing here
//! guesses.

mod burndown;
mod cache;
mod capabilities;
mod facts;
pub mod id;
mod overrides;
pub mod quota_codes;
mod regions;
mod unit_price;
mod unit_prices;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

pub use burndown::{MOST_BURNDOWN, burndown};
pub use cache::Cached;
pub use capabilities::Capabilities;
pub use facts::{ModelFacts, Price, rounded_usd};
pub use overrides::{KnownModel, OverridesError};
pub use regions::{
    geography_remark, ids_in, ids_of_region, profiles_instead, region_remark, regions_of,
};
pub use unit_price::UnitPrice;
pub use unit_prices::Most;

use self::capabilities::longest_answer;
use crate::catalog::id::{strip_context, strip_geo};

/// The file, parsed, with the longest answers that the documents name. Sorted, so that everything
/// derived from it comes in the same order.
static FACTS: LazyLock<BTreeMap<&'static str, ModelFacts>> = LazyLock::new(|| {
    let file: PricesFile = serde_json::from_str(include_str!("prices.json"))
        .expect("the catalog is part of the program, and a test parses it");
    let mut models = file.models;
    for (name, facts) in &mut models {
        let id = name.split('@').next().unwrap_or(name);
        facts.max_out = longest_answer(strip_geo(id).1, facts.max_out);
    }
    models
});

#[derive(Deserialize)]
struct PricesFile {
    #[serde(borrow)]
    models: BTreeMap<&'static str, ModelFacts>,
}

/// The facts about a model id, profile id or model ARN, as invoked from `region`.
///
/// A price kept for the region goes before the general one, and the price of the profile as it
/// was typed goes before the price of the model behind it.
pub fn lookup(id: &str, region: Option<&str>) -> Option<&'static ModelFacts> {
    let id = strip_context(id.rsplit_once('/').map_or(id, |(_, name)| name));
    let (_, base) = strip_geo(id);
    [id, base].into_iter().find_map(|name| {
        let regional = region.and_then(|region| FACTS.get(format!("{name}@{region}").as_str()));
        regional.or_else(|| FACTS.get(name))
    })
}

/// The facts about a base id that hold wherever it is invoked: limits and flags, not prices.
///
/// Some models are only listed under a profile; then the first of its profiles speaks for it.
pub fn anywhere(base: &str) -> Option<&'static ModelFacts> {
    lookup(base, None).or_else(|| lookup(profiles(base).first()?, None))
}

/// The profile ids that are known for a base id, such as `eu.amazon.nova-pro-v1:0`.
pub fn profiles(base: &str) -> Vec<&'static str> {
    ids()
        .filter(|id| strip_geo(id) != (None, id) && strip_geo(id).1 == base)
        .collect()
}

/// Every id the catalog knows, sorted; regional overrides are left out.
pub fn ids() -> impl Iterator<Item = &'static str> {
    FACTS.keys().copied().filter(|id| !id.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, region: Option<&str>, input_usd_per_1k: Option<f64>) {
        let found = lookup(id, region).and_then(|facts| facts.price.input);
        assert_eq!(found, input_usd_per_1k, "{id} in {region:?}");
    }

    #[test]
    fn a_profile_has_its_own_price_or_that_of_its_model() {
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        check(haiku, None, Some(0.001));
        check(&format!("us.{haiku}"), Some("us-east-1"), Some(0.0011));
        check("sa.amazon.nova-lite-v1:0", None, Some(6e-5));
        check("amazon.nova-lite-v1:0:300k", None, Some(6e-5));
        let arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0";
        check(arn, None, Some(6e-5));
    }

    #[test]
    fn a_regional_price_goes_before_the_general_one() {
        check("amazon.nova-lite-v1:0", Some("us-gov-west-1"), Some(7.2e-5));
        check("amazon.nova-lite-v1:0", Some("eu-west-1"), Some(6e-5));
    }

    #[test]
    fn what_is_not_listed_is_unknown() {
        check("anthropic.claude-next", None, None);
        let custom = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl";
        check(custom, None, None);
    }

    #[test]
    fn every_step_price_of_the_file_is_read() {
        let steps: Vec<_> = include_str!("prices.json")
            .match_indices("\"above_")
            .map(|(at, _)| &include_str!("prices.json")[at + 7..at + 11])
            .filter(|step| !["100k", "200k", "272k"].contains(step))
            .collect();
        assert_eq!(
            steps,
            ["Nk\":"],
            "the one left is the key's own description"
        );
    }

    #[test]
    fn a_model_listed_only_under_a_profile_has_limits_too() {
        let facts = anywhere("anthropic.claude-mythos-5").expect("listed as us.");
        assert!(facts.no_sampling);
    }
}
