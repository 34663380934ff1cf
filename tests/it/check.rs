//! One call as the job would make it, and what to do where it fails.

use serde_json::Value;

use crate::harness::{Job, NOVA, Out, QUICK};

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// `promptmill check` of a job over `prompts.csv` whose model is `model`, under a scenario.
fn check<const N: usize>(model: &str, scenario: &str, args: [&str; N]) -> Out {
    Job::new("check")
        .file("prompts.csv", "prompt\none\n")
        .scenario(&format!("{scenario}\n{QUICK}"))
        .args([
            "-i",
            "prompts.csv",
            "-o",
            "out.jsonl",
            "--name",
            "job",
            "-m",
            model,
        ])
        .args(args)
        .run()
}

/// Lets the emulator fail every call in one way, and compares the exit code, the fault and what to
/// do about it.
#[track_caller]
fn fails(kind: &str, model: &str, code: i32, failed: &str, to_do: &str) {
    let scenario = format!("[[fault]]\nkind = \"{kind}\"");
    let out = check(model, &scenario, []).exits(code).sent_nothing();
    let line = |what: &str| {
        let line = out
            .stdout
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(what));
        line.unwrap_or_else(|| panic!("no {what}:\n{}", out.stdout))
            .trim()
            .to_owned()
    };
    assert!(
        line("failed").starts_with(failed),
        "{kind}:\n{}",
        out.stdout
    );
    assert_eq!(line("to do"), to_do, "{kind}");
    assert_eq!(line("cost"), "nothing: this call got no response", "{kind}");
    let json = check(model, &scenario, ["--json"]).exits(code);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["calls"], 1);
    assert_eq!(json["error"]["to_do"], to_do, "{kind}");
}

#[test]
fn a_call_that_works_says_what_it_cost() {
    let out = check(HAIKU, "", ["--temperature", "0"])
        .exits(0)
        .sent_nothing();
    assert!(
        out.stdout.starts_with(&format!(
            "job: one call to {HAIKU} in us-east-1 (InvokeModel)\n  answered   in 0."
        )),
        "{}",
        out.stdout
    );
    assert!(
        out.stdout
            .contains(" on Bedrock; the emulator responded, so nothing is billed\n"),
        "{}",
        out.stdout
    );
    assert_eq!(out.stderr, "");
    let out = check(HAIKU, "", ["--json", "--max-tokens", "4000"]).exits(0);
    let json: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!((&json["ok"], &json["calls"]), (&true.into(), &1.into()));
    assert_eq!(json["request"], "a few words");
    let output = json["usage"]["output_tokens"].as_u64().unwrap();
    assert!((1..=16).contains(&output), "a short answer: {output}");
    assert!(0.0 < json["cost_usd"].as_f64().unwrap());
}

#[test]
fn a_job_that_streams_is_checked_with_a_stream() {
    let out = check(NOVA, "", ["--stream", "--json"]).exits(0);
    let json: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(json["operation"], "InvokeModelWithResponseStream");
    assert!(json["first_token_ms"].is_u64(), "{json}");
    let broken = "[[fault]]\nkind = \"stream_throttled\"";
    check(NOVA, broken, ["--stream"]).exits(75);
    check(NOVA, broken, []).exits(0);
}

#[test]
fn each_way_to_fail_says_what_to_do() {
    fails(
        "expired_token",
        HAIKU,
        77,
        "ExpiredTokenException: ",
        "renew the credentials (with SSO: aws sso login), then run the same command again",
    );
    fails(
        "invalid_token",
        HAIKU,
        77,
        "UnrecognizedClientException: ",
        "renew the credentials (with SSO: aws sso login), then run the same command again",
    );
    fails(
        "not_authorized",
        HAIKU,
        77,
        "AccessDeniedException: ",
        "grant bedrock:InvokeModel on the model, and for a profile on the profile too",
    );
    fails(
        "access_denied",
        HAIKU,
        77,
        "AccessDeniedException: ",
        "open the model for this account and region in the Bedrock console, under Model access",
    );
    fails(
        "use_case_form",
        HAIKU,
        77,
        "ResourceNotFoundException: Model use case details",
        "hand in Anthropic's use case form once for the account: open any Claude model in the \
         Bedrock console, then try again after 15 minutes",
    );
    fails(
        "marketplace_pending",
        "us.mistral.pixtral-large-2502-v1:0",
        77,
        "MPAgreementBeingCreated: ",
        "the account's subscription to this model is being set up: try again in 15 minutes",
    );
    fails(
        "not_found",
        HAIKU,
        77,
        "ResourceNotFoundException: This model version has reached",
        "this model is retired: choose a newer one",
    );
}

