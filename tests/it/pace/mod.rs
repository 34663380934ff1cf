//! The pace in paused time: jobs of `promptmill::run` against the emulator, without a socket.
//!
//! Each file of `tests/it/pace` is one scenario: what it is about, the jobs, the service, and what
//! is expected. Everything is measured against an ideal that knows the future.

mod ideal;
mod rehearsed;
mod scenario;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedrock_emulator::InProcess;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::repository;
use ideal::Ideal;
use rehearsed::Outcome;
use scenario::File;

fn files() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(repository().join("tests/it/pace")).unwrap();
    let mut files: Vec<PathBuf> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    files
}

/// Plays a scenario: all its jobs at the same time, each with a pace of its own.
async fn play(file: &File) -> Vec<Outcome> {
    let start = Instant::now();
    let service = Arc::new(InProcess::new(file.service.clone()));
    let mut jobs = JoinSet::new();
    for (number, job) in file.jobs.iter().cloned().enumerate() {
        let service = Arc::clone(&service);
        jobs.spawn(async move { (number, rehearsed::run(job, service, start).await) });
    }
    let mut outcomes = jobs.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// What a scenario came to, in one line a job, and what was not as expected.
fn judge(path: &Path, file: &File, outcomes: &[Outcome]) -> (Vec<String>, Vec<String>) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for (job, outcome) in file.jobs.iter().zip(outcomes) {
        let ideal = Ideal::of(job, &file.service, outcome);
        let over = outcome.makespan_s / ideal.makespan_s();
        let refused = outcome.refused as f64 / outcome.attempts as f64;
        let steady = file
            .expect
            .steady_s
            .map(|[from, to]| ideal.share(outcome, from, to));
        let spare = outcome.attempts as f64 - 1.1 * outcome.answered as f64;
        lines.push(format!(
            "{name:<34} {:>6.0} s, {over:>5.3} x ideal, {:>5.2} % refused, {} failed, {} attempts{}",
            outcome.makespan_s,
            refused * 100.0,
            outcome.failed,
            outcome.attempts,
            steady.map_or(String::new(), |share| format!(", steady {share:.3}")),
        ));
        let expect = &file.expect;
        let bounds = [
            (
                "makespan over ideal",
                over,
                Some(expect.makespan_over_ideal),
            ),
            ("share refused", refused, Some(expect.refused_share)),
            ("failed rows", outcome.failed as f64, Some(0.0)),
            ("attempts above 1.1 a row", spare, expect.spare_attempts),
            (
                "quota unused",
                1.0 - steady.unwrap_or(1.0),
                expect.steady_share.map(|it| 1.0 - it),
            ),
            ("undercut of Retry-After, s", outcome.too_soon_s, Some(0.0)),
        ];
        for (what, got, most) in bounds {
            if most.is_some_and(|most| most < got) {
                wrong.push(format!(
                    "{name}: {what} is {got:.4}, expected at most {most:?}"
                ));
            }
        }
        if outcome.answered + outcome.failed != job.rows {
            wrong.push(format!(
                "{name}: {} of {} rows answered",
                outcome.answered, job.rows
            ));
        }
    }
    (lines, wrong)
}

/// Plays and judges some scenarios, each in a time of its own.
fn play_all(paths: &[PathBuf]) -> Vec<String> {
    let mut all_wrong = Vec::new();
    for path in paths {
        let file = File::read(path);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let outcomes = runtime.block_on(play(&file));
        let (lines, wrong) = judge(path, &file, &outcomes);
        println!("{}", lines.join("\n"));
        all_wrong.extend(wrong);
    }
    all_wrong
}

#[test]
fn every_scenario_goes_at_the_pace_of_its_quota() {
    let files = files();
    let (some, others) = files.split_at(files.len() / 2);
    let all_wrong = std::thread::scope(|scope| {
        let others = scope.spawn(|| play_all(others));
        let mut all = play_all(some);
        all.extend(others.join().unwrap());
        all
    });
    assert!(all_wrong.is_empty(), "{all_wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_scenario_comes_to_the_same_every_time() {
    for name in ["unknown_20", "random_troubles", "tokens_half_in_truth"] {
        let file = File::read(&repository().join(format!("tests/it/pace/{name}.toml")));
        let once = play(&file).await;
        assert_eq!(once, play(&file).await, "{name}");
    }
}

#[test]
fn there_are_enough_scenarios_and_each_says_what_it_is_about() {
    let files = files();
    assert!(16 <= files.len(), "{}", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("about = \""), "{}", path.display());
    }
}
