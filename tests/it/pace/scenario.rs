//! The files as they are written.

use std::path::Path;

use bedrock_emulator::Scenario;
use serde::Deserialize;

/// A scenario of pace.
pub(super) struct File {
    /// The jobs, all at the same time.
    pub(super) jobs: Vec<Job>,
    /// The service they call.
    pub(super) service: Scenario,
    /// What they come to.
    pub(super) expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    about: String,
    job: Vec<Job>,
    /// A scenario of the emulator, as it is in a file of its own.
    service: String,
    expect: Expect,
}

/// A job: what the user says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    #[serde(default = "nova")]
    pub(super) model: String,
    pub(super) rows: u64,
    #[serde(default = "prompt_bytes")]
    pub(super) prompt_bytes: usize,
    #[serde(default = "concurrency")]
    pub(super) concurrency: usize,
    pub(super) requests_per_minute: Option<u32>,
    pub(super) tokens_per_minute: Option<u64>,
    #[serde(default = "max_tokens")]
    pub(super) max_tokens: u32,
    #[serde(default = "burndown")]
    pub(super) burndown: f64,
}

/// What a scenario must come to; each job of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Makespan over ideal, at most.
    pub(super) makespan_over_ideal: f64,
    /// Refusals as a share of attempts, at most.
    pub(super) refused_share: f64,
    /// A stretch of seconds without change, and the share of the quota that is used in it.
    pub(super) steady_s: Option<[f64; 2]>,
    pub(super) steady_share: Option<f64>,
    /// Attempts above 1.1 for each answered row, at most.
    pub(super) spare_attempts: Option<f64>,
}

fn nova() -> String {
    "us.amazon.nova-lite-v1:0".into()
}

fn prompt_bytes() -> usize {
    100
}

fn concurrency() -> usize {
    64
}

fn max_tokens() -> u32 {
    100
}

fn burndown() -> f64 {
    1.0
}

impl File {
    /// Reads a file, and the service's scenario in it.
    #[track_caller]
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.display().to_string();
        let written: Written = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!written.about.is_empty());
        let service = Scenario::parse(&written.service, &name).unwrap_or_else(|e| panic!("{e}"));
        Self {
            jobs: written.job,
            service,
            expect: written.expect,
        }
    }
}
