//! What a user can get wrong: each is answered with one message that says where, what and what to
//! do, with the right exit code, and before anything is sent.

mod data;
mod endless;
mod files;
mod job_file;
mod model;
mod output;
mod settings;

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::{Job, NOVA, Out, QUICK};

const ROWS: &str = "id,prompt,team\na,one,red\nb,two,blue\n";

/// Runs a job that must be refused before the first call: nothing is sent and nothing new lies
/// about but the lock, which is never removed.
#[track_caller]
fn refused(job: Job, code: i32) -> Out {
    let before = names(&job.path(""));
    let out = job.run().exits(code).sent_nothing();
    let after = names(out.directory.path());
    let new: Vec<_> = after
        .difference(&before)
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert!(new.is_empty(), "left behind: {new:?}");
    assert_eq!(out.stdout, "");
    out
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Checks that `job` is refused as a mistake, and everything that is said.
#[track_caller]
fn check(job: Job, message: &str) {
    let out = refused(job, 2);
    assert_eq!(out.stderr, format!("error: {message}\n"));
}

/// The same, for a good job with these arguments too.
#[track_caller]
fn with<const N: usize>(args: [&str; N], message: &str) {
    check(Job::over(ROWS).args(args), message);
}

/// The same, for an input file.
#[track_caller]
fn input(name: &str, content: impl AsRef<[u8]>, message: &str) {
    let job = Job::new("run").file(name, content).on_the_emulator(name);
    check(job, message);
}

/// The same, for a job file.
#[track_caller]
fn job(toml: &str, message: &str) {
    let job = Job::over(ROWS).file("job.toml", toml).args(["job.toml"]);
    check(job, message);
}

/// The same, for a model, with nothing else wrong.
#[track_caller]
fn model<const N: usize>(id: &str, more: [&str; N], message: &str) {
    check(on(id).args(more), message);
}

fn on(model: &str) -> Job {
    Job::new("run")
        .file("prompts.csv", ROWS)
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-m", model])
}

/// The same, for an output.
#[track_caller]
fn output(path: &str, message: &str) {
    check(to(path), message);
}

fn to(output: &str) -> Job {
    Job::new("run")
        .file("prompts.csv", ROWS)
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-m", NOVA, "-o", output])
}

/// A job that would call AWS.
fn on_aws() -> Job {
    Job::new("run").file("prompts.csv", ROWS).args([
        "-i",
        "prompts.csv",
        "-m",
        NOVA,
        "-o",
        "out.jsonl",
    ])
}
