//! Signals at any moment.

use super::{rounds, taking};
use crate::harness::{Job, QUICK, pause};

#[test]
fn sigterm_at_any_moment_repeats_no_call_and_tears_no_line() {
    const ROWS: usize = 40;
    let mut dice = fastrand::Rng::with_seed(1);
    let mut stopped = 0;
    for round in 0..rounds(8) {
        let service = taking(30);
        let running = service.job(ROWS).args(["-c", "8"]).spawn();
        for _ in 0..dice.u32(0..40) {
            pause();
        }
        running.signal_if_there("TERM");
        let out = running.wait();
        // A run that has not begun dies of the signal, and has sent nothing.
        assert!(
            matches!(out.code, Some(0 | 75) | None),
            "round {round}: {:?}: {}",
            out.code,
            out.stderr
        );
        stopped += usize::from(out.code == Some(75));
        let done = service.again(out).args(["-c", "8"]).run().exits(0);
        assert!(!done.stderr.contains("inside a line"), "{}", done.stderr);
        assert_eq!(done.answers().len(), ROWS, "round {round}");
        assert_eq!(service.counts().calls, ROWS as u64, "round {round}");
    }
    assert!(0 < stopped, "no signal met a run under way");
}

fn slow() -> Job {
    let rows: String = (0..40).map(|n| format!("r{n},text {n}\n")).collect();
    Job::over(&format!("id,text\n{rows}"))
        .scenario("[latency]\nfirst_token_ms = 150\nper_token_ms = 0\njitter = 0\n")
        .args(["-t", "{{ text }}", "-c", "2"])
}

#[test]
fn a_terminal_that_goes_away_stops_the_run_as_sigterm_does() {
    // A shell cannot undo what nohup did to it, and so to the tests; env can, where it is GNU's.
    let hears = "env --default-signal=HUP";
    let script = format!("if {hears} true 2>&-; then exec {hears} \"$@\"; fi; exec \"$@\"");
    let running = slow().through(&script).spawn();
    running.wait_for_lines(2);
    running.signal("HUP");
    let out = running.wait().exits(75);
    assert_eq!(out.run_file()["stopped_by"], "SIGHUP");
    assert_eq!(out.run_file()["this_run"]["calls"], out.answers().len());
}

#[test]
fn under_nohup_a_terminal_may_go_away() {
    let running = slow().through("trap '' HUP; exec \"$@\"").spawn();
    running.wait_for_lines(2);
    running.signal("HUP");
    assert_eq!(running.wait().exits(0).answers().len(), 40);
}

#[test]
fn sigusr1_writes_the_status_line_however_quiet_the_run() {
    let running = slow().args(["--quiet"]).spawn();
    running.wait_for_lines(2);
    running.signal("USR1");
    running.wait_for_lines(20);
    let out = running.wait().exits(0);
    assert_eq!(out.stderr.lines().count(), 1, "{}", out.stderr);
    assert!(out.stderr.contains(" of 40 rows; "), "{}", out.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_does_not_end_the_run() {
    let out = Job::over("id,text\na,one\n")
        .scenario(QUICK)
        .args(["-t", "{{ text }}", "--json"])
        .through("exec \"$@\" >&- 2>&-")
        .run()
        .exits(0);
    assert_eq!(out.run_file()["total"]["succeeded"], 1);
}