#[test]
fn a_wrong_model_or_parameter_is_the_jobs_mistake() {
    fails(
        "profile_needed",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        2,
        "ValidationException: Invocation of model ID anthropic.claude-haiku-4-5-20251001-v1:0 with \
         on-demand throughput",
        "use an inference profile: global.anthropic.claude-haiku-4-5-20251001-v1:0, \
         us.anthropic.claude-haiku-4-5-20251001-v1:0",
    );
    fails(
        "unknown_model",
        "eu.amazon.nova-lite-v1:0",
        2,
        "ValidationException: The provided model identifier is invalid.",
        "in us-east-1 this model is called amazon.nova-lite-v1:0 or us.amazon.nova-lite-v1:0",
    );
    fails(
        "unknown_model",
        "us.anthropic.claude-haiku-4-5",
        2,
        "ValidationException: ",
        "check the model id: did you mean us.anthropic.claude-haiku-4-5-20251001-v1:0?",
    );
    fails(
        "refused_parameter",
        HAIKU,
        2,
        "ValidationException: temperature and top_p cannot both be specified",
        "remove the parameter that the service does not take (`promptmill check` shows its message), \
         from the job or its extra fields",
    );
    fails(
        "validation",
        HAIKU,
        2,
        "ValidationException: Malformed input request",
        "fix what the message reports, in the job or its extra fields",
    );
}

#[test]
fn what_passes_is_worth_another_try() {
    fails(
        "throttled",
        HAIKU,
        75,
        "ThrottlingException: Too many requests",
        &format!(
            "the quota of this minute is used up: check again in a minute; `promptmill quotas \
             {HAIKU}` shows the quota"
        ),
    );
    fails(
        "daily_quota",
        HAIKU,
        75,
        "ThrottlingException: Too many tokens per day",
        "run the same command again tomorrow, or ask for a higher quota of tokens per day in \
         Service Quotas",
    );
    fails(
        "unavailable",
        HAIKU,
        75,
        "ServiceUnavailableException: ",
        "check again in a few minutes; a profile with more regions, such as global., has more room",
    );
}

#[test]
fn what_was_given_up_may_be_billed() {
    let stalled = "[[fault]]\nkind = \"stall\"";
    let out = check(HAIKU, stalled, ["--attempt-timeout", "1s"]).exits(75);
    assert!(
        out.stdout
            .contains("attempt_timeout: no response within 1 s"),
        "{}",
        out.stdout
    );
    assert!(
        out.stdout
            .contains("unknown: the service may bill this one call"),
        "{}",
        out.stdout
    );
}

#[test]
fn without_region_credentials_or_network_there_is_something_to_do_too() {
    let bare = |args: [&str; 2]| {
        Job::new("check")
            .file("prompts.csv", "prompt\none\n")
            .args([
                "-i",
                "prompts.csv",
                "-o",
                "out.jsonl",
                "-m",
                NOVA,
                "--name",
                "job",
            ])
            .args(args)
    };
    let out = bare(["--profile", "none"]).run().exits(2);
    assert!(
        out.stdout
            .contains("no profile `none` in the AWS configuration"),
        "{}",
        out.stdout
    );
    let out = bare(["--max-tokens", "5"]).run().exits(2);
    assert!(
        out.stdout.contains("no AWS region: give --region"),
        "{}",
        out.stdout
    );
    let out = bare(["--region", "us-east-1"]).run().exits(77);
    assert!(
        out.stdout.starts_with(&format!(
            "job: no call to {NOVA} was made\n  failed     no AWS credentials"
        )),
        "{}",
        out.stdout
    );
    let json = bare(["--region", "us-east-1"])
        .args(["--json"])
        .run()
        .exits(77);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["calls"], 0);
    assert_eq!(json["error"]["category"], "credentials");
    let signed = bare(["--endpoint-url", "http://127.0.0.1:9"])
        .env("AWS_REGION", "eu-west-3")
        .env("AWS_ACCESS_KEY_ID", "made-up")
        .env("AWS_SECRET_ACCESS_KEY", "made-up");
    let out = signed.run().exits(75);
    assert!(
        out.stdout
            .contains("check the connection to Bedrock in eu-west-3: the name of the region"),
        "{}",
        out.stdout
    );
}

#[test]
fn a_model_that_only_rows_know_how_to_ask_is_asked_with_the_first_row() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:imported-model/a1b2c3d4e5f6";
    let job = |input: &str| {
        Job::new("check")
            .file("rows.jsonl", input)
            .scenario(QUICK)
            .args([
                "-i",
                "rows.jsonl",
                "-o",
                "out.jsonl",
                "-m",
                arn,
                "--body",
                "body",
                "--json",
            ])
            .run()
    };
    let row = r#"{"body":{"prompt":"Hello","max_tokens":5}}"#;
    let out = job(&format!("{{\"body\":7}}\n{row}\n"))
        .exits(0)
        .sent_nothing();
    let json: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(json["request"], "first row");
    assert_eq!(json["usage"]["output_tokens"], 5);
    job("{\"body\":7}\n")
        .exits(2)
        .says("rows.jsonl: no row can be sent: row 1 (line 1): `body` is not a JSON object; ");
}

#[test]
fn a_job_that_cannot_run_is_refused_as_a_run_refuses_it() {
    check("nonsense", "", [])
        .exits(2)
        .says("`nonsense` is not a Bedrock model ID");
    check(NOVA, "", ["--temperature", "9"])
        .exits(2)
        .says("temperature");
}

