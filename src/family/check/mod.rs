//! Parameters refused before anything is sent: the service would refuse them too, once a row.

use serde_json::{Map, Value};

use super::Parameter::{MaxTokens, Stop, Temperature, TopK, TopP};
use super::given::{Given, given};
use super::layout::{OwnModel, Several};
use super::output_limit::limits_in;
use super::ranges::Ranges;
use super::thinking::thinks_not;
use super::{Family, Parameter, Parameters};
use crate::catalog::Capabilities;
use crate::catalog::id::strip_geo;

/// What the model behind `base` wants beside a prompt and `extra` does not bring; `None` where it
/// wants no more.
pub fn lacks(extra: &Map<String, Value>, base: &str) -> Option<String> {
    let missing = Capabilities::needs_extra(base).filter(|key| !extra.contains_key(*key));
    let missing: Vec<_> = missing.map(|key| format!("`{key}`")).collect();
    (!missing.is_empty()).then(|| missing.join(" and "))
}

/// What asks for several answers to one prompt that all come.
const ANSWERS: [&str; 3] = ["n", "num_generations", "numResults"];

/// Parameters the model would refuse: every problem of a job in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("; "))]
pub struct ParameterError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

/// What to do with requests that a model is known to reject.
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
        let given = given(parameters);
        let mut problems: Vec<String> = given
            .iter()
            .filter_map(|given| self.is_out_of_range(given))
            .collect();
        problems.extend(self.merged_limit_out_of_range(parameters, base));
        problems.extend(self.refuses_extra(parameters, base));
        problems.extend(self.refuses_beside_thinking(parameters));
        problems.extend(self.rejects_built(parameters, base));
        if let Some(base) = base {
            problems.extend(self.model_refuses(parameters, &given, base));
        }
        problems
    }

    fn place_of(self, parameter: Parameter) -> Option<&'static Ranges> {
        self.takes()
            .iter()
            .find(|takes| takes.parameter == parameter)
    }

    fn has_no_place_for(self, parameter: Parameter) -> Option<String> {
        let name = self.name();
        let none = || format!("{name} takes no {parameter} ({})", self.list_takes());
        self.place_of(parameter).is_none().then(none)
    }

    fn is_out_of_range(self, given: &Given) -> Option<String> {
        let takes = self.place_of(given.parameter)?;
        let value = given.value?;
        (!fits(takes, value)).then(|| self.out_of_range(given, value, takes))
    }

    /// A limit that is merged into the body is held to the family's range like one that is typed.
    fn merged_limit_out_of_range(
        self,
        parameters: &Parameters,
        base: Option<&str>,
    ) -> Option<String> {
        let asked = self.asks_for(parameters, base).limit?;
        let keys = limits_in(&parameters.extra);
        let is_merged = !keys.is_empty() && parameters.max_tokens != Some(asked);
        let limit = Given {
            parameter: MaxTokens,
            name: keys.join(", "),
            value: Some(f64::from(asked)),
        };
        is_merged.then(|| self.is_out_of_range(&limit)).flatten()
    }

    /// Keys of the body that contradict how it is sent. Bedrock has Claude's model in the address,
    /// and takes OpenAI's only where it is the same.
    fn refuses_extra(self, parameters: &Parameters, base: Option<&str>) -> Vec<String> {
        let extra = &parameters.extra;
        let misplaced = ["model", "stream"]
            .into_iter()
            .find(|key| extra.contains_key(*key));
        let claudes = misplaced
            .filter(|_| self.layout().own_model == OwnModel::Rejected)
            .map(|key| {
                let name = self.name();
                format!("extra.{key} is rejected by {name} on Bedrock: remove it")
            });
        let others = [
            contradicts_model(extra, base).filter(|_| self.names_its_model()),
            contradicts_delivery(parameters),
        ];
        let others = others.into_iter().flatten();
        let others = others.filter(|_| claudes.is_none());
        claudes
            .iter()
            .cloned()
            .chain(others)
            .chain(self.several_streamed(parameters))
            .chain(self.has_two_limits(parameters))
            .collect()
    }

    /// Whether several completions of one prompt may come in a stream.
    pub fn streams_several(self) -> bool {
        self.layout().several == Several::Streamed
    }

    /// Chunks that do not say which completion they belong to bring the pieces of one.
    fn several_streamed(self, parameters: &Parameters) -> Option<String> {
        let several = |key: &&&str| {
            let number = parameters.extra.get(**key).and_then(Value::as_f64);
            number.is_some_and(|number| 1.0 < number)
        };
        let is_refused = parameters.stream && !self.streams_several();
        let key = ANSWERS.iter().find(several).filter(|_| is_refused)?;
        Some(format!(
            "extra.{key} asks for several completions, and {} streams one: remove it, or do not stream",
            self.name()
        ))
    }

    fn names_its_model(self) -> bool {
        self.layout().own_model == OwnModel::Same
    }

    /// An imported model goes by the limit that tells how it is to answer.
    fn has_two_limits(self, parameters: &Parameters) -> Option<String> {
        let lone_limit = self.layout().lone_limit;
        let key = lone_limit.filter(|key| parameters.extra.contains_key(*key))?;
        let is_given = parameters.max_tokens.is_some();
        is_given.then(|| format!("max_tokens and extra.{key} are the same limit: remove one"))
    }

    fn out_of_range(self, given: &Given, value: f64, takes: &Ranges) -> String {
        let name = self.name();
        let values = match takes.range {
            Some((least, most)) if most.is_infinite() => format!("{least} or more"),
            Some((f64::MIN_POSITIVE, most)) => format!("above 0, to {most}"),
            Some((least, most)) => format!("{least} to {most}"),
            None => "a number".to_owned(),
        };
        match given.parameter {
            Stop => format!("{value} stop texts are too many: {name} takes {values}"),
            MaxTokens | Temperature | TopP | TopK => {
                let given = &given.name;
                format!("{given} = {value} is out of range: {name} takes {values}")
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
    fn model_refuses(self, parameters: &Parameters, given: &[Given], base: &str) -> Vec<String> {
        let model = Capabilities::of(base);
        [
            refuses_sampling(given, &parameters.extra, base, &model),
            refuses_stop(given, base, &model),
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
        let is_taken = self
            .place_of(MaxTokens)
            .is_none_or(|takes| fits(takes, f64::from(asked)));
        let key = match limits_in(&parameters.extra) {
            keys if keys.is_empty() || parameters.max_tokens == Some(asked) => "max_tokens".into(),
            keys => keys.join(", "),
        };
        (is_taken && most < u64::from(asked))
            .then(|| format!("{key} = {asked} is too high: {base} generates at most {most}"))
    }
}

fn fits(takes: &Ranges, value: f64) -> bool {
    let (least, most) = takes.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    value.is_finite() && (least..=most).contains(&value)
}

fn contradicts_model(extra: &Map<String, Value>, base: Option<&str>) -> Option<String> {
    let base = base?;
    let named = extra.get("model").filter(|named| !named.is_null())?;
    let is_same = named
        .as_str()
        .is_some_and(|named| strip_geo(named).1 == base);
    (!is_same).then(|| format!("extra.model = {named} is not {base}, which is called: remove it"))
}

fn contradicts_delivery(parameters: &Parameters) -> Option<String> {
    match (
        parameters.extra.get("stream")?.as_bool()?,
        parameters.stream,
    ) {
        (true, false) => Some(
            "extra.stream = true, but the job does not stream: set stream in [model] instead"
                .to_owned(),
        ),
        (false, true) => {
            Some("extra.stream = false, but the job streams: remove one of them".to_owned())
        }
        (true, true) | (false, false) => None,
    }
}

fn names_of(given: &[Given], wanted: fn(Parameter) -> bool) -> Vec<String> {
    let wanted = given.iter().filter(|given| wanted(given.parameter));
    wanted.map(|given| given.name.clone()).collect()
}

fn refuses_sampling(
    given: &[Given],
    extra: &Map<String, Value>,
    base: &str,
    model: &Capabilities,
) -> Option<String> {
    let reasons = Capabilities::refuses_reasoning(base).next().is_some();
    if reasons && thinks_not(extra) {
        return None;
    }
    let keys = Capabilities::refuses_reasoning(base).filter(|key| extra.contains_key(*key));
    let mut refused: Vec<String> = keys.map(|key| format!("extra.{key}")).collect();
    if model.no_sampling {
        refused.splice(0..0, names_of(given, Parameter::samples));
    }
    if !refused.is_empty() {
        let while_it_reasons = if reasons { " while it reasons" } else { "" };
        return Some(format!(
            "{base} takes no {}{while_it_reasons}: remove it",
            refused.join(", no ")
        ));
    }
    let is_given = |parameter| given.iter().any(|given| given.parameter == parameter);
    (model.one_sampling && is_given(Temperature) && is_given(TopP))
        .then(|| format!("{base} takes temperature or top_p, not both: remove one"))
}

fn refuses_stop(given: &[Given], base: &str, model: &Capabilities) -> Option<String> {
    let stops = names_of(given, |parameter| parameter == Stop);
    (model.no_stop && !stops.is_empty())
        .then(|| format!("{base} takes no {}: remove it", stops.join(", no ")))
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
mod tests;
