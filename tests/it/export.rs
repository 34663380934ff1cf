//! `promptmill export`: what it writes, in which order, and what it refuses.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use crate::harness::{Job, Out};

/// A record of a row that succeeded.
fn record(row: u64, more: Value) -> String {
    let mut record = json!({
        "custom_id": format!("r{row}"), "row": row, "status": "succeeded", "completion": "Paris",
        "finish_reason": "stop", "stop_reason": null, "model": "amazon.nova-lite-v1:0",
        "usage": {"input_tokens": 7, "output_tokens": 5}, "cost_usd": 0.001, "attempts": 1,
        "fingerprint": "0123456789abcdef", "metadata": {"lang": "fr"},
    });
    let more = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(more);
    format!("{record}\n")
}

fn failed(row: u64) -> String {
    let error = json!({"category": "server_error", "code": null, "status_code": 500, "message": "no, \"not\" now"});
    let record = json!({
        "custom_id": format!("r{row}"), "row": row, "status": "failed", "error": error,
        "model": "amazon.nova-lite-v1:0", "attempts": 3, "fingerprint": null, "metadata": null,
    });
    format!("{record}\n")
}

/// Three rows of which the second failed, in the order in which they completed.
fn exporting() -> Job {
    let output = record(3, json!({"completion": "Rome", "metadata": {"lang": "it"}}))
        + &record(1, json!({}));
    Job::new("export")
        .file("out.jsonl", output)
        .file("out.failed.jsonl", failed(2))
        .args(["out.jsonl"])
}

/// The IDs of an export as JSON Lines.
fn ids(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ids = lines.map(|line| line["custom_id"].as_str().unwrap().to_owned());
    ids.collect::<Vec<_>>().join(" ")
}

#[test]
fn records_are_exported_as_they_are_in_the_order_of_the_input() {
    let out = exporting().args(["-o", "all.jsonl"]).run().exits(0);
    assert_eq!(out.stdout, "all.jsonl: 3 records, 1 of failed rows\n");
    let expected = record(1, json!({}))
        + &failed(2)
        + &record(3, json!({"completion": "Rome", "metadata": {"lang": "it"}}));
    assert_eq!(out.text("all.jsonl"), expected);
    let out = exporting().args(["-o", "-"]).run().exits(0);
    assert_eq!((out.stdout, out.stderr.as_str()), (expected, ""));
    let out = exporting().args(["-o", "-", "--unordered"]).run().exits(0);
    assert_eq!(ids(&out.stdout), "r3 r1 r2");
}

#[test]
fn csv_has_a_column_for_each_field_and_its_values_are_typed() {
    let out = exporting().args(["-o", "all.csv"]).run().exits(0);
    let expected = "\
custom_id,row,status,completion,finish_reason,stop_reason,model,usage.input_tokens,usage.output_tokens,\
cost_usd,error.category,error.code,error.status_code,error.message,attempts,fingerprint,metadata.lang
r1,1,succeeded,Paris,stop,,amazon.nova-lite-v1:0,7,5,0.001,,,,,1,0123456789abcdef,fr
r2,2,failed,,,,amazon.nova-lite-v1:0,,,,server_error,,500,\"no, \"\"not\"\" now\",3,,
r3,3,succeeded,Rome,stop,,amazon.nova-lite-v1:0,7,5,0.001,,,,,1,0123456789abcdef,it
";
    assert_eq!(out.text("all.csv"), expected);
}

#[test]
fn columns_are_those_that_were_asked_for() {
    let columns = "metadata.lang,custom_id,usage,reasoning";
    let out = exporting()
        .args(["-o", "-", "--to", "csv", "--columns", columns])
        .run()
        .exits(0);
    let usage = "\"{\"\"input_tokens\"\":7,\"\"output_tokens\"\":5}\"";
    let expected = format!("{columns}\nfr,r1,{usage},\n,r2,,\nit,r3,{usage},\n");
    assert_eq!(out.stdout, expected);
    let out = exporting()
        .args(["-o", "-", "--columns", "row", "--columns", "metadata.lang"])
        .run()
        .exits(0);
    let expected = "{\"row\":1,\"metadata.lang\":\"fr\"}\n{\"row\":2,\"metadata.lang\":null}\n\
                    {\"row\":3,\"metadata.lang\":\"it\"}\n";
    assert_eq!(out.stdout, expected);
}

