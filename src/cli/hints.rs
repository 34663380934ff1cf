//! What people type who guess: flags and commands of other tools, answered with what to type here.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Guessed flags, each list with what to type instead.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["--resume", "--continue", "--restart-failed"],
        "`promptmill run` resumes by itself: run the same command again, without this flag",
    ),
    (
        &[
            "--dry-run",
            "--dryrun",
            "--dry",
            "--estimate",
            "--estimate-cost",
            "--cost",
            "--plan",
        ],
        "to estimate tokens, cost and time without calling the model, type `promptmill plan` \
         instead of `promptmill run`",
    ),
    (
        &["--test", "--check", "--validate"],
        "to test credentials, model access and parameters with one small call, type \
         `promptmill check`; for the first rows of a job, `promptmill run --limit 20`",
    ),
    (
        &[
            "--rpm",
            "--requests",
            "--rate",
            "--rate-limit",
            "--rps",
            "--qps",
            "--max-rpm",
            "--max-requests-per-minute",
        ],
        "type --requests-per-minute N; without it, promptmill learns the limit from throttling",
    ),
    (
        &["--tpm", "--tokens", "--max-tpm", "--max-tokens-per-minute"],
        "type --tokens-per-minute N, or --quota auto to read it from Service Quotas",
    ),
    (
        &["--tpd", "--max-tokens-per-day"],
        "type --tokens-per-day N",
    ),
    (
        &["--quotas"],
        "type --quota auto to read the limits from Service Quotas, or `promptmill quotas MODEL` \
         to see them",
    ),
    (
        &[
            "--retry",
            "--retry-errors",
            "--retry-failures",
            "--rerun-failed",
            "--failed",
            "--only-failed",
        ],
        "type --retry-failed to run failed rows again",
    ),
    (
        &["--rerun", "--redo"],
        "type --retry-failed for failed rows, --redo-changed for rows that have changed, or --fresh \
         to start over",
    ),
    (
        &[
            "--overwrite",
            "--restart",
            "--start-over",
            "--clean",
            "--reset",
            "--no-resume",
            "--clobber",
        ],
        "type --fresh to start over; it backs up the existing output",
    ),
    (
        &[
            "--workers",
            "--threads",
            "--parallel",
            "--parallelism",
            "--max-concurrency",
            "--max-workers",
            "--num-workers",
            "--max-parallel",
            "--in-flight",
            "-j",
            "-w",
            "-P",
        ],
        "type --concurrency N (-c N), the most calls in flight",
    ),
    (
        &["--prompt", "-p", "--user", "--message"],
        "type --template 'Sum up: {{ text }}', where `text` is a field of the input, or --column \
         FIELD for a field that holds the whole prompt",
    ),
    (
        &["--prompt-file", "--prompt-template"],
        "type --template-file FILE, or --template TEXT; for the file of rows, --input FILE",
    ),
    (&["--system-prompt", "--sys"], "type --system TEXT"),
    (
        &["--model-id", "--modelid", "--model-name", "--models"],
        "type --model ID (-m ID)",
    ),
    (
        &["--model-family", "--provider"],
        "type --family FAMILY; it is needed only if the model ID does not show it",
    ),
    (
        &[
            "--file",
            "--input-file",
            "--data",
            "--dataset",
            "--prompts",
            "--infile",
            "-f",
        ],
        "type --input FILE (-i FILE)",
    ),
    (
        &[
            "--out",
            "--outfile",
            "--output-file",
            "--output-path",
            "--results",
        ],
        "type --output FILE (-o FILE)",
    ),
    (
        &["--config", "--job", "--job-file", "--conf"],
        "the job file needs no flag: promptmill run JOB.toml",
    ),
    (
        &[
            "--budget",
            "--max-spend",
            "--max-cost-usd",
            "--cost-limit",
            "--max-budget",
            "--spend",
        ],
        "type --max-cost USD",
    ),
    (
        &[
            "--timeout",
            "--request-timeout",
            "--read-timeout",
            "--call-timeout",
        ],
        "type --attempt-timeout TIME for one call, or --deadline TIME for the whole run",
    ),
    (
        &[
            "--max-time",
            "--max-duration",
            "--time-limit",
            "--max-runtime",
        ],
        "type --deadline TIME, such as --deadline 2h",
    ),
    (
        &["--max-retries", "--retries", "--attempts", "--num-retries"],
        "type --max-attempts N, the first attempt included",
    ),
    (
        &["--backoff"],
        "backoff is automatic; --throttle-wait TIME says how long to keep retrying a throttled row",
    ),
    (
        &[
            "--rows",
            "--head",
            "--first",
            "--sample",
            "--max-rows",
            "--num-rows",
            "-n",
        ],
        "type --limit N for the first N rows",
    ),
    (
        &[
            "--num-samples",
            "--repeat",
            "--repeats",
            "--trials",
            "--runs",
        ],
        "type --samples N for several completions of each row",
    ),
    (
        &["--offset", "--skip"],
        "rows that completed earlier are skipped anyway; to leave out others, remove them from the input",
    ),
    (
        &["--shuffle", "--seed"],
        "rows run in the order of the input; for a seed that the model takes, type --extra '{\"seed\": 1}'",
    ),
    (
        &["--verbose", "--debug", "--progress", "-v"],
        "progress is shown on standard error; --json writes it as JSON lines, and each failure \
         is in OUT.failed.jsonl",
    ),
    (&["--silent"], "type --quiet (-q)"),
    (
        &["--endpoint", "--url", "--base-url", "--bedrock-endpoint"],
        "type --endpoint-url URL",
    ),
    (
        &[
            "--emulator",
            "--emulate",
            "--mock",
            "--fake",
            "--offline",
            "--local",
        ],
        "type --endpoint-url emulator",
    ),
    (&["--aws-profile"], "type --profile NAME"),
    (&["--aws-region", "-r"], "type --region REGION"),
    (
        &[
            "--max-length",
            "--max-output-tokens",
            "--max-new-tokens",
            "--max-tokens-to-sample",
            "--maxtokens",
            "--length",
        ],
        "type --max-tokens N",
    ),
    (&["--temp", "-T"], "type --temperature X"),
    (
        &["--stop-sequence", "--stop-sequences"],
        "type --stop TEXT, once for each stop sequence",
    ),
    (&["--streaming"], "type --stream"),
    (&["--tier"], "type --service-tier TIER"),
    (
        &["--batch-size", "--batch"],
        "type --concurrency N for the calls in flight; --rows-per-call N for embeddings",
    ),
    (
        &["--keep-fields", "--metadata", "--fields", "--columns"],
        "type --keep FIELD, once for each field",
    ),
    (&["--id-field", "--id-column", "--key"], "type --id FIELD"),
    (
        &[
            "--skip-errors",
            "--ignore-errors",
            "--keep-going",
            "--continue-on-error",
            "--allow-failures",
        ],
        "failed rows do not stop a run; type --max-failures N to exit with code 0 in spite of them",
    ),
    (
        &["--fail-fast"],
        "type --max-error-rate 5% to stop when many rows fail",
    ),
    (
        &["--yes", "-y", "--no-input"],
        "promptmill never asks; leave the flag out",
    ),
    (
        &["--no-color", "--color", "--no-colour"],
        "set NO_COLOR=1 in the environment; without a terminal there are no colors",
    ),
    (
        &["--log", "--log-file", "--log-level"],
        "redirect standard error to a file; --json writes JSON lines",
    ),
    (
        &["--thinking", "--reasoning-effort", "--effort"],
        "type --extra with the model's own field, such as --extra '{\"reasoning_effort\": \"low\"}'",
    ),
    (
        &["--cached", "--prompt-cache", "--caching"],
        "type --cache to put a cache checkpoint after the system prompt",
    ),
    (&["--version"], "type `promptmill --version`"),
];

