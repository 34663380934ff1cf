//! The user's own price file, which overrides the catalog: contract prices, models that are newer than
//! this program.
//!
//! ```toml
//! ["us.anthropic.claude-haiku-4-5-20251001-v1:0"]   # as the job names it, or its base id
//! input_usd_per_1k = 0.0010
//! output_usd_per_1k = 0.0050
//! cache_read_usd_per_1k = 0.0001
//! cache_write_usd_per_1k = 0.00125 # for five minutes
//! cache_write_1h_usd_per_1k = 0.002 # for an hour
//! usd_per_image = 0.08         # that the model makes
//! usd_per_image_shown = 0.0001 # that the model embeds
//! usd_per_query = 0.002        # of a reranker
//! max_input_tokens = 200_000
//! max_output_tokens = 64_000
//! burndown = 5
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::burndown::{MOST_BURNDOWN, is_known};
use super::{ModelFacts, Price, anywhere, burndown, lookup};
use crate::catalog::id::ModelId;

/// What is known of the model that a job calls, from wherever it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownModel {
    /// Prices and limits; `None` where nothing is known.
    pub facts: Option<ModelFacts>,
    /// Tokens of quota for one token of output; `None` where nothing says it.
    pub burndown: Option<f64>,
}

/// Why a file of overrides cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverridesError {
    /// It is not TOML of this shape.
    #[error("line {line}: {problem} ({SHAPE})")]
    Shape {
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        problem: String,
    },
    /// A number that cannot be one.
    #[error(
        "`{model}`: a price below 0, or a burndown that is not above 0 and up to {MOST_BURNDOWN}"
    )]
    OutOfRange {
        /// The table it is in.
        model: String,
    },
}

/// The end of every message about the shape of such a file.
const SHAPE: &str = "each model has a table of its own, such as [\"amazon.nova-lite-v1:0\"] with \
                     input_usd_per_1k and output_usd_per_1k in it, or usd_per_image";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceOverrides {
    input_usd_per_1k: Option<f64>,
    output_usd_per_1k: Option<f64>,
    cache_read_usd_per_1k: Option<f64>,
    cache_write_usd_per_1k: Option<f64>,
    cache_write_1h_usd_per_1k: Option<f64>,
    usd_per_image: Option<f64>,
    usd_per_image_shown: Option<f64>,
    usd_per_query: Option<f64>,
    max_input_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    burndown: Option<f64>,
}

impl KnownModel {
    /// What the catalog knows of `model` in `region`, overridden by `own`, the text of the user's price
    /// file.
    ///
    /// # Errors
    /// `own` is not such a file.
    pub fn of(
        model: &ModelId,
        region: Option<&str>,
        own: Option<&str>,
    ) -> Result<Self, OverridesError> {
        Self::over(lookup(model.like(), region).cloned(), model, own)
    }

    /// Like [`Self::of`], but for calls that ask for optimized latency. They have prices of their own, and the
    /// price list that the catalog is made from has none of them: only `own` can name one.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub fn optimized(
        model: &ModelId,
        region: Option<&str>,
        own: Option<&str>,
    ) -> Result<Self, OverridesError> {
        let facts = lookup(model.like(), region).cloned();
        Self::over(facts.map(ModelFacts::without_call_prices), model, own)
    }

    fn over(
        facts: Option<ModelFacts>,
        model: &ModelId,
        own: Option<&str>,
    ) -> Result<Self, OverridesError> {
        let base = model.base();
        let base = base.filter(|base| is_known(base, anywhere(base).is_some()));
        let mut known = Self {
            facts,
            burndown: base.map(|base| f64::from(burndown(base))),
        };
        let own = own.map(parse).transpose()?.unwrap_or_default();
        let named = own.get(model.as_str()).or_else(|| own.get(model.base()?));
        if let Some(own) = named {
            known.lay_over(own);
        }
        Ok(known)
    }

    fn lay_over(&mut self, own: &PriceOverrides) {
        let facts = self.facts.get_or_insert_with(ModelFacts::default);
        let prices = [
            (&mut facts.price.input, own.input_usd_per_1k),
            (&mut facts.price.output, own.output_usd_per_1k),
            (&mut facts.price.cache_read, own.cache_read_usd_per_1k),
            (&mut facts.price.cache_write, own.cache_write_usd_per_1k),
            (
                &mut facts.price.cache_write_1h,
                own.cache_write_1h_usd_per_1k,
            ),
        ];
        let mut priced = false;
        for (price, own) in prices {
            priced |= own.is_some();
            *price = own.or(*price);
        }
        // An overriding price holds at any length; a step of the catalog would undo it.
        if priced {
            facts.above = None;
        }
        let price = &mut facts.unit_price;
        price.made = own.usd_per_image.or(price.made);
        price.shown = own.usd_per_image_shown.or(price.shown);
        price.query = own.usd_per_query.or(price.query);
        facts.max_in = own.max_input_tokens.or(facts.max_in);
        facts.max_out = own.max_output_tokens.or(facts.max_out);
        self.burndown = own.burndown.or(self.burndown);
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, PriceOverrides>, OverridesError> {
    let own: BTreeMap<String, PriceOverrides> = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        OverridesError::Shape {
            line,
            problem: error.message().trim_end().to_owned(),
        }
    })?;
    let prices = |own: &PriceOverrides| {
        [
            own.input_usd_per_1k,
            own.output_usd_per_1k,
            own.cache_read_usd_per_1k,
            own.cache_write_usd_per_1k,
            own.cache_write_1h_usd_per_1k,
            own.usd_per_image,
            own.usd_per_image_shown,
            own.usd_per_query,
        ]
    };
    let below_zero = |own: &PriceOverrides| {
        prices(own)
            .into_iter()
            .flatten()
            .any(|price| price < 0.0 || price.is_nan())
    };
    let no_burndown = |own: &PriceOverrides| {
        own.burndown
            .is_some_and(|rate| !(0.0 < rate && rate <= MOST_BURNDOWN))
    };
    match own
        .iter()
        .find(|(_, own)| below_zero(own) || no_burndown(own))
    {
        Some((model, _)) => Err(OverridesError::OutOfRange {
            model: model.clone(),
        }),
        None => Ok(own),
    }
}

