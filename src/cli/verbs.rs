//! The verbs and their flags, as clap knows them.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use super::{day, flags, models};
use crate::exit;

/// The whole command line, for parsing and for the checks of help and reference.
pub fn command() -> Command {
    Command::new("promptmill")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Run a file of prompts through a model on Amazon Bedrock")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(exit::table())
        .subcommand(run_command())
        .subcommand(plan_command())
        .subcommand(check_command())
        .subcommand(models_command())
        .subcommand(quotas_command())
        .subcommand(repair_command())
        .subcommand(reparse_command())
        .subcommand(emulate_command())
        .subcommand(completions_command())
        .subcommand(man_command())
}

/// The verbs that have a page of their own in the manual.
const PAGES: [&str; 9] = [
    "run",
    "plan",
    "check",
    "models",
    "quotas",
    "repair",
    "reparse",
    "emulate",
    "completions",
];

pub(super) fn run_command() -> Command {
    Command::new("run")
        .about("Start a job, or go on where the same command left off")
        .long_about(
            "Start a job, or go on where the same command left off.\n\n\
             A job is a TOML file, flags, or both: every key of the file is a flag, and flags win.\n\
             Answers go to the output as they come, failures beside it to OUT.failed.jsonl, the\n\
             summary to OUT.run.json. Progress goes to standard error.",
        )
        .after_help(exit::table())
        .arg(job_arg())
        .args(part_args())
        .args(run_args())
        .arg(switch("json", "Progress as JSON lines on standard error, the summary as JSON on standard output"))
        .args(flags::args())
}

fn plan_command() -> Command {
    Command::new("plan")
        .about("Say what a job will take, without a call: bad rows, tokens, cost, time")
        .long_about(
            "Say what a job will take, without a call: bad rows, tokens, cost, time.\n\n\
             Takes the job and the flags of `run`; those about the run itself do nothing here. Every\n\
             row is read and rendered; nothing is sent, nothing is written, and no credentials are\n\
             needed. Answers that are there already teach it: run --limit 20 first, and the figures\n\
             are about your data.",
        )
        .after_help(
            "Exit codes:\n  \
             0  `run` would take this job, as far as it can be seen without asking AWS:\n     \
             credentials, region and the endpoints of the environment are not looked at,\n     \
             and another run that holds the output now is a note\n  \
             2  `run` would refuse it: what is wrong with the job is listed, and once the job\n     \
             is right, what is wrong with rows and output. An ARN that hides its model is\n     \
             refused here without --family; `run` and `check` ask Bedrock about it\n \
             74  the plan cannot be written to standard output",
        )
        .arg(job_arg())
        .args(part_args())
        .args(run_args().map(idle))
        .arg(switch("json", "Print one JSON object, with the whole first request, or with the error"))
        .args(flags::args())
}

fn check_command() -> Command {
    Command::new("check")
        .about("Make one tiny call as the job would, and say what to do where it fails")
        .long_about(
            "Make one tiny call as the job would, and say what to do where it fails.\n\n\
             Takes the job and the flags of `run`; those about rows that are left and about the run\n\
             itself do nothing here. The call goes to the job's model, streamed if the job streams,\n\
             with the job's parameters, a prompt of a few words and a short answer; it is billed.\n\
             Where rows bring whole bodies, or only they know what a request looks like, it is the\n\
             first row. The input is opened if one is named; --model alone will do. Nothing is\n\
             written.",
        )
        .after_help(
            "Exit codes:\n  \
             0   the call was answered\n  \
             2   the job, its model id or its parameters are wrong\n  \
             74  the answer cannot be written to standard output\n  \
             75  the service cannot be reached, or refuses for now\n  \
             77  credentials or model access",
        )
        .arg(job_arg())
        .args(part_args().map(idle))
        .args(run_args().map(idle))
        .arg(switch("json", "Print one JSON object, which has the error where there is one"))
        .args(flags::args())
}

fn job_arg() -> Arg {
    Arg::new("job")
        .value_name("JOB.toml")
        .value_parser(value_parser!(PathBuf))
        .help("The job file; without one, flags say everything")
}

