//! Which model, how it is spoken to, and where it is.

use std::path::PathBuf;

use serde_json::Value;

use super::rows_per_call::RowsPerCall;
use super::values::{missing, wrong};
use super::{Endpoint, Plan};
use crate::catalog;
use crate::catalog::id::{IdKind, ModelId, suggest};
use crate::family::{Doubtful, Family, OutputLimit, Parameters};
use crate::job::expand::ExpandError;
use crate::job::file::{JobError, JobFile, ModelTable, PromptTable};
use crate::model::Delivery;
use crate::url::{advice, is_unencrypted, is_url, shown};

/// The family is `Raw` where neither the job nor the id tells it: good enough for bodies that are
/// sent as they are, and refused for prompts once it is known that there are prompts.
pub(super) fn model(table: &ModelTable) -> Result<(ModelId, Family), JobError> {
    let id = table
        .id
        .as_deref()
        .ok_or(missing("model", "model", "id", "model"))?;
    let parse = match &table.family {
        Some(_) => ModelId::parse_of_any_provider,
        None => ModelId::parse,
    };
    let model = parse(id).map_err(|error| wrong("model.id", error))?;
    let model = match &table.behind {
        Some(behind) => model.behind(behind),
        None => model,
    };
    if let (Some(how), false) = (
        model.base().and_then(Family::reached_otherwise),
        table.force,
    ) {
        let message = format!(
            "`{model}` is not reached through InvokeModel: {how}; choose another model, or send the \
             requests all the same with --force"
        );
        return Err(wrong("model.id", message));
    }
    let named = table.family.as_deref().map(Family::parse).transpose();
    if let Some(family) = named.map_err(|error| wrong("model.family", error))? {
        refuse_contradiction(table, &model, family)?;
        return Ok((model, family));
    }
    let Some(base) = model.base() else {
        let is_imported = model.kind() == IdKind::Imported;
        let family = if is_imported {
            Family::Imported
        } else {
            Family::Raw
        };
        return Ok((model, family));
    };
    let family = Family::of(base).unwrap_or(Family::Raw);
    Ok((model, family))
}

impl Plan {
    /// Why a row's own body is rejected: for content that the service is known to reject, because it
    /// was written for another API, or because not every family streams several completions.
    pub(crate) fn refuses_body(&self, body: &Value, asked: OutputLimit) -> Option<String> {
        if self.doubtful == Doubtful::Sent {
            return None;
        }
        self.written_for_another_api(body)
            .or_else(|| self.family.rejects(body))
            .or_else(|| self.completes_several_in_a_stream(asked))
    }

    /// `model` must not be in bodies for Claude and Nova, and must be the model that is called in chat
    /// completions; Claude requires `anthropic_version`. Source: Amazon Bedrock and Nova user guides,
    /// references of each body, as of October 2026.
    fn written_for_another_api(&self, body: &Value) -> Option<String> {
        let field = |name: &str| body.get(name).filter(|value| !value.is_null());
        let (model, anthropic_version) = (field("model"), field("anthropic_version"));
        let way_out = "select the conversation in it with --messages, as in --messages \
                       params.messages or body.messages";
        let is_called = |model: &Value| {
            let is_this = |id: &str| Some(id) == model.as_str();
            is_this(self.model.as_str()) || self.model.base().is_some_and(is_this)
        };
        let takes_none = matches!(self.family, Family::ClaudeMessages | Family::Nova);
        let takes_its_own = matches!(self.family, Family::OpenaiChat | Family::MistralChat);
        let names_another = |model: &&Value| takes_none || takes_its_own && !is_called(model);
        if let Some(model) = model.filter(names_another) {
            return Some(format!(
                "the body names a `model`, {model}, and InvokeModel takes that from --model: remove it, or \
                 {way_out}"
            ));
        }
        let is_claude = self.family == Family::ClaudeMessages;
        (is_claude && anthropic_version.is_none()).then(|| {
            format!(
                "the body has no `anthropic_version`, which Claude requires on Bedrock: add \
                 \"anthropic_version\": \"bedrock-2023-05-31\", or {way_out}"
            )
        })
    }

