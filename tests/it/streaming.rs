//! Answers in chunks: the same records as whole ones, and nothing taken for an answer that is none.

use serde_json::Value;

use crate::harness::{Job, QUICK};

const THREE: &str = "id,text\na,one\nb,two\nc,three\n";

fn whole(model: &str, scenario: &str) -> Job {
    Job::new("run")
        .file("prompts.csv", THREE)
        .scenario(scenario)
        .args(["-i", "prompts.csv", "-m", model, "-o", "out.jsonl"])
        .args(["-t", "{{ text }}", "--max-attempts", "3"])
}

fn streamed(model: &str, scenario: &str) -> Job {
    whole(model, scenario).args(["--stream"])
}

#[test]
fn a_streamed_answer_is_the_same_as_a_whole_one() {
    let models = [
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "amazon.nova-lite-v1:0",
        "amazon.titan-text-express-v1",
        "us.deepseek.r1-v1:0",
        "meta.llama3-8b-instruct-v1:0",
        "mistral.mistral-7b-instruct-v0:2",
        "mistral.mistral-large-2407-v1:0",
        "openai.gpt-oss-20b-1:0",
    ];
    for model in models {
        let chunks = streamed(model, QUICK).run().exits(0);
        let whole = whole(model, QUICK).run().exits(0);
        for (id, row) in whole.answers() {
            let streamed = &chunks.answers()[&id];
            for field in [
                "completion",
                "finish_reason",
                "stop_reason",
                "cost_usd",
                "usage",
            ] {
                assert_eq!(streamed[field], row[field], "{model} {id} {field}");
            }
            assert!(streamed["first_token_ms"].is_u64(), "{model}: {streamed}");
            assert_eq!(row.get("first_token_ms"), None, "{row}");
        }
    }
}

#[test]
fn the_first_token_comes_before_the_last() {
    let slow = "[latency]\nfirst_token_ms = 100\nper_token_ms = 20\njitter = 0\n\
                [output]\nmin_tokens = 30\nmean_tokens = 30\nmax_tokens = 30\n";
    let out = streamed("amazon.nova-lite-v1:0", slow).run().exits(0);
    for row in out.answers().values() {
        let ms = |field: &str| row[field].as_u64().unwrap();
        assert!(100 <= ms("first_token_ms"), "{row}");
        assert!(ms("first_token_ms") + 400 <= ms("latency_ms"), "{row}");
    }
}

/// By its header, and by the metrics in the last chunk.
#[test]
fn what_the_service_says_of_its_own_time_is_kept_both_ways() {
    let timed = "[latency]\nfirst_token_ms = 100\nper_token_ms = 2\njitter = 0\n\
                 [output]\nmin_tokens = 30\nmean_tokens = 30\nmax_tokens = 30\n";
    for model in ["amazon.nova-lite-v1:0", "openai.gpt-oss-20b-1:0"] {
        for job in [whole(model, timed), streamed(model, timed)] {
            for (id, row) in job.run().exits(0).answers() {
                let ms = |field: &str| row[field].as_u64().unwrap();
                let service = ms("service_latency_ms");
                assert!((100..=ms("latency_ms")).contains(&service), "{id}: {row}");
            }
        }
    }
}

/// The row `two` under a fault that strikes its first `times` attempts.
fn struck(kind: &str, times: u32) -> Value {
    let scenario =
        format!("{QUICK}\n[[fault]]\nmatching = \"two\"\nkind = \"{kind}\"\ntimes = {times}\n");
    let out = streamed("us.anthropic.claude-haiku-4-5-20251001-v1:0", &scenario)
        .args(["--idle-timeout", "1s"])
        .run();
    assert!(out.answered().starts_with('a') && out.answered().ends_with('c'));
    let row = out.answers().get("b").or(out.failures().get("b")).cloned();
    row.unwrap()
}

