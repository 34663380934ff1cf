//! The same command again goes on where it stopped, and refuses what it cannot go on with.

mod mended;

use crate::harness::{Job, NOVA, Out, QUICK, digest};

const ROWS: &str = "id,text\na,one\nb,two\nc,three\nd,four\n";

fn job(csv: &str) -> Job {
    Job::over(csv).args(["-t", "{{ text }}"])
}

/// Runs the usual job again in the same directory.
fn again(out: Out) -> Job {
    out.again("run").on_the_emulator("prompts.csv")
}

#[test]
fn the_same_command_again_finds_nothing_left_to_do() {
    let first = job(ROWS).run().exits(0);
    let before = first.text("out.jsonl");
    let second = again(first).args(["-t", "{{ text }}"]).run().exits(0);
    assert_eq!(second.text("out.jsonl"), before);
    assert_eq!(second.run_file()["this_run"]["calls"], 0);
}

#[test]
fn a_limit_runs_the_first_rows_and_without_it_the_rest_follows() {
    let first = job(ROWS).args(["--limit", "2"]).run().exits(0);
    assert_eq!(first.answered(), "a b");
    let second = again(first).args(["-t", "{{ text }}"]).run().exits(0);
    assert_eq!(second.answered(), "a b c d");
    assert_eq!(second.run_file()["this_run"]["calls"], 2);
    assert_eq!(second.run_file()["total"]["succeeded"], 4);
}

#[test]
fn new_rows_simply_run_wherever_they_stand() {
    let first = job(ROWS).run().exits(0);
    let second = again(first)
        .file(
            "prompts.csv",
            "id,text\nz,zero\na,one\nb,two\nc,three\nd,four\ne,five\n",
        )
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    assert_eq!(second.answered(), "a b c d e z");
    assert_eq!(second.run_file()["this_run"]["calls"], 2);
}

