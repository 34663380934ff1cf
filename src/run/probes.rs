//! Single calls that find out whether something has passed, ever more rarely.

use std::time::Duration;

use tokio::time::Instant;

/// The first wait between two probes, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// When it began, and when the next probe may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probes {
    since: Instant,
    wait: Duration,
    next: Instant,
}

impl Probes {
    /// It begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            wait: FIRST_WAIT,
            next: now + FIRST_WAIT,
        }
    }

    /// It has not passed.
    pub(super) fn failed(&mut self, now: Instant) {
        if self.next <= now {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
            self.next = now + self.wait;
        }
    }

    /// The service asks not to be called before this.
    pub(super) fn not_before(&mut self, asked: Instant) {
        self.next = self.next.max(asked);
    }

    /// When it began.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// When the next call may go, alone.
    pub(super) fn next(&self) -> Instant {
        self.next
    }
}
