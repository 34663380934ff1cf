//! What can be invoked: listed by `models`, and found behind ARNs by runs.

use bedrock_emulator::{Emulator, EmulatorHandle, Scenario};
use serde_json::Value;

use crate::harness::{Job, Out, QUICK};

const PROFILE: &str =
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghij12";

/// `promptmill models` on the embedded emulator.
fn models<const N: usize>(scenario: &str, args: [&str; N]) -> Out {
    Job::new("models")
        .scenario(scenario)
        .args(["--region", "us-east-1"])
        .args(args)
        .run()
}

/// The ids of a list, in its order.
#[track_caller]
fn ids<const N: usize>(args: [&str; N]) -> Vec<String> {
    let out = models("", args).exits(0);
    let rows = out
        .stdout
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty());
    rows.map(|row| row.split_whitespace().next().unwrap().to_owned())
        .collect()
}

fn json<const N: usize>(scenario: &str, args: [&str; N]) -> Value {
    let out = models(scenario, args).exits(0);
    serde_json::from_str(&out.stdout).unwrap()
}

#[test]
fn the_table_says_what_to_type_what_it_costs_and_whether_it_streams() {
    let out = models("", ["haiku-4-5"]).exits(0);
    assert_eq!(
        out.stdout,
        "id                                               name                                 stream   in  out  context\n\
         global.anthropic.claude-haiku-4-5-20251001-v1:0  GLOBAL Claude Haiku 4 5 20251001 V1  yes       1    5     200k\n\
         us.anthropic.claude-haiku-4-5-20251001-v1:0      US Claude Haiku 4 5 20251001 V1      yes     1.1  5.5     200k\n\
         \n"
            .to_owned()
            + &footer(&out)
    );
    assert_eq!(out.stderr, "");
}

/// The last lines, whose counts change with the catalog.
#[track_caller]
fn footer(out: &Out) -> String {
    let (_, footer) = out.stdout.split_once("\n\n").unwrap();
    assert!(
        footer.contains(" in us-east-1; USD per million tokens, on demand"),
        "{footer}"
    );
    assert!(
        footer.contains(" more need provisioned throughput\n"),
        "{footer}"
    );
    footer.to_owned()
}

#[test]
fn filters_narrow_the_list() {
    assert_eq!(
        ids(["titan-embed-text", "--writes", "embedding"]),
        ["amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"]
    );
    assert_eq!(ids(["llama4", "--streaming"]), Vec::<String>::new());
    assert!(
        ids(["--provider", "deepseek"])
            .iter()
            .all(|id| id.contains("deepseek."))
    );
    assert_eq!(ids(["--kind", "application-profile"]), [PROFILE]);
    let own = ids([
        "--kind",
        "provisioned",
        "--kind",
        "deployment",
        "--kind",
        "imported",
    ]);
    assert_eq!(own.len(), 4, "{own:?}");
    models("", ["--kind", "router"])
        .exits(2)
        .says("application-profile");
    let none = models("", ["no such thing"]).exits(0);
    assert!(none.stdout.starts_with("none of the "), "{}", none.stdout);
}

#[test]
fn what_the_account_has_of_its_own_stands_in_a_table_of_its_own() {
    let out = models("", ["nova"]).exits(0);
    let tables: Vec<_> = out.stdout.split("\n\n").collect();
    assert!(!tables[0].contains("arn:"), "{}", out.stdout);
    let own: Vec<_> = tables[1].lines().collect();
    assert!(own[0].starts_with("id "), "{}", out.stdout);
    assert!(
        own[1].ends_with(
            "  yes     0.06  0.24     300k  application-profile of amazon.nova-lite-v1:0"
        )
    );
    assert!(
        tables[0].contains("not by InvokeModel"),
        "speech goes both ways: {}",
        out.stdout
    );
}

#[test]
fn the_table_says_what_serves_models_that_invoke_model_does_not_reach() {
    let out = models("", ["gpt-"]).exits(0);
    let row = |id: &str| {
        let mut rows = out.stdout.lines().filter(|line| line.starts_with(id));
        rows.next().unwrap_or_default().to_owned()
    };
    assert!(row("us.openai.gpt-5.6-sol ").ends_with("  not by InvokeModel"));
    assert!(
        !row("openai.gpt-oss-20b").contains("not by"),
        "{}",
        out.stdout
    );
    let said = "): Converse, Chat Completions and Responses serve it\n";
    assert!(out.stdout.contains(said), "{}", out.stdout);
    let found = json("", ["us.openai.gpt-5.5", "--json"]);
    let model = &found["models"][0];
    assert_eq!(model["invoke_model"], false, "{model}");
    let served_by = model["served_by"].as_str().unwrap();
    assert!(served_by.contains("bedrock-mantle"), "{model}");
}

