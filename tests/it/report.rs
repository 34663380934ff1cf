//! `promptmill report`: one page, from the files of a run.

use serde_json::Value;

use crate::harness::{Job, Out};

const THREE: &str = "id,text\na,one\nb,<script>alert(1)</script>\nc,three\n";

fn finished() -> Out {
    Job::over(THREE)
        .args(["-t", "{{ text }}", "--name", "<b>night"])
        .run()
        .exits(0)
}

#[test]
fn the_page_is_whole_without_script_and_without_prompts_or_completions() {
    let out = finished();
    let answers = out.answers();
    let out = out.again("report").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.stdout, "wrote out.report.html\n");
    let page = out.text("out.report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(
        page.contains("<title>&lt;b&gt;night: completed</title>"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains("alert(1)"),
        "{page}"
    );
    assert!(
        page.contains("Timeline of the last run") && page.contains("p95"),
        "{page}"
    );
    for answer in answers.values() {
        assert!(!page.contains(answer["completion"].as_str().unwrap()));
    }
    assert!(page.len() < 300_000, "{}", page.len());
    for tag in [
        "table", "svg", "figure", "main", "footer", "div", "p", "pre", "h2",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn samples_are_shown_on_request_and_cannot_become_markup() {
    let out = finished();
    let mut line: Value =
        serde_json::from_str(out.text("out.jsonl").lines().next().unwrap()).unwrap();
    line["completion"] = "</code></pre><script>steal()</script>".into();
    let out = out.file("out.jsonl", format!("{line}\n"));
    let out = out
        .again("report")
        .args(["out.jsonl", "--samples", "1", "-o", "page.html"])
        .run()
        .exits(0);
    let page = out.text("page.html");
    assert!(
        page.contains("&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;steal()"),
        "{page}"
    );
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn two_outputs_are_compared_by_identity_request_and_completion() {
    let out = finished();
    let out = out.file("more.csv", "id,text\na,one\nb,changed\nd,four\n");
    let out = out
        .again("run")
        .on_the_emulator("more.csv")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(2);
    let out = out
        .again("run")
        .scenario(crate::harness::QUICK)
        .args([
            "-i",
            "more.csv",
            "-m",
            crate::harness::NOVA,
            "-t",
            "{{ text }}",
            "-o",
            "b.jsonl",
        ])
        .run()
        .exits(0);
    let args = ["b.jsonl", "--compare", "out.jsonl", "--json"];
    let out = out.again("report").args(args).run().exits(0);
    let found: Value = serde_json::from_str(&out.stdout).unwrap();
    let found = &found["compared"];
    let counts =
        ["new", "gone", "changed", "different", "same"].map(|key| found[key].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1, 0, 1], "{found}");
}

#[test]
fn the_run_file_keeps_a_bounded_timeline() {
    let run = finished().run_file();
    let timeline = &run["timeline"];
    assert_eq!(timeline["step_seconds"], 1);
    let calls: u64 = timeline["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_u64().unwrap())
        .sum();
    assert_eq!(calls, 3, "{timeline}");
}

#[test]
fn an_output_that_is_torn_hostile_or_of_a_newer_version_still_has_a_page() {
    let run = r#"{"promptmill":"9","state":"later","name":"\u0000<x>","rows":"many","timeline":
        {"step_seconds":0,"calls":[1e308,"x",null],"throttled":7,"limited_by":[1,"<i>"]},"this_run":{"seconds":-1}}"#;
    let lines = "{\"row\":1,\"status\":\"later\",\"latency_ms\":18446744073709551615,\"cost_usd\":1e308}\n\0\0\n{\"row\":";
    let out = Job::new("report")
        .file("out.run.json", run)
        .file("out.jsonl", lines)
        .args(["out.jsonl"])
        .run()
        .exits(0);
    let page = out.text("out.report.html");
    assert!(
        !page.contains("NaN") && !page.contains("<x>") && !page.contains("<i>"),
        "{page}"
    );
    Job::new("report")
        .args(["none.jsonl"])
        .run()
        .exits(2)
        .says("no such output");
}

#[test]
fn a_page_takes_no_place_but_its_own() {
    let out = finished();
    let before = out.text("out.jsonl");
    for name in ["out.jsonl", "out.run.json", "page"] {
        let job = out_of(&out, name);
        assert_eq!(job.code, Some(2), "{name}: {}", job.stderr);
    }
    assert_eq!(out.text("out.jsonl"), before);
    std::fs::write(out.directory.path().join("target"), "theirs").unwrap();
    let link = out.directory.path().join("out.report.html");
    std::os::unix::fs::symlink("target", &link).unwrap();
    let out = out.again("report").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.text("target"), "theirs");
    assert!(out.text("out.report.html").starts_with("<!"));
}

/// `report` to this name, in the directory of `out`.
fn out_of(out: &Out, name: &str) -> Reported {
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_promptmill"))
        .current_dir(out.directory.path())
        .args(["report", "out.jsonl", "-o", name])
        .output()
        .unwrap();
    Reported {
        code: ran.status.code(),
        stderr: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}

/// How `report` ended.
struct Reported {
    code: Option<i32>,
    stderr: String,
}

#[test]
fn a_message_of_the_service_is_in_the_failed_file_and_not_on_the_page() {
    let error = r#"{"category":"invalid_request","code":"ValidationException","status_code":400,"message":"SECRET prompt"}"#;
    let record = format!(
        r#"{{"custom_id":"b","row":2,"status":"failed","error":{error},"fingerprint":null}}"#
    );
    let out = finished().file("out.failed.jsonl", record + "\n");
    let out = out.again("report").args(["out.jsonl"]).run().exits(0);
    let page = out.text("out.report.html");
    assert!(
        page.contains("invalid_request") && !page.contains("SECRET"),
        "{page}"
    );
    let json = out
        .again("report")
        .args(["out.jsonl", "--json"])
        .run()
        .exits(0);
    assert!(
        json.stdout.contains("the service rejected the request"),
        "{}",
        json.stdout
    );
    assert!(!json.stdout.contains("SECRET"));
}
