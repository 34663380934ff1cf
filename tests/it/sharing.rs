//! Rows that share calls, through the binary: 96 of Cohere's embeddings in one.

use std::collections::BTreeMap;

use bedrock_emulator::Counts;
use serde_json::Value;

use crate::harness::{Job, Out, QUICK};
use crate::ledger::Service;

const MODEL: &str = "cohere.embed-english-v3";

fn rows(count: usize) -> String {
    let row = |n: usize| format!("r{n},{}\n", words(n));
    format!("id,text\n{}", (1..=count).map(row).collect::<String>())
}

/// Texts of different lengths.
fn words(n: usize) -> String {
    format!("text {n}{}", " and more".repeat(n % 7))
}

/// A run over so many rows that go to `service`.
fn job(service: &Service, count: usize) -> Job {
    on(service, Job::new("run").file("rows.csv", rows(count)))
}

fn on(service: &Service, job: Job) -> Job {
    job.on(&service.url)
        .args(["-i", "rows.csv", "-t", "{{ text }}", "-o", "out.jsonl"])
        .args(["-m", MODEL])
}

fn embeddings(out: &Out) -> BTreeMap<String, Value> {
    let lines = out.answers().into_iter();
    lines
        .map(|(id, line)| (id, line["output"]["embeddings"].clone()))
        .collect()
}

fn sum(out: &Out, of: impl Fn(&Value) -> f64) -> f64 {
    out.answers().values().map(of).sum()
}

#[track_caller]
fn check(counts: Counts, calls: u64, answered: u64) {
    assert_eq!((counts.calls, counts.answered), (calls, answered));
}

#[test]
fn a_thousand_rows_are_eleven_requests_and_each_has_the_record_it_would_have_alone() {
    let service = Service::playing(QUICK);
    let shared = job(&service, 1_000).run().exits(0);
    let counts = service.counts();
    check(counts, 11, 11);
    let lines = shared.answers();
    assert_eq!(lines.len(), 1_000);
    let last = &lines["r1000"];
    assert_eq!(
        (&last["rows_in_call"], &last["place_in_call"]),
        (&40.into(), &40.into())
    );
    assert_eq!(last["emulated"], true, "{last}");
    assert!(last["service_latency_ms"].is_u64(), "{last}");
    let tokens = sum(&shared, |line| {
        line["usage"]["input_tokens"].as_u64().unwrap() as f64
    });
    assert_eq!(tokens, counts.input_tokens as f64);
    for line in lines.values() {
        // $0.0001 per 1,000 tokens, by the row as by the call.
        let tokens = line["usage"]["input_tokens"].as_f64().unwrap();
        let cost = line["cost_usd"].as_f64().unwrap();
        assert!((cost - tokens * 1e-7).abs() < 1e-12, "{line}");
    }
    let run = shared.run_file();
    assert_eq!(run["total"]["usage"]["input_tokens"], counts.input_tokens);

    let alone = job(&service, 20)
        .args(["--rows-per-call", "1"])
        .run()
        .exits(0);
    check(service.counts(), 31, 31);
    let vectors = embeddings(&shared);
    for (id, line) in alone.answers() {
        let with_others = &lines[&id];
        assert_eq!(vectors[&id], line["output"]["embeddings"], "{id}");
        assert_eq!(with_others["fingerprint"], line["fingerprint"], "{id}");
        let keys = |line: &Value| -> Vec<String> {
            let fields = line.as_object().unwrap().keys();
            fields
                .filter(|key| !key.ends_with("_in_call"))
                .cloned()
                .collect()
        };
        assert_eq!(keys(with_others), keys(&line), "{id}");
        assert!(line.get("rows_in_call").is_none(), "{line}");
    }
}

