//! What a job asks of a model, wherever it says so: in its parameters, or in what is merged into the
//! body in the families' own words.

use serde_json::{Map, Value};

use super::{Parameter, Parameters};

/// Families' words for parameters, beside those for the longest answer, which `asked` knows.
const WORDS: [(Parameter, &[&str]); 4] = [
    (Parameter::Temperature, &["temperature"]),
    (Parameter::TopP, &["top_p", "topP", "p"]),
    (Parameter::TopK, &["top_k", "topK", "k"]),
    (
        Parameter::Stop,
        &["stop", "stop_sequences", "stopSequences"],
    ),
];

/// What they may stand in, one level down.
const WITHIN: [&str; 2] = ["inferenceConfig", "textGenerationConfig"];

/// A parameter that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    pub(super) parameter: Parameter,
    /// What a person would look for: `top_p`, `extra.inferenceConfig.topP`.
    pub(super) name: String,
    /// Its value, or the length of a list; `None` where it is neither number nor text.
    pub(super) value: Option<f64>,
}

/// Everything that is asked for, parameters first.
pub(super) fn given(parameters: &Parameters) -> Vec<Given> {
    let typed = parameters.given().map(|(parameter, value)| Given {
        parameter,
        name: parameter.name().to_owned(),
        value: Some(value),
    });
    let within = WITHIN.iter().filter_map(|outer| {
        let inner = parameters.extra.get(*outer)?.as_object()?;
        Some((format!("extra.{outer}"), inner))
    });
    let places = std::iter::once(("extra".to_owned(), &parameters.extra)).chain(within);
    typed
        .chain(places.flat_map(|(at, place)| written(&at, place)))
        .collect()
}

fn written(at: &str, place: &Map<String, Value>) -> Vec<Given> {
    let words = WORDS
        .iter()
        .flat_map(|(parameter, words)| words.iter().map(|word| (*parameter, *word)));
    let found = words.filter_map(|(parameter, word)| {
        let value = place.get(word).filter(|value| !value.is_null())?;
        Some(Given {
            parameter,
            name: format!("{at}.{word}"),
            value: measured(value),
        })
    });
    found.collect()
}

fn measured(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Array(texts) => Some(texts.len() as f64),
        Value::String(_) => Some(1.0),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}
