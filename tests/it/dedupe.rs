//! Identical requests, sent once: the record of the first row is copied to the others.

use serde_json::{Value, json};

use crate::harness::{Job, NOVA, Out, QUICK};

const ROWS: &str = "id,prompt,team\n1,a,x\n2,b,y\n3,a,z\n4,a,x\n";

fn job(rows: &str) -> Job {
    Job::new("run").file("in.csv", rows).scenario(QUICK).args([
        "-i",
        "in.csv",
        "-m",
        NOVA,
        "-o",
        "out.jsonl",
        "--dedupe",
    ])
}

/// What the run file says of the last run.
fn this_run(out: &Out) -> Value {
    let file: Value = serde_json::from_str(&out.text("out.run.json")).unwrap();
    file["this_run"].clone()
}

#[track_caller]
fn counts(out: &Out, calls: u64, copied: u64) {
    let run = this_run(out);
    assert_eq!(
        (&run["calls"], &run["copied"]),
        (&json!(calls), &json!(copied)),
        "{run}"
    );
}

#[test]
fn identical_requests_are_sent_once_and_the_record_is_copied() {
    let out = job(ROWS).args(["--keep", "team"]).run().exits(0);
    counts(&out, 2, 2);
    let rows = out.answers();
    assert_eq!(rows.len(), 4);
    let first = &rows["1"];
    assert!(0.0 < first["cost_usd"].as_f64().unwrap());
    assert_eq!(first.get("copied_from"), None);
    for (id, team) in [("3", "z"), ("4", "x")] {
        let copy = &rows[id];
        assert_eq!(copy["copied_from"], "1", "{copy}");
        assert_eq!(copy["completion"], first["completion"]);
        assert_eq!(copy["finish_reason"], first["finish_reason"]);
        assert_eq!(copy["fingerprint"], first["fingerprint"]);
        assert_eq!(copy["metadata"], json!({"team": team}));
        assert_eq!(copy["cost_usd"], 0.0, "{copy}");
        assert_eq!(copy["usage"]["input_tokens"], 0);
        assert_eq!(copy["usage"]["output_tokens"], 0);
        assert_eq!(
            (&copy["attempts"], &copy["request_id"]),
            (&json!(0), &json!(null))
        );
    }
    assert_ne!(rows["2"]["completion"], first["completion"]);
    let again =
        out.again("run")
            .scenario(QUICK)
            .args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl"]);
    let again = again.args(["--dedupe", "--keep", "team"]).run().exits(0);
    assert_eq!(again.answers().len(), 4, "nothing is left to do");
}

#[test]
fn rows_copy_the_record_of_an_earlier_run() {
    let out = job(ROWS).args(["--limit", "1"]).run().exits(0);
    counts(&out, 1, 0);
    let again = out.again("run").scenario(QUICK);
    let again = again.args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "--dedupe"]);
    let again = again.run().exits(0);
    counts(&again, 1, 2);
    let rows = again.answers();
    assert_eq!(rows["3"]["copied_from"], "1");
    assert_eq!(rows["3"]["completion"], rows["1"]["completion"]);
    assert_eq!(rows["4"]["emulated"], true);
}

#[test]
fn the_failure_of_a_row_is_that_of_its_copies_and_one_retry_fixes_all() {
    let faults =
        format!("{QUICK}\n[[fault]]\nmatching = \"a\"\ntimes = 1\nkind = \"validation\"\n");
    let out = job(ROWS).scenario(&faults).run().exits(3);
    counts(&out, 2, 2);
    let failed = out.failures();
    assert_eq!(failed.len(), 3);
    assert_eq!(failed["3"]["copied_from"], "1");
    assert_eq!(failed["3"]["error"], failed["1"]["error"]);
    let again = out.again("run").scenario(QUICK);
    let again = again.args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "--dedupe"]);
    let again = again.args(["--retry-failed"]).run().exits(0);
    counts(&again, 1, 2);
    assert_eq!(again.answers().len(), 4);
}

