//! What a user can get wrong: each is answered with one message that says where, what and what to
//! do, with the right exit code, and before anything is sent.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::{Job, NOVA, Out, QUICK};

const ROWS: &str = "id,prompt,team\na,one,red\nb,two,blue\n";

/// Runs a job that must be refused before the first call: nothing is sent and nothing new lies
/// about but the lock, which is never removed.
#[track_caller]
fn refused(job: Job, code: i32) -> Out {
    let before = names(&job.path(""));
    let out = job.run().exits(code).sent_nothing();
    let after = names(out.directory.path());
    let new: Vec<_> = after
        .difference(&before)
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert!(new.is_empty(), "left behind: {new:?}");
    assert_eq!(out.stdout, "");
    out
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Checks that `job` is refused as a mistake, and everything that is said.
#[track_caller]
fn check(job: Job, message: &str) {
    let out = refused(job, 2);
    assert_eq!(out.stderr, format!("promptmill: {message}\n"));
}

/// The same, for a good job with these arguments too.
#[track_caller]
fn with<const N: usize>(args: [&str; N], message: &str) {
    check(Job::over(ROWS).args(args), message);
}

/// The same, for an input file.
#[track_caller]
fn input(name: &str, content: impl AsRef<[u8]>, message: &str) {
    let job = Job::new("run").file(name, content).on_the_emulator(name);
    check(job, message);
}

/// The same, for a job file.
#[track_caller]
fn job(toml: &str, message: &str) {
    let job = Job::over(ROWS).file("job.toml", toml).args(["job.toml"]);
    check(job, message);
}

/// The same, for a model, with nothing else wrong.
#[track_caller]
fn model<const N: usize>(id: &str, more: [&str; N], message: &str) {
    check(on(id).args(more), message);
}

fn on(model: &str) -> Job {
    Job::new("run")
        .file("prompts.csv", ROWS)
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-m", model])
}

/// The same, for an output.
#[track_caller]
fn output(path: &str, message: &str) {
    check(to(path), message);
}

fn to(output: &str) -> Job {
    Job::new("run")
        .file("prompts.csv", ROWS)
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-m", NOVA, "-o", output])
}

/// A job that would call AWS.
fn on_aws() -> Job {
    Job::new("run").file("prompts.csv", ROWS).args([
        "-i",
        "prompts.csv",
        "-m",
        NOVA,
        "-o",
        "out.jsonl",
    ])
}

#[test]
fn an_input_that_is_not_there_is_answered_with_the_nearest_name() {
    let job = Job::new("run")
        .file("prompts.csv", ROWS)
        .on_the_emulator("promts.csv");
    check(
        job,
        "promts.csv: no such file (did you mean `prompts.csv`?)",
    );
    let job = Job::new("run").on_the_emulator("nowhere/prompts.csv");
    check(job, "nowhere/prompts.csv: no such file");
    let job = Job::new("run")
        .file("data/a.csv", ROWS)
        .file("data/notes.txt", "")
        .on_the_emulator("data");
    check(job, "data: a directory, not a file; files in it: a.csv");
}

#[test]
fn an_input_without_rows_is_refused() {
    let empty = "empty; give it at least one row";
    input("in.csv", "", &format!("in.csv: {empty}"));
    input("in.jsonl", "\n \n", &format!("in.jsonl: {empty}"));
    input(
        "in.csv",
        "id,prompt\n\n",
        "in.csv: no rows behind the header; the first line must name the columns, the next be a row",
    );
    input(
        "in.json",
        "[ ]",
        "in.json: no rows; give it at least one object",
    );
    let nothing = Job::new("run").on_the_emulator("-").stdin("");
    check(nothing, &format!("standard input: {empty}"));
}

#[test]
fn an_input_that_is_no_text_is_refused_by_what_it_is() {
    let save = "save it as .csv, .tsv, .jsonl or .json in UTF-8";
    input(
        "in.xlsx",
        "PK\x03\x04\x14\0",
        &format!("in.xlsx: not text: a zip archive, as .xlsx workbooks are; {save}"),
    );
    input(
        "in.parquet",
        "PAR1\x15\x04",
        &format!("in.parquet: not text: a Parquet file; {save}"),
    );
    input(
        "in.csv",
        b"\xff\xfei\0d\0",
        "in.csv: UTF-16 text; save it as UTF-8, or run `iconv -f UTF-16 -t UTF-8`",
    );
    input(
        "in.csv.gz",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b",
        "in.csv.gz: broken at its beginning: incomplete deflate stream; \
         the file may be damaged or cut short",
    );
}

#[test]
fn an_input_whose_rows_cannot_be_told_apart_is_refused() {
    input(
        "in.csv",
        "prompt,team,prompt\na,b,c\n",
        "in.csv: header: two columns are named `prompt`; rename one",
    );
    input(
        "in.csv",
        "prompt,,team\na,b,c\n",
        "in.csv: header: column 2 has no name; give it one",
    );
    input(
        "in.csv",
        "\"prompt\na\n",
        "in.csv: header: a quote is opened and never closed",
    );
    input(
        "in.jsonl",
        r#"[{"prompt":"a"}]"#,
        "in.jsonl: a JSON array, not one object a line; name it .json or give the format as json",
    );
    input(
        "in.json",
        "[{\"prompt\":\"a\"},\n{\"prompt\":",
        "in.json: line 2: the document ends inside an element or array; \
         a bracket or quote is missing",
    );
    with(
        ["--format", "json"],
        "prompts.csv: line 1: not JSON: an object or an array of objects is expected",
    );
}

#[test]
fn a_column_that_is_not_there_is_refused_with_those_that_are() {
    let columns = "columns here: id, prompt, team";
    input(
        "in.csv",
        "id,question\n1,why?\n",
        "the input has no `prompt` column; columns here: id, question; \
         say which with --column NAME or write --template '{{ NAME }}'",
    );
    with(
        ["--column", "promt"],
        &format!("`column`: no column `promt` (did you mean `prompt`?); {columns}"),
    );
    with(
        ["--id", "ids"],
        &format!("`id`: no column `ids` (did you mean `id`?); {columns}"),
    );
    with(
        ["--keep", "team", "--keep", "created"],
        &format!("`keep`: no column `created`; {columns}"),
    );
    with(
        ["-t", "Dear {{ team }},\n{{ promt }}"],
        &format!("template line 2: no column `promt` (did you mean `prompt`?); {columns}"),
    );
    with(
        ["--system", "{{ tone }}"],
        &format!("system line 1: no column `tone`; {columns}"),
    );
}

#[test]
fn ids_that_stand_twice_are_refused_with_both_rows() {
    let rows = "id,prompt\na,1\nb,2\na,3\nb,4\n";
    check(
        Job::over(rows),
        "prompts.csv: 2 rows share an id with an earlier row: `a` names row 1 and row 3, \
         `b` names row 2 and row 4; give every row an id of its own, or choose another field \
         with --id",
    );
    Job::over(rows).args(["--limit", "2"]).run().exits(0);
}

#[test]
fn more_bad_rows_than_may_fail_are_refused_with_the_first_of_them() {
    let rows = "id,prompt\na,1\nb\nc,\"3\nd,4\n";
    check(
        Job::over(rows),
        "prompts.csv: 2 of 3 rows cannot be sent, and max_failures is 0:\n  \
         row 2 (line 3): 1 field where the header has 2; \
         is a separator missing, or a quote left open?\n  \
         row 3 (line 4): a quote is opened and never closed; \
         everything behind it was taken into this row\n\
         mend them, or let the others run with --max-failures 2",
    );
    refused(Job::over(rows).args(["--max-failures", "1"]), 2).says("max_failures is 1:");
    refused(Job::over(rows).args(["--max-failures", "60%"]), 2).says("max_failures is 60%:");
}

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
        "job.toml:2: unknown key `model.path`; it belongs in [input] or in [output]",
    );
    job(
        "[output]\nname = \"x\"\n",
        "job.toml:2: unknown key `output.name`; it belongs at the top of the file",
    );
    job(
        "[retry]\nforever = true\n",
        "job.toml:2: unknown key `retry.forever`; \
         keys here: max_attempts, throttle_wait, attempt_timeout",
    );
    job(
        "[aws]\n",
        "job.toml:1: unknown key `aws`; keys here: name, [input], [prompt], [model], [limits], \
         [retry], [output], [emulator]",
    );
}