    fn completes_several_in_a_stream(&self, asked: OutputLimit) -> Option<String> {
        let is_streamed = matches!(self.delivery, Delivery::Streamed { .. });
        let is_refused = is_streamed && !self.family.streams_several();
        (is_refused && 1 < asked.answers).then(|| {
            format!(
                "the body asks for several completions, and {} streams one: ask for one, or do not \
                 stream",
                self.family.name()
            )
        })
    }

    /// What a person should know of a model that the catalog does not have.
    pub fn catalog_remark(&self) -> Option<String> {
        let model = &self.model;
        if self.facts.is_some() || model.base().is_none() {
            return None;
        }
        let meant = suggest(model.as_str()).map(|near| format!(" (did you mean `{near}`?)"));
        let meant = meant.unwrap_or_default();
        Some(format!(
            "`{model}` is not in the catalog{meant}: its price is unknown"
        ))
    }

    /// What a person should know of a base id that is called by its profiles only. The catalog
    /// may be old, so nothing is refused for it.
    pub fn profile_remark(&self) -> Option<String> {
        if self.model.kind() != IdKind::Base {
            return None;
        }
        let region = self.region.as_deref();
        let profiles = catalog::profiles_instead(self.model.base()?, region)?;
        let from = region.map_or_else(String::new, |region| format!(" from {region}"));
        Some(format!(
            "`{}` is called through an inference profile{from}, as far as the catalog knows: {}",
            self.model,
            profiles.join(", ")
        ))
    }
}

impl Plan {
    /// What a person should know of a profile that is called from `region`, outside its geography.
    pub fn geography_remark(&self, region: &str) -> Option<String> {
        if self.model.kind() != IdKind::Profile {
            return None;
        }
        let id = self.model.as_str().rsplit('/').next()?;
        catalog::geography_remark(id, self.model.base()?, region)
    }
}

/// A family that is named is for ids that do not tell theirs. Where the catalog knows the model,
/// the id tells: bodies in another provider's layout would be refused, row after row. Of a model that
/// is newer than the catalog the user may know more.
fn refuse_contradiction(
    table: &ModelTable,
    model: &ModelId,
    named: Family,
) -> Result<(), JobError> {
    let known = model
        .base()
        .filter(|base| catalog::anywhere(base).is_some());
    let strange = known.filter(|base| !named.may_be_spoken_by(base) && !table.force);
    let Some(told) = strange.and_then(Family::of).filter(|told| *told != named) else {
        return Ok(());
    };
    let message = format!(
        "`{model}` uses the request format {}, not {}: leave it out, or send it anyway with --force",
        told.name(),
        named.name()
    );
    Err(wrong("model.family", message))
}

/// Whether the system prompt is marked for the service's cache.
pub(super) fn cache(prompt: &PromptTable, family: Family) -> Result<bool, JobError> {
    const KEY: &str = "prompt.cache";
    if !prompt.cache {
        return Ok(false);
    }
    if prompt.system.is_none() {
        let message = "there is no system prompt to cache: give `system`, or leave it out";
        return Err(wrong(KEY, message));
    }
    if !family.marks_cache() {
        let message = format!(
            "`{}` has no mark for a cached prompt (claude-messages and nova have): leave it out",
            family.name()
        );
        return Err(wrong(KEY, message));
    }
    Ok(true)
}

