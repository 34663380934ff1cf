//! Every form an input can have, end to end: each row's answer belongs to that row's prompt.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::harness::{Job, Out, QUICK, digest};

/// Runs a job and checks that these rows, and no others, are answered: their ids and prompts, in
/// the order of the input.
#[track_caller]
fn check(job: Job, rows: &[(&str, &str)]) -> Out {
    let out = job.run().exits(0);
    let answers = out.answers();
    for (at, (id, prompt)) in rows.iter().enumerate() {
        let answer = answers
            .get(*id)
            .unwrap_or_else(|| panic!("no answer {id} in {answers:?}"));
        let completion = answer["completion"].as_str().unwrap();
        let of_its_prompt = completion.starts_with(&digest(prompt));
        assert!(of_its_prompt, "{id} does not answer {prompt:?}: {answer}");
        assert_eq!(answer["row"], at + 1, "{answer}");
    }
    assert_eq!(answers.len(), rows.len(), "{answers:?}");
    assert_eq!(out.text("out.failed.jsonl"), "");
    out
}

/// The same, for a file of this name and content.
#[track_caller]
fn file(name: &str, content: impl AsRef<[u8]>, rows: &[(&str, &str)]) -> Out {
    check(reading(name, content), rows)
}

fn reading(name: &str, content: impl AsRef<[u8]>) -> Job {
    Job::new("run").file(name, content).on_the_emulator(name)
}

/// Two rows that say `one` and `two`.
const TWO: &[(&str, &str)] = &[("a", "one"), ("b", "two")];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn csv_is_read_as_spreadsheets_write_it() {
    file(
        "in.csv",
        "\u{feff}prompt,id\r\n\"He said \"\"hi\"\",\r\nand left\",a\r\n\r\nplain,b\r\n \"not quoted\" ,c",
        &[
            ("a", "He said \"hi\",\r\nand left"),
            ("b", "plain"),
            ("c", " \"not quoted\" "),
        ],
    );
    file(
        "IN.CSV",
        "team,id,prompt,note\nx,a,one,\n\n\ny,b,\"two\",\"\"\n",
        TWO,
    );
    file(
        "in.csv",
        "id,prompt\na,Grüße 👋\nb,\"  \t  x\n\n\"\n",
        &[("a", "Grüße 👋"), ("b", "  \t  x\n\n")],
    );
}

#[test]
fn tsv_keeps_its_commas() {
    file(
        "in.tsv",
        "prompt\tid\none, two\ta\n\"tab\there\"\tb\n",
        &[("a", "one, two"), ("b", "tab\there")],
    );
}

#[test]
fn json_lines_may_have_blank_lines_and_any_line_ends() {
    let rows =
        "\u{feff}{\"id\":\"a\",\"prompt\":\"one\"}\r\n\r\n  \n{\"prompt\":\"two\",\"id\":\"b\"}";
    file("in.jsonl", rows, TWO);
    file("in.ndjson", rows, TWO);
    file("in.json", rows, TWO);
    file(
        "in.jsonl",
        r#"{"id":"a","prompt":"line\nbreak \u00e9 \ud83d\udc4b"}"#,
        &[("a", "line\nbreak é 👋")],
    );
}

#[test]
fn a_json_array_may_be_laid_out_in_any_way() {
    let rows = json!([{"id": "a", "prompt": "one"}, {"id": "b", "prompt": "two"}]);
    file("in.json", rows.to_string(), TWO);
    file("in.json", serde_json::to_string_pretty(&rows).unwrap(), TWO);
    let one_by_one =
        "{\n  \"id\": \"a\",\n  \"prompt\": \"one\"\n}\n{\n\"id\":\"b\",\"prompt\":\"two\"}\n";
    file("in.json", one_by_one, TWO);
}

#[test]
fn compressed_files_are_read_under_any_name() {
    let csv = "id,prompt\na,one\nb,two\n";
    let jsonl = "{\"id\":\"a\",\"prompt\":\"one\"}\n{\"id\":\"b\",\"prompt\":\"two\"}\n";
    file("in.csv.gz", gzip(csv), TWO);
    file(
        "in.jsonl.zst",
        zstd::encode_all(jsonl.as_bytes(), 0).unwrap(),
        TWO,
    );
    file("in.jsonl", gzip(jsonl), TWO);
    // As `cat a.gz b.gz` makes them.
    let members = [gzip("id,prompt\na,one\n"), gzip("b,two\n")].concat();
    file("in.csv.gz", members, TWO);
}

