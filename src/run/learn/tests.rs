//! The rate against a bucket, call by call, on instants that no clock has to reach.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Climb, Learned};

/// How long a throttle takes to come back.
const REFUSAL: Duration = Duration::from_millis(20);

/// A service with a quota, and what was seen of it.
struct Scene {
    start: Instant,
    now: Instant,
    per_second: f64,
    burst: f64,
    level: f64,
    filled: Instant,
    refusals: VecDeque<Instant>,
    sent: u32,
    refused: u32,
}

impl Scene {
    fn new(per_second: f64) -> Self {
        let start = Instant::now();
        let burst = per_second.max(1.0);
        Self {
            start,
            now: start,
            per_second,
            burst,
            level: burst,
            filled: start,
            refusals: VecDeque::new(),
            sent: 0,
            refused: 0,
        }
    }

    /// Sends for so many seconds, and no more than `demand` calls a second.
    fn send(&mut self, learned: &mut Learned, demand: f64, seconds: u64) -> &mut Self {
        let end = self.now + Duration::from_secs(seconds);
        let mut wanted = self.now;
        (self.sent, self.refused) = (0, 0);
        loop {
            let ready = learned.ready(self.now).err().unwrap_or(self.now);
            let next = ready.max(wanted).max(self.now);
            if let Some(&sent) = self.refusals.front()
                && sent + REFUSAL <= next
            {
                self.refusals.pop_front();
                self.now = self.now.max(sent + REFUSAL);
                learned.refused(1.0, sent, self.now, None);
                continue;
            }
            if end <= next {
                self.now = end;
                return self;
            }
            self.now = next;
            wanted = wanted.max(self.now - Duration::from_millis(1));
            wanted += Duration::from_secs_f64(1.0 / demand);
            self.call(learned);
        }
    }

