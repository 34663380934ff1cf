//! Flags and commands of other tools that people type, with what to type instead.

/// Guessed flags, each list with what to type instead.
pub(super) const FLAGS: &[(&[&str], &str)] = &[
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
pub(super) const COMMANDS: &[(&[&str], &str)] = &[
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