/// Guessed commands, each list with what to type instead.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["retry", "rerun", "redo"],
        "type `promptmill run` with the same job and --retry-failed",
    ),
    (
        &["resume", "continue"],
        "`promptmill run` resumes by itself: run the same command again",
    ),
    (
        &["restart", "reset", "clean"],
        "type `promptmill run` with the same job and --fresh; it backs up the existing output",
    ),
    (
        &[
            "estimate", "cost", "price", "prices", "pricing", "dry-run", "dryrun", "preview",
            "explain",
        ],
        "type `promptmill plan` with the job: it estimates tokens, cost and time",
    ),
    (
        &[
            "start", "exec", "execute", "submit", "invoke", "batch", "generate", "complete",
            "embed", "chat",
        ],
        "type `promptmill run` with the job",
    ),
    (
        &[
            "test", "validate", "verify", "doctor", "ping", "lint", "auth", "login",
        ],
        "type `promptmill check` with the job: it tests credentials, model access and parameters",
    ),
    (
        &["list", "ls", "list-models", "search"],
        "type `promptmill models`",
    ),
    (
        &["limits", "limit", "rate-limits"],
        "type `promptmill quotas MODEL`",
    ),
    (
        &["fix", "recover", "fsck"],
        "type `promptmill repair OUT.jsonl`",
    ),
    (&["parse"], "type `promptmill reparse OUT.jsonl`"),
    (
        &["emulator", "serve", "server", "mock", "simulate"],
        "type `promptmill emulate`, or add --endpoint-url emulator to a run",
    ),
    (
        &["show", "summary", "info", "logs", "state", "ps"],
        "type `promptmill status OUT.jsonl`, or `promptmill errors OUT.jsonl` for failures",
    ),
    (
        &["new", "create", "setup", "config", "configure"],
        "type `promptmill init DATA` for a job file; a job can be flags alone too",
    ),
    (&["version"], "type `promptmill --version`"),
    (
        &["manual", "docs"],
        "type `promptmill man`, or `promptmill help COMMAND`",
    ),
];