#[test]
fn one_row_that_the_service_refuses_fails_alone() {
    let poisoned = format!("{QUICK}[[fault]]\nkind = \"validation\"\nmatching = \"text 77 \"\n");
    let service = Service::playing(&poisoned);
    let csv = rows(300).replace("text 77", "text 77 ");
    let job = on(&service, Job::new("run").file("rows.csv", csv));
    let out = job.args(["--max-failures", "1"]).run().exits(0);
    assert_eq!(out.answers().len(), 299);
    let failures = out.failures();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["r77"]);
    assert_eq!(failures["r77"]["error"]["category"], "invalid_request");
    assert_eq!(failures["r77"].get("rows_in_call"), None);
    let counts = service.counts();
    assert!(counts.calls <= 4 + 2 * 8, "{counts:?}");
    assert_eq!(out.run_file()["total"]["failed"], 1);
}

#[test]
fn a_job_goes_on_with_the_rows_that_are_left_and_another_setting() {
    let service = Service::playing(QUICK);
    let first = job(&service, 300).args(["--limit", "100"]).run().exits(0);
    check(service.counts(), 2, 2);
    assert_eq!(first.answers().len(), 100);
    let again = on(&service, first.again("run")).args(["--rows-per-call", "50"]);
    let out = again.run().exits(0);
    check(service.counts(), 6, 6);
    assert_eq!(out.answers().len(), 300);
}

#[test]
fn kills_lose_no_row_and_double_none() {
    let slow = "[latency]\nfirst_token_ms = 30\nper_token_ms = 0\njitter = 0.5\n";
    let service = Service::playing(slow);
    let args = ["-c", "3", "--rows-per-call", "10"];
    let mut job = job(&service, 400).args(args);
    for lines in [10, 120, 250] {
        let mut running = job.spawn();
        running.wait_for_lines(lines);
        running.kill();
        job = on(&service, running.wait().again("run")).args(args);
    }
    let out = job.run().exits(0);
    assert_eq!(out.answers().len(), 400, "and no id stands twice");
    // 40 calls, and what three kills may repeat. A call that a kill cut may be answered in part only.
    let counts = service.counts();
    assert!(counts.calls <= 40 + 3 * (3 + 1), "{counts:?}");
}

