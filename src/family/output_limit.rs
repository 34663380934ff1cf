//! How much of an answer a body asks for, in any family's words.

use serde_json::{Map, Value};

use super::Parameter::MaxTokens;
use super::ranges::DEFAULT_MAX_TOKENS;
use super::thinking::{thinks_as_it_likes, thinks_not};
use super::{Family, Parameters};
use crate::catalog::Capabilities;
use crate::model::{Message, Prompt, Role};

/// Words for the longest answer, at the top of a body.
const LIMITS: [&str; 7] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_gen_len",
    "max_tokens_to_sample",
    "maxTokens",
    "maxOutputTokens",
];

/// Words for it one level down, by what they stand in.
const NESTED_LIMITS: [(&str, &[&str]); 2] = [
    ("inferenceConfig", &["maxTokens", "max_new_tokens"]),
    ("textGenerationConfig", &["maxTokenCount"]),
];

/// Words for how many answers are written to one prompt; each may be as long as the limit.
const ANSWERS: [&str; 4] = ["n", "best_of", "num_generations", "numResults"];

/// Like [`DEFAULT_MAX_TOKENS`], but for models that think unless they are told not to: the thought counts
/// too, and a response that is cut off inside it has no completion.
const DEFAULT_WITH_THOUGHT: u32 = 4096;

/// What a body asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimit {
    /// The longest answer in tokens, where the body says so: the largest limit, where it has
    /// several, for nobody knows which of them the model goes by.
    pub limit: Option<u32>,
    /// How many answers.
    pub answers: u32,
}

impl OutputLimit {
    /// Reads it from a body. What is not a JSON object asks for nothing that is known.
    pub fn of(body: &Value) -> Self {
        let at_top = LIMITS.iter().filter_map(|key| body.get(key));
        let nested = NESTED_LIMITS.iter().filter_map(|(outer, keys)| {
            let within = body.get(outer)?;
            Some(keys.iter().filter_map(|key| within.get(key)))
        });
        let limits = at_top.chain(nested.flatten()).filter_map(whole);
        let answers = ANSWERS.iter().filter_map(|key| whole(body.get(key)?));
        Self {
            limit: limits.max(),
            answers: answers.fold(1, u32::max),
        }
    }

    /// What all answers together have at most, where one without a limit of its own has at most
    /// `default`. `None` where that is the default.
    pub fn max_tokens(self, default: u64) -> Option<u32> {
        if self.limit.is_none() && self.answers == 1 {
            return None;
        }
        let each = self.limit.map_or(default, u64::from);
        let all = each.saturating_mul(u64::from(self.answers));
        Some(u32::try_from(all).unwrap_or(u32::MAX))
    }
}

impl Default for OutputLimit {
    fn default() -> Self {
        Self {
            limit: None,
            answers: 1,
        }
    }
}

impl Family {
    /// What every body that is built with `parameters` asks for.
    pub fn asks_for(self, parameters: &Parameters, base: Option<&str>) -> OutputLimit {
        let prompt = Prompt {
            system: None,
            system_written: None,
            messages: vec![Message {
                role: Role::User,
                text: "u".into(),
                images: Vec::new(),
                written: None,
            }],
        };
        OutputLimit::of(&self.body(&prompt, parameters, base))
    }
}

impl Family {
    /// Whether a job can limit the length of answers.
    fn takes_max_tokens(self) -> bool {
        self.takes()
            .iter()
            .any(|takes| takes.parameter == MaxTokens)
    }

    /// The limit of answers where the job gives none; `None` where there is nothing to limit, or
    /// what `extra` asks for goes without one or has its own. A thought that `extra` asks for is added.
    pub fn default_max_tokens(self, base: Option<&str>, extra: &Map<String, Value>) -> Option<u32> {
        let lone_limit = self.layout().lone_limit;
        let is_limited = lone_limit.is_some_and(|key| extra.contains_key(key));
        if self.settles_length(extra) || is_limited {
            return None;
        }
        let model = base.map(Capabilities::of).unwrap_or_default();
        let thinks = model.thinking_always_on
            || thinks_as_it_likes(extra)
            || (model.thinks_by_default && !thinks_not(extra));
        let usual = match thinks {
            true => DEFAULT_WITH_THOUGHT,
            false => DEFAULT_MAX_TOKENS,
        };
        let usual = usual.saturating_add(self.budget(extra).unwrap_or(0));
        let most = model.max_output.and_then(|most| u32::try_from(most).ok());
        let usual = most.map_or(usual, |most| most.min(usual));
        self.takes_max_tokens().then_some(usual)
    }

