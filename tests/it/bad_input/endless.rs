//! What has no end: devices, pipes, the wrong file. Each is refused soon, in little memory.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::{ROWS, refused};
use crate::harness::{Job, Out};

const TOO_LONG: &str = "longer than 16 MiB, the most that is read of such a file; name another one";

/// How long a person would wait before they think of Ctrl-C.
const SOON: Duration = Duration::from_secs(30);

/// A job that may not have more than 1 GiB of memory.
fn small(job: Job) -> Job {
    job.through("ulimit -v 1048576; exec \"$@\"")
}

#[track_caller]
fn soon(job: Job, said: &str) -> Out {
    let start = Instant::now();
    let out = refused(small(job), 2);
    assert_eq!(out.stderr, format!("error: {said}\n"));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    out
}

/// What is said of a file that a job names and that is none.
const IRREGULAR: &str = "not a regular file; copy it to one, and name that";

#[test]
fn a_file_that_is_read_whole_must_have_an_end() {
    let zero = |flag: &str| Job::over(ROWS).args([flag, "/dev/zero"]);
    soon(
        Job::over(ROWS).args(["/dev/zero"]),
        &format!("/dev/zero: {TOO_LONG}; the first argument of `run` is the job file"),
    );
    soon(
        zero("--template-file"),
        &format!("`prompt.template_file`: /dev/zero: {IRREGULAR}"),
    );
    soon(
        zero("--prices"),
        &format!("`model.prices`: /dev/zero: {IRREGULAR}"),
    );
}

#[test]
fn a_pipe_that_never_ends_is_let_go() {
    let piped = |script: &str, job: Job| job.through(&format!("ulimit -v 1048576; {script}"));
    let start = Instant::now();
    let job = Job::over(ROWS).args(["/dev/stdin"]);
    let out = refused(piped("yes name | \"$@\"", job), 2);
    let said =
        format!("error: /dev/stdin: {TOO_LONG}; the first argument of `run` is the job file\n");
    assert_eq!(out.stderr, said);
    let job = Job::new("run").on_the_emulator("-");
    let out = refused(
        piped("{ echo a,b; tr '\\\\0' x </dev/zero; } | \"$@\"", job),
        2,
    );
    let said = "error: standard input: line 2: longer than 1024 MiB without an end; is this a file of rows?\n";
    assert_eq!(out.stderr, said);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn an_input_must_have_an_end() {
    let no_text = "not text: it begins with control characters; save it as .csv, .tsv, .jsonl or \
                   .json in UTF-8";
    let job = || Job::new("run");
    soon(
        job().on_the_emulator("/dev/zero"),
        &format!("/dev/zero: {no_text}"),
    );
}

/// A file of this much nothing behind a line that is right; it takes no room on the disk.
fn followed_by_nothing(job: &Job, name: &str, gib: u64) -> PathBuf {
    let path = job.path(name);
    std::fs::write(&path, "{\"prompt\":\"a\"}\n").unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(gib << 30).unwrap();
    path
}

#[test]
fn a_line_without_an_end_ends_the_reading() {
    let job = Job::new("run");
    followed_by_nothing(&job, "long.jsonl", 1000);
    soon(
        job.on_the_emulator("long.jsonl"),
        "long.jsonl: line 2: longer than 1024 MiB without an end; is this a file of rows?",
    );
}
