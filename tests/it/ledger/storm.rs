//! Limits across restarts: a run that is killed and started again and again sends no more than one that
//! is left alone.

#![expect(
    clippy::disallowed_methods,
    reason = "a test that watches another process, in the time of the real world"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bedrock_emulator::Stats;

use super::{Service, rounds};
use crate::harness::pause;

/// One call may be late by so much more than another when the service counts it. In a short storm on a
/// busy machine that is the difference between two processes at most.
const LATE: Duration = Duration::from_secs(1);

/// Answers soon, some in the middle of a kill.
const SOON: &str = "[latency]\nfirst_token_ms = 200\nper_token_ms = 0\njitter = 0.9\n\
                    [output]\nmin_tokens = 5\nmean_tokens = 6\nmax_tokens = 8\n";

/// Notes when calls arrive at the service.
struct Watch {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<Instant>>,
}

impl Watch {
    fn over(stats: Stats) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut arrivals = Vec::new();
            while !heard.load(Ordering::Relaxed) {
                let calls = stats.counts().calls as usize;
                arrivals.resize(calls, Instant::now());
                pause();
            }
            arrivals
        });
        Self { is_over, thread }
    }

    fn end(self) -> Vec<Instant> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// The most calls within any sixty seconds.
fn most_in_a_minute(arrivals: &[Instant]) -> usize {
    let minute = Duration::from_secs(60);
    let in_minute_from = |first: usize| {
        let within = arrivals[first..].iter();
        within
            .take_while(|at| **at < arrivals[first] + minute)
            .count()
    };
    (0..arrivals.len()).map(in_minute_from).max().unwrap_or(0)
}

/// The most calls by which any span of time exceeds its share of the limit.
fn most_above_the_pace(arrivals: &[Instant], per_minute: f64) -> f64 {
    let mut most: f64 = 0.0;
    for (first, from) in arrivals.iter().enumerate() {
        for (more, to) in arrivals[first..].iter().enumerate() {
            let allowed = 1.0 + (*to - *from + LATE).as_secs_f64() * per_minute / 60.0;
            most = most.max((more + 1) as f64 - allowed);
        }
    }
    most
}

/// Kills a run under a limit so many times, at random instants up to `longest` after its start; every
/// fourth is told to stop instead.
fn storm(limit: &'static str, kills: usize, longest: Duration, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let service = Service::playing(SOON);
    let watch = Watch::over(service.emulator.stats().clone());
    let args = ["--requests-per-minute", limit, "-c", "16", "--drain", "0s"];
    // Enough for as long as it lasts.
    let mut job = service.job(kills * 30).args(args);
    let started = Instant::now();
    for nth in 0..kills {
        let mut running = job.spawn();
        // Every third is hit at once, whatever it does then.
        while nth % 3 != 0 && !running.catches_sigterm() {
            pause();
        }
        let end = Instant::now() + longest.mul_f64(dice.f64());
        while Instant::now() < end {
            pause();
        }
        if nth % 4 == 3 {
            running.signal_if_there("TERM");
        } else {
            running.kill();
        }
        job = service.again(running.wait()).args(args);
    }
    let lasted = started.elapsed();
    let arrivals = watch.end();
    let per_minute: f64 = limit.parse().unwrap();
    let (most, above) = (
        most_in_a_minute(&arrivals),
        most_above_the_pace(&arrivals, per_minute),
    );
    println!(
        "{kills} kills in {:.0} s under {limit} a minute: {} calls, at most {most} in any 60 s, {above:.2} \
         above the pace",
        lasted.as_secs_f64(),
        arrivals.len(),
    );
    assert!(!arrivals.is_empty(), "no call was ever sent");
    assert!(most as f64 <= per_minute, "{most} calls in a minute");
    assert!(
        above <= 0.0,
        "{above} calls above the pace of {limit} a minute"
    );
}

/// The long form is `PROMPTMILL_ROUNDS=200`, which takes minutes.
fn rounds_of(limit: &'static str, few: usize) {
    let longest = Duration::from_millis(if rounds(few) == few { 900 } else { 3_000 });
    storm(limit, rounds(few), longest, 14);
}

#[test]
fn kills_do_not_raise_a_limit_of_2_a_minute() {
    rounds_of("2", 8);
}

#[test]
fn kills_do_not_raise_a_limit_of_10_a_minute() {
    rounds_of("10", 8);
}

#[test]
fn kills_do_not_raise_a_limit_of_60_a_minute() {
    rounds_of("60", 10);
}

#[test]
fn kills_do_not_raise_a_limit_of_600_a_minute() {
    rounds_of("600", 10);
}

#[test]
fn the_tokens_of_a_day_are_used_once_however_often_a_run_is_started() {
    let service = Service::playing(SOON);
    let args = ["--tokens-per-day", "400", "--max-tokens", "8", "-c", "4"];
    let mut out = service.job(200).args(args).run().exits(75);
    let calls = service.counts().calls;
    let counts = service.counts();
    assert!(
        0 < calls && counts.input_tokens + counts.output_tokens <= 400,
        "{counts:?}"
    );
    for _ in 0..3 {
        out = service.again(out).args(args).run().exits(75);
        assert!(out.stderr.contains("tokens_per_day"), "{}", out.stderr);
    }
    // What was counted at its worst until it had settled leaves room for a few more at most.
    let counts = service.counts();
    assert!(
        counts.input_tokens + counts.output_tokens <= 400,
        "{counts:?}"
    );
}

#[test]
fn the_tokens_of_a_minute_are_not_there_again_for_a_run_that_follows_a_kill() {
    let service = Service::playing(SOON);
    // About 13 tokens reserved by each call: eight a minute.
    let args = ["--tokens-per-minute", "120", "--max-tokens", "8", "-c", "1"];
    let mut job = service.job(200).args(args);
    let started = Instant::now();
    for _ in 0..6 {
        let mut running = job.spawn();
        let end = Instant::now() + Duration::from_millis(700);
        while Instant::now() < end {
            pause();
        }
        running.kill();
        job = service.again(running.wait()).args(args);
    }
    let calls = service.counts().calls as f64;
    let allowed = 1.0 + started.elapsed().as_secs_f64() * 20.0 / 60.0 + 1.0;
    assert!(0.0 < calls && calls <= allowed, "{calls} of {allowed:.1}");
}
