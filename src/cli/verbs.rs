//! The verbs and their flags, as clap knows them.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, Resettable};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::args::{examples, switch, trust_endpoint, trust_locks, with_examples};
use super::{
    emulate, errors, export, flags, init, models, quotas, repair, reparse, report, score, status,
};
use crate::exit;
use crate::job::{self, MaxFailures};

/// The flags that most runs use: `-h` shows these, in this order and with a line each, and names
/// the groups of the others.
const COMMON: [(&str, &str); 10] = [
    ("input", "Prompts: CSV, TSV, JSONL or JSON (.gz, .zst too)"),
    ("model", "Model ID, inference profile ID, or ARN"),
    ("template", "Prompt; {{ field }} inserts a value"),
    ("output", "Where completions are written, such as out.jsonl"),
    (
        "region",
        "AWS region [default: AWS_REGION or the profile's]",
    ),
    (
        "endpoint-url",
        "emulator: a built-in one, no AWS account needed",
    ),
    (
        "max-tokens",
        "Longest completion, in tokens [default: 1024]",
    ),
    ("max-cost", "Never spend more than this"),
    ("limit", "Only the first N rows"),
    ("retry-failed", "Run failed rows again"),
];

/// The whole command line, for parsing and for the checks of help and reference.
pub fn command() -> Command {
    Command::new("promptmill")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Run a file of prompts through Amazon Bedrock")
        .long_about(
            "Run a file of prompts through Amazon Bedrock: at the speed of your quota, within your \
             budget, without losing a response.",
        )
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .arg_required_else_help(true)
        .after_help(with_examples(TOP_EXAMPLES, &exit::table()))
        .subcommand(init::command())
        .subcommand(run_command())
        .subcommand(plan_command())
        .subcommand(check_command())
        .subcommand(models::command())
        .subcommand(quotas::command())
        .subcommand(status::command())
        .subcommand(errors::command())
        .subcommand(report::command())
        .subcommand(repair::command())
        .subcommand(reparse::command())
        .subcommand(score::command())
        .subcommand(export::command())
        .subcommand(emulate::command())
        .subcommand(completions_command())
        .subcommand(man_command())
        .subcommand(help_command())
        .help_flags()
}

/// Like [`command`], but with the help that `-h` shows: the usual flags, and examples.
pub(super) fn brief() -> Command {
    let mut all = command().after_help(with_examples(
        TOP_EXAMPLES,
        "Help for one command: promptmill run -h\nExit codes: promptmill --help",
    ));
    for (verb, examples) in [
        ("run", RUN_EXAMPLES),
        ("plan", PLAN_EXAMPLES),
        ("check", CHECK_EXAMPLES),
    ] {
        all = all.mut_subcommand(verb, |command| shortened(command, examples));
    }
    all.mut_subcommand("repair", |command| {
        command.after_help(examples(repair::EXAMPLES))
    })
    .mut_subcommand("reparse", |command| {
        command.after_help(examples(reparse::EXAMPLES))
    })
}

const TOP_EXAMPLES: &str = "  promptmill run jobs/quickstart.toml
  promptmill run -i in.csv -m us.amazon.nova-lite-v1:0 -t 'Sum up: {{ text }}' \\
      -o out.jsonl --endpoint-url emulator   (no AWS account needed)";

const RUN_EXAMPLES: &str = "  promptmill run jobs/quickstart.toml
  promptmill run -i in.csv -m us.amazon.nova-lite-v1:0 -t 'Sum up: {{ text }}' \\
      -o out.jsonl
  promptmill run job.toml --limit 20        a first look at 20 rows
  promptmill run job.toml                   resumes where it stopped
  promptmill run job.toml --retry-failed    runs the failed rows again";

const PLAN_EXAMPLES: &str = "  promptmill plan job.toml
  promptmill plan -i in.csv -m us.amazon.nova-lite-v1:0 -t 'Sum up: {{ text }}' \\
      -o out.jsonl
  promptmill run job.toml --limit 20 && promptmill plan job.toml
                                      estimates from your own data";

const CHECK_EXAMPLES: &str = "  promptmill check job.toml
  promptmill check -m us.amazon.nova-lite-v1:0 --region us-east-1";

