//! One model's facts, and what a call to it costs.

use serde::Deserialize;

use super::cache::Cached;
use super::unit_price::UnitPrice;
use crate::model::{Tier, Usage};

/// What is known of one model.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(from = "PriceEntry")]
pub struct ModelFacts {
    /// The standard price.
    pub price: Price,
    /// The price of the flex tier; cached tokens cost what they cost at the standard tier.
    pub flex: Option<Price>,
    /// The price of the priority tier; cached tokens cost what they cost at the standard tier.
    pub priority: Option<Price>,
    /// The price of batch inference, which never reads from the cache.
    pub batch: Option<Price>,
    /// A standard price that holds for the whole request once its input is above so many tokens.
    pub above: Option<(u64, Price)>,
    /// The per-unit prices.
    pub unit_price: UnitPrice,
    /// The most input tokens.
    pub max_in: Option<u64>,
    /// The most output tokens.
    pub max_out: Option<u64>,
    /// The shortest prefix that the prompt cache keeps, in tokens.
    pub cache_min: Option<u64>,
    /// The model refuses `temperature`, `top_p` and `top_k`.
    pub no_sampling: bool,
    /// The model refuses a conversation that ends with its own words.
    pub no_prefill: bool,
    /// The model thinks before every answer, and the thinking counts as output.
    pub thinking_always_on: bool,
}

/// USD per 1,000 tokens; what is not known is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub struct Price {
    /// Input that is neither read from the prompt cache nor written to it.
    #[serde(rename = "i")]
    pub input: Option<f64>,
    /// Output.
    #[serde(rename = "o")]
    pub output: Option<f64>,
    /// Input read from the prompt cache.
    #[serde(rename = "cr")]
    pub cache_read: Option<f64>,
    /// Input written to the prompt cache for five minutes.
    #[serde(rename = "cw")]
    pub cache_write: Option<f64>,
    /// Input written to the prompt cache for an hour.
    #[serde(rename = "cw1h")]
    pub cache_write_1h: Option<f64>,
}

/// What an hour in the prompt cache costs, in prices of fresh input (Amazon Bedrock user guide,
/// "Prompt caching", as of October 2026; so do all 121 entries of the price list that name it).
const HOUR_IN_CACHE: f64 = 2.0;

/// An amount to ten places: what is behind them is the noise of floating point.
pub fn rounded_usd(usd: f64) -> f64 {
    (usd * 1e10).round() / 1e10
}

impl ModelFacts {
    /// What a call that used `usage` costs, in USD; `None` where a count or a price is unknown.
    pub fn cost_usd(&self, usage: &Usage, tier: Tier) -> Option<f64> {
        let price = self.price_of(usage.input_tokens?, tier)?;
        price.cost_usd(usage)
    }

    /// The most input tokens that a call can have. A model whose price changes above its usual
    /// limit takes more than that on request (Claude's million tokens, asked for by a header in
    /// the body): how much more is not known.
    pub fn most_input(&self) -> Option<u64> {
        let priced_beyond = |most: &u64| self.above.is_some_and(|(limit, _)| *most <= limit);
        self.max_in.filter(|most| !priced_beyond(most))
    }

    /// These facts without the prices of on-demand calls.
    #[must_use]
    pub(super) fn without_call_prices(self) -> Self {
        Self {
            price: Price::default(),
            flex: None,
            priority: None,
            above: None,
            unit_price: UnitPrice::default(),
            ..self
        }
    }

    /// The price of a call with so many input tokens.
    pub fn price_of(&self, input_tokens: u64, tier: Tier) -> Option<Price> {
        match tier {
            Tier::Default => Some(match self.above {
                Some((limit, above)) if limit < input_tokens => above,
                _ => self.price,
            }),
            Tier::Flex => self.flex,
            Tier::Priority => self.priority,
            Tier::Reserved => None,
        }
    }
}

