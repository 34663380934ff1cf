//! The run: one loop that owns everything that moves.
//!
//! Rows are pulled from an iterator, so "no room" means "not read": that is the backpressure.
//! Each attempt is one task; its outcome comes back here, is committed to the [`Store`], and only
//! then counts and frees its slot. Steps are plain functions, and only
//! [`run`] awaits.
//!
//! This module knows nothing of files, terminals or any one service.

mod admission;
mod attempt;
mod bytes_in_flight;
mod cell;
mod commit;
mod concurrency;
mod credential_hold;
mod disposition;
mod duplicates;
mod earlier;
mod effects;
mod event;
mod gauge;
mod health;
mod learn;
mod limit_use;
mod limits;
mod outage;
mod pace;
mod probes;
mod reading;
mod reask;
mod reserved;
mod retry;
mod retry_budget;
mod state;
mod steering;
mod stop;
#[cfg(test)]
mod tests;
mod tokens;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::model::{Fault, Fingerprint, Model, Prompt, Reply, Request};
use state::{State, Step};

pub use attempt::{Share, Sharing};
pub use cell::{Cell, Variant};
pub use duplicates::Duplicates;
pub use event::{Event, WaitReason};
pub use gauge::Gauge;
pub use limit_use::{EarlierUse, LimitUse};
pub use limits::{Limits, Reached, SoFar};
pub use pace::RequestsPerMinute;
pub use reask::Reasks;
pub use retry::RetryPolicy;
pub use steering::Steering;
pub use stop::{Signal, Stop, StopRequest};
pub use tokens::TokenLimits;

/// A row that is ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyRow {
    /// Who this row is.
    pub identity: Identity,
    /// What to send.
    pub request: Request,
}

/// Who a row is, in the input and in the output.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Identity {
    /// The record's number, from 1.
    pub row: u64,
    /// The row's id; `None` where the row could not be read.
    pub custom_id: Option<String>,
    /// The fingerprint of the rendered request; `None` where there is none.
    pub fingerprint: Option<Fingerprint>,
    /// Fields of the row that are copied to its result.
    pub metadata: Option<Map<String, Value>>,
    /// Its place in a sweep; `None` where the job has none.
    pub cell: Option<Cell>,
    /// The rendered prompt, where its record keeps it.
    pub prompt: Option<Arc<Prompt>>,
}

/// A row of the input, as the loop receives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// It can be sent.
    Ready(ReadyRow),
    /// It failed before it could be sent.
    Rejected(Identity, Fault),
    /// It completed in an earlier run: there is nothing to do.
    Completed(Identity),
}

/// A row that has completed.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletedRow {
    /// Who the row is.
    pub identity: Identity,
    /// How it ended.
    pub outcome: Outcome,
    /// Its place among the rows that shared its call.
    pub share: Share,
    /// Attempts, without those that were throttled.
    pub attempts: u32,
    /// How often it was throttled.
    pub throttles: u32,
    /// Attempts that timed out after sending; each may have been billed.
    pub maybe_billed: u32,
    /// What its attempts may have cost at worst beyond what its reply says, in USD.
    pub maybe_billed_usd: f64,
    /// From being read to being sent for the last time.
    pub queued: Duration,
    /// From being sent for the last time to its response.
    pub latency: Duration,
    /// When it completed.
    pub completed_at: Instant,
    /// The id of the row that was sent for it, where that was another one with the same request.
    pub copied_from: Option<String>,
}

impl CompletedRow {
    /// A row that completes without a call.
    fn unsent(identity: Identity, outcome: Outcome, now: Instant) -> Self {
        Self {
            identity,
            outcome,
            share: Share::ALONE,
            attempts: 0,
            throttles: 0,
            maybe_billed: 0,
            maybe_billed_usd: 0.0,
            queued: Duration::ZERO,
            latency: Duration::ZERO,
            completed_at: now,
            copied_from: None,
        }
    }

    /// What it has cost, and may have cost beyond that, in USD.
    fn charge_usd(&self) -> f64 {
        let known = match &self.outcome {
            Outcome::Replied(reply) => reply.cost_usd.unwrap_or(0.0),
            Outcome::Failed(fault) => {
                let invalid = fault.invalid.as_ref();
                invalid.and_then(|reply| reply.cost_usd).unwrap_or(0.0)
            }
        };
        known + self.maybe_billed_usd
    }
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// There is a response: the row succeeded or was filtered.
    Replied(Arc<Reply>),
    /// It failed.
    Failed(Fault),
}

/// Where completed rows are stored. What `commit` accepts survives a crash.
pub trait Store {
    /// Why rows cannot be stored.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Stores all of `ended`, or none of them.
    fn commit(&mut self, ended: &[CompletedRow]) -> Result<(), Self::Error>;

