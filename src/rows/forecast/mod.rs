//! What a job will take before it is run: tokens, cost, time. Arithmetic over sums, with every
//! assumption named; what is not known yet is `None`, never a guess.
//!
//! Three cases are worked out. *Expected* is the middle, where there is one. *Low* and *worst*
//! are what people plan with, not bounds of what is possible: the worst input is dense text, the
//! worst output is every answer as long as it may be.

mod advice;
mod gather;
mod pace;
mod sum;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::catalog::{ModelFacts, Price};
use crate::job::Plan;
use crate::model::{Tier, Usage};
use crate::output::statistics::Statistics;

pub use advice::MaxTokens;
pub use gather::{FirstCall, Gathered};
pub use pace::{Bound, PaceEstimate};

/// Bytes of text in a token, before any response has shown it: English prose has about 4.5, code and
/// JSON about 3.3, Chinese about 3, digits and hashes about 2.
pub(crate) const BYTES_PER_TOKEN: Cases<f64> = Cases {
    low: 5.0,
    expected: 3.5,
    worst: 2.0,
};

/// How far the rows that are left may lie from those that were answered.
const SPREAD: f64 = 0.2;

/// The most bytes that a correction adds to a conversation beside the response: the errors, of which
/// there are at most 20, and the sentences around them.
pub(super) const MOST_BYTES_ADDED: u64 = 8 << 10;

/// Tokens that tell a model what is wrong with its response.
const ERROR_TOKENS: f64 = 100.0;

/// An answer that is there at all has a token.
const SHORTEST_ANSWER: f64 = 1.0;

/// One figure in three cases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cases<T> {
    /// The least to reckon with.
    pub low: T,
    /// The middle.
    pub expected: T,
    /// The most to reckon with.
    pub worst: T,
}

/// A figure whose middle may not be known.
pub type Estimate = Cases<Option<f64>>;

/// What a job will take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Rows that are left and can be sent.
    pub rows: u64,
    /// Calls that they take.
    pub calls: u64,
    /// Bytes of prompt in a token of input.
    pub bytes_per_token: Cases<f64>,
    /// Responses from which the bytes per token are known; 0 if they are assumed.
    pub measured_on: u64,
    /// Responses from which the length of completions is known.
    pub answers: u64,
    /// Tokens of input, cached ones included.
    pub input: Estimate,
    /// Tokens of input that are read from the prompt cache.
    pub cache_read: Estimate,
    /// Tokens of output.
    pub output: Estimate,
    /// Tokens of quota: input that is not read from the cache, and output times its burndown.
    pub quota: Estimate,
    /// Tokens of quota that the largest call reserves while it is in flight.
    pub largest_reservation: f64,
    /// USD at the standard price.
    pub on_demand: Estimate,
    /// USD at the flex tier's.
    pub flex: Estimate,
    /// USD as batch inference.
    pub batch: Estimate,
    /// The service tier that the job asks for.
    pub tier: Tier,
    /// USD in that tier: what the run will cost.
    pub in_tier: Estimate,
    /// How long it takes.
    pub pace: PaceEstimate,
    /// What an answer took on average.
    pub latency: Option<Duration>,
    /// What answers so far say of `max_tokens`; `None` where there are none.
    pub max_tokens: Option<MaxTokens>,
}

/// How a call is paid for.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// At once, in this tier.
    Tier(Tier),
    Batch,
}

impl Forecast {
    /// Works out what the rows in `gathered` will take, given what answers have taught.
    pub fn new(gathered: &Gathered, statistics: &Statistics, plan: &Plan) -> Self {
        let uncorrected = Sums::new(gathered, statistics, plan.cached_bytes());
        let sums = Sums {
            corrections: plan.corrections(),
            ..uncorrected
        };
        let cost = |way| sums.cost(plan, way);
        let tier = plan.terms.tier.unwrap_or_default();
        let burndown = plan.tokens.burndown;
        let output = sums.each(|case| sums.output(case));
        let uncached = |case| sums.input(case) - sums.cached(case).0;
        let quota = sums.each(|case| Some(uncached(case) + output.of(case)? * burndown));
        let latency = statistics.latency();
        Self {
            rows: gathered.rows(),
            calls: gathered.calls,
            bytes_per_token: sums.bytes_per_token,
            measured_on: gathered.measured.rows,
            answers: statistics.output_tokens.count(),
            input: sums.each(|case| Some(sums.input(case))),
            cache_read: sums.each(|case| Some(sums.cached(case).0)),
            output,
            quota,
            largest_reservation: gathered.largest as f64 / sums.bytes_per_token.expected
                + gathered.most_output as f64,
            on_demand: cost(Way::Tier(Tier::Default)),
            flex: cost(Way::Tier(Tier::Flex)),
            batch: cost(Way::Batch),
            tier,
            in_tier: cost(Way::Tier(tier)),
            pace: PaceEstimate::new(
                &pace::Work {
                    calls: Cases::each(|case| gathered.calls as f64 * sums.attempts(case)),
                    quota,
                    reserved: Cases::each(|case| uncorrected.reserved() * sums.attempts(case)),
                    latency,
                    length: lengths(&uncorrected.each(|case| uncorrected.output(case))),
                },
                plan,
            ),
            latency,
            // Embeddings and images have no length that a limit could be held against.
            max_tokens: match plan.family.writes_text() {
                true => MaxTokens::new(
                    statistics,
                    gathered.limit(plan),
                    most_max_tokens(plan),
                    plan.parameters.thought(),
                ),
                false => None,
            },
        }
    }
}