#[test]
fn conditions_leave_records_out_and_failed_rows_go_where_they_are_wanted() {
    let out = exporting()
        .args(["-o", "-", "--where", "status!=failed"])
        .args(["--where", "metadata.lang=it"])
        .run()
        .exits(0);
    assert_eq!(ids(&out.stdout), "r3");
    let out = exporting()
        .args(["-o", "-", "--failed", "none"])
        .run()
        .exits(0);
    assert_eq!(ids(&out.stdout), "r1 r3");
    let out = exporting()
        .args(["-o", "a.jsonl", "--failed", "apart", "--json"])
        .run()
        .exits(0);
    assert_eq!(ids(&out.text("a.jsonl")), "r1 r3");
    assert_eq!(ids(&out.text("a.failed.jsonl")), "r2");
    let told: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(
        told,
        json!({"ok": true, "file": "a.jsonl", "records": 3, "failed": 1, "left_out": 0})
    );
    exporting()
        .args(["-o", "-", "--failed", "apart"])
        .run()
        .exits(2)
        .says("--failed apart: standard output is one file; name another with -o");
}

#[test]
fn a_text_that_a_spreadsheet_would_run_is_guarded_unless_it_is_asked_for() {
    let records = record(
        1,
        json!({"completion": "=HYPERLINK(\"http://x\")", "metadata": {"+a": "-5"}}),
    );
    let job = || {
        let job = Job::new("export").file("out.jsonl", &records);
        job.args(["out.jsonl", "-o", "-", "--to", "csv"])
            .args(["--columns", "completion,metadata.+a"])
    };
    let out = job().run().exits(0);
    let expected = "completion,metadata.+a\n\"'=HYPERLINK(\"\"http://x\"\")\",-5\n";
    assert_eq!(out.stdout, expected);
    let out = job().args(["--keep-formulas", "--bom"]).run().exits(0);
    assert_eq!(
        out.stdout,
        format!("\u{feff}{}", expected.replace('\'', ""))
    );
    exporting()
        .args(["-o", "a.jsonl", "--bom"])
        .run()
        .exits(2)
        .says("--bom is for CSV");
}

#[test]
fn cells_of_a_sweep_are_in_order_and_keep_what_tells_them_apart() {
    let cell = |variant: &str, sample: u64| {
        let more = json!({"variant": variant, "sample": sample, "params": {"temperature": 0.5}});
        record(1, more)
    };
    let records = cell("b", 1) + &record(2, json!({})) + &cell("a", 2) + &cell("a", 1);
    let columns = "row,variant,sample,params.temperature";
    let out = Job::new("export")
        .file("out.jsonl", &records)
        .args(["out.jsonl", "-o", "-", "--to", "csv", "--columns", columns])
        .run()
        .exits(0);
    let expected = format!("{columns}\n1,a,1,0.5\n1,a,2,0.5\n1,b,1,0.5\n2,,,\n");
    assert_eq!(out.stdout, expected);
    Job::new("export")
        .file("out.jsonl", records + &cell("a", 2))
        .args(["out.jsonl", "-o", "-"])
        .run()
        .exits(2)
        .says("row 1 (r1), variant a, sample 2 has two records");
}