#[test]
fn standard_input_tells_its_format_or_is_told() {
    let piped = |text: &str| Job::new("run").on_the_emulator("-").stdin(text);
    check(piped("id,prompt\na,one\nb,two\n"), TWO);
    check(piped("id\tprompt\na\tone\nb\ttwo\n"), TWO);
    check(
        piped("{\"id\":\"a\",\"prompt\":\"one\"}\n{\"id\":\"b\",\"prompt\":\"two\"}\n"),
        TWO,
    );
    check(
        piped("\n [{\"id\":\"a\",\"prompt\":\"one\"},{\"id\":\"b\",\"prompt\":\"two\"}]"),
        TWO,
    );
    // A comma in the header, and still tabs between the columns.
    let tabs = "id\tprompt\tnote, if any\na\tone\t\nb\ttwo\t\n";
    check(piped(tabs).args(["--format", "tsv"]), TWO);
    let pipe = Job::new("run").on_the_emulator("/dev/stdin");
    check(pipe.stdin("id,prompt\na,one\nb,two\n"), TWO);
}

#[test]
fn a_template_is_filled_with_each_rows_fields() {
    let csv = "id,Best Answer,n\na,one,1\nb,two,2\n";
    check(
        reading("in.csv", csv).args(["-t", "{{ n }}: {{ row[\"Best Answer\"] }}\n"]),
        &[("a", "1: one"), ("b", "2: two")],
    );
    let jsonl = r#"{"id":"a","tags":["x","y"],"n":1.5,"ok":true}"#;
    check(
        reading("in.jsonl", jsonl)
            .args(["-t", "{{ tags | join(', ') }} {{ tags }} {{ n }} {{ ok }}"]),
        &[("a", "x, y [\"x\",\"y\"] 1.5 true")],
    );
}

#[test]
fn what_the_data_holds_is_never_read_as_a_template() {
    let csv = "id,text,secret\na,{{ secret }} {% if %},s\n";
    check(
        reading("in.csv", csv).args(["-t", "Say {{ text }}"]),
        &[("a", "Say {{ secret }} {% if %}")],
    );
    check(
        reading("in.csv", csv).args(["--column", "text"]),
        &[("a", "{{ secret }} {% if %}")],
    );
}

#[test]
fn a_template_may_be_a_file_whose_last_newline_is_its_own() {
    let job = reading("in.csv", "id,who\na,Ada\n")
        .file("prompts/greet.txt", "\u{feff}Dear {{ who }},\n\nhello\n")
        .file(
            "job.toml",
            "[prompt]\ntemplate_file = \"${DIR}/greet.txt\"\n",
        )
        .env("DIR", "prompts");
    check(job.args(["job.toml"]), &[("a", "Dear Ada,\n\nhello")]);
}

#[test]
fn a_conversation_is_answered_at_its_last_turn() {
    let talk = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": [{"type": "text", "text": "and "}, {"type": "text", "text": "two?"}]},
    ]);
    let jsonl = json!({"custom_id": "a", "messages": talk}).to_string();
    let rows = &[("a", "and two?")];
    file("in.jsonl", &jsonl, rows);
    check(
        reading("in.jsonl", &jsonl).args(["--system", "Be kind."]),
        rows,
    );
    // In CSV a conversation is the text of its JSON.
    let quoted = talk.to_string().replace('"', "\"\"");
    let csv = format!("custom_id,talk\na,\"{quoted}\"\n");
    check(reading("in.csv", csv).args(["--messages", "talk"]), rows);
}

#[test]
fn a_file_of_bedrock_batch_inference_runs_as_it_is() {
    let body = |text: &str| {
        json!({
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": text}],
        })
    };
    let line = |id: &str, text: &str| json!({"recordId": id, "modelInput": body(text)}).to_string();
    let jsonl = [line("R-1", "one"), line("R-2", "two")].join("\n");
    let rows = &[("R-1", "one"), ("R-2", "two")];
    let claude = |job: Job| {
        job.scenario(QUICK)
            .args(["-m", "us.anthropic.claude-haiku-4-5-20251001-v1:0"])
            .args(["-o", "out.jsonl"])
    };
    let job = Job::new("run").file("in.jsonl", &jsonl);
    check(claude(job.args(["-i", "in.jsonl"])), rows);
    let quoted = body("one").to_string().replace('"', "\"\"");
    let job = Job::new("run").file("in.csv", format!("id,request\nR-1,\"{quoted}\"\n"));
    let job = job.args(["-i", "in.csv", "--body", "request"]);
    check(claude(job), &rows[..1]);
}

