//! Files that cannot grow, and files that are gone.

use super::{Service, csv, rounds, taking};
use crate::harness::{Job, Running};

const SHORT: &str = "[latency]\nfirst_token_ms = 1\nper_token_ms = 0\n";

#[test]
fn a_limit_of_the_files_size_is_met_before_an_answer_is_lost() {
    const ROWS: usize = 120;
    for round in 0..rounds(5) {
        let service = Service::playing(SHORT);
        // What is in flight when the room ends may still land.
        let args = ["-c", "4", "--drain", "1s", "--max-tokens", "50"];
        // In blocks of 512 bytes, or of 1024: shells differ. 4 lines of 16.4 kB are foreseen.
        let blocks = 60 + 3 * (round % 50);
        let job = service.job(ROWS).args(args);
        let out = job
            .through(&format!("ulimit -f {blocks}; exec \"$@\""))
            .run();
        if out.code == Some(0) {
            assert_eq!(out.answers().len(), ROWS, "round {round}");
            continue;
        }
        let out = out.exits(74);
        assert!(
            out.stderr.contains("no room for the completions of 4 rows"),
            "{}",
            out.stderr
        );
        let kept = out.answers().len() as u64;
        assert_eq!(service.counts().calls, kept, "round {round}: paid and lost");
        let done = service.again(out).args(args).run().exits(0);
        assert_eq!(done.answers().len(), ROWS, "round {round}");
        assert_eq!(service.counts().calls, ROWS as u64, "round {round}");
    }
}

#[test]
fn where_no_file_may_grow_at_all_nothing_is_sent() {
    let service = Service::playing(SHORT);
    let out = service.job(2).through("ulimit -f 0; exec \"$@\"").run();
    let out = out.exits(74).says("no room for the completions of 64 rows");
    assert_eq!((service.counts().calls, out.answers().len()), (0, 0));
}

#[test]
fn a_directory_that_is_deleted_ends_the_run_and_its_answers_are_kept_elsewhere() {
    let service = taking(60);
    let job = Job::new("run").file("prompts.csv", csv(60));
    let job = service.to("deep/out.jsonl", job);
    let job = job.args(["-c", "2", "--drain", "1s"]);
    let temporary = job.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let running = job.env("TMPDIR", temporary.to_str().unwrap()).spawn();
    running.wait_for_lines_in("deep/out.jsonl", 4);
    std::fs::remove_dir_all(running.path("deep")).unwrap();
    let out = running.wait().exits(74);
    assert!(
        out.stderr.contains("deep/out.jsonl is missing"),
        "{}",
        out.stderr
    );
    let kept = format!("; {} completed rows saved to ", service.counts().answered);
    let out = out.says(&kept);
    assert!(!out.stderr.contains("is safe"), "{}", out.stderr);
    assert!(!out.stderr.contains("\n  answers "), "{}", out.stderr);
    let out = out.says("\n  remaining  60\n");
    let rescued = std::fs::read_dir(&temporary)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let rescued = rescued.path();
    let counts = service.counts();
    let text = std::fs::read_to_string(&rescued).unwrap();
    assert_eq!(text.lines().count() as u64, counts.answered);

    let out = out
        .again("repair")
        .args(["deep/out.jsonl", "--add", rescued.to_str().unwrap()])
        .run()
        .exits(0);
    let done = service
        .to("deep/out.jsonl", out.again("run"))
        .run()
        .exits(0);
    assert_eq!(done.lines("deep/out.jsonl").len(), 60);
    assert_eq!(service.counts().calls, 60);
}

