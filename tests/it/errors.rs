//! `promptmill errors`: failures in groups, each with an example, a fix and a command.

use serde_json::Value;

use crate::harness::Job;

/// Three rows whose template fails, and one that succeeds.
fn three_failed() -> crate::harness::Out {
    Job::over("id,text,n\na,one,\nb,two,\nc,,\nd,four,4\n")
        .args(["-t", "{{ text }}{% if n == '' %}{{ 1 / 0 }}{% endif %}"])
        .args(["--max-failures", "100%"])
        .run()
}

#[test]
fn failures_of_one_shape_are_one_group_with_an_example_a_fix_and_a_command() {
    let out = three_failed().exits(0);
    let out = out.again("errors").args(["out.jsonl"]).run().exits(0);
    let text = &out.stdout;
    assert!(
        text.starts_with("promptmill: 3 of 4 rows failed\n\n3 bad_input_row: "),
        "{text}"
    );
    assert!(text.contains("\n  example    row 1, a: "), "{text}");
    assert!(
        text.contains("\n  fix        fix the row in the input"),
        "{text}"
    );
    assert!(text.contains("\n  command    "), "{text}");
    let out = out
        .again("errors")
        .args(["out.jsonl", "--json"])
        .run()
        .exits(0);
    let found: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(found["failed"], 3);
    assert_eq!(found["groups"].as_array().unwrap().len(), 1);
    assert_eq!(found["groups"][0]["example_id"], "a");
}

#[test]
fn an_output_without_failures_says_so_and_what_is_no_output_is_exit_code_2() {
    let out = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    let out = out.again("errors").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.stdout, "promptmill: none of 1 row failed\n");
    Job::new("errors")
        .args(["none.jsonl"])
        .run()
        .exits(2)
        .says("no such output");
}

#[test]
fn hostile_messages_and_lines_that_are_no_records_change_nothing_on_the_terminal() {
    let line = serde_json::json!({
        "custom_id": "\u{1b}[2Ja", "row": 7, "status": "failed", "model": "m",
        "error": { "category": "later\u{7}", "message": "\u{1b}]0;x\u{7}boom\nnext" },
    });
    let out = Job::new("errors")
        .file(
            "out.run.json",
            r#"{"promptmill":"0.1.0","state":"stopped","command":"promptmill run x"}"#,
        )
        .file(
            "out.failed.jsonl",
            format!("{line}\nnot a line\n{{}}\n{{\"row\":"),
        )
        .args(["out.jsonl"])
        .run()
        .exits(0);
    let text = &out.stdout;
    assert!(text.contains("1 later : "), "{text}");
    assert!(text.contains("promptmill run x --retry-failed"), "{text}");
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
}
