//! What a run says of its state, and what it does not spend without being asked.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Job, NOVA, Out, QUICK, Running};

/// A job over rows of `id,text`.
fn to_model(model: &str, rows: &str) -> Job {
    let job = Job::new("run").file("prompts.csv", format!("id,text\n{rows}"));
    let job = job.args(["-i", "prompts.csv", "-o", "out.jsonl"]);
    job.args(["-m", model, "-t", "{{ text }}"])
}

/// A job whose rows `bomb` are filtered.
fn filtering(more: &[&str]) -> Job {
    let filter = format!("{QUICK}[filter]\ntakes = [\"bomb\"]\n");
    let job = to_model(
        "us.amazon.nova-2-lite-v1:0",
        "a,one\nb,bomb\nc,three\nd,a bomb\n",
    );
    let job = job.scenario(&filter);
    more.iter().fold(job, |job, more| job.args([*more]))
}

#[test]
fn more_filtered_rows_than_max_filtered_are_exit_code_3() {
    for (more, code) in [
        (&[][..], 0),
        (&["--max-filtered", "2"], 0),
        (&["--max-filtered", "50%"], 0),
        (&["--max-filtered", "1"], 3),
        (&["--max-filtered", "49%"], 3),
        (&["--max-filtered", "0"], 3),
    ] {
        let out = filtering(more).run().exits(code);
        assert_eq!(out.run_file()["total"]["filtered"], 2, "{more:?}");
        let said = "2 rows filtered, max_filtered allows ";
        assert_eq!(out.stderr.contains(said), code == 3, "{}", out.stderr);
    }
    let _ = filtering(&["--max-filtered", "few"])
        .run()
        .exits(2)
        .sent_nothing()
        .says("`output.max_filtered`: \"few\" is not a whole number or a percentage");
}

#[test]
fn a_model_id_cut_short_names_the_full_one_where_a_limit_needs_its_price() {
    let job = to_model("us.anthropic.claude-haiku-4-5", "a,one\n").scenario(QUICK);
    let job = job.args(["--max-cost", "1"]);
    let _ = job.run().exits(2).sent_nothing().says(
        "(did you mean `us.anthropic.claude-haiku-4-5-20251001-v1:0`?), so its cost cannot be",
    );
}

const ROWS: &str = "id,text\na,one\nb,two\nc,three\n";

/// Runs the usual job again in the same directory.
fn again(out: Out) -> Job {
    let job = out.again("run").on_the_emulator("prompts.csv");
    job.args(["-t", "{{ text }}"])
}

fn first() -> Out {
    let job = Job::over(ROWS).args(["-t", "{{ text }}"]);
    job.run().exits(0)
}

/// What the run file of a run that goes on says now.
fn run_file(directory: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(directory.join("out.run.json")).ok()?;
    Some(serde_json::from_str(&text).expect("the file is whole at every moment"))
}

/// A run of three calls, of a second each, that has begun.
fn slow() -> Running {
    let slow = "[latency]\nfirst_token_ms = 1000\nper_token_ms = 0\njitter = 0\n";
    let job = Job::over(ROWS).scenario(slow);
    let running = job.args(["-t", "{{ text }}", "-c", "1"]).spawn();
    running.wait_for_lines(1);
    running
}

#[test]
fn the_run_file_says_completed_and_why_not_where_there_is_a_reason() {
    let out = first();
    let run = out.run_file();
    assert_eq!(
        (&run["state"], &run["exit_code"]),
        (&"completed".into(), &0.into())
    );
    assert!(run["stop"].is_null(), "{run}");
    assert!(run["finished_at"].is_string() && run["run"].is_string());
    let more = "id,text\na,one\nb,two\nc,three\nd,four\n";
    let broken = format!("{QUICK}[[fault]]\nkind = \"not_json\"\nmatching = \"four\"\n");
    let job = out.again("run").file("prompts.csv", more).scenario(&broken);
    let job = job.args(["-i", "prompts.csv", "-m", NOVA, "-o", "out.jsonl"]);
    let out = job.args(["-t", "{{ text }}"]).run().exits(3);
    let run = out.run_file();
    assert_eq!(
        (&run["state"], &run["exit_code"]),
        (&"completed".into(), &3.into())
    );
    assert_eq!(run["stop"]["reason"], "max_failures");
    assert_eq!(run["stop"]["detail"], "1 row failed, max_failures allows 0");
    let advice = "inspect the failed rows; retry them with --retry-failed, or raise max_failures";
    assert_eq!(run["stop"]["advice"], advice);
}

