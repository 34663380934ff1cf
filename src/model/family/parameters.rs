//! What a job may ask of a model beside the prompt, and which family takes what.
//!
//! Everything refused here would be refused by the service too, once for every row.

use std::fmt;

use serde_json::{Map, Value};

use super::{Family, claude_messages};
use crate::model::catalog::{self, ModelFacts};

/// What a job may ask of the model beside the prompt. `None` leaves it to the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters {
    /// The longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling from the k likeliest.
    pub top_k: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Merged into the body as it is.
    pub extra: Map<String, Value>,
}

/// A parameter by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// [`Parameters::max_tokens`].
    MaxTokens,
    /// [`Parameters::temperature`].
    Temperature,
    /// [`Parameters::top_p`].
    TopP,
    /// [`Parameters::top_k`].
    TopK,
    /// [`Parameters::stop`]; its range is that of their number.
    Stop,
}

/// A parameter that a family takes, and the values it may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Takes {
    /// Which parameter.
    pub parameter: Parameter,
    /// The least and the greatest value, where the service insists on them.
    pub range: Option<(f64, f64)>,
}

/// Parameters the model would refuse: every problem of a job in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("; "))]
pub struct ParameterError {
    /// One sentence a problem.
    pub problems: Vec<String>,
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

use Parameter::{MaxTokens, Stop, Temperature, TopK, TopP};

const CLAUDE: [Takes; 5] = [
    within(MaxTokens, 1.0, f64::INFINITY),
    within(Temperature, 0.0, 1.0),
    within(TopP, 0.0, 1.0),
    within(TopK, 0.0, 500.0),
    within(Stop, 0.0, 8191.0),
];
/// The documents put Nova's least temperature at 0.00001; 0 is taken, and is what people write.
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

    /// The limit the body gets where the job gives none; `None` leaves it to the model.
    pub fn default_max_tokens(self) -> Option<u32> {
        match self {
            Self::ClaudeMessages => Some(claude_messages::DEFAULT_MAX_TOKENS),
            Self::Nova
            | Self::OpenaiChat
            | Self::MistralChat
            | Self::MistralText
            | Self::Llama3
            | Self::Llama4
            | Self::DeepseekText
            | Self::TitanText
            | Self::TitanEmbedText
            | Self::Raw => None,
        }
    }

    /// Refuses parameters that the family, or the model behind `base`, does not take.
    pub fn check(self, parameters: &Parameters, base: Option<&str>) -> Result<(), ParameterError> {
        let mut problems: Vec<String> = parameters
            .given()
            .filter_map(|(parameter, value)| self.refuses(parameter, value))
            .collect();
        if let Some(base) = base {
            problems.extend(self.model_refuses(parameters, base));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(ParameterError { problems }),
        }
    }

    fn refuses(self, parameter: Parameter, value: f64) -> Option<String> {
        let Some(takes) = self
            .takes()
            .iter()
            .find(|takes| takes.parameter == parameter)
        else {
            return Some(format!(
                "{} takes no {parameter} ({})",
                self.name(),
                self.list_takes()
            ));
        };
        let (least, most) = takes.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let fits = value.is_finite() && (least..=most).contains(&value);
        (!fits).then(|| self.out_of_range(parameter, value, takes))
    }

    fn out_of_range(self, parameter: Parameter, value: f64, takes: &Takes) -> String {
        let name = self.name();
        let values = match takes.range {
            Some((least, most)) if most.is_infinite() => format!("{least} or more"),
            Some((f64::MIN_POSITIVE, most)) => format!("above 0, to {most}"),
            Some((least, most)) => format!("{least} to {most}"),
            None => "a number".to_owned(),
        };
        match parameter {
            Stop => format!("{value} stop texts are too many: {name} takes {values}"),
            MaxTokens | Temperature | TopP | TopK => {
                format!("{parameter} = {value} is out of range: {name} takes {values}")
            }
        }
    }

