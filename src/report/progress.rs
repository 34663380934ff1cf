//! A run as it goes: what the display and the summary know of it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::rate::{PerMinute, Rate};
use super::timeline::{Timeline, TimelineOnDisk};
use crate::model::{Category, Fault, Usage};
use crate::output::resume::EarlierRows;
use crate::output::statistics::Statistics;
use crate::output::tally::{Tally, Unattributed};
use crate::run::{CompletedRow, Event, Gauge, Outcome, WaitReason};

/// What a loop has done, and the limits that it kept to.
#[derive(Debug, Clone)]
pub struct ModelFigures {
    /// The model.
    pub model: String,
    /// Calls sent.
    pub calls: u64,
    /// How long it took.
    pub time: Duration,
    /// The limits, given or read from Service Quotas.
    pub requests_per_minute: Option<u64>,
    /// Like it, of tokens.
    pub tokens_per_minute: Option<u64>,
    /// What is known of the quota.
    pub gauge: Gauge,
}

/// This run as it goes: its tally, what is under way, how fast, and what it waits for.
#[derive(Debug)]
pub struct Progress {
    /// Rows that ended before this run.
    pub past: Tally,
    /// Rows that ended in this run.
    pub now: Tally,
    /// What the answers of both teach.
    pub statistics: Statistics,
    /// Rows of a sweep, by variant, those of earlier runs included.
    pub variants: Vec<Tally>,
    /// The loops that are over, where there are several: one for each model of a sweep.
    pub models: Vec<ModelFigures>,
    /// What the output holds, where that is not all of it: a file was deleted under the run.
    holds: Option<Tally>,
    /// Calls in flight.
    pub in_flight: u64,
    /// Calls sent.
    pub sent: u64,
    /// Refusals for now.
    pub throttles: u64,
    /// Rows that copied the record of another with the same request.
    pub copied: u64,
    /// Calls sent again for any other reason.
    pub retries: u64,
    /// Responses that the model was asked to correct.
    pub reasks: u64,
    /// Attempts given up on after sending; each may have been billed.
    pub maybe_billed: u64,
    /// What is known of the quota.
    pub gauge: Gauge,
    /// What the loop waits for.
    pub waits: Option<WaitReason>,
    /// The latest fault that led to another attempt.
    pub last_fault: Option<String>,
    /// Whether nothing new is sent any more.
    stops: bool,
    timeline: Timeline,
    start: Instant,
    rate: Rate,
    held: BTreeMap<WaitReason, Duration>,
    waits_since: Instant,
}

impl Progress {
    /// A run that starts now on top of `past`.
    pub fn new(past: &EarlierRows, start: Instant) -> Self {
        Self {
            past: past.tally.clone(),
            now: Tally::default(),
            statistics: past.statistics.clone(),
            variants: Vec::new(),
            models: Vec::new(),
            holds: None,
            in_flight: 0,
            sent: 0,
            throttles: 0,
            copied: 0,
            retries: 0,
            reasks: 0,
            maybe_billed: 0,
            gauge: Gauge::default(),
            waits: None,
            last_fault: None,
            stops: false,
            timeline: Timeline::new(start),
            start,
            rate: Rate::new(start),
            held: BTreeMap::new(),
            waits_since: start,
        }
    }

    /// One of several loops is over: its figures, with its limits per minute of requests and tokens.
    pub fn end_of_model(&mut self, model: &str, limits: (Option<u64>, Option<u64>), now: Instant) {
        let calls: u64 = self.models.iter().map(|it| it.calls).sum();
        let time: Duration = self.models.iter().map(|it| it.time).sum();
        self.models.push(ModelFigures {
            model: model.to_owned(),
            calls: self.sent - calls,
            time: self.elapsed(now).saturating_sub(time),
            requests_per_minute: limits.0,
            tokens_per_minute: limits.1,
            gauge: std::mem::take(&mut self.gauge),
        });
    }

