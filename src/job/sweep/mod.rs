//! `[sweep]`: one job over models, parameters, prompts and samples. Each combination is a variant: a
//! job of its own, checked like any other, that shares input, output and limits with the others.
//!
//! A variant's name identifies its records in the output, so it depends on the variant alone: on its
//! model, and on its values of the keys that vary. Values that are added to a list later, or removed,
//! change no other name. A key that begins to vary changes all of them.

mod name;
mod planned;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::file::{JobError, JobFile, PromptTable, SweepPromptTable, SweepTable};
use super::keys::{PROMPT_SOURCES, axis, cannot_vary, varying_keys};
use crate::run::Variant;

use name::{model_name, value_name};

pub use planned::{PlannedVariant, SweepCells, SweepPlan};

/// More variants than this are a mistake in one of the lists.
const MOST_VARIANTS: usize = 1000;

/// More calls for each row are a mistake too; its rows are in memory at once.
const MOST_CELLS: u64 = 10_000;

/// What is done with variants that their model is known to reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefused {
    /// The job is rejected.
    Reject,
    /// They are left out.
    Skip,
}

impl SweepTable {
    /// What is done with variants that their model is known to reject.
    pub(crate) fn on_refused(&self) -> Result<OnRefused, JobError> {
        match self.on_refused.as_deref() {
            None | Some("error") => Ok(OnRefused::Reject),
            Some("skip") => Ok(OnRefused::Skip),
            Some(other) => Err(wrong(
                "sweep.on_refused",
                format!("\"{other}\" is not error or skip"),
            )),
        }
    }
}

/// One combination of the values that vary, as a job.
#[derive(Debug, Clone)]
pub struct VariantJob {
    /// Its name.
    pub variant: Arc<Variant>,
    /// The values that vary, by key.
    pub params: Map<String, Value>,
    /// The job.
    pub job: JobFile,
}

impl JobFile {
    /// The variants of the job, in the order of its lists: models first, prompts last. None where
    /// nothing varies and there is one sample.
    ///
    /// # Errors
    /// A list is empty or names a value twice, or a key cannot vary.
    pub fn variants(&self) -> Result<Vec<VariantJob>, JobError> {
        let sweep = &self.sweep;
        if sweep.is_empty() {
            return Ok(Vec::new());
        }
        self.reject_copied_samples()?;
        let mut jobs = vec![(Vec::new(), Map::new(), self.clone())];
        for axis in self.axes()? {
            jobs = jobs
                .iter()
                .flat_map(|job| axis.values.iter().map(|value| axis.with(job, value)))
                .collect::<Result<_, _>>()?;
            if MOST_VARIANTS < jobs.len() {
                let message = format!(
                    "its lists make more than {MOST_VARIANTS} variants: shorten them, or split the job"
                );
                return Err(wrong("sweep", message));
            }
        }
        let jobs = jobs.into_iter().enumerate();
        let variants = jobs.map(|(place, (names, params, job))| VariantJob {
            variant: Arc::new(Variant {
                place,
                name: names.join("/"),
            }),
            params,
            job,
        });
        let variants: Vec<_> = variants.collect();
        reject_one_name(&variants)?;
        let cells = variants.len() as u64 * u64::from(sweep.samples());
        if MOST_CELLS < cells {
            let message = format!(
                "each row would be sent {cells} times, more than {MOST_CELLS}: ask for fewer samples, or \
                 shorten the lists"
            );
            return Err(wrong("sweep.samples", message));
        }
        Ok(variants)
    }

    /// Samples are calls of the same request on purpose, and copies would be no samples.
    fn reject_copied_samples(&self) -> Result<(), JobError> {
        if self.input.dedupe && 1 < self.sweep.samples() {
            let message = "samples send the same request several times, and dedupe sends it once: \
                           leave one of them out";
            return Err(wrong("input.dedupe", message));
        }
        Ok(())
    }

    /// What varies: the model, which every name begins with, then keys of `[model]` in the order of the
    /// reference, then the prompt.
    fn axes(&self) -> Result<Vec<Axis<'_>>, JobError> {
        let sweep = &self.sweep;
        let mut axes = Vec::new();
        let own = self.model.id.iter().cloned().map(toml::Value::from);
        let models = match sweep.axes.get("model") {
            Some(list) => list_of("model", list)?,
            None => own.collect(),
        };
        if !models.is_empty() {
            let values = models.into_iter().map(AxisValue::Key).collect();
            axes.push(Axis {
                name: "model",
                values,
            });
        }
        for name in sweep.axes.keys() {
            if let Some(why) = cannot_vary(name) {
                return Err(JobError::CannotVary {
                    place: "sweep".into(),
                    key: name.clone(),
                    why,
                });
            }
        }
        for key in varying_keys() {
            if let Some(list) = sweep.axes.get(key.name) {
                let values = list_of(key.name, list)?;
                let values = values.into_iter().map(AxisValue::Key).collect();
                axes.push(Axis {
                    name: key.name,
                    values,
                });
            }
        }
        if !sweep.prompt.is_empty() {
            self.prompts_are_whole()?;
            axes.push(Axis {
                name: "prompt",
                values: sweep.prompt.iter().map(AxisValue::Prompt).collect(),
            });
        }
        Ok(axes)
    }

    /// A prompt of a sweep has a name and a template, and no other source of prompts is beside it.
    fn prompts_are_whole(&self) -> Result<(), JobError> {
        let PromptTable {
            template,
            template_file,
            column,
            messages,
            texts,
            body,
            ..
        } = &self.prompt;
        let others = [template, template_file, column, messages, texts, body];
        let others = PROMPT_SOURCES.iter().zip(others);
        if let Some((other, _)) = others.into_iter().find(|(_, given)| given.is_some()) {
            return Err(JobError::TwoSources("sweep.prompt", other));
        }
        for (nth, prompt) in self.sweep.prompt.iter().enumerate() {
            let place = || match &prompt.name {
                Some(name) => format!("prompt \"{name}\""),
                None => format!("prompt {}", nth + 1),
            };
            let problem = match (&prompt.name, &prompt.template, &prompt.template_file) {
                (None, ..) => "it has no name",
                (Some(name), ..) if !name::is_plain(name) => {
                    "its name must consist of letters, digits, `-`, `_` and `.`"
                }
                (_, None, None) => "it has no template: give template or template_file",
                (_, Some(_), Some(_)) => "keep one of template and template_file",
                (_, Some(_), None) | (_, None, Some(_)) => continue,
            };
            return Err(wrong("sweep.prompt", format!("{}: {problem}", place())));
        }
        Ok(())
    }
}

