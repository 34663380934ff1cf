//! What is on disk at the end: lines and run file as they are documented.

use serde_json::{Value, json};

use crate::harness::{Job, NOVA, Out, QUICK, digest};

/// Replaces what differs from run to run by its kind.
fn still(mut line: Value) -> Value {
    for (key, kind) in [
        ("completion", "TEXT"),
        ("queued_ms", "MS"),
        ("latency_ms", "MS"),
        ("service_latency_ms", "MS"),
        ("started_at", "TIME"),
        ("finished_at", "TIME"),
        ("request_id", "ID"),
    ] {
        if line.get(key).is_some_and(|value| !value.is_null()) {
            line[key] = kind.into();
        }
    }
    line
}

#[test]
fn an_answered_line_has_these_fields_in_this_order() {
    let out = Job::over("id,text,team\na,one,eu\n")
        .args(["-t", "{{ text }}", "--keep", "team", "--max-tokens", "500"])
        .run()
        .exits(0);
    let answer = out.answers()["a"].clone();
    assert!(
        answer["completion"]
            .as_str()
            .unwrap()
            .starts_with(&digest("one"))
    );
    let tokens = answer["usage"]["output_tokens"].as_u64().unwrap();
    // amazon.nova-lite-v1:0: $0.00006 and $0.00024 per 1,000 tokens (catalog).
    let input = answer["usage"]["input_tokens"].as_u64().unwrap();
    let cost = (input as f64 * 0.00006 + tokens as f64 * 0.00024) / 1000.0;
    assert!(
        (answer["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-9,
        "{answer}"
    );
    let usage = answer["usage"].clone();
    let expected = format!(
        r#"{{"custom_id":"a","row":1,"status":"succeeded","completion":"TEXT","finish_reason":"stop","stop_reason":"end_turn","model":"amazon.nova-lite-v1:0","usage":{usage},"cost_usd":{cost},"attempts":1,"throttles":0,"maybe_billed":0,"queued_ms":"MS","latency_ms":"MS","service_latency_ms":"MS","started_at":"TIME","finished_at":"TIME","request_id":"ID","fingerprint":"{fingerprint}","metadata":{{"team":"eu"}},"emulated":true}}"#,
        cost = answer["cost_usd"],
        fingerprint = answer["fingerprint"].as_str().unwrap(),
    );
    assert_eq!(still(answer).to_string(), expected);
    let used = out.run_file()["this_run"]["quota_tokens"].as_f64();
    assert_eq!(
        used,
        Some((input + tokens) as f64),
        "the last call counts too"
    );
}

#[test]
fn what_is_known_of_the_cost_is_said_where_not_all_is() {
    let args = ["-t", "{{ text }}"];
    let out = Job::over("id,text\na,one\nb,two\n")
        .args(args)
        .run()
        .exits(0);
    let lines = out.text("out.jsonl");
    let (first, second) = lines.split_once('\n').unwrap();
    let mut unpriced: Value = serde_json::from_str(first).unwrap();
    unpriced["cost_usd"] = Value::Null;
    let out = out.file("out.jsonl", format!("{unpriced}\n{second}"));
    let again = out.again("run").on_the_emulator("prompts.csv").args(args);
    let out = again.run().exits(0);
    let total = &out.run_file()["total"];
    let known: Value = serde_json::from_str(second).unwrap();
    assert_eq!(total["cost_usd"], Value::Null);
    assert_eq!(total["known_cost_usd"], known["cost_usd"]);
    out.says(" for 1 of 2 completions on Bedrock; unknown for 1; the emulator bills nothing\n");
}

#[test]
fn a_failed_line_says_what_where_and_how_often() {
    let scenario = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                    [[fault]]\nkind = \"model_error\"\n";
    let out = Job::over("id,text\na,one\n")
        .scenario(scenario)
        .args(["-t", "{{ text }}", "--max-attempts", "2"])
        .run()
        .exits(3);
    let failure = out.failures()["a"].clone();
    let message = failure["error"]["message"].clone();
    let fingerprint = failure["fingerprint"].clone();
    let expected = format!(
        r#"{{"custom_id":"a","row":1,"status":"failed","error":{{"category":"model_error","code":"ModelErrorException","status_code":424,"message":{message}}},"model":"amazon.nova-lite-v1:0","attempts":2,"throttles":0,"maybe_billed":0,"queued_ms":"MS","latency_ms":"MS","started_at":"TIME","finished_at":"TIME","request_id":"ID","fingerprint":{fingerprint},"metadata":{{}},"emulated":true}}"#
    );
    assert_eq!(still(failure).to_string(), expected);
    assert_eq!(out.text("out.jsonl"), "");
}

#[test]
fn at_every_end_answered_failed_and_remaining_make_up_the_input() {
    let rows: String = (0..30).map(|n| format!("r{n},text {n}\n")).collect();
    let scenario = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                    [[fault]]\nkind = \"wrong_shape\"\nmatching = \"7\"\n\
                    [[fault]]\nkind = \"daily_quota\"\nmatching = \"22\"\n";
    let out = Job::over(&format!("id,text\n{rows}"))
        .scenario(scenario)
        .args(["-t", "{{ text }}", "-c", "1"])
        .run()
        .exits(75);
    let run = out.run_file();
    let count = |key: &str| run["total"][key].as_u64().unwrap();
    assert_eq!(count("succeeded"), out.answers().len() as u64);
    assert_eq!(count("failed"), out.failures().len() as u64);
    let remaining = run["remaining"].as_u64().unwrap();
    assert_eq!(count("succeeded") + count("failed") + remaining, 30);
    assert_eq!((count("failed"), remaining), (2, 8));
    let resume = run["resume"].as_str().unwrap();
    assert!(resume.contains("/promptmill run "), "{run}");
}

#[test]
fn the_providers_body_is_kept_as_the_job_says() {
    let raw = |when: &str| {
        let job = Job::over("id,text\na,one\n").args(["-t", "{{ text }}", "--raw", when]);
        job.run().exits(0).answers()["a"]["raw"].clone()
    };
    assert_eq!(raw("always")["stopReason"], "end_turn");
    assert!(raw("errors").is_null());
    assert!(raw("never").is_null());
}

#[test]
fn json_prints_the_run_file_and_notes_as_json_lines() {
    let out = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}", "--json"])
        .run()
        .exits(0);
    let printed: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(printed["total"], out.run_file()["total"]);
    for line in out.stderr.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(["note", "progress"].contains(&event["event"].as_str().unwrap()));
    }
}

