//! `kill -9` at random instants, half of them in the middle of a write, and the same command again.

use std::collections::BTreeSet;

use super::{Service, rounds};
use crate::harness::{Out, Running, pause};

/// Calls in flight: what one kill may repeat.
const CALLS: u64 = 16;

/// Rows of a job.
const ROWS: usize = 300;

/// Answers of 50 bytes to 30 kB; with the provider's body beside them, lines of up to 60 kB.
const LONG_AND_SHORT: &str = "[latency]\nfirst_token_ms = 5\nper_token_ms = 0\njitter = 0.9\n\
                              [output]\nmin_tokens = 5\nmean_tokens = 2500\nmax_tokens = 5000\n";

struct Story {
    kills: usize,
    torn: usize,
    most_repeated: u64,
    longest_line: usize,
}

/// Whole lines that are there now.
fn lines(out: &Out) -> BTreeSet<String> {
    let text = std::fs::read(out.directory.path().join("out.jsonl")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole.map(str::to_owned).collect()
}

fn len(running: &Running) -> u64 {
    let path = running.path("out.jsonl");
    path.metadata().map_or(0, |there| there.len())
}

fn wait_until_it_writes(running: &Running, before: u64) -> bool {
    for _ in 0..1000 {
        if before < len(running) {
            return true;
        }
        if running.has_ended() {
            return false;
        }
        pause();
    }
    panic!("no line within 10 s");
}

/// Waits for the moment at which the file grows: a write is under way then.
fn wait_for_a_write(running: &Running) {
    let before = len(running);
    for _ in 0..100_000 {
        if len(running) != before {
            return;
        }
    }
}

/// Kills one job again and again until it is done.
fn kill_until_done(seed: u64, most: usize, story: &mut Story) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let service = Service::playing(LONG_AND_SHORT);
    let args = ["-c", "16", "--max-tokens", "5000", "--raw", "always"];
    let mut job = service.job(ROWS).args(args);
    let mut before = BTreeSet::new();
    let mut repeated_so_far = 0;
    for _ in 0..most {
        let len = before.iter().map(String::len).sum::<usize>() as u64;
        let mut running = job.spawn();
        if !wait_until_it_writes(&running, len) {
            let out = running.wait().exits(0);
            job = service.again(out).args(args);
            break;
        }
        for _ in 0..dice.u32(0..4) {
            pause();
        }
        if dice.bool() {
            wait_for_a_write(&running);
        }
        running.kill();
        let killed = running.wait();
        let counts = service.counts();
        let now = lines(&killed);
        let lost: Vec<_> = before.difference(&now).collect();
        assert!(lost.is_empty(), "seed {seed}: gone: {lost:?}");
        // What was answered and is on no disk is what this kill makes us ask again.
        let repeated = counts.answered - now.len() as u64;
        let by_this_kill = repeated.saturating_sub(repeated_so_far);
        assert!(
            by_this_kill <= CALLS,
            "seed {seed}: {by_this_kill} repeated"
        );
        repeated_so_far = repeated;
        story.most_repeated = story.most_repeated.max(by_this_kill);
        story.kills += 1;
        before = now;
        job = service.again(killed).args(args);
    }
    let done = job.run().exits(0);
    let torn = std::fs::read_dir(done.directory.path())
        .unwrap()
        .filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            name.to_string_lossy().contains(".torn-")
        });
    story.torn += torn.count();
    let now = lines(&done);
    assert!(before.is_subset(&now), "seed {seed}");
    assert_eq!(done.answers().len(), ROWS, "seed {seed}");
    let longest = now.iter().map(String::len).max().unwrap_or_default();
    story.longest_line = story.longest_line.max(longest);
}

#[test]
fn kills_at_random_instants_lose_no_line_and_repeat_no_more_than_was_in_flight() {
    let wanted = rounds(12);
    let mut story = Story {
        kills: 0,
        torn: 0,
        most_repeated: 0,
        longest_line: 0,
    };
    let mut seed = 0;
    while story.kills < wanted {
        kill_until_done(seed, wanted - story.kills, &mut story);
        seed += 1;
    }
    println!(
        "{} kills in {seed} jobs: {} torn ends, at most {} calls repeated by one, lines up to {} bytes",
        story.kills, story.torn, story.most_repeated, story.longest_line
    );
    assert!(20_000 < story.longest_line, "{}", story.longest_line);
    let torn = story.kills / 100;
    assert!(torn <= story.torn, "{} of {torn} torn", story.torn);
}