    /// Tokens of quota that calls of this run used, and those that they reserved and never used.
    pub fn quota_tokens(&self) -> (f64, f64) {
        let over = self.models.iter().map(|it| it.gauge);
        let all = over.chain([self.gauge]);
        all.fold((0.0, 0.0), |(used, unused), gauge| {
            (
                used + gauge.tokens_settled,
                unused + gauge.tokens_never_used,
            )
        })
    }

    /// Counts these variants apart too.
    #[must_use]
    pub fn of_variants<'v>(
        mut self,
        past: &EarlierRows,
        variants: impl Iterator<Item = &'v str>,
    ) -> Self {
        let before = |variant: &str| {
            let before = past.variants.get(variant);
            before.map(|it| it.tally.clone()).unwrap_or_default()
        };
        self.variants = variants.map(before).collect();
        self
    }

    /// Takes in one event.
    pub fn take(&mut self, event: &Event<'_>, now: Instant) {
        self.timeline.take(event, now);
        match event {
            Event::Sent { is_retry, .. } => {
                self.sent += 1;
                self.retries += u64::from(*is_retry);
                self.in_flight += 1;
            }
            Event::Retry { fault, .. } => {
                self.in_flight -= 1;
                self.again(fault);
            }
            Event::Reasked { .. } => {
                self.in_flight -= 1;
                self.reasks += 1;
            }
            // Its completion counts it as returned, and it returned before.
            Event::Uncorrected { .. } => self.in_flight += 1,
            Event::Completed(ended) => self.ended(ended, now),
            Event::Left { .. } => self.in_flight -= 1,
            Event::Abandoned => {
                self.in_flight -= 1;
                self.maybe_billed += 1;
            }
            Event::Unattributed { unattributed_usd } => {
                self.now.unattributed.usd += unattributed_usd
            }
            Event::Waits(why, gauge) => {
                self.gauge = *gauge;
                self.waits(*why, now);
            }
            Event::Over(gauge) => {
                self.gauge = *gauge;
                self.waits_no_more(now);
            }
            Event::Stops(_) => self.stops = true,
            Event::CannotWrite(_) | Event::Tick => {}
        }
    }

    fn again(&mut self, fault: &Fault) {
        self.maybe_billed += u64::from(fault.maybe_billed);
        self.throttles += u64::from(fault.category == Category::Throttled);
        self.last_fault = Some(format!("{}: {}", fault.category.as_str(), fault.words()));
    }

    fn ended(&mut self, ended: &CompletedRow, now: Instant) {
        // Calls are counted, not the rows that share them.
        let is_first = ended.share.is_first();
        self.in_flight -= u64::from(is_first && 0 < ended.attempts);
        // What led to another attempt was counted then.
        let last = matches!(&ended.outcome, Outcome::Failed(fault) if fault.maybe_billed);
        self.maybe_billed += u64::from(is_first && last);
        self.copied += u64::from(ended.copied_from.is_some());
        self.now.take(ended);
        let cell = ended.identity.cell.as_ref();
        if let Some(of) = cell.and_then(|cell| self.variants.get_mut(cell.variant.place)) {
            of.take(ended);
        }
        let tokens = match &ended.outcome {
            Outcome::Replied(reply) => {
                if ended.copied_from.is_none() {
                    self.statistics.reply(&reply.parsed, ended.latency);
                }
                tokens(&reply.parsed.usage)
            }
            Outcome::Failed(fault) => {
                let invalid = fault.invalid.as_ref();
                invalid.map_or(0, |reply| tokens(&reply.parsed.usage))
            }
        };
        self.rate.add(now, tokens);
    }

    fn waits_no_more(&mut self, now: Instant) {
        if let Some(before) = self.waits.take() {
            *self.held.entry(before).or_default() += now - self.waits_since;
        }
    }

    fn waits(&mut self, why: WaitReason, now: Instant) {
        self.waits_no_more(now);
        self.waits = Some(why);
        self.waits_since = now;
    }

    /// A part of the output was deleted, and `left` is there. What the rest has cost is in no line
    /// any more.
    pub fn output_holds(&mut self, left: Tally) {
        let all = self.overall().as_unattributed();
        self.holds = Some(Tally {
            unattributed: Unattributed {
                usd: (all.usd - left.charge_usd()).max(0.0),
                answers_usd: (all.answers_usd - left.cost_usd).max(0.0),
            },
            ..left
        });
    }

    /// What the output holds: both runs' counts together, unless some of it was deleted.
    pub fn overall(&self) -> Tally {
        if let Some(holds) = &self.holds {
            return holds.clone();
        }
        let mut overall = self.past.clone();
        overall.add(&self.now);
        overall
    }

    /// The course of this run.
    pub(super) fn timeline(&self) -> TimelineOnDisk {
        self.timeline.on_disk()
    }

    /// How long this run has been going.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now - self.start
    }

    /// What happens per minute at the moment.
    pub fn per_minute(&mut self, now: Instant) -> PerMinute {
        self.rate.per_minute(now)
    }

    /// How long `remaining` rows take at the recent pace. While rows are held the pace says
    /// nothing, and rows that are not to be sent take no time.
    pub fn time_left(&mut self, remaining: u64, now: Instant) -> Option<Duration> {
        let is_held = self.waits.is_some_and(WaitReason::is_halt) || self.rate.is_stalled(now);
        if self.stops || is_held {
            return None;
        }
        let rows = self.rate.per_minute(now).rows;
        (0.0 < rows).then(|| Duration::from_secs_f64(remaining as f64 / rows * 60.0))
    }

    /// What this run waited for most, and for what share of its time.
    pub fn held_back(&self, now: Instant) -> Option<(WaitReason, f64)> {
        let total = self.elapsed(now).as_secs_f64();
        let (why, time) = self.held.iter().max_by_key(|(_, time)| **time)?;
        (0.0 < total).then(|| (*why, (time.as_secs_f64() / total).min(1.0)))
    }
}