#[test]
fn what_cannot_be_exported_is_said_with_its_place_and_nothing_is_written() {
    #[track_caller]
    fn check<const N: usize>(args: [&str; N], says: &str) {
        let out = exporting()
            .file("kept.csv", "old")
            .args(args)
            .run()
            .exits(2)
            .says(says);
        assert_eq!(out.text("kept.csv"), "old");
    }
    check(
        ["-o", "kept.csv", "--columns", "completon"],
        "--columns: no record has `completon`; did you mean completion?",
    );
    check(
        ["-o", "kept.csv", "--where", "metadata.land=fr"],
        "--where: no record has `metadata.land`; did you mean metadata.lang?",
    );
    check(
        ["-o", "kept.csv", "--where", "status"],
        "it takes FIELD=VALUE",
    );
    check(["-o", "kept.csv", "--to", "xlsx"], "xlsx");
    check(["-o", "kept.csv", "--columns", "row,,"], "a name is empty");
    check(
        ["-o", "out.jsonl"],
        "-o out.jsonl: it is a file of the output",
    );
    check(["-o", "./out.failed.jsonl"], "it is a file of the output");
    check(["-o", "."], "names no file");
    check(["-o", "none/a.csv"], "no folder none; create it first");
    check(["-o", "kept.csv/a.csv"], "kept.csv is not a folder");
    check(["-o", "/dev/null"], "it is no regular file");
    check(
        ["-o", "-", "--json"],
        "--json: standard output has the export",
    );
    Job::new("export")
        .args(["none.jsonl", "-o", "a.csv"])
        .run()
        .exits(2)
        .says("none.jsonl: no such output");
    Job::new("export")
        .file("notes.txt", "")
        .args(["notes.txt", "-o", "a.csv"])
        .run()
        .exits(2)
        .says("notes.txt does not end in .jsonl");
    Job::new("export")
        .file("rows.jsonl", "{\"text\":\"a\"}\n")
        .args(["rows.jsonl", "-o", "a.csv"])
        .run()
        .exits(2)
        .says("rows.jsonl: line 1 is not a record of promptmill");
}

#[test]
fn a_file_is_replaced_for_the_people_of_the_output_and_a_link_stays_what_it_leads_to() {
    let job = exporting()
        .file("theirs", "theirs")
        .args(["-o", "link.csv"]);
    symlink("theirs", job.path("link.csv")).unwrap();
    fs::set_permissions(job.path("out.jsonl"), fs::Permissions::from_mode(0o640)).unwrap();
    let out = job.run().exits(0);
    assert_eq!(out.text("theirs"), "theirs");
    assert!(out.text("link.csv").starts_with("custom_id,"));
    let mode = |out: &Out, name| {
        fs::metadata(out.directory.path().join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode(&out, "link.csv") & 0o777, 0o640);
    // A second export has the same bytes.
    let first = out.text("link.csv");
    let out = out
        .again("export")
        .args(["out.jsonl", "-o", "link.csv"])
        .run()
        .exits(0);
    assert_eq!(out.text("link.csv"), first);
}

#[test]
fn a_real_run_is_exported_in_order() {
    let csv: String = (1..=300).map(|nth| format!("text {nth}\n")).collect();
    let out = Job::over(&format!("text\n{csv}"))
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    let out = out
        .again("export")
        .args(["out.jsonl", "-o", "a.csv", "--columns", "row,completion"])
        .run()
        .exits(0);
    let text = out.text("a.csv");
    let rows: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap().0)
        .collect();
    let expected: Vec<_> = (1..=300).map(|nth| nth.to_string()).collect();
    assert_eq!(rows, expected);
}

/// Records that keep their prompts, the last of a conversation.
fn training() -> Job {
    let prompt = |text: &str| json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]);
    let conversation = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Capital of Italy?"},
    ]);
    let output = record(
        2,
        json!({"messages": conversation, "completion": "Rome", "metadata": {"lang": "it"}}),
    ) + &record(1, json!({"messages": prompt("Capital of France?")}));
    Job::new("export")
        .file("out.jsonl", output)
        .args(["out.jsonl"])
}

/// A job with these arguments too.
fn with(job: Job, more: &[&str]) -> Job {
    more.iter().fold(job, |job, argument| job.args([*argument]))
}