    fn list_takes(self) -> String {
        let names: Vec<_> = self.takes().iter().map(|it| it.parameter.name()).collect();
        match names.as_slice() {
            [] => "it takes none; what the body needs goes into extra".to_owned(),
            names => format!("it takes {}", names.join(", ")),
        }
    }

    /// What a model refuses although its family takes it.
    fn model_refuses(self, parameters: &Parameters, base: &str) -> Vec<String> {
        let facts = catalog::anywhere(base);
        let sampling: Vec<_> = parameters
            .given()
            .map(|it| it.0)
            .filter(|it| it.samples())
            .collect();
        let mut problems = Vec::new();
        if facts.is_some_and(|facts| facts.no_sampling) && !sampling.is_empty() {
            let names: Vec<_> = sampling.iter().map(|it| it.name()).collect();
            problems.push(format!(
                "{base} takes no {}: remove it",
                names.join(", no ")
            ));
        } else if takes_one_of_two(base)
            && parameters.temperature.is_some()
            && parameters.top_p.is_some()
        {
            problems.push(format!(
                "{base} takes temperature or top_p, not both: remove one"
            ));
        }
        if !parameters.stop.is_empty() && refuses_stop(base) {
            problems.push(format!("{base} takes no stop: remove it"));
        }
        let most = self.most_output(base, facts);
        if let (Some(asked), Some(most)) = (parameters.max_tokens, most) {
            if most < u64::from(asked) && self.takes_max_tokens(asked) {
                problems.push(format!(
                    "max_tokens = {asked} is too much: {base} writes at most {most}"
                ));
            }
        }
        problems
    }

    /// Whether the family itself has nothing against such a limit: one problem, one sentence.
    fn takes_max_tokens(self, asked: u32) -> bool {
        self.refuses(MaxTokens, f64::from(asked)).is_none()
    }

    /// The longest answer of a model. Where the service's own documents differ from the
    /// catalogue, they are right.
    fn most_output(self, base: &str, facts: Option<&ModelFacts>) -> Option<u64> {
        let listed = facts.and_then(|facts| facts.max_out);
        match self {
            Self::TitanText if base.contains("lite") => Some(4096),
            Self::TitanText if base.contains("premier") => Some(3072),
            Self::TitanText | Self::DeepseekText => None,
            Self::MistralText if base.contains("mixtral") => Some(4096),
            Self::MistralText | Self::MistralChat => listed.map(|listed| listed.max(8192)),
            Self::ClaudeMessages
            | Self::Nova
            | Self::OpenaiChat
            | Self::Llama3
            | Self::Llama4
            | Self::TitanEmbedText
            | Self::Raw => listed,
        }
    }
}

/// Claude models that take one way of sampling at a time.
fn takes_one_of_two(base: &str) -> bool {
    base.contains("claude-sonnet-4-5") || base.contains("claude-haiku-4-5")
}

/// Chat models that refuse stop texts (litellm 1.109.1, tried there in October 2026).
fn refuses_stop(base: &str) -> bool {
    let prefixes = [
        "openai.gpt-5.6",
        "openai.gpt-6",
        "xai.grok",
        "moonshot.kimi-k2",
        "moonshotai.kimi-k2",
    ];
    prefixes.iter().any(|prefix| base.starts_with(prefix))
}

impl Parameters {
    /// The parameters that are set, with their values; a list has its length.
    fn given(&self) -> impl Iterator<Item = (Parameter, f64)> {
        let stop = (!self.stop.is_empty()).then_some(self.stop.len() as f64);
        [
            (MaxTokens, self.max_tokens.map(f64::from)),
            (Temperature, self.temperature),
            (TopP, self.top_p),
            (TopK, self.top_k.map(f64::from)),
            (Stop, stop),
        ]
        .into_iter()
        .filter_map(|(parameter, value)| Some((parameter, value?)))
    }
}

