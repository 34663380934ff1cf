//! What has a per-unit price: images that a model makes or is shown, and searches of a reranker.
//!
//! The catalog has one price for an image, whatever its size and quality; where Amazon Bedrock
//! asks more for large or premium images, `--prices` says so.

use crate::model::{Bill, Metered, Tier, Units, Usage};

use super::cache::Cached;
use super::facts::ModelFacts;
use super::unit_price::UnitPrice;

/// The most tokens that a request can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Most {
    /// In.
    pub input: u64,
    /// Out.
    pub output: u64,
    /// Whether the input may be written to the prompt cache, which can be dearer than to read it.
    pub cached: Cached,
}

impl UnitPrice {
    /// What `units` cost, in USD. Nothing costs nothing, whatever its price.
    fn of(&self, units: Units) -> Option<f64> {
        let parts = [
            (units.made, self.made),
            (units.shown, self.shown),
            (units.queries, self.query),
        ];
        let cost = |(number, price): (u64, Option<f64>)| match number {
            0 => Some(0.0),
            number => Some(number as f64 * price?),
        };
        parts.into_iter().map(cost).sum()
    }
}

impl ModelFacts {
    /// What `units` cost, in USD; `None` where a price is unknown. Their prices are known of the
    /// standard tier alone.
    pub fn units_usd(&self, units: Units, tier: Tier) -> Option<f64> {
        match tier {
            _ if units == Units::NONE => Some(0.0),
            Tier::Default => self.unit_price.of(units),
            Tier::Flex | Tier::Priority | Tier::Reserved => None,
        }
    }

    /// What a request with this bill costs whose call used `usage`, in USD; `None` where a count
    /// or a price is unknown.
    pub fn billed_usd(&self, bill: &Bill, usage: &Usage, tier: Tier) -> Option<f64> {
        let tokens = match bill.tokens {
            Metered::Billed => self.cost_usd(usage, tier)?,
            Metered::Free => 0.0,
        };
        let known = (bill.least == bill.most).then_some(bill.most)?;
        Some(tokens + self.units_usd(known, tier)?)
    }

    /// What a request with this bill can cost at most.
    pub fn worst_usd(&self, bill: &Bill, most: Most, tier: Tier) -> Option<f64> {
        let price = || self.price_of(most.input, tier)?.at_its_dearest(most.cached);
        let tokens = match bill.tokens {
            Metered::Billed => price()?.of(most.input, most.output)?,
            Metered::Free => 0.0,
        };
        Some(tokens + self.units_usd(bill.most, tier)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    fn made(made: u64) -> Units {
        Units {
            made,
            ..Units::NONE
        }
    }

    #[track_caller]
    fn check(id: &str, bill: Bill, tier: Tier, usd: Option<f64>) {
        let facts = catalog::lookup(id, None).expect("listed");
        let cost = facts.billed_usd(&bill, &Usage::default(), tier);
        assert_eq!(cost, usd, "{id}");
    }

    #[test]
    fn images_and_searches_cost_what_the_catalog_says() {
        let images = |number| Bill::of(Metered::Free, made(number));
        let canvas = "us.amazon.nova-canvas-v1:0";
        check(canvas, images(2), Tier::Default, Some(0.12));
        check(canvas, images(0), Tier::Default, Some(0.0));
        check(canvas, images(1), Tier::Flex, None);
        check(
            "stability.sd3-5-large-v1:0",
            images(1),
            Tier::Default,
            Some(0.08),
        );
        check("amazon.nova-lite-v1:0", images(1), Tier::Default, None);
        let search = Units {
            queries: 3,
            ..Units::NONE
        };
        let search = Bill::of(Metered::Free, search);
        check("cohere.rerank-v3-5:0", search, Tier::Default, Some(0.006));
    }

    #[test]
    fn a_number_that_is_not_certain_has_no_cost_but_a_worst_one() {
        let bill = Bill {
            most: made(3),
            ..Bill::of(Metered::Free, made(1))
        };
        let canvas = "amazon.nova-canvas-v1:0";
        check(canvas, bill, Tier::Default, None);
        let facts = catalog::lookup(canvas, None).expect("listed");
        let most = Most {
            input: 1_000,
            ..Most::default()
        };
        let worst = facts.worst_usd(&bill, most, Tier::Default);
        assert_eq!(
            worst.map(|usd| format!("{usd:.2}")).as_deref(),
            Some("0.18")
        );
    }

    #[test]
    fn input_that_is_written_to_the_cache_is_at_worst_as_dear_as_that() {
        let claude = catalog::lookup("anthropic.claude-haiku-4-5-20251001-v1:0", None);
        let facts = claude.expect("listed");
        let worst = |body: &[u8]| {
            let most = Most {
                input: 1_000,
                output: 0,
                cached: Cached::of(body),
            };
            let usd = facts.worst_usd(&Bill::TOKENS, most, Tier::Default);
            usd.expect("priced") / facts.price.input.expect("priced")
        };
        assert_eq!(worst(br#"{"system":"s"}"#), 1.0);
        let minutes = worst(br#"{"cache_control":{"type":"ephemeral"}}"#);
        assert!((1.2..1.3).contains(&minutes), "{minutes}");
        let hour = worst(br#"{"cache_control":{"type":"ephemeral","ttl":"1h"}}"#);
        assert!((1.9..2.1).contains(&hour), "{hour}");
    }
}