#[test]
fn what_breaks_a_stream_is_no_answer_and_the_whole_call_is_made_again() {
    let kinds = [
        (
            "stream_model_error",
            "model_error",
            "ModelStreamErrorException",
        ),
        (
            "stream_server_error",
            "server_error",
            "InternalServerException",
        ),
        (
            "stream_unavailable",
            "unavailable",
            "ServiceUnavailableException",
        ),
        (
            "stream_model_timeout",
            "model_timeout",
            "ModelTimeoutException",
        ),
        ("stream_cut_short", "network", ""),
        ("stream_silent", "attempt_timeout", ""),
        ("stream_corrupt", "network", ""),
        ("reset_mid_body", "network", ""),
        ("empty_body", "bad_response", ""),
    ];
    let broken = |kind: &str, category: &str, code: &str| {
        let passed = struck(kind, 1);
        assert_eq!(passed["status"], "succeeded", "{kind}: {passed}");
        assert_eq!(
            (&passed["attempts"], &passed["maybe_billed"]),
            (&2.into(), &1.into()),
            "{kind}"
        );
        let failed = struck(kind, 9);
        assert_eq!(failed["error"]["category"], category, "{kind}: {failed}");
        let said = failed["error"]["code"].as_str().unwrap_or_default();
        assert_eq!(said, code, "{kind}");
        assert_eq!(failed["attempts"], 3, "{kind}: {failed}");
    };
    // They wait for most of the time.
    std::thread::scope(|scope| {
        for (kind, category, code) in kinds {
            scope.spawn(move || broken(kind, category, code));
        }
    });
}

#[test]
fn a_throttle_in_the_middle_costs_the_row_no_attempt() {
    let row = struck("stream_throttled", 2);
    assert_eq!(row["status"], "succeeded", "{row}");
    assert_eq!(
        (&row["attempts"], &row["throttles"]),
        (&1.into(), &2.into()),
        "{row}"
    );
}

#[test]
fn what_is_refused_in_the_middle_or_cannot_be_read_is_final() {
    let row = struck("stream_validation", 9);
    assert_eq!(row["error"]["category"], "invalid_request", "{row}");
    assert_eq!(row["attempts"], 1, "{row}");
    for (kind, attempts) in [
        ("not_json", 3),
        ("wrong_shape", 1),
        ("stream_bare_string", 1),
    ] {
        let row = struck(kind, 9);
        assert_eq!(row["error"]["category"], "bad_response", "{kind}: {row}");
        assert_eq!(row["attempts"], attempts, "{kind}: {row}");
        let raw = row["raw"].to_string();
        assert!(
            raw.contains("message_start"),
            "{kind}: all that came is kept: {raw}"
        );
    }
}

#[test]
fn an_event_of_a_kind_that_nobody_has_heard_of_is_passed_over() {
    let row = struck("stream_unknown_event", 9);
    assert_eq!(
        (&row["status"], &row["attempts"]),
        (&"succeeded".into(), &1.into()),
        "{row}"
    );
}

#[test]
fn what_is_wrong_with_a_stream_is_said_in_these_words() {
    let shape = "the reply is not shaped as claude-messages: expected an event with a `type`, in \
                 its order, came ";
    for (kind, category, message) in [
        (
            "not_json",
            "bad_response",
            "a chunk is not JSON: expected value at line 1 column 1",
        ),
        (
            "wrong_shape",
            "bad_response",
            &format!("{shape}1 other key"),
        ),
        (
            "stream_bare_string",
            "bad_response",
            &format!("{shape}a bare string"),
        ),
        ("empty_body", "bad_response", "the response is empty"),
    ] {
        let error = &struck(kind, 9)["error"];
        assert_eq!(error["message"], message, "{kind}");
        assert_eq!(error["category"], category, "{kind}");
    }
}

/// What a run says that sends nothing.
#[track_caller]
fn refused<const N: usize>(model: &str, args: [&str; N], message: &str) {
    let job = Job::new("run")
        .file("prompts.csv", THREE)
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-m", model, "-o", "out.jsonl"])
        .args(["-t", "{{ text }}"]);
    job.args(args).run().exits(2).says(message).sent_nothing();
}

