//! Values, flags and templates that cannot be meant.

use super::{ROWS, check, job, output, refused, with};
use crate::harness::{Job, NOVA};

#[test]
fn a_flag_of_the_wrong_kind_is_refused_by_its_name() {
    let count = "takes a whole number from 1 to 4294967295";
    for flag in [
        "--max-tokens",
        "--top-k",
        "--requests-per-minute",
        "--concurrency",
        "--max-attempts",
    ] {
        for typed in ["0", "-1", "1.5", "many", "9999999999"] {
            let message = format!("command line: `{flag}` {count}, not \"{typed}\"");
            with([flag, typed], &message);
        }
    }
    with(
        ["--temperature", "hot"],
        "command line: `--temperature` takes a number, not \"hot\"",
    );
    with(
        ["--extra", "[1]"],
        "command line: `--extra` takes a JSON object without null, not \"[1]\"",
    );
}

#[test]
fn a_value_that_makes_no_sense_is_refused_by_its_key() {
    for typed in ["soon", "90", "0s", "5 months"] {
        let message = format!("\"{typed}\" is not a time above 0 such as \"90s\" or \"15m\"");
        let meant = match typed {
            "90" => " (did you mean \"90s\" or \"90m\"?)",
            _ => "",
        };
        with(
            ["--attempt-timeout", typed],
            &format!("`retry.attempt_timeout`: {message}{meant}"),
        );
    }
    with(
        ["--drain", "soon"],
        "`--drain`: \"soon\" is not a time above 0 such as \"90s\" or \"15m\"",
    );
    for (flag, key) in [
        ("--drain", "--drain"),
        ("--wait-lock", "--wait-lock"),
        ("--deadline", "limits.deadline"),
        ("--throttle-wait", "retry.throttle_wait"),
    ] {
        for typed in ["87601h", "2562047788015215h", "9223372036854775807s"] {
            let message = format!(
                "`{key}`: \"{typed}\" is longer than ten years (87600h); name a shorter time"
            );
            with([flag, typed], &message);
        }
    }
    for typed in ["some", "101%", "-1", "1.5"] {
        with(
            ["--max-failures", typed],
            &format!(
                "`output.max_failures`: \"{typed}\" is not a whole number or a percentage \
                 such as \"1%\""
            ),
        );
    }
    with(
        ["--raw", "sometimes"],
        "`output.raw`: \"sometimes\" is not always, errors or never",
    );
    with(
        ["--format", "xlsx"],
        "`input.format`: unknown format `xlsx`; formats: csv, tsv, jsonl, json, txt",
    );
}

#[test]
fn a_command_line_that_cannot_be_parsed_is_answered_with_what_was_meant() {
    let on = |args: [&str; 2]| refused(Job::over(ROWS).args(args), 2);
    on(["--max-token", "5"])
        .says("error: unexpected argument '--max-token' found")
        .says("a similar argument exists: '--max-tokens'");
    on(["--limit", "0"]).says("--limit");
    on(["--input", "other.csv"]).says("'--input <FILE>' cannot be used multiple times");
    for verb in ["run", "plan"] {
        let both = ["--fresh", "--retry-failed"];
        let job = Job::new(verb).file("prompts.csv", ROWS).args(both);
        refused(job, 2).says("'--fresh' cannot be used with '--retry-failed'");
    }
    refused(Job::new("rum"), 2).says("unrecognized subcommand 'rum'");
}

#[test]
fn a_job_without_input_model_or_output_is_told_what_to_give() {
    let job = || Job::new("run").file("prompts.csv", ROWS);
    check(
        job().args(["-m", NOVA, "-o", "out.jsonl"]),
        "the job names no input: give --input, or `path` in [input] of the job file",
    );
    check(
        job().args(["-i", "prompts.csv", "-o", "out.jsonl"]),
        "the job names no model: give --model, or `id` in [model] of the job file",
    );
    check(
        job().args(["-i", "prompts.csv", "-m", NOVA]),
        "the job names no output: give --output, or `path` in [output] of the job file",
    );
}

#[test]
fn two_places_for_prompts_are_one_too_many() {
    let both = "`template` and `column` both say where the prompts come from: keep one of them";
    with(["-t", "{{ prompt }}", "--column", "prompt"], both);
    job("[prompt]\ntemplate = \"x\"\ncolumn = \"prompt\"\n", both);
    // A flag is the later word, and not a second source.
    let file = "[prompt]\ntemplate = \"x\"\n";
    let job = Job::over(ROWS).file("job.toml", file);
    job.args(["job.toml", "--column", "prompt"]).run().exits(0);
}