    fn call(&mut self, learned: &mut Learned) {
        learned.sent(1.0, self.now);
        self.sent += 1;
        let refilled = (self.now - self.filled).as_secs_f64() * self.per_second;
        self.level = (self.level + refilled).min(self.burst);
        self.filled = self.now;
        if self.level < 1.0 {
            self.refused += 1;
            self.refusals.push_back(self.now);
        } else {
            self.level -= 1.0;
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }
}

/// More than any quota here.
const ALL: f64 = 1e6;

#[track_caller]
fn between(least: f64, got: f64, most: f64) {
    assert!(
        (least..=most).contains(&got),
        "{got} is not in {least}..{most}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_quota_is_found_within_two_minutes_and_then_used_up() {
    for quota in [2.0, 7.0, 50.0, 900.0] {
        let mut scene = Scene::new(quota);
        let mut learned = Learned::unknown(scene.start);
        scene.send(&mut learned, ALL, 120);
        scene.send(&mut learned, ALL, 600);
        let admitted = f64::from(scene.sent - scene.refused) / 600.0;
        between(0.97, admitted / quota, 1.01);
        between(0.0, f64::from(scene.refused) / f64::from(scene.sent), 0.03);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_changes_is_followed_down_and_up() {
    let mut scene = Scene::new(40.0);
    let mut learned = Learned::unknown(scene.start);
    scene.send(&mut learned, ALL, 60);
    (scene.per_second, scene.burst) = (10.0, 10.0);
    scene.send(&mut learned, ALL, 5);
    scene.send(&mut learned, ALL, 60);
    between(550.0, f64::from(scene.sent - scene.refused), 610.0);
    (scene.per_second, scene.burst) = (40.0, 40.0);
    scene.send(&mut learned, ALL, 30);
    scene.send(&mut learned, ALL, 60);
    between(2250.0, f64::from(scene.sent - scene.refused), 2440.0);
}

#[tokio::test(start_paused = true)]
async fn one_call_a_minute_is_found() {
    let mut scene = Scene::new(1.0 / 60.0);
    let mut learned = Learned::unknown(scene.start);
    scene.send(&mut learned, ALL, 600);
    scene.send(&mut learned, ALL, 3600);
    between(40.0, f64::from(scene.sent - scene.refused), 61.0);
    between(0.0, f64::from(scene.refused), 45.0);
}

#[tokio::test(start_paused = true)]
async fn many_throttles_in_flight_are_one_cut() {
    let scene = Scene::new(1.0);
    let mut learned = Learned::known(ALL, scene.start);
    for ms in 0..80 {
        learned.sent(1.0, scene.at(ms));
    }
    let mut cut = |ms| learned.refused(1.0, scene.at(ms), scene.at(ms + 20), None);
    let cuts = (60..80).filter(|ms| cut(*ms)).count();
    assert_eq!(cuts, 1);
}

/// What is found when calls were sent every millisecond, and those from the 60th on that are
/// `refused` came back after 20 ms.
fn found(refused: impl Fn(u64) -> bool) -> f64 {
    let scene = Scene::new(1.0);
    let mut learned = Learned::unknown(scene.start);
    for ms in 0..80 {
        learned.sent(1.0, scene.at(ms));
    }
    for ms in (60..80).filter(|ms| refused(*ms)) {
        learned.refused(1.0, scene.at(ms), scene.at(ms + 20), None);
    }
    learned.ceiling().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_search_ended_says_what_the_quota_is() {
    // None was let in, in 23 ms until the fourth throttle; then every other, and four in five.
    between(20.0, found(|_| true), 25.0);
    between(380.0, found(|ms| ms % 2 == 0), 450.0);
    between(450.0, found(|ms| ms % 5 == 0), 600.0);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_put_at_risk_than_was_let_in() {
    for news_ms in [20, 300] {
        let scene = Scene::new(1.0);
        let mut learned = Learned::unknown(scene.start);
        let mut sent: Vec<u64> = Vec::new();
        for ms in 0..3000 {
            if let Some(at) = sent.iter().rev().find(|at| **at + news_ms <= ms) {
                learned.answered(scene.at(*at), scene.at(ms));
            }
            while learned.ready(scene.at(ms)).is_ok() && sent.len() < 50_000 {
                learned.sent(1.0, scene.at(ms));
                sent.push(ms);
                let known = sent.iter().filter(|at| **at + news_ms <= ms).count();
                let at_risk = sent.len() - known;
                assert!(
                    at_risk <= known + 14,
                    "{ms} ms: {at_risk} at risk, {known} known"
                );
            }
        }
        assert!(1_000 < sent.len(), "{}", sent.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_sooner_responses_come_the_sooner_a_rate_is_found() {
    for (answer_ms, most_ms) in [(0, 60), (50, 500), (400, 4_000)] {
        let scene = Scene::new(1.0);
        let mut learned = Learned::unknown(scene.start);
        let (mut ms, mut sent) = (0, VecDeque::new());
        while learned.rate.unwrap() < 1_000.0 {
            while sent.front().is_some_and(|at| at + answer_ms <= ms) {
                let at = scene.at(sent.pop_front().unwrap());
                learned.answered(at, scene.at(ms));
            }
            while learned.ready(scene.at(ms)).is_ok() {
                learned.sent(1.0, scene.at(ms));
                sent.push_back(ms);
            }
            ms += 1;
        }
        assert!(ms <= most_ms, "answers in {answer_ms} ms: {ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_below_the_ceiling_is_noise() {
    let mut scene = Scene::new(20.0);
    let mut learned = Learned::unknown(scene.start);
    scene.send(&mut learned, ALL, 60);
    scene.per_second = 1e9;
    let found = learned.ceiling().unwrap();
    learned.cut(Climb::measured(found, 100.0), scene.now);
    for _ in 0..2 {
        scene.send(&mut learned, ALL, 1);
        let changed = learned.refused(1.0, scene.now, scene.now, None);
        assert!(!changed);
    }
    assert_eq!(learned.ceiling(), Some(found));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_slower_than_its_rate_neither_grows_nor_shrinks() {
    let mut scene = Scene::new(1e9);
    let mut learned = Learned::unknown(scene.start);
    scene.send(&mut learned, 30.0, 600);
    // 18,000 calls were let in; those that the rate had limited are all that counts.
    between(30.0, learned.rate.unwrap(), 100.0);
    learned.cut(Climb::measured(50.0, 100.0), scene.now);
    scene.send(&mut learned, 30.0, 600);
    between(47.5, learned.rate.unwrap(), 48.5);
}

#[tokio::test(start_paused = true)]
async fn after_a_silence_the_rate_is_what_it_was_and_nothing_is_saved_up() {
    let mut scene = Scene::new(20.0);
    let mut learned = Learned::unknown(scene.start);
    scene.send(&mut learned, ALL, 60);
    let rate = learned.rate;
    scene.now += Duration::from_secs(3600);
    scene.sent = 0;
    while learned.ready(scene.now).is_ok() {
        scene.call(&mut learned);
    }
    between(1.0, f64::from(scene.sent), rate.unwrap() * 0.1 + 2.0);
    between(rate.unwrap(), learned.rate.unwrap(), rate.unwrap() * 1.1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_service_asks_for_is_not_cut_short_by_late_throttles() {
    let scene = Scene::new(1.0);
    let mut learned = Learned::known(10.0, scene.start);
    learned.sent(1.0, scene.at(0));
    let ask = Some(Duration::from_secs(7));
    assert!(!learned.refused(1.0, scene.at(0), scene.at(20), ask));
    assert_eq!(learned.ready(scene.at(21)), Err(scene.at(7_020)));
    assert_eq!(learned.ready(scene.at(7_020)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_known_quota_paces_nothing_until_it_is_overrun() {
    for cap in [f64::INFINITY, 1e6] {
        let mut scene = Scene::new(5.0);
        let mut learned = Learned::known(cap, scene.start);
        for ms in 0..2 {
            learned.sent(1.0, scene.at(ms));
            assert!(!learned.refused(1.0, scene.at(ms), scene.at(ms), None));
            assert_eq!(
                (learned.ceiling(), learned.ready(scene.at(ms))),
                (None, Ok(()))
            );
        }
        scene.send(&mut learned, 50.0, 30);
        scene.send(&mut learned, 50.0, 300);
        between(0.97, f64::from(scene.sent - scene.refused) / 1500.0, 1.01);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_job_says_is_never_exceeded() {
    let mut scene = Scene::new(1e9);
    let mut learned = Learned::paced(10.0, scene.start);
    learned.cut(Climb::measured(5.0, 0.0), scene.now);
    scene.send(&mut learned, ALL, 600);
    assert_eq!(learned.rate, Some(10.0));
    scene.send(&mut learned, ALL, 60);
    between(599.0, f64::from(scene.sent), 601.0);
}

#[tokio::test(start_paused = true)]
async fn a_correction_gives_back_its_time() {
    let scene = Scene::new(1.0);
    let mut learned = Learned::paced(100.0, scene.start);
    learned.sent(1000.0, scene.start);
    assert_eq!(learned.ready(scene.at(0)), Err(scene.at(10_000)));
    learned.correct(-900.0, scene.start);
    assert_eq!(learned.ready(scene.at(0)), Err(scene.at(1_000)));
    learned.correct(100.0, scene.start);
    assert_eq!(learned.ready(scene.at(0)), Err(scene.at(2_000)));
}