#[test]
fn a_table_that_is_written_as_a_value_is_shown_as_it_must_be_written() {
    job(
        "input = \"prompts.csv\"\n",
        "job.toml:1: `input` is a table, not the text \"prompts.csv\": \
         write [input] on a line of its own, and below it path, format, id, keep",
    );
    job(
        "[[limits]]\nconcurrency = 5\n",
        "job.toml:1: `limits` is a table, not a list: \
         write [limits] on a line of its own, and below it requests_per_minute, concurrency",
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
        "command line: `--extra` takes a JSON object, not \"[1]\"",
    );
}

#[test]
fn a_value_that_makes_no_sense_is_refused_by_its_key() {
    for typed in ["soon", "90", "0s", "5 months"] {
        let message = format!("\"{typed}\" is not a time above 0 such as \"90s\" or \"15m\"");
        with(
            ["--attempt-timeout", typed],
            &format!("`retry.attempt_timeout`: {message}"),
        );
        with(["--drain", typed], &format!("`--drain`: {message}"));
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
        "`input.format`: unknown format `xlsx`; formats: csv, tsv, jsonl, json",
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
fn a_model_id_of_no_known_form_is_answered_with_the_nearest() {
    let forms = "give a model id such as `amazon.nova-lite-v1:0`, an inference profile such as \
                 `us.anthropic.claude-haiku-4-5-20251001-v1:0`, or an ARN";
    model(
        "gpt-4o",
        [],
        &format!("`model.id`: `gpt-4o` is no model id of Amazon Bedrock; {forms}"),
    );
    model(
        "anthropic/claude-haiku-4-5",
        [],
        "`model.id`: `anthropic/claude-haiku-4-5` is no model id: it has a `/` in it, which only \
         ARNs have; did you mean `us.anthropic.claude-haiku-4-5-20251001-v1:0`?",
    );
    model(
        "",
        [],
        &format!("`model.id`: the model id is empty; {forms}"),
    );
    refused(on("arn:aws:s3:::bucket"), 2).says("`arn:aws:s3:::bucket` cannot be invoked: ");
}

#[test]
fn a_model_whose_layout_is_not_known_needs_a_family() {
    const PROFILE: &str =
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456";
    let unknown = |model: &str, hint: &str| {
        format!(
            "`{model}` does not tell how its requests are laid out, or promptmill does not know \
             it yet{hint}: name a layout it shares with --family (claude-messages, nova, \
             openai-chat, mistral-chat, mistral-text, llama3, llama4, deepseek-text, titan-text, \
             titan-embed-text, raw), or send whole bodies with --body FIELD"
        )
    };
    model(PROFILE, [], &unknown(PROFILE, ""));
    let typo = "amazon.novalite-v1:0";
    let hint = " (did you mean `us.amazon.nova-lite-v1:0`?)";
    model(typo, [], &unknown(typo, hint));
    model(
        PROFILE,
        ["--family", "clude"],
        "`model.family`: no model family `clude`; did you mean `claude-messages`? \
         (families: claude-messages, nova, openai-chat, mistral-chat, mistral-text, llama3, \
         llama4, deepseek-text, titan-text, titan-embed-text, raw)",
    );
    on(PROFILE).args(["--family", "nova"]).run().exits(0);
    model(
        PROFILE,
        ["--family", "nova", "--region", "eu-west-1"],
        "`model.region`: eu-west-1, but the ARN is of us-east-1: leave the region out",
    );
}

#[test]
fn a_parameter_that_the_model_refuses_is_refused_with_those_it_takes() {
    model(
        "meta.llama3-8b-instruct-v1:0",
        ["--top-k", "5", "--stop", "END"],
        "`model`: llama3 takes no top_k (it takes max_tokens, temperature, top_p); \
         llama3 takes no stop (it takes max_tokens, temperature, top_p)",
    );
    with(
        ["--temperature", "5"],
        "`model`: temperature = 5 is out of range: nova takes 0 to 1",
    );
    with(
        ["--temperature", "NaN"],
        "`model`: temperature = NaN is out of range: nova takes 0 to 1",
    );
    with(
        ["--max-tokens", "999999"],
        "`model`: max_tokens = 999999 is too much: amazon.nova-lite-v1:0 writes at most 10000",
    );
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
        "`{{ time }}.jsonl`: only ${NAME} and {{ date }} can stand in a path",
    );
    output("", "`output.path`: the path is empty; name a file");
    output(
        "out/",
        "`output.path`: \"out/\" is a directory; name a file, such as out/out.jsonl",
    );
    output(
        "-",
        "`output.path`: \"-\" is no file, and a run goes on from its file; name one",
    );
}

#[test]
fn an_output_that_is_the_input_is_refused_and_left_as_it_was() {
    let row = "{\"prompt\":\"a\"}\n";
    let over = |input: &str, link: &str, output: &str, named: &str| {
        let job = Job::new("run").file(input, row).scenario(QUICK);
        if link != input {
            std::os::unix::fs::symlink(input, job.path(link)).unwrap();
        }
        let job = job.args(["-m", NOVA, "-i", input, "-o", output, "--fresh"]);
        let out = refused(job, 2);
        let message = format!("the output {named} is the input: choose another --output");
        assert_eq!(out.stderr, format!("promptmill: {message}\n"));
        assert_eq!(out.text(input), row);
    };
    over("in.jsonl", "in.jsonl", "in.jsonl", "in.jsonl");
    over("in.jsonl", "in.jsonl", "./in.jsonl", "./in.jsonl");
    over("in.jsonl", "link.jsonl", "link.jsonl", "link.jsonl");
    over(
        "a.failed.jsonl",
        "a.failed.jsonl",
        "a.jsonl",
        "a.failed.jsonl",
    );
    over("a.run.json", "a.run.json", "a.jsonl", "a.run.json");
}

#[test]
fn an_output_that_promptmill_did_not_write_is_left_as_it_was() {
    for (name, content) in [("out.txt", "my notes"), ("out.csv", "a,b\n1,2\n")] {
        for fresh in [false, true] {
            let job = to(name).file(name, content);
            let job = if fresh { job.args(["--fresh"]) } else { job };
            let out = refused(job, 2).says(&format!(
                "promptmill: {name} exists and was not written by promptmill: \
                 choose another --output, or move it away\n"
            ));
            assert_eq!(out.text(name), content);
        }
    }
}

#[test]
fn an_output_that_cannot_be_made_is_another_matter_than_a_mistake() {
    let blocked = to("taken/out.jsonl").file("taken", "a file");
    refused(blocked, 74).says("promptmill: cannot create taken: ");
    let folder = to("out.d").file("out.d/a", "");
    refused(folder, 74).says("out.d: ");
}

#[test]
fn a_scenario_needs_the_emulator_and_a_file_it_can_play() {
    let alone = on_aws()
        .file("s.toml", QUICK)
        .args(["--scenario", "s.toml"]);
    check(
        alone,
        "`emulator.scenario`: only the embedded emulator plays a scenario: \
         set endpoint = \"emulator\" in [model], or give --endpoint-url emulator",
    );
    let missing = on_aws().args(["--endpoint-url", "emulator", "--scenario", "s.toml"]);
    refused(missing, 2).says("s.toml: ");
    refused(Job::over(ROWS).scenario("latency = 5\n"), 2).says("promptmill: scenario.toml:1: ");
    refused(Job::over(ROWS).scenario("\nlatncy = 5\n"), 2).says("promptmill: scenario.toml:2: ");
}

#[test]
fn an_endpoint_is_a_url_or_the_emulator() {
    for typed in [
        "emulater",
        "http://",
        "https:///x",
        "ftp://a",
        "https://a b",
    ] {
        let message = format!("\"{typed}\" is neither an http(s) URL nor \"emulator\"");
        check(
            on_aws().args(["--endpoint-url", typed]),
            &format!("`model.endpoint`: {message}"),
        );
    }
}

#[test]
fn prompts_never_leave_this_machine_unencrypted() {
    let on_aws = || {
        on_aws()
            .args(["--region", "us-east-1"])
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
    };
    let message =
        "endpoint http://10.0.0.1 is not encrypted: use https, or http on this machine only";
    check(
        on_aws().args(["--endpoint-url", "http://10.0.0.1"]),
        message,
    );
    let variable = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME";
    check(on_aws().env(variable, "http://10.0.0.1"), message);
    check(on_aws().env("AWS_ENDPOINT_URL", "http://10.0.0.1"), message);
}

#[test]
fn without_a_region_nothing_is_tried() {
    check(
        on_aws(),
        "no AWS region: give --region, `region` in [model], or set AWS_REGION or the profile's region",
    );
    check(
        on_aws().args(["--region", "us east"]),
        "`model.region`: \"us east\" is not a region such as us-east-1",
    );
}

#[test]
fn without_credentials_nothing_is_tried() {
    let said = "promptmill: no AWS credentials: ";
    let login = "log in (`aws sso login`), choose a --profile, or set AWS_ACCESS_KEY_ID";
    let nobody = || on_aws().env("AWS_REGION", "us-east-1");
    refused(nobody(), 77).says(said).says(login);
    refused(nobody().args(["--profile", "nobody"]), 77).says(said);
}
