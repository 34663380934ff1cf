//! Fingerprints of requests and of jobs.
//!
//! Outputs store them, and a resumed run compares them with its own. So their values are frozen: what
//! is hashed is spelled out here byte for byte, and independent of how types, fields and variants are
//! named elsewhere. The text resembles Rust's debug format, which earlier versions hashed.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::family::{Family, Parameters};
use crate::job::{Plan, SchemaPlan};
use crate::model::{Fingerprint, Guardrail, SentSchema};
use crate::output::RecordedSettings;
use crate::prompt::PromptSource;

impl Plan {
    /// The fingerprint of the request with this body: model, headers that change the response, and
    /// body.
    pub(crate) fn fingerprint_of(&self, body: &[u8]) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in [self.model.as_str(), &self.content_type, &self.accept] {
            hash.update(part);
            hash.update([0]);
        }
        if let Some(guardrail) = &self.terms.guardrail {
            hash.update(guardrail_text(guardrail));
            hash.update([0]);
        }
        // What is sent in native mode may say less than what is accepted.
        if let Some(identity) = self.schema.as_ref().and_then(SchemaPlan::unsent_identity) {
            hash.update(format!("schema {identity}"));
            hash.update([0]);
        }
        hash.update(body);
        first_bytes(hash)
    }

    /// The fingerprint of the job's settings, independent of its rows.
    pub fn fingerprint(&self) -> Fingerprint {
        let source = option(self.source.as_ref(), source_text);
        let system = option(self.system.as_ref(), quoted);
        let prompt = format!("{source} {system}");
        let family = family_name(self.family);
        let parameters = parameters_text(&self.parameters);
        let guardrail = option(self.terms.guardrail.as_ref(), guardrail_text);
        let settings = format!("{family} {parameters} {guardrail}");
        let mut hash = Sha256::new();
        for part in [
            self.model.as_str(),
            &self.content_type,
            &self.accept,
            &prompt,
            &settings,
        ] {
            hash.update(part);
            hash.update([0]);
        }
        first_bytes(hash)
    }
}

impl Plan {
    /// The settings in parts, of which [`fingerprint`](Self::fingerprint) is the whole.
    pub fn settings(&self) -> RecordedSettings {
        let source = option(self.source.as_ref(), source_text);
        let system = option(self.system.as_ref(), quoted);
        let guardrail = option(self.terms.guardrail.as_ref(), guardrail_text);
        let family = family_name(self.family);
        let parameters = parameters_text(&self.parameters);
        let of = |parts: &[&str]| {
            let mut hash = Sha256::new();
            for part in parts {
                hash.update(part);
                hash.update([0]);
            }
            first_bytes(hash).to_string()
        };
        RecordedSettings {
            model: self.model.as_str().to_owned(),
            prompt: of(&[&source, &system]),
            parameters: of(&[
                &self.content_type,
                &self.accept,
                family,
                &parameters,
                &guardrail,
            ]),
        }
    }
}

/// The fingerprint of parts, each ended.
pub(crate) fn joined(parts: impl Iterator<Item = String>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    first_bytes(hash)
}

fn first_bytes(hash: Sha256) -> Fingerprint {
    let hash = hash.finalize();
    let bytes = hash.first_chunk().expect("SHA-256 has 32 bytes");
    Fingerprint(u64::from_be_bytes(*bytes))
}

/// `None` or `Some(…)`.
fn option<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    match value {
        None => "None".into(),
        Some(value) => format!("Some({})", text(value)),
    }
}

/// A string in double quotes, escaped as the standard library's debug format escapes it.
fn quoted(text: impl AsRef<str>) -> String {
    format!("{:?}", text.as_ref())
}

/// A number with the fewest digits that identify it, and at least one decimal place: `1.0`, `1e-7`.
fn decimal(number: f64) -> String {
    format!("{number:?}")
}