impl Price {
    /// What `input` and `output` tokens cost at this price, with nothing from the cache.
    pub fn of(&self, input: u64, output: u64) -> Option<f64> {
        Some(input as f64 / 1000.0 * self.input? + output as f64 / 1000.0 * self.output?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

    fn known(own: &str) -> Result<KnownModel, String> {
        let known = KnownModel::of(&ModelId::parse(HAIKU).unwrap(), None, Some(own));
        known.map_err(|error| error.to_string())
    }

    #[test]
    fn a_price_of_ones_own_goes_before_the_catalogs() {
        let own = known(&format!("[\"{HAIKU}\"]\ninput_usd_per_1k = 0.5\n")).unwrap();
        let facts = own.facts.unwrap();
        assert_eq!(facts.price.input, Some(0.5));
        assert_eq!(facts.price.output, Some(0.0055));
        assert_eq!(own.burndown, Some(5.0));
    }

    #[test]
    fn a_longest_answer_of_ones_own_goes_before_that_of_the_documents() {
        let model = ModelId::parse("us.deepseek.r1-v1:0").unwrap();
        let most = |own| {
            let known = KnownModel::of(&model, Some("us-east-1"), own).unwrap();
            known.facts.unwrap().max_out
        };
        assert_eq!(most(None), Some(32_768));
        let own = "[\"deepseek.r1-v1:0\"]\nmax_output_tokens = 40_000\n";
        assert_eq!(most(Some(own)), Some(40_000));
    }

    #[test]
    fn a_call_of_optimized_latency_has_the_price_of_ones_own_or_none() {
        let model = ModelId::parse(HAIKU).unwrap();
        let optimized = |own| {
            KnownModel::optimized(&model, None, own)
                .unwrap()
                .facts
                .unwrap()
        };
        let listed = optimized(None);
        assert_eq!(listed.price, Price::default());
        assert_eq!((listed.flex, listed.priority), (None, None));
        assert!(listed.batch.is_some() && listed.max_in.is_some());
        let own = format!("[\"{HAIKU}\"]\ninput_usd_per_1k = 0.5\noutput_usd_per_1k = 1\n");
        let price = optimized(Some(&own)).price;
        assert_eq!((price.input, price.output), (Some(0.5), Some(1.0)));
    }

    #[test]
    fn a_base_id_speaks_for_its_profiles() {
        let base = "anthropic.claude-haiku-4-5-20251001-v1:0";
        let own = known(&format!(
            "[\"{base}\"]\nburndown = 3\nmax_input_tokens = 9\n"
        ))
        .unwrap();
        assert_eq!(
            (own.burndown, own.facts.unwrap().max_in),
            (Some(3.0), Some(9))
        );
    }

    #[test]
    fn the_burndown_of_a_model_that_is_newer_or_hidden_is_not_known() {
        let rate = |id: &str| {
            let model = ModelId::parse(id).unwrap();
            KnownModel::of(&model, None, None).unwrap().burndown
        };
        assert_eq!(rate(HAIKU), Some(5.0));
        assert_eq!(rate("amazon.nova-zeta-v9:0"), Some(1.0));
        assert_eq!(rate("anthropic.claude-zeta-9-v1:0"), None);
        let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd";
        assert_eq!(rate(profile), None);
    }

    #[test]
    fn a_wrong_shape_is_told_with_the_right_one() {
        let error = known("[[model]]\nid = 1\n").unwrap_err();
        assert!(
            error.contains("each model has a table of its own"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let error = known(&format!("[\"{HAIKU}\"]\ninput = 1\n")).unwrap_err();
        assert!(
            error.starts_with("line 2: unknown field `input`"),
            "{error}"
        );
        for rate in ["0", "-1", "1000", "nan"] {
            let error = known(&format!("[\"{HAIKU}\"]\nburndown = {rate}\n")).unwrap_err();
            assert!(
                error.contains("a burndown that is not above 0 and up to 100"),
                "{error}"
            );
        }
    }
}
