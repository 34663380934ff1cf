//! Job files: keys, kinds and syntax, each by its line.

use super::{ROWS, check, job};
use crate::harness::Job;

#[test]
fn a_key_that_does_not_exist_is_answered_with_the_one_that_was_meant() {
    job(
        "[model]\nmax-tokens = 5\n",
        "job.toml:2: unknown key `model.max-tokens`; did you mean `max_tokens`?",
    );
    job(
        "\n[limit]\nconcurrency = 5\n",
        "job.toml:2: unknown key `limit`; did you mean [limits]?",
    );
    job(
        "[model]\nconcurrency = 5\n",
        "job.toml:2: unknown key `model.concurrency`; it belongs in [limits]",
    );
    job(
        "[model]\npath = \"x\"\n",
        "job.toml:2: unknown key `model.path`; it belongs in [input] or in [schema] or in [output]",
    );
    job(
        "[output]\nname = \"x\"\n",
        "job.toml:2: unknown key `output.name`; it belongs at the top of the file or in [schema]",
    );
    job(
        "[retry]\nforever = true\n",
        "job.toml:2: unknown key `retry.forever`; \
         keys here: max_attempts, throttle_wait, attempt_timeout, idle_timeout",
    );
    job(
        "[aws]\n",
        "job.toml:1: unknown key `aws`; keys here: name, [input], [prompt], [model], [sweep], \
         [schema], [limits], [retry], [output], [emulator]",
    );
}

#[test]
fn a_table_that_is_written_as_a_value_is_shown_as_it_must_be_written() {
    job(
        "input = \"prompts.csv\"\n",
        "job.toml:1: `input` is a table, not the text \"prompts.csv\": \
         write [input] on a line of its own, and below it path, format, delimiter, quote, escape, comment, header, records, id, keep, allow_empty, dedupe",
    );
    job(
        "[[emulator]]\nscenario = \"s.toml\"\n",
        "job.toml:1: `emulator` is a table, not a list: \
         write [emulator] on a line of its own, and below it scenario",
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_by_its_line() {
    let count = "takes a whole number from 1 to 4294967295";
    job(
        "[model]\n\nmax_tokens = \"many\"\n",
        &format!("job.toml:3: `max_tokens` {count}, not the text \"many\""),
    );
    job(
        "[limits]\nrequests_per_minute = 0\n",
        &format!("job.toml:2: `requests_per_minute` {count}, not 0"),
    );
    job(
        "[limits]\nconcurrency = 2.5\n",
        &format!("job.toml:2: `concurrency` {count}, not 2.5"),
    );
    job(
        "[input]\nkeep = \"team\"\n",
        "job.toml:2: `keep` takes a list of texts, not the text \"team\"",
    );
    job(
        "[model]\ntemperature = \"hot\"\n",
        "job.toml:2: `temperature` takes a number, not the text \"hot\"",
    );
    job(
        "[prompt]\ncolumn = 3\n",
        "job.toml:2: `column` takes text in quotes, not 3",
    );
    job(
        "[retry]\nthrottle_wait = \"soon\"\n",
        "job.toml:2: `throttle_wait` takes a time such as \"90s\", \"15m\" or \"6h\", \
         not the text \"soon\"",
    );
    job(
        "[output]\nmax_failures = \"101%\"\n",
        "job.toml:2: `max_failures` takes a whole number or a percentage such as \"1%\", \
         not the text \"101%\"",
    );
    job(
        "[model]\nextra = { since = 2026-11-22 }\n",
        "job.toml:2: `extra` takes a table of JSON values, not the time 2026-11-22",
    );
    job(
        "[model]\nextra = { top_a = nan }\n",
        "job.toml:2: `extra` takes a table of JSON values, not nan",
    );
}

#[test]
fn a_job_file_that_is_not_toml_is_refused_by_its_line() {
    job(
        "[model]\nid = amazon\n",
        "job.toml:2: string values must be quoted, expected literal string",
    );
    job(
        "[model\nid = \"x\"\n",
        "job.toml:1: unclosed table, expected `]`",
    );
    job(
        "[input]\nid = \"a\"\nid = \"b\"\n",
        "job.toml:3: duplicate key",
    );
}

#[test]
fn what_is_no_job_file_is_told_from_one() {
    let first = "; the first argument of `run` is the job file";
    let job =
        |name: &str, content: &[u8], asked: &str| Job::over(ROWS).file(name, content).args([asked]);
    check(
        job("job.toml", b"", "jib.toml"),
        &format!("jib.toml: no such file (did you mean `job.toml`?){first}"),
    );
    check(
        job("jobs/a.toml", b"", "jobs"),
        &format!("jobs: a directory, not a file{first}"),
    );
    check(
        job("job.toml", b"name = \"a\"\nname\xff", "job.toml"),
        &format!("job.toml: line 2 is not UTF-8, as TOML must be{first}"),
    );
    let prompts = |name: &str| {
        format!("{name} holds prompts and is no job file: give it with --input {name}")
    };
    check(job("p.csv", b"", "p.csv"), &prompts("p.csv"));
    check(job("p.jsonl", b"", "p.jsonl"), &prompts("p.jsonl"));
    check(
        job("prompts.txt", b"why?\n", "prompts.txt"),
        "prompts.txt:1: key with no value, expected `=`; \
         a job file is TOML, and a file of prompts is given with --input",
    );
}
