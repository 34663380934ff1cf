//! Structured output over the wire: every mode, answers that are broken, corrections, and what the
//! records say of them.

mod bad_input;
mod shapes;

use serde_json::{Value, json};

use crate::harness::{Job, Out, QUICK, Service, pause};

const LABEL: &str = r#"{"type": "object", "required": ["label", "score", "note"], "properties": {
    "label": {"enum": ["good", "bad"]}, "score": {"type": "integer", "minimum": 1, "maximum": 5},
    "note": {"type": "string"}, "flag": {"type": ["boolean", "null"]}}}"#;

/// The label without bounds, which the service does not enforce.
fn plain() -> String {
    LABEL.replace(r#", "minimum": 1, "maximum": 5"#, "")
}

/// A model of each family and mode, and the mode that it is asked in.
const MODELS: [(&str, &str); 12] = [
    ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "native"),
    ("openai.gpt-oss-20b-1:0", "native"),
    ("us.anthropic.claude-opus-5", "tool"),
    ("us.amazon.nova-lite-v1:0", "tool"),
    ("mistral.mistral-large-2407-v1:0", "tool"),
    ("us.anthropic.claude-opus-5-5", "prompt"),
    ("us.meta.llama3-3-70b-instruct-v1:0", "prompt"),
    ("us.deepseek.r1-v1:0", "prompt"),
    ("amazon.titan-text-express-v1", "prompt"),
    ("cohere.command-r-v1:0", "prompt"),
    ("ai21.jamba-1-5-mini-v1:0", "prompt"),
    ("mistral.mistral-7b-instruct-v0:2", "prompt"),
];

fn rows(count: usize) -> String {
    let rows: String = (1..=count).map(|n| format!("r{n:03},text {n}\n")).collect();
    format!("id,text\n{rows}")
}

fn job(count: usize, schema: &str, scenario: &str) -> Job {
    let job = Job::new("run")
        .file("prompts.csv", rows(count))
        .file("schema.json", schema)
        .scenario(&format!("{QUICK}{scenario}"));
    labelling(job)
}

/// The flags of these jobs, for a job that has the files.
fn labelling(job: Job) -> Job {
    job.args([
        "-i",
        "prompts.csv",
        "-o",
        "out.jsonl",
        "-t",
        "Label {{ text }}",
    ])
    .args([
        "--schema",
        "schema.json",
        "--region",
        "us-east-1",
        "--max-tokens",
        "2000",
    ])
}

const NOVA: [&str; 2] = ["-m", "us.amazon.nova-lite-v1:0"];
const LLAMA: [&str; 2] = ["-m", "us.meta.llama3-3-70b-instruct-v1:0"];

fn planned(model: &str, schema: &str) -> Value {
    let out = Job::new("plan")
        .file("prompts.csv", rows(1))
        .file("schema.json", schema)
        .args([
            "-i",
            "prompts.csv",
            "-o",
            "out.jsonl",
            "-t",
            "{{ text }}",
            "--endpoint-url",
            "emulator",
        ])
        .args(["-m", model, "--schema", "schema.json", "--json"])
        .run()
        .exits(0);
    serde_json::from_str(&out.stdout).unwrap()
}

#[test]
fn every_mode_brings_valid_objects_whole_and_streamed() {
    for (model, mode) in MODELS {
        assert_eq!(planned(model, LABEL)["schema"]["mode"], mode, "{model}");
        for stream in ["false", "true"] {
            let stream = format!("--stream={stream}");
            let out = job(3, &plain(), "")
                .args(["-m", model, &stream])
                .run()
                .exits(0);
            for (id, line) in out.answers() {
                assert_eq!(line["schema_valid"], true, "{model} {id}: {line}");
                let text = line["completion"].as_str().unwrap();
                let value: Value = serde_json::from_str(text.trim()).unwrap();
                assert_eq!(line["output"], value, "{model} {id}: {line}");
                let label = value["label"].as_str().unwrap();
                assert!(["good", "bad"].contains(&label), "{line}");
            }
            assert_eq!(out.answers().len(), 3, "{model}");
        }
    }
}

/// The record of a row whose response is broken like this and is not corrected.
fn broken(kind: &str, model: [&str; 2]) -> Out {
    let scenario = format!("[[answer]]\nbroken = \"{kind}\"\n");
    job(1, LABEL, &scenario)
        .args(model)
        .args(["--reasks", "0", "--max-failures", "1"])
        .run()
        .exits(0)
}

