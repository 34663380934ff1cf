//! What the service can do to a run, one fault at a time, over the real wire.

mod credentials;
mod ends;
mod matrix;
mod proxies;
mod unasked;
mod way;

use crate::harness::{Job, Out};

const THREE: &str = "id,text\na,one\nb,two\nc,three\n";

/// Runs three rows against a fault that strikes the row `two`.
fn struck_by(fault: &str) -> Out {
    let scenario = format!(
        "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\n[[fault]]\nmatching = \"two\"\n{fault}\n"
    );
    Job::over(THREE)
        .scenario(&scenario)
        .args([
            "-t",
            "{{ text }}",
            "--max-attempts",
            "3",
            "--attempt-timeout",
            "2s",
        ])
        .run()
}

/// A fault that passes: the row is answered after all.
#[track_caller]
fn passes(kind: &str, counted_as: &str) {
    let out = struck_by(&format!("kind = \"{kind}\"\ntimes = 1")).exits(0);
    assert_eq!(out.answered(), "a b c");
    let row = &out.answers()["b"];
    let counts = match counted_as {
        "attempts" => (2, 0),
        _ => (1, 1),
    };
    assert_eq!(
        (row["attempts"].as_u64(), row["throttles"].as_u64()),
        (Some(counts.0), Some(counts.1))
    );
}

/// A fault that stays: the row fails with this category, the others are answered.
#[track_caller]
fn fails_the_row(kind: &str, category: &str, code: Option<&str>, attempts: u64) {
    let out = struck_by(&format!("kind = \"{kind}\"")).exits(3);
    assert_eq!(out.answered(), "a c");
    let row = &out.failures()["b"];
    assert_eq!(row["error"]["category"], category, "{row}");
    assert_eq!(row["error"]["code"].as_str(), code, "{row}");
    assert_eq!(row["attempts"], attempts, "{row}");
}

/// A fault that every row would share: the run stops with this exit code and can be resumed.
#[track_caller]
fn stops_the_run(kind: &str, exit: i32, stopped_by: &str) {
    let out = struck_by(&format!("kind = \"{kind}\"")).exits(exit);
    let run = out.run_file();
    assert!(
        run["stopped_by"].as_str().unwrap().contains(stopped_by),
        "{run}"
    );
    assert!(!out.answered().contains('b'), "{}", out.answered());
    assert_eq!(out.text("out.failed.jsonl"), "");
    let after = out
        .again("run")
        .on_the_emulator("prompts.csv")
        .args(["-t", "{{ text }}"]);
    assert_eq!(after.run().exits(0).answered(), "a b c");
}

#[test]
fn passing_faults_are_tried_again_and_use_up_an_attempt() {
    for kind in [
        "unavailable",
        "too_many_connections",
        "server_error",
        "model_timeout",
    ] {
        passes(kind, "attempts");
    }
    for kind in [
        "model_error",
        "overloaded",
        "html_502",
        "reset",
        "reset_mid_body",
    ] {
        passes(kind, "attempts");
    }
}

#[test]
fn a_throttle_is_tried_again_and_uses_up_no_attempt() {
    passes("throttled", "throttles");
}

#[test]
fn faults_that_stay_fail_their_row_and_no_other() {
    fails_the_row(
        "server_error",
        "server_error",
        Some("InternalServerException"),
        3,
    );
    fails_the_row("model_error", "model_error", Some("ModelErrorException"), 3);
    fails_the_row("html_502", "server_error", None, 3);
    fails_the_row("reset", "network", None, 3);
}

#[test]
fn a_response_that_is_not_whole_json_is_retried_twice_and_one_of_another_shape_is_not() {
    for kind in ["empty_body", "not_json"] {
        fails_the_row(kind, "bad_response", None, 3);
    }
    fails_the_row("wrong_shape", "bad_response", None, 1);
    let out = struck_by("kind = \"wrong_shape\"").exits(3);
    assert!(!out.failures()["b"]["raw"].is_null());
}

#[test]
fn a_call_that_is_given_up_on_is_counted_as_maybe_billed() {
    let out = struck_by("kind = \"stall\"").exits(3);
    let row = &out.failures()["b"];
    assert_eq!(row["error"]["category"], "attempt_timeout");
    assert_eq!(row["maybe_billed"], 3);
    assert_eq!(out.run_file()["this_run"]["maybe_billed"], 3);
}

#[test]
fn what_every_row_would_share_stops_the_run_and_the_same_command_resumes() {
    stops_the_run("access_denied", 77, "AccessDeniedException");
    stops_the_run("not_found", 77, "ResourceNotFoundException");
    stops_the_run(
        "daily_quota",
        75,
        "ThrottlingException (HTTP 429): the account's tokens per day are used up",
    );
    stops_the_run("service_quota", 75, "ServiceQuotaExceededException");
}

