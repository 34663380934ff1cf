//! Parameters refused before anything is sent: the service would refuse them too, once a row.

use serde_json::{Map, Value};

use super::Parameter::{MaxTokens, Stop, Temperature, TopK, TopP};
use super::asked::limits_in;
use super::takes::Takes;
use super::{Family, Parameter, Parameters};
use crate::model::catalog::Capabilities;

/// What the model behind `base` wants beside a prompt and `extra` does not bring; `None` where it
/// wants no more.
pub fn lacks(extra: &Map<String, Value>, base: &str) -> Option<String> {
    let missing = Capabilities::needs_extra(base).filter(|key| !extra.contains_key(*key));
    let missing: Vec<_> = missing.map(|key| format!("`{key}`")).collect();
    (!missing.is_empty()).then(|| missing.join(" and "))
}

/// Parameters the model would refuse: every problem of a job in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("; "))]
pub struct ParameterError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

/// What becomes of what a model is known to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubtful {
    /// It is refused here, before anything is sent.
    Refused,
    /// It is sent all the same: the service knows better.
    Sent,
}

impl Family {
    /// Refuses parameters that the family has no place for and, unless what is doubtful is sent,
    /// values that it or the model behind `base` does not take.
    pub fn check(
        self,
        parameters: &Parameters,
        base: Option<&str>,
        doubtful: Doubtful,
    ) -> Result<(), ParameterError> {
        let homeless = parameters
            .given()
            .filter_map(|(it, _)| self.has_no_place_for(it));
        let mut problems: Vec<String> = homeless.collect();
        if doubtful == Doubtful::Refused {
            problems.extend(self.would_refuse(parameters, base));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(ParameterError { problems }),
        }
    }

    fn would_refuse(self, parameters: &Parameters, base: Option<&str>) -> Vec<String> {
        let mut problems: Vec<String> = parameters
            .given()
            .filter_map(|(parameter, value)| self.is_out_of_range(parameter, value))
            .collect();
        problems.extend(self.refuses_extra(&parameters.extra));
        problems.extend(self.refuses_beside_thinking(parameters));
        if let Some(base) = base {
            problems.extend(self.model_refuses(parameters, base));
        }
        problems
    }