/// Answers a flag or command that does not exist with the one that was probably meant.
pub(super) fn explain(mut error: clap::Error) -> clap::Error {
    if let Some(hint) = hint(&error) {
        for kind in [
            ContextKind::SuggestedArg,
            ContextKind::SuggestedSubcommand,
            ContextKind::Usage,
        ] {
            error.remove(kind);
        }
        let hint = ContextValue::StyledStrs(vec![hint.into()]);
        error.insert(ContextKind::Suggested, hint);
    }
    error
}

/// What the parser suggests instead, as plain text.
pub(super) fn suggested(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(tips)) => {
            let tips: Vec<_> = tips.iter().map(ToString::to_string).collect();
            Some(tips.join("; ")).filter(|tips| !tips.is_empty())
        }
        Some(_) | None => None,
    }
}

fn hint(error: &clap::Error) -> Option<String> {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    if error.kind() == ErrorKind::UnknownArgument {
        let typed = named(ContextKind::InvalidArg)?;
        let flag = typed.split(['=', ' ']).next()?;
        find(FLAGS, flag).or_else(|| without_verb(error, flag))
    } else {
        let typed = named(ContextKind::InvalidSubcommand)?;
        find(COMMANDS, &typed.to_lowercase()).or_else(|| file(typed))
    }
}

fn find(table: &[(&[&str], &str)], typed: &str) -> Option<String> {
    let found = table.iter().find(|(guesses, _)| guesses.contains(&typed));
    found.map(|(_, hint)| (*hint).to_owned())
}

