//! A job as it was typed: a file, flags over it, nothing derived.

mod check;
mod error;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;
use toml::de::DeTable;

use super::expand::{expand, is_open};
use super::keys::PROMPT_SOURCES;
use super::small;
use crate::input::Format;
use check::{CheckedFile, newlines};

pub use error::JobError;
pub(super) use error::Mistakes;

/// A job file with the flags laid over it. Whether it makes sense is for the plan to say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are the keys, and `keys` says what each is for"
)]
pub struct JobFile {
    pub name: Option<String>,
    pub input: InputTable,
    pub prompt: PromptTable,
    pub model: ModelTable,
    pub sweep: SweepTable,
    pub schema: SchemaTable,
    pub limits: LimitsTable,
    pub retry: RetryTable,
    pub output: OutputTable,
    pub emulator: EmulatorTable,
    /// `model` as it was typed, from which the variants of a sweep are made.
    #[serde(skip)]
    pub typed_model: toml::Table,
}

/// `[input]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct InputTable {
    pub path: Option<String>,
    pub format: Option<String>,
    pub delimiter: Option<String>,
    pub quote: Option<String>,
    pub escape: Option<String>,
    pub comment: Option<String>,
    pub header: Option<bool>,
    pub records: Option<String>,
    pub id: Option<String>,
    pub keep: Vec<String>,
    pub allow_empty: bool,
    pub dedupe: bool,
}

/// `[prompt]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct PromptTable {
    pub system: Option<String>,
    pub cache: bool,
    pub template: Option<String>,
    pub template_file: Option<String>,
    pub column: Option<String>,
    pub messages: Option<String>,
    pub texts: Option<String>,
    pub body: Option<String>,
}

/// `[model]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct ModelTable {
    pub id: Option<String>,
    pub family: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    pub endpoint: Option<String>,
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    pub stop: Vec<String>,
    pub stream: bool,
    pub rows_per_call: Option<u32>,
    pub service_tier: Option<String>,
    pub latency: Option<String>,
    pub guardrail: Option<String>,
    pub guardrail_version: Option<String>,
    pub trace: Option<String>,
    pub request_metadata: serde_json::Map<String, serde_json::Value>,
    pub content_type: Option<String>,
    pub accept: Option<String>,
    pub prices: Option<String>,
    pub extra: serde_json::Map<String, serde_json::Value>,
    pub force: bool,
    /// What Bedrock says stands behind an `id` that does not tell: an id that calls the same model
    /// in the same way. It cannot be typed.
    #[serde(skip)]
    pub behind: Option<String>,
    /// Bedrock says that the model does not answer in chunks. It cannot be typed.
    #[serde(skip)]
    pub answers_whole: bool,
}

/// `[sweep]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SweepTable {
    pub samples: Option<u32>,
    pub seed: Option<u32>,
    pub on_refused: Option<String>,
    pub prompt: Vec<SweepPromptTable>,
    /// `model`, and keys of `[model]`: each a list of values.
    #[serde(flatten)]
    pub axes: BTreeMap<String, toml::Value>,
}

/// `[[sweep.prompt]]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepPromptTable {
    pub name: Option<String>,
    pub system: Option<String>,
    pub template: Option<String>,
    pub template_file: Option<String>,
}

impl SweepTable {
    /// Whether nothing of it was given.
    pub(in crate::job) fn is_empty(&self) -> bool {
        let Self {
            samples,
            seed,
            on_refused,
            prompt,
            axes,
        } = self;
        samples.is_none()
            && seed.is_none()
            && on_refused.is_none()
            && prompt.is_empty()
            && axes.is_empty()
    }

    /// How many samples a row has in each variant.
    pub(in crate::job) fn samples(&self) -> u32 {
        self.samples.unwrap_or(1)
    }
}

/// `[schema]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct SchemaTable {
    pub path: Option<String>,
    pub json: Option<String>,
    pub mode: Option<String>,
    pub name: Option<String>,
    pub reasks: Option<u32>,
    pub repair: Option<bool>,
}

impl SchemaTable {
    /// Whether nothing of it was given.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `[limits]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct LimitsTable {
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u64>,
    pub tokens_per_day: Option<u64>,
    pub quota: Option<String>,
    pub utilization: Option<f64>,
    pub burndown: Option<f64>,
    pub concurrency: Option<u32>,
    pub max_cost_usd: Option<f64>,
    pub max_cost_per_run_usd: Option<f64>,
    pub deadline: Option<String>,
    pub max_error_rate: Option<String>,
    pub window: Vec<WindowTable>,
}

/// `[[limits.window]]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct WindowTable {
    pub from: Option<String>,
    pub to: Option<String>,
    pub zone: Option<String>,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u64>,
}

/// `[retry]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct RetryTable {
    pub max_attempts: Option<u32>,
    pub throttle_wait: Option<String>,
    pub attempt_timeout: Option<String>,
    pub idle_timeout: Option<String>,
}

