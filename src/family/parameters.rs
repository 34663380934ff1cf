//! What a job may ask of a model beside the prompt.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::SentSchema;

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
    /// The answer is to come in chunks, which some families say in the body too.
    pub stream: bool,
    /// The system prompt is marked, so that the service caches it.
    pub cache: bool,
    /// Merged into the body as it is.
    pub extra: Map<String, Value>,
    /// The schema that completions are to follow, as it is sent.
    pub schema: Option<Arc<SentSchema>>,
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

impl Parameters {
    /// The parameters that are set, with their values; a list has its length.
    pub(super) fn given(&self) -> impl Iterator<Item = (Parameter, f64)> {
        let stop = (!self.stop.is_empty()).then_some(self.stop.len() as f64);
        [
            (Parameter::MaxTokens, self.max_tokens.map(f64::from)),
            (Parameter::Temperature, self.temperature),
            (Parameter::TopP, self.top_p),
            (Parameter::TopK, self.top_k.map(f64::from)),
            (Parameter::Stop, stop),
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

    /// Whether it is about sampling, which some models do their own way.
    pub(super) fn samples(self) -> bool {
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