#[test]
fn a_job_that_sends_bodies_is_checked_with_one_of_them() {
    let job = |named: &[&str]| {
        let mut job = Job::new("check")
            .file("rows.jsonl", "{\"modelInput\":{\"foo\":1}}\n")
            .scenario(QUICK)
            .args(["-i", "rows.jsonl", "-m", NOVA]);
        for arg in named {
            job = job.args([*arg]);
        }
        job.run().exits(2)
    };
    let named = job(&["--body", "modelInput"]);
    assert!(
        named.stdout.contains("ValidationException"),
        "{}",
        named.stdout
    );
    // As a run does, it takes the column that holds bodies without being told.
    let usual = job(&[]);
    let said = |out: &Out| out.stdout.split("  request ").next().unwrap().to_owned();
    assert_eq!(said(&usual), said(&named));
}

#[test]
fn an_input_that_is_named_is_opened_and_has_to_fit() {
    let job = |args: [&str; 4]| {
        Job::new("check")
            .file("prompts.csv", "prompt\none\n")
            .scenario(QUICK)
            .args(["-m", NOVA])
            .args(args)
            .run()
    };
    job(["-i", "nope.csv", "--id", "prompt"])
        .exits(2)
        .says("nope.csv: no such file");
    job(["-i", "prompts.csv", "-t", "{{ text }}"])
        .exits(2)
        .says("text");
}

#[test]
fn a_template_that_fits_no_row_is_refused_although_a_few_words_would_do() {
    let job = |template: &str| {
        Job::new("check")
            .file("g.jsonl", "{\"body\":\"x\"}\n{\"text\":\"one\"}\n")
            .scenario(QUICK)
            .args(["-i", "g.jsonl", "-m", NOVA, "-t", template])
            .run()
    };
    job("{{ nope }}")
        .exits(2)
        .says("g.jsonl: no row can be sent: row 1 (line 1): ")
        .says("nope");
    // One row that does not fit may be allowed to fail.
    let _ = job("{{ text }}").exits(0);
}

#[test]
fn json_says_why_no_call_was_made() {
    let check = |model: &str| check(model, "", ["--json"]);
    let out = check("nonsense")
        .exits(2)
        .says("`nonsense` is not a Bedrock model ID");
    let json: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["error"]["exit_code"], 2);
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`nonsense` is not a Bedrock model ID"),
        "{message}"
    );
}

#[test]
fn a_family_that_contradicts_the_id_is_refused_before_the_call() {
    let said =
        format!("`model.family`: `{HAIKU}` uses the request format claude-messages, not nova");
    check(HAIKU, "", ["--family", "nova"]).exits(2).says(&said);
    check(HAIKU, "", ["--family", "claude-messages"]).exits(0);
    // Sent all the same, and the service says what is wrong.
    let forced = check(HAIKU, "", ["--family", "nova", "--force"]).exits(2);
    assert!(
        forced.stdout.contains("ValidationException"),
        "{}",
        forced.stdout
    );
    // Mistral's of February 2024 take both of its layouts.
    let small = "mistral.mistral-small-2402-v1:0";
    check(small, "", ["--family", "mistral-text"]).exits(0);
    check(small, "", ["--family", "mistral-chat"]).exits(0);
    // What is newer than the catalog may have another layout than its name begins like.
    let newer = check("mistral.next-1", "", ["--family", "openai-chat"]);
    assert!(!newer.stderr.contains("layout"), "{}", newer.stderr);
}

#[test]
fn the_emulator_is_in_the_region_of_the_job() {
    let out = check("eu.amazon.nova-lite-v1:0", "", ["--region", "eu-west-3"]).exits(0);
    assert!(
        out.stdout.contains(" in eu-west-3 (InvokeModel)"),
        "{}",
        out.stdout
    );
}

#[test]
fn a_model_alone_can_be_checked() {
    let job = |args: [&str; 2]| {
        Job::new("check")
            .scenario(QUICK)
            .args(["-m", NOVA, "--json"])
            .args(args)
            .run()
    };
    let out = job(["--max-tokens", "5"]).exits(0);
    let json: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(json["request"], "a few words");
    assert_eq!(json["usage"]["output_tokens"], 5);
    job(["--body", "body"])
        .exits(2)
        .says("give it with --family, or give rows with --input");
}

#[test]
fn a_model_that_the_catalog_does_not_have_is_named_with_the_one_that_was_meant() {
    let typed = HAIKU.replace("v1:0", "v2:0");
    let note =
        format!("`{typed}` is not in the catalog (did you mean `{HAIKU}`?): its price is unknown");
    let scenario = "[[fault]]\nkind = \"unknown_model\"";
    let out = check(&typed, scenario, []).exits(2);
    let line = format!("\n  note       {note}\n");
    assert!(out.stdout.contains(&line), "{}", out.stdout);
    let json = check(&typed, scenario, ["--json"]).exits(2);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["note"], note);
    let known = check(HAIKU, "", ["--json"]).exits(0);
    let known: Value = serde_json::from_str(&known.stdout).unwrap();
    assert!(known["note"].is_null());
}
