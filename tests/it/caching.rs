//! `cache = true`: the system prompt is marked, the first call fills the cache alone, the others
//! read it, and what was read is counted, priced and paced as such.

use serde_json::Value;

use crate::harness::{Job, Out};

/// 5,000 tokens, by the emulator's measure; Claude Haiku 4.5 caches 4,096 or more.
fn system() -> String {
    "Answer in one word. ".repeat(1000)
}

/// Slow enough for all rows to start before the first is answered.
const SLOW: &str = "[latency]\nfirst_token_ms = 300\nper_token_ms = 0\n";

const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

fn job(model: &str) -> Job {
    let rows: String = (1..=6).map(|row| format!("r{row},text {row}\n")).collect();
    Job::new("run")
        .file("prompts.csv", format!("id,text\n{rows}"))
        .scenario(SLOW)
        .args(["-i", "prompts.csv", "-m", model, "-o", "out.jsonl"])
        .args(["-t", "{{ text }}"])
}

/// How many tokens each row read from the cache, and wrote to it, in the order of the output.
fn cached(out: &Out) -> Vec<(u64, u64)> {
    let text = out.text("out.jsonl");
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let count = |row: &Value, what: &str| row["usage"][what].as_u64().unwrap_or_default();
    rows.map(|row| {
        (
            count(&row, "cache_read_input_tokens"),
            count(&row, "cache_write_input_tokens"),
        )
    })
    .collect()
}

#[test]
fn the_first_call_writes_the_cache_and_the_others_read_it() {
    for model in [CLAUDE, "us.amazon.nova-lite-v1:0"] {
        for stream in ["--stream=false", "--stream=true"] {
            let job = job(model).args(["--system", &system(), "--cache", stream]);
            let out = job.run().exits(0);
            let cached = cached(&out);
            assert_eq!(cached[0], (0, 5000), "{model} {stream}");
            assert_eq!(cached[1..], [(5000, 0); 5], "{model} {stream}");
            let total = &out.run_file()["total"];
            assert!(total["cost_usd"].is_f64(), "{model} {stream}: {total}");
        }
    }
}

#[test]
fn what_is_read_from_the_cache_costs_less() {
    let cost = |args: &[&str]| {
        let mut job = job(CLAUDE).args(["--system", &system()]);
        for arg in args {
            job = job.args([*arg]);
        }
        let out = job.run().exits(0);
        let row = &out.answers()["r6"];
        assert_eq!(
            row["usage"]["input_tokens"], 5009,
            "cached ones included: {row}"
        );
        row["cost_usd"].as_f64().unwrap()
    };
    // claude-haiku-4-5 through us.: $1.10 a million tokens of input, $0.11 read from the cache
    // (catalog).
    let saved = cost(&[]) - cost(&["--cache"]);
    assert!((saved - 5000.0 * 0.99e-6).abs() < 1e-9, "{saved}");
}

#[test]
fn nova_writes_the_cache_at_the_price_of_input() {
    let out = job("us.amazon.nova-lite-v1:0").args(["--system", &system(), "--cache"]);
    let out = out.run().exits(0);
    let first = out
        .answers()
        .into_values()
        .find(|row| row["usage"]["cache_write_input_tokens"] == 5000)
        .unwrap();
    let tokens = |what: &str| first["usage"][what].as_f64().unwrap();
    // nova-lite: $0.06 a million tokens of input, $0.24 of output (catalog).
    let cost = tokens("input_tokens") * 0.06e-6 + tokens("output_tokens") * 0.24e-6;
    let said = first["cost_usd"].as_f64().unwrap();
    assert!((said - cost).abs() < 1e-9, "{first}");
}

#[test]
fn a_prefix_that_is_too_short_is_not_cached_and_nothing_fails() {
    let job = job(CLAUDE).args(["--system", "Be terse.", "--cache"]);
    let out = job.run().exits(0).says("surely too short to be cached");
    assert_eq!(cached(&out), [(0, 0); 6]);
    let waited = |row: &Value| row["queued_ms"].as_u64().unwrap();
    let longest = out.answers().values().map(waited).max();
    assert!(
        longest < Some(300),
        "no row waits for the first: {longest:?}"
    );
    let planned = Job::new("plan")
        .file("prompts.csv", "id,text\na,one\n")
        .args(["-i", "prompts.csv", "-m", CLAUDE, "-o", "out.jsonl"])
        .args(["-t", "{{ text }}", "--system", "Be terse.", "--cache"])
        .run()
        .exits(0);
    assert!(
        planned.stdout.contains("too short to be cached"),
        "{}",
        planned.stdout
    );
}

#[test]
fn a_cache_that_cannot_be_is_refused() {
    let refused = |job: Job, message: &str| {
        job.run().exits(2).says(message);
    };
    refused(
        job(CLAUDE).args(["--cache"]),
        "`prompt.cache`: there is no system prompt to cache: give `system`, or leave it out",
    );
    refused(
        job("openai.gpt-oss-20b-1:0").args(["--cache", "--system", "Be terse."]),
        "`prompt.cache`: `openai-chat` has no mark for a cached prompt (claude-messages and nova \
         have): leave it out",
    );
}