/// The usual flags under one heading, and where to find the others.
fn shortened(command: Command, examples: &str) -> Command {
    let verb = command.get_name().to_owned();
    let mut groups = Vec::new();
    for heading in command.get_arguments().filter_map(Arg::get_help_heading) {
        if !groups.contains(&heading) {
            groups.push(heading);
        }
    }
    let rest = format!(
        "More: {}\nAll options: promptmill {verb} --help",
        groups.join(", ")
    );
    command
        .before_help(Resettable::Reset)
        .mut_args(|arg| match place(arg.get_id().as_str()) {
            Some((place, help)) => arg
                .help_heading("Common options")
                .display_order(place)
                .help(help),
            None if arg.get_id() == "help" => arg
                .help_heading("Common options")
                .display_order(COMMON.len()),
            None if arg.is_positional() => arg,
            None => arg.hide(true),
        })
        .after_help(with_examples(examples, &rest))
}

/// The position of a flag among the usual ones, and its short help.
fn place(flag: &str) -> Option<(usize, &'static str)> {
    let place = COMMON.iter().position(|(common, _)| *common == flag)?;
    Some((place, COMMON[place].1))
}

/// What a verb is for, what it does, how it is called, its flags, examples.
const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Help in one form, however it is asked for: clap's own long form takes three lines a flag.
trait HelpFlags {
    fn help_flags(self) -> Self;
}

impl HelpFlags for Command {
    fn help_flags(self) -> Self {
        let help = || {
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::HelpShort)
                .help("Print help: -h the usual options, --help all of it")
        };
        self.disable_help_flag(true)
            .arg(help())
            .help_template(TEMPLATE)
            .mut_subcommands(|verb| {
                verb.disable_help_flag(true)
                    .arg(help())
                    .help_template(TEMPLATE)
            })
    }
}

/// The verbs that have a page of their own in the manual.
const PAGES: [&str; 16] = [
    "init",
    "run",
    "plan",
    "check",
    "models",
    "quotas",
    "status",
    "errors",
    "report",
    "repair",
    "reparse",
    "score",
    "export",
    "emulate",
    "completions",
    "man",
];

pub(super) fn run_command() -> Command {
    Command::new("run")
        .about("Run a job, resuming an earlier run if there is one")
        .before_help(
            "A job is a TOML file, flags, or both: every key is a flag, and flags override the file. \
             Completions go to OUT.jsonl, failures to OUT.failed.jsonl, the summary to OUT.run.json. \
             Progress goes to standard error. Run the same command again to resume.",
        )
        .after_help(with_examples(RUN_EXAMPLES, &exit::table()))
        .arg(job_arg())
        .args(part_args())
        .args(run_args())
        .arg(trust_endpoint())
        .arg(switch(
            "json",
            "Write progress as JSON lines to stderr, and the summary as JSON to stdout",
        ))
        .args(flags::args())
}

fn plan_command() -> Command {
    Command::new("plan")
        .about("Estimate tokens, cost and time, without calling the model")
        .before_help(
            "Reads and renders every row, finds bad rows, and shows the first request. Sends nothing, \
             writes nothing, and needs no credentials. Takes the job and the flags of `run`; estimates \
             use the completions that are already in the output.",
        )
        .after_help(with_examples(
            PLAN_EXAMPLES,
            "Exit codes:\n\
             \x20   0  `run` would accept this job (credentials and region are not checked)\n\
             \x20   2  `run` would reject it: everything found is listed\n\
             \x20  74  the plan cannot be written to standard output",
        ))
        .arg(job_arg())
        .args(part_args())
        .args(run_args().map(idle))
        .arg(idle(trust_endpoint()))
        .arg(switch(
            "json",
            "Print one JSON object, with the whole first request",
        ))
        .args(flags::args())
}

fn check_command() -> Command {
    Command::new("check")
        .about("Test credentials, model access and parameters with one small call")
        .before_help(
            "Calls the job's model once, as `run` would, with a short prompt (or the first row, if rows \
             hold whole request bodies). The call is billed; nothing is written. Takes the job and the \
             flags of `run`; --model alone is enough.",
        )
        .after_help(with_examples(
            CHECK_EXAMPLES,
            "Exit codes:\n\
             \x20   0  the model responded\n\
             \x20   2  the job, its model ID or its parameters are wrong\n\
             \x20  74  the result cannot be written to standard output\n\
             \x20  75  the service is unreachable, or throttled the call\n\
             \x20  77  credentials or model access",
        ))
        .arg(job_arg())
        .args(part_args().map(idle))
        .args(run_args().map(idle))
        .arg(trust_endpoint())
        .arg(switch("json", "Print one JSON object"))
        .args(flags::args())
}

