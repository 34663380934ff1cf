//! `promptmill score`: what it counts, what it refuses, and an independent implementation beside it.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Job, Out, repository};

/// A record that succeeded.
fn record(id: &str, completion: &str, more: Value) -> String {
    let mut record = json!({
        "custom_id": id, "row": 1, "status": "succeeded", "completion": completion,
        "finish_reason": "stop", "usage": {"output_tokens": 5}, "cost_usd": 0.001,
        "latency_ms": 100, "fingerprint": null,
    });
    let more = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(more);
    format!("{record}\n")
}

fn failed(id: &str) -> String {
    let error =
        json!({"category": "server_error", "code": null, "status_code": 500, "message": ""});
    let record =
        json!({"custom_id": id, "row": 1, "status": "failed", "error": error, "fingerprint": null});
    format!("{record}\n")
}

fn scoring(records: &str, checks: &str) -> Job {
    let job = Job::new("score").file("out.jsonl", records);
    job.file("checks.toml", checks)
        .args(["out.jsonl", "checks.toml"])
}

fn json_of(job: Job) -> Value {
    let out = job.args(["--json"]).run().exits(0);
    serde_json::from_str(&out.stdout).unwrap()
}

/// The verdicts of a single check: `id pass`.
fn verdicts(out: &Out) -> Vec<String> {
    let text = out.text("out.scores.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .map(|line: Value| format!("{} {}", line["custom_id"].as_str().unwrap(), line["pass"]))
        .collect()
}

const CAPITALS: &str = "[[check]]\nname = \"capital\"\ntype = \"equals\"\nreference = \"answer\"\n";

#[test]
fn every_kind_of_check_passes_and_does_not() {
    for (check, right, wrong) in [
        (
            "type = 'equals'\nvalue = 'Paris'",
            "**paris.**",
            "Paris, France",
        ),
        (
            "type = 'equals'\nvalue = 'Paris'\nexact = true",
            "Paris",
            "paris",
        ),
        (
            "type = 'contains'\nvalue = 'Paris'",
            "It is PARIS",
            "It is Rome",
        ),
        (
            "type = 'contains_any'\nvalue = ['Paris', 'Rome']",
            "Rome it is",
            "Berlin",
        ),
        (
            "type = 'contains_all'\nvalue = ['Paris', 'Rome']",
            "Rome, Paris",
            "Rome",
        ),
        (
            "type = 'starts_with'\nvalue = 'yes'",
            "Yes, it is",
            "It is, yes",
        ),
        ("type = 'one_of'\nvalue = ['a', 'b']", "B", "c"),
        ("type = 'regex'\npattern = '^\\d+$'", "42", "42 eggs"),
        ("type = 'number'\nvalue = 18", "so **$18.00** in all", "81"),
        ("type = 'number'\nvalue = '60%'", "60 %", "60"),
        ("type = 'number'\nvalue = 100\ntolerance = 1", "99", "98.9"),
        (
            "type = 'number'\nvalue = 100\nrelative_tolerance = 0.1",
            "110",
            "111",
        ),
        (
            "type = 'number'\nvalue = 3\ntake = 'first'",
            "3 of 4",
            "4 of 3",
        ),
        ("type = 'length'\nmin = 2\nmax = 3", "abc", "abcd"),
        ("type = 'length'\nunit = 'words'\nmin = 2", "a b", "ab"),
        (
            "type = 'equals'\nvalue = 'b'\nextract = 'answer: (\\w)'",
            "answer: a, answer: b",
            "b",
        ),
        (
            "type = 'equals'\nvalue = 'a'\nextract = 'answer: (\\w)'\ntake = 'first'",
            "answer: a, answer: b",
            "answer: b",
        ),
        (
            "type = 'contains'\nvalue = 'sorry'\nnot = true",
            "Paris",
            "I am sorry",
        ),
        (
            "type = 'equals'\non = '/output/label'\nvalue = 'good'",
            "good",
            "bad",
        ),
    ] {
        let label = |text: &str| json!({"output": {"label": text}});
        let records = record("right", right, label(right)) + &record("wrong", wrong, label(wrong));
        let out = scoring(&records, &format!("[[check]]\n{check}\n"))
            .run()
            .exits(0);
        assert_eq!(verdicts(&out), ["right true", "wrong false"], "{check}");
    }
}

const LABEL: &str = r#"{"type": "object", "required": ["label"], "additionalProperties": false,
    "properties": {"label": {"enum": ["a", "b"]}, "score": {"type": "integer", "maximum": 5}}}"#;