#[test]
fn a_template_that_cannot_be_read_is_refused_by_its_line() {
    with(
        ["-t", "a\n{{ prompt"],
        "template line 2: syntax error: unexpected end of input, expected end of variable block",
    );
    with(
        ["-t", "{{ prompt | shout }}"],
        "template line 1: unknown filter: filter shout is unknown",
    );
    let job = |name: &str| {
        Job::over(ROWS)
            .file("templates/a.txt", b"\xff")
            .args(["--template-file", name])
    };
    check(
        job("templates/b.txt"),
        "`prompt.template_file`: templates/b.txt: no such file (did you mean `a.txt`?)",
    );
    check(
        job("templates"),
        "`prompt.template_file`: templates: a directory, not a file",
    );
    check(
        job("templates/a.txt"),
        "`prompt.template_file`: templates/a.txt: not UTF-8; save the file as UTF-8",
    );
}

#[test]
fn what_would_be_idle_beside_whole_bodies_is_refused() {
    with(
        ["--body", "prompt", "--system", "Be kind."],
        "`system` cannot be added to a body that is sent as it is; \
         put it in the bodies, or use `messages`",
    );
    let idle = "`model.max_tokens`: bodies are sent as they are; write it into the bodies";
    with(["--body", "prompt", "--max-tokens", "5"], idle);
    let usual = Job::new("run")
        .file("in.jsonl", "{\"modelInput\":{}}\n")
        .on_the_emulator("in.jsonl");
    check(usual.args(["--max-tokens", "5"]), idle);
}

#[test]
fn a_path_is_refused_for_what_it_cannot_hold() {
    let nowhere = Job::new("run").on_the_emulator("${PROMPTS}/in.csv");
    check(
        nowhere,
        "`${PROMPTS}/in.csv`: no environment variable PROMPTS; set it, or write the path out",
    );
    let blank = Job::new("run")
        .on_the_emulator("${PROMPTS}")
        .env("PROMPTS", "");
    check(blank, "`input.path`: the path is empty; name a file");
    output(
        "{{ time }}.jsonl",
        "`{{ time }}.jsonl`: only ${NAME} and {{ date }} can be used in a path",
    );
    output("", "`output.path`: the path is empty; name a file");
    output(
        "out/",
        "`output.path`: \"out/\" is a directory; name a file, such as out/out.jsonl",
    );
    output(
        "-",
        "`output.path`: \"-\" is not a file, and a run resumes from its file; name one",
    );
}

#[test]
fn what_is_empty_asks_for_nothing_and_is_refused() {
    for blank in ["", " "] {
        with(
            ["--guardrail", blank, "--guardrail-version", "1"],
            "`model.guardrail`: it is empty: give the guardrail's id or ARN, or leave it out",
        );
        with(
            ["--guardrail", "gr123", "--guardrail-version", blank],
            "`model.guardrail_version`: it is empty: give a number or \"DRAFT\", or leave it out",
        );
    }
    with(
        ["--stop", ""],
        "`model.stop`: an empty stop sequence stops nothing: give a text, or leave it out",
    );
}

#[test]
fn a_cost_of_optimized_latency_is_limited_only_by_a_price_of_ones_own() {
    let flags = ["--latency", "optimized", "--max-cost", "1"];
    with(
        flags,
        &format!(
            "`limits.max_cost_usd`: the price of `{NOVA}` with optimized latency is not known, so its \
             cost cannot be limited: give its price in a file with --prices, under [\"{NOVA}\"], or \
             leave the latency or the limit out"
        ),
    );
    let own = format!("[\"{NOVA}\"]\ninput_usd_per_1k = 1\noutput_usd_per_1k = 2\n");
    let out = Job::over(ROWS)
        .file("own.toml", own)
        .args(["--max-cost", "50000"])
        .args(["--latency", "optimized", "--prices", "own.toml"])
        .run()
        .exits(0);
    assert!(out.answers()["a"]["cost_usd"].is_number());
    let unknown = Job::over(ROWS).args(["--latency", "optimized"]).run();
    assert!(unknown.exits(0).answers()["a"]["cost_usd"].is_null());
}

#[test]
fn a_home_directory_as_shells_write_it_makes_no_directory_of_that_name() {
    let tilde = "`~` is not expanded here: write ${HOME}";
    output("~/o.jsonl", &format!("`~/o.jsonl`: {tilde}/o.jsonl"));
    let job = Job::new("run").args(["--input=~/i.csv", "-m", NOVA, "-o", "out.jsonl"]);
    check(job, &format!("`~/i.csv`: {tilde}/i.csv"));
    let toml = "[output]\npath = \"~/zz/g.jsonl\"\n";
    let job = Job::new("run")
        .file("job.toml", toml)
        .file("prompts.csv", ROWS);
    let job = job.args(["job.toml", "-i", "prompts.csv", "-m", NOVA]);
    check(job, &format!("`~/zz/g.jsonl`: {tilde}/zz/g.jsonl"));
}