#[test]
fn broken_responses_are_repaired_or_fail_with_the_rule_that_they_break() {
    for (kind, repaired) in [
        ("fenced", "fenced_block"),
        ("prose", "outermost"),
        ("trailing_comma", "tolerant"),
        ("single_quotes", "tolerant"),
        ("bare_keys", "tolerant"),
        ("python", "tolerant"),
        ("comment", "tolerant"),
    ] {
        let out = broken(kind, LLAMA);
        let line = out.answers()["r001"].clone();
        assert_eq!(line["repaired"], repaired, "{kind}: {line}");
        assert_eq!(line["schema_valid"], true, "{kind}");
    }
    for (kind, keyword) in [
        ("unclosed", "json"),
        ("wrong_types", "enum"),
        ("missing_key", "required"),
        ("cut_off", "max_tokens"),
    ] {
        let out = broken(kind, LLAMA);
        let line = out.failures()["r001"].clone();
        assert_eq!(
            line["error"]["category"], "invalid_output",
            "{kind}: {line}"
        );
        let errors = line["schema_errors"].as_array().unwrap();
        let has = errors.iter().any(|error| error["keyword"] == keyword);
        assert!(has, "{kind}: {errors:?}");
        assert!(line["cost_usd"].as_f64().unwrap() > 0.0, "{kind}: {line}");
        assert!(
            line["completion"].is_string() && line["raw"].is_object(),
            "{kind}"
        );
    }
    let out = broken("wrong_types", NOVA);
    assert_eq!(
        out.failures()["r001"]["error"]["category"],
        "invalid_output"
    );
}

#[test]
fn repair_is_left_out_where_the_job_says_so() {
    let scenario = "[[answer]]\nbroken = \"fenced\"\n";
    let out = job(1, LABEL, scenario)
        .args(LLAMA)
        .args(["--reasks", "0", "--schema-repair=false"])
        .run()
        .exits(3);
    assert_eq!(
        out.failures()["r001"]["schema_errors"][0]["keyword"],
        "json"
    );
}

/// The first answer to each row is wrong, and its correction right.
const WRONG_AT_FIRST: &str = "[[answer]]\nmatching = \"^Label\"\nbroken = \"wrong_types\"\n";

#[test]
fn a_correction_brings_a_valid_object_and_both_calls_are_in_the_record() {
    for (model, _) in MODELS {
        let out = job(2, &plain(), WRONG_AT_FIRST)
            .args(["-m", model])
            .run()
            .exits(0);
        let once = job(2, &plain(), "").args(["-m", model]).run().exits(0);
        for (id, line) in out.answers() {
            assert_eq!(line["reasks"], 1, "{model}: {line}");
            assert_eq!(line["attempts"], 2, "{model}: {line}");
            let tokens = |line: &Value| line["usage"]["input_tokens"].as_u64().unwrap();
            let single = tokens(&once.answers()[&id]);
            assert!(2 * single <= tokens(&line), "{model}: {line}");
        }
        assert_eq!(out.run_file()["this_run"]["calls"], 4, "{model}");
    }
}

#[test]
fn rows_that_stay_invalid_fail_and_move_without_a_call_once_the_schema_allows_them() {
    let scenario = "[[answer]]\ntext = '{\"label\": \"mixed\", \"score\": 3, \"note\": \"n\"}'\n";
    let out = job(3, LABEL, scenario).args(LLAMA).run().exits(3);
    let before = out.failures();
    assert_eq!(before.len(), 3);
    assert_eq!(before["r001"]["reasks"], 1);
    let spent = out.run_file()["total"]["cost_usd"].as_f64().unwrap();
    assert!(spent > 0.0);
    let wider = LABEL.replace("\"bad\"", "\"bad\", \"mixed\"");
    let out = out
        .file("wider.json", wider)
        .again("reparse")
        .args(["out.jsonl", "--schema", "wider.json"])
        .run()
        .exits(0);
    let after = out.answers();
    assert_eq!(after.len(), 3);
    for (id, line) in &after {
        assert_eq!(line["schema_valid"], true, "{line}");
        assert_eq!(line["output"]["label"], "mixed");
        assert_eq!(line["cost_usd"], before[id]["cost_usd"]);
        assert_eq!(line["usage"], before[id]["usage"]);
        assert_eq!(line["reasks"], 1);
    }
    let total = out.run_file()["total"]["cost_usd"].as_f64().unwrap();
    assert!((total - spent).abs() < 1e-9, "{total} {spent}");
}

