//! Where models are offered, and under which ids they can be called there.
//!
//! The facts are data, `regions.json`, with their source and date at its head. A model that is not
//! in the file may be anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

/// Region to how the model is offered there: `O` (on demand), `P` (provisioned) and `I` (through
/// profiles) in one word, then the geographies of its profiles.
type Regions = BTreeMap<&'static str, Vec<&'static str>>;

static MODELS: LazyLock<BTreeMap<&'static str, Regions>> = LazyLock::new(|| {
    serde_json::from_str::<RegionsFile>(include_str!("regions.json"))
        .expect("the catalog is part of the program, and a test parses it")
        .models
});

#[derive(Deserialize)]
struct RegionsFile {
    #[serde(borrow)]
    models: BTreeMap<&'static str, Regions>,
}

/// The regions from which the model behind a base id can be called, sorted; none where the file
/// does not know the model.
pub fn regions_of(base: &str) -> Vec<&'static str> {
    let regions = MODELS.get(base).into_iter().flat_map(BTreeMap::iter);
    let callable = regions.filter(|(_, offered)| !ids(base, offered).is_empty());
    callable.map(|(region, _)| *region).collect()
}

/// What to type to call the model from `region`; `None` where the file does not know the model.
pub fn ids_in(base: &str, region: &str) -> Option<Vec<String>> {
    let regions = MODELS.get(base)?;
    Some(
        regions
            .get(region)
            .map_or_else(Vec::new, |it| ids(base, it)),
    )
}

/// Everything that can be called from `region`, sorted by model.
pub fn ids_of_region(region: &str) -> impl Iterator<Item = String> {
    MODELS.iter().flat_map(move |(base, regions)| {
        let offered = regions.get(region).map(|offered| ids(base, offered));
        offered.unwrap_or_default()
    })
}

/// What is said of a region that no model of the file is offered in, with the one that is nearest.
pub fn region_remark(region: &str) -> Option<String> {
    let known: BTreeSet<&str> = MODELS.values().flat_map(|it| it.keys().copied()).collect();
    if known.contains(region) {
        return None;
    }
    // One letter lost, added or swapped; regions are named much alike.
    let distance = |known: &&str| strsim::damerau_levenshtein(region, known);
    let near = known.iter().copied().min_by_key(distance);
    let near = near.filter(|near| distance(near) <= 2);
    let meant = near.map(|near| format!(" (did you mean {near}?)"));
    Some(format!(
        "{region} is not a region in the catalog{}: if calls cannot connect, check its name",
        meant.unwrap_or_default()
    ))
}

/// What is said of the profile `id` of a model that is called from a region outside its geography, with
/// what is called there instead; nothing where the file does not know the region or the geography.
pub fn geography_remark(id: &str, base: &str, region: &str) -> Option<String> {
    let geography = id.strip_suffix(base)?.strip_suffix('.')?;
    let has = |offered: &[&str]| offered.iter().skip(1).any(|geo| *geo == geography);
    let regions = || MODELS.values().flatten();
    let inside: BTreeSet<&str> = regions()
        .filter(|(_, offered)| has(offered))
        .map(|(region, _)| *region)
        .collect();
    let is_known = regions().any(|(known, _)| *known == region);
    if inside.is_empty() || inside.contains(region) || !is_known {
        return None;
    }
    let here = ids_in(base, region).unwrap_or_default();
    let regions = || inside.iter().take(3).copied().collect::<Vec<_>>();
    let instead = match here.is_empty() {
        true => format!("choose a region such as {}", regions().join(", ")),
        false => format!("the model is called there as {}", here.join(", ")),
    };
    Some(format!(
        "`{id}` is a profile of the geography `{geography}`, which {region} is no part of, as far as the \
         catalog knows: {instead}"
    ))
}

