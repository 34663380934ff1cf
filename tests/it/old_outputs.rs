//! Outputs of an earlier version (`tests/fixtures/outputs-0.1`): they resume, and the verbs that read an
//! output read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Job, Out, repository};

/// Each folder of outputs.
fn folders() -> Vec<PathBuf> {
    let all = repository().join("tests/fixtures/outputs-0.1");
    let entries = std::fs::read_dir(all).unwrap();
    let mut folders: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(12 < folders.len(), "{folders:?}");
    folders
}

/// Every file below `folder`, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// `promptmill VERB ARGUMENT`, beside a copy of `folder` and the scenario that its job names.
fn job(folder: &Path, verb: &str, argument: &str) -> Job {
    let scenario = std::fs::read(folder.parent().unwrap().join("scenario.toml")).unwrap();
    let mut job = Job::new(verb).file("scenario.toml", scenario);
    for (name, bytes) in files(folder) {
        let bytes = match name.as_str() {
            "job.toml" => beside(&bytes),
            _ => bytes,
        };
        job = job.file(&name, bytes);
    }
    job.args([argument])
}

/// The job, where its scenario is in the same folder.
fn beside(job: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(job).unwrap();
    text.replace("../scenario.toml", "scenario.toml").into()
}

/// Checks that all files of the output but the run file hold the same bytes as in `folder`.
#[track_caller]
fn unchanged(folder: &Path, out: &Out) {
    let output = |name: &String| name.starts_with("out.") && name != "out.run.json";
    let old: BTreeMap<_, _> = files(folder)
        .into_iter()
        .filter(|(name, _)| output(name))
        .collect();
    let mut new = files(out.directory.path());
    new.retain(|name, _| output(name) && name != "out.lock");
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&old), names(&new), "{}", folder.display());
    assert!(old == new, "{} has changed", folder.display());
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn run_file(folder: &Path) -> Value {
    json(&std::fs::read(folder.join("out.run.json")).unwrap())
}

#[test]
fn a_run_finds_nothing_left_to_do_and_changes_no_line() {
    for folder in folders() {
        let out = job(&folder, "run", "job.toml").run().exits(0);
        unchanged(&folder, &out);
        let (old, new) = (run_file(&folder), out.run_file());
        assert_eq!(new["this_run"]["calls"], 0, "{}", folder.display());
        assert_eq!(new["remaining"], 0, "{}", folder.display());
        for field in ["fingerprint", "model", "rows", "total"] {
            assert_eq!(old[field], new[field], "{} {field}", folder.display());
        }
    }
}

/// A row that failed without a request has no fingerprint, and the run above would not notice a
/// fingerprint that is no longer read: here each is compared with what the row would send now.
#[test]
fn a_row_whose_request_is_another_is_noticed_in_every_output() {
    for folder in folders() {
        let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| json(line.as_bytes())).collect();
        let count = lines.len();
        for line in &mut lines {
            let print = line["fingerprint"].as_str().unwrap();
            assert_eq!(print.len(), 16, "{print}");
            let other = if print.starts_with('0') { "1" } else { "0" };
            line["fingerprint"] = format!("{other}{}", &print[1..]).into();
        }
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let job = job(&folder, "plan", "job.toml").file("out.jsonl", lines);
        let out = job.args(["--json"]).run().exits(2);
        let planned = json(out.stdout.as_bytes());
        assert_eq!(
            planned["rows"]["changed"]["count"],
            count,
            "{}",
            folder.display()
        );
    }
}

#[test]
fn plan_reads_every_output_and_has_nothing_to_estimate() {
    for folder in folders() {
        let out = job(&folder, "plan", "job.toml").args(["--json"]).run();
        let out = out.exits(0);
        unchanged(&folder, &out);
        let planned = json(out.stdout.as_bytes());
        assert_eq!(planned["refusals"], Value::Array(Vec::new()), "{planned}");
        assert_eq!(planned["fingerprint"], run_file(&folder)["fingerprint"]);
        assert_eq!(planned["rows"]["left"], 0, "{planned}");
    }
}

#[test]
fn repair_finds_every_output_whole() {
    for folder in folders() {
        let out = job(&folder, "repair", "out.jsonl").run().exits(0);
        unchanged(&folder, &out);
    }
}

#[test]
fn reparse_leaves_what_it_cannot_parse_and_moves_what_it_can() {
    for folder in folders() {
        let out = job(&folder, "reparse", "out.jsonl").run().exits(0);
        unchanged(&folder, &out);
    }
    let template = repository().join("tests/fixtures/outputs-0.1/template");
    let failed = std::fs::read(template.join("out.failed.jsonl")).unwrap();
    let mut failed = json(&failed);
    failed["raw"] = serde_json::json!({
        "content": [{ "type": "text", "text": "bug" }],
        "stop_reason": "end_turn",
        "usage": { "input_tokens": 20, "output_tokens": 1 },
    });
    let job =
        job(&template, "reparse", "out.jsonl").file("out.failed.jsonl", format!("{failed}\n"));
    let out = job.run().exits(0);
    let line = &out.answers()["T-3"];
    assert_eq!(line["completion"], "bug", "{line}");
    assert_eq!(line["fingerprint"], failed["fingerprint"], "{line}");
    let out = out.again("run").args(["job.toml"]).run().exits(0);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
    assert_eq!(out.run_file()["remaining"], 0);
}