#[test]
fn a_reparse_without_a_schema_leaves_invalid_rows_as_they_are() {
    let out = job(2, LABEL, "[[answer]]\ntext = \"no\"\n")
        .args(LLAMA)
        .run()
        .exits(3);
    let before = out.text("out.failed.jsonl");
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.text("out.failed.jsonl"), before);
}

#[test]
fn failed_rows_run_again() {
    let out = job(2, LABEL, "[[answer]]\ntext = \"no\"\n")
        .args(LLAMA)
        .run()
        .exits(3);
    let out = labelling(out.again("run").scenario(QUICK))
        .args(LLAMA)
        .args(["--retry-failed"])
        .run()
        .exits(0);
    assert_eq!(out.answers().len(), 2);
}

#[test]
fn the_cost_limit_counts_corrections_before_a_row_starts() {
    let out = job(200, LABEL, WRONG_AT_FIRST)
        .args(NOVA)
        .args(["--max-cost", "0.003"])
        .run()
        .exits(8);
    let run = out.run_file();
    let total = &run["total"];
    let cost = total["cost_usd"].as_f64().unwrap();
    assert!(0.0 < cost && cost <= 0.003, "{total}");
    let done = out.answers().len() as u64;
    assert!((1..200).contains(&done), "{total}");
    assert_eq!(
        run["this_run"]["calls"],
        2 * done,
        "each row is corrected once"
    );
    assert_eq!(
        total["failed"], 0,
        "no row is left uncorrected for want of money: {total}"
    );
}

#[test]
fn plan_shows_the_mode_what_is_not_sent_and_the_corrections() {
    let plan = planned("us.anthropic.claude-haiku-4-5-20251001-v1:0", LABEL);
    let schema = &plan["schema"];
    assert_eq!(
        schema["removed"],
        json!([
            "/properties/score/minimum: 1",
            "/properties/score/maximum: 5"
        ])
    );
    assert_eq!(schema["sent"]["additionalProperties"], false);
    assert_eq!(schema["corrections"]["worst"], 1.0);
    let without = planned(
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        r#"{"type": "object", "properties": {"a": {"type": "string"}}}"#,
    );
    assert_eq!(without["schema"]["removed"], json!([]));
    let worst = plan["tokens"]["output"]["worst"].as_f64().unwrap();
    assert_eq!(
        worst, 2048.0,
        "a completion and its correction at max_tokens"
    );
}

#[test]
fn what_is_accepted_is_a_part_of_the_fingerprint() {
    let model = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let fingerprint = |schema: &str| {
        let out = job(1, schema, "")
            .args(["-m", model, "--max-failures", "1"])
            .run()
            .exits(0);
        let lines = out
            .answers()
            .into_values()
            .chain(out.failures().into_values());
        let all: Vec<Value> = lines.map(|line| line["fingerprint"].clone()).collect();
        all[0].clone()
    };
    let one = fingerprint(LABEL);
    assert_eq!(
        one,
        fingerprint(&LABEL.replace(' ', "")),
        "white space says nothing"
    );
    assert_ne!(
        one,
        fingerprint(&LABEL.replace("\"maximum\": 5", "\"maximum\": 6"))
    );
    assert_ne!(one, fingerprint(&LABEL.replace("\"bad\"", "\"poor\"")));
}

