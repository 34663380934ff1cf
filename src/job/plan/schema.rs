//! `[schema]`: what responses are validated against, and how the model is made to follow it.

use std::path::PathBuf;
use std::sync::Arc;

use super::values::wrong;
use crate::catalog::id::ModelId;
use crate::family::{Family, Parameters};
use crate::job::expand::ExpandError;
use crate::job::file::{JobError, JobFile, SchemaTable};
use crate::job::small;
use crate::model::{SchemaMode, SentSchema};
use crate::schema::{Judge, ModeInputs, Reduced, Schema, Ways, choose, reduce};

/// What the tool or the format is called unless the job says.
const NAME: &str = "answer";

/// Corrections that a row has, unless the job says, and at most.
const REASKS: u32 = 1;
const MOST_REASKS: u32 = 3;

/// Structured output, as a job asks for it.
#[derive(Debug, Clone)]
pub struct SchemaPlan {
    /// What responses are validated against.
    pub schema: Arc<Schema>,
    /// What is sent, and where in the request.
    pub sent: Arc<SentSchema>,
    /// Why in that mode: the end of a sentence.
    pub why: String,
    /// What of the schema is not sent, each with its place.
    pub removed: Vec<String>,
    /// What a person should know of the schema.
    pub remark: Option<String>,
    /// How often the model is asked to correct an invalid response.
    pub reasks: u32,
    /// Whether text around the JSON, and text that is nearly JSON, is repaired.
    pub repairs: bool,
}

impl SchemaPlan {
    /// What judges responses, whose completions have at most `max_tokens` tokens.
    pub fn judge(&self, max_tokens: Option<u32>) -> Judge {
        Judge {
            schema: Arc::clone(&self.schema),
            repairs: self.repairs,
            max_tokens,
        }
    }

    /// What identifies the schema that validates, if what is sent does not say all of it.
    pub fn unsent_identity(&self) -> Option<String> {
        (!self.removed.is_empty()).then(|| self.schema.identity())
    }
}

/// The schema of a job; `None` if it has none.
pub(super) fn schema(
    job: &JobFile,
    parameters: &Parameters,
    family: Family,
    model: &ModelId,
    path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
) -> Result<Option<SchemaPlan>, JobError> {
    let table = &job.schema;
    let Some((key, text)) = text(table, path)? else {
        return Ok(None);
    };
    let schema = Schema::parse(&text.text).map_err(|problem| {
        let from = text.file.as_deref();
        wrong(
            key,
            from.map_or_else(|| problem.to_string(), |file| format!("{file}: {problem}")),
        )
    })?;
    if !family.writes_text() {
        let message = format!(
            "{} writes no text, and only text can follow a schema: leave [schema] out",
            family.name()
        );
        return Err(wrong(key, message));
    }
    if let Some(extra) = Family::contradicts_schema(&parameters.extra) {
        let message = format!(
            "extra.{extra} and [schema] exclude each other: remove one of them, since [schema] \
             determines the form of the response"
        );
        return Err(wrong("model.extra", message));
    }
    let base = model.base();
    let case = ModeInputs {
        base,
        ways: Ways {
            native: family.takes_schema(SchemaMode::Native),
            tool: family.takes_schema(SchemaMode::Tool),
            limits_size: family.limits_schema_size(),
        },
        thinks: family.thinks_by_request(&parameters.extra),
        force: job.model.force,
    };
    let asked = mode(table.mode.as_deref())?;
    let choice = choose(asked, &schema, &case).map_err(|why| wrong("schema.mode", why))?;
    let (sent, removed, remark) = match choice.mode {
        SchemaMode::Native => {
            let Reduced {
                schema,
                removed,
                limits,
                ..
            } = reduce(schema.value());
            (schema, removed, limits.remark())
        }
        SchemaMode::Tool | SchemaMode::Prompt => (schema.value().clone(), Vec::new(), None),
    };
    Ok(Some(SchemaPlan {
        sent: Arc::new(SentSchema {
            mode: choice.mode,
            name: name(table.name.as_deref())?,
            schema: sent,
        }),
        schema: Arc::new(schema),
        why: choice.why,
        removed,
        remark,
        reasks: reasks(table.reasks)?,
        repairs: table.repair.unwrap_or(true),
    }))
}

/// A schema's text, and the file it was read from.
struct SchemaText {
    text: String,
    file: Option<String>,
}

fn text(
    table: &SchemaTable,
    path: &impl Fn(&str) -> Result<PathBuf, ExpandError>,
) -> Result<Option<(&'static str, SchemaText)>, JobError> {
    match (&table.path, &table.json) {
        (Some(_), Some(_)) => Err(wrong(
            "schema.path",
            "`path` and `json` both give the schema: keep one of them",
        )),
        (None, Some(text)) => {
            let (text, file) = (text.clone(), None);
            Ok(Some(("schema.json", SchemaText { text, file })))
        }
        (Some(typed), None) => {
            let path = path(typed)?;
            let file = path.display().to_string();
            let text = small::text(&path);
            let text = text.map_err(|why| wrong("schema.path", format!("{file}: {why}")))?;
            let file = Some(file);
            Ok(Some(("schema.path", SchemaText { text, file })))
        }
        (None, None) if table.is_empty() => Ok(None),
        (None, None) => Err(wrong(
            "schema",
            "there is no schema: give `path` (--schema FILE), or the schema itself in `json`",
        )),
    }
}

fn mode(word: Option<&str>) -> Result<Option<SchemaMode>, JobError> {
    match word {
        None | Some("auto") => Ok(None),
        Some(word) => match SchemaMode::parse(word) {
            Some(mode) => Ok(Some(mode)),
            None => {
                let message = format!("\"{word}\" is not one of auto, native, tool, prompt");
                Err(wrong("schema.mode", message))
            }
        },
    }
}

/// The names that Claude, Nova and OpenAI-style models take for a tool.
fn name(typed: Option<&str>) -> Result<String, JobError> {
    let name = typed.unwrap_or(NAME);
    let is_taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || 64 < name.len() || !name.chars().all(is_taken) {
        let message = format!("\"{name}\" is not 1 to 64 letters, digits, _ or -");
        return Err(wrong("schema.name", message));
    }
    Ok(name.to_owned())
}

fn reasks(typed: Option<u32>) -> Result<u32, JobError> {
    match typed.unwrap_or(REASKS) {
        more if MOST_REASKS < more => {
            let message = format!("{more} corrections a row; at most {MOST_REASKS} are made");
            Err(wrong("schema.reasks", message))
        }
        number => Ok(number),
    }
}
