//! Memory and open files do not grow with the rows, however many calls go wrong.
//!
//! The short form compares 1,000 rows with 8,000; `FLAT_ROWS=1000000 cargo test --test it -- flat`
//! is the long one.

#![cfg(target_os = "linux")]

use crate::harness::{Job, NOVA, Out, QUICK, Running, Service, pause};

/// Everything that leaves something half done: connections, bodies, rows to be sent again, rows
/// that fail with a body to keep.
const FAULTS: &str = "
[[fault]]
kind = \"reset\"
share = 0.02
[[fault]]
kind = \"short_body\"
share = 0.02
[[fault]]
kind = \"closed_after\"
share = 0.02
[[fault]]
kind = \"unavailable\"
share = 0.02
[[fault]]
kind = \"wrong_shape\"
share = 0.01
[[fault]]
kind = \"validation\"
share = 0.01
";

/// The most that may be added by whatever was in flight at the peak.
const NOISE_KIB: u64 = 8 << 10;

/// What a row with an id adds: its key, for the check for duplicates.
const KEY_BYTES: u64 = 8;

/// Whether the run file says how the run ended.
fn ended(running: &Running) -> bool {
    let text = std::fs::read_to_string(running.path("out.run.json")).unwrap_or_default();
    !text.is_empty() && !text.contains(r#""state": "running""#)
}

/// The most memory that a run holds until its end, in KiB.
fn peak_of(running: &Running) -> u64 {
    let mut peak = 0;
    while !ended(running) {
        let status = running.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        pause();
    }
    peak
}

/// Runs so many rows, 64 at a time, with no more than 128 open files, and returns the most memory
/// the run ever held, in KiB.
fn peak_kib(rows: u64) -> u64 {
    let service = Service::playing(&format!("refusal_ms = 0\n{QUICK}{FAULTS}"));
    let text = "what is this about and is it meant well ".repeat(60);
    let input: String = (0..rows).map(|n| format!("r{n},{text}{n}\n")).collect();
    let running = Job::after("ulimit -n 128", "run")
        .file("in.csv", format!("id,prompt\n{input}"))
        .on(&service.url)
        .args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "-c", "64"])
        .spawn();
    let peak = peak_of(&running);
    let out = running.wait().exits(3);
    let run = out.run_file();
    let total = |what: &str| run["total"][what].as_u64().unwrap();
    assert_eq!(total("succeeded") + total("failed"), rows, "{run}");
    assert!(rows / 100 < total("failed"), "faults struck: {run}");
    assert!(
        rows / 50 < run["this_run"]["retries"].as_u64().unwrap(),
        "{run}"
    );
    peak
}

#[test]
fn memory_and_open_files_stay_flat_while_calls_go_wrong() {
    let most = std::env::var("FLAT_ROWS").map_or(8_000, |rows| rows.parse().unwrap());
    let few = most / 8;
    let (low, high) = (peak_kib(few), peak_kib(most));
    println!("{few} rows: {low} KiB; {most} rows: {high} KiB");
    let allowed = NOISE_KIB + (most - few) * KEY_BYTES / 1024;
    assert!(
        high < low + allowed,
        "{few} rows: {low} KiB; {most} rows: {high} KiB"
    );
}

#[test]
fn embeddings_that_share_calls_stay_within_the_bytes_in_flight() {
    const MODEL: &str = "cohere.embed-english-v3";
    let service = Service::playing(QUICK);
    let text = "what is this about and is it meant well";
    let input: String = (0..64 * 96).map(|n| format!("r{n},{text} {n}\n")).collect();
    let running = Job::new("run")
        .file("in.csv", format!("id,prompt\n{input}"))
        .on(&service.url)
        .args(["-i", "in.csv", "-m", MODEL, "-o", "out.jsonl"])
        .args(["--extra", r#"{"input_type":"search_document"}"#])
        .spawn();
    let peak = peak_of(&running);
    let out = running.wait().exits(0);
    assert_eq!(out.run_file()["this_run"]["calls"], 64);
    println!("{} rows of embeddings: {peak} KiB", 64 * 96);
    // 96 MiB are for calls in flight; all of them at once would take 600.
    assert!(peak < 250 << 10, "{peak} KiB");
}

/// The most memory that a run of `rows` rows holds which all copy one response of 900 KiB, in KiB.
fn peak_of_copies(rows: usize) -> u64 {
    let told = "[latency]\nfirst_token_ms = 1500\nper_token_ms = 0\njitter = 0.0\n\
                [[answer]]\ntext_file = \"long.txt\"\n";
    let input: String = (0..rows).map(|n| format!("r{n},same\n")).collect();
    let running = Job::new("run")
        .file("in.csv", format!("id,prompt\n{input}"))
        .file("long.txt", "x".repeat(900 << 10))
        .scenario(told)
        .args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "--dedupe"])
        .args(["--durability", "none"])
        .spawn();
    let peak = peak_of(&running);
    let out = running.wait().exits(0);
    let run = out.run_file();
    assert_eq!(run["this_run"]["calls"], 1);
    assert_eq!(run["this_run"]["copied"], rows as u64 - 1);
    peak
}

#[test]
fn copies_of_a_long_response_are_written_a_few_at_a_time() {
    let (few, many) = (peak_of_copies(30), peak_of_copies(300));
    println!("30 copies: {few} KiB; 300 copies: {many} KiB");
    assert!(
        many < few + 2 * NOISE_KIB,
        "30 copies: {few} KiB; 300 copies: {many} KiB"
    );
}

/// Four rows, two at a time, in `kib` of memory, against a service that sends 200 MB.
fn against(kind: &str, kib: u32, more: &[&str]) -> Out {
    let service = Service::playing(&format!("{QUICK}[[fault]]\nkind = \"{kind}\"\n"));
    let job = Job::after(&format!("ulimit -v {kib}"), "run");
    let job = job.file("in.csv", "prompt\na\nb\nc\nd\n").on(&service.url);
    let job = job.args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "-c", "2"]);
    let job = job.args(["--max-attempts", "4", "--throttle-wait", "2s"]);
    more.iter().fold(job, |job, more| job.args([more])).run()
}

#[test]
fn a_body_of_200_mb_is_not_taken_in() {
    // Room for two answers of 32 MiB that are being copied, and not for one of 200 MB.
    let out = against("huge_body", 550_000, &[]).exits(3);
    assert_eq!(out.text("out.failed.jsonl").lines().count(), 4);
}

#[test]
fn a_chunk_of_200_mb_is_not_taken_in() {
    let out = against("huge_body", 800_000, &["--stream"]).exits(3);
    let failures = out.text("out.failed.jsonl");
    assert_eq!(failures.lines().count(), 4);
    let said = failures
        .matches("the response is longer than 32 MiB")
        .count();
    assert_eq!(said, 4, "{failures}");
}

#[test]
fn an_error_of_200_mb_is_not_taken_in() {
    for how in [&[][..], &["--stream"]] {
        let out = against("huge_error", 400_000, how).exits(75);
        let out = out.says("server_error (HTTP 502): the service failed");
        out.sent_nothing();
    }
}