    /// The greatest `max_tokens` that the family and the model behind `base` take; `None` where
    /// nothing limits it.
    pub fn most_max_tokens(self, base: Option<&str>) -> Option<u64> {
        let takes = self.takes().iter();
        let mut takes = takes.filter(|takes| takes.parameter == MaxTokens);
        let of_family = takes.find_map(|takes| takes.range.map(|(_, most)| most as u64));
        let of_model = base.and_then(|base| Capabilities::of(base).max_output);
        of_family.into_iter().chain(of_model).min()
    }
}

/// A whole number, however it is written: `500` and `500.0`.
fn whole(value: &Value) -> Option<u32> {
    if let Some(whole) = value.as_u64() {
        return Some(u32::try_from(whole).unwrap_or(u32::MAX));
    }
    let number = value.as_f64()?;
    (0.0 <= number && number.fract() == 0.0).then_some(number as u32)
}

/// The words in `extra` for the longest answer, as a person would look for them.
pub(super) fn limits_in(extra: &Map<String, Value>) -> Vec<String> {
    let top = LIMITS.iter().map(|key| (None, *key));
    let nested = NESTED_LIMITS
        .iter()
        .flat_map(|(outer, keys)| keys.iter().map(move |key| (Some(*outer), *key)));
    top.chain(nested)
        .filter_map(|(outer, key)| match outer {
            None => extra.get(key).map(|_| format!("extra.{key}")),
            Some(outer) => {
                let within = extra.get(outer)?.get(key);
                within.map(|_| format!("extra.{outer}.{key}"))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Parameter;

    fn of(body: &str) -> OutputLimit {
        OutputLimit::of(&serde_json::from_str(body).unwrap())
    }

    #[track_caller]
    fn limit(body: &str, tokens: Option<u32>) {
        assert_eq!(of(body).limit, tokens, "{body}");
    }

    #[test]
    fn every_familys_word_for_the_limit_is_known() {
        for body in [
            r#"{"max_tokens":7}"#,
            r#"{"max_completion_tokens":7,"messages":[{"max_tokens":9}]}"#,
            r#"{"prompt":"","max_gen_len":7}"#,
            r#"{"max_tokens_to_sample":7}"#,
            r#"{"inferenceConfig":{"maxTokens":7}}"#,
            r#"{"textGenerationConfig":{"maxTokenCount":7}}"#,
            r#"{"inputPrompt":"","maxOutputTokens":7}"#,
        ] {
            limit(body, Some(7));
        }
        limit("{\"inputText\":\"x\"}", None);
        limit("[]", None);
    }

    #[test]
    fn what_a_family_writes_is_read_again() {
        let parameters = Parameters {
            max_tokens: Some(77),
            ..Parameters::default()
        };
        let limits = |family: &&Family| {
            let mut takes = family.takes().iter();
            takes.any(|takes| takes.parameter == Parameter::MaxTokens)
        };
        let families: Vec<_> = Family::ALL.iter().filter(limits).collect();
        assert!(10 < families.len());
        for family in families {
            let asked = family.asks_for(&parameters, None);
            assert_eq!(asked.limit, Some(77), "{}", family.name());
        }
    }

    #[test]
    fn the_largest_of_several_limits_counts() {
        limit(
            r#"{"max_tokens":16,"max_completion_tokens":4000}"#,
            Some(4000),
        );
        let both = r#"{"inferenceConfig":{"maxTokens":5,"max_new_tokens":6}}"#;
        limit(both, Some(6));
    }

    #[test]
    fn a_limit_that_is_written_otherwise_is_still_one() {
        limit(r#"{"max_tokens":50000.0}"#, Some(50_000));
        limit(r#"{"max_tokens":99999999999}"#, Some(u32::MAX));
        limit(r#"{"max_tokens":1e30}"#, Some(u32::MAX));
        limit(r#"{"max_tokens":9,"inferenceConfig":null}"#, Some(9));
        limit(
            r#"{"max_tokens":null,"inferenceConfig":{"maxTokens":null}}"#,
            None,
        );
        limit(r#"{"max_tokens":-1}"#, None);
        limit(r#"{"max_tokens":0.5}"#, None);
    }

    #[test]
    fn several_answers_to_one_prompt_are_as_many_times_as_long() {
        let all = |body: &str| of(body).max_tokens(1000);
        assert_eq!(all(r#"{"max_tokens":7,"n":3}"#), Some(21));
        assert_eq!(all(r#"{"max_tokens":7,"num_generations":5}"#), Some(35));
        assert_eq!(all(r#"{"max_tokens":7,"n":2,"best_of":4}"#), Some(28));
        assert_eq!(all(r#"{"n":3}"#), Some(3000));
        assert_eq!(all(r#"{"max_tokens":7,"n":null}"#), Some(7));
        assert_eq!(all("{}"), None);
    }
}
