//! What the loop of a lane and the ledger under it are told, from the plan and from what happened so far.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::lanes::Lane;
use super::run::{Link, Run};
use crate::output::{EarlierReply, EarlierRows, InFlight, LedgerSettings, earlier_replies};
use crate::report::progress::Progress;
use crate::run::{Duplicates, EarlierUse, Limits, Settings, SoFar, Steering};

/// How often the loop tells that time goes by.
const TICK: Duration = Duration::from_millis(200);

impl Run<'_, '_> {
    /// What the loop of a lane is told.
    pub(super) fn settings(
        &self,
        link: &Link,
        past: &EarlierRows,
        progress: &Progress,
        start: Instant,
    ) -> Settings {
        let Link { lane, quotas, .. } = link;
        let plan = self.current;
        let (before, now) = (&past.tally, &progress.now);
        Settings {
            concurrency: plan.concurrency,
            sharing: self
                .opened
                .maker
                .sharing(lane.first(), quotas.tokens.per_minute),
            requests_per_minute: quotas.requests_per_minute,
            tokens: quotas.tokens,
            limits: Limits {
                spent_usd: before.charge_usd() + now.charge_usd(),
                deadline: self.deadline(),
                so_far: SoFar {
                    usd: now.charge_usd(),
                    ended: now.ended(),
                    failed: now.failed,
                    time: match self.context.deadline_at {
                        // What is left until a clock time is counted from now.
                        Some(_) => Duration::ZERO,
                        None => start.elapsed(),
                    },
                },
                ..plan.limits
            },
            retry: plan.retry,
            succeeded_before: self.work.has_succeeded_in(lane),
            duplicates: self.duplicates(lane),
            first_alone: plan.first_alone(),
            first_timeout: plan.first_timeout(),
            reasks: plan.reasks(),
            attempt_timeout: plan.attempt_timeout,
            drain: self.options.drain,
            tick: TICK,
            earlier: EarlierUse::default(),
            seed: u64::from(std::process::id()),
            steering: Steering::none(),
        }
    }

    /// The requests that are sent once, with the records of earlier runs that are copied: not where rows were
    /// selected to be sent again.
    fn duplicates(&self, lane: &Lane) -> Duplicates {
        let requests = self.work.requests_of(lane);
        let mut duplicates = Duplicates::among(&requests);
        if !requests.is_empty() && self.context.only.is_none() {
            earlier_replies(&self.opened.paths, &requests, |earlier| {
                let EarlierReply {
                    fingerprint,
                    custom_id,
                    variant,
                    reply,
                } = earlier;
                // What is not in the body may differ between loops, such as the service tier.
                let variant = variant.as_deref().unwrap_or_default();
                let of_lane = |place: &usize| self.opened.variants[*place].name() == variant;
                if !lane.places.iter().any(of_lane) {
                    return;
                }
                let rows = requests.get(&fingerprint).copied().unwrap_or_default();
                duplicates.succeeded_before(fingerprint, rows, custom_id, reply);
            });
        }
        duplicates
    }

    /// How long the loop may send from now on.
    fn deadline(&self) -> Option<Duration> {
        let Some(at) = self.context.deadline_at else {
            return self.plan.limits.deadline;
        };
        let left = at.duration_since(Timestamp::now());
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
    }

    /// How the lines of a lane are kept if `left` rows are to complete.
    pub(super) fn ledger_settings(&self, lane: &Lane, left: u64) -> LedgerSettings {
        let variants = self.opened.variants;
        let plan = &variants[lane.first()].plan;
        let shared = plan
            .concurrency
            .saturating_mul(self.opened.maker.rows_per_call(lane.first()));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        LedgerSettings {
            model: plan.model.as_str().to_owned(),
            keep_raw: plan.keep_raw,
            service_tier: plan.terms.tier.unwrap_or_default().as_str(),
            latency_mode: plan.terms.latency.clone(),
            reasoning: plan.reasoning,
            own_body: self.opened.maker.sends_bodies(),
            emulated: self.context.emulated,
            durability: plan.durability,
            in_flight: InFlight {
                calls: plan.concurrency,
                rows: shared.min(left).max(plan.concurrency),
            },
            max_tokens: variants
                .iter()
                .filter_map(|it| it.plan.longest_answer())
                .max(),
        }
    }
}
