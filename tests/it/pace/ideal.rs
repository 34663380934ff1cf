//! What could be had at most, by somebody who knows the future.
//!
//! At every moment a job gets no more rows a second than each of these allows: the service's quota
//! of that moment less what other tenants ask for; the job's own numbers; calls in flight (the
//! job's, the service's connections, and reservations within one minute's tokens) over the mean
//! latency. What faults strike is taken off as a share, and while everything is struck there is
//! nothing. A row costs the tokens that rows turned out to cost on average. The ideal makespan is
//! the time by which the sum reaches the job's rows, and one latency more for the last answer.
//!
//! What a bucket has saved up before the start is left out: nobody knows whether the service has
//! one, and no job that keeps its quota in every minute can use it.

use bedrock_emulator::{FaultKind, FaultRule, Quota, Scenario};

use super::rehearsed::Outcome;
use super::scenario::Job;

/// A step of the sum, in seconds.
const STEP_S: f64 = 0.1;

/// The most that could be had.
pub(super) struct Ideal<'a> {
    job: &'a Job,
    service: &'a Scenario,
    /// Tokens of quota a row costs.
    tokens: f64,
    /// Tokens a call reserves.
    reserved: f64,
    latency_s: f64,
}

impl<'a> Ideal<'a> {
    pub(super) fn of(job: &'a Job, service: &'a Scenario, outcome: &Outcome) -> Self {
        let rows = outcome.answered.max(1) as f64;
        let quota = service.quotas.iter().find(|quota| fits(&quota.model, job));
        let burndown = quota.map_or(1.0, |quota| quota.burndown);
        let (input, output) = (outcome.input_tokens as f64, outcome.output_tokens as f64);
        Self {
            job,
            service,
            tokens: (input + output * burndown) / rows,
            reserved: input / rows + f64::from(job.max_tokens),
            latency_s: outcome.latency_s / rows,
        }
    }

    /// How long the job takes at least.
    pub(super) fn makespan_s(&self) -> f64 {
        let (mut rows, mut step) = (0.0, 0_u32);
        while rows < self.job.rows as f64 {
            rows += self.rows_per_second(f64::from(step) * STEP_S) * STEP_S;
            step += 1;
            assert!(step < 10_000_000, "the job never ends");
        }
        f64::from(step) * STEP_S + self.latency_s
    }

    /// What was had between two moments, as a share of what could be had.
    pub(super) fn share(&self, outcome: &Outcome, from: f64, to: f64) -> f64 {
        let had = outcome
            .landed_s
            .iter()
            .filter(|at| (from..to).contains(*at));
        let steps = ((to - from) / STEP_S) as u32;
        let could: f64 = (0..steps)
            .map(|step| from + f64::from(step) * STEP_S)
            .map(|at_s| self.rows_per_second(at_s) * STEP_S)
            .sum();
        had.count() as f64 / could
    }

    fn rows_per_second(&self, at_s: f64) -> f64 {
        let quota = self.quota(at_s);
        let tenants = || {
            let fits = self.service.tenants.iter();
            fits.filter(|tenant| tenant.calls_at(at_s))
        };
        let others: f64 = tenants().map(|it| it.requests()).sum();
        let others_tokens: f64 =
            tenants().filter_map(|it| it.tokens_per_minute).sum::<u64>() as f64;
        let no_end = f64::INFINITY;
        let requests = quota.and_then(|quota| quota.requests_per_minute);
        let tokens = quota.and_then(|quota| quota.tokens_per_minute);
        let own_tokens = self.job.tokens_per_minute.map_or(no_end, |n| n as f64);
        let tokens = tokens.map_or(no_end, |n| n as f64 - others_tokens);
        let minute = tokens.min(own_tokens);
        let connections = self.service.connections.map_or(no_end, |n| n as f64);
        let in_flight = (self.job.concurrency as f64)
            .min(connections)
            .min((minute / self.reserved).max(1.0));
        let rows = [
            requests.map_or(no_end, |n| f64::from(n) - others) / 60.0,
            self.job.requests_per_minute.map_or(no_end, f64::from) / 60.0,
            minute / self.tokens / 60.0,
        ];
        let admitted = rows.into_iter().fold(in_flight / self.latency_s, f64::min);
        admitted * self.spared(at_s)
    }

    fn quota(&self, at_s: f64) -> Option<&Quota> {
        let counts = |quota: &&Quota| {
            fits(&quota.model, self.job)
                && quota.from_s.is_none_or(|from| from <= at_s)
                && quota.to_s.is_none_or(|to| at_s < to)
        };
        self.service.quotas.iter().find(counts)
    }

    /// The share of calls that no fault strikes.
    fn spared(&self, at_s: f64) -> f64 {
        let counts = |rule: &&FaultRule| {
            rule.kind != FaultKind::Slow
                && rule.first.is_none()
                && rule.every.is_none()
                && rule.from_s.is_none_or(|from| from <= at_s)
                && rule.to_s.is_none_or(|to| at_s < to)
        };
        let rules = self.service.faults.iter().filter(counts);
        rules.map(|rule| 1.0 - rule.share.unwrap_or(1.0)).product()
    }
}

/// Whether a pattern of the scenario is for the job's model; patterns here have their stars around.
fn fits(pattern: &str, job: &Job) -> bool {
    job.model.contains(pattern.trim_matches('*'))
}
