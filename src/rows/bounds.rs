//! What a request can cost and hold at most, and requests that are rejected for it.

use super::renderer::Renderer;
use crate::catalog::{Cached, ModelFacts, Most};
use crate::family::{OutputLimit, Rendered};
use crate::job::Plan;
use crate::model::{Category, Fault, Metered, Prompt, Tier};

/// More characters than a token of any text has: prose has 4 to 5 in English and fewer elsewhere,
/// and a run of one character, which is the exception, is counted as one. Characters and not
/// bytes, of which a token of Hindi or Tamil can have ten.
const MOST_CHARACTERS_A_TOKEN: u64 = 8;

/// What requests of a job can cost at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorstCost<'a> {
    pub(super) facts: Option<&'a ModelFacts>,
    pub(super) tier: Tier,
    /// The longest response of a request that sets no limit, in tokens.
    pub(super) default_max_tokens: u64,
}

impl<'a> WorstCost<'a> {
    /// By the prices and the tier of a job.
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            facts: plan.facts.as_ref(),
            tier: plan.terms.tier.unwrap_or_default(),
            default_max_tokens: plan.tokens.default_max_tokens,
        }
    }

    /// The longest response to a request with this limit, in tokens.
    pub(super) fn output(&self, max_tokens: Option<u32>) -> u64 {
        max_tokens.map_or(self.default_max_tokens, u64::from)
    }

    /// What a request costs at most that has at most `input` tokens and is written like `rendered`, in
    /// USD; `None` where that is not known.
    pub(super) fn usd(
        &self,
        rendered: &Rendered,
        input: u64,
        max_tokens: Option<u32>,
    ) -> Option<f64> {
        let most = Most {
            input,
            output: self.output(max_tokens),
            cached: Cached::of(&rendered.body),
        };
        self.facts?.worst_usd(&rendered.bill?, most, self.tier)
    }
}

impl Renderer<'_> {
    /// A token is at least a byte, and a response no longer than its limit.
    pub(super) fn worst_cost_usd(
        &self,
        rendered: &Rendered,
        max_tokens: Option<u32>,
    ) -> Option<f64> {
        let input = rendered.body.len() as u64;
        WorstCost::of(self.plan).usd(rendered, input, max_tokens)
    }

    /// A limit on the cost cannot hold if it is not known what a call costs at most.
    pub(super) fn reject_unpriced(&self, row: u64, rendered: &Rendered) -> Result<(), Fault> {
        if !self.plan.limits.limit_cost() {
            return Ok(());
        }
        let why = match rendered.bill {
            None => {
                "it holds input without a known price, such as video or audio, and the cost is \
                 limited: remove the limit, or the row"
            }
            Some(bill) if bill.tokens == Metered::Billed && self.is_endless(rendered.limit) => {
                "the length of its completion is unlimited, and the cost is limited: give max_tokens, \
                 or the model's max_output_tokens in a --prices file, or remove the cost limit"
            }
            Some(_) => return Ok(()),
        };
        let message = format!("row {row}: {why}");
        Err(Fault::local(Category::BadInputRow, message))
    }

    /// Whether neither the request nor what is known of the model limits the answer.
    fn is_endless(&self, asked: OutputLimit) -> bool {
        let most = self.plan.facts.as_ref().and_then(|facts| facts.max_out);
        self.plan.family.writes_text() && most.is_none() && asked.limit.is_none()
    }

    /// A prompt that is surely more than the model reads is not worth a call. Bodies that are sent
    /// as they are may hold images, whose characters say nothing of their tokens.
    pub(super) fn reject_oversized(&self, row: u64, prompt: &Prompt) -> Result<(), Fault> {
        let Some(most) = self.plan.facts.as_ref().and_then(ModelFacts::most_input) else {
            return Ok(());
        };
        let room = most.saturating_mul(MOST_CHARACTERS_A_TOKEN);
        let texts = || {
            let turns = prompt.messages.iter().map(|message| message.text.as_str());
            turns.chain(prompt.system.as_deref())
        };
        let bytes: u64 = texts().map(|text| text.len() as u64).sum();
        if bytes <= room || texts().map(characters).sum::<u64>() <= room {
            return Ok(());
        }
        let message = format!(
            "row {row}: the prompt has {bytes} bytes, surely more than the {most} tokens of input \
             that `{}` takes",
            self.plan.model,
        );
        Err(Fault::local(Category::RequestTooLarge, message))
    }
}

/// How many characters a text has, where a run of one character is one.
fn characters(text: &str) -> u64 {
    let mut last = None;
    let fresh = |c: &char| last.replace(*c) != Some(*c);
    text.chars().filter(fresh).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_one_character_counts_once() {
        assert_eq!(characters(""), 0);
        assert_eq!(characters("a  b\n\n\n---- नमस्ते"), 6 + 6);
    }
}