/// The objects of an export.
fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[test]
fn prompts_and_completions_have_each_training_shape() {
    #[track_caller]
    fn check(shape: &str, expected: [Value; 2]) {
        let out = training().args(["-o", "-", "--to", shape]).run().exits(0);
        assert_eq!(lines(&out.stdout), expected, "{shape}");
        assert_eq!(out.stderr, "");
    }
    let message = |role: &str, text: &str| json!({"role": role, "content": text});
    check(
        "openai-chat",
        [
            json!({"messages": [message("system", "Be brief."), message("user", "Capital of France?"),
                message("assistant", "Paris")]}),
            json!({"messages": [message("user", "Hi"), message("assistant", "Hello"),
                message("user", "Capital of Italy?"), message("assistant", "Rome")]}),
        ],
    );
    let turn = |from: &str, text: &str| json!({"from": from, "value": text});
    check(
        "sharegpt",
        [
            json!({"conversations": [turn("system", "Be brief."), turn("human", "Capital of France?"),
                turn("gpt", "Paris")]}),
            json!({"conversations": [turn("human", "Hi"), turn("gpt", "Hello"),
                turn("human", "Capital of Italy?"), turn("gpt", "Rome")]}),
        ],
    );
    check(
        "alpaca",
        [
            json!({"instruction": "Capital of France?", "input": "", "output": "Paris",
                "system": "Be brief."}),
            json!({"instruction": "Capital of Italy?", "input": "", "output": "Rome",
                "history": [["Hi", "Hello"]]}),
        ],
    );
    let turn = |role: &str, text: &str| json!({"role": role, "content": [{"text": text}]});
    let version = "bedrock-conversation-2024";
    check(
        "bedrock-sft",
        [
            json!({"schemaVersion": version, "system": [{"text": "Be brief."}],
                "messages": [turn("user", "Capital of France?"), turn("assistant", "Paris")]}),
            json!({"schemaVersion": version, "messages": [turn("user", "Hi"),
                turn("assistant", "Hello"), turn("user", "Capital of Italy?"),
                turn("assistant", "Rome")]}),
        ],
    );
}

#[test]
fn a_split_keeps_samples_of_a_row_together_and_moves_no_row_when_the_output_grows() {
    let messages = json!([{"role": "user", "content": "q"}]);
    let sample = |row: u64, sample: u64| {
        let text = format!("{row}");
        let more = json!({"messages": messages, "completion": text, "variant": "v", "sample": sample,
            "params": {}, "metadata": {"group": row / 10}});
        record(row, more)
    };
    let completions = |text: &str| -> Vec<u64> {
        let completion = |line: &Value| line["output"].as_str().unwrap().parse().unwrap();
        lines(text).iter().map(completion).collect()
    };
    let split = |rows: u64, more: &[&str]| {
        let output: String = (1..=rows)
            .flat_map(|row| [sample(row, 1), sample(row, 2)])
            .collect();
        let job = Job::new("export")
            .file("out.jsonl", output)
            .args(["out.jsonl", "-o", "d.jsonl", "--to", "alpaca", "--json"])
            .args(["--split", "train=70%,test=0.3"]);
        let out = with(job, more).run().exits(0);
        let parts = ["d.train.jsonl", "d.test.jsonl"].map(|file| completions(&out.text(file)));
        let told: Value = serde_json::from_str(&out.stdout).unwrap();
        let files = json!([{"file": "d.train.jsonl", "records": parts[0].len()},
            {"file": "d.test.jsonl", "records": parts[1].len()}]);
        assert_eq!(told, json!({"ok": true, "files": files, "left_out": {}}));
        assert!(!out.directory.path().join("d.jsonl").exists());
        parts
    };
    let [train, test] = split(100, &[]);
    assert_eq!(train.len() + test.len(), 200);
    assert!((110..170).contains(&train.len()), "{}", train.len());
    for part in [&train, &test] {
        assert!(part.chunks(2).all(|pair| pair[0] == pair[1]), "{part:?}");
    }
    let [grown, _] = split(200, &[]);
    let earlier: Vec<_> = grown.into_iter().filter(|row| *row <= 100).collect();
    assert_eq!(earlier, train);
    let [train, test] = split(100, &["--split-by", "metadata.group"]);
    let groups = |part: &[u64]| part.iter().map(|row| row / 10).collect::<BTreeSet<_>>();
    assert!(groups(&train).is_disjoint(&groups(&test)));
    assert!(!train.is_empty() && !test.is_empty());
}