#[test]
fn quiet_prints_nothing_when_all_is_well() {
    let out = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}", "--quiet"])
        .run()
        .exits(0);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", ""));
}

#[test]
fn the_summary_says_plainly_that_answers_are_made_up() {
    let out = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    let out = out
        .says("the emulator generates fake responses: nothing is sent to AWS, nothing is billed");
    let _ = out
        .says("1 of 1 rows succeeded")
        .says("(fake responses from the emulator)");
}

#[cfg(unix)]
#[test]
fn answers_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let out = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    for name in ["out.jsonl", "out.run.json"] {
        let mode = std::fs::metadata(out.directory.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_summary_and_the_plan_advise_the_same_limit() {
    let rows: String = (0..20).map(|n| format!("r{n:03},text {n}\n")).collect();
    let args = ["-t", "{{ text }}", "--max-tokens", "4096"];
    let out = Job::over(&format!("id,text\n{rows}"))
        .args(args)
        .args(["--tokens-per-minute", "200000"])
        .run()
        .exits(0);
    let plan = |out: Out| {
        let job = out.again("plan").on_the_emulator("prompts.csv");
        let plan = job.args(args).args(["--json"]).run().exits(0);
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        plan["max_tokens"].clone()
    };
    let said = out.stderr.clone();
    let advised = plan(out);
    let hint = format!(
        "hint       max_tokens = {} would free quota: every call reserves 4,096, and the longest of 20 \
         completions has {} tokens",
        advised["advice"], advised["max"]
    );
    assert!(said.contains(&hint), "{hint}\n{said}");
}

#[test]
fn records_keep_their_prompts_if_asked_and_reparsed_ones_too() {
    let rows = "id,text,team\na,How?,x\nb,7e3,y\n";
    let job = || {
        Job::new("run")
            .file("in.csv", rows)
            .scenario(QUICK)
            .args([
                "-i",
                "in.csv",
                "-m",
                NOVA,
                "-o",
                "out.jsonl",
                "--system",
                "Be brief.",
            ])
            .args(["-t", "{{ team }}: {{ text }}"])
    };
    let without = job().run().exits(0);
    assert!(!without.text("out.jsonl").contains("messages"));
    let out = job().args(["--keep-messages"]).run().exits(0);
    let records = out.answers();
    let said = |text: &str| {
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": text}
        ])
    };
    assert_eq!(records["a"]["messages"], said("x: How?"));
    assert_eq!(records["b"]["messages"], said("y: 7e3"));
    assert_eq!(
        records["a"]["fingerprint"],
        without.answers()["a"]["fingerprint"],
        "the request is the same"
    );
    let faults = format!("{QUICK}[[fault]]\nkind = \"wrong_shape\"\n");
    let out = job()
        .scenario(&faults)
        .args(["--keep-messages"])
        .run()
        .exits(3);
    assert_eq!(out.failures()["a"]["messages"], said("x: How?"));
}

#[test]
fn prompts_are_not_kept_of_rows_that_bring_whole_bodies() {
    Job::new("run")
        .file("in.jsonl", "{\"body\":{\"messages\":[]}}\n")
        .args([
            "-i",
            "in.jsonl",
            "-m",
            NOVA,
            "-o",
            "out.jsonl",
            "--body",
            "body",
        ])
        .args(["--keep-messages", "--endpoint-url", "emulator"])
        .run()
        .exits(2)
        .says("output.messages");
}