#[test]
fn what_cannot_stream_is_not_asked_to() {
    refused(
        "amazon.titan-embed-text-v2:0",
        ["--stream"],
        "`model.stream`: `titan-embed-text` does not stream: leave it out",
    );
    for (image, family) in [
        ("amazon.nova-canvas-v1:0", "amazon-image"),
        ("stability.stable-image-core-v1:1", "stability-image"),
        ("stability.stable-diffusion-xl-v1", "stable-diffusion-xl"),
    ] {
        let message = format!("`model.stream`: `{family}` does not stream: leave it out");
        refused(image, ["--stream"], &message);
    }
    refused(
        "meta.llama4-scout-17b-instruct-v1:0",
        ["--stream"],
        "`model.stream`: `meta.llama4-scout-17b-instruct-v1:0` does not support InvokeModelWithResponseStream (responseStreamingSupported is false): leave it out",
    );
    refused(
        "amazon.nova-lite-v1:0",
        ["--idle-timeout", "3s"],
        "`retry.idle_timeout`: only a stream can fall silent: set stream = true in [model]",
    );
    refused(
        "amazon.nova-lite-v1:0",
        ["--stream=maybe"],
        "`--stream` takes true or false, not \"maybe\"",
    );
}

#[test]
fn what_is_asked_beside_the_body_is_checked_first() {
    let nova = "amazon.nova-lite-v1:0";
    refused(
        nova,
        ["--service-tier", "fast"],
        "`model.service_tier`: \"fast\" is not one of default, flex, priority, reserved",
    );
    refused(
        nova,
        ["--latency", "low"],
        "`model.latency`: \"low\" is not one of standard, optimized",
    );
    refused(
        nova,
        ["--trace", "on"],
        "`model.trace`: \"on\" is not one of enabled, enabled_full, disabled",
    );
    refused(
        nova,
        ["--guardrail", "abc"],
        "`model.guardrail`: which version of it? Give guardrail_version, a number or \"DRAFT\"",
    );
    refused(
        nova,
        ["--guardrail-version", "1"],
        "`model.guardrail_version`: the version of which guardrail? Give guardrail, its id or ARN",
    );
    refused(
        nova,
        ["--request-metadata", r#"{"team": 7}"#],
        "`model.request_metadata`: the value of `team` is 7, and only texts are taken",
    );
    refused(
        nova,
        ["--request-metadata", r#"{"team": "a|b"}"#],
        "`model.request_metadata`: \"a|b\" has more than 256 characters, or others than letters",
    );
}

/// What the service did with a call that asked for it, in one piece and in chunks.
fn served<const N: usize>(args: [&str; N]) -> Vec<Value> {
    served_by("us.anthropic.claude-haiku-4-5-20251001-v1:0", args)
}

fn served_by<const N: usize>(model: &str, args: [&str; N]) -> Vec<Value> {
    let scenario = format!("{QUICK}\n[guardrail]\nblocks = [\"two\"]\n");
    let (one, other) = (whole(model, &scenario), streamed(model, &scenario));
    [one, other]
        .map(|job| job.args(args).run().exits(0).answers()["b"].clone())
        .into()
}

#[test]
fn the_record_says_how_the_call_was_served() {
    let tier = ["--service-tier", "flex", "--latency", "optimized"];
    for row in served_by("us.amazon.nova-2-lite-v1:0", tier) {
        assert_eq!(row["service_tier"], "flex", "{row}");
        assert_eq!(row["latency_mode"], "optimized", "{row}");
    }
    for row in served([]) {
        assert_eq!(row.get("service_tier"), None, "{row}");
    }
}

#[test]
fn a_guardrail_that_intervenes_filters_the_answer() {
    let guardrail = ["--guardrail", "gr-1", "--guardrail-version", "DRAFT"];
    for row in served(guardrail) {
        let status = (&row["status"], &row["finish_reason"]);
        assert_eq!(status, (&"filtered".into(), &"guardrail".into()), "{row}");
        assert_eq!(
            row["completion"],
            "Sorry, the guardrail does not let this pass."
        );
    }
    for row in served([]) {
        assert_eq!(row["status"], "succeeded", "{row}");
    }
}

#[test]
fn a_guardrails_word_does_not_end_a_stream_that_breaks_off() {
    let cut = format!(
        "{QUICK}\n[guardrail]\nblocks = [\"two\"]\n\
         [[fault]]\nmatching = \"two\"\nkind = \"stream_cut_short\"\n"
    );
    let guardrail = ["--guardrail", "gr-1", "--guardrail-version", "1"];
    let out = streamed("amazon.nova-lite-v1:0", &cut).args(guardrail);
    let row = &out.run().failures()["b"];
    assert_eq!(row["error"]["category"], "network", "{row}");
    assert_eq!(row["attempts"], 3, "{row}");
}

#[test]
fn what_a_guardrail_tells_of_its_findings_is_in_the_record() {
    let guardrail = ["--guardrail", "gr-1", "--guardrail-version", "1"];
    let [id, name, version, number] = guardrail;
    for row in served([id, name, version, number, "--trace", "enabled"]) {
        let reason = &row["guardrail_trace"]["guardrail"]["actionReason"];
        assert_eq!(reason, "Guardrail blocked.", "{row}");
    }
    for row in served(guardrail) {
        assert_eq!(row.get("guardrail_trace"), None, "{row}");
    }
}

/// A model that is newer than the catalog, of an account whose control plane says so.
fn newer(verb: &str, control_plane: &str) -> Job {
    Job::new(verb)
        .file("prompts.csv", "prompt\none\n")
        .scenario(&format!("{QUICK}\n[control_plane]\n{control_plane}\n"))
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-m", NEWER])
}

const NEWER: &str = "us.anthropic.claude-zeta-9";
const WHOLE_ONLY: &str = "whole_only = [\"anthropic.claude-zeta-9\"]";
const DENIED: &str = "denied = [\"GetFoundationModel\"]";
const LEAVE_IT: &str = "leave --stream out: this model does not stream";
const NO_STREAM: &str = "`model.stream`: `us.anthropic.claude-zeta-9` does not support InvokeModelWithResponseStream (responseStreamingSupported is false): leave it out";

#[test]
fn whether_a_newer_model_streams_is_asked_before_anything_is_sent() {
    for verb in ["run", "check"] {
        newer(verb, WHOLE_ONLY)
            .args(["--stream"])
            .run()
            .exits(2)
            .says(NO_STREAM)
            .sent_nothing();
        newer(verb, WHOLE_ONLY).run().exits(0);
        // It is sent then, and refused by the service.
        let forced = newer(verb, WHOLE_ONLY).args(["--stream", "--force"]);
        let out = forced.run().exits(2);
        let said = format!("{}{}", out.stdout, out.stderr);
        assert!(said.contains(LEAVE_IT), "{said}");
    }
}

#[test]
fn who_may_not_ask_goes_on_without_a_word() {
    for verb in ["run", "check"] {
        let out = newer(verb, DENIED).args(["--stream"]).run().exits(0);
        assert!(!out.stderr.contains("GetFoundationModel"), "{}", out.stderr);
    }
    let unheard = newer("run", "").args(["--stream"]).run().exits(0);
    assert_eq!(unheard.answers()["1"]["status"], "succeeded");
}

#[test]
fn a_model_that_turns_out_not_to_stream_stops_the_run_at_its_first_row() {
    let newer = newer("run", &format!("{WHOLE_ONLY}\n{DENIED}"));
    let known = streamed("us.meta.llama4-scout-17b-instruct-v1:0", QUICK).args(["--force"]);
    for job in [newer.args(["--stream"]), known] {
        let out = job.run().exits(2).says(LEAVE_IT);
        assert!(out.failures().is_empty(), "{}", out.stderr);
    }
}
