//! Answers that an emulator made up are marked for good, and never go with real ones.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::harness::{Job, Out, QUICK, Service};

const ROWS: &str = "id,text\na,one\nb,two\nc,three\n";

const REFUSED: &str = "rows were made up by the emulator, and a model would answer the rest: nobody \
                       could tell one from the other; begin anew with --fresh (it keeps the old \
                       answers aside), or choose another --output";

/// A run on the embedded emulator.
fn rehearsed(rows: &str) -> Out {
    let job = Job::over(ROWS).args(["-t", "{{ text }}", "--limit", rows]);
    job.run().exits(0)
}

/// The same job on Bedrock. Nobody has credentials here, which is found out later.
fn on_bedrock(out: Out, verb: &str) -> Job {
    let job = out.again(verb).the_usual();
    job.env("AWS_REGION", "us-east-1")
}

/// A line of a model's answer.
fn real() -> String {
    let line = r#"{"custom_id":"a","row":1,"status":"succeeded","completion":"yes","finish_reason":"stop","cost_usd":0.1,"fingerprint":null}"#;
    format!("{line}\n")
}

#[track_caller]
fn is_refused(job: Job, output: &str) -> Out {
    let before = std::fs::read(job.path("out.run.json")).ok();
    let out = job.run().exits(2).says(REFUSED);
    assert_eq!(out.text("out.jsonl"), output);
    let after = std::fs::read(out.directory.path().join("out.run.json")).ok();
    assert_eq!(after, before, "the run file is as it was");
    out
}

#[test]
fn every_line_of_the_emulator_says_so() {
    let broken = format!("{QUICK}[[fault]]\nkind = \"not_json\"\nmatching = \"two\"\n");
    let out = Job::over(ROWS).scenario(&broken).args(["-t", "{{ text }}"]);
    let out = out.run().exits(3);
    let lines = out
        .answers()
        .into_values()
        .chain(out.failures().into_values());
    let marks: Vec<_> = lines.map(|line| line["emulated"].clone()).collect();
    assert_eq!(marks, [true, true, true]);
}

#[test]
fn a_rehearsal_is_not_taken_for_the_job_done() {
    let out = rehearsed("3");
    let output = out.text("out.jsonl");
    let out = is_refused(on_bedrock(out, "run"), &output);
    let _ = out.says("out.jsonl: 3 of its ");
}

#[test]
fn a_rehearsal_that_was_killed_is_not_gone_on_with() {
    let out = rehearsed("2");
    std::fs::remove_file(out.directory.path().join("out.run.json")).unwrap();
    let output = out.text("out.jsonl");
    is_refused(on_bedrock(out, "run"), &output);
}

#[test]
fn a_plan_says_the_same() {
    let planned = on_bedrock(rehearsed("2"), "plan").run().exits(2);
    assert!(planned.stdout.contains(REFUSED), "{}", planned.stdout);
}

#[test]
fn one_may_begin_anew() {
    let out = on_bedrock(rehearsed("2"), "run").args(["--fresh"]).run();
    let out = out.exits(77);
    assert!(
        !out.stderr.contains("made up by the emulator"),
        "{}",
        out.stderr
    );
}

#[track_caller]
fn is_marked_elsewhere(job: fn(Job) -> Job) {
    let service = Service::playing(QUICK);
    let first = Job::new("run").file("prompts.csv", ROWS).the_usual();
    let first = job(first.on(&service.url)).args(["--limit", "2"]);
    let out = first
        .run()
        .exits(0)
        .says("(fake responses from the emulator)");
    assert!(out.answers().values().all(|line| line["emulated"] == true));
    assert_eq!(out.run_file()["emulated"], true);

    let more = job(out.again("run").the_usual().on(&service.url));
    let out = more.run().exits(0);
    assert_eq!(out.answers().len(), 3);

    let output = out.text("out.jsonl");
    is_refused(job(on_bedrock(out, "run")), &output);
    assert_eq!(service.calls(), 3, "asking who is there is no call");
}

#[test]
fn an_emulator_elsewhere_marks_its_answers_too() {
    is_marked_elsewhere(|job| job);
}

#[test]
fn so_it_does_with_what_it_streams() {
    is_marked_elsewhere(|job| job.args(["--stream"]));
}

#[test]
fn what_listens_on_this_machine_is_asked_who_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let somebody = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let read = stream.read(&mut asked).unwrap();
        let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nserver: nginx\r\n\r\n")
            .unwrap();
        asked
    });
    let out = rehearsed("2");
    let output = out.text("out.jsonl");
    is_refused(out.again("run").the_usual().on(&url), &output);
    let asked = somebody.join().unwrap();
    assert!(asked.starts_with("GET / HTTP/1.1\r\n"), "{asked}");
}

#[test]
fn the_emulator_does_not_go_on_with_real_answers() {
    let refused = "out.jsonl: 1 of its rows were answered by a model, and the emulator would make up \
                   the rest";
    let embedded = Job::over(ROWS)
        .file("out.jsonl", real())
        .args(["-t", "{{ text }}"]);
    let out = embedded.run().exits(2).says(refused);
    assert_eq!(out.text("out.jsonl"), real());

    let service = Service::playing(QUICK);
    let elsewhere = out.again("run").the_usual().on(&service.url);
    let out = elsewhere.run().exits(2).says(refused);
    assert_eq!(out.text("out.jsonl"), real());

    let config = format!("[profile trial]\nendpoint_url = {}\n", service.url);
    let by_profile = on_bedrock(out, "run").file(".aws/config", config);
    let out = by_profile
        .args(["--profile", "trial"])
        .run()
        .exits(2)
        .says(refused);
    assert_eq!(out.text("out.jsonl"), real());
    assert_eq!(service.calls(), 0);
}
