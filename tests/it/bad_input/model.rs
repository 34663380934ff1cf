//! Models, parameters, endpoints and who calls them.

use promptmill::family::Family;

use super::{ROWS, check, model, on, on_aws, refused, with};
use crate::harness::{Job, QUICK};

#[test]
fn a_model_id_of_no_known_form_is_answered_with_the_nearest() {
    let forms = "give a model ID such as `amazon.nova-lite-v1:0`, an inference profile such as \
                 `us.anthropic.claude-haiku-4-5-20251001-v1:0`, or an ARN";
    model(
        "gpt-4o",
        [],
        &format!("`model.id`: `gpt-4o` is not a Bedrock model ID; {forms}"),
    );
    model(
        "anthropic/claude-haiku-4-5",
        [],
        "`model.id`: `anthropic/claude-haiku-4-5` is no model id: it has a `/` in it, which only \
         ARNs have; did you mean `us.anthropic.claude-haiku-4-5-20251001-v1:0`?",
    );
    model(
        "",
        [],
        &format!("`model.id`: the model id is empty; {forms}"),
    );
    refused(on("arn:aws:s3:::bucket"), 2).says("`arn:aws:s3:::bucket` cannot be invoked: ");
}

#[test]
fn a_model_whose_layout_is_not_known_needs_a_family() {
    const PROFILE: &str =
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456";
    let unknown = |model: &str, hint: &str| {
        format!(
            "`{model}` has an unknown request format{hint}: give a known one with --family ({}), or send whole bodies with \
             --body FIELD",
            Family::names()
        )
    };
    let asked = "its model is unknown: ResourceNotFoundException: The provided \
                 identifier names no such resource.";
    model(PROFILE, [], &format!("{}\n{asked}", unknown(PROFILE, "")));
    let typo = "amazon.novalite-v1:0";
    let hint = " (did you mean `us.amazon.nova-lite-v1:0`?)";
    model(typo, [], &unknown(typo, hint));
    model(
        PROFILE,
        ["--family", "claude-mesages"],
        &format!(
            "`model.family`: no model family `claude-mesages`; did you mean `claude-messages`? \
             (families: {})",
            Family::names()
        ),
    );
    on(PROFILE).args(["--family", "nova"]).run().exits(0);
    model(
        PROFILE,
        ["--family", "nova", "--region", "eu-west-1"],
        "`model.region`: eu-west-1, but the ARN is of us-east-1: leave the region out",
    );
}

#[test]
fn a_provider_without_account_has_heard_of_is_called_once_its_layout_is_named() {
    model(
        "newlab.brain-1",
        [],
        "`model.id`: `newlab.brain-1`: no provider `newlab` is known; if its models are new on \
         Amazon Bedrock, name a layout that they share with --family",
    );
    // The emulator does not know it either: what counts is that the call is made.
    let out = on("newlab.brain-1").args(["--family", "openai-chat"]).run();
    out.exits(2)
        .says("ValidationException (HTTP 400): the model ID is invalid");
    on("kr.amazon.nova-lite-v1:0").run().exits(0);
}

#[test]
fn a_parameter_that_the_model_refuses_is_refused_with_those_it_takes() {
    model(
        "meta.llama3-8b-instruct-v1:0",
        ["--top-k", "5", "--stop", "END"],
        "`model`: llama3 takes no top_k (it takes max_tokens, temperature, top_p); \
         llama3 takes no stop (it takes max_tokens, temperature, top_p)",
    );
    with(
        ["--temperature", "5"],
        "`model`: temperature = 5 is out of range: nova takes 0 to 1",
    );
    with(
        ["--temperature", "NaN"],
        "`model`: temperature = NaN is out of range: nova takes 0 to 1",
    );
    with(
        ["--max-tokens", "999999"],
        "`model`: max_tokens = 999999 is too high: amazon.nova-lite-v1:0 generates at most 10000",
    );
}

#[test]
fn a_scenario_needs_the_emulator_and_a_file_it_can_play() {
    let alone = on_aws()
        .file("s.toml", QUICK)
        .args(["--scenario", "s.toml"]);
    check(
        alone,
        "`emulator.scenario`: only the built-in emulator has scenarios: \
         set endpoint = \"emulator\" in [model], or give --endpoint-url emulator",
    );
    let missing = on_aws().args(["--endpoint-url", "emulator", "--scenario", "s.toml"]);
    refused(missing, 2).says("s.toml: ");
    refused(Job::over(ROWS).scenario("latency = 5\n"), 2).says("error: scenario.toml:1: ");
    refused(Job::over(ROWS).scenario("\nlatncy = 5\n"), 2).says("error: scenario.toml:2: ");
}