#[test]
fn json_has_every_field_of_an_offer() {
    let found = json("", ["emulated-team", "--json"]);
    assert_eq!(found["region"], "us-east-1");
    assert_eq!(
        found["models"],
        serde_json::json!([{
            "id": PROFILE,
            "kind": "application-profile",
            "name": "emulated-team",
            "provider": "Amazon",
            "base_model": "amazon.nova-lite-v1:0",
            "family": "nova",
            "invoke_model": true,
            "served_by": null,
            "streaming": true,
            "reads": ["TEXT"],
            "writes": ["TEXT"],
            "input_usd_per_million": 0.06,
            "output_usd_per_million": 0.24,
            "usd_per_image": null,
            "usd_per_query": null,
            "context_tokens": 300_000,
            "max_output_tokens": 10_000,
            "state": null,
            "end_of_life": null,
        }])
    );
    let imported = json("", ["--kind", "imported", "--json"]);
    assert_eq!(imported["models"][0]["name"], "emulated-import (llama3)");
    assert_eq!(imported["models"][0]["streaming"], Value::Null);
}

#[test]
fn the_emulator_plays_the_region_that_was_named() {
    let job = Job::new("models").scenario("");
    let out = job.args(["nova-lite", "--region", "eu-west-3", "--json"]);
    let found: Value = serde_json::from_str(&out.run().exits(0).stdout).unwrap();
    assert_eq!(found["region"], "eu-west-3");
    let ids = found["models"].to_string();
    assert!(ids.contains("\"eu.amazon.nova-lite-v1:0\""), "{ids}");
    assert!(!ids.contains("\"us.amazon.nova-lite-v1:0\""), "{ids}");
}

#[test]
fn a_list_in_pages_is_the_same_list() {
    let whole = json("", ["--json"]);
    assert_eq!(json("[control_plane]\npage = 7", ["--json"]), whole);
}

#[test]
fn a_missing_permission_leaves_out_what_it_is_about() {
    let denied = "[control_plane]\ndenied = [\"ListInferenceProfiles\", \"ListImportedModels\"]";
    let out = models(denied, []).exits(0);
    assert!(
        out.stdout.contains("\namazon.nova-lite-v1:0 "),
        "{}",
        out.stdout
    );
    assert!(!out.stdout.contains("us.amazon.nova"), "{}", out.stdout);
    let lines: Vec<_> = out.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", out.stderr);
    assert!(lines[0].starts_with(
        "warning: left out: bedrock:ListInferenceProfiles is missing: AccessDeniedException: "
    ));
    let all = "[control_plane]\ndenied = [\"ListFoundationModels\", \"ListInferenceProfiles\", \
               \"ListProvisionedModelThroughputs\", \"ListCustomModelDeployments\", \
               \"ListImportedModels\"]";
    models(all, [])
        .exits(77)
        .says("error: bedrock:ListFoundationModels is missing: ");
}

#[test]
fn without_an_account_the_catalog_is_listed_and_said_to_be_that() {
    let bare = |args: [&str; 2]| Job::new("models").args(args).run().exits(0);
    let out = bare(["--region", "eu-west-3"]).says(
        "no AWS account to ask: these are the models of the catalog in eu-west-3, not what an account \
         may call",
    );
    assert!(
        out.stdout.contains("eu.amazon.nova-lite-v1:0"),
        "{}",
        out.stdout
    );
    assert!(!out.stdout.contains("us.amazon"), "{}", out.stdout);
    let out = bare(["nova", "--json"]).says("the catalog in us-east-1");
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(report["source"], "catalogue");
    assert_eq!(report["region"], "us-east-1");
    let of_emulator = bare(["--endpoint-url", "emulator"]);
    assert!(
        !of_emulator.stderr.contains("no AWS account"),
        "{}",
        of_emulator.stderr
    );
}

#[test]
fn credentials_that_are_set_up_but_do_not_work_are_an_error() {
    let process = "[default]\nregion = us-east-1\ncredential_process = /bin/false\n";
    let out = Job::new("models").file(".aws/config", process).run();
    let _ = out.exits(77).says("no AWS credentials: log in");
}