/// One of the three cases.
#[derive(Debug, Clone, Copy)]
enum Case {
    Low,
    Expected,
    Worst,
}

impl<T: Copy> Cases<T> {
    fn of(&self, case: Case) -> T {
        match case {
            Case::Low => self.low,
            Case::Expected => self.expected,
            Case::Worst => self.worst,
        }
    }

    fn each(mut figure: impl FnMut(Case) -> T) -> Self {
        Self {
            low: figure(Case::Low),
            expected: figure(Case::Expected),
            worst: figure(Case::Worst),
        }
    }
}

/// The rows that are left, and what is assumed of each.
#[derive(Clone, Copy)]
struct Sums<'a> {
    sizes: &'a [gather::Sizes],
    bytes_per_token: Cases<f64>,
    /// How often a row is corrected whose response is invalid, on average.
    corrections: Cases<f64>,
    /// Bytes of each prompt that are in the prompt cache once they were written there.
    cached: Cases<u64>,
    /// Tokens an answer has, where they do not come from its limit.
    answer: Option<f64>,
}

impl<'a> Sums<'a> {
    fn new(gathered: &'a Gathered, statistics: &Statistics, cached: Cases<u64>) -> Self {
        let measured = gathered.measured;
        let bytes_per_token = match measured.tokens {
            0 => BYTES_PER_TOKEN,
            tokens => around(measured.bytes as f64 / tokens as f64),
        };
        Self {
            sizes: &gathered.left,
            bytes_per_token,
            corrections: Cases {
                low: 0.0,
                expected: 0.0,
                worst: 0.0,
            },
            cached,
            answer: statistics.output_tokens.mean(),
        }
    }

    /// The sum over nothing is -0, which would be printed as such.
    fn each(&self, mut figure: impl FnMut(Case) -> Option<f64>) -> Estimate {
        Cases::each(|case| figure(case).map(|sum| sum + 0.0))
    }

    fn input(&self, case: Case) -> f64 {
        self.sizes
            .iter()
            .map(|sizes| self.input_of(sizes, case))
            .sum()
    }

    fn output(&self, case: Case) -> Option<f64> {
        self.sizes
            .iter()
            .map(|sizes| self.output_of(sizes, case))
            .sum()
    }

    /// Calls that a row takes on average.
    fn attempts(&self, case: Case) -> f64 {
        1.0 + self.corrections.of(case)
    }

    /// What all calls reserve of the quota, as they would if they were in flight at once.
    fn reserved(&self) -> f64 {
        let output = self.sizes.iter().map(|sizes| sizes.max_tokens as f64);
        self.input(Case::Expected) + output.sum::<f64>()
    }

    /// Tokens that are read from the cache, and those that are written to it: by the first call, for
    /// all others.
    fn cached(&self, case: Case) -> (f64, f64) {
        let all = self.sizes.iter().map(|sizes| self.cached_of(sizes, case));
        all.fold((0.0, 0.0), |(read, written), (r, w)| {
            (read + r, written + w)
        })
    }

    /// Like [`Self::cached`], but for calls of one size, which write their share.
    fn cached_of(&self, sizes: &gather::Sizes, case: Case) -> (f64, f64) {
        let calls: u64 = self.sizes.iter().map(|sizes| sizes.rows).sum();
        let bytes = (sizes.rows as f64 * self.cached.of(case) as f64).min(sizes.bytes as f64);
        let tokens = bytes / self.bytes_per_token.of(case);
        let written = tokens / (calls as f64).max(1.0);
        (tokens - written, written)
    }

    fn input_of(&self, sizes: &gather::Sizes, case: Case) -> f64 {
        let own = sizes.bytes as f64 / self.bytes_per_token.of(case);
        own + self.input_of_corrections(sizes, own, case)
    }

