//! The command line as clap knows it: all verbs, and help in its two forms.

use clap::builder::{PossibleValuesParser, Resettable};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::job_verbs::{
    CHECK_EXAMPLES, PLAN_EXAMPLES, RUN_EXAMPLES, check_command, plan_command, run_command,
};
use super::tool_verbs::{
    REPAIR_EXAMPLES, REPARSE_EXAMPLES, emulate_command, models_command, quotas_command,
    repair_command, reparse_command,
};
use crate::exit;

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
        command.after_help(examples(REPAIR_EXAMPLES))
    })
    .mut_subcommand("reparse", |command| {
        command.after_help(examples(REPARSE_EXAMPLES))
    })
}

const TOP_EXAMPLES: &str = "  promptmill run jobs/quickstart.toml
  promptmill run -i in.csv -m us.amazon.nova-lite-v1:0 -t 'Sum up: {{ text }}' \\
      -o out.jsonl --endpoint-url emulator   (no AWS account needed)";

pub(super) fn examples(examples: &str) -> String {
    format!("Examples:\n{examples}")
}

pub(super) fn with_examples(examples: &str, rest: &str) -> String {
    format!("Examples:\n{examples}\n\n{}", rest.trim_end())
}

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

/// Where a flag stands among the usual ones, and what is said of it there.
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
const PAGES: [&str; 10] = [
    "run",
    "plan",
    "check",
    "models",
    "quotas",
    "repair",
    "reparse",
    "emulate",
    "completions",
    "man",
];

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

/// A flag that takes a text.
pub(super) fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

pub(super) fn scenario() -> Arg {
    text("scenario", "FILE", "Scenario for the built-in emulator").value_hint(ValueHint::FilePath)
}

pub(super) fn trust_locks() -> Arg {
    switch(
        "trust-locks",
        "Write to a network file system even if its locks may not work across machines",
    )
}

/// A flag without a value.
pub(super) fn switch(name: &'static str, help: &'static str) -> Arg {
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