    /// Makes sure that there is room for the rows of the calls in flight next.
    fn make_room(&mut self) -> Result<(), Self::Error>;

    /// The last resort for rows that could not be committed: stores them anywhere else, and says
    /// where.
    fn rescue(&mut self, ended: &[CompletedRow]) -> Option<Rescued>;
}

/// Rows that were stored elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescued {
    /// Where.
    pub place: String,
    /// How many, with those that were committed to a file that was deleted since.
    pub rows: u64,
}

/// Whether the first call goes alone until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAlone {
    /// It does not.
    No,
    /// It does, for it fills the prompt cache that the others read.
    ForCache,
    /// It does, for the service compiles the schema at its first use.
    ForGrammar,
}

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most calls in flight: a bound on memory and on what a crash repeats.
    pub concurrency: usize,
    /// How many rows may share a call.
    pub sharing: Sharing,
    /// Requests that several rows would send, to be sent once.
    pub duplicates: Duplicates,
    /// How many calls may start in a minute; `None` is no limit.
    pub requests_per_minute: Option<RequestsPerMinute>,
    /// How many tokens the quota has.
    pub tokens: TokenLimits,
    /// What an earlier run of the same output has used of these limits.
    pub earlier: EarlierUse,
    /// The user's limits.
    pub limits: Limits,
    /// What is retried, and when.
    pub retry: RetryPolicy,
    /// Whether rows of this job succeeded in an earlier run: then the requests as such are valid, even if
    /// single rows are rejected.
    pub succeeded_before: bool,
    /// Whether the first call runs alone until it succeeds.
    pub first_alone: FirstAlone,
    /// How long an attempt may take while it runs alone.
    pub first_timeout: Duration,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// Whether and how invalid responses are corrected.
    pub reasks: Option<Reasks>,
    /// How long calls in flight may finish after a signal or the deadline.
    pub drain: Duration,
    /// How often readers get an [`Event::Tick`].
    pub tick: Duration,
    /// Seed of the jitter.
    pub seed: u64,
    /// What overrides these settings while the run is under way.
    pub steering: watch::Receiver<Steering>,
}

/// Runs until every row has completed or something stops the run. Returns what stopped it.
pub async fn run<M, S, R, E>(
    model: Arc<M>,
    rows: R,
    store: &mut S,
    settings: Settings,
    mut asked: watch::Receiver<StopRequest>,
    mut tell: impl FnMut(&Event<'_>),
) -> Option<Stop>
where
    M: Model,
    S: Store,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    let mut tick = tokio::time::interval_at(Instant::now() + settings.tick, settings.tick);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asks_may_come = true;
    let mut steering = settings.steering.clone();
    let mut is_steered = steering.has_changed().is_ok();
    let mut state = State::new(model, rows, settings, Instant::now());
    state.follow(*asked.borrow_and_update(), &mut tell);
    state.steer(*steering.borrow_and_update(), Instant::now());
    loop {
        let wait = loop {
            match state.step(Instant::now()) {
                Step::Send(admitted) => state.send(*admitted, &mut tell),
                Step::Stop(stop) => state.stop(stop, &mut tell),
                Step::Commit => state.commit(store, &mut tell),
                Step::EndCorrection(row) => state.end_waiting(*row, Instant::now(), &mut tell),
                Step::Wait(wait) => break wait,
                Step::Done if state.receive_the_last(&mut tell) => {}
                Step::Done => return state.finish(store, &mut tell),
            }
        };
        debug_assert!(
            wait.until.is_some() || !state.in_flight.is_empty(),
            "nothing would ever end a wait for {}",
            wait.why.as_str()
        );
        tell(&Event::Waits(wait.why, state.gauge()));
        let wake = earliest(wait.until, state.deadline());
        tokio::select! {
            biased;
            changed = asked.changed(), if asks_may_come => match changed {
                Ok(()) => state.follow(*asked.borrow_and_update(), &mut tell),
                Err(_) => asks_may_come = false,
            },
            changed = steering.changed(), if is_steered => match changed {
                Ok(()) => state.steer(*steering.borrow_and_update(), Instant::now()),
                Err(_) => is_steered = false,
            },
            Some(returned) = state.in_flight.join_next() => state.receive(returned, &mut tell),
            // Before the wait, which is over at once while rows are skipped.
            _ = tick.tick() => tell(&Event::Tick),
            () = until(wake) => {}
        }
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

async fn until(instant: Option<Instant>) {
    match instant {
        // Signals and the calls in flight have their turn.
        Some(instant) if instant <= Instant::now() => tokio::task::yield_now().await,
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// An error and what it came from, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