/// A key that varies, with its values.
struct Axis<'a> {
    name: &'static str,
    values: Vec<AxisValue<'a>>,
}

enum AxisValue<'a> {
    Key(toml::Value),
    Prompt(&'a SweepPromptTable),
}

/// The parts of a name, the values that vary, and the job with them.
type Partial = (Vec<String>, Map<String, Value>, JobFile);

impl Axis<'_> {
    /// `job` with this value.
    fn with(&self, job: &Partial, value: &AxisValue<'_>) -> Result<Partial, JobError> {
        let (mut names, mut params, mut job) = job.clone();
        match value {
            AxisValue::Prompt(prompt) => {
                let name = prompt.name.clone().unwrap_or_default();
                params.insert("prompt".into(), name.clone().into());
                names.push(name);
                job.prompt.template.clone_from(&prompt.template);
                job.prompt.template_file.clone_from(&prompt.template_file);
                if prompt.system.is_some() {
                    job.prompt.system.clone_from(&prompt.system);
                }
            }
            AxisValue::Key(value) => {
                let json = serde_json::to_value(value).unwrap_or_default();
                names.push(match self.name {
                    "model" => model_name(value.as_str().unwrap_or_default()),
                    name => format!("{name}={}", value_name(&json)),
                });
                params.insert(self.name.into(), json);
                let key = match self.name {
                    "model" => "id",
                    name => name,
                };
                job.set_model(key, value.clone())?;
            }
        }
        Ok((names, params, job))
    }
}

impl JobFile {
    /// Sets a key of `[model]`.
    fn set_model(&mut self, key: &'static str, value: toml::Value) -> Result<(), JobError> {
        let shown = shown(&value);
        self.typed_model.insert(key.into(), value);
        let table = toml::Value::Table(self.typed_model.clone());
        self.model = table.try_into().map_err(|_| {
            let takes = super::keys::find("model", key).map_or("a value", |key| key.kind.takes());
            JobError::WrongKind {
                place: "sweep".into(),
                key: key.into(),
                takes,
                found: shown,
            }
        })?;
        Ok(())
    }
}

/// The values of a list; a single value is a list of one.
fn list_of(name: &str, list: &toml::Value) -> Result<Vec<toml::Value>, JobError> {
    let Some(values) = list.as_array() else {
        return Err(JobError::WrongKind {
            place: "sweep".into(),
            key: name.to_owned(),
            takes: "a list of values",
            found: shown(list),
        });
    };
    // 0 and 0.0 are the same number.
    let is_number = axis(name).is_some_and(|key| key.kind == super::keys::Kind::Number);
    let values = values.iter().map(|value| match value.as_integer() {
        Some(number) if is_number => toml::Value::Float(number as f64),
        Some(_) | None => value.clone(),
    });
    let values: Vec<_> = values.collect();
    if values.is_empty() {
        let message = format!("{name} has no values: name one, or leave it out");
        return Err(wrong("sweep", message));
    }
    let mut seen = values.iter().enumerate();
    if let Some((_, twice)) = seen.find(|(at, value)| values[..*at].contains(value)) {
        let message = format!("{name} names {} twice: name it once", shown(twice));
        return Err(wrong("sweep", message));
    }
    Ok(values)
}

fn reject_one_name(variants: &[VariantJob]) -> Result<(), JobError> {
    let mut names = BTreeMap::new();
    for VariantJob {
        variant, params, ..
    } in variants
    {
        if let Some(first) = names.insert(&variant.name, params) {
            let json = |params: &Map<String, Value>| Value::from(params.clone()).to_string();
            let message = format!(
                "two variants have the name {}: {} and {}; leave one of them out, or give it another \
                 output",
                variant.name,
                json(first),
                json(params)
            );
            return Err(wrong("sweep", message));
        }
    }
    Ok(())
}

/// A value as JSON, which for people is close enough to TOML.
fn shown(value: &toml::Value) -> String {
    serde_json::to_value(value).unwrap_or_default().to_string()
}

fn wrong(key: &'static str, message: impl ToString) -> JobError {
    JobError::Value {
        key,
        message: message.to_string(),
    }
}

#[cfg(test)]
mod tests;