    /// A correction reads the prompt, the response, and what is wrong with it.
    fn input_of_corrections(&self, sizes: &gather::Sizes, own: f64, case: Case) -> f64 {
        let corrections = self.corrections.of(case);
        if corrections == 0.0 {
            return 0.0;
        }
        let response = self.answer_of(sizes, case).unwrap_or(0.0);
        let errors = match case {
            Case::Low | Case::Expected => ERROR_TOKENS,
            Case::Worst => MOST_BYTES_ADDED as f64 / self.bytes_per_token.of(case),
        };
        corrections * (own + response + errors * sizes.rows as f64)
    }

    fn output_of(&self, sizes: &gather::Sizes, case: Case) -> Option<f64> {
        Some(self.answer_of(sizes, case)? * self.attempts(case))
    }

    fn answer_of(&self, sizes: &gather::Sizes, case: Case) -> Option<f64> {
        let (rows, most) = (sizes.rows as f64, sizes.max_tokens as f64);
        let answer = match case {
            Case::Low => self
                .answer
                .map_or(SHORTEST_ANSWER, |mean| mean * (1.0 - SPREAD)),
            Case::Expected if sizes.max_tokens == 0 => 0.0,
            Case::Expected => self.answer?,
            Case::Worst => return Some(most),
        };
        Some((rows * answer).min(most))
    }

    /// Unknown where the price of any call is: a price may depend on the input's length.
    fn cost(&self, plan: &Plan, way: Way) -> Estimate {
        let facts = plan.facts.as_ref();
        self.each(|case| {
            let tokens = |sizes: &gather::Sizes| {
                let own = sizes.metered_bytes as f64 / self.bytes_per_token.of(case);
                let input = own + self.input_of_corrections(sizes, own, case);
                let each = (input / sizes.rows as f64) as u64;
                let price = price(facts?, way, each)?;
                let output = self.output_of(sizes, case)?;
                let (read, written) = match way {
                    Way::Tier(_) => self.cached_of(sizes, case),
                    // Batch inference has no cache.
                    Way::Batch => (0.0, 0.0),
                };
                price.cost_usd(&Usage {
                    input_tokens: Some(input.round() as u64),
                    output_tokens: Some(output.round() as u64),
                    cache_read_input_tokens: Some(read.round() as u64),
                    cache_write_input_tokens: Some(written.round() as u64),
                    cache_write_1h_input_tokens: None,
                })
            };
            let cost = |sizes: &gather::Sizes| {
                let tokens = match sizes.metered_bytes {
                    0 => 0.0,
                    _ => tokens(sizes)?,
                };
                Some(tokens + pieces_usd(facts?, sizes, case, way)?)
            };
            let there = self.sizes.iter().filter(|sizes| 0 < sizes.rows);
            there.map(cost).sum()
        })
    }
}

/// The greatest limit of an answer that the job may ask for.
fn most_max_tokens(plan: &Plan) -> Option<u64> {
    let taken = plan.family.most_max_tokens(plan.model.base());
    // The user's own file may name less than the catalog.
    let known = plan.facts.as_ref().and_then(|facts| facts.max_out);
    taken.into_iter().chain(known).min()
}

/// How long answers are in each case, as a share of the expected; 1 where there is none.
fn lengths(output: &Estimate) -> Cases<f64> {
    Cases::each(|case| match (output.of(case), output.expected) {
        (Some(tokens), Some(expected)) if 0.0 < expected => tokens / expected,
        _ => 1.0,
    })
}

/// What was measured, and what lies a [`SPREAD`] to either side. More bytes, fewer tokens.
fn around(bytes_per_token: f64) -> Cases<f64> {
    Cases {
        low: bytes_per_token * (1.0 + SPREAD),
        expected: bytes_per_token,
        worst: bytes_per_token / (1.0 + SPREAD),
    }
}

/// Per-unit prices are known for the standard tier alone.
fn pieces_usd(facts: &ModelFacts, sizes: &gather::Sizes, case: Case, way: Way) -> Option<f64> {
    let units = match case {
        _ if 0 < sizes.unpriced => return None,
        Case::Low | Case::Expected => sizes.least,
        Case::Worst => sizes.most,
    };
    let tier = match way {
        Way::Tier(tier) => tier,
        // Nothing is known of it, and the tier that is never priced says so.
        Way::Batch => Tier::Reserved,
    };
    facts.units_usd(units, tier)
}

fn price(facts: &ModelFacts, way: Way, input_tokens: u64) -> Option<Price> {
    match way {
        Way::Tier(tier) => facts.price_of(input_tokens, tier),
        Way::Batch => facts.batch,
    }
}