fn list<T>(items: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
    let items: Vec<_> = items.into_iter().map(text).collect();
    format!("[{}]", items.join(", "))
}

fn guardrail_text(guardrail: &Guardrail) -> String {
    let Guardrail { id, version } = guardrail;
    format!(
        "Guardrail {{ id: {}, version: {} }}",
        quoted(id),
        quoted(version)
    )
}

fn source_text(source: &PromptSource) -> String {
    let (name, text) = match source {
        PromptSource::Template(text) => ("Template", text),
        PromptSource::Column(text) => ("Column", text),
        PromptSource::Messages(text) => ("Messages", text),
        PromptSource::Texts(text) => ("Texts", text),
        PromptSource::Body(text) => ("Body", text),
    };
    format!("{name}({})", quoted(text))
}

fn parameters_text(parameters: &Parameters) -> String {
    let Parameters {
        max_tokens,
        temperature,
        top_p,
        top_k,
        stop,
        stream,
        cache,
        extra,
        schema,
    } = parameters;
    let fields = [
        ("max_tokens", option(*max_tokens, |n| n.to_string())),
        ("temperature", option(*temperature, decimal)),
        ("top_p", option(*top_p, decimal)),
        ("top_k", option(*top_k, |n| n.to_string())),
        ("stop", list(stop, quoted)),
        ("stream", stream.to_string()),
        ("cache", cache.to_string()),
        ("extra", object_text(extra)),
    ];
    let fields = fields.map(|(name, text)| format!("{name}: {text}"));
    // Jobs without a schema have the fingerprints that they had before there were any.
    let schema = schema.as_ref().map_or_else(String::new, |sent| {
        let SentSchema { mode, name, schema } = sent.as_ref();
        let (mode, name) = (mode.as_str(), quoted(name));
        format!(", schema: {mode} {name} {}", json_text(schema))
    });
    format!("Parameters {{ {}{schema} }}", fields.join(", "))
}

fn object_text(object: &Map<String, Value>) -> String {
    let mut text = String::from("{");
    for (name, value) in object {
        let comma = if text.len() == 1 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}: {}", quoted(name), json_text(value));
    }
    text + "}"
}

fn json_text(value: &Value) -> String {
    match value {
        Value::Null => "Null".into(),
        Value::Bool(value) => format!("Bool({value})"),
        Value::Number(number) => format!("Number({number})"),
        Value::String(text) => format!("String({})", quoted(text)),
        Value::Array(items) => format!("Array {}", list(items, json_text)),
        Value::Object(object) => format!("Object {}", object_text(object)),
    }
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::ClaudeMessages => "ClaudeMessages",
        Family::ClaudeText => "ClaudeText",
        Family::Nova => "Nova",
        Family::TitanText => "TitanText",
        Family::OpenaiChat => "OpenaiChat",
        Family::MistralChat => "MistralChat",
        Family::MistralText => "MistralText",
        Family::Llama2 => "Llama2",
        Family::Llama3 => "Llama3",
        Family::Llama4 => "Llama4",
        Family::DeepseekText => "DeepseekText",
        Family::Jamba => "Jamba",
        Family::Jurassic => "Jurassic",
        Family::Command => "Command",
        Family::CommandR => "CommandR",
        Family::Palmyra => "Palmyra",
        Family::TextCompletion => "TextCompletion",
        Family::Imported => "Imported",
        Family::Pegasus => "Pegasus",
        Family::TitanEmbedText => "TitanEmbedText",
        Family::TitanEmbedImage => "TitanEmbedImage",
        Family::NovaEmbed => "NovaEmbed",
        Family::CohereEmbed => "CohereEmbed",
        Family::Marengo => "Marengo",
        Family::Rerank => "Rerank",
        Family::AmazonImage => "AmazonImage",
        Family::StabilityImage => "StabilityImage",
        Family::StableDiffusionXl => "StableDiffusionXl",
        Family::Raw => "Raw",
    }
}