impl Parameter {
    /// Its name in job files.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::Stop => "stop",
        }
    }

    fn samples(self) -> bool {
        match self {
            Self::Temperature | Self::TopP | Self::TopK => true,
            Self::MaxTokens | Self::Stop => false,
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `settings` is a JSON object of parameters.
    #[track_caller]
    fn check(family: &str, base: Option<&str>, settings: &str, said: &str) {
        let set: Value = serde_json::from_str(settings).unwrap();
        let whole = |key: &str| set[key].as_u64().map(|n| n as u32);
        let parameters = Parameters {
            max_tokens: whole("max_tokens"),
            temperature: set["temperature"].as_f64(),
            top_p: set["top_p"].as_f64(),
            top_k: whole("top_k"),
            stop: vec!["x".into(); set["stop"].as_u64().unwrap_or(0) as usize],
            extra: Map::new(),
        };
        let found = Family::parse(family).unwrap().check(&parameters, base);
        assert_eq!(found.map_or_else(|e| e.to_string(), |()| "ok".into()), said);
    }

    #[test]
    fn what_a_family_takes_is_taken() {
        let all = r#"{"max_tokens":9,"temperature":0,"top_p":1,"top_k":1,"stop":1}"#;
        check("claude-messages", None, all, "ok");
        check("nova", Some("amazon.nova-lite-v1:0"), all, "ok");
        check("mistral-text", None, all, "ok");
        check("raw", None, "{}", "ok");
    }

    #[test]
    fn what_a_family_has_no_place_for_is_refused_with_what_it_has() {
        check(
            "llama3",
            None,
            r#"{"top_k":5,"stop":1}"#,
            "llama3 takes no top_k (it takes max_tokens, temperature, top_p); \
             llama3 takes no stop (it takes max_tokens, temperature, top_p)",
        );
        check(
            "titan-embed-text",
            None,
            r#"{"max_tokens":5}"#,
            "titan-embed-text takes no max_tokens \
             (it takes none; what the body needs goes into extra)",
        );
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_range() {
        check(
            "claude-messages",
            None,
            r#"{"temperature":1.5,"max_tokens":0}"#,
            "max_tokens = 0 is out of range: claude-messages takes 1 or more; \
             temperature = 1.5 is out of range: claude-messages takes 0 to 1",
        );
        check(
            "titan-text",
            None,
            r#"{"top_p":0}"#,
            "top_p = 0 is out of range: titan-text takes above 0, to 1",
        );
        check(
            "deepseek-text",
            None,
            r#"{"stop":11}"#,
            "11 stop texts are too many: deepseek-text takes 0 to 10",
        );
    }

    #[test]
    fn a_model_may_refuse_what_its_family_takes() {
        check(
            "claude-messages",
            Some("anthropic.claude-opus-4-7"),
            r#"{"temperature":0.5,"top_k":3,"max_tokens":128001}"#,
            "anthropic.claude-opus-4-7 takes no temperature, no top_k: remove it; \
             max_tokens = 128001 is too much: anthropic.claude-opus-4-7 writes at most 128000",
        );
        check(
            "claude-messages",
            Some("anthropic.claude-haiku-4-5-20251001-v1:0"),
            r#"{"temperature":0.5,"top_p":0.5}"#,
            "anthropic.claude-haiku-4-5-20251001-v1:0 takes temperature or top_p, not both: \
             remove one",
        );
        check(
            "openai-chat",
            Some("xai.grok-4.7"),
            r#"{"stop":1}"#,
            "xai.grok-4.7 takes no stop: remove it",
        );
    }

    #[test]
    fn the_documents_go_before_the_catalogue() {
        let r1 = Some("deepseek.r1-v1:0");
        check("deepseek-text", r1, r#"{"max_tokens":32768}"#, "ok");
        let lite = "amazon.titan-text-lite-v1";
        let said = format!("max_tokens = 5000 is too much: {lite} writes at most 4096");
        check("titan-text", Some(lite), r#"{"max_tokens":5000}"#, &said);
    }
}