#[test]
fn rows_that_are_gone_from_the_input_stay_in_the_output() {
    let first = job(ROWS).run().exits(0);
    let second = again(first)
        .file("prompts.csv", "id,text\nb,two\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0)
        .says("3 rows of the output are no longer in the input; they are kept");
    assert_eq!(second.answered(), "a b c d");
}

#[test]
fn a_changed_prompt_is_refused_with_a_count_and_an_example() {
    let first = job(ROWS).run().exits(0);
    let before = first.text("out.jsonl");
    let second = again(first)
        .args(["-t", "Translate {{ text }}"])
        .run()
        .exits(2)
        .says(
            "error: out.jsonl: 4 of 4 completed rows would now send a different request (row 1 (a), \
             row 2 (b), row 3 (c) and 1 more): the settings changed: the template or system prompt; \
             undo the change, choose another --output, rerun these rows with \
             --redo-changed (about $0.000060), or start over with --fresh (both back up the old \
             lines)\n",
        );
    assert_eq!(second.text("out.jsonl"), before);
}

#[test]
fn a_changed_parameter_is_refused_too() {
    let first = job(ROWS).run().exits(0);
    again(first)
        .args(["-t", "{{ text }}", "--temperature", "0.5"])
        .run()
        .exits(2)
        .says("4 of 4 completed rows would now send a different request");
}

#[test]
fn rows_known_by_number_are_changed_by_a_row_above_and_an_id_is_suggested() {
    let first = Job::over("text\none\ntwo\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    again(first)
        .file("prompts.csv", "text\nzero\none\ntwo\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(2)
        .says("2 of 2 completed rows would now send a different request")
        .says("a row inserted above others changes them all: an --id field prevents that");
}

#[test]
fn fresh_begins_anew_and_keeps_the_old_output_aside() {
    let first = job(ROWS).run().exits(0);
    let before = first.text("out.jsonl");
    let second = again(first)
        .args(["-t", "New {{ text }}", "--fresh"])
        .run()
        .exits(0);
    assert!(
        second.answers()["a"]["completion"]
            .as_str()
            .unwrap()
            .starts_with(&digest("New one"))
    );
    let aside = second.file_named("out.before-");
    assert!(aside.ends_with(".jsonl"), "{aside}");
    assert_eq!(second.text(&aside), before);
}

#[test]
fn failed_rows_stay_failed_until_they_are_to_be_retried() {
    let broken = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                  [[fault]]\nkind = \"not_json\"\nmatching = \"two\"\n";
    let first = job(ROWS).scenario(broken).run().exits(3);
    assert_eq!(first.answered(), "a c d");
    assert_eq!(first.failures()["b"]["error"]["category"], "bad_response");

    let second = again(first).args(["-t", "{{ text }}"]).run().exits(3);
    assert_eq!(second.run_file()["this_run"]["calls"], 0);
    let second = second.says("\n  exit code  3: 1 row failed, max_failures allows 0\n");
    assert!(
        second.stderr.contains("--retry-failed"),
        "{}",
        second.stderr
    );

    let third = again(second)
        .args(["-t", "{{ text }}", "--retry-failed"])
        .run()
        .exits(0);
    assert_eq!(third.answered(), "a b c d");
    assert_eq!(third.text("out.failed.jsonl"), "");
    assert_eq!(third.run_file()["total"]["failed"], 0);
    assert!(!third.stderr.contains("exit code"), "{}", third.stderr);
    let aside = third.file_named("out.before-");
    assert!(third.text(&aside).contains("bad_response"), "{aside}");
}

#[test]
fn a_refused_command_moves_nothing_aside() {
    let first = job(ROWS).run().exits(0);
    let second = again(first)
        .file("prompts.csv", "id,text\na,one\na,two\n")
        .args(["-t", "{{ text }}", "--fresh"])
        .run()
        .exits(2);
    assert_eq!(second.answered(), "a b c d");
}

#[test]
fn a_torn_last_line_is_kept_aside_and_its_row_runs_again() {
    let first = job(ROWS).run().exits(0);
    let whole = first.text("out.jsonl");
    let torn = &whole[..whole.len() - 40];
    let lost = torn.lines().last().unwrap().len();
    let second = again(first)
        .file("out.jsonl", torn)
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0)
        .says(&format!(
            "out.jsonl ended inside a line, as after a crash: its last {lost} bytes"
        ));
    assert_eq!(second.answered(), "a b c d");
    assert_eq!(second.run_file()["this_run"]["calls"], 1);
    let aside = second.file_named("out.torn-");
    assert_eq!(second.text(&aside), torn.lines().last().unwrap());
}

#[test]
fn a_last_line_that_only_lacks_its_newline_is_whole() {
    let first = job(ROWS).run().exits(0);
    let whole = first.text("out.jsonl");
    let second = again(first)
        .file("out.jsonl", whole.trim_end())
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    assert_eq!(second.text("out.jsonl"), whole);
}

#[test]
fn a_bad_line_among_good_ones_is_refused_by_its_line_and_byte() {
    let first = job(ROWS).run().exits(0);
    let whole = first.text("out.jsonl");
    let at = whole.find('\n').unwrap() + 1;
    let broken = format!("{}oops\n{}", &whole[..at], &whole[at..]);
    let second = again(first)
        .file("out.jsonl", &broken)
        .args(["-t", "{{ text }}"])
        .run()
        .exits(2)
        .says(&format!(
            "out.jsonl: line 2 (at byte {at}) is corrupt, and valid lines follow it"
        ));
    assert_eq!(second.text("out.jsonl"), broken);
}

#[test]
fn a_file_that_promptmill_did_not_write_is_left_alone() {
    for theirs in ["{\"question\":\"mine\"}\n", "hello", "{\"custom_id\":1}\n"] {
        let out = job(ROWS).file("out.jsonl", theirs).run();
        let out = out
            .exits(2)
            .says("out.jsonl exists and was not written by promptmill");
        assert_eq!(out.text("out.jsonl"), theirs);
    }
}

#[test]
fn another_run_on_the_same_output_is_turned_away() {
    let slow = "[latency]\nfirst_token_ms = 600\nper_token_ms = 0\n";
    let first = job(ROWS).scenario(slow).args(["-c", "1"]).spawn();
    first.wait_for_lines(1);
    let here = first.path("");
    let second = Job::new("run")
        .file("prompts.csv", ROWS)
        .args([
            "-i",
            "prompts.csv",
            "-m",
            NOVA,
            "-t",
            "{{ text }}",
            "--endpoint-url",
            "emulator",
        ])
        .args(["-o", here.join("out.jsonl").to_str().unwrap()])
        .run()
        .exits(11);
    assert!(
        second.stderr.contains("another run is writing"),
        "{}",
        second.stderr
    );
    assert_eq!(first.wait().exits(0).answered(), "a b c d");
}

#[test]
fn a_killed_run_goes_on_with_every_answer_it_had_kept() {
    let rows: String = (0..60).map(|n| format!("r{n:02},text {n}\n")).collect();
    let csv = format!("id,text\n{rows}");
    let slow = "[latency]\nfirst_token_ms = 40\nper_token_ms = 0\n";
    let running = job(&csv).scenario(slow).args(["-c", "4"]).spawn();
    running.wait_for_lines(9);
    running.signal("KILL");
    let killed = running.wait();
    assert_eq!(killed.code, None);
    let kept = killed.text("out.jsonl").matches('\n').count();
    let second = again(killed).args(["-t", "{{ text }}"]).run().exits(0);
    assert_eq!(second.answers().len(), 60);
    assert_eq!(second.run_file()["this_run"]["calls"], 60 - kept);
    for (id, answer) in second.answers() {
        let number: u32 = id[1..].parse().unwrap();
        let completion = answer["completion"].as_str().unwrap();
        assert!(
            completion.starts_with(&digest(&format!("text {number}"))),
            "{id}: {completion}"
        );
    }
}

#[test]
fn the_command_that_resumes_names_the_same_files_on_any_day_and_in_any_shell() {
    let job = "[input]\npath = \"${DATA}.csv\"\n[prompt]\ntemplate_file = \"${DATA}.txt\"\n";
    let out = Job::new("run")
        .file("prompts.csv", ROWS)
        .file("prompts.txt", "{{ text }}")
        .file("job.toml", job)
        .scenario(QUICK)
        .env("DATA", "prompts")
        .args(["job.toml", "-m", NOVA, "-o", "{{ date }}/${DATA}.jsonl"])
        .run()
        .exits(0);
    let folders = std::fs::read_dir(out.directory.path()).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let day = names
        .into_iter()
        .find(|name| name.starts_with("20"))
        .unwrap();
    let run: serde_json::Value =
        serde_json::from_str(&out.text(&format!("{day}/prompts.run.json"))).unwrap();
    let resume = run["command"].as_str().unwrap();
    let end = format!(
        "/promptmill run --endpoint-url emulator --scenario scenario.toml job.toml -m {NOVA} \
         -o {day}/prompts.jsonl --input prompts.csv --template-file prompts.txt"
    );
    assert!(resume.ends_with(&end), "{resume}");
    let before = out.text(&format!("{day}/prompts.jsonl"));
    let resume = resume.to_owned();
    let again = out.again("run").through(&resume).run().exits(0);
    assert_eq!(again.text(&format!("{day}/prompts.jsonl")), before);
}

#[test]
fn rows_that_are_refused_again_do_not_stop_a_job_that_was_answered_before() {
    let rows: String = (0..40).map(|n| format!("r{n},bad {n}\n")).collect();
    let scenario = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                    [[fault]]\nkind = \"validation\"\nmatching = \"bad\"\n";
    let args = ["-t", "{{ text }}", "-c", "1", "--max-failures", "40"];
    let out = Job::over(&format!("id,text\ngood,one\n{rows}"))
        .scenario(scenario)
        .args(args)
        .run()
        .exits(0);
    let out = out
        .again("run")
        .on_the_emulator("prompts.csv")
        .scenario(scenario)
        .args(args)
        .args(["--retry-failed"])
        .run()
        .exits(0);
    assert_eq!(out.failures().len(), 40);
    assert_eq!(out.run_file()["this_run"]["calls"], 40);
}

#[test]
fn an_input_that_changes_under_its_run_stops_it_and_the_same_command_goes_on() {
    let rows: String = (0..10).map(|n| format!("r{n},text {n}\n")).collect();
    let running = job(&format!("id,text\n{rows}"))
        .scenario("[latency]\nfirst_token_ms = 50\nper_token_ms = 0\njitter = 0\n")
        .args(["-c", "1"])
        .spawn();
    running.wait_for_lines(2);
    let path = running.path("prompts.csv");
    let mut input = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut input, b"more,text\n").unwrap();
    let out = running.wait().exits(2);
    let out =
        out.says("stopped by the input: prompts.csv: it has changed since this run looked over it");
    let done = again(out).args(["-t", "{{ text }}"]).run().exits(0);
    assert_eq!(done.answers().len(), 11);
}
