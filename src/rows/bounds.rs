//! What a request can cost and hold at most, and requests that are rejected for it.

use super::renderer::Renderer;
use crate::catalog::{Cached, ModelFacts, Most};
use crate::family::{OutputLimit, Rendered};
use crate::model::{Category, Fault, Metered, Prompt};

/// More characters than a token of any text has: prose has 4 to 5 in English and fewer elsewhere,
/// and a run of one character, which is the exception, is counted as one. Characters and not
/// bytes, of which a token of Hindi or Tamil can have ten.
const MOST_CHARACTERS_A_TOKEN: u64 = 8;

impl Renderer<'_> {
    /// A token is at least a byte, and a response no longer than its limit.
    pub(super) fn worst_cost_usd(
        &self,
        rendered: &Rendered,
        max_tokens: Option<u32>,
    ) -> Option<f64> {
        let facts = self.plan.facts.as_ref()?;
        let tier = self.plan.terms.tier.unwrap_or_default();
        let most = Most {
            input: rendered.body.len() as u64,
            output: max_tokens.map_or(self.plan.tokens.default_max_tokens, u64::from),
            cached: Cached::of(&rendered.body),
        };
        facts.worst_usd(&rendered.bill?, most, tier)
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
