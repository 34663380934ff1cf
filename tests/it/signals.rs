//! Ctrl-C and SIGTERM: drain, say how to go on, exit with the code that says which.

use crate::harness::{Job, NOVA, Running, pause};

const SLOW: &str = "[latency]\nfirst_token_ms = 300\nper_token_ms = 0\njitter = 0\n";

fn running() -> Running {
    running_with([])
}

fn running_with<const N: usize>(flags: [&str; N]) -> Running {
    let rows: String = (0..40).map(|n| format!("r{n},text {n}\n")).collect();
    let job = Job::over(&format!("id,text\n{rows}"));
    let running = job
        .args(["-t", "{{ text }}", "-c", "2"])
        .args(flags)
        .scenario(SLOW)
        .spawn();
    running.wait_for_lines(2);
    running
}

#[test]
fn ctrl_c_lets_calls_in_flight_land_and_says_how_to_go_on() {
    let running = running();
    running.signal("INT");
    let out = running
        .wait()
        .exits(130)
        .says("stopping: Ctrl-C; waiting up to 25s for 2 calls");
    let run = out.run_file();
    assert_eq!(run["exit_code"], 130);
    assert_eq!(run["stopped_by"], "Ctrl-C");
    assert_eq!(run["this_run"]["calls"], out.answers().len());
    assert_eq!(run["remaining"], 40 - out.answers().len());
    assert_eq!(run["this_run"]["maybe_billed"], 0);
    let resume = run["resume"].as_str().unwrap();
    assert!(
        resume.contains("/promptmill run --endpoint-url emulator"),
        "{resume}"
    );
    out.again("run")
        .on_the_emulator("prompts.csv")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
}

#[test]
fn sigterm_drains_and_is_worth_retrying() {
    let running = running();
    running.signal("TERM");
    let out = running.wait().exits(75);
    assert_eq!(out.run_file()["stopped_by"], "SIGTERM");
}

#[test]
fn a_run_that_has_not_begun_says_so_and_is_worth_retrying_too() {
    // Nobody ever writes into the pipe, so it is still being opened, or read.
    let reading = || {
        let job = Job::new("run").args(["-i", "in.jsonl", "-m", NOVA, "-o", "out.jsonl"]);
        let job = job.args(["--endpoint-url", "emulator"]);
        let running = job.through("mkfifo in.jsonl && exec \"$@\"").spawn();
        while !running.catches_sigterm() {
            pause();
        }
        running
    };
    for (signal, code, by) in [("TERM", 75, "SIGTERM"), ("INT", 130, "Ctrl-C")] {
        let running = reading();
        running.signal(signal);
        let told = format!("stopped by {by} before any call; run the same command to start again");
        let out = running.wait().exits(code).says(&told).sent_nothing();
        assert!(!out.directory.path().join("out.jsonl").exists());
    }
}

#[test]
fn a_second_signal_leaves_at_once_and_counts_what_it_abandons() {
    let rows: String = (0..9).map(|n| format!("r{n},text {n}\n")).collect();
    let stall = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                 [[fault]]\nkind = \"stall\"\nmatching = \"text 7\"\n";
    let job = Job::over(&format!("id,text\n{rows}"));
    let running = job
        .args(["-t", "{{ text }}", "-c", "2"])
        .scenario(stall)
        .spawn();
    running.wait_for_lines(8);
    running.signal("INT");
    for _ in 0..20 {
        pause();
    }
    running.signal("INT");
    let out = running.wait().exits(130);
    let run = out.run_file();
    assert_eq!(run["this_run"]["maybe_billed"], 1);
    // A call at its worst: its bytes at $0.00006, and 1,024 tokens at $0.00024, by 1,000.
    let charged = run["total"]["unlisted_usd"].as_f64().unwrap();
    assert!((0.000_246..0.000_260).contains(&charged), "{charged}");
    assert_eq!(out.answers().len(), 8);
}

#[test]
fn two_signals_at_once_leave_and_nothing_more_is_sent() {
    let running = running();
    for signal in ["STOP", "INT", "TERM", "CONT"] {
        running.signal(signal);
    }
    let out = running.wait().exits(130);
    let run = out.run_file();
    assert_eq!(run["stopped_by"], "Ctrl-C");
    assert!(out.answers().len() < 10, "{run}");
}

#[test]
fn a_quiet_run_whose_words_are_for_programs_says_in_json_that_it_stops() {
    let running = running_with(["--json", "--quiet"]);
    running.signal("TERM");
    let out = running.wait().exits(75);
    let lines: Vec<serde_json::Value> = (out.stderr.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{}", out.stderr);
    let message = lines[0]["message"].as_str().unwrap();
    assert!(message.starts_with("stopping: SIGTERM"));
}
