//! The verbs that take a job: `run`, `plan`, `check`.

use std::path::PathBuf;

use clap::{Arg, Command, ValueHint, value_parser};

use super::flags;
use super::verbs::{switch, trust_locks, with_examples};
use crate::exit;
use crate::job::{self, MaxFailures};

pub(super) const RUN_EXAMPLES: &str = "  promptmill run jobs/quickstart.toml
  promptmill run -i in.csv -m us.amazon.nova-lite-v1:0 -t 'Sum up: {{ text }}' \\
      -o out.jsonl
  promptmill run job.toml --limit 20        a first look at 20 rows
  promptmill run job.toml                   resumes where it stopped
  promptmill run job.toml --retry-failed    runs the failed rows again";

pub(super) const PLAN_EXAMPLES: &str = "  promptmill plan job.toml
  promptmill plan -i in.csv -m us.amazon.nova-lite-v1:0 -t 'Sum up: {{ text }}' \\
      -o out.jsonl
  promptmill run job.toml --limit 20 && promptmill plan job.toml
                                      estimates from your own data";

pub(super) const CHECK_EXAMPLES: &str = "  promptmill check job.toml
  promptmill check -m us.amazon.nova-lite-v1:0 --region us-east-1";

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
        .arg(switch(
            "json",
            "Write progress as JSON lines to stderr, and the summary as JSON to stdout",
        ))
        .args(flags::args())
}

pub(super) fn plan_command() -> Command {
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
        .arg(switch(
            "json",
            "Print one JSON object, with the whole first request",
        ))
        .args(flags::args())
}

pub(super) fn check_command() -> Command {
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
fn run_args() -> [Arg; 4] {
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
        trust_locks(),
        switch("quiet", "Print only warnings and errors").short('q'),
    ]
}

/// A flag that does nothing for this verb: accepted, so that verbs can be swapped in a command that
/// works, and not in the help.
fn idle(arg: Arg) -> Arg {
    arg.hide(true)
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
