//! What a job, its files and the machine around it may not do to the person who runs it.

use std::io::Write as _;
use std::process::Command;

use crate::harness::{Job, NOVA, Running, pause};

/// Seconds within which anything that is not stuck has ended, on a busy machine too.
const LONG: u32 = 30;

/// Waits for the end of something that may be stuck, and ends it then.
#[track_caller]
fn ends(mut running: Running) -> crate::harness::Out {
    for _ in 0..LONG * 100 {
        if running.has_ended() {
            return running.wait();
        }
        pause();
    }
    running.kill();
    panic!("it has not ended within {LONG} s");
}

#[test]
fn a_job_sends_no_file_that_the_kernel_makes_up() {
    let secret = |job: Job| job.env("CANARY", "CANARYSECRET");
    for (key, code) in [
        ("--template-file=/proc/self/environ", 2),
        ("--prices=/proc/self/environ", 2),
        ("--scenario=/proc/self/environ", 2),
        ("--template-file=/dev/zero", 2),
        ("--prices=/dev/zero", 2),
        ("--scenario=/dev/zero", 2),
    ] {
        for verb in ["run", "plan", "check"] {
            let job = Job::new(verb).file("prompts.csv", "id,text\na,one\n");
            let job = job.args(["-i", "prompts.csv", "-m", NOVA, "-o", "out.jsonl"]);
            let job = job.args(["--endpoint-url", "emulator", key]);
            let job = match key.starts_with("--template-file") {
                true => job,
                false => job.args(["-t", "{{ text }}"]),
            };
            let out = ends(secret(job).spawn()).exits(code);
            let said = format!("{}{}", out.stdout, out.stderr);
            assert!(
                said.contains("not a regular file; copy it"),
                "{key}: {said}"
            );
            assert!(!said.contains("CANARYSECRET"), "{key}: {said}");
            out.sent_nothing();
        }
    }
}

#[test]
fn the_kernels_files_are_no_input() {
    for path in ["/proc/self/environ", "/proc/version"] {
        let job = Job::new("run").args(["-i", path, "--format", "txt", "-m", NOVA]);
        let job = job.args(["-o", "out.jsonl", "--endpoint-url", "emulator"]);
        let out = job.run().exits(2);
        out.says("the kernel makes this file up when it is read")
            .sent_nothing();
    }
}

#[test]
fn a_template_that_would_overflow_the_stack_is_rejected() {
    for link in ["+1", "|trim", ".strip()", " and 1", "~1"] {
        let template = format!("{{{{ text{} }}}}", link.repeat(50_000));
        let job = Job::over("id,text\na,one\n").file("template.txt", template);
        let out = job.args(["--template-file", "template.txt"]).run().exits(2);
        out.says("an expression with more than 400 operators")
            .sent_nothing();
    }
}

#[test]
fn of_an_endless_pipe_a_limit_takes_what_it_needs() {
    for verb in ["run", "plan"] {
        let job = Job::new(verb).on_the_emulator("-");
        let job = job.args(["-t", "{{ text }}", "--limit", "3", "--format", "csv"]);
        // More than a disk of a test machine should have to bear, and nobody waits for its end.
        let pipe = "(echo text; yes row) | \"$@\"";
        let out = ends(job.through(pipe).spawn()).exits(0);
        if verb == "run" {
            assert_eq!(out.lines("out.jsonl").len(), 3);
        }
    }
}

/// A pipe that is full and that nobody reads, as standard error.
fn stalled(job: Job) -> (Running, std::fs::File) {
    let pipe = job.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut end = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    end.write_all(&[b'.'; 1 << 16]).unwrap(); // what a pipe holds (pipe(7))
    (job.through("exec \"$@\" 2>pipe").spawn(), end)
}

#[test]
fn a_standard_error_that_nobody_reads_holds_up_neither_a_run_nor_its_end() {
    for style in ["--json", "--quiet=no"] {
        let job = Job::over("id,text\na,one\nb,two\n").args(["-t", "{{ text }}"]);
        let job = match style {
            "--json" => job.args([style]),
            _ => job,
        };
        let (running, _end) = stalled(job);
        let out = ends(running).exits(0);
        assert_eq!(out.lines("out.jsonl").len(), 2);
    }
}

#[test]
fn a_run_ends_at_sigterm_although_nobody_reads_its_standard_error() {
    let slow = "[latency]\nfirst_token_ms = 60000\n";
    let job = Job::over("id,text\na,one\n").scenario(slow);
    let (running, _end) = stalled(job.args(["-t", "{{ text }}", "--drain", "0s"]));
    let lock = running.path("out.lock");
    for _ in 0..LONG * 100 {
        if lock.exists() && running.catches_sigterm() {
            break;
        }
        pause();
    }
    running.signal("TERM");
    ends(running).exits(75);
}
