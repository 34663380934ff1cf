//! Every job file of the repository runs, on the emulator.

use std::path::PathBuf;

use crate::harness::{Job, Out, digest, repository};

fn job_files() -> Vec<PathBuf> {
    let jobs = std::fs::read_dir(repository().join("jobs")).unwrap();
    let mut files: Vec<_> = jobs.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    files.sort();
    files
}

fn run(path: &std::path::Path) -> Out {
    let samples = repository().join("sample-data");
    let mut job = Job::new("run").env("DATA_DIR", "sample-data");
    for sample in std::fs::read_dir(samples).unwrap() {
        let sample = sample.unwrap().path();
        let name = format!(
            "sample-data/{}",
            sample.file_name().unwrap().to_str().unwrap()
        );
        job = job.file(&name, std::fs::read(sample).unwrap());
    }
    let scenario = repository().join("jobs/scenarios/busy-afternoon.toml");
    job.file(
        "jobs/scenarios/busy-afternoon.toml",
        std::fs::read(scenario).unwrap(),
    )
    .args([
        path.to_str().unwrap(),
        "--endpoint-url",
        "emulator",
        "-o",
        "out.jsonl",
    ])
    .run()
}

#[test]
fn every_job_file_ends_every_row() {
    let files = job_files();
    assert!(5 <= files.len(), "{files:?}");
    for path in files {
        let out = run(&path).exits(0);
        let run = out.run_file();
        assert_eq!(run["remaining"], 0, "{}", path.display());
        assert_eq!(run["emulated"], true, "{}", path.display());
        assert_ne!(run["total"]["succeeded"], 0, "{}", path.display());
    }
}

#[test]
fn the_quickstart_answers_each_ticket_with_its_line_breaks() {
    let out = run(&repository().join("jobs/quickstart.toml")).exits(0);
    let prompt = "Subject: Charged twice\n\nHello,\n\nI was charged twice for October: \
                  2 × 49.00 EUR on the 3rd.\nPlease refund one of them.\n\nMarit";
    let answer = &out.answers()["T-1001"];
    assert!(
        answer["completion"]
            .as_str()
            .unwrap()
            .starts_with(&digest(prompt)),
        "{answer}"
    );
    assert_eq!(answer["metadata"]["team"], "eu");
    assert_eq!(out.answers().len(), 24);
}

#[test]
fn the_embeddings_job_puts_vectors_where_they_belong() {
    let out = run(&repository().join("jobs/embeddings.toml")).exits(0);
    let answer = &out.answers()["p-01"];
    assert!(answer["completion"].is_null(), "{answer}");
    assert_eq!(answer["output"]["embedding"].as_array().unwrap().len(), 256);
}

#[test]
fn the_conversations_job_answers_the_last_turn() {
    let out = run(&repository().join("jobs/conversations.toml")).exits(0);
    let answer = out.answers()["c-3"]["completion"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        answer.starts_with(&digest("Around 85 kg, tubeless.")),
        "{answer}"
    );
}

#[test]
fn the_batch_file_runs_unchanged_under_its_record_ids() {
    let out = run(&repository().join("jobs/batch-bodies.toml")).exits(0);
    assert_eq!(out.answered(), "R-0001 R-0002 R-0003");
}

#[test]
fn the_rehearsal_survives_its_afternoon() {
    let out = run(&repository().join("jobs/rehearsal.toml")).exits(0);
    let run = out.run_file();
    assert_eq!(run["total"]["failures"]["bad_response"]["count"], 2);
    assert_ne!(run["this_run"]["throttles"], 0);
    assert_ne!(run["this_run"]["retries"], 0);
}
