//! An output with several names: it stays where it is, and it is one output by each of them.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{csv, taking};
use crate::harness::{Job, Out, QUICK, digest};

const ROWS: &str = "id,text\na,one\nb,two\nc,three\n";
const BROKEN: &str = "[[fault]]\nkind = \"not_json\"\nmatching = \"three\"\n";

/// A job into `out.jsonl`, which is a link to `data/real.jsonl`.
fn linked(job: Job) -> Job {
    std::fs::create_dir(job.path("data")).unwrap();
    symlink("data/real.jsonl", job.path("out.jsonl")).unwrap();
    job.args(["-t", "{{ text }}"])
}

fn again(out: Out) -> Job {
    let again = out.again("run").on_the_emulator("prompts.csv");
    again.args(["-t", "{{ text }}"])
}

#[track_caller]
fn is_a_link(out: Out) -> Out {
    let link = out.directory.path().join("out.jsonl");
    assert_eq!(link.read_link().unwrap(), Path::new("data/real.jsonl"));
    assert_eq!(out.text("out.jsonl"), out.text("data/real.jsonl"));
    assert_eq!(out.text("out.lock"), "");
    out
}

#[test]
fn an_output_that_is_a_link_stays_one_whatever_is_done_with_it() {
    let out = linked(Job::over(ROWS))
        .scenario(&format!("{QUICK}{BROKEN}"))
        .run()
        .exits(3);
    let out = is_a_link(out);
    assert_eq!(out.lines("data/real.failed.jsonl").len(), 1);
    assert_ne!(out.text("data/real.run.json"), "");

    // A body that is understood now.
    let failed = out.text("data/real.failed.jsonl");
    let body = r#""raw":{"output":{"message":{"content":[{"text":"x"}]}},"usage":{"inputTokens":1,"outputTokens":1}}"#;
    let (before, _) = failed.split_once("\"raw\":").unwrap();
    let mended = format!("{before}{body}}}\n");
    let out = out.file("data/real.failed.jsonl", mended);
    let out = is_a_link(out.again("reparse").args(["out.jsonl"]).run().exits(0));
    assert_eq!(out.answered(), "a b c", "{}", out.stdout);

    let changed = out.file("prompts.csv", ROWS.replace("two", "zwei"));
    let out = is_a_link(again(changed).args(["--redo-changed"]).run().exits(0));
    let answer = out.answers()["b"]["completion"].to_string();
    assert!(answer.contains(&digest("zwei")), "{answer}");

    let broken = out
        .text("out.jsonl")
        .replacen("{\"custom_id\":\"a\"", "oops", 1);
    let out = out.file("data/real.jsonl", broken);
    let out = is_a_link(out.again("repair").args(["out.jsonl"]).run().exits(0));
    let out = is_a_link(again(out).run().exits(0));
    assert_eq!(out.answered(), "a b c");

    let out = is_a_link(again(out).args(["--fresh"]).run().exits(0));
    assert_eq!(out.answered(), "a b c");
}

#[test]
fn a_failed_file_that_is_a_link_stays_one() {
    let job = Job::over(ROWS).args(["-t", "{{ text }}"]);
    std::fs::write(job.path("elsewhere.jsonl"), "").unwrap();
    symlink("elsewhere.jsonl", job.path("out.failed.jsonl")).unwrap();
    let out = job.scenario(&format!("{QUICK}{BROKEN}")).run().exits(3);
    assert_eq!(out.lines("elsewhere.jsonl").len(), 1);
    let out = out.file("prompts.csv", ROWS.replace("three", "drei"));
    let out = again(out).args(["--redo-changed"]).run().exits(0);
    assert_eq!(out.text("elsewhere.jsonl"), "");
    assert!(out.directory.path().join("out.failed.jsonl").is_symlink());
}

#[test]
fn two_runs_by_different_names_of_one_output_do_not_both_write() {
    let service = taking(200);
    let first = service.job(6).args(["-c", "1"]).spawn();
    first.wait_for_lines(1);
    let output = first.path("out.jsonl");
    let others = Job::new("run").file("prompts.csv", csv(6));
    symlink(&output, others.path("soft.jsonl")).unwrap();
    std::fs::hard_link(&output, others.path("hard.jsonl")).unwrap();
    let folder = output.parent().unwrap();
    symlink(folder, others.path("folder")).unwrap();
    for name in ["soft.jsonl", "hard.jsonl", "folder/out.jsonl"] {
        let name = others.path(name);
        let job = Job::new("run").file("prompts.csv", csv(6));
        let second = service.to(name.to_str().unwrap(), job);
        second.run().exits(11).says("another run is writing ");
    }
    assert_eq!(first.wait().exits(0).answers().len(), 6);
    assert_eq!(service.counts().calls, 6);
}

#[test]
fn a_link_beside_the_output_creates_and_overwrites_nothing_elsewhere() {
    for (name, existing) in [
        ("out.failed.jsonl", false),
        ("out.run.json", false),
        ("out.lock", false),
        ("out.lock", true),
    ] {
        let job = Job::over(ROWS).args(["-t", "{{ text }}"]);
        let target = job.path("elsewhere");
        if existing {
            std::fs::write(&target, "").unwrap();
        }
        symlink(&target, job.path(name)).unwrap();
        let out = job.run().exits(2).sent_nothing();
        let _out = out.says("which a run does not create or overwrite: remove the link");
        assert_eq!(target.exists(), existing, "{name}");
        assert_eq!(
            std::fs::read_to_string(&target).unwrap_or_default(),
            "",
            "{name}"
        );
    }
}

#[test]
fn a_planted_link_of_a_replacement_is_not_followed() {
    let job = Job::over(ROWS).args(["-t", "{{ text }}"]);
    let target = job.path("precious");
    std::fs::write(&target, "precious").unwrap();
    symlink(&target, job.path("out.run.json.promptmill-new")).unwrap();
    let out = job.run().exits(0);
    assert_eq!(out.text("precious"), "precious");
    assert_eq!(out.answered(), "a b c");
}
