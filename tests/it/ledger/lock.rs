//! Two runs want the same output.

use super::{csv, rounds, taking};
use crate::harness::Job;

#[test]
fn of_two_runs_that_start_at_once_one_writes_and_the_other_leaves() {
    const ROWS: usize = 6;
    for round in 0..rounds(6) {
        let service = taking(150);
        let home = Job::new("run").file("prompts.csv", csv(ROWS));
        let output = home.path("out.jsonl");
        let start = || {
            let job = Job::new("run").file("prompts.csv", csv(ROWS));
            service.to(output.to_str().unwrap(), job).args(["-c", "2"])
        };
        let (first, second) = (start().spawn(), start().spawn());
        let mut codes = [first.wait().code, second.wait().code];
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(11)], "round {round}");
        assert_eq!(service.counts().calls, ROWS as u64, "round {round}");
        let text = std::fs::read_to_string(&output).unwrap();
        assert_eq!(text.lines().count(), ROWS, "round {round}");
    }
}

#[test]
fn who_holds_the_output_is_named_and_can_be_waited_for() {
    let service = taking(200);
    let first = service.job(6).args(["-c", "1"]).spawn();
    first.wait_for_lines(1);
    let output = first.path("out.jsonl");
    let again = || {
        let job = Job::new("run").file("prompts.csv", csv(7));
        service.to(output.to_str().unwrap(), job)
    };
    let refused = again().run().exits(11);
    let expected = format!("(process {} on ", first.id());
    assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    let waited = again().args(["--wait-lock", "1m"]).run().exits(0);
    let waited = waited.says("waiting for it for up to 60s\n");
    drop(waited);
    assert_eq!(first.wait().exits(0).answers().len(), 7);
    assert_eq!(service.counts().calls, 7);
}

#[test]
fn a_run_that_was_killed_leaves_no_lock_behind() {
    let service = taking(100);
    let first = service.job(6).args(["-c", "1"]).spawn();
    first.wait_for_lines(1);
    first.signal("KILL");
    service.again(first.wait()).run().exits(0);
}

#[test]
fn a_run_that_starts_nothing_leaves_no_file_behind() {
    let rejected = Job::over("id,text\na,one\n")
        .args(["-t", "{{ missing }}"])
        .run()
        .exits(2);
    let without_credentials = Job::new("run")
        .file("prompts.csv", csv(1))
        .args([
            "-i",
            "prompts.csv",
            "-m",
            crate::harness::NOVA,
            "-o",
            "out.jsonl",
        ])
        .args(["-t", "{{ text }}", "--region", "us-east-1"])
        .run()
        .exits(77);
    for out in [rejected, without_credentials] {
        let files = std::fs::read_dir(out.directory.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = names.filter(|name| name.starts_with("out")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    let done = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    assert!(done.directory.path().join("out.lock").exists());
    let again = done.again("run").on_the_emulator("prompts.csv");
    let rejected = again.args(["-t", "{{ missing }}"]).run().exits(2);
    assert!(
        rejected.directory.path().join("out.lock").exists(),
        "there is an output"
    );
}