#[test]
fn an_output_that_is_deleted_holds_nothing_until_what_was_rescued_is_added() {
    let service = taking(60);
    let job = service.to("out.jsonl", Job::new("run").file("prompts.csv", csv(60)));
    let job = job.args(["-c", "2", "--drain", "1s"]);
    let temporary = job.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let running = job.env("TMPDIR", temporary.to_str().unwrap()).spawn();
    running.wait_for_lines_in("out.jsonl", 4);
    std::fs::remove_file(running.path("out.jsonl")).unwrap();
    let out = running.wait().exits(74);
    let answered = service.counts().answered;
    let run = out.run_file();
    assert_eq!(
        (&run["total"]["succeeded"], &run["remaining"]),
        (&0.into(), &60.into())
    );
    let spent = run["total"]["unlisted_usd"].as_f64().unwrap();
    assert!(0.0 < spent, "{run}");

    let rescued = std::fs::read_dir(&temporary)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let add = out
        .again("repair")
        .args(["out.jsonl", "--add", rescued.to_str().unwrap()]);
    let out = add.run().exits(0);
    let total = &out.run_file()["total"];
    assert_eq!(total["succeeded"], answered);
    assert_eq!(
        total["unlisted_usd"], 0.0,
        "what stands in lines counts once"
    );
    let cost = total["cost_usd"].as_f64().unwrap();
    assert!((cost - spent).abs() < 1e-9, "{cost} of {spent}");
}

#[test]
fn failures_that_are_deleted_leave_rows_that_the_same_command_runs_again() {
    let service = taking(60);
    let job = |job: Job| {
        let job = job.args(["-c", "2", "--max-failures", "1"]);
        service.to("out.jsonl", job)
    };
    // The row without a prompt fails at once, and no failure comes behind it.
    let failing = csv(20).replace("text 0\n", "\n");
    let deleted_under = |running: Running, line: &str| {
        running.wait_for_lines_in("out.jsonl", 4);
        let failures = running.path("out.failed.jsonl");
        let text = std::fs::read_to_string(&failures).unwrap();
        assert!(text.starts_with(line), "{text}");
        std::fs::remove_file(failures).unwrap();
        let out = running.wait().exits(75).says("\n  remaining   1\n");
        out.says("stopped by the deletion of an output file that held 1 row\n")
    };
    let first = job(Job::new("run").file("prompts.csv", &failing)).spawn();
    let out = deleted_under(first, "{\"custom_id\":\"r0000\"");
    let out = job(out.again("run")).run().exits(0);
    assert_eq!(out.run_file()["total"]["failed"], 1);

    // The same with a failure that is no longer in the input.
    let others = csv(40).replace("r0000,text 0\n", "");
    let second = job(out.file("prompts.csv", others).again("run")).spawn();
    second.wait_for_lines_in("out.jsonl", 22);
    let out = deleted_under(second, "{\"custom_id\":\"r0000\"");
    let out = job(out.again("run")).run().exits(0);
    assert_eq!(out.lines("out.jsonl").len(), 39);
    assert_eq!(service.counts().calls, 39, "no answer is paid for twice");
}

#[test]
fn a_run_file_that_cannot_be_written_is_an_error_and_no_answer_is_lost() {
    let job = Job::over("id,text\na,one\n").args(["-t", "{{ text }}"]);
    let out = job
        .file("out.run.json.promptmill-new/in-the-way", "")
        .run()
        .exits(74);
    let out = out.says("error: cannot open out.run.json.promptmill-new: Is a directory (os error 21); out.jsonl was read back: 1 row: ");
    assert_eq!(out.answered(), "a");
    std::fs::remove_dir_all(out.directory.path().join("out.run.json.promptmill-new")).unwrap();
    let again = out.again("run").on_the_emulator("prompts.csv");
    let done = again.args(["-t", "{{ text }}"]).run().exits(0);
    assert_eq!(done.run_file()["this_run"]["calls"], 0);
    assert_eq!(done.run_file()["total"]["succeeded"], 1);
}

#[test]
fn a_summary_that_cannot_be_printed_is_an_error_of_its_own() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let out = Job::over("id,text\na,one\n")
        .args(["-t", "{{ text }}", "--json"])
        .through("exec \"$@\" > /dev/full")
        .run()
        .exits(74);
    assert!(
        out.stderr.contains("cannot write to standard output"),
        "{}",
        out.stderr
    );
    assert_eq!(out.run_file()["total"]["succeeded"], 1);
}

#[test]
fn without_syncs_the_output_is_the_same() {
    let out = Job::over("id,text\na,one\nb,two\n")
        .args(["-t", "{{ text }}", "--durability", "none"])
        .run()
        .exits(0);
    assert_eq!(out.answered(), "a b");
    out.again("run")
        .on_the_emulator("prompts.csv")
        .args(["-t", "{{ text }}", "--durability", "never"])
        .run()
        .exits(2)
        .says("`output.durability`: \"never\" is not sync or none");
}