#[test]
fn an_endpoint_is_a_url_or_the_emulator() {
    for typed in [
        "emulater",
        "http://",
        "https:///x",
        "ftp://a",
        "https://a b",
    ] {
        let message = format!("\"{typed}\" is neither an http(s) URL nor \"emulator\"");
        check(
            on_aws().args(["--endpoint-url", typed]),
            &format!("`model.endpoint`: {message}"),
        );
    }
}

#[test]
fn prompts_never_leave_this_machine_unencrypted() {
    let on_aws = || {
        on_aws()
            .args(["--region", "us-east-1"])
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
    };
    let open = "http://10.0.0.1";
    let message = format!("{open} is not encrypted: use https, or http on this machine only");
    check(
        on_aws().args(["--endpoint-url", open]),
        &format!("`model.endpoint`: {message}"),
    );
    for variable in ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"] {
        check(on_aws().env(variable, open), &format!("endpoint {message}"));
    }
}

#[test]
fn without_a_region_nothing_is_tried() {
    check(
        on_aws(),
        "no AWS region: give --region (in a job file `region` under [model]), or set AWS_REGION or the \
         profile's region",
    );
    check(
        on_aws().args(["--region", "us east"]),
        "`model.region`: \"us east\" is not a region such as us-east-1",
    );
}

#[test]
fn without_credentials_nothing_is_tried() {
    let said = "error: no AWS credentials: ";
    let of_without_account = "error: no AWS credentials in profile `without_account`: ";
    let login = "log in (`aws sso login`), choose another --profile, or set AWS_ACCESS_KEY_ID";
    let without_account = || on_aws().env("AWS_REGION", "us-east-1");
    refused(without_account(), 77).says(said).says(login);
    let empty = without_account().file(".aws/config", "[profile without_account]\n[default]\n");
    refused(empty.args(["--profile", "without_account"]), 77).says(of_without_account);
}

#[test]
fn a_profile_that_is_not_there_is_named_with_those_that_are() {
    // Keys in the environment would otherwise be used, in place of the profile that was meant.
    let signed = || {
        on_aws()
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
    };
    let config = "[default]\n[profile work]\nregion = us-east-1\n";
    check(
        signed()
            .file(".aws/config", config)
            .args(["--profile", "wrok"]),
        "no profile `wrok` in the AWS configuration: there are default, work",
    );
    check(
        signed().args(["--profile", "work"]),
        "no profile `work` in the AWS configuration: there is none; `aws configure sso` or \
         `aws configure` makes one",
    );
}

#[test]
fn an_endpoint_that_is_no_url_is_named_with_its_place() {
    let said = |from: &str, url: &str| {
        format!("error: {from}: \"{url}\" is no URL such as https://vpce-1a2b.example.com or ")
    };
    let signed = |job: Job| {
        job.env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env("AWS_REGION", "us-east-1")
    };
    for (name, url) in [
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "garbage"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:43681:"),
    ] {
        let _ = refused(signed(on_aws()).env(name, url), 2).says(&said(name, url));
    }
    let models = signed(Job::new("models")).env("AWS_ENDPOINT_URL_BEDROCK", "garbage");
    let _ = models
        .run()
        .exits(2)
        .says(&said("AWS_ENDPOINT_URL_BEDROCK", "garbage"));
    let profile = "[default]\nendpoint_url = garbage\n";
    let of_profile = signed(on_aws()).file(".aws/config", profile);
    let place = "`endpoint_url` of profile `default` in the AWS configuration";
    let _ = refused(of_profile, 2).says(&said(place, "garbage"));
    check(
        on_aws().args(["--endpoint-url", "http://127.0.0.1:43681:"]),
        "`model.endpoint`: \"http://127.0.0.1:43681:\" is neither an http(s) URL nor \"emulator\"",
    );
}

#[test]
fn a_model_that_wants_a_profile_is_advised_with_those_of_the_region() {
    let scenario = format!("{QUICK}\n[[fault]]\nkind = \"profile_needed\"\n");
    let out = on("amazon.nova-micro-v1:0")
        .scenario(&scenario)
        .args(["--region", "eu-west-3"])
        .run();
    let _ = out.says("use an inference profile: eu.amazon.nova-micro-v1:0\n");
}

#[test]
fn json_has_the_error_as_a_line_of_its_own() {
    let out = on("nonsense").args(["--json"]).run().exits(2);
    let line: serde_json::Value = serde_json::from_str(out.stderr.trim()).unwrap();
    assert_eq!(line["event"], "error");
    assert_eq!(line["error"]["exit_code"], 2);
    let advice = "fix the command or the job as the message says";
    assert_eq!(line["error"]["advice"], advice);
    let last: serde_json::Value = serde_json::from_str(out.stdout.trim()).unwrap();
    assert_eq!(last["ok"], false);
    assert_eq!(last["error"], line["error"]);
}
