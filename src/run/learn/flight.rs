//! Calls whose fate is not known yet.
//!
//! What was sent within the time that a throttle takes to come back says nothing so far, and all of
//! it may turn out to be too much. While a rate is being looked for, no more calls are put at risk
//! than were let in beyond doubt.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How long a throttle may take at most, while none was seen: across the world and back, slowly. An
/// answer that comes sooner says so: a throttle is never slower than an answer.
const LONGEST_NEWS: Duration = Duration::from_millis(500);

/// Timers and the loop are late by so much.
const SHORTEST_NEWS: Duration = Duration::from_millis(5);

/// How many throttles the time they take is about.
const REFUSALS: u32 = 4;

/// How many calls are put at risk for each that was let in. With one for one, the rate at which a
/// quota is overrun would be higher by a half, and so would the throttles.
const RISK: f64 = 0.7;

/// What is on its way.
#[derive(Debug)]
pub(super) struct Flight {
    /// When each call was sent, and whether the rate was what held it back until then.
    sent: VecDeque<(Instant, bool)>,
    /// Calls that were limited, and let in beyond doubt.
    proved: f64,
    /// How many may be at risk before any is let in.
    at_risk: f64,
    refusal: Option<Duration>,
    answer: Duration,
}

impl Flight {
    /// Nothing is on its way yet, and so many may be at once.
    pub(super) fn new(at_risk: f64) -> Self {
        Self {
            sent: VecDeque::new(),
            proved: 0.0,
            at_risk,
            refusal: None,
            answer: LONGEST_NEWS,
        }
    }

    /// A new search begins: what was sent before proves nothing.
    pub(super) fn restart(&mut self, at_risk: f64) {
        self.sent.clear();
        self.proved = 0.0;
        self.at_risk = at_risk;
    }

    /// What is on its way will prove nothing.
    pub(super) fn doubt(&mut self) {
        self.sent.clear();
    }

    /// How long it takes to hear of a throttle.
    pub(super) fn news(&self) -> Duration {
        self.refusal.unwrap_or(self.answer).max(SHORTEST_NEWS)
    }

    /// The calls a second that put no more at risk than has earned it, if throttles are as slow as
    /// answers.
    pub(super) fn calls_per_second(&self) -> f64 {
        let room = self.at_risk + self.proved * RISK;
        room / self.answer.max(SHORTEST_NEWS).as_secs_f64()
    }

    /// Whether one more may be put at risk, or when.
    pub(super) fn ready(&self, now: Instant) -> Result<(), Instant> {
        let news = self.news();
        let known = self.sent.partition_point(|(sent, _)| *sent + news <= now);
        let unknown = (self.sent.len() - known) as f64;
        let room = self.at_risk + self.proved + known as f64;
        match self.sent.get(known) {
            Some((oldest, _)) if room <= unknown => Err(*oldest + news),
            Some(_) | None => Ok(()),
        }
    }

    /// A call starts.
    pub(super) fn send(&mut self, now: Instant, was_rate_limited: bool) {
        let news = self.news();
        while let Some((sent, held_back)) = self.sent.front()
            && *sent + news <= now
        {
            self.proved += f64::from(u8::from(*held_back));
            self.sent.pop_front();
        }
        self.sent.push_back((now, was_rate_limited));
    }

    /// How many calls were sent after that instant, of which nothing is known.
    pub(super) fn sent_after(&self, instant: Instant) -> u64 {
        let before = self.sent.partition_point(|(sent, _)| *sent <= instant);
        (self.sent.len() - before) as u64
    }

    /// A call was throttled.
    pub(super) fn refuse(&mut self, sent: Instant, now: Instant) {
        let took = now.saturating_duration_since(sent);
        self.refusal = Some(match self.refusal {
            Some(before) => (before * (REFUSALS - 1) + took) / REFUSALS,
            None => took,
        });
        match self.sent.binary_search_by_key(&sent, |(sent, _)| *sent) {
            Ok(at) => drop(self.sent.remove(at)),
            Err(_) => self.proved = (self.proved - 1.0).max(0.0),
        }
    }

    /// A call was answered. True if it came back sooner than any before.
    pub(super) fn answer(&mut self, sent: Instant, now: Instant) -> bool {
        let took = now.saturating_duration_since(sent);
        let is_soonest = took < self.answer;
        self.answer = self.answer.min(took);
        is_soonest
    }
}