#[test]
fn records_that_did_not_pass_or_do_not_fit_are_left_out_and_counted() {
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let text = user("q".into());
    let image = user(json!([{"type": "image_url", "image_url": {"url": "data:"}}]));
    let turns = json!([{"role": "assistant", "content": "q"}]);
    let late = json!([{"role": "user", "content": "q"}, {"role": "system", "content": "s"}]);
    let output = record(1, json!({"messages": text}))
        + &record(2, json!({"messages": image}))
        + &record(3, json!({"messages": turns}))
        + &record(4, json!({"messages": late}))
        + &record(
            5,
            json!({"messages": text, "completion": null, "output": [0.5]}),
        )
        + &record(6, json!({"messages": text, "status": "filtered"}))
        + &record(7, json!({"messages": text}))
        + &record(8, json!({"messages": text}))
        + &record(9, json!({"messages": text, "metadata": {"lang": "de"}}))
        + &record(
            10,
            json!({"messages": text, "completion": null, "output": {"a": 1}, "schema_valid": true}),
        );
    let verdict = |row: u64, check: &str, pass: Value| {
        let id = format!("r{row}");
        format!(
            "{}\n",
            json!({"custom_id": id, "row": row, "check": check, "pass": pass})
        )
    };
    // Row 7 has no verdict of `short`, and row 8 did not pass `right`.
    let scores: String = [1, 2, 3, 4, 5, 8, 9, 10]
        .map(|row| verdict(row, "short", true.into()) + &verdict(row, "right", (row != 8).into()))
        .concat()
        + &verdict(7, "right", true.into())
        + &verdict(7, "short", Value::Null);
    let job = || {
        Job::new("export")
            .file("out.jsonl", &output)
            .file("out.scores.jsonl", &scores)
            .args(["out.jsonl", "-o", "d.jsonl", "--to", "openai-chat"])
            .args([
                "--where",
                "metadata.lang=fr",
                "--passed",
                "short",
                "--passed",
                "right",
            ])
    };
    let out = job().args(["--json"]).run().exits(0);
    let told: Value = serde_json::from_str(&out.stdout).unwrap();
    let left_out = json!({"filtered": 1, "where": 1, "passed": 2, "no_completion": 1,
        "more_than_text": 1, "late_instructions": 1, "turns": 1});
    let files = json!([{"file": "d.jsonl", "records": 2}]);
    assert_eq!(
        told,
        json!({"ok": true, "files": files, "left_out": left_out})
    );
    let written = lines(&out.text("d.jsonl"));
    let said: Vec<_> = written
        .iter()
        .map(|line| &line["messages"][1]["content"])
        .collect();
    assert_eq!(said, ["Paris", "{\"a\":1}"]);
    let out = job().run().exits(0);
    assert_eq!(
        out.stdout,
        "d.jsonl: 2 records\n\
         1 filtered\n\
         1 left out by --where\n\
         2 left out by --passed\n\
         1 left out without a completion\n\
         1 left out with more than text in the prompt\n\
         1 left out with instructions after the first turn\n\
         1 left out because user and assistant do not alternate\n"
    );
}