#[test]
fn the_run_file_says_running_from_the_start_and_keeps_its_figures_true() {
    let running = slow();
    let began = run_file(&running.path("")).expect("a file from the start");
    assert_eq!(began["state"], "running");
    assert_eq!(began["process"], running.id());
    for unknown in ["exit_code", "finished_at", "stop", "stopped_by"] {
        assert!(
            began.as_object().unwrap().contains_key(unknown),
            "{unknown}"
        );
        assert!(began[unknown].is_null(), "{unknown}: {began}");
    }
    assert_eq!(
        (&began["rows"], &began["remaining"]),
        (&3.into(), &3.into())
    );
    let ended = running.wait().exits(0).run_file();
    assert_eq!(
        (&ended["state"], &ended["exit_code"]),
        (&"completed".into(), &0.into())
    );
    assert_eq!(ended["run"], began["run"]);
}

#[test]
fn a_killed_run_leaves_a_running_state_without_a_lock_and_the_next_run_says_so() {
    let mut running = slow();
    running.kill();
    let killed = running.wait();
    assert_eq!(killed.run_file()["state"], "running");
    let plan = killed.again("plan").on_the_emulator("prompts.csv");
    let plan = plan.args(["-t", "{{ text }}"]).run().exits(0);
    assert!(plan.stdout.contains("was killed after"), "{}", plan.stdout);
    let out = again(plan).run().exits(0).says("the last run (process ");
    let out = out.says(" was killed after ");
    assert_eq!(out.run_file()["state"], "completed");
    let out = again(out).run().exits(0);
    assert!(!out.stderr.contains("was killed"), "{}", out.stderr);
}

#[test]
fn a_start_that_fails_takes_the_exit_code_0_of_an_earlier_run_back() {
    // The job is wrong, the input is gone, the rows have changed.
    for (input, more, reason) in [
        (ROWS, ["--temperature", "7"], "usage"),
        (ROWS, ["--input", "nowhere.csv"], "input"),
        ("id,text\na,one\na,two\n", ["-t", "{{ text }}"], "input"),
        (ROWS, ["-t", "New: {{ text }}"], "changed_rows"),
    ] {
        let out = first();
        let before = out.run_file();
        let job = out.again("run").file("prompts.csv", input).scenario(QUICK);
        let job = match more[0] {
            "--input" => job,
            _ => job.args(["-i", "prompts.csv"]),
        };
        let job = job.args(["-m", NOVA, "-o", "out.jsonl"]).args(more);
        let out = job.run().exits(2);
        let run = out.run_file();
        assert_eq!(
            (&run["state"], &run["exit_code"]),
            (&"stopped".into(), &2.into()),
            "{more:?}"
        );
        assert_eq!(run["stop"]["reason"], reason, "{more:?}: {run}");
        let detail = run["stop"]["detail"].as_str().unwrap();
        assert!(out.stderr.contains(detail), "{detail}");
        assert_eq!(run["total"], before["total"], "the output is what it was");
        assert_ne!(run["run"], before["run"]);
        assert_eq!(
            again(out.file("prompts.csv", ROWS))
                .run()
                .exits(0)
                .run_file()["exit_code"],
            0
        );
    }
}