#[test]
fn what_cannot_be_asked_says_what_to_do() {
    let bare = |args: [&str; 2]| Job::new("models").args(args);
    bare(["--profile", "none"])
        .run()
        .exits(2)
        .says("no profile `none` in the AWS configuration: there is none");
    let signed = |url: &str| {
        bare(["--endpoint-url", url])
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .run()
    };
    signed("http://127.0.0.1:9")
        .exits(75)
        .says("ListFoundationModels failed at http://127.0.0.1:9: ")
        .says(
            "; check the name of the region, the proxy (HTTPS_PROXY, NO_PROXY), the VPC endpoint",
        );
    signed("http://models.example.com")
        .exits(2)
        .says("is not encrypted");
    signed("nonsense")
        .exits(2)
        .says("is neither an http(s) URL nor \"emulator\"");
    bare(["--scenario", "x.toml"])
        .run()
        .exits(2)
        .says("give --endpoint-url emulator");
}

/// An emulator on a port of its own.
fn stand(scenario: &str) -> EmulatorHandle {
    Emulator::start(Scenario::parse(scenario, "scenario").unwrap()).unwrap()
}

#[test]
fn the_region_and_the_identity_are_those_of_the_caller() {
    let emulator = stand("");
    let url = emulator.url();
    let job = |name: &str, value: &str| {
        Job::new("models")
            .args(["nova-lite", "--region", "eu-west-3"])
            .env("AWS_ENDPOINT_URL_BEDROCK", &url)
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env(name, value)
            .run()
            .exits(0)
    };
    let signed = job("AWS_ACCESS_KEY_ID", "made-up");
    assert!(
        signed.stdout.contains("\neu.amazon.nova-lite-v1:0 "),
        "{}",
        signed.stdout
    );
    // A key of Bedrock's own is no signature and names no region.
    let keyed = job("AWS_BEARER_TOKEN_BEDROCK", "made-up");
    assert!(
        keyed.stdout.contains("\nus.amazon.nova-lite-v1:0 "),
        "{}",
        keyed.stdout
    );
}

/// A run over a model behind an ARN.
fn run(arn: &str, scenario: &str) -> Out {
    Job::new("run")
        .file("prompts.csv", "prompt\none\n")
        .scenario(&format!("{scenario}\n{QUICK}"))
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-m", arn])
        .run()
}

#[test]
fn a_run_finds_the_model_behind_an_arn() {
    let behind = format!("{PROFILE} calls us.amazon.nova-lite-v1:0, according to Bedrock\n");
    let out = run(PROFILE, "").exits(0).says(&behind);
    let answer = &out.answers()["1"];
    assert_eq!(answer["status"], "succeeded");
    assert!(
        answer["cost_usd"].is_f64(),
        "the price came with the model: {answer}"
    );
    let bought = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghij34";
    let out = run(bought, "").exits(0);
    assert_eq!(
        out.answers()["1"]["cost_usd"],
        Value::Null,
        "paid for by the hour"
    );
    let deployed = "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefghij78";
    run(deployed, "").exits(0);
}

/// Its ARN says no more than that it was brought from elsewhere.
#[test]
fn a_model_that_was_brought_is_asked_for_its_base() {
    let own = |kind: &str| format!("arn:aws:bedrock:us-east-1:123456789012:{kind}");
    let brought = own("custom-model/imported/abcdefghij57");
    for arn in [&brought, &own("custom-model-deployment/abcdefghij79")] {
        let behind = format!("{arn} calls amazon.nova-lite-v1:0, according to Bedrock\n");
        run(arn, "").exits(0).says(&behind);
        run(arn, "[control_plane]\ndenied = [\"GetCustomModel\"]")
            .exits(2)
            .says("bedrock:GetCustomModel is missing: AccessDeniedException: ")
            .sent_nothing();
    }
}

#[test]
fn an_arn_that_may_not_be_looked_up_needs_its_family() {
    let denied = "[control_plane]\ndenied = [\"GetInferenceProfile\"]";
    run(PROFILE, denied)
        .exits(2)
        .says("give a known one with --family")
        .says("bedrock:GetInferenceProfile is missing: AccessDeniedException: ")
        .sent_nothing();
    let absent = PROFILE.replace("abcdefghij12", "zzzzzzzzzzzz");
    run(&absent, "")
        .exits(2)
        .says("give a known one with --family")
        .says("its model is unknown: ");
}

#[test]
fn the_quota_of_the_profile_that_was_copied_is_that_of_the_run() {
    let out = Job::new("run")
        .file("prompts.csv", "prompt\none\n")
        .scenario(&format!(
            "[[quota]]\nmodel = \"us.amazon*\"\nrequests_per_minute = 1200\n{QUICK}"
        ))
        .args([
            "-i",
            "prompts.csv",
            "-o",
            "out.jsonl",
            "-m",
            PROFILE,
            "--quota",
            "auto",
        ])
        .run()
        .exits(0);
    out.says("L-89F8391A");
}
