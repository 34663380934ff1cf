//! What the loop tells its readers: the display, the summary, the log of a test.

use std::time::Duration;

use super::{CompletedRow, Gauge, Identity, Stop};
use crate::model::Fault;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A call went out.
    Sent {
        /// Whose call: the first row's, where several share it, here and below.
        identity: &'a Identity,
        /// Whether it was sent before and came back with something other than a throttle.
        is_retry: bool,
        /// What is known of the quota, this call included: told before it leaves.
        gauge: Gauge,
    },
    /// A call came back with a transient error, and its rows will be retried.
    Retry {
        /// Whose call.
        identity: &'a Identity,
        /// What came back.
        fault: &'a Fault,
        /// How long the row waits.
        after: Duration,
    },
    /// A call came back with a response that breaks the schema, and the model will be asked to correct
    /// it.
    Reasked {
        /// Whose call.
        identity: &'a Identity,
    },
    /// A row that was to be corrected will not be: it completes with the response that it has.
    Uncorrected {
        /// Whose call it would have been.
        identity: &'a Identity,
    },
    /// A row completed and is stored.
    Completed(&'a CompletedRow),
    /// A call came back with something that stops the run; its rows are left for the next one.
    Left {
        /// Whose call.
        identity: &'a Identity,
    },
    /// A call in flight was abandoned; its rows are left for the next run.
    Abandoned,
    /// Spend that no stored line accounts for, in USD.
    Unattributed {
        /// Calls that were abandoned, attempts of rows that are left, rows that were lost.
        unattributed_usd: f64,
    },
    /// The run is over; what is known of the quota now. The last event.
    Over(Gauge),
    /// The output could not be written; it is tried again.
    CannotWrite(&'a (dyn std::error::Error + 'static)),
    /// Nothing more can be done right now, for this reason.
    Waits(WaitReason, Gauge),
    /// No new calls start from here on.
    Stops(&'a Stop),
    /// Time went by.
    Tick,
}

/// What the loop waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitReason {
    /// Every slot is taken.
    Concurrency,
    /// The calls in flight take all the memory that calls may take.
    Memory,
    /// The requests of this minute are used up.
    Requests,
    /// The tokens of this minute are used up, or reserved by calls in flight.
    Tokens,
    /// The rest of the day's tokens may be used by calls in flight.
    TokensOfDay,
    /// The service throttled calls; the rate learned from that is kept.
    LearnedRate,
    /// The service does not respond; one call at a time probes whether it does again.
    Outage,
    /// The credentials have expired; one call at a time probes for new ones.
    Credentials,
    /// The model is being loaded; one call at a time probes whether it is ready.
    NotReady,
    /// The first call fills the prompt cache, alone.
    FirstAnswer,
    /// The service compiles the schema for the first call.
    FirstGrammar,
    /// Every row so far was rejected as invalid; a success would show that the request itself is valid.
    Proof,
    /// The rest of the cost limit is held by calls in flight.
    Budget,
    /// Rows that have completed are skipped, on the way to the next that has not.
    Input,
    /// Every row was sent; the last responses are awaited.
    LastResponses,
    /// Rows wait for their next attempt.
    Retries,
    /// Rows wait because the retry budget is used up.
    RetryBudget,
    /// The run is stopping and the calls in flight are still to return.
    Drain,
    /// The output cannot be written.
    Disk,
}

impl WaitReason {
    /// Whether it lasts for an unknown time, and only a probe or the disk can end it.
    pub fn is_halt(self) -> bool {
        match self {
            Self::Outage
            | Self::Credentials
            | Self::NotReady
            | Self::Proof
            | Self::Disk
            | Self::Drain => true,
            Self::Concurrency
            | Self::Memory
            | Self::Requests
            | Self::Tokens
            | Self::TokensOfDay
            | Self::LearnedRate
            | Self::FirstAnswer
            | Self::FirstGrammar
            | Self::Budget
            | Self::Input
            | Self::LastResponses
            | Self::Retries
            | Self::RetryBudget => false,
        }
    }

    /// A short name, for the display and the summary.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::Memory => "memory for calls in flight",
            Self::Requests => "requests per minute",
            Self::Tokens => "tokens per minute",
            Self::TokensOfDay => "tokens per day",
            Self::LearnedRate => "learned rate",
            Self::Outage => "service errors",
            Self::Credentials => "expired credentials",
            Self::NotReady => "model loading",
            Self::FirstAnswer => "first response, which fills the prompt cache",
            Self::FirstGrammar => "first response, for which the service compiles the schema",
            Self::Proof => "first success, since every row so far was rejected",
            Self::Budget => "cost limit",
            Self::Input => "reading completed rows of the input",
            Self::LastResponses => "last responses",
            Self::Retries => "retry backoff",
            Self::RetryBudget => "retry budget",
            Self::Drain => "calls in flight",
            Self::Disk => "output disk",
        }
    }
}