/// What says which part of a job is meant, and what becomes of earlier output.
fn part_args() -> [Arg; 5] {
    [
        Arg::new("limit")
            .long("limit")
            .value_name("N")
            .value_parser(whole_from_one)
            .help("Only the first N rows of the input"),
        Arg::new("date")
            .long("date")
            .value_name("DATE")
            .value_parser(day::date)
            .help("What {{ date }} stands for in paths, such as 2026-11-30 [default: today]"),
        switch(
            "fresh",
            "Put earlier output aside, its images too, and begin anew",
        ),
        switch(
            "retry-failed",
            "Put earlier failures aside and run their rows again",
        )
        .conflicts_with("fresh"),
        switch(
            "redo-changed",
            "Put the lines of rows aside whose request has changed, and run these rows again",
        )
        .conflicts_with("fresh"),
    ]
}

/// What is about the run itself.
fn run_args() -> [Arg; 4] {
    [
        Arg::new("drain")
            .long("drain")
            .value_name("TIME")
            .default_value("25s")
            .help("How long calls in flight may still land after Ctrl-C, SIGTERM, SIGHUP or the deadline"),
        Arg::new("wait-lock")
            .long("wait-lock")
            .value_name("TIME")
            .help("How long to wait for another run on this output [default: not at all]"),
        trust_locks(),
        switch("quiet", "Print nothing but trouble").short('q'),
    ]
}

/// The same flag where it has nothing to do: taken, so that one verb can stand for another in a
/// command that works, and not in the help.
fn idle(arg: Arg) -> Arg {
    arg.hide(true)
}

fn models_command() -> Command {
    let kinds = models::KINDS.map(|(word, _)| word);
    Command::new("models")
        .about("List what can be invoked: models, profiles, bought capacity, models of the account")
        .long_about(
            "List what can be invoked: models, profiles, bought capacity, models of the account.\n\n\
             The first column is what a job takes as `id`. Needs bedrock:ListFoundationModels and\n\
             bedrock:ListInferenceProfiles, and for what the account has of its own\n\
             bedrock:ListProvisionedModelThroughputs, bedrock:ListCustomModelDeployments and\n\
             bedrock:ListImportedModels; what may not be asked is left out and said.",
        )
        .arg(
            Arg::new("text")
                .value_name("TEXT")
                .help("Only what has this in its id or name"),
        )
        .arg(text("provider", "NAME", "Only models of this provider, such as anthropic"))
        .arg(
            text("kind", "KIND", "Only offers of this kind; may be given more than once")
                .action(ArgAction::Append)
                .value_parser(kinds),
        )
        .arg(
            text("writes", "WHAT", "Only models that write this")
                .value_parser(["text", "image", "embedding", "video", "speech"]),
        )
        .arg(switch("streaming", "Only models that answer InvokeModelWithResponseStream"))
        .arg(text(
            "region",
            "REGION",
            "AWS region [default: the standard chain]",
        ))
        .arg(text(
            "profile",
            "PROFILE",
            "Profile of the AWS configuration [default: AWS_PROFILE]",
        ))
        .arg(text(
            "endpoint-url",
            "URL",
            "Where Bedrock's control plane is asked instead of AWS; emulator is the embedded one",
        ))
        .arg(text("scenario", "FILE", "What the embedded emulator plays"))
        .arg(switch(
            "json",
            "One JSON object on standard output instead of the table",
        ))
}

fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn trust_locks() -> Arg {
    switch(
        "trust-locks",
        "Write to a network file system whose locks may not keep other machines away",
    )
}

fn output_argument() -> Arg {
    Arg::new("output")
        .value_name("OUT.jsonl")
        .value_parser(value_parser!(PathBuf))
        .required(true)
        .help("The output, as the run's --output names it")
}

fn repair_command() -> Command {
    Command::new("repair")
        .about("Take out of an output what a run refuses to touch, and keep it aside")
        .long_about(
            "Take out of an output what a run refuses to touch, and keep it aside.\n\n\
             Lines that cannot be read, a torn end too, go to OUT.bad-TIME. So do lines of a row that\n\
             has one already: the first stays. Nothing is thrown away. The same `run` command then\n\
             runs the rows again whose lines are gone.",
        )
        .after_help(exit::table())
        .arg(output_argument())
        .arg(
            Arg::new("add")
                .long("add")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Also add the rows of this file, such as answers a run could not write to OUT"),
        )
        .arg(trust_locks())
}

