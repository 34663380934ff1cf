//! The verbs that take no job: what can be called, what an output needs, an endpoint to try things with.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::verbs::{examples, scenario, switch, text, trust_locks, with_examples};
use super::{flags, models};
use crate::exit;
use crate::job::keys;

const MODELS_EXAMPLES: &str = "  promptmill models haiku
  promptmill models --writes embedding --region eu-central-1
  promptmill models --endpoint-url emulator   (no AWS account needed)";

const QUOTAS_EXAMPLES: &str = "  promptmill quotas us.anthropic.claude-haiku-4-5-20251001-v1:0
  promptmill quotas us.amazon.nova-lite-v1:0 --region us-west-2";

pub(super) const REPAIR_EXAMPLES: &str = "  promptmill repair out.jsonl
  promptmill repair out.jsonl --add /tmp/promptmill-rescued-4711.jsonl";

pub(super) const REPARSE_EXAMPLES: &str = "  promptmill reparse out.jsonl
  promptmill reparse out.jsonl --family openai-chat";

const EMULATE_EXAMPLES: &str = "  promptmill emulate
  promptmill emulate --port 0 --scenario jobs/scenarios/busy-afternoon.toml";

pub(super) fn models_command() -> Command {
    let kinds = models::KINDS.map(|(word, _)| word);
    Command::new("models")
        .about("List the models, profiles and provisioned throughput you can call")
        .before_help(
            "The first column is what a job takes as `id`. Needs bedrock:ListFoundationModels and \
             bedrock:ListInferenceProfiles, and for your own models \
             bedrock:ListProvisionedModelThroughputs, bedrock:ListCustomModelDeployments and \
             bedrock:ListImportedModels. What is not permitted is left out, with a warning.",
        )
        .after_help(examples(MODELS_EXAMPLES))
        .arg(
            Arg::new("text")
                .value_name("TEXT")
                .help("Only models with this text in their ID or name"),
        )
        .arg(text(
            "provider",
            "NAME",
            "Only models of this provider, such as anthropic",
        ))
        .arg(
            text("kind", "KIND", "Only this kind; may be repeated")
                .action(ArgAction::Append)
                .value_parser(kinds),
        )
        .arg(
            text("writes", "WHAT", "Only models with this output").value_parser([
                "text",
                "image",
                "embedding",
                "video",
                "speech",
            ]),
        )
        .arg(switch("streaming", "Only models that stream responses"))
        .arg(text(
            "region",
            "REGION",
            "AWS region [default: AWS_REGION or the profile's]",
        ))
        .arg(text(
            "profile",
            "PROFILE",
            "AWS profile [default: AWS_PROFILE]",
        ))
        .arg(text(
            "endpoint-url",
            "URL",
            "Endpoint to ask instead of AWS; emulator is the built-in emulator",
        ))
        .arg(scenario())
        .arg(switch("json", "Print one JSON object instead of the table"))
}

fn output_argument() -> Arg {
    Arg::new("output")
        .value_name("OUT.jsonl")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .required(true)
        .help("Output file, as given to `run` with --output")
}

pub(super) fn repair_command() -> Command {
    Command::new("repair")
        .about("Move corrupt or duplicate lines of an output to a backup file")
        .before_help(
            "Corrupt lines go to OUT.bad-TIME, and so do all but the first line of a duplicate row; \
             nothing is deleted. The same `run` command then runs the rows again that have no line.",
        )
        .after_help(with_examples(REPAIR_EXAMPLES, &exit::table()))
        .arg(output_argument())
        .arg(
            Arg::new("add")
                .long("add")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Also add rows from this file, such as rows that a run had to rescue"),
        )
        .arg(trust_locks())
}

pub(super) fn reparse_command() -> Command {
    Command::new("reparse")
        .about("Re-parse stored responses, without calling the model")
        .before_help(
            "A response that could not be parsed is a failure of category bad_response and keeps its \
             body. Those that can be parsed now move to the completions; the old lines are backed up.",
        )
        .after_help(with_examples(REPARSE_EXAMPLES, &exit::table()))
        .arg(output_argument())
        .arg(
            text(
                "family",
                "FAMILY",
                "Response format [default: from the model ID, else from the body]",
            )
            .hide_possible_values(true)
            .value_parser(flags::suggesting(&keys::values("model", "family"))),
        )
        .arg(text(
            "region",
            "REGION",
            "Region whose prices apply [default: the ARN's, else the general price]",
        ))
        .arg(
            text("prices", "FILE", "TOML file with prices that override the catalog's")
                .value_hint(ValueHint::FilePath),
        )
        .arg(trust_locks())
}

pub(super) fn quotas_command() -> Command {
    Command::new("quotas")
        .about("Show the account's quotas for a model, per minute and day")
        .before_help(
            "Asks Service Quotas for applied and default values, with their codes, and prints what to \
             put into a job. Needs servicequotas:GetServiceQuota and \
             servicequotas:GetAWSDefaultServiceQuota.",
        )
        .after_help(examples(QUOTAS_EXAMPLES))
        .arg(
            Arg::new("model")
                .value_name("MODEL")
                .required(true)
                .help("Model ID, inference profile ID, or ARN"),
        )
        .arg(text(
            "region",
            "REGION",
            "AWS region [default: the ARN's, else AWS_REGION or the profile's]",
        ))
        .arg(text("profile", "PROFILE", "AWS profile [default: AWS_PROFILE]"))
        .arg(text(
            "endpoint-url",
            "URL",
            "Endpoint to ask instead of AWS; emulator is the built-in emulator",
        ))
        .arg(scenario())
        .arg(switch("json", "Print one JSON object instead of the table"))
}

pub(super) fn emulate_command() -> Command {
    Command::new("emulate")
        .about("Serve a local Bedrock endpoint that generates fake responses")
        .before_help(
            "Any AWS SDK can use it: set the printed variables. A job needs none of this: with \
             endpoint = \"emulator\" (--endpoint-url emulator) it starts its own.",
        )
        .after_help(examples(EMULATE_EXAMPLES))
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .value_parser(value_parser!(u16))
                .default_value("8686")
                .help("Port on 127.0.0.1; 0 picks a free one"),
        )
        .arg(
            Arg::new("scenario")
                .long("scenario")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Scenario: latency, quotas, faults [default: no faults, no quotas]"),
        )
}