#[test]
fn rows_are_named_by_the_usual_fields_in_their_order() {
    file(
        "in.csv",
        "recordId,id,custom_id,prompt\nr,i,c,x\n",
        &[("c", "x")],
    );
    file("in.csv", "recordId,id,prompt\nr,i,x\n", &[("i", "x")]);
    file("in.csv", "recordId,prompt\nr,x\n", &[("r", "x")]);
    file(
        "in.csv",
        "key,prompt\nk,x\nl,y\n",
        &[("1", "x"), ("2", "y")],
    );
    let job = reading("in.csv", "key,id,prompt\nk,i,x\n");
    check(job.args(["--id", "key"]), &[("k", "x")]);
    file("in.jsonl", r#"{"id":17,"prompt":"x"}"#, &[("17", "x")]);
}

#[test]
fn kept_fields_come_with_each_result_as_they_are() {
    let jsonl = r#"{"id":"a","prompt":"x","tags":["t"],"n":1.0}"#;
    let other = r#"{"id":"b","prompt":"y","gone":7}"#;
    let job = reading("in.jsonl", format!("{jsonl}\n{other}\n"))
        .args(["--keep", "n", "--keep", "tags", "--keep", "gone"]);
    let out = check(job, &[("a", "x"), ("b", "y")]);
    let metadata = &out.answers()["a"]["metadata"];
    assert_eq!(
        metadata.to_string(),
        r#"{"n":1.0,"tags":["t"],"gone":null}"#
    );
    let job = reading("in.csv", "id,prompt,n\na,x,007\n").args(["--keep", "n"]);
    assert_eq!(
        job.run().exits(0).answers()["a"]["metadata"],
        json!({"n": "007"})
    );
}

#[test]
fn a_kept_field_that_no_record_has_is_refused_before_anything_is_sent() {
    let jsonl =
        "{\"id\":\"a\",\"prompt\":\"x\",\"team\":\"eu\"}\n{\"id\":\"b\",\"prompt\":\"y\"}\n";
    let job = || reading("in.jsonl", jsonl);
    let said = "in.jsonl: `keep`: no record has the field `taem` (did you mean `team`?); fields here: \
                id, prompt, team; keep one of them, or leave it out";
    let _ = job()
        .args(["--keep", "taem"])
        .run()
        .exits(2)
        .sent_nothing()
        .says(said);
    let said = "in.jsonl: `id`: no record that was read has the field `tema` (did you mean `team`?); fields here: \
                id, prompt, team; choose one of them, or leave it out\n";
    for limit in ["1", "2"] {
        let mistyped = job().args(["--id", "tema", "--limit", limit]);
        let out = mistyped.run().exits(2).sent_nothing().says(said);
        assert!(!out.stderr.contains("cannot be sent"), "{}", out.stderr);
    }
    // One record with it is enough, wherever it is.
    let _ = job().args(["--keep", "team"]).run().exits(0);
    let _ = job()
        .args(["--keep", "taem", "--limit", "1"])
        .run()
        .exits(2)
        .sent_nothing()
        .says("in.jsonl: `keep`: no record has the field `taem` (did you mean `team`?)");
    let later = "{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"b\",\"prompt\":\"y\",\"team\":1}\n";
    let job = reading("in.jsonl", later).args(["--keep", "team", "--limit", "1"]);
    assert_eq!(job.run().exits(0).answered(), "a");
    // Where no record could be read, none could have had it.
    let bad = reading("in.jsonl", "nothing\n").args(["--keep", "taem", "--max-failures", "1"]);
    let out = bad.run();
    assert!(!out.stderr.contains("`keep`"), "{}", out.stderr);
}

#[test]
fn rows_that_cannot_be_sent_are_counted_beyond_those_that_are_shown() {
    let rows: String = (0..8).map(|_| "{\"other\":1}\n").collect();
    let job = |verb: &str| {
        Job::new(verb)
            .file("in.jsonl", format!("{{\"prompt\":\"x\"}}\n{rows}"))
            .on_the_emulator("in.jsonl")
            .args(["--column", "prompt"])
    };
    let more = "and 5 more: `promptmill plan --json` lists up to 1,000\n";
    let _ = job("run").run().exits(2).says(&format!("\n  {more}"));
    let out = job("plan").run().exits(2);
    assert!(
        out.stdout.contains(&format!("\n    {more}")),
        "{}",
        out.stdout
    );
    let out = job("plan").args(["--json"]).run().exits(2);
    let plan: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    let examples = plan["rows"]["unusable"]["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 8);
}

/// Runs a file with bad rows in it, once with and once without leave to fail, and checks which
/// rows are answered and what is said of the others.
#[track_caller]
fn check_bad_rows(name: &str, content: &[u8], answered: &[(u64, &str)], failed: &[(u64, &str)]) {
    let refused = reading(name, content).run().exits(2).sent_nothing();
    for (_, message) in failed.iter().take(3) {
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    }

    let allowed = failed.len().to_string();
    let out = reading(name, content)
        .args(["--max-failures", &allowed])
        .run()
        .exits(0);
    let lines = |file: &str| -> Vec<Value> {
        let mut lines: Vec<Value> = out
            .text(file)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        lines.sort_by_key(|line| line["row"].as_u64());
        lines
    };
    let answers = lines("out.jsonl");
    assert_eq!(answers.len(), answered.len(), "{answers:?}");
    for (line, (row, prompt)) in answers.iter().zip(answered) {
        assert_eq!(line["row"], *row);
        assert!(
            line["completion"]
                .as_str()
                .unwrap()
                .starts_with(&digest(prompt)),
            "{line}"
        );
    }
    let failures = lines("out.failed.jsonl");
    assert_eq!(failures.len(), failed.len(), "{failures:?}");
    for (line, (row, message)) in failures.iter().zip(failed) {
        assert_eq!(line["row"], *row);
        assert_eq!(line["status"], "failed");
        assert_eq!(line["error"]["category"], "bad_input_row");
        assert_eq!(line["error"]["message"], *message);
        assert_eq!(line["attempts"], 0, "{line}");
    }
    let run = out.run_file();
    assert_eq!(run["total"]["failed"], failed.len());
    assert_eq!(
        run["total"]["failures"]["bad_input_row"]["count"],
        failed.len()
    );
}

#[test]
fn bad_rows_of_a_csv_file_fail_and_the_others_run() {
    check_bad_rows(
        "in.csv",
        b"id,prompt\na,\"one\n1\"\nb\nc,\xff\nd,four,4\n,five\nf,\ng,seven\nh,\"eight\n",
        &[(1, "one\n1"), (7, "seven")],
        &[
            (
                2,
                "row 2 (line 4): 1 field where the header has 2; \
                 is a separator missing, or a quote left open?",
            ),
            (
                3,
                "row 3 (line 5): column `prompt`: not UTF-8; save the file as UTF-8",
            ),
            (
                4,
                "row 4 (line 6): 3 fields where the header has 2; \
                 is a comma or quote inside a value not quoted?",
            ),
            (
                5,
                "row 5 (line 7): the id field `id` is empty; give the row an id",
            ),
            (
                6,
                "row 6 (line 8): the prompt is empty; give `prompt` a value",
            ),
            (
                8,
                "row 8 (line 10): a quote (\") is opened and never closed; if quotes mean nothing in \
                 this file, give --quote none (`quote` in [input])",
            ),
        ],
    );
}

#[test]
fn bad_lines_of_a_json_lines_file_fail_and_the_others_run() {
    check_bad_rows(
        "in.jsonl",
        b"{\"prompt\":\"one\"}\n{\"prompt\":\n\n[1]\n{\"prompt\":\"\xff\"}\nnull\n{\"promt\":\"x\"}\n{\"prompt\":\"seven\"}\n",
        &[(1, "one"), (7, "seven")],
        &[
            (
                2,
                "row 2 (line 2): column 10: not JSON: EOF while parsing a value",
            ),
            (
                3,
                "row 3 (line 4): an array where an object is expected, such as {\"prompt\": \"…\"}",
            ),
            (
                4,
                "row 4 (line 5): byte 12: not UTF-8; save the file as UTF-8",
            ),
            (
                5,
                "row 5 (line 6): null where an object is expected, such as {\"prompt\": \"…\"}",
            ),
            (6, "row 6 (line 7): no field `prompt`; fields here: promt"),
        ],
    );
}

#[test]
fn bad_elements_of_a_json_array_fail_and_the_others_run() {
    check_bad_rows(
        "in.json",
        b"[\n  {\"prompt\": \"one\"},\n  {\"prompt\" \"two\"},\n  3,\n  {\"prompt\": \"four\"}\n]\n",
        &[(1, "one"), (4, "four")],
        &[
            (
                2,
                "row 2 (line 3): column 11: not JSON: expected `:`",
            ),
            (
                3,
                "row 3 (line 4): a number where an object is expected, such as {\"prompt\": \"…\"}",
            ),
        ],
    );
}

#[test]
fn a_conversation_that_is_none_fails_and_the_others_run() {
    check_bad_rows(
        "in.jsonl",
        br#"{"messages":[{"role":"user","content":"one"}]}
{"messages":[{"role":"tool","content":"x"}]}
{"messages":"[{"}
"#,
        &[(1, "one")],
        &[
            (
                2,
                "row 2 (line 2): a tool's result in the form of the OpenAI API, and nova takes the \
                 form of the Amazon API: rewrite the row, or send such rows with a body",
            ),
            (
                3,
                "row 3 (line 3): `messages` does not hold JSON: \
                 EOF while parsing an object at line 1 column 2",
            ),
        ],
    );
}

#[test]
fn a_bad_row_is_known_by_its_number_once_it_is_mended() {
    let out = reading("in.jsonl", "{\"prompt\":\"one\"}\n{\n")
        .args(["--max-failures", "1"])
        .run()
        .exits(0);
    assert_eq!(out.failures().keys().collect::<Vec<_>>(), ["2"]);
    let mended = "{\"prompt\":\"one\"}\n{\"prompt\":\"two\"}\n";
    let again = out
        .again("run")
        .file("in.jsonl", mended)
        .on_the_emulator("in.jsonl");
    check(
        again.args(["--retry-failed"]),
        &[("1", "one"), ("2", "two")],
    );
}

#[test]
fn an_input_that_breaks_off_while_it_is_read_stops_the_run_with_its_summary() {
    // Longer than what is read ahead, and hardly to be compressed.
    let mut dice = fastrand::Rng::with_seed(1);
    let mut text = || -> String { (0..3_000).map(|_| dice.alphanumeric()).collect() };
    let rows: String = (0..300).map(|n| format!("r{n},{}\n", text())).collect();
    let packed = gzip(&format!("id,prompt\n{rows}"));
    let running = reading("in.csv.gz", &packed)
        .args(["-c", "2"])
        .scenario("[latency]\nfirst_token_ms = 100\nper_token_ms = 0\njitter = 0\n")
        .spawn();
    running.wait_for_lines(2);
    let path = running.path("in.csv.gz");
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(packed.len() as u64 / 2).unwrap();
    let out = running.wait().exits(2).says("what to do");
    let run = out.run_file();
    let why = run["stopped_by"].as_str().unwrap();
    assert!(why.starts_with("the input: in.csv.gz"), "{why}");
    assert_eq!(run["exit_code"], 2);
    assert_eq!(run["this_run"]["maybe_billed"], 0);
    let answered = out.answers().len();
    assert!((2..300).contains(&answered), "{answered}");
    assert_eq!(run["remaining"], 300 - answered);
}

#[test]
fn a_template_without_a_field_is_remarked_upon() {
    let asked = |verb: &str, csv: &str, flags: [&str; 4]| {
        let job = Job::new(verb).file("prompts.csv", csv);
        job.on_the_emulator("prompts.csv")
            .args(flags)
            .run()
            .exits(0)
    };
    let two = "id,question\na,one\nb,two\n";
    let note = "the template names no field of the rows, so all 2 prompts are alike; fields are \
                written {{ question }}";
    for template in [
        "question",
        "{question}",
        "$question",
        "{{ range(2) }} question",
    ] {
        let flags = ["-t", template, "--max-tokens", "9"];
        asked("run", two, flags).says(note);
        let planned = asked("plan", two, flags);
        assert!(planned.stdout.contains(note), "{}", planned.stdout);
    }
    for (csv, flags) in [
        (two, ["-t", "{{ question }}", "--system", "Be brief."]),
        (two, ["-t", "{{ row.question }}", "--max-tokens", "9"]),
        (two, ["-t", "question", "--system", "{{ question }}"]),
        ("question\none\n", ["-t", "question", "--max-tokens", "9"]),
    ] {
        let out = asked("run", csv, flags);
        assert!(!out.stderr.contains("alike"), "{flags:?}: {}", out.stderr);
    }
}
