//! Which family takes which parameters, and in what range.
//!
//! Source: Amazon Bedrock and Amazon Nova user guides, as of October 2026. Only ranges the
//! service insists on are here: what the documents do not limit is left to the service.

use super::Family;
use super::Parameter::{self, MaxTokens, Stop, Temperature, TopK, TopP};
use crate::model::catalog;

/// Answers are cut here unless the job says otherwise: Bedrock reserves all of it from the
/// tokens-per-minute quota for every call in flight, so a generous default costs pace.
pub(super) const DEFAULT_MAX_TOKENS: u32 = 1024;

/// A parameter that a family takes, and the values it may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Takes {
    /// Which parameter.
    pub parameter: Parameter,
    /// The least and the greatest value, where the service insists on them.
    pub range: Option<(f64, f64)>,
}

const fn any(parameter: Parameter) -> Takes {
    Takes {
        parameter,
        range: None,
    }
}

const fn within(parameter: Parameter, least: f64, most: f64) -> Takes {
    Takes {
        parameter,
        range: Some((least, most)),
    }
}

const CLAUDE: [Takes; 5] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    within(Temperature, 0.0, 1.0),
    within(TopP, 0.0, 1.0),
    within(TopK, 0.0, 500.0),
    within(Stop, 0.0, 8191.0),
];
/// The documents put Nova's least temperature at 0.00001; 0 is left to the service to judge.
const NOVA: [Takes; 5] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    within(Temperature, 0.0, 1.0),
    within(TopP, 0.0, 1.0),
    within(TopK, 0.0, 128.0),
    any(Stop),
];
const OPENAI_CHAT: [Takes; 4] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    any(Temperature),
    any(TopP),
    any(Stop),
];
const MISTRAL_CHAT: [Takes; 3] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    any(Temperature),
    any(TopP),
];
const MISTRAL_TEXT: [Takes; 5] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    any(Temperature),
    within(TopP, 0.0, 1.0),
    within(TopK, 1.0, 200.0),
    within(Stop, 0.0, 10.0),
];
const LLAMA: [Takes; 3] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    within(Temperature, 0.0, 1.0),
    within(TopP, 0.0, 1.0),
];
const DEEPSEEK_TEXT: [Takes; 4] = [
    within(MaxTokens, 1.0, 32_768.0),
    within(Temperature, 0.0, 1.0),
    within(TopP, 0.0, 1.0),
    within(Stop, 0.0, 10.0),
];
const TITAN_TEXT: [Takes; 4] = [
    within(MaxTokens, 1.0, 8192.0),
    within(Temperature, 0.0, 1.0),
    within(TopP, f64::MIN_POSITIVE, 1.0),
    any(Stop),
];

impl Family {
    /// The parameters this family takes. What the documents do not limit is left to the service.
    pub fn takes(self) -> &'static [Takes] {
        match self {
            Self::ClaudeMessages => &CLAUDE,
            Self::Nova => &NOVA,
            Self::OpenaiChat => &OPENAI_CHAT,
            Self::MistralChat => &MISTRAL_CHAT,
            Self::MistralText => &MISTRAL_TEXT,
            Self::Llama3 | Self::Llama4 => &LLAMA,
            Self::DeepseekText => &DEEPSEEK_TEXT,
            Self::TitanText => &TITAN_TEXT,
            Self::TitanEmbedText | Self::Raw => &[],
        }
    }

    /// Whether a job can limit the length of answers.
    fn takes_max_tokens(self) -> bool {
        self.takes()
            .iter()
            .any(|takes| takes.parameter == MaxTokens)
    }

    /// The limit of answers where the job gives none; `None` where there is nothing to limit.
    pub fn default_max_tokens(self, base: Option<&str>) -> Option<u32> {
        let most = base.and_then(|base| self.most_output(base, catalog::anywhere(base)));
        let most = most.and_then(|most| u32::try_from(most).ok());
        let usual = most.map_or(DEFAULT_MAX_TOKENS, |most| most.min(DEFAULT_MAX_TOKENS));
        self.takes_max_tokens().then_some(usual)
    }
}
