//! What may have been billed is never forgotten: not at a resume, not when lines are put aside.

use crate::harness::{Job, Out, QUICK};

/// At 400 tokens a call costs at most about a ten-thousandth of a dollar.
const ARGS: [&str; 6] = ["-t", "{{ text }}", "--max-tokens", "400", "-c", "4"];

const BUDGET: [&str; 2] = ["--max-cost", "0.0012"];

/// Every answer is paid for and says nothing.
fn broken() -> String {
    format!("{QUICK}[[fault]]\nkind = \"wrong_shape\"\n")
}

fn rows(count: usize) -> String {
    let rows: String = (0..count).map(|n| format!("r{n:03},text {n}\n")).collect();
    format!("id,text\n{rows}")
}

fn again(out: Out, scenario: &str) -> Job {
    let job = out.again("run").on_the_emulator("prompts.csv").args(ARGS);
    job.scenario(scenario)
}

/// What the lines of both files may have cost beyond what is known.
fn on_lines(out: &Out) -> f64 {
    let lines = out
        .answers()
        .into_values()
        .chain(out.failures().into_values());
    lines
        .filter_map(|line| line["maybe_billed_usd"].as_f64())
        .sum()
}

/// A figure of the run file's totals.
fn total(out: &Out, key: &str) -> f64 {
    out.run_file()["total"][key].as_f64().unwrap()
}

/// Runs 100 rows whose answers cannot be understood, to the end of the budget.
fn spent_for_nothing() -> Out {
    let out = Job::over(&rows(100)).scenario(&broken()).args(ARGS);
    let out = out.args(BUDGET).run().exits(8);
    let charged = on_lines(&out);
    assert!((0.0010..=0.0012).contains(&charged), "{charged}");
    assert!((total(&out, "maybe_billed_usd") - charged).abs() < 1e-9);
    assert_eq!(total(&out, "unlisted_usd"), 0.0);
    out.says("; up to $0.001")
}

#[test]
fn answers_that_were_not_understood_count_at_the_next_run() {
    let out = spent_for_nothing();
    let before = out.text("out.failed.jsonl");
    let out = again(out, &broken()).args(BUDGET).run().exits(8);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
    assert_eq!(out.text("out.failed.jsonl"), before);
}

#[test]
fn they_count_without_a_run_file_as_after_a_kill() {
    let out = spent_for_nothing();
    std::fs::remove_file(out.directory.path().join("out.run.json")).unwrap();
    let out = again(out, &broken()).args(BUDGET).run().exits(8);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
}

#[test]
fn failures_that_are_put_aside_still_count() {
    let out = spent_for_nothing();
    let charged = on_lines(&out);
    let out = again(out, QUICK).args(BUDGET).args(["--retry-failed"]);
    let out = out.run().exits(8);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
    assert_eq!(out.text("out.failed.jsonl"), "");
    assert!((total(&out, "unlisted_usd") - charged).abs() < 1e-9);
    assert_eq!(total(&out, "unlisted_answers_usd"), 0.0);
    let out = out.says(" more for calls that may have been billed\n");
    assert!(!out.stderr.contains("no longer"), "{}", out.stderr);

    let out = again(out, QUICK).args(BUDGET).run().exits(8);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
    assert!((total(&out, "unlisted_usd") - charged).abs() < 1e-9);

    let out = again(out, QUICK).args(["--max-cost", "1"]).run().exits(0);
    assert_eq!(out.answers().len(), 100);
    assert!((total(&out, "unlisted_usd") - charged).abs() < 1e-9);
}

#[test]
fn what_is_put_aside_counts_before_it_is_moved() {
    // The run dies with its first call in flight; only what it noted beforehand is left.
    let out = spent_for_nothing();
    let charged = on_lines(&out);
    let stall = format!("{QUICK}[[fault]]\nkind = \"stall\"\n");
    let mut running = again(out, &stall).args(["--retry-failed"]).spawn();
    let failed = running.path("out.failed.jsonl");
    while failed.exists() {
        crate::harness::pause();
    }
    running.kill();
    let out = running.wait();
    assert!((total(&out, "unlisted_usd") - charged).abs() < 1e-9);
    let out = again(out, QUICK).args(BUDGET).run().exits(8);
    assert_eq!(out.run_file()["this_run"]["calls"], 0);
}

#[test]
fn answers_of_rows_that_have_changed_still_count() {
    let out = Job::over(&rows(3)).args(ARGS).run().exits(0);
    let cost = total(&out, "cost_usd");
    let redo = ["-t", "Again: {{ text }}", "--redo-changed"];
    let job = out.again("run").on_the_emulator("prompts.csv").args(redo);
    let out = job.run().exits(0);
    for key in ["unlisted_usd", "unlisted_answers_usd"] {
        assert!((total(&out, key) - cost).abs() < 1e-9, "{key}");
    }
    let out = out.says(" more for completions no longer in the output\n");
    assert!(!out.stderr.contains("may have been"), "{}", out.stderr);
    let job = out.again("run").on_the_emulator("prompts.csv").args(redo);
    let _ = job
        .run()
        .exits(0)
        .says("for completions no longer in the output");
}

#[test]
fn an_output_that_begins_anew_has_cost_nothing_yet() {
    let out = spent_for_nothing();
    let out = again(out, QUICK)
        .args(["--retry-failed", "--limit", "1"])
        .run()
        .exits(0);
    assert!(0.0 < total(&out, "unlisted_usd"));
    let out = again(out, QUICK)
        .args(["--fresh", "--limit", "3"])
        .args(BUDGET);
    let out = out.run().exits(0);
    assert_eq!(total(&out, "unlisted_usd"), 0.0);
    assert_eq!(out.answers().len(), 3);
}

#[test]
fn a_plan_reckons_with_what_may_have_been_billed() {
    let out = spent_for_nothing();
    let planned = out
        .again("plan")
        .on_the_emulator("prompts.csv")
        .args(ARGS)
        .run();
    let planned = planned.exits(0);
    assert!(
        planned
            .stdout
            .contains(" remaining, $0 spent, up to $0.001"),
        "{}",
        planned.stdout
    );
}