fn tokens(usage: &Usage) -> u64 {
    let input = usage.input_tokens.unwrap_or(0);
    input.saturating_add(usage.output_tokens.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Identity, Stop};

    #[tokio::test(start_paused = true)]
    async fn a_call_is_sent_again_when_it_is_sent_and_not_when_that_is_planned() {
        let now = Instant::now();
        let mut progress = Progress::new(&EarlierRows::default(), now);
        let identity = &Identity::default();
        let fault = &Fault::local(Category::ServerError, "broken");
        let after = Duration::ZERO;
        let gauge = Gauge::default();
        for (event, retries) in [
            (
                Event::Sent {
                    identity,
                    is_retry: false,
                    gauge,
                },
                0,
            ),
            (
                Event::Retry {
                    identity,
                    fault,
                    after,
                },
                0,
            ),
            (
                Event::Sent {
                    identity,
                    is_retry: true,
                    gauge,
                },
                1,
            ),
        ] {
            progress.take(&event, now);
            assert_eq!(progress.retries, retries, "{event:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_time_left_is_said_while_rows_are_held_or_will_not_be_sent() {
        let gauge = Gauge::default();
        let waits = |why| Event::Waits(why, gauge);
        let mut progress = Progress::new(&EarlierRows::default(), Instant::now());
        tokio::time::advance(Duration::from_secs(6)).await;
        let now = Instant::now();
        progress.rate.add(now, 1);
        let minute = Some(Duration::from_secs(60));
        assert_eq!(progress.time_left(10, now), minute);
        for (event, left) in [
            (waits(WaitReason::Outage), None),
            (waits(WaitReason::Tokens), minute),
            (waits(WaitReason::Credentials), None),
            (waits(WaitReason::NotReady), None),
            (waits(WaitReason::LastResponses), minute),
            (Event::Stops(&Stop::Terminated), None),
        ] {
            progress.take(&event, now);
            assert_eq!(progress.time_left(10, now), left, "{event:?}");
        }
    }
}