impl Price {
    /// What `usage` costs, in USD. Cache counts that are unknown are taken as none: the input
    /// is then billed as fresh, which is never too little for a read.
    pub fn cost_usd(&self, usage: &Usage) -> Option<f64> {
        let read = usage.cache_read_input_tokens.unwrap_or(0);
        let written = usage.cache_write_input_tokens.unwrap_or(0);
        let for_an_hour = usage.cache_write_1h_input_tokens.unwrap_or(0).min(written);
        let cached = read.saturating_add(written);
        let fresh = usage.input_tokens?.saturating_sub(cached);
        let parts = [
            (fresh, self.input),
            (usage.output_tokens.or(self.free_output())?, self.output),
            (read, self.cache_read),
            (written - for_an_hour, self.for_minutes()),
            (for_an_hour, self.for_an_hour()),
        ];
        parts
            .into_iter()
            .map(|(tokens, price)| part_usd(tokens, price))
            .sum()
    }

    /// This price with input at the highest price it may be billed at; `None` where that is unknown.
    pub(super) fn at_its_dearest(self, cached: Cached) -> Option<Self> {
        let written = match cached {
            Cached::No => return Some(self),
            Cached::Minutes => self.for_minutes(),
            Cached::Hour => self.for_an_hour(),
        };
        // A model without a price for it has no cache to write to.
        let dearest = self.input?.max(written.unwrap_or(0.0));
        Some(Self {
            input: Some(dearest),
            ..self
        })
    }

    /// The price of minutes in the cache. A model that reads at a price and names none for writing
    /// takes no fee for it (Nova; Amazon Bedrock user guide, "Prompt caching", as of October 2026):
    /// what it writes is input as any other.
    fn for_minutes(&self) -> Option<f64> {
        self.cache_write.or(self.cache_read.and(self.input))
    }

    /// The price of an hour in the cache, which steps of price do not name.
    fn for_an_hour(&self) -> Option<f64> {
        self.cache_write_1h
            .or_else(|| Some(self.input? * HOUR_IN_CACHE))
    }

    /// Embedding models write nothing, and their replies do not count it.
    fn free_output(&self) -> Option<u64> {
        (self.output == Some(0.0)).then_some(0)
    }
}

/// Nothing costs nothing, whatever its price.
fn part_usd(tokens: u64, price: Option<f64>) -> Option<f64> {
    match tokens {
        0 => Some(0.0),
        tokens => Some(tokens as f64 / 1000.0 * price?),
    }
}

/// One model as `prices.json` writes it.
#[derive(Deserialize)]
struct PriceEntry {
    i: Option<f64>,
    o: Option<f64>,
    cr: Option<f64>,
    cw: Option<f64>,
    cw1h: Option<f64>,
    fi: Option<f64>,
    fo: Option<f64>,
    bi: Option<f64>,
    bo: Option<f64>,
    pi: Option<f64>,
    po: Option<f64>,
    img_out: Option<f64>,
    img_in: Option<f64>,
    per_query: Option<f64>,
    above_100k: Option<Price>,
    above_200k: Option<Price>,
    above_272k: Option<Price>,
    max_in: Option<u64>,
    max_out: Option<u64>,
    cache_min: Option<u64>,
    #[serde(default)]
    no_sampling: bool,
    #[serde(default)]
    no_prefill: bool,
    #[serde(default)]
    thinking_always_on: bool,
}

