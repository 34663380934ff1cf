//! `promptmill status`: by files alone, what a run is doing or how it ended.

use serde_json::Value;

use crate::harness::{Job, Out};

const THREE: &str = "id,text\na,one\nb,two\nc,three\n";
const SLOW: &str = "[latency]\nfirst_token_ms = 60000\nper_token_ms = 0\n";

fn status(out: Out) -> Out {
    out.again("status").args(["out.jsonl"]).run()
}

fn json(out: Out) -> (Value, Out) {
    let out = out.again("status").args(["out.jsonl", "--json"]).run();
    (serde_json::from_str(&out.stdout).unwrap(), out)
}

#[test]
fn a_completed_run_is_exit_code_0_and_names_rows_cost_and_output() {
    let out = Job::over(THREE).args(["-t", "{{ text }}"]).run().exits(0);
    let out = status(out).exits(0);
    let text = &out.stdout;
    assert!(text.starts_with("promptmill: completed\n"), "{text}");
    assert!(
        text.contains("rows       3 of 3: 3 succeeded, 0 failed"),
        "{text}"
    );
    assert!(text.contains("output     out.jsonl"), "{text}");
    assert!(!text.contains("Resume it"), "{text}");
    let (status, out) = json(out);
    assert_eq!(status["ok"], true);
    assert_eq!(status["outputs"][0]["state"], "completed");
    assert_eq!(status["outputs"][0]["rows"], 3);
    out.exits(0);
}

#[test]
fn a_stopped_run_is_exit_code_75_with_its_reason_and_the_command_that_resumes_it() {
    let out = Job::over(THREE)
        .args(["-t", "{{ text }}", "--max-tokens", "400"])
        .args(["--max-cost", "0.0001", "-c", "1"])
        .run()
        .exits(8);
    let out = status(out).exits(75);
    let text = &out.stdout;
    assert!(
        text.starts_with("promptmill: stopped with exit code 8: max_cost\n"),
        "{text}"
    );
    let (_, command) = text.split_once("Resume it:\n  ").unwrap();
    let command = command.trim().to_owned();
    assert!(command.contains("promptmill run "), "{text}");
    assert!(command.contains("-i prompts.csv"), "{text}");
    let (status, _) = json(out);
    let status = &status["outputs"][0];
    assert_eq!(status["stop"]["reason"], "max_cost");
    assert_eq!(status["resume"], command);
}

#[test]
fn a_running_run_and_a_killed_one_are_told_apart_by_the_lock() {
    let mut running = Job::over(THREE)
        .scenario(SLOW)
        .args(["-t", "{{ text }}"])
        .spawn();
    let at = running.path("");
    let look = || {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_promptmill"))
            .args(["status", "."])
            .current_dir(&at)
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    for _ in 0..1000 {
        if look().1.contains("0 of 3") {
            break;
        }
        crate::harness::pause();
    }
    let (code, text) = look();
    assert_eq!(code, Some(75));
    assert!(text.starts_with("promptmill: running for "), "{text}");
    assert!(
        text.contains(&format!("process {}", running.id())),
        "{text}"
    );
    running.kill();
    let out = status(running.wait()).exits(75);
    assert!(
        out.stdout.starts_with("promptmill: killed"),
        "{}",
        out.stdout
    );
    let (_, command) = out.stdout.split_once("Resume it:\n  ").unwrap();
    assert!(command.contains("promptmill run "), "{}", out.stdout);
}

#[test]
fn a_directory_stands_for_every_output_in_it_and_below() {
    let out = Job::over(THREE)
        .args(["-t", "{{ text }}"])
        .args(["-o", "out/2026-12-01/a.jsonl"])
        .run();
    let out = out.exits(2); // twice --output
    let run = |out: Out, to: &str| {
        out.again("run")
            .scenario(crate::harness::QUICK)
            .args([
                "-i",
                "prompts.csv",
                "-m",
                crate::harness::NOVA,
                "-t",
                "{{ text }}",
            ])
            .args(["-o", to])
            .run()
            .exits(0)
    };
    let out = run(out, "out/2026-12-01/a.jsonl");
    let out = run(out, "out/b.jsonl");
    let out = out.again("status").args(["out", "--json"]).run().exits(0);
    let status: Value = serde_json::from_str(&out.stdout).unwrap();
    let outputs = status["outputs"].as_array().unwrap();
    let names: Vec<_> = outputs
        .iter()
        .map(|it| it["output"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["out/2026-12-01/a.jsonl", "out/b.jsonl"]);
}

#[test]
fn what_is_no_output_is_exit_code_2_and_says_what_to_do() {
    for (file, content, named, says) in [
        (
            "x",
            "",
            "none.jsonl",
            "none.jsonl: no such output; name the file",
        ),
        ("x", "", "none.csv", "none.csv does not end in .jsonl"),
        (
            "out.jsonl",
            "{}\n",
            "out.jsonl",
            "no run file out.run.json beside it",
        ),
        (
            "out.run.json",
            "",
            "out.jsonl",
            "out.run.json is not a run file of promptmill",
        ),
        (
            "out.run.json",
            "{\"promptmill\":",
            "out.jsonl",
            "out.run.json is not a run file",
        ),
        (
            "out.run.json",
            "{}",
            "out.jsonl",
            "out.run.json is not a run file",
        ),
        ("sub/x", "", "sub", "sub: no output in this directory"),
    ] {
        let job = || Job::new("status").file(file, content).args([named]);
        job().run().exits(2).says(says);
        let out = job().args(["--json"]).run().exits(2);
        let status: Value = serde_json::from_str(&out.stdout).unwrap();
        assert_eq!(status["ok"], false);
        let message = status["outputs"][0]["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn a_run_file_of_a_newer_version_is_read_as_far_as_it_is_understood() {
    let newer = r#"{"promptmill":"9.0.0","state":"hibernating","rows":5,"remaining":2,
        "total":{"succeeded":"three","later":{}},"stop":{"reason":"\u001b[31mnew"},"resume":7}"#;
    let out = Job::new("status")
        .file("out.run.json", newer)
        .args(["out.jsonl"])
        .run()
        .exits(75);
    assert!(
        out.stdout.starts_with("promptmill: stopped:  [31mnew"),
        "{}",
        out.stdout
    );
}
