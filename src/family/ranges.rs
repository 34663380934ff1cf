//! Which parameters there are places for, and in what range.
//!
//! Only ranges that the service's documents insist on are in the families' files: what they do not
//! limit is left to the service.

use serde_json::{Map, Value};

use super::Family;
use super::Parameter::{self, MaxTokens};
use super::thinking::{thinks_as_it_likes, thinks_not};
use crate::catalog::Capabilities;

/// Answers are cut here unless the job says otherwise: Bedrock reserves all of it from the
/// tokens-per-minute quota for every call in flight, so a generous default costs pace.
pub(super) const DEFAULT_MAX_TOKENS: u32 = 1024;

/// The same for models that think unless they are told not to: the thought counts too, and an answer cut off inside it
/// is none.
const DEFAULT_WITH_THOUGHT: u32 = 4096;

/// A parameter that a family takes, and the values it may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranges {
    /// Which parameter.
    pub parameter: Parameter,
    /// The least and the greatest value, where the service insists on them.
    pub range: Option<(f64, f64)>,
}

pub(super) const fn any(parameter: Parameter) -> Ranges {
    Ranges {
        parameter,
        range: None,
    }
}

pub(super) const fn within(parameter: Parameter, least: f64, most: f64) -> Ranges {
    Ranges {
        parameter,
        range: Some((least, most)),
    }
}

impl Family {
    /// The parameters this family takes. What the documents do not limit is left to the service.
    pub fn takes(self) -> &'static [Ranges] {
        self.layout().takes
    }

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
