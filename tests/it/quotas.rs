//! What the account may use: shown by `quotas`, used by `quota = "auto"`.

use bedrock_emulator::{Emulator, EmulatorHandle, Scenario};
use serde_json::{Value, json};

use crate::harness::{Job, NOVA, Out, QUICK};

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// Service Quotas on a port of its own, with the quotas of a scenario.
struct Stand {
    emulator: EmulatorHandle,
}

fn stand(scenario: &str) -> Stand {
    let scenario = Scenario::parse(scenario, "scenario").unwrap();
    let emulator = Emulator::start(scenario).unwrap();
    Stand { emulator }
}

impl Stand {
    /// `promptmill quotas MODEL` against it.
    fn quotas(&self, model: &str) -> Job {
        let url = self.emulator.url();
        signed(Job::new("quotas").args([model, "--endpoint-url", &url]))
    }
}

fn signed(job: Job) -> Job {
    job.env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "made-up")
        .env("AWS_SECRET_ACCESS_KEY", "made-up")
}

/// Runs `rows` rows of Nova under a scenario and these further arguments.
fn run<const N: usize>(rows: u32, scenario: &str, args: [&str; N]) -> Out {
    let rows: String = (1..=rows).map(|row| format!("row {row}\n")).collect();
    Job::over(&format!("prompt\n{rows}"))
        .scenario(&format!("{scenario}\n{QUICK}"))
        .args(args)
        .run()
}

#[test]
fn the_table_shows_applied_and_default_values_and_what_to_do_with_them() {
    let stand = stand(
        "[[quota]]\nmodel = \"us.anthropic*\"\nrequests_per_minute = 1000\n\
         tokens_per_minute = 4_000_000",
    );
    let out = stand.quotas(HAIKU).run().exits(0);
    assert_eq!(
        out.stdout,
        "us.anthropic.claude-haiku-4-5-20251001-v1:0, cross-region (us), called from us-east-1\n\
         \n\
         quota                  applied    default  code        adjustable\n\
         requests per minute      1,000     10,000  L-CCA5DF70  yes\n\
         tokens per minute    4,000,000  5,000,000  L-58BE175A  yes\n\
         \n\
         For the job file:\n\
         \n\
         [limits]\n\
         requests_per_minute = 1_000\n\
         tokens_per_minute = 4_000_000\n\
         \n\
         or quota = \"auto\", which reads them before every run and uses 95% of them\n"
    );
}

#[test]
fn the_table_says_what_the_model_has_not_and_what_counts_twice() {
    let stand = stand("[[quota]]\nmodel = \"us.amazon*\"\ntokens_per_day = 2_000");
    let out = stand.quotas("us.amazon.nova-lite-v1:0").run().exits(0);
    assert_eq!(
        out.stdout,
        "us.amazon.nova-lite-v1:0, cross-region (us), called from us-east-1\n\
         \n\
         quota                applied        default  code        adjustable\n\
         requests per minute        -         10,000  L-89F8391A  yes\n\
         tokens per minute          -      5,000,000  L-7C42E72A  yes\n\
         tokens per day         1,000  7,200,000,000  L-45E0AD92  no\n\
         \n\
         without an applied value the default applies\n\
         cross-region calls may use twice the tokens per day shown above\n\
         \n\
         For the job file:\n\
         \n\
         [limits]\n\
         requests_per_minute = 10_000\n\
         tokens_per_minute = 5_000_000\n\
         tokens_per_day = 2_000\n\
         \n\
         or quota = \"auto\", which reads them before every run and uses 95% of them\n"
    );
    let out = stand
        .quotas("global.anthropic.claude-opus-5")
        .run()
        .exits(0);
    assert!(
        out.stdout
            .contains("\nthis model has no quota of requests per minute\n"),
        "{}",
        out.stdout
    );
}

#[test]
fn json_is_one_object_with_the_same_figures() {
    let stand = stand("[[quota]]\nmodel = \"us.amazon*\"\ntokens_per_day = 2_000");
    let job = stand.quotas("us.amazon.nova-lite-v1:0").args(["--json"]);
    let out = job.run().exits(0);
    let found: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(found["route"], "cross-region (us)");
    assert_eq!(found["region"], "us-east-1");
    assert_eq!(
        found["quotas"][2],
        json!({
            "quota": "tokens_per_day",
            "name": "Model invocation max tokens per day for Amazon Nova Lite (doubled for \
                     cross-region calls)",
            "code": "L-45E0AD92",
            "applied": 1000,
            "default": 7_200_000_000_u64,
            "usable": 2000,
            "adjustable": false,
        })
    );
}

#[test]
fn a_missing_permission_is_named() {
    let stand = stand("service_quotas = \"denied\"");
    let out = stand.quotas(HAIKU).run().exits(77);
    assert_eq!(
        out.stderr,
        "error: servicequotas:GetServiceQuota is missing: AccessDeniedException: User: \
         arn:aws:iam::123456789012:user/emulated is not authorized to perform: \
         servicequotas:GetServiceQuota; allow servicequotas:GetServiceQuota and \
         servicequotas:GetAWSDefaultServiceQuota in its policy\n"
    );
    assert_eq!(out.stdout, "");
}