#[test]
fn a_start_without_credentials_says_so_in_the_run_file() {
    let job = |out: Out| {
        let job = out
            .again("run")
            .args(["-i", "prompts.csv", "-m", NOVA, "-o", "out.jsonl"]);
        job.args(["-t", "{{ text }}", "--region", "us-east-1"])
    };
    let out = Job::new("run").file("prompts.csv", ROWS).run().exits(2);
    let out = job(out).run().exits(77);
    let file = out.directory.path().join("out.run.json");
    assert!(!file.exists(), "nothing was there, and nothing is left");
    std::fs::write(&file, r#"{"promptmill":"0.1.0","exit_code":0}"#).unwrap();
    let out = job(out).run().exits(77);
    let run = out.run_file();
    assert_eq!(
        (&run["state"], &run["exit_code"]),
        (&"stopped".into(), &77.into())
    );
    assert_eq!(run["stop"]["reason"], "credentials");
}

#[test]
fn a_run_that_finds_the_output_locked_leaves_the_file_to_the_other() {
    let running = slow();
    let here = running.path("");
    let output = here.join("out.jsonl");
    let before = run_file(&here).unwrap();
    let other = Job::new("run").file("prompts.csv", ROWS).scenario(QUICK);
    let other = other.args(["-i", "prompts.csv", "-m", NOVA, "-t", "{{ text }}"]);
    let _ = other.args(["-o", output.to_str().unwrap()]).run().exits(11);
    let after = run_file(&here).unwrap();
    assert_eq!(
        (&after["state"], &after["run"]),
        (&"running".into(), &before["run"])
    );
    assert_eq!(running.wait().exits(0).run_file()["run"], before["run"]);
}

#[test]
fn a_stop_names_its_reason_in_one_word() {
    let stopped = |more: &[&str], fault: &str, code: i32| {
        let rows: String = (0..80).map(|n| format!("r{n},text {n}\n")).collect();
        let job = Job::over(&format!("id,text\n{rows}"));
        let job = job
            .scenario(&format!("{QUICK}{fault}"))
            .args(["-t", "{{ text }}", "-c", "1"]);
        let job = more.iter().fold(job, |job, more| job.args([*more]));
        let run = job.run().exits(code).run_file();
        assert_eq!(run["state"], "stopped");
        run["stop"]["reason"].as_str().unwrap().to_owned()
    };
    let fault = |kind: &str| format!("[[fault]]\nkind = \"{kind}\"\n");
    assert_eq!(stopped(&["--max-cost", "0.000001"], "", 8), "max_cost");
    assert_eq!(
        stopped(&["--max-error-rate", "1%"], &fault("not_json"), 8),
        "max_error_rate"
    );
    assert_eq!(stopped(&[], &fault("daily_quota"), 75), "daily_quota");
    assert_eq!(
        stopped(&["--tokens-per-day", "2000"], "", 75),
        "tokens_per_day"
    );
    assert_eq!(stopped(&[], &fault("access_denied"), 77), "access_denied");
    assert_eq!(stopped(&[], &fault("validation"), 2), "invalid_request");
    let running = slow();
    running.signal("TERM");
    assert_eq!(
        running.wait().exits(75).run_file()["stop"]["reason"],
        "terminated"
    );
    let running = slow();
    running.signal("INT");
    assert_eq!(
        running.wait().exits(130).run_file()["stop"]["reason"],
        "interrupted"
    );
}

#[test]
fn every_event_of_json_has_time_level_job_and_run_and_the_last_progress_is_final() {
    let job = Job::over(ROWS).args(["-t", "{{ text }}", "--json", "--name", "nightly"]);
    let out = job.run().exits(0);
    let events: Vec<Value> = out
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let run = out.run_file()["run"].clone();
    for event in &events {
        assert!(
            event["time"].is_string() && event["level"].is_string(),
            "{event}"
        );
        assert_eq!((&event["job"], &event["run"]), (&"nightly".into(), &run));
    }
    let last = events
        .iter()
        .rfind(|event| event["event"] == "progress")
        .unwrap();
    for (key, value) in [
        ("rows", 3),
        ("succeeded", 3),
        ("failed", 0),
        ("in_flight", 0),
    ] {
        assert_eq!(last[key], value, "{key}: {last}");
    }
    assert!(last["waiting_for"].is_null());
    let out = again(out).args(["-c", "0", "--json"]).run().exits(2);
    let error: Value = serde_json::from_str(out.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&error["event"], &error["level"]),
        (&"error".into(), &"error".into())
    );
    assert_eq!(error["error"]["kind"], "usage");
}