#[test]
fn training_data_that_cannot_be_made_is_said_with_its_place_and_nothing_is_written() {
    #[track_caller]
    fn check(job: Job, args: &[&str], says: &str) {
        let job = job.file("kept.jsonl", "old").args(["-o", "kept.jsonl"]);
        let out = with(job, args).run().exits(2).says(says);
        assert_eq!(out.text("kept.jsonl"), "old");
        assert!(!out.directory.path().join("kept.train.jsonl").exists());
    }
    let chat = ["--to", "openai-chat"];
    let chat_with = |more: &[&'static str]| [&chat[..], more].concat();
    check(
        exporting(),
        &chat,
        "out.jsonl: row 1 (r1) does not keep its prompt: a job with `messages = true` in [output] \
         (--keep-messages) keeps prompts",
    );
    check(
        training(),
        &chat_with(&["--passed", "short"]),
        "--passed: no out.scores.jsonl; run `promptmill score` first",
    );
    let scored = |text: &str| training().file("out.scores.jsonl", text);
    let verdict = "{\"custom_id\":\"r1\",\"row\":1,\"check\":\"short\",\"pass\":true}\n";
    check(
        scored(verdict),
        &chat_with(&["--passed", "shor"]),
        "--passed: out.scores.jsonl has no check `shor`; did you mean `short`?",
    );
    check(
        scored(&format!("{verdict}{{}}\n")),
        &chat_with(&["--passed", "short"]),
        "out.scores.jsonl: line 2 is not a verdict; `promptmill score` writes the file again",
    );
    check(
        training(),
        &chat_with(&["--split", "train=0.9,test=0.2"]),
        "the shares sum to 1.1, not to 1",
    );
    check(training(), &chat_with(&["--split-by", "row"]), "--split");
    let split = ["--split", "train=0.9,test=0.1", "--split-by"];
    check(
        training(),
        &chat_with(&[&split[..], &["metadata.land"]].concat()),
        "--split-by: no record has `metadata.land`; did you mean metadata.lang?",
    );
    check(
        training(),
        &chat_with(&[&split[..], &["variant"]].concat()),
        "--split-by variant: row 1 (r1) of out.jsonl does not have it; `--where variant!=` leaves out",
    );
    check(
        training(),
        &chat_with(&["--columns", "row"]),
        "--columns is not for --to openai-chat: leave it out (it is for jsonl, csv)",
    );
    check(
        training(),
        &["--split", "a=1"],
        "--split is not for --to jsonl: leave it out (it is for openai-chat, sharegpt, alpaca, \
         bedrock-sft)",
    );
    training()
        .args(["-o", "-", "--to", "alpaca", "--split", "a=0.5,b=0.5"])
        .run()
        .exits(2)
        .says("--split: standard output is one file; name another with -o");
    training()
        .args(["-o", "-", "--to", "alpaca", "--where", "messages="])
        .run()
        .exits(0);
}

#[test]
fn a_run_that_keeps_messages_is_exported_as_training_data() {
    let job = |more: &[&str]| {
        let job = Job::over("id,text\na,one\nb,two\n").args([
            "-t",
            "Say {{ text }}",
            "--system",
            "Be brief.",
            "--id",
            "id",
        ]);
        with(job, more).run().exits(0)
    };
    let without = job(&[]);
    assert!(!without.text("out.jsonl").contains("\"messages\""));
    let out = job(&["--keep-messages"]);
    let kept = lines(&out.text("out.jsonl"));
    let of = |id: &str| {
        kept.iter()
            .find(|record| record["custom_id"] == id)
            .unwrap()
    };
    let before = lines(&without.text("out.jsonl"));
    let of_before = |id: &str| {
        before
            .iter()
            .find(|record| record["custom_id"] == id)
            .unwrap()
    };
    for (id, text) in [("a", "Say one"), ("b", "Say two")] {
        let messages = json!([{"role": "system", "content": "Be brief."},
            {"role": "user", "content": text}]);
        assert_eq!(of(id)["messages"], messages);
        // The request is the one that is sent without messages.
        assert_eq!(of(id)["fingerprint"], of_before(id)["fingerprint"]);
    }
    let completion = of("a")["completion"].clone();
    let out = out
        .again("export")
        .args(["out.jsonl", "-o", "-", "--to", "alpaca"])
        .run()
        .exits(0);
    let expected = json!({"instruction": "Say one", "input": "", "output": completion,
        "system": "Be brief."});
    assert_eq!(lines(&out.stdout)[0], expected);
}
