//! The main job on real files, where they lie beside the repository: GSM8K's test set (JSON Lines)
//! and TruthfulQA (CSV with a byte order mark). They are not part of the repository.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::harness::{Job, NOVA, QUICK, digest, repository};

/// Where the file is; where it is not, that is said in a place that the test harness does not hide.
fn data(name: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    let said = format!(
        "skipped, nothing was checked: there is no {}\n",
        path.display()
    );
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    None
}

/// Runs a template over a file and checks that each answer is to its own row's prompt.
#[track_caller]
fn check(path: &Path, template: &str, prompts: &[String]) {
    let out = Job::new("run")
        .scenario(QUICK)
        .args([
            "-i",
            path.to_str().unwrap(),
            "-m",
            NOVA,
            "-t",
            template,
            "-o",
            "out.jsonl",
        ])
        .run()
        .exits(0);
    let answers = out.answers();
    assert_eq!(answers.len(), prompts.len());
    for (row, prompt) in prompts.iter().enumerate() {
        let answer = &answers[&(row + 1).to_string()];
        let completion = answer["completion"].as_str().unwrap();
        assert!(
            completion.starts_with(&digest(prompt)),
            "row {}: {completion}",
            row + 1
        );
        assert_eq!(answer["row"], row + 1);
    }
}

#[test]
fn every_question_of_gsm8k_gets_its_own_answer() {
    let Some(path) = data("gsm8k-test.jsonl") else {
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let prompts: Vec<String> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("Solve this: {}", line["question"].as_str().unwrap())
        })
        .collect();
    assert_eq!(prompts.len(), 1319);
    check(&path, "Solve this: {{ question }}", &prompts);
}

#[test]
fn every_question_of_truthfulqa_gets_its_own_answer() {
    let Some(path) = data("truthfulqa.csv") else {
        return;
    };
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let columns = reader.headers().unwrap().clone();
    let at = |name: &str| {
        columns
            .iter()
            .position(|c| c.trim_start_matches('\u{feff}') == name)
            .unwrap()
    };
    let (category, question) = (at("Category"), at("Question"));
    let prompts: Vec<String> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            format!("{}: {}", &row[category], &row[question])
        })
        .collect();
    assert_eq!(prompts.len(), 817);
    check(&path, "{{ Category }}: {{ Question }}", &prompts);
}

#[test]
fn a_sweep_over_gsm8k_that_is_killed_has_every_record_once_and_a_third_model_runs_alone() {
    let Some(path) = data("gsm8k-test.jsonl") else {
        return;
    };
    let job = |models: &str| {
        format!(
            "[input]\npath = \"{}\"\nkeep = [\"answer\"]\n[output]\npath = \"out.jsonl\"\n\
             [model]\nmax_tokens = 60\n[sweep]\nmodel = [{models}]\nsamples = 3\n\
             [[sweep.prompt]]\nname = \"plain\"\ntemplate = \"{{{{ question }}}}\"\n\
             [[sweep.prompt]]\nname = \"steps\"\ntemplate = \"Think. {{{{ question }}}}\"\n",
            path.display()
        )
    };
    let two = "\"amazon.nova-lite-v1:0\", \"openai.gpt-oss-20b-1:0\"";
    let start = Job::new("run").file("job.toml", job(two)).scenario(QUICK);
    let mut running = start.args(["job.toml", "--limit", "200"]).spawn();
    running.wait_for_lines(1500);
    running.kill();
    let out = running.wait();
    let again = out.again("run").scenario(QUICK);
    let out = again.args(["job.toml", "--limit", "200"]).run().exits(0);
    let records = |out: &crate::harness::Out| {
        let text = out.text("out.jsonl");
        let identity = |line: &str| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            ["custom_id", "variant", "sample"].map(|name| record[name].to_string())
        };
        let lines = text.lines().count();
        let identities: std::collections::HashSet<_> = text.lines().map(identity).collect();
        assert_eq!(identities.len(), lines, "a record is there twice");
        lines
    };
    assert_eq!(records(&out), 200 * 2 * 2 * 3);
    let three = job(&format!(
        "{two}, \"us.anthropic.claude-haiku-4-5-20251001-v1:0\""
    ));
    let again = out.file("job.toml", three).again("run").scenario(QUICK);
    let out = again.args(["job.toml", "--limit", "200"]).run().exits(0);
    assert_eq!(out.run_file()["this_run"]["calls"], 200 * 2 * 3);
    assert_eq!(records(&out), 200 * 3 * 2 * 3);
    let checks = "[[check]]\nname = \"right\"\ntype = \"number\"\nreference = \"answer\"\n";
    let scored = out.file("checks.toml", checks).again("score");
    let scored = scored
        .args(["out.jsonl", "checks.toml", "--json"])
        .run()
        .exits(0);
    let report: serde_json::Value = serde_json::from_str(&scored.stdout).unwrap();
    let scores = report["scores"].as_array().unwrap();
    assert_eq!(scores.len(), 6);
    assert!(scores.iter().all(|score| score["n"] == 600), "{report}");
}
