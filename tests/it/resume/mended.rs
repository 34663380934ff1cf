//! Rows that could not be read or sent, and were mended since.

use crate::harness::{Job, Out, QUICK};

const BROKEN: &str =
    "{\"id\":\"1\",\"prompt\":\"one\"}\n{bad\n{\"id\":\"3\",\"prompt\":\"three\"}\n";
const MENDED: &str = "{\"id\":\"1\",\"prompt\":\"one\"}\n{\"id\":\"2\",\"prompt\":\"two\"}\n\
                      {\"id\":\"3\",\"prompt\":\"three\"}\n";

/// A run over rows of which the second cannot be read.
fn broken() -> Out {
    let job = Job::new("run").file("prompts.jsonl", BROKEN);
    let out = job.on_the_emulator("prompts.jsonl");
    let out = out.args(["--max-failures", "1"]).run().exits(0);
    assert_eq!(out.answered(), "1 3");
    assert_eq!(out.failures()["null"]["row"], 2);
    out
}

fn again(out: Out, rows: &str) -> Job {
    let out = out.file("prompts.jsonl", rows);
    out.again("run").on_the_emulator("prompts.jsonl")
}

#[track_caller]
fn has_three_answers(out: &Out, calls: u64) {
    assert_eq!(out.answered(), "1 2 3");
    assert_eq!(out.text("out.failed.jsonl"), "");
    let run = out.run_file();
    assert_eq!((&run["rows"], &run["remaining"]), (&3.into(), &0.into()));
    assert_eq!(run["total"]["failed"], 0);
    assert_eq!(run["this_run"]["calls"], calls);
}

#[test]
fn a_row_that_can_be_read_now_runs_and_its_failure_is_put_aside() {
    let out = broken();
    let failed = out.text("out.failed.jsonl");
    let out = out.file("prompts.jsonl", MENDED);
    let plan = out.again("plan").on_the_emulator("prompts.jsonl");
    let plan = plan.run().exits(0);
    let left = "(2 succeeded, 0 failed, 1 remaining";
    assert!(plan.stdout.contains(left), "{}", plan.stdout);
    let note = "1 row that could not be read or sent is now valid";
    assert!(plan.stdout.contains(note), "{}", plan.stdout);
    let out = again(plan, MENDED).run().exits(0).says(note);
    has_three_answers(&out, 1);
    let aside = out.file_named("out.before-");
    assert_eq!(out.text(&aside), failed);
    let out = again(out, MENDED).run().exits(0);
    has_three_answers(&out, 0);
}

#[test]
fn a_failure_that_stands_beside_the_answer_of_its_row_is_put_aside_without_a_call() {
    for flag in ["--quiet", "--retry-failed"] {
        let out = broken();
        let failed = out.text("out.failed.jsonl");
        let out = again(out, MENDED).run().exits(0);
        let aside = out.file_named("out.before-");
        std::fs::remove_file(out.directory.path().join(aside)).unwrap();
        let out = out.file("out.failed.jsonl", &failed);
        let out = again(out, MENDED).args([flag]).run().exits(0);
        has_three_answers(&out, 0);
        let aside = out.file_named("out.before-");
        assert_eq!(out.text(&aside), failed, "{flag}");
    }
}

#[test]
fn a_row_that_is_still_broken_stays_failed() {
    let out = again(broken(), BROKEN).run().exits(3);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
    assert_eq!(out.failures()["null"]["row"], 2);
}

#[test]
fn the_summary_says_to_fix_what_retrying_does_not_help() {
    let out = again(broken(), BROKEN).run().exits(3);
    let out = out.says(
        "\nFix 1 row of the input that could not be read or sent, then run the same command:\n  ",
    );
    assert!(!out.stderr.contains("--retry-failed"), "{}", out.stderr);
    let out = again(out, MENDED).run().exits(0);
    has_three_answers(&out, 1);
}

#[test]
fn failures_of_both_kinds_are_retried_once_rows_are_mended_where_they_have_to_be() {
    let failing = format!("{QUICK}[[fault]]\nkind = \"not_json\"\nmatching = \"three\"\n");
    let run = |out: Option<Out>, flags: &[&str]| {
        let job = match out {
            None => Job::new("run").file("prompts.jsonl", BROKEN),
            Some(out) => out.again("run"),
        };
        let job = job.on_the_emulator("prompts.jsonl").scenario(&failing);
        flags.iter().fold(job, |job, flag| job.args([*flag])).run()
    };
    let allowed = ["--max-failures", "1"];
    let out = run(None, &allowed).exits(3);
    let out = out.says("that could not be read or sent, and retry the failed rows:\n  ");
    let out = run(Some(out), &[&allowed[..], &["--retry-failed"]].concat()).exits(3);
    let first = "or sent; until then this is rejected. Then retry the failed rows:\n  ";
    let out = run(Some(out), &[]).exits(3).says(first);
    let refused = run(Some(out), &["--retry-failed"]).exits(2);
    let out = again(refused, MENDED)
        .args(["--retry-failed"])
        .run()
        .exits(0);
    has_three_answers(&out, 2);
}

#[test]
fn failures_of_rows_that_are_gone_are_kept_and_do_not_count() {
    let last = BROKEN.replace("{bad\n", "") + "{bad\n";
    let out = Job::new("run").file("prompts.jsonl", &last);
    let out = out.on_the_emulator("prompts.jsonl");
    let out = out.args(["--max-failures", "1"]).run().exits(0);
    let out = again(out, &last).run().exits(3);
    let out = again(out, &last.replace("{bad\n", "")).run().exits(0);
    let out = out.says("1 row of the output is no longer in the input; it is kept");
    assert_eq!(out.failures()["null"]["row"], 3);
}

#[test]
fn a_row_whose_prompt_was_empty_runs_once_it_has_one() {
    let csv = "id,prompt\na,one\nb,\n";
    let out = Job::over(csv).args(["--max-failures", "1"]).run().exits(0);
    assert_eq!(out.failures()["b"]["error"]["category"], "bad_input_row");
    let again = |out: Out| out.again("run").on_the_emulator("prompts.csv");
    let out = again(out).run().exits(3);
    let out = out.file("prompts.csv", csv.replace("b,", "b,two"));
    let out = again(out).run().exits(0);
    assert_eq!(out.answered(), "a b");
    assert_eq!(out.text("out.failed.jsonl"), "");
    let run = out.run_file();
    assert_eq!(run["this_run"]["calls"], 1);
    assert_eq!(
        (&run["rows"], &run["total"]["failed"]),
        (&2.into(), &0.into())
    );
}