/// A flag of `run` before any command.
fn without_verb(error: &clap::Error, flag: &str) -> Option<String> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    let run = super::run_command();
    let is_of_run = run.get_arguments().any(|arg| {
        let long = arg
            .get_long()
            .is_some_and(|long| flag == format!("--{long}"));
        long || arg
            .get_short()
            .is_some_and(|short| flag == format!("-{short}"))
    });
    let has_no_verb = usage.contains("promptmill <COMMAND>");
    (is_of_run && has_no_verb)
        .then(|| format!("{flag} is an option of `run`: type `promptmill run {flag} …`"))
}

/// A file before any command.
fn file(typed: &str) -> Option<String> {
    let path = std::path::Path::new(typed);
    match path.extension()?.to_str()? {
        "toml" => Some(format!("type `promptmill run {typed}`")),
        "csv" | "tsv" | "jsonl" | "ndjson" | "json" | "gz" | "zst" => Some(format!(
            "type `promptmill run -i {typed} -m MODEL -t 'Sum up: {{{{ text }}}}' -o out.jsonl`"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[track_caller]
    fn check(typed: &[&str], hint: &str) {
        let words = ["promptmill"].iter().chain(typed);
        let error = command().try_get_matches_from(words).unwrap_err();
        let said = explain(error).render().to_string();
        assert!(said.starts_with("error: "), "{said}");
        let tips: Vec<_> = said.lines().filter(|line| line.contains("tip: ")).collect();
        assert_eq!(tips.len(), 1, "{said}");
        assert!(tips[0].contains(hint), "{typed:?}\n{said}");
    }

    #[test]
    fn every_guessed_flag_is_answered_with_what_to_type() {
        for (flags, hint) in FLAGS {
            for flag in *flags {
                check(&["run", flag], hint);
            }
        }
        check(&["run", "--rpm=60", "x.toml"], "--requests-per-minute N");
        check(&["plan", "--rpm", "60"], "--requests-per-minute N");
        check(&["check", "--resume"], "resumes by itself");
    }

    #[test]
    fn every_guessed_command_is_answered_with_what_to_type() {
        for (commands, hint) in COMMANDS {
            for command in *commands {
                check(&[command], hint);
                check(&[command, "job.toml", "--fresh"], hint);
            }
        }
    }

    #[test]
    fn a_file_or_an_option_without_a_command_is_one_for_run() {
        check(&["job.toml"], "`promptmill run job.toml`");
        check(&["rows.csv.gz"], "`promptmill run -i rows.csv.gz -m");
        check(&["-i", "rows.csv"], "`promptmill run -i …`");
        check(&["--template", "x"], "`promptmill run --template …`");
    }

    #[test]
    fn a_slip_of_the_finger_is_still_answered_with_the_nearest_name() {
        check(&["run", "--max-cots", "1"], "'--max-cost'");
        check(&["plam"], "'plan'");
    }

    /// What follows each `promptmill ` or `--` of the hints is a command or a flag.
    #[test]
    fn a_hint_names_nothing_that_does_not_exist() {
        let all = command();
        let verbs: Vec<_> = all.get_subcommands().map(|verb| verb.get_name()).collect();
        let flags: Vec<_> = super::super::run_command()
            .get_arguments()
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
            .collect();
        for (_, hint) in FLAGS.iter().chain(COMMANDS) {
            let words: Vec<_> = hint
                .split([' ', '`', ',', ';', '(', ')'])
                .filter(|word| !word.is_empty())
                .collect();
            for pair in words.windows(2) {
                if pair[0] == "promptmill" && !["never", "learns"].contains(&pair[1]) {
                    let is_verb = verbs.contains(&pair[1]) || pair[1] == "--version";
                    assert!(is_verb, "{hint}");
                }
            }
            for word in words.iter().filter(|word| word.starts_with("--")) {
                let is_flag = flags.iter().any(|flag| flag == word) || *word == "--version";
                assert!(is_flag, "{word}: {hint}");
            }
        }
        for (guesses, hint) in FLAGS {
            for guess in *guesses {
                assert!(!flags.iter().any(|flag| flag == guess), "{guess}: {hint}");
            }
        }
    }
}