#[test]
fn a_field_the_model_refuses_stops_the_run_at_the_first_row() {
    let out = Job::over(THREE)
        .args([
            "-t",
            "{{ text }}",
            "--extra",
            r#"{"no_such_field":1}"#,
            "-c",
            "1",
        ])
        .run()
        .exits(2)
        .says("stopped by ValidationException (HTTP 400): the model does not take a parameter of the request")
        .says("what to do remove the parameter that the service does not take (`promptmill check` shows");
    assert_eq!(out.run_file()["this_run"]["calls"], 1);
    assert!(
        !out.stderr.contains("Resume:"),
        "it would fail again: {}",
        out.stderr
    );
    out.sent_nothing();
}

#[test]
fn an_id_that_the_service_does_not_know_stops_the_run() {
    let out = Job::new("run")
        .file("prompts.csv", THREE)
        .scenario(crate::harness::QUICK)
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-t", "{{ text }}"])
        .args([
            "-m",
            "arn:aws:bedrock:us-east-1::foundation-model/acme.great-v1:0",
        ])
        .args(["--family", "nova"])
        .run()
        .exits(2)
        .says("stopped by ValidationException (HTTP 400): the model ID is invalid");
    out.sent_nothing();
}

#[test]
fn a_quota_of_requests_is_kept_and_the_emulator_never_has_to_refuse() {
    let rows: String = (0..40).map(|n| format!("r{n},text {n}\n")).collect();
    let scenario = format!(
        "{}[[quota]]\nmodel = \"*\"\nrequests_per_minute = 1200\n",
        crate::harness::QUICK
    );
    let out = Job::over(&format!("id,text\n{rows}"))
        .scenario(&scenario)
        .args(["-t", "{{ text }}", "--requests-per-minute", "1200"])
        .run()
        .exits(0);
    assert_eq!(out.run_file()["this_run"]["throttles"], 0);
}

#[test]
fn without_a_limit_of_our_own_refusals_cost_time_and_no_row() {
    let rows: String = (0..12).map(|n| format!("r{n},text {n}\n")).collect();
    let scenario = format!(
        "{}[[quota]]\nmodel = \"*\"\nrequests_per_minute = 300\nburst = 1\n",
        crate::harness::QUICK
    );
    let out = Job::over(&format!("id,text\n{rows}"))
        .scenario(&scenario)
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    assert_eq!(out.answers().len(), 12);
    assert_ne!(out.run_file()["this_run"]["throttles"], 0);
}

#[test]
fn a_server_that_is_not_there_fails_no_row_and_stops_the_run_in_the_end() {
    let out = Job::new("run")
        .file("prompts.csv", THREE)
        .env("AWS_ACCESS_KEY_ID", "made-up")
        .env("AWS_SECRET_ACCESS_KEY", "made-up")
        .the_usual()
        .args([
            "--region",
            "us-east-1",
            "--endpoint-url",
            "http://127.0.0.1:1",
        ])
        .args(["--max-attempts", "3", "--throttle-wait", "2s"])
        .run()
        .exits(75)
        .says("the service: only errors for");
    assert_eq!(out.run_file()["remaining"], 3);
    out.sent_nothing();
}

#[test]
fn a_service_that_refuses_every_call_was_reached_and_the_quota_is_what_helps() {
    let throttled = format!("{}[[fault]]\nkind = \"throttled\"\n", crate::harness::QUICK);
    let out = Job::over("id,text\na,one\n")
        .scenario(&throttled)
        .args(["-t", "{{ text }}", "--throttle-wait", "1s"])
        .run()
        .exits(75)
        .says("stopping: the service throttles every call")
        .says("the service: every call throttled for ")
        .says("`promptmill quotas amazon.nova-lite-v1:0` shows the quota");
    assert!(!out.stderr.contains("be reached"), "{}", out.stderr);
    out.sent_nothing();
}

#[test]
fn the_same_command_is_printed_only_where_it_can_help() {
    let stopped = |kind: &str, exit| {
        let scenario = format!("{}[[fault]]\nkind = \"{kind}\"\n", crate::harness::QUICK);
        let job = Job::over("id,text\na,one\n").scenario(&scenario);
        let out = job.args(["-t", "{{ text }}"]).run().exits(exit);
        out.stderr.contains("\nResume:\n  ")
    };
    assert!(!stopped("not_found", 77), "another model is wanted");
    assert!(!stopped("unknown_model", 2), "another id is wanted");
    assert!(stopped("use_case_form", 77), "the form is handed in once");
    assert!(stopped("access_denied", 77), "access can be granted");
    assert!(stopped("service_quota", 75), "a quota can be raised");
}