#[test]
fn values_are_validated_against_a_json_schema() {
    let in_text = "type = 'json_schema'\npath = 'label.json'";
    let on_output = "type = 'json_schema'\npath = 'label.json'\non = '/output'";
    let of_field = "type = 'json_schema'\njson = '{\"maximum\": 3}'\non = '/output/score'";
    let extracted = "type = 'json_schema'\npath = 'label.json'\nextract = '(?s)```json(.*)```'";
    let output = |value: Value| json!({ "output": value });
    let none = json!({});
    for (check, completion, more, verdict) in [
        (in_text, r#" {"label": "a"}"#, &none, r#"true null"#),
        (
            in_text,
            r#"{"label": "c"}"#,
            &none,
            r#"false "/label: value is not one of \"a\" or \"b\" (enum)""#,
        ),
        (
            in_text,
            r#"{"label": "a", "x": 1}"#,
            &none,
            r#"false "/x: the schema has no property of this name (additionalProperties)""#,
        ),
        (
            in_text,
            "The label is a",
            &none,
            r#"false "not JSON: expected value at line 1 column 1""#,
        ),
        (
            in_text,
            "",
            &none,
            r#"false "not JSON: EOF while parsing a value at line 1 column 0""#,
        ),
        (
            on_output,
            "The label is a",
            &output(json!({"label": "a"})),
            "true null",
        ),
        (
            on_output,
            r#"{"label": "a"}"#,
            &output(json!({"label": 1})),
            r#"false "/label: value is not one of \"a\" or \"b\" (enum)""#,
        ),
        (
            on_output,
            r#"{"label": "a"}"#,
            &none,
            r#"null "the record has no such value""#,
        ),
        (of_field, "", &output(json!({"score": 3})), "true null"),
        (
            of_field,
            "",
            &output(json!({"score": 4})),
            r#"false "value is greater than the maximum of 3 (maximum)""#,
        ),
        (
            extracted,
            "Here:\n```json\n{\"label\": \"b\"}\n```",
            &none,
            "true null",
        ),
        (
            extracted,
            "{\"label\": \"b\"}",
            &none,
            r#"false "`extract` matches nothing""#,
        ),
    ] {
        for not in [false, true] {
            let records = record("a", completion, more.clone());
            let out = scoring(&records, &format!("[[check]]\n{check}\nnot = {not}\n"))
                .file("label.json", LABEL)
                .run()
                .exits(0);
            let line: Value = serde_json::from_str(&out.text("out.scores.jsonl")).unwrap();
            let found = format!("{} {}", line["pass"], line["reason"]);
            let expected = match (not, verdict) {
                (false, verdict) => verdict,
                (true, "true null") => r#"false "true, and must not be""#,
                (true, missing) if missing.starts_with("null") => missing,
                (true, _) => "true null",
            };
            assert_eq!(found, expected, "{check} {completion} {more}");
            assert_eq!(line["expected"], Value::Null);
        }
    }
}

#[test]
fn checks_of_the_call_look_at_the_record() {
    let more = json!({"finish_reason": "length", "cost_usd": 0.5, "latency_ms": 900, "usage": {"output_tokens": 70}});
    let records = record("a", "x", json!({})) + &record("b", "x", more);
    for check in [
        "type = 'finish_reason'\nvalue = ['stop', 'tool_calls']",
        "type = 'cost'\nmax = 0.001",
        "type = 'latency'\nmax = 100",
        "type = 'length'\nunit = 'tokens'\nmax = 5",
    ] {
        let out = scoring(&records, &format!("[[check]]\n{check}\n"))
            .run()
            .exits(0);
        assert_eq!(verdicts(&out), ["a true", "b false"], "{check}");
    }
}

#[test]
fn failed_filtered_and_missing_rows_are_counted_apart() {
    let answer = |text: Value| json!({"metadata": {"answer": text}});
    let records = record("a", "Paris", answer("paris".into()))
        + &record("b", "Rome", answer("paris".into()))
        + &record("c", "Rome", answer(Value::Null))
        + &record(
            "d",
            "",
            json!({"status": "filtered", "completion": null, "metadata": {"answer": "x"}}),
        );
    let job = scoring(&records, CAPITALS);
    // `a` is in both files, as a crash between them leaves it: it has an answer.
    let job = job.file("out.failed.jsonl", failed("a") + &failed("e"));
    let report = json_of(job);
    let score = &report["scores"][0];
    let counted =
        ["n", "passed", "missing", "failed", "filtered"].map(|key| score[key].as_u64().unwrap());
    assert_eq!(counted, [2, 1, 1, 1, 1]);
    assert_eq!(report["records"], 5);
    assert_eq!(score["pass_rate"], 0.5);
    // Three calls that are known to have cost a tenth of a cent each, and the filtered one.
    assert_eq!(score["cost_per_pass_usd"], 0.004);
}

#[test]
fn variants_samples_and_fields_are_counted_apart() {
    let mut records = String::new();
    for (variant, answers) in [("a", ["4", "4", "5"]), ("b", ["5", "5", "4"])] {
        for (nth, answer) in answers.iter().enumerate() {
            let more = json!({"variant": variant, "sample": nth + 1, "metadata": {"answer": "4", "kind": "sum"}});
            records += &record("q", answer, more);
        }
    }
    let checks = "[[check]]\ntype = \"number\"\nreference = \"answer\"\n";
    let report = json_of(scoring(&records, checks).args(["--by", "kind"]));
    let [a, b] = &report["scores"].as_array().unwrap()[..] else {
        panic!("{report}");
    };
    assert_eq!((&a["variant"], &a["by"]), (&json!("a"), &json!("sum")));
    assert_eq!((&a["majority"], &b["majority"]), (&json!(1.0), &json!(0.0)));
    assert_eq!(a["pass_at"].as_array().unwrap().len(), 3);
    assert_eq!(b["pass_at"][2], 1.0);
    assert_eq!(a["interval_method"], "normal, clustered by row");
}

#[test]
fn another_output_is_compared_row_by_row() {
    let answers = |right: &[&str]| -> String {
        let answer = |id: &&str| if right.contains(id) { "yes" } else { "no" };
        let ids = ["a", "b", "c", "d", "e", "f"];
        ids.iter()
            .map(|id| record(id, answer(id), json!({})))
            .collect()
    };
    let checks = "[[check]]\ntype = \"equals\"\nvalue = \"yes\"\n";
    let job = scoring(&answers(&["a", "b", "c", "d", "e"]), checks);
    let job = job
        .file("old.jsonl", answers(&["f"]))
        .args(["--against", "old.jsonl"]);
    let report = json_of(job);
    let found = &report["comparison"][0];
    assert_eq!(
        (&found["first_only"], &found["second_only"]),
        (&json!(1), &json!(5))
    );
    let p = found["mcnemar_p"].as_f64().unwrap();
    assert!((p - 0.21875).abs() < 1e-12, "{p}");
    assert!((found["difference"].as_f64().unwrap() - 4.0 / 6.0).abs() < 1e-12);
}

#[test]
fn a_pass_rate_below_the_least_is_exit_code_3() {
    let records = record("a", "yes", json!({})) + &record("b", "no", json!({}));
    let checks = "[[check]]\ntype = \"equals\"\nvalue = \"yes\"\n";
    let _ = scoring(&records, checks)
        .args(["--min-pass", "50%"])
        .run()
        .exits(0);
    let out = scoring(&records, checks)
        .args(["--min-pass", "0.51"])
        .run()
        .exits(3);
    let _ = out.says("check `equals`: 50.0 % passed, and --min-pass asks for 0.51");
    let out = scoring(&records, checks).args(["--min-pass", "51%", "--json"]);
    let report: Value = serde_json::from_str(&out.run().exits(3).stdout).unwrap();
    assert_eq!(
        (&report["ok"], &report["stop"]["reason"]),
        (&json!(false), &json!("min_pass"))
    );
    for typed in ["101%", "-1", "many"] {
        let _ = scoring(&records, checks)
            .args(["--min-pass", typed])
            .run()
            .exits(2);
    }
}

#[test]
fn what_is_wrong_with_the_checks_is_said_with_its_line() {
    let records = record("a", "yes", json!({"metadata": {"answer": "yes"}}));
    for (checks, said) in [
        ("", "checks.toml: no checks; add a table such as [[check]]"),
        ("[[check]]\ntype = 1", "line 2: "),
        (
            "\n[[check]]\ntype = 'equal'\nvalue = 1",
            "line 2: check `equal`: type = \"equal\" is not known; did you mean equals?",
        ),
        (
            "[[check]]\ntype = 'equals'",
            "line 1: check `equals`: type = \"equals\" needs `reference` (a kept field) or `value`",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\nreference = 'answer'",
            "it has both `reference` and `value`; keep one",
        ),
        ("[[check]]\ntype = 'regex'", "it needs `pattern`"),
        (
            "[[check]]\ntype = 'json_schema'",
            "line 1: check `json_schema`: it needs the schema in `path` or `json`",
        ),
        (
            "[[check]]\ntype = 'json_schema'\npath = 'a.json'\njson = '{}'",
            "it has both `path` and `json`; keep one",
        ),
        (
            "[[check]]\ntype = 'json_schema'\npath = 'none.json'",
            "check `json_schema`: path: none.json: no such file",
        ),
        (
            "[[check]]\ntype = 'json_schema'\njson = '{\"type\": \"strng\"}'",
            "check `json_schema`: json: not a valid JSON Schema: /type",
        ),
        (
            "[[check]]\ntype = 'json_schema'\njson = '{\"enum\": [1]}'\nvalue = 1",
            "type = \"json_schema\" compares with nothing",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\njson = '{}'",
            "`json` has no effect on type = \"equals\"; remove it",
        ),
        (
            "[[check]]\ntype = 'regex'\npattern = '('",
            "pattern: `(`: unclosed group",
        ),
        (
            "[[check]]\ntype = 'regex'\npattern = '(((a{100}){100}){100})'",
            "the expression is too large",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\nextract = '['",
            "extract: `[`: ",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\non = 'complete'",
            "on = \"complete\" is no place in a record",
        ),
        ("[[check]]\ntype = 'length'", "it needs `min` or `max`"),
        (
            "[[check]]\ntype = 'length'\nmin = 2\nmax = 1",
            "min = 2 is above max = 1",
        ),
        (
            "[[check]]\ntype = 'cost'\nmax = 1\non = 'completion'",
            "`on` has no effect on type = \"cost\"; remove it",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\ntolerance = 1",
            "`tolerance` has no effect on type = \"equals\"; remove it",
        ),
        (
            "[[check]]\ntype = 'number'\nvalue = 1\ntolerance = -1",
            "tolerance = -1; it is a number from 0",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\n[[check]]\ntype = 'equals'\nvalue = 2",
            "line 4: check `equals`: another check has this name",
        ),
        (
            "[[check]]\ntype = 'equals'\nreference = 'anser'",
            "check `equals`: no record keeps `anser`; did you mean answer?",
        ),
        (
            "[[check]]\ntype = 'equals'\nvalue = 1\nspeed = 2",
            "unknown field `speed`",
        ),
    ] {
        let out = scoring(&records, checks).run().exits(2).says(said);
        assert!(
            !out.directory.path().join("out.scores.jsonl").exists(),
            "{checks}"
        );
    }
    let _ = scoring(&records, CAPITALS)
        .args(["--by", "kind"])
        .run()
        .exits(2)
        .says("--by: no record keeps `kind`; kept fields: answer");
    let bare = record("a", "yes", json!({}));
    let _ = scoring(&bare, CAPITALS)
        .run()
        .exits(2)
        .says("the job keeps no fields: run it with --keep");
}

#[test]
fn a_line_that_is_no_record_is_named_and_one_being_written_is_left_out() {
    let records = record("a", "yes", json!({"metadata": {"answer": "yes"}}));
    let _ = scoring(&format!("{records}oops\n{records}"), CAPITALS)
        .run()
        .exits(2)
        .says("out.jsonl: line 2 is not a record of promptmill; `promptmill repair` moves it");
    let report = json_of(scoring(&format!("{records}{{\"custom_id\":\"b"), CAPITALS));
    assert_eq!(report["records"], 1);
}

#[test]
fn an_output_that_is_run_is_scored() {
    let out = Job::over("id,prompt,answer\na,one,1\nb,two,2\n")
        .args(["--keep", "answer"])
        .run()
        .exits(0);
    let out = out.file("checks.toml", "[[check]]\ntype = \"length\"\nmin = 1\n");
    let out = out
        .again("score")
        .args(["out.jsonl", "checks.toml"])
        .run()
        .exits(0);
    assert!(
        out.stdout.starts_with("check   n  passed"),
        "{}",
        out.stdout
    );
    assert_eq!(verdicts(&out).len(), 2);
}

/// 2,000 records, or as many as `PROMPTMILL_RECORDS` says, made by chance and scored by Python.
#[test]
fn scores_equal_those_of_an_independent_implementation() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("not compared: no python3");
        return;
    }
    let count = std::env::var("PROMPTMILL_RECORDS").map_or(2000, |count| count.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    let mut records = String::new();
    let wrap = [
        ("", ""),
        ("**", "**"),
        ("The answer is ", "."),
        ("$", ""),
        ("#### ", ""),
        ("", " eggs"),
    ];
    for id in 0..count / 4 {
        let answer = random.i32(-50..2000);
        for variant in ["a", "b"] {
            for sample in 1..=2 {
                let given = answer
                    + if random.f64() < 0.3 {
                        random.i32(-3..4)
                    } else {
                        0
                    };
                let (before, behind) = wrap[random.usize(..wrap.len())];
                let text = format!("{before}{given}{behind}");
                let more = json!({"variant": variant, "sample": sample, "metadata": {"answer": answer.to_string()}});
                let _ = write!(records, "{}", record(&id.to_string(), &text, more));
            }
        }
    }
    let checks = "[[check]]\nname = \"number\"\ntype = \"number\"\nreference = \"answer\"\n\
                  [[check]]\nname = \"near\"\ntype = \"number\"\nreference = \"answer\"\ntolerance = 1\n\
                  [[check]]\nname = \"short\"\ntype = \"length\"\nmax = 8\n";
    let before: String = records
        .lines()
        .filter(|line| line.contains("\"variant\":\"b\""))
        .map(|line| format!("{line}\n"))
        .collect();
    let job = scoring(&records, checks).file("before.jsonl", before);
    let job = job.args(["--json", "--against", "before.jsonl"]);
    let out = job.run().exits(0).file("report.json", "");
    std::fs::write(out.directory.path().join("report.json"), &out.stdout).unwrap();
    let script = repository().join("tests/it/score.py");
    let compared = Command::new("python3")
        .arg(script)
        .arg(out.directory.path())
        .output()
        .unwrap();
    assert!(
        compared.status.success(),
        "{}",
        String::from_utf8_lossy(&compared.stderr)
    );
}

