//! Which models a region offers, and how: the list in `data/models.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How a region offers a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Offer {
    /// The inference types, as ListFoundationModels names them.
    pub(super) types: Vec<&'static str>,
    /// The geographies of the inference profiles that can be called from the region.
    pub(super) geographies: Vec<&'static str>,
}

/// Model id to region to offer.
pub(super) type Offers = BTreeMap<&'static str, BTreeMap<&'static str, Offer>>;

/// The words of the list, and the inference types they stand for.
const TYPES: [(&str, &str); 3] = [
    ("on-demand", "ON_DEMAND"),
    ("provisioned", "PROVISIONED"),
    ("profile", "INFERENCE_PROFILE"),
];

static OFFERS: LazyLock<Offers> = LazyLock::new(|| parse(include_str!("../data/models.txt")));

/// All models of all regions.
pub(super) fn offers() -> &'static Offers {
    &OFFERS
}

/// Whether a model can be called through its inference profiles only, wherever it is offered.
pub(super) fn is_profile_only(base: &str) -> bool {
    OFFERS
        .get(base)
        .is_some_and(|regions| regions.values().all(Offer::is_profile_only))
}

impl Offer {
    fn is_profile_only(&self) -> bool {
        self.types == ["INFERENCE_PROFILE"]
    }
}

/// Reads the list. A line that is not indented is a model; one that is indented is
/// `TYPE … [GEOGRAPHY …]: REGION …` for the model above it.
fn parse(list: &'static str) -> Offers {
    let mut offers = Offers::new();
    let mut model = "";
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        match line
            .strip_prefix("  ")
            .and_then(|line| line.split_once(": "))
        {
            None => model = line.trim(),
            Some((how, regions)) => {
                let offer = offer(how);
                let offered = regions.split(' ').map(|region| (region, offer.clone()));
                offers.entry(model).or_default().extend(offered);
            }
        }
    }
    offers
}

fn offer(how: &'static str) -> Offer {
    let (types, geographies) = how.split_once(" [").unwrap_or((how, ""));
    let words = || types.split(' ');
    let of_list = TYPES
        .iter()
        .filter(|(word, _)| words().any(|it| it == *word));
    Offer {
        types: of_list.map(|(_, name)| *name).collect(),
        geographies: geographies
            .trim_end_matches(']')
            .split_whitespace()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Offer, TYPES, is_profile_only, offers};

    #[test]
    fn every_line_of_the_list_is_read() {
        let list = include_str!("../data/models.txt");
        for line in list.lines().filter_map(|line| line.strip_prefix("  ")) {
            let (how, regions) = line.split_once(": ").unwrap();
            let types = how.split(" [").next().unwrap();
            let known = |word: &str| word == "listed" || TYPES.iter().any(|(it, _)| *it == word);
            assert!(types.split(' ').all(known), "{line}");
            assert!(regions.split(' ').all(|it| it.contains('-')), "{line}");
        }
        assert_eq!(offers().len(), 149);
        assert!(offers().values().all(|regions| !regions.is_empty()));
        assert!(offers().keys().all(|model| model.contains('.')));
    }

    #[test]
    fn an_offer_has_types_and_geographies() {
        let nova = &offers()["amazon.nova-lite-v1:0"];
        let expected = Offer {
            types: vec!["ON_DEMAND", "INFERENCE_PROFILE"],
            geographies: vec!["us"],
        };
        assert_eq!(nova["us-east-1"], expected);
        assert_eq!(nova["eu-west-2"].geographies, [""; 0]);
        let listed = &offers()["amazon.nova-lite-v1:0:24k"]["ap-southeast-3"];
        assert_eq!(*listed, Offer::default());
    }

    #[test]
    fn a_model_that_one_region_serves_on_demand_is_not_by_profile_only() {
        assert!(is_profile_only("anthropic.claude-haiku-4-5-20251001-v1:0"));
        assert!(!is_profile_only("amazon.nova-lite-v1:0"));
        assert!(!is_profile_only("anthropic.claude-v2"));
    }
}