#[test]
fn an_answer_that_is_not_understood_is_kept_once_and_read_again_for_each_row() {
    let strange = format!("{QUICK}[[fault]]\nkind = \"wrong_shape\"\nfirst = 1\n");
    let service = Service::playing(&strange);
    let out = job(&service, 3).run().exits(3);
    let failures = out.failures();
    assert!(failures["r1"].get("raw").is_some(), "{failures:?}");
    for id in ["r1", "r2", "r3"] {
        let line = &failures[id];
        assert_eq!(line["error"]["category"], "bad_response", "{line}");
        assert_eq!(line["rows_in_call"], 3, "{line}");
        assert_eq!(line["emulated"], true, "{line}");
        // Each bears a third of what the call may have cost.
        let share = line["maybe_billed_usd"].as_f64().unwrap();
        let whole = out.run_file()["total"]["maybe_billed_usd"]
            .as_f64()
            .unwrap();
        assert!(0.0 < share, "{line}");
        assert!((whole / 3.0 - share).abs() < 1e-10, "{whole}: {line}");
    }
    let said = failures["r2"]["error"]["message"].as_str().unwrap();
    assert!(said.ends_with("; its body is kept with row 1"), "{said}");
    assert!(failures["r2"].get("raw").is_none());

    // As if a newer version understood it: the body is one that has an answer for each.
    let body = r#"{"embeddings":[[1],[2],[3]]}"#;
    let lines = out.text("out.failed.jsonl");
    let raw = failures["r1"]["raw"].to_string();
    let too_few = lines.replace(&raw, r#"{"embeddings":[[1],[2]]}"#);
    let out = out.file("out.failed.jsonl", too_few);
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    assert!(
        out.stdout
            .contains("0 responses re-parsed, 3 still cannot be parsed"),
        "{}",
        out.stdout
    );
    let out = out.file("out.failed.jsonl", lines.replace(&raw, body));
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    assert!(
        out.stdout.contains("3 responses re-parsed"),
        "{}",
        out.stdout
    );
    let of = |id: &str| embeddings(&out)[id].to_string();
    assert_eq!([of("r1"), of("r2"), of("r3")], ["[[1]]", "[[2]]", "[[3]]"]);
    assert_eq!(out.answers()["r1"].get("raw"), None);
}

#[test]
fn the_bodies_that_are_kept_are_each_rows_own() {
    let service = Service::playing(QUICK);
    let out = job(&service, 3).args(["--raw", "always"]).run().exits(0);
    for (id, line) in out.answers() {
        let raw = &line["raw"];
        assert_eq!(raw["embeddings"], line["output"]["embeddings"], "{id}");
        let n: usize = id[1..].parse().unwrap();
        assert_eq!(raw["texts"], serde_json::json!([words(n)]), "{id}");
    }
}

#[test]
fn rows_that_bring_lists_have_a_call_each() {
    let service = Service::playing(QUICK);
    let lists = "{\"t\":[\"a\",\"b\"]}\n{\"t\":[\"c\"]}\n";
    let out = Job::new("run")
        .file("rows.jsonl", lists)
        .on(&service.url)
        .args([
            "-i",
            "rows.jsonl",
            "--texts",
            "t",
            "-o",
            "out.jsonl",
            "-m",
            MODEL,
        ]);
    let out = out.run().exits(0);
    check(service.counts(), 2, 2);
    assert_eq!(embeddings(&out)["1"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_cannot_share_a_call_is_refused_with_its_reason() {
    let check = |model: &str, args: &[&str], said: &str| {
        let job = Job::new("run")
            .file("rows.jsonl", "{\"t\":[\"a\"],\"text\":\"a\"}\n")
            .args(["-i", "rows.jsonl", "-o", "out.jsonl", "-m", model])
            .args(["--endpoint-url", "emulator"]);
        let job = args.iter().fold(job, |job, arg| job.args([arg]));
        job.run().exits(2).says(said).sent_nothing();
    };
    let two = ["--column", "text", "--rows-per-call", "2"];
    let said = "`model.rows_per_call`: `nova` takes one row per call: leave it out";
    check("amazon.nova-lite-v1:0", &two, said);
    let many = ["--column", "text", "--rows-per-call", "97"];
    check(MODEL, &many, "`cohere-embed` takes 96 rows a call at most");
    let images = [&two[..], &["--extra", r#"{"images":["data:"]}"#]].concat();
    check(
        MODEL,
        &images,
        "`extra` puts more than the rows' texts into each call",
    );
    let guarded = [&two[..], &["--guardrail", "g", "--guardrail-version", "1"]].concat();
    check(MODEL, &guarded, "a guardrail judges a call as a whole");
    let lists = ["--texts", "t", "--rows-per-call", "2"];
    check(
        MODEL,
        &lists,
        "rows that bring lists of texts have a call each",
    );
}

#[test]
fn a_plan_counts_rows_and_calls_and_shows_what_goes_out() {
    let plan = |flags: &[&str]| {
        let job = Job::new("plan")
            .file("rows.csv", rows(1_000))
            .args([
                "-i",
                "rows.csv",
                "-t",
                "{{ text }}",
                "-o",
                "out.jsonl",
                "-m",
                MODEL,
            ])
            .args(["--requests-per-minute", "60"]);
        flags
            .iter()
            .fold(job, |job, flag| job.args([flag]))
            .run()
            .exits(0)
    };
    let text = plan(&[]).stdout;
    assert!(text.contains("1,000 rows, 11 calls to make"), "{text}");
    assert!(
        text.contains("the first request, row 1 (r1) and the 95 rows after it:"),
        "{text}"
    );
    let json: Value = serde_json::from_str(&plan(&["--json"]).stdout).unwrap();
    assert_eq!(
        (&json["rows"]["left"], &json["rows"]["calls"]),
        (&1_000.into(), &11.into())
    );
    assert_eq!(json["time"]["seconds"]["expected"], 11.0);
    let first = &json["first_request"];
    assert_eq!(first["rows_in_call"], 96);
    assert_eq!(first["body"]["texts"].as_array().map(Vec::len), Some(96));
    let alone: Value =
        serde_json::from_str(&plan(&["--json", "--rows-per-call", "1"]).stdout).unwrap();
    assert_eq!(alone["rows"]["calls"], 1_000);
}