#[test]
fn kills_during_corrections_lose_no_row_and_repeat_no_more_than_the_calls_in_flight() {
    const ROWS: u64 = 60;
    const CALLS: u64 = 8;
    const KILLS: u64 = 3;
    let scenario =
        format!("[latency]\nfirst_token_ms = 30\nper_token_ms = 0\njitter = 0.9\n{WRONG_AT_FIRST}");
    let args = |job: Job, url: &str| {
        job.on(url)
            .args(["-i", "prompts.csv", "-o", "out.jsonl"])
            .args(["-t", "Label {{ text }}", "--schema", "schema.json"])
            .args(["-c", "8", "--requests-per-minute", "60000"])
            .args(NOVA)
    };
    let mut job = Job::new("run")
        .file("prompts.csv", rows(ROWS as usize))
        .file("schema.json", LABEL);
    let lines = |out: &Out| out.text("out.jsonl").matches('\n').count() as u64;
    let mut before = 0;
    let mut unfinished = Vec::new();
    for kill in 1..=KILLS {
        let service = Service::playing(&scenario);
        let mut running = args(job, &service.url).spawn();
        loop {
            let text = std::fs::read_to_string(running.path("out.jsonl")).unwrap_or_default();
            if CALLS * kill <= text.lines().count() as u64 {
                break;
            }
            assert!(!running.has_ended(), "it is killed before its end");
            pause();
        }
        running.kill();
        let out = running.wait();
        // Each row in the output took its call and a correction; the others were in flight.
        let done = lines(&out);
        unfinished.push(service.calls() - 2 * (done - before));
        before = done;
        job = out.again("run");
    }
    assert!(
        unfinished.iter().any(|calls| CALLS < *calls),
        "more calls than rows in flight: a kill was in the middle of a correction: {unfinished:?}"
    );
    assert!(
        unfinished.iter().all(|calls| *calls <= 2 * CALLS),
        "{unfinished:?}"
    );
    let service = Service::playing(&scenario);
    let out = args(job, &service.url).run().exits(0);
    assert_eq!(
        service.calls(),
        2 * (ROWS - before),
        "nothing is paid twice"
    );
    assert_eq!(out.answers().len() as u64, ROWS, "nothing is lost");
    assert_eq!(lines(&out), ROWS, "nothing is written twice");
    for line in out.answers().values() {
        assert_eq!(line["reasks"], 1, "{line}");
        assert_eq!(line["attempts"], 2, "{line}");
    }
}

#[test]
fn names_of_a_response_stay_in_the_output() {
    const SECRET: &str = "jane-doe-4711";
    let schema = LABEL.replacen('{', "{\"additionalProperties\": false, ", 1);
    let scenario = format!("[[answer]]\ntext = '{{\"label\": \"good\", \"{SECRET}\": 1}}'\n");
    let out = job(1, &schema, &scenario)
        .args(LLAMA)
        .args(["--json"])
        .run()
        .exits(3);
    let line = out.failures()["r001"].clone();
    let errors = line["schema_errors"].as_array().unwrap();
    let pointer = format!("/{SECRET}");
    assert!(
        errors
            .iter()
            .any(|error| error["pointer"] == pointer.as_str()),
        "{errors:?}"
    );
    let message = line["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("/*: the schema has no property"),
        "{message}"
    );
    for (place, text) in [
        ("stdout", &out.stdout),
        ("stderr", &out.stderr),
        ("OUT.run.json", &out.text("out.run.json")),
    ] {
        assert!(!text.contains(SECRET), "{place}: {text}");
    }
}

#[test]
fn a_stream_is_not_aborted_while_the_service_compiles_the_schema() {
    let schema = plain();
    let run = |model: &str| {
        job(1, &schema, "")
            .scenario("[latency]\nfirst_token_ms = 1500\nper_token_ms = 0\njitter = 0\n")
            .args(["-m", model, "--stream=true", "--idle-timeout", "1s"])
            .args(["--max-attempts", "1", "--max-failures", "1"])
            .run()
            .exits(0)
    };
    let compiled = run("us.anthropic.claude-haiku-4-5-20251001-v1:0");
    assert_eq!(compiled.answers()["r001"]["attempts"], 1);
    let forced = run("us.amazon.nova-lite-v1:0");
    let message = forced.failures()["r001"]["error"]["message"].clone();
    assert!(
        message.to_string().contains("said nothing for 1 s"),
        "{message}"
    );
}

#[test]
fn the_summary_counts_responses_of_unknown_price_that_are_invalid_too() {
    // The price of Command R is not in the catalog.
    let args = ["-m", "cohere.command-r-v1:0", "--reasks", "0"];
    let some = job(
        3,
        &plain(),
        "[[answer]]\nmatching = \"text 1\"\ntext = \"no\"\n",
    )
    .args(args)
    .args(["--max-failures", "3"])
    .run()
    .exits(0);
    some.says("unknown for 3 completions");
    let all = job(2, &plain(), "[[answer]]\ntext = \"no\"\n")
        .args(args)
        .args(["--max-failures", "3"])
        .run()
        .exits(0);
    all.says("unknown for 2 completions");
}