#[test]
fn without_the_flag_every_row_is_sent_and_a_plan_tells_what_the_flag_saves() {
    let args = ["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl"];
    let run = Job::new("run").file("in.csv", ROWS).scenario(QUICK);
    let out = run.args(args).run().exits(0);
    counts(&out, 4, 0);
    assert!(!out.text("out.jsonl").contains("copied_from"));
    let plan = |flags: &[&'static str]| {
        let mut plan = Job::new("plan")
            .file("in.csv", ROWS)
            .args(args)
            .args(["--json"]);
        for flag in flags {
            plan = plan.args([*flag]);
        }
        let out = plan.run().exits(0);
        serde_json::from_str::<Value>(&out.stdout).unwrap()
    };
    let (all, once) = (plan(&[]), plan(&["--dedupe"]));
    assert_eq!(
        (&all["rows"]["calls"], &once["rows"]["calls"]),
        (&json!(4), &json!(2)),
        "{once}"
    );
    assert!(
        all.to_string().contains("with --dedupe it is sent once"),
        "{all}"
    );
    assert!(
        once.to_string()
            .contains("2 rows copy the record of an earlier row with the same request"),
        "{once}"
    );
}

#[test]
fn many_copies_of_one_row_end_with_it() {
    let rows: String = (1..=3000).map(|row| format!("{row},same\n")).collect();
    let out = job(&format!("id,prompt\n{rows}")).run().exits(0);
    counts(&out, 1, 2999);
    assert_eq!(out.answers().len(), 3000);
}

#[test]
fn texts_that_share_a_call_are_embedded_once() {
    let out = Job::new("run")
        .file("in.csv", "id,prompt\n1,a\n2,a\n3,b\n4,b\n5,a\n")
        .scenario(QUICK)
        .args([
            "-i",
            "in.csv",
            "-m",
            "cohere.embed-english-v3",
            "-o",
            "out.jsonl",
        ])
        .args(["--dedupe"])
        .run()
        .exits(0);
    counts(&out, 1, 3);
    let rows = out.answers();
    assert_eq!(rows["5"]["output"], rows["1"]["output"]);
    assert_eq!(rows["1"]["rows_in_call"], 2);
    assert_eq!(rows["5"].get("rows_in_call"), None);
}

#[test]
fn rows_that_were_selected_are_sent_though_an_earlier_row_has_their_request() {
    let out = job(ROWS).run().exits(0);
    let again = out.again("run").scenario(QUICK).file("only.txt", "3\n4\n");
    let again = again.args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "--dedupe"]);
    let again = again.args(["--only", "only.txt"]).run().exits(0);
    counts(&again, 1, 1);
    let rows = again.answers();
    assert_eq!(rows["3"].get("copied_from"), None, "{}", rows["3"]);
    assert_eq!(rows["4"]["copied_from"], "3");
}

#[test]
fn copies_cost_nothing_and_a_limit_of_cost_counts_the_rows_that_are_sent() {
    let rows: String = (1..=400)
        .map(|row| format!("{row},question {}\n", row % 4))
        .collect();
    let out = job(&format!("id,prompt\n{rows}"))
        .args(["--max-cost", "0.002", "--max-tokens", "500"])
        .run()
        .exits(0);
    counts(&out, 4, 396);
    let total = &out.run_file()["total"];
    let sent = out.answers().into_values();
    let cost: f64 = sent.map(|row| row["cost_usd"].as_f64().unwrap()).sum();
    assert!(0.0 < cost && cost <= 0.002, "{total}");
    assert!(
        (total["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-9,
        "{total}"
    );
}

#[test]
fn a_killed_run_has_no_row_twice_and_its_copies_are_made_by_the_next() {
    let rows: String = (1..=600)
        .map(|row| format!("{row},question {}\n", row % 100))
        .collect();
    let slow = "[latency]\nfirst_token_ms = 30\nper_token_ms = 0\n";
    let mut running = job(&format!("id,prompt\n{rows}"))
        .scenario(slow)
        .args(["-c", "4"])
        .spawn();
    running.wait_for_lines(60);
    running.kill();
    let out = running.wait();
    let before = out.text("out.jsonl");
    let again = out.again("run").scenario(slow);
    let again = again.args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "--dedupe"]);
    let again = again.run().exits(0);
    assert_eq!(again.answers().len(), 600, "every row, none twice");
    assert_eq!(again.text("out.jsonl").lines().count(), 600);
    let whole = &before[..=before.rfind('\n').unwrap()];
    assert!(again.text("out.jsonl").starts_with(whole));
    let sent = again.answers().into_values();
    let sent = sent.filter(|row| row.get("copied_from").is_none()).count();
    assert_eq!(sent, 100, "each request is sent once");
}