    fn place_of(self, parameter: Parameter) -> Option<&'static Takes> {
        self.takes()
            .iter()
            .find(|takes| takes.parameter == parameter)
    }

    fn has_no_place_for(self, parameter: Parameter) -> Option<String> {
        let name = self.name();
        let none = || format!("{name} takes no {parameter} ({})", self.list_takes());
        self.place_of(parameter).is_none().then(none)
    }

    fn is_out_of_range(self, parameter: Parameter, value: f64) -> Option<String> {
        let takes = self.place_of(parameter)?;
        let (least, most) = takes.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let fits = value.is_finite() && (least..=most).contains(&value);
        (!fits).then(|| self.out_of_range(parameter, value, takes))
    }

    /// Keys of Anthropic's own API that Bedrock takes elsewhere, and refuses in the body.
    fn refuses_extra(self, extra: &Map<String, Value>) -> Option<String> {
        let misplaced = ["model", "stream"]
            .into_iter()
            .find(|key| extra.contains_key(*key))?;
        (self == Self::ClaudeMessages).then(|| {
            format!(
                "extra.{misplaced} is refused by {} on Bedrock: remove it",
                self.name()
            )
        })
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
        let model = Capabilities::of(base);
        let stops = !parameters.stop.is_empty() && model.no_stop;
        [
            refuses_sampling(parameters, base, &model),
            stops.then(|| format!("{base} takes no stop: remove it")),
            refuses_to_think_not(parameters, base, &model),
            self.refuses_length(parameters, base, &model),
            refuses_keys(&parameters.extra, base),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is merged into the body goes before the parameter.
    fn refuses_length(
        self,
        parameters: &Parameters,
        base: &str,
        model: &Capabilities,
    ) -> Option<String> {
        let asked = self.asks_for(parameters, Some(base)).limit?;
        let most = model.max_output?;
        // Where the family itself refuses it, that sentence is enough.
        let is_taken = self.is_out_of_range(MaxTokens, f64::from(asked)).is_none();
        let key = match limits_in(&parameters.extra) {
            keys if keys.is_empty() || parameters.max_tokens == Some(asked) => "max_tokens".into(),
            keys => keys.join(", "),
        };
        (is_taken && most < u64::from(asked))
            .then(|| format!("{key} = {asked} is too much: {base} writes at most {most}"))
    }
}

fn refuses_sampling(parameters: &Parameters, base: &str, model: &Capabilities) -> Option<String> {
    let given = parameters.given().map(|(parameter, _)| parameter);
    let sampling: Vec<_> = given
        .filter(|it| it.samples())
        .map(Parameter::name)
        .collect();
    if model.no_sampling && !sampling.is_empty() {
        return Some(format!(
            "{base} takes no {}: remove it",
            sampling.join(", no ")
        ));
    }
    let both = parameters.temperature.is_some() && parameters.top_p.is_some();
    (both && model.one_sampling)
        .then(|| format!("{base} takes temperature or top_p, not both: remove one"))
}

/// Keys that the model answers as if something else were wrong.
fn refuses_keys(extra: &Map<String, Value>, base: &str) -> Option<String> {
    let given = Capabilities::refuses_extra(base).filter(|key| extra.contains_key(*key));
    let keys: Vec<_> = given.map(|key| format!("extra.{key}")).collect();
    (!keys.is_empty()).then(|| format!("{base} takes no {}: remove it", keys.join(", no ")))
}

/// Claude's switch for thinking, turned off where it cannot be.
fn refuses_to_think_not(
    parameters: &Parameters,
    base: &str,
    model: &Capabilities,
) -> Option<String> {
    let switch = parameters.extra.get("thinking")?.get("type")?;
    (model.thinking_always_on && switch == "disabled")
        .then(|| format!("{base} always thinks: remove extra.thinking"))
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
            stream: false,
            cache: false,
            extra: set["extra"].as_object().cloned().unwrap_or_default(),
        };
        let family = Family::parse(family).unwrap();
        let found = family.check(&parameters, base, Doubtful::Refused);
        assert_eq!(found.map_or_else(|e| e.to_string(), |()| "ok".into()), said);
        let forced = family.check(&parameters, base, Doubtful::Sent);
        let forced = forced.map_or_else(|e| e.to_string(), |()| String::new());
        assert!(said.starts_with(&forced), "{forced}");
        assert!(
            forced.is_empty() || forced.contains(" takes no "),
            "{forced}"
        );
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
    fn what_is_merged_into_the_body_counts_for_its_length() {
        let lite = Some("amazon.nova-lite-v1:0");
        let merged = r#"{"max_tokens":16,"extra":{"inferenceConfig":{"maxTokens":90000}}}"#;
        check(
            "nova",
            lite,
            merged,
            "extra.inferenceConfig.maxTokens = 90000 is too much: amazon.nova-lite-v1:0 writes at \
             most 10000",
        );
        let opus = Some("anthropic.claude-opus-4-7");
        let smaller = r#"{"max_tokens":900000,"extra":{"max_tokens":16}}"#;
        check("claude-messages", opus, smaller, "ok");
    }

    #[test]
    fn a_key_that_a_model_refuses_is_refused_before_it_answers_503() {
        let extra = r#"{"extra":{"presence_penalty":0.5,"frequency_penalty":1,"seed":4}}"#;
        check(
            "openai-chat",
            Some("xai.grok-4.7"),
            extra,
            "xai.grok-4.7 takes no extra.presence_penalty, no extra.frequency_penalty: remove it",
        );
        check("openai-chat", Some("qwen.qwen3-32b-v1:0"), extra, "ok");
        check(
            "openai-chat",
            Some("openai.gpt-oss-20b-1:0"),
            r#"{"extra":{"logit_bias":{}}}"#,
            "openai.gpt-oss-20b-1:0 takes no extra.logit_bias: remove it",
        );
    }

    #[test]
    fn claude_has_its_model_in_the_address() {
        check(
            "claude-messages",
            None,
            r#"{"extra":{"model":"x"}}"#,
            "extra.model is refused by claude-messages on Bedrock: remove it",
        );
        check("openai-chat", None, r#"{"extra":{"model":"x"}}"#, "ok");
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
