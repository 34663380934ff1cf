//! Token buckets: amounts that refill with time.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds in a minute: quotas are given by the minute, buckets refill by the second.
pub(super) const MINUTE_S: f64 = 60.0;

/// Tolerance for rounding: a call that arrives exactly when it is due is admitted.
const NOISE: f64 = 1e-9;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A quota that refills evenly.
#[derive(Debug)]
pub(super) struct Bucket {
    capacity: f64,
    per_second: f64,
    level: f64,
    at: Instant,
}

/// A quota that refills once a day.
#[derive(Debug)]
pub(super) struct Day {
    capacity: f64,
    used: f64,
    since: Instant,
}

impl Bucket {
    pub(super) fn new(capacity: f64, per_minute: f64, at: Instant) -> Self {
        Self {
            capacity,
            per_second: per_minute / MINUTE_S,
            level: capacity,
            at,
        }
    }

    /// Changes the quota. The bucket keeps its level.
    pub(super) fn change(&mut self, capacity: f64, per_minute: f64) {
        let full = if self.capacity.is_finite() {
            self.level / self.capacity
        } else {
            1.0
        };
        self.level = if capacity.is_finite() {
            capacity * full
        } else {
            f64::INFINITY
        };
        self.capacity = capacity;
        self.per_second = per_minute / MINUTE_S;
    }

    pub(super) fn has(&self, amount: f64) -> bool {
        amount <= self.level + NOISE
    }

    pub(super) fn take(&mut self, amount: f64) {
        self.level -= amount;
    }

    /// Refills for the time up to `now`.
    pub(super) fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        if 0.0 < elapsed {
            self.give_back(elapsed * self.per_second);
            self.at = now;
        }
    }

    /// Returns what was not used. A negative amount takes more, and may leave the bucket below zero.
    pub(super) fn give_back(&mut self, tokens: f64) {
        self.level = (self.level + tokens).min(self.capacity);
    }
}

impl Day {
    pub(super) fn new(capacity: f64, since: Instant) -> Self {
        let used = 0.0;
        Self {
            capacity,
            used,
            since,
        }
    }

    /// Changes the quota. What was used today stays used.
    pub(super) fn change(&mut self, capacity: f64) {
        self.capacity = capacity;
    }

    pub(super) fn has(&self, amount: f64) -> bool {
        self.used + amount <= self.capacity
    }

    pub(super) fn take(&mut self, amount: f64) {
        self.used += amount;
    }

    /// Starts a new day once the current one has passed.
    pub(super) fn turn(&mut self, now: Instant) {
        if DAY <= now.saturating_duration_since(self.since) {
            self.used = 0.0;
            self.since = now;
        }
    }
}
