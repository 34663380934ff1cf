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