/// What to type in place of a base id that is not called itself, from `region`, or from any where
/// none is known; `None` where it is, or the file does not know the model.
pub fn profiles_instead(base: &str, region: Option<&str>) -> Option<Vec<String>> {
    let found = match region {
        Some(region) => ids_in(base, region)?,
        None => {
            let regions = MODELS.get(base)?.values();
            let ids: BTreeSet<_> = regions.flat_map(|offered| ids(base, offered)).collect();
            ids.into_iter().collect()
        }
    };
    let is_called = found.is_empty() || found.iter().any(|id| id == base);
    (!is_called).then_some(found)
}

fn ids(base: &str, offered: &[&str]) -> Vec<String> {
    let Some((types, geographies)) = offered.split_first() else {
        return Vec::new();
    };
    let itself = types.contains('O').then(|| base.to_owned());
    let profiles = geographies.iter().map(|geo| format!("{geo}.{base}"));
    itself.into_iter().chain(profiles).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_by_other_ids_in_other_regions() {
        let nova = |region| ids_in("amazon.nova-lite-v1:0", region).expect("listed");
        assert_eq!(
            nova("us-east-1"),
            ["amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"]
        );
        assert_eq!(nova("eu-west-3"), ["eu.amazon.nova-lite-v1:0"]);
        assert!(nova("mx-central-1").is_empty());
        assert_eq!(ids_in("anthropic.claude-next", "us-east-1"), None);
    }

    #[test]
    fn a_region_that_nobody_knows_is_said_with_the_nearest() {
        assert_eq!(region_remark("eu-west-3"), None);
        let said = |region: &str| region_remark(region).unwrap();
        assert_eq!(
            said("us-esat-1"),
            "us-esat-1 is not a region in the catalog (did you mean us-east-1?): if calls cannot \
             connect, check its name"
        );
        assert!(!said("nowhere-1").contains("did you mean"));
    }

    #[test]
    fn a_profile_of_another_geography_is_said_with_what_is_called_there() {
        let said = |geo: &str, base: &str, region: &str| {
            let remark = geography_remark(&format!("{geo}.{base}"), base, region);
            remark.unwrap_or_default()
        };
        let nova = "amazon.nova-lite-v1:0";
        assert_eq!(said("us", nova, "us-east-1"), "");
        assert_eq!(
            said("us", nova, "eu-west-3"),
            "`us.amazon.nova-lite-v1:0` is a profile of the geography `us`, which eu-west-3 is no part of, \
             as far as the catalog knows: the model is called there as eu.amazon.nova-lite-v1:0"
        );
        assert!(
            said("eu", "anthropic.claude-next", "us-east-1")
                .contains("choose a region such as eu-")
        );
        assert_eq!(said("eu", nova, "nowhere-1"), "");
        assert_eq!(said("zz", nova, "us-east-1"), "");
        assert_eq!(geography_remark(nova, nova, "us-east-1"), None);
    }

    #[test]
    fn a_base_id_may_be_called_by_profiles_only() {
        let lite = "amazon.nova-2-lite-v1:0";
        let instead = |base, region| profiles_instead(base, region).unwrap_or_default().join(" ");
        assert_eq!(
            instead(lite, Some("us-east-1")),
            "global.amazon.nova-2-lite-v1:0 us.amazon.nova-2-lite-v1:0"
        );
        assert!(instead(lite, None).contains("jp.amazon.nova-2-lite-v1:0"));
        assert_eq!(instead(lite, Some("sa-east-1")), "", "it is not there");
        assert_eq!(instead("amazon.nova-lite-v1:0", Some("us-east-1")), "");
        assert_eq!(
            instead("amazon.nova-lite-v1:0", None),
            "",
            "it is somewhere"
        );
        assert_eq!(instead("anthropic.claude-next", Some("us-east-1")), "");
    }

    #[test]
    fn a_region_where_a_model_can_only_be_bought_is_none_of_its_regions() {
        assert_eq!(
            regions_of("amazon.titan-embed-text-v1"),
            ["ap-northeast-1", "eu-central-1", "us-east-1", "us-west-2"]
        );
        assert!(regions_of("amazon.nova-2-lite-v1:0:256k").is_empty());
    }
}