impl From<PriceEntry> for ModelFacts {
    fn from(line: PriceEntry) -> Self {
        let price = Price {
            input: line.i,
            output: line.o,
            cache_read: line.cr,
            cache_write: line.cw,
            cache_write_1h: line.cw1h,
        };
        let tier = |input: Option<f64>, output| {
            input.is_some().then_some(Price {
                input,
                output,
                ..price
            })
        };
        let step = |limit, above: Option<Price>| above.map(|price| (limit, price));
        Self {
            price,
            flex: tier(line.fi, line.fo),
            priority: tier(line.pi, line.po),
            batch: tier(line.bi, line.bo),
            above: step(100_000, line.above_100k)
                .or(step(200_000, line.above_200k))
                .or(step(272_000, line.above_272k)),
            unit_price: UnitPrice {
                made: line.img_out,
                shown: line.img_in,
                query: line.per_query,
            },
            max_in: line.max_in,
            max_out: line.max_out,
            cache_min: line.cache_min,
            no_sampling: line.no_sampling,
            no_prefill: line.no_prefill,
            thinking_always_on: line.thinking_always_on,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rounded_usd;
    use crate::catalog;
    use crate::model::Tier;
    use crate::model::Usage;

    fn used(input: u64, output: u64, read: u64, written: u64) -> Usage {
        Usage {
            input_tokens: Some(input),
            output_tokens: Some(output),
            cache_read_input_tokens: Some(read),
            cache_write_input_tokens: Some(written),
            cache_write_1h_input_tokens: None,
        }
    }

    #[track_caller]
    fn check(id: &str, usage: Usage, tier: Tier, usd: Option<&str>) {
        let facts = catalog::lookup(id, None).expect("listed");
        let cost = facts.cost_usd(&usage, tier).map(|usd| format!("{usd:.8}"));
        assert_eq!(cost.as_deref(), usd, "{id}");
    }

    #[test]
    fn an_amount_has_ten_places() {
        assert_eq!(rounded_usd(0.1 + 0.2), 0.3);
        assert_eq!(rounded_usd(0.000_000_000_26), 0.000_000_000_3);
    }

    #[test]
    fn cached_input_is_billed_apart_from_fresh_input() {
        // 200 fresh × 0.001 + 50 out × 0.005 + 700 read × 0.0001 + 100 written × 0.00125, per 1,000
        let usage = used(1000, 50, 700, 100);
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        check(haiku, usage, Tier::Default, Some("0.00064500"));
    }

    #[test]
    fn an_hour_in_the_cache_costs_more_than_five_minutes() {
        let usage = |hour| Usage {
            cache_write_1h_input_tokens: Some(hour),
            ..used(1000, 0, 0, 1000)
        };
        // 1,000 written × 0.00125 for five minutes, 0.002 for an hour, per 1,000
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        check(haiku, usage(0), Tier::Default, Some("0.00125000"));
        check(haiku, usage(400), Tier::Default, Some("0.00155000"));
        check(haiku, usage(1000), Tier::Default, Some("0.00200000"));
        // A step of the price names no hour: 250,000 × twice 0.006.
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let long = Usage {
            cache_write_1h_input_tokens: Some(250_000),
            ..used(250_000, 0, 0, 250_000)
        };
        check(sonnet, long, Tier::Default, Some("3.00000000"));
    }

    #[test]
    fn a_long_input_changes_the_price_of_the_whole_request() {
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let at_the_step = used(200_000, 1000, 0, 0); // 200 × 0.003 + 1 × 0.015
        check(sonnet, at_the_step, Tier::Default, Some("0.61500000"));
        let above = used(201_000, 1000, 0, 0); // 201 × 0.006 + 1 × 0.0225
        check(sonnet, above, Tier::Default, Some("1.22850000"));
    }

    #[test]
    fn a_tier_has_its_own_price_or_none() {
        let usage = used(1000, 1000, 0, 0); // 0.000525 + 0.004375
        check(
            "amazon.nova-2-lite-v1:0",
            usage,
            Tier::Priority,
            Some("0.00490000"),
        );
        check("amazon.nova-2-lite-v1:0", usage, Tier::Reserved, None);
        check("amazon.nova-micro-v1:0", usage, Tier::Flex, None);
    }

    #[test]
    fn batch_inference_costs_half() {
        let facts = catalog::lookup("amazon.nova-lite-v1:0", None).expect("listed");
        let batch = facts.batch.expect("listed with a batch price");
        // 1 × 0.00003 + 1 × 0.00012, where the standard price is 0.00006 and 0.00024
        let cost = batch.of(1000, 1000).map(|usd| format!("{usd:.8}"));
        assert_eq!(cost.as_deref(), Some("0.00015000"));
    }

    #[test]
    fn an_unknown_count_makes_an_unknown_cost() {
        let no_output = Usage {
            output_tokens: None,
            ..used(5, 0, 0, 0)
        };
        check("amazon.nova-lite-v1:0", no_output, Tier::Default, None);
        check(
            "amazon.titan-embed-text-v2:0",
            no_output,
            Tier::Default,
            Some("0.00000010"),
        );
        let no_cache = Usage {
            input_tokens: Some(1000),
            output_tokens: Some(0),
            ..Usage::default()
        };
        check(
            "amazon.nova-lite-v1:0",
            no_cache,
            Tier::Default,
            Some("0.00006000"),
        );
    }
}