pub(super) fn parameters(
    table: &ModelTable,
    cache: bool,
    family: Family,
    model: &ModelId,
) -> Result<Parameters, JobError> {
    let mut parameters = Parameters {
        max_tokens: table.max_tokens,
        temperature: table.temperature,
        top_p: table.top_p,
        top_k: table.top_k,
        stop: table.stop.clone(),
        stream: table.stream,
        cache,
        extra: table.extra.clone(),
        schema: None,
    };
    if parameters.stop.iter().any(String::is_empty) {
        let message = "an empty stop sequence stops nothing: give a text, or leave it out";
        return Err(wrong("model.stop", message));
    }
    if parameters.max_tokens.is_none() {
        parameters.max_tokens = family.default_max_tokens(model.base(), &table.extra);
    }
    let checked = family.check(&parameters, model.base(), doubtful(table.force));
    checked.map_err(|error| wrong("model", error))?;
    Ok(parameters)
}

pub(super) fn rows_per_call(
    table: &ModelTable,
    family: Family,
    parameters: &Parameters,
) -> Result<RowsPerCall, JobError> {
    let is_guarded = table.guardrail.is_some();
    let settled = RowsPerCall::resolve(table.rows_per_call, family, parameters, is_guarded);
    settled.map_err(|why| wrong("model.rows_per_call", why))
}

pub(super) fn doubtful(force: bool) -> Doubtful {
    match force {
        true => Doubtful::Sent,
        false => Doubtful::Refused,
    }
}

/// Keys that would do nothing are rejected: they were written to do something.
pub(super) fn refuse_idle_scenario(job: &JobFile) -> Result<(), JobError> {
    let emulated = job.model.endpoint.as_deref() == Some("emulator");
    if job.emulator.scenario.is_some() && !emulated {
        let message = "only the built-in emulator has scenarios: set endpoint = \"emulator\" \
                       in [model], or give --endpoint-url emulator";
        return Err(wrong("emulator.scenario", message));
    }
    Ok(())
}

pub(super) fn idle_with_bodies(job: &JobFile) -> Option<&'static str> {
    let model = &job.model;
    let asked = [
        ("model.max_tokens", model.max_tokens.is_some()),
        ("model.temperature", model.temperature.is_some()),
        ("model.top_p", model.top_p.is_some()),
        ("model.top_k", model.top_k.is_some()),
        ("model.stop", !model.stop.is_empty()),
        ("model.extra", !model.extra.is_empty()),
        ("schema", !job.schema.is_empty()),
        ("output.messages", job.output.messages),
    ];
    let first = asked.into_iter().find(|(_, given)| *given);
    first.map(|(key, _)| key)
}

/// The region that was typed, else the ARN's. An ARN is only known to the region it names.
///
/// # Errors
/// What was typed is no region, or not the ARN's.
pub fn region(typed: Option<String>, model: &ModelId) -> Result<Option<String>, JobError> {
    let Some(typed) = typed else {
        return Ok(model.region().map(str::to_owned));
    };
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if typed.is_empty() || !typed.chars().all(is_label) {
        let message = format!("\"{typed}\" is not a region such as us-east-1");
        return Err(wrong("model.region", message));
    }
    match model.region() {
        Some(region) if region != typed => {
            let message = format!("{typed}, but the ARN is of {region}: leave the region out");
            Err(wrong("model.region", message))
        }
        _ => Ok(Some(typed)),
    }
}

pub(super) fn endpoint(
    endpoint: Option<String>,
    scenario: Option<&str>,
    path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
) -> Result<Endpoint, JobError> {
    match endpoint {
        None => Ok(Endpoint::Aws),
        Some(name) if name == "emulator" => Ok(Endpoint::Emulator {
            scenario: scenario.map(path).transpose()?,
        }),
        Some(url) if is_url(&url) && is_unencrypted(&url) => {
            let message =
                format!("{url} is not encrypted: use https, or http on this machine only");
            Err(wrong("model.endpoint", message))
        }
        Some(url) if is_url(&url) => Ok(Endpoint::Url(url)),
        Some(other) => {
            let (shown, advice) = (shown(&other), advice(&other));
            let message = format!("\"{shown}\" is neither an http(s) URL nor \"emulator\"{advice}");
            Err(wrong("model.endpoint", message))
        }
    }
}