#[test]
fn what_cannot_be_asked_says_what_to_do() {
    let none = |args: [&str; 3]| Job::new("quotas").args(args);
    none([
        "amazon.nova-lite-v1:0",
        "--endpoint-url",
        "http://127.0.0.1:9",
    ])
    .run()
    .exits(2)
    .says("no AWS region: give --region");
    none(["amazon.nova-lite-v1:0", "--region", "us-east-1"])
        .run()
        .exits(77)
        .says("AWS_BEARER_TOKEN_BEDROCK opens Bedrock, not Service Quotas")
        .says("to try it without an AWS account, add --endpoint-url emulator");
    none(["anthropic.claude-next", "--region", "us-east-1"])
        .run()
        .exits(2)
        .says("no quota codes are known for `anthropic.claude-next`");
    let plain = "http://quotas.example.com";
    signed(none([NOVA, "--endpoint-url", plain]))
        .run()
        .exits(2)
        .says("endpoint http://quotas.example.com is not encrypted");
    signed(none([NOVA, "--endpoint-url", "emulated"]))
        .run()
        .exits(2)
        .says("--endpoint-url: \"emulated\" is neither an http(s) URL nor \"emulator\"");
    none([NOVA, "--scenario", "quick.toml"])
        .run()
        .exits(2)
        .says("--scenario: only the built-in emulator has scenarios");
    let arn = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0";
    signed(none([arn, "--region", "us-east-1"]))
        .run()
        .exits(2)
        .says("the ARN is of eu-west-1");
}

#[test]
fn an_unreachable_service_is_worth_another_try() {
    let unreachable = "http://127.0.0.1:9";
    let by_variable = Job::new("quotas").args([NOVA]);
    signed(by_variable.env("AWS_ENDPOINT_URL_SERVICE_QUOTAS", unreachable))
        .run()
        .exits(75)
        .says("cannot query Service Quotas at http://127.0.0.1:9: ");
    signed(Job::new("quotas").args([NOVA, "--endpoint-url", unreachable]))
        .run()
        .exits(75)
        .says("cannot query Service Quotas at http://127.0.0.1:9: ")
        .says(
            "; check the name of the region, the proxy (HTTPS_PROXY, NO_PROXY), the VPC endpoint",
        );
}

#[test]
fn a_run_keeps_to_the_quota_it_reads() {
    let scenario = "[[quota]]\nrequests_per_minute = 1200\nburst = 2";
    let out = run(40, scenario, ["--quota", "auto", "--utilization", "0.9"])
        .exits(0)
        .says(
            "quota: 1,200 requests and 5,000,000 tokens a minute, 7,200,000,000 tokens a day \
             (L-E386A278, L-70423BF8, L-45E0AD92), using 90%\n",
        );
    let this_run = &out.run_file()["this_run"];
    assert_eq!(this_run["throttles"], 0);
    assert_eq!(this_run["requests_per_minute"], 1080);
    assert_eq!(this_run["tokens_per_minute"], 4_500_000);
    let learning = run(40, scenario, []).exits(0);
    assert_ne!(learning.run_file()["this_run"]["throttles"], 0);
}

#[test]
fn what_the_job_says_goes_before_what_is_read() {
    let scenario = "[[quota]]\nrequests_per_minute = 1200";
    run(
        1,
        scenario,
        [
            "--quota",
            "auto",
            "--requests-per-minute",
            "300",
            "--tokens-per-day",
            "99000",
        ],
    )
    .exits(0)
    .says("quota: 5,000,000 tokens a minute (L-70423BF8), using 95%\n");
}

#[test]
fn a_run_that_may_not_read_its_quotas_learns_them() {
    let out = run(3, "service_quotas = \"denied\"", ["--quota", "auto", "-q"]).exits(0);
    assert_eq!(
        out.stderr,
        "warning: quota = \"auto\": servicequotas:GetServiceQuota is missing: AccessDeniedException: User: \
         arn:aws:iam::123456789012:user/emulated is not authorized to perform: \
         servicequotas:GetServiceQuota; allow servicequotas:GetServiceQuota and \
         servicequotas:GetAWSDefaultServiceQuota in its policy; what is unknown is learned from throttling\n"
    );
    assert_eq!(out.run_file()["total"]["succeeded"], 3);
}

#[test]
fn a_model_without_codes_is_learned_too() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4e5f6";
    Job::new("run")
        .file("prompts.csv", "prompt\none\n")
        .file(
            "job.toml",
            format!(
                "[input]\npath = \"prompts.csv\"\n[model]\nid = \"{arn}\"\nfamily = \"nova\"\n\
                 endpoint = \"emulator\"\n[limits]\nquota = \"auto\"\nutilization = 1\n\
                 [output]\npath = \"out.jsonl\"\n"
            ),
        )
        .args(["job.toml"])
        .run()
        .exits(0)
        .says("its capacity is what was bought; what is unknown is learned from throttling");
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let refused = |args: [&str; 4], says: &str| {
        run(1, "", args).exits(2).says(says).sent_nothing();
    };
    refused(
        ["--quota", "auto", "--utilization", "1.5"],
        "`limits.utilization`: 1.5 is more than the whole quota: give a share up to 1, such as 0.95",
    );
    for share in ["0", "-1", "nan"] {
        refused(
            ["--quota", "auto", "--utilization", share],
            "`limits.utilization`: it must be above 0 and up to 1, such as 0.95",
        );
    }
    refused(
        ["--quota", "yes", "--utilization", "0.5"],
        "`limits.quota`: \"yes\" is not \"auto\"; quotas of your own go into requests_per_minute",
    );
    refused(
        ["--utilization", "0.5", "--drain", "1s"],
        "`limits.utilization`: it is a share of the quotas that quota = \"auto\" reads",
    );
}

#[test]
fn the_embedded_emulator_answers_without_an_account() {
    let scenario = "[[quota]]\nmodel = \"us.anthropic*\"\nrequests_per_minute = 1000\n";
    let job = Job::new("quotas")
        .scenario(scenario)
        .args([HAIKU, "--region", "us-west-2"]);
    let out = job.run().exits(0);
    assert!(
        out.stdout.contains("called from us-west-2\n"),
        "{}",
        out.stdout
    );
    assert!(
        out.stdout.contains("requests_per_minute = 1_000\n"),
        "{}",
        out.stdout
    );
}
