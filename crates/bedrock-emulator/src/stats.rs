//! Counters of the emulator, readable at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A handle on the emulator's counters. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Stats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    answered: AtomicU64,
    rejected: AtomicU64,
    throttled: AtomicU64,
    faults: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

/// The counters at one moment. A call that has ended is in exactly one of `answered`, `rejected`,
/// `throttled` and `faults`, unless its client hung up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls that arrived.
    pub calls: u64,
    /// Calls that succeeded.
    pub answered: u64,
    /// Calls with an invalid request.
    pub rejected: u64,
    /// Calls that exceeded a quota of the scenario.
    pub throttled: u64,
    /// Calls that got a fault of the scenario.
    pub faults: u64,
    /// Calls in flight now.
    pub in_flight: u64,
    /// The most calls that were in flight at once.
    pub max_in_flight: u64,
    /// Input tokens of all calls that succeeded.
    pub input_tokens: u64,
    /// Output tokens of all calls that succeeded.
    pub output_tokens: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Succeeded { input: u64, output: u64 },
    Rejected,
    Throttled,
    Fault,
}

/// A call in flight; leaves the count when dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Counters>);

impl Stats {
    /// The counters now.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            calls: read(&self.0.calls),
            answered: read(&self.0.answered),
            rejected: read(&self.0.rejected),
            throttled: read(&self.0.throttled),
            faults: read(&self.0.faults),
            in_flight: read(&self.0.in_flight),
            max_in_flight: read(&self.0.max_in_flight),
            input_tokens: read(&self.0.input_tokens),
            output_tokens: read(&self.0.output_tokens),
        }
    }

    /// Counts a call that begins.
    pub(super) fn enter(&self) -> InFlight {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let now = self.0.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.max_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight(Arc::clone(&self.0))
    }
}

impl InFlight {
    /// Calls in flight, this one included.
    pub(super) fn count(&self) -> u64 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Counts how the call ended.
    pub(super) fn end(&self, outcome: Outcome) {
        let add = |counter: &AtomicU64, n| counter.fetch_add(n, Ordering::Relaxed);
        match outcome {
            Outcome::Succeeded { input, output } => {
                add(&self.0.input_tokens, input);
                add(&self.0.output_tokens, output);
                add(&self.0.answered, 1)
            }
            Outcome::Rejected => add(&self.0.rejected, 1),
            Outcome::Throttled => add(&self.0.throttled, 1),
            Outcome::Fault => add(&self.0.faults, 1),
        };
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