#[test]
fn an_empty_reference_is_none() {
    for empty in ["", " ", "**", "."] {
        let records = record("a", "Paris", json!({"metadata": {"answer": empty}}));
        for check in [
            "contains",
            "starts_with",
            "equals",
            "one_of",
            "contains_any",
        ] {
            let checks = format!("[[check]]\ntype = \"{check}\"\nreference = \"answer\"\n");
            let report = json_of(scoring(&records, &checks));
            let score = &report["scores"][0];
            assert_eq!(
                (&score["n"], &score["missing"]),
                (&json!(0), &json!(1)),
                "{check} {empty:?}"
            );
        }
    }
}

#[test]
fn a_check_of_nothing_does_not_pass_the_least() {
    let checks = "[[check]]\ntype = \"equals\"\non = \"/output/labl\"\nvalue = \"x\"\n";
    let records = record("a", "x", json!({"output": {"label": "x"}}));
    let job = scoring(&records, checks).args(["--min-pass", "1%"]);
    let _ = job
        .run()
        .exits(3)
        .says("check `equals`: no record could be checked, and --min-pass asks for 1%");
    let job = scoring("", checks)
        .file("out.failed.jsonl", failed("a"))
        .args(["--min-pass", "1%"]);
    let _ = job.run().exits(3).says("no record could be checked");
}
