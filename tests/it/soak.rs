//! A run that goes on for long while a tenth of its calls go wrong in every way: its memory stays what it
//! was, and rows fail only for what may not be repeated any more.
//!
//! The short form takes seconds; `SOAK_SECONDS=600 cargo test --test it -- soak --nocapture` is the long
//! one.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test that watches another process, in the time of the real world"
)]

use std::time::{Duration, Instant};

use crate::harness::{Job, NOVA, QUICK, Running, Service, pause};

/// A tenth of the calls in all.
const FAULTS: [(&str, f64); 7] = [
    ("throttled", 0.03),
    ("unavailable", 0.02),
    ("server_error", 0.01),
    ("reset", 0.01),
    ("short_body", 0.01),
    ("closed_after", 0.01),
    ("not_json", 0.01),
];

/// What a run may hold more at its end than in its second quarter: what is in flight varies.
const NOISE_KIB: u64 = 8 << 10;

fn resident_kib(running: &Running) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn a_long_run_with_faults_of_every_kind_holds_its_memory_and_fails_no_row_it_could_repeat() {
    let asked = std::env::var("SOAK_SECONDS").ok();
    let seconds: u64 = asked.map_or(8, |seconds| seconds.parse().unwrap());
    let faults =
        FAULTS.map(|(kind, share)| format!("[[fault]]\nkind = \"{kind}\"\nshare = {share}\n"));
    let service = Service::playing(&format!("{QUICK}{}", faults.concat()));
    let rows = seconds * 3_000;
    let input: String = (0..rows)
        .map(|n| format!("r{n},what is {n} about\n"))
        .collect();
    let running = Job::new("run")
        .file("in.csv", format!("id,prompt\n{input}"))
        .on(&service.url)
        .args([
            "-i",
            "in.csv",
            "-m",
            NOVA,
            "-o",
            "out.jsonl",
            "-c",
            "32",
            "--quiet",
        ])
        .args(["--requests-per-minute", "100000"])
        .args(["--deadline", &format!("{seconds}s")])
        .spawn();
    let start = Instant::now();
    let quarter = Duration::from_secs(seconds) / 4;
    let mut peaks = [0; 4];
    while !running.has_ended() {
        let nth = (start.elapsed().as_secs_f64() / quarter.as_secs_f64()) as usize;
        if let Some(peak) = peaks.get_mut(nth) {
            *peak = resident_kib(&running).unwrap_or(0).max(*peak);
        }
        pause();
    }
    let out = running.wait().exits(8);
    let run = out.run_file();
    let total = |what: &str| run["total"][what].as_u64().unwrap();
    println!(
        "{seconds} s: {} rows succeeded, {} failed; peaks by quarter: {peaks:?} KiB; {} calls, {} retries",
        total("succeeded"),
        total("failed"),
        run["this_run"]["calls"],
        run["this_run"]["retries"]
    );
    assert_eq!(run["stop"]["reason"], "deadline", "{run}");
    assert!(0 < total("succeeded"), "{run}");
    assert!(peaks.iter().all(|peak| 0 < *peak), "{peaks:?} KiB");
    // Keys of completed rows are kept: 32 bytes each.
    let keys = (total("succeeded") + total("failed")) * 32 / 1024;
    assert!(peaks[3] <= peaks[1] + NOISE_KIB + keys, "{peaks:?} KiB");
    for (id, row) in out.failures() {
        println!("{id}: {}", row["error"]);
        // Three attempts are the most once one of them may have been billed.
        assert_eq!(row["attempts"], 3, "{row}");
        assert!(1 <= row["maybe_billed"].as_u64().unwrap(), "{row}");
    }
}