fn job_arg() -> Arg {
    Arg::new("job")
        .value_name("JOB.toml")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help("Job file [default: none, the flags are the whole job]")
}

/// Which part of a job to run, and what happens to earlier output.
fn part_args() -> [Arg; 7] {
    [
        Arg::new("limit")
            .long("limit")
            .value_name("N")
            .value_parser(whole_from_one)
            .help("Only the first N rows"),
        Arg::new("date")
            .long("date")
            .value_name("DATE")
            .value_parser(crate::engine::day::date)
            .help("Date that {{ date }} stands for in paths, such as 2026-11-30 [default: today]"),
        Arg::new("only")
            .long("only")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with_all(["limit", "fresh", "retry-failed", "redo-changed"])
            .help("Run only the rows with these IDs, one per line, completed ones again"),
        switch(
            "fresh",
            "Back up existing output (including images) and start over",
        ),
        switch(
            "retry-failed",
            "Back up the failures and run failed rows again",
        )
        .conflicts_with("fresh"),
        switch(
            "redo-changed",
            "Back up completed rows whose request has changed, and run them again",
        )
        .conflicts_with("fresh"),
        Arg::new("max-redo")
            .long("max-redo")
            .value_name("N|N%")
            .value_parser(rows_or_share)
            .help("Most completed rows sent again because their request or id changed [default: 10%, or 5 rows]"),
    ]
}

/// What is about the run itself.
fn run_args() -> [Arg; 6] {
    [
        Arg::new("drain")
            .long("drain")
            .value_name("TIME")
            .default_value("25s")
            .help("How long calls in flight may finish after Ctrl-C, a signal or the deadline"),
        Arg::new("wait-lock")
            .long("wait-lock")
            .value_name("TIME")
            .help("How long to wait for another run on this output [default: do not wait]"),
        Arg::new("metrics-file")
            .long("metrics-file")
            .value_name("FILE.prom")
            .value_parser(crate::report::metrics::metrics_path)
            .value_hint(ValueHint::FilePath)
            .help("Keep figures of the run in this file for Prometheus, such as job.prom"),
        Arg::new("ping")
            .long("ping")
            .value_name("URL")
            .value_parser(crate::bedrock::ping::PingUrl::parse)
            .help("Tell this monitor that the run starts, and its exit code (healthchecks.io protocol)"),
        trust_locks(),
        switch("quiet", "Print only warnings and errors").short('q'),
    ]
}

/// A flag that does nothing for this verb: accepted, so that verbs can be swapped in a command that
/// works, and not in the help.
fn idle(arg: Arg) -> Arg {
    arg.hide(true)
}

fn completions_command() -> Command {
    Command::new("completions")
        .about("Print shell completions")
        .after_help(examples(
            "  promptmill completions bash > ~/.local/share/bash-completion/completions/promptmill",
        ))
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(clap_complete::Shell))
                .help("Shell to complete in"),
        )
}

fn man_command() -> Command {
    Command::new("man")
        .about("Print the manual page, or that of one command")
        .after_help(examples("  promptmill man run | man -l -"))
        .arg(
            Arg::new("verb")
                .value_name("COMMAND")
                .value_parser(PAGES)
                .hide_possible_values(true)
                .help("Command [default: promptmill itself]"),
        )
}

fn help_command() -> Command {
    Command::new("help")
        .about("Print the whole help, or that of one command")
        .arg(
            Arg::new("verb")
                .value_name("COMMAND")
                .value_parser(PossibleValuesParser::new(PAGES))
                .hide_possible_values(true)
                .help("Command [default: promptmill itself]"),
        )
}

fn rows_or_share(typed: &str) -> Result<MaxFailures, &'static str> {
    job::rows_or_share(typed).ok_or("it takes a whole number or a percentage such as 10%")
}

fn whole_from_one(typed: &str) -> Result<u64, &'static str> {
    let parsed = typed.replace('_', "").parse().ok();
    parsed
        .filter(|number| 0 < *number)
        .ok_or("it takes a whole number from 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page() {
        let all = command();
        let verbs: Vec<_> = all.get_subcommands().map(Command::get_name).collect();
        assert_eq!(verbs, [&PAGES[..], &["help"]].concat());
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
