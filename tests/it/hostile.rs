//! Responses that are made to hurt: deep, wide, with duplicates, endless numbers, broken encodings. They
//! cost their own row, and not the time or memory of others.
//!
//! The short form sends some hundred; `HOSTILE_REPLIES=50000 cargo test --test it -- hostile --nocapture`
//! is the long one, with `--release`, since times are measured.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::harness::{Job, NOVA, Out, Running, pause};

/// Every so many rows one is answered as a model does: the neighbours.
const NEIGHBOURS: u64 = 8;

/// What hostile responses may add to the memory of a run in which all are neighbours: eight calls in
/// flight may have a large body each. Measured: 32 to 37 MiB in 800 responses.
const MOST_KIB: u64 = 64 << 10;

const GOOD: &str = "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"good\"}]}},\
                    \"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":1,\"outputTokens\":1}}";

/// A response of the nth kind, up to so many bytes long.
fn hostile(dice: &mut fastrand::Rng, bytes: usize) -> Vec<u8> {
    let times = |item: &str| item.repeat(bytes / item.len());
    let list = |item: &str| format!("[{}0]", times(&format!("{item},")));
    let within = |value: &str| GOOD.replace("\"good\"", value);
    match dice.u8(0..18) {
        0 => times("[").into(),
        1 => times("{\"a\":").into(),
        2 => format!("{}0{}", "[".repeat(bytes / 2), "]".repeat(bytes / 2)).into(),
        3 => list("{\"\":0}").into(),
        4 => list("[0]").into(),
        5 => list("0").into(),
        6 => list("{}").into(),
        7 => within(&list("{\"\":[{}]}")).into(),
        8 => format!("{{{}\"b\":0}}", times("\"a\":{},")).into(),
        9 => {
            let keys: String = (0..bytes / 12).map(|n| format!("\"k{n}\":0,")).collect();
            format!("{{{keys}\"b\":0}}").into()
        }
        10 => times("9").into(),
        11 => list("1e999999999").into(),
        12 => list("-0.00000000000000000000000000000000000001e-308").into(),
        13 => within(&format!("\"{}\"", times("\\u0000"))).into(),
        14 => within(&format!("\"{}\"", times("\\ud800"))).into(),
        15 => [&GOOD.as_bytes()[..40], &vec![0xff; bytes]].concat(),
        16 => (0..bytes).map(|_| dice.u8(..)).collect(),
        _ => GOOD.as_bytes()[..dice.usize(0..GOOD.len())].to_vec(),
    }
}

/// Most are small, some large, a few as large as a made image. Bytes alone cost several times their
/// number, on their way through the SDK: what is longer is for `flat`.
fn size(dice: &mut fastrand::Rng) -> usize {
    match dice.u16(0..1000) {
        0..900 => dice.usize(1..4 << 10),
        900..990 => dice.usize(4 << 10..256 << 10),
        990..999 => dice.usize(256 << 10..1 << 20),
        _ => dice.usize(1 << 20..4 << 20),
    }
}

/// A service of hostile responses, or of good ones only.
fn service(is_hostile: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let nth = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let nth = Arc::clone(&nth);
            // Who hangs up has heard enough.
            std::thread::spawn(move || serve(connection, is_hostile, &nth));
        }
    });
    address
}

fn serve(connection: TcpStream, is_hostile: bool, nth: &AtomicU64) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut requests = BufReader::new(connection);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(said) = line.strip_prefix("content-length:") {
                length = said.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        requests.read_exact(&mut body)?;
        let is_neighbour = String::from_utf8_lossy(&body).contains("neighbour");
        let body = match is_hostile && !is_neighbour {
            true => {
                let seed = nth.fetch_add(1, Ordering::Relaxed);
                let mut dice = fastrand::Rng::with_seed(seed);
                let bytes = size(&mut dice);
                hostile(&mut dice, bytes)
            }
            false => GOOD.into(),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        requests.get_mut().write_all(head.as_bytes())?;
        requests.get_mut().write_all(&body)?;
    }
}

/// The most memory that a run holds until its end, in KiB.
fn peak_kib(running: &Running) -> u64 {
    let mut peak = 0;
    while !running.has_ended() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        pause();
    }
    peak
}

/// Runs so many rows, and returns its end and the most memory it held.
fn run(rows: u64, is_hostile: bool) -> (Out, u64) {
    let who = |n: u64| match n % NEIGHBOURS {
        0 => "neighbour",
        _ => "hostile",
    };
    let input: String = (0..rows).map(|n| format!("r{n},{}\n", who(n))).collect();
    let running = Job::new("run")
        .file("in.csv", format!("id,prompt\n{input}"))
        .on(&format!("http://{}", service(is_hostile)))
        .args(["-i", "in.csv", "-m", NOVA, "-o", "out.jsonl", "-c", "8"])
        .args(["--max-attempts", "1", "--raw", "never", "--quiet"])
        .spawn();
    let peak = peak_kib(&running);
    (running.wait(), peak)
}

#[test]
fn hostile_responses_cost_their_own_rows_and_nobody_elses_time_or_memory() {
    let asked = std::env::var("HOSTILE_REPLIES").ok();
    let rows = asked.as_ref().map_or(800, |rows| rows.parse().unwrap());
    let (good, base) = run(rows, false);
    good.exits(0);
    let (out, peak) = run(rows, true);
    let out = out.exits(3);
    let answers = out.answers();
    let neighbours: Vec<u64> = (0..rows)
        .step_by(NEIGHBOURS as usize)
        .map(|n| {
            let row = answers.get(&format!("r{n}"));
            let row = row.unwrap_or_else(|| panic!("row {n} was answered"));
            row["latency_ms"].as_u64().unwrap()
        })
        .collect();
    let slowest = neighbours.iter().max().unwrap();
    assert_eq!(answers.len() + out.failures().len(), rows as usize);
    println!(
        "{rows} responses: {base} KiB where all are good, {peak} KiB where most are hostile; the slowest of \
         {} neighbours took {slowest} ms",
        neighbours.len()
    );
    assert!(peak <= base + MOST_KIB, "{base} KiB, then {peak} KiB");
    // In a debug build on a busy machine; the long form reports what it was.
    let most_ms = if cfg!(debug_assertions) { 2_000 } else { 100 };
    assert!(*slowest <= most_ms, "{slowest} ms");
}
