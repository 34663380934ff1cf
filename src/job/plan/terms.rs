//! What a call asks beside its body, and how its answer comes.

use std::time::Duration;

use super::values::{time, wrong};
use crate::catalog::Capabilities;
use crate::catalog::id::ModelId;
use crate::family::Family;
use crate::job::file::{JobError, ModelTable};
use crate::job::keys;
use crate::model::{Delivery, Guardrail, RequestOptions, Tier};

/// Pairs of request metadata, and the characters of a key or a value (botocore 1.44.5).
const MOST_PAIRS: usize = 16;
const MOST_CHARACTERS: usize = 256;

pub(super) fn terms(table: &ModelTable) -> Result<RequestOptions, JobError> {
    Ok(RequestOptions {
        guardrail: guardrail(table)?,
        trace: choice(
            "model.trace",
            table.trace.as_deref(),
            &keys::values("model", "trace"),
        )?
        .map(|word| word.to_ascii_uppercase()),
        latency: choice(
            "model.latency",
            table.latency.as_deref(),
            &keys::values("model", "latency"),
        )?,
        tier: tier(table.service_tier.as_deref())?,
        request_metadata: request_metadata(table)?,
    })
}

fn guardrail(table: &ModelTable) -> Result<Option<Guardrail>, JobError> {
    match (&table.guardrail, &table.guardrail_version) {
        (None, None) => Ok(None),
        (Some(id), _) if id.trim().is_empty() => Err(wrong(
            "model.guardrail",
            "it is empty: give the guardrail's id or ARN, or leave it out",
        )),
        (_, Some(version)) if version.trim().is_empty() => Err(wrong(
            "model.guardrail_version",
            "it is empty: give a number or \"DRAFT\", or leave it out",
        )),
        (Some(id), Some(version)) => Ok(Some(Guardrail {
            id: id.clone(),
            version: version.clone(),
        })),
        (Some(_), None) => Err(wrong(
            "model.guardrail",
            "which version of it? Give guardrail_version, a number or \"DRAFT\"",
        )),
        (None, Some(_)) => Err(wrong(
            "model.guardrail_version",
            "the version of which guardrail? Give guardrail, its id or ARN",
        )),
    }
}

fn tier(name: Option<&str>) -> Result<Option<Tier>, JobError> {
    let names = keys::values("model", "service_tier");
    let name = choice("model.service_tier", name, &names)?;
    Ok(name.as_deref().and_then(Tier::parse))
}

fn choice(
    key: &'static str,
    word: Option<&str>,
    words: &[&str],
) -> Result<Option<String>, JobError> {
    match word {
        Some(word) if !words.contains(&word) => {
            let message = format!("\"{word}\" is not one of {}", words.join(", "));
            Err(wrong(key, message))
        }
        word => Ok(word.map(str::to_owned)),
    }
}

fn request_metadata(table: &ModelTable) -> Result<Option<String>, JobError> {
    const KEY: &str = "model.request_metadata";
    let pairs = &table.request_metadata;
    if pairs.is_empty() {
        return Ok(None);
    }
    if MOST_PAIRS < pairs.len() {
        let message = format!("{} pairs, and the service takes {MOST_PAIRS}", pairs.len());
        return Err(wrong(KEY, message));
    }
    for (name, value) in pairs {
        let Some(value) = value.as_str() else {
            let message = format!("the value of `{name}` is {value}, and only texts are taken");
            return Err(wrong(KEY, message));
        };
        if let Some(text) = [name, value].into_iter().find(|text| !is_taken(text)) {
            let message = format!(
                "\"{text}\" has more than {MOST_CHARACTERS} characters, or others than letters, \
                 digits, spaces and _.:/=+-@$#,"
            );
            return Err(wrong(KEY, message));
        }
    }
    Ok(Some(serde_json::Value::from(pairs.clone()).to_string()))
}

fn is_taken(text: &str) -> bool {
    let fits =
        |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_.:/=+-@$#,".contains(c);
    text.chars().count() <= MOST_CHARACTERS && text.chars().all(fits)
}

/// A model that does not stream is told before it is asked to.
pub(super) fn delivery(
    table: &ModelTable,
    idle: Option<&str>,
    family: Family,
    model: &ModelId,
) -> Result<Delivery, JobError> {
    const IDLE: &str = "retry.idle_timeout";
    match (table.stream, idle) {
        (false, None) => return Ok(Delivery::Whole),
        (false, Some(_)) => {
            return Err(wrong(
                IDLE,
                "only a stream can fall silent: set stream = true in [model]",
            ));
        }
        (true, _) => {}
    }
    if family.assemble().is_none() {
        let message = format!(
            "`{}` does not stream: leave it out; --force does not help, since its responses have no \
             chunks",
            family.name()
        );
        return Err(wrong("model.stream", message));
    }
    let listed = |base| Capabilities::of(base).no_stream;
    let answers_whole = table.answers_whole || model.base().is_some_and(listed);
    if answers_whole && !table.force {
        let message = format!(
            "`{model}` does not support InvokeModelWithResponseStream (responseStreamingSupported \
             is false): leave it out, or send it anyway with --force"
        );
        return Err(wrong("model.stream", message));
    }
    let idle: Duration = time(IDLE, idle.unwrap_or("5m"))?;
    Ok(Delivery::Streamed { idle })
}