fn reparse_command() -> Command {
    Command::new("reparse")
        .about("Read answers again that could not be understood, without a call")
        .long_about(
            "Read answers again that could not be understood, without a call.\n\n\
             Such an answer is a failure of the category bad_response and keeps its body. Those that\n\
             are understood now go to the answers; their old lines are kept aside.",
        )
        .after_help(exit::table())
        .arg(output_argument())
        .arg(text(
            "family",
            "FAMILY",
            "The layout of the bodies [default: by the model's id, else by their shape]",
        ))
        .arg(text(
            "region",
            "REGION",
            "The region whose prices count [default: the ARN's, else the general price]",
        ))
        .arg(text(
            "prices",
            "FILE",
            "Prices of your own, TOML, before the catalogue's",
        ))
        .arg(trust_locks())
}

fn quotas_command() -> Command {
    Command::new("quotas")
        .about("Show what the account may use of a model: requests and tokens per minute and day")
        .long_about(
            "Show what the account may use of a model: requests and tokens per minute and day.\n\n\
             Asks Service Quotas for the account's own values and the defaults, with their codes,\n\
             and says what to put into a job. Needs the permissions servicequotas:GetServiceQuota\n\
             and servicequotas:GetAWSDefaultServiceQuota.",
        )
        .arg(
            Arg::new("model")
                .value_name("MODEL")
                .required(true)
                .help("Model id, inference profile id, or ARN, as a job names it"),
        )
        .arg(text(
            "region",
            "REGION",
            "AWS region [default: the ARN's, else the standard chain]",
        ))
        .arg(text(
            "profile",
            "PROFILE",
            "Profile of the AWS configuration [default: AWS_PROFILE]",
        ))
        .arg(text(
            "endpoint-url",
            "URL",
            "Where Service Quotas is asked instead of AWS; emulator is the embedded one",
        ))
        .arg(text("scenario", "FILE", "What the embedded emulator plays"))
        .arg(switch(
            "json",
            "One JSON object on standard output instead of the table",
        ))
}

fn emulate_command() -> Command {
    Command::new("emulate")
        .about("Serve a Bedrock Runtime endpoint on this machine that makes its answers up")
        .long_about(
            "Serve a Bedrock Runtime endpoint on this machine that makes its answers up.\n\n\
             Any AWS SDK can use it: set AWS_ENDPOINT_URL_BEDROCK_RUNTIME to the printed URL and\n\
             any credentials and region. A job with endpoint = \"emulator\" needs none of this: it\n\
             starts one inside the run.",
        )
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .value_parser(value_parser!(u16))
                .default_value("8686")
                .help("The port on 127.0.0.1; 0 is any free one"),
        )
        .arg(
            Arg::new("scenario")
                .long("scenario")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("What to play: latency, quotas, faults"),
        )
}

fn completions_command() -> Command {
    Command::new("completions")
        .about("Print completions for a shell")
        .long_about(
            "Print completions for a shell: where that looks for them is in its manual. For bash:\n\n\
             promptmill completions bash > ~/.local/share/bash-completion/completions/promptmill",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(clap_complete::Shell))
                .help("Whose completions"),
        )
}

fn man_command() -> Command {
    Command::new("man")
        .about("Print the manual page, or that of a verb")
        .long_about("Print the manual page, or that of a verb: promptmill man run | man -l -")
        .arg(
            Arg::new("verb")
                .value_name("VERB")
                .value_parser(PAGES)
                .help("The verb [default: all of it]"),
        )
}

fn whole_from_one(typed: &str) -> Result<u64, &'static str> {
    let parsed = typed.replace('_', "").parse().ok();
    parsed
        .filter(|number| 0 < *number)
        .ok_or("it takes a whole number from 1")
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page() {
        let all = command();
        let verbs: Vec<_> = all.get_subcommands().map(Command::get_name).collect();
        assert_eq!(verbs, [&PAGES[..], &["man"]].concat());
    }

    #[test]
    fn plan_and_check_take_every_flag_of_run() {
        for verb in [plan_command(), check_command()] {
            for arg in run_command().get_arguments() {
                let same = verb.get_arguments().find(|it| it.get_id() == arg.get_id());
                let same = same.map(|it| (it.get_long(), it.get_short()));
                let of_run = (arg.get_long(), arg.get_short());
                assert_eq!(same, Some(of_run), "{}", verb.get_name());
            }
        }
    }
}