/// `[output]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct OutputTable {
    pub path: Option<String>,
    pub raw: Option<String>,
    pub reasoning: bool,
    pub messages: bool,
    pub durability: Option<String>,
    pub mode: Option<String>,
    pub max_failures: Option<toml::Value>,
    pub max_filtered: Option<toml::Value>,
}

/// `[emulator]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "see `keys`")]
pub struct EmulatorTable {
    pub scenario: Option<String>,
}

/// A path of a job that depends on the day or on the environment, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedPath {
    /// The flag that stands for its key.
    pub flag: &'static str,
    /// The path, written out.
    pub path: String,
}

impl JobFile {
    /// The paths in which `${NAME}` or `{{ date }}` stands, written out. What cannot be written
    /// out is left to the plan to refuse.
    pub fn pinned(
        &self,
        today: Date,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Vec<PinnedPath> {
        let open = self.paths().into_iter().filter_map(|(flag, path)| {
            let path = path.as_deref().filter(|path| is_open(path))?;
            let path = expand(path, today, &variable).ok()?;
            Some(PinnedPath { flag, path })
        });
        open.collect()
    }

    /// Where the output is, as far as the job says and it can be written out.
    pub fn output_path(
        &self,
        today: Date,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<PathBuf> {
        let path = self.output.path.as_deref()?;
        expand(path, today, &variable).ok().map(PathBuf::from)
    }

    /// Whether `{{ date }}` stands in a path.
    pub fn names_the_day(&self) -> bool {
        let names = |path: &Option<String>| path.as_deref().is_some_and(|path| path.contains("{{"));
        self.paths().into_iter().any(|(_, path)| names(path))
    }

    /// The paths of a job, with the flags that stand for their keys.
    fn paths(&self) -> [(&'static str, &Option<String>); 6] {
        [
            ("input", &self.input.path),
            ("template-file", &self.prompt.template_file),
            ("prices", &self.model.prices),
            ("schema", &self.schema.path),
            ("output", &self.output.path),
            ("scenario", &self.emulator.scenario),
        ]
    }

    /// Reads the job file, if there is one, and lays the flags over it.
    ///
    /// # Errors
    /// [`JobError`], with file and line where there is one.
    pub fn load(path: Option<&Path>, flags: toml::Table) -> Result<Self, JobError> {
        let mut job = match path {
            Some(path) => read(path)?,
            None => toml::Table::new(),
        };
        narrow_sweep(&mut job, &flags);
        lay_over(&mut job, flags);
        let model = job.get("model").and_then(toml::Value::as_table);
        let typed_model = model.cloned().unwrap_or_default();
        let job: Result<Self, _> = toml::Value::Table(job).try_into();
        job.map(|job| Self { typed_model, ..job })
            .map_err(|error: toml::de::Error| JobError::WrongKind {
                place: path.map_or("flags".into(), |path| path.display().to_string()),
                key: "job".into(),
                takes: "the keys of the reference",
                found: error.message().to_owned(),
            })
    }
}

/// A flag that gives one value to a key that varies in the file chooses that value.
fn narrow_sweep(job: &mut toml::Table, flags: &toml::Table) {
    let Some(toml::Value::Table(typed)) = flags.get("model") else {
        return;
    };
    let Some(toml::Value::Table(sweep)) = job.get_mut("sweep") else {
        return;
    };
    for (name, value) in typed {
        let axis = match name.as_str() {
            "id" => "model",
            name => name,
        };
        if let Some(list) = sweep.get_mut(axis) {
            *list = toml::Value::Array(vec![value.clone()]);
        }
    }
}

/// Flags win, and a prompt source named by a flag replaces the one in the file.
fn lay_over(job: &mut toml::Table, flags: toml::Table) {
    for (name, flag) in flags {
        match (job.get_mut(&name), flag) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => {
                if PROMPT_SOURCES
                    .iter()
                    .any(|source| above.contains_key(*source))
                {
                    below.retain(|key, _| !PROMPT_SOURCES.contains(&key));
                }
                below.extend(above);
            }
            (_, flag) => {
                job.insert(name, flag);
            }
        }
    }
}

fn read(path: &Path) -> Result<toml::Table, JobError> {
    let file = path.display().to_string();
    if Format::of_path(path).is_some() || path == Path::new("-") {
        return Err(JobError::Prompts { file });
    }
    let bytes = small::bytes_of_any(path).map_err(|error| {
        let file = file.clone();
        let problem = error.to_string();
        JobError::Read { file, problem }
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + newlines(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let problem = format!("line {line} is not UTF-8, as TOML must be");
        let file = file.clone();
        JobError::Read { file, problem }
    })?;
    let place = CheckedFile {
        file: &file,
        text: &text,
    };
    let typed = DeTable::parse(&text).map_err(|error| place.syntax(&error))?;
    place.check(typed.get_ref())?;
    toml::from_str(&text).map_err(|error| place.syntax(&error))
}
