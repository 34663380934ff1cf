//! Nothing paid for is lost: kills, signals, two runs at once, files that cannot grow or are gone.
//!
//! Each runs a few rounds here; `PROMPTMILL_ROUNDS=1000 cargo test --test it ledger::` is the long
//! form. The emulator outlives the runs, and its counters are the other side of the story.

mod files;
mod kills;
mod links;
mod lock;
mod repair;
mod signals;
mod storm;

use bedrock_emulator::{Counts, Emulator, EmulatorHandle, Scenario};

use crate::harness::{Job, NOVA, Out, pause};

/// An emulator that outlives the runs.
pub(crate) struct Service {
    emulator: EmulatorHandle,
    pub(crate) url: String,
}

impl Service {
    pub(crate) fn playing(scenario: &str) -> Self {
        let scenario = Scenario::parse(scenario, "test").unwrap();
        let emulator = Emulator::start(scenario).unwrap();
        let url = emulator.url();
        Self { emulator, url }
    }

    /// Its counters, once nothing is under way.
    pub(crate) fn counts(&self) -> Counts {
        let stats = self.emulator.stats();
        while 0 < stats.counts().in_flight {
            pause();
        }
        stats.counts()
    }

    /// `job`, to be answered here.
    fn of(&self, job: Job) -> Job {
        self.to("out.jsonl", job)
    }

    /// The same, to this output.
    fn to(&self, output: &str, job: Job) -> Job {
        job.env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env("AWS_REGION", "us-east-1")
            .args(["--endpoint-url", &self.url, "-m", NOVA])
            .args(["-i", "prompts.csv", "-o", output, "-t", "{{ text }}"])
    }

    /// A run over this many rows.
    fn job(&self, rows: usize) -> Job {
        self.of(Job::new("run").file("prompts.csv", csv(rows)))
    }

    /// The same command again.
    fn again(&self, out: Out) -> Job {
        self.of(out.again("run"))
    }
}

fn csv(rows: usize) -> String {
    let rows: String = (0..rows).map(|n| format!("r{n:04},text {n}\n")).collect();
    format!("id,text\n{rows}")
}

/// An emulator that takes this long for an answer.
fn taking(ms: u64) -> Service {
    Service::playing(&format!(
        "[latency]\nfirst_token_ms = {ms}\nper_token_ms = 0\njitter = 0.5\n"
    ))
}

/// How many rounds: the environment's wish, or a few.
fn rounds(few: usize) -> usize {
    let asked = std::env::var("PROMPTMILL_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(few)
}
