//! The account's quotas, accounted as Bedrock documents it.
//!
//! A call reserves `input + max_tokens` before it starts and is throttled if that does not fit. When it
//! ends it has cost `input + output × burndown`, and the reservation is settled to that
//! (AWS, "How tokens are counted", autumn 2026). Whether the service's minute slides or is fixed
//! is not documented: here each quota is a bucket that refills evenly. Requests may save up
//! `burst`, tokens a whole minute's worth. A day's tokens are counted from the first call and
//! start again after 24 hours. When a scenario changes a quota, the bucket keeps its level. Other tenants
//! of the account take what they can get, call by call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use tokio::time::Instant;

use super::bucket::{Bucket, Day, MINUTE_S};
use super::glob;
use super::tenant::{OtherTenant, Tenant};

/// A quota of the account. Each model id that it matches has its own. The first that matches the model
/// and the time counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Model ids it is for, as in the request's path; `*` stands for any text. Default all.
    #[serde(default = "any_model")]
    pub model: String,
    /// Seconds after the start from which it applies. Default 0.
    pub from_s: Option<f64>,
    /// Seconds after the start until which it applies. Default: no end.
    pub to_s: Option<f64>,
    /// Requests per minute. Default: unlimited.
    pub requests_per_minute: Option<u32>,
    /// Requests that may come at once after a pause. Default: those of one second, at least 1.
    pub burst: Option<u32>,
    /// Tokens per minute. Default: unlimited.
    pub tokens_per_minute: Option<u64>,
    /// Tokens per day. Default: unlimited.
    pub tokens_per_day: Option<u64>,
    /// Burndown rate: quota tokens charged per output token. Default 1; AWS charges 5 to 15 for Claude.
    #[serde(default = "one")]
    pub burndown: f64,
}

fn any_model() -> String {
    "*".to_owned()
}

fn one() -> f64 {
    1.0
}

/// The quota that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Requests,
    Tokens,
    TokensPerDay,
}

/// A call's reservation. If it is never settled, all of it counts as used.
#[derive(Debug)]
#[must_use = "a reservation is settled when its call ends"]
pub(super) struct Reservation {
    account: Option<String>,
    reserved: f64,
    burndown: f64,
}

/// The state of all quotas, per model id.
#[derive(Debug)]
pub(super) struct Quotas {
    rules: Vec<Quota>,
    tenants: Vec<Tenant>,
    started: Instant,
    accounts: Mutex<HashMap<String, Account>>,
}

/// What one model id has used.
#[derive(Debug)]
struct Account {
    /// The index of the rule that applies.
    rule: usize,
    others: Vec<OtherTenant>,
    requests: Bucket,
    tokens: Bucket,
    day: Day,
}

impl Quotas {
    pub(super) fn new(rules: Vec<Quota>, tenants: Vec<Tenant>, started: Instant) -> Self {
        Self {
            rules,
            tenants,
            started,
            accounts: Mutex::default(),
        }
    }

    /// Admits a call that may use up to `tokens`, or returns the limit that it exceeds.
    pub(super) fn admit(
        &self,
        model: &str,
        now: Instant,
        tokens: u64,
    ) -> Result<Reservation, Limit> {
        let at_s = now.saturating_duration_since(self.started).as_secs_f64();
        let Some((number, rule)) = self
            .rules
            .iter()
            .enumerate()
            .find(|(_, rule)| rule.counts(model, at_s))
        else {
            return Ok(Reservation {
                account: None,
                reserved: 0.0,
                burndown: 1.0,
            });
        };
        let reserved = tokens as f64;
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts
            .entry(model.to_owned())
            .or_insert_with(|| Account::new(number, rule, self.others(model), self.started));
        account.make_way(now, self.started);
        account.follow(number, rule, now);
        account.admit(now, reserved)?;
        Ok(Reservation {
            account: Some(model.to_owned()),
            reserved,
            burndown: rule.burndown,
        })
    }

    fn others(&self, model: &str) -> Vec<OtherTenant> {
        let fits = |tenant: &&Tenant| glob::matches(&tenant.model, model);
        let tenants = self.tenants.iter().filter(fits).cloned();
        tenants
            .map(|it| OtherTenant::new(it, self.started))
            .collect()
    }

    /// Settles a reservation to what the call used.
    pub(super) fn settle(&self, reservation: Reservation, input: u64, output: u64) {
        let Some(model) = reservation.account else {
            return;
        };
        let used = input as f64 + output as f64 * reservation.burndown;
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get_mut(&model) {
            account.tokens.give_back(reservation.reserved - used);
            account.day.take(used - reservation.reserved);
        }
    }
}

impl Account {
    fn new(number: usize, rule: &Quota, others: Vec<OtherTenant>, start: Instant) -> Self {
        let tokens = rule.tokens();
        Self {
            rule: number,
            others,
            requests: Bucket::new(rule.burst(), rule.requests(), start),
            tokens: Bucket::new(tokens, tokens, start),
            day: Day::new(rule.tokens_today(), start),
        }
    }

    /// Applies the calls of other tenants that come before `now`.
    fn make_way(&mut self, now: Instant, started: Instant) {
        let mut others = std::mem::take(&mut self.others);
        while let Some(other) = others.iter_mut().min_by_key(|other| other.next()) {
            let due = other.next();
            if now <= due {
                break;
            }
            if let Some(tokens) = other.take_turn(started) {
                // A throttled call of another tenant is not retried.
                self.admit(due, tokens).ok();
            }
        }
        self.others = others;
    }

    /// Switches to the rule that applies now.
    fn follow(&mut self, number: usize, rule: &Quota, now: Instant) {
        if self.rule == number {
            return;
        }
        self.rule = number;
        self.requests.refill(now);
        self.tokens.refill(now);
        self.requests.change(rule.burst(), rule.requests());
        self.tokens.change(rule.tokens(), rule.tokens());
        self.day.change(rule.tokens_today());
    }

    /// Takes from all quotas, or from none.
    fn admit(&mut self, now: Instant, tokens: f64) -> Result<(), Limit> {
        self.requests.refill(now);
        self.tokens.refill(now);
        self.day.turn(now);
        if !self.requests.has(1.0) {
            return Err(Limit::Requests);
        }
        if !self.tokens.has(tokens) {
            return Err(Limit::Tokens);
        }
        if !self.day.has(tokens) {
            return Err(Limit::TokensPerDay);
        }
        self.requests.take(1.0);
        self.tokens.take(tokens);
        self.day.take(tokens);
        Ok(())
    }
}

impl Quota {
    fn counts(&self, model: &str, at_s: f64) -> bool {
        glob::matches(&self.model, model)
            && self.from_s.is_none_or(|from| from <= at_s)
            && self.to_s.is_none_or(|to| at_s < to)
    }

    fn requests(&self) -> f64 {
        self.requests_per_minute.map_or(f64::INFINITY, f64::from)
    }

    fn burst(&self) -> f64 {
        let second = self.requests() / MINUTE_S;
        self.burst.map_or(second.max(1.0), f64::from)
    }

    fn tokens(&self) -> f64 {
        self.tokens_per_minute.map_or(f64::INFINITY, |n| n as f64)
    }

    fn tokens_today(&self) -> f64 {
        self.tokens_per_day.map_or(f64::INFINITY, |n| n as f64)
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.requests_per_minute == Some(0) || self.burst == Some(0) {
            return Err("a quota of 0 requests lets nothing through; use a fault instead");
        }
        if self.to_s.is_some_and(|to| to <= self.from_s.unwrap_or(0.0)) {
            return Err("to_s comes after from_s; both count seconds from the start");
        }
        if !(1.0..=100.0).contains(&self.burndown) {
            return Err("burndown is from 1 to 100");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{Limit, Quotas};
    use crate::Scenario;

    /// Plays a script against a quota: `+S` waits, `N` admits N calls that end at once,
    /// `N:T/I/O` admits N calls of T tokens at most, which use I and O.
    async fn play(quota: &str, script: &str) -> String {
        let scenario = match quota.starts_with("[[") {
            true => quota.to_owned(),
            false => format!("[[quota]]\n{quota}"),
        };
        let scenario = Scenario::parse(&scenario, "quota").unwrap();
        let quotas = Quotas::new(scenario.quotas, scenario.tenants, Instant::now());
        let mut seen = Vec::new();
        for step in script.split(' ') {
            if let Some(seconds) = step.strip_prefix('+') {
                advance(Duration::from_secs_f64(seconds.parse().unwrap())).await;
                continue;
            }
            let (count, tokens) = step.split_once(':').unwrap_or((step, "0/0/0"));
            let tokens: Vec<u64> = tokens.split('/').map(|n| n.parse().unwrap()).collect();
            let mut passed = 0;
            let mut last = "";
            for _ in 0..count.parse().unwrap() {
                match quotas.admit("m", Instant::now(), tokens[0]) {
                    Ok(reservation) => {
                        quotas.settle(reservation, tokens[1], tokens[2]);
                        passed += 1;
                    }
                    Err(Limit::Requests) => last = " requests",
                    Err(Limit::Tokens) => last = " tokens",
                    Err(Limit::TokensPerDay) => last = " day",
                }
            }
            seen.push(format!("{passed}{last}"));
        }
        seen.join(", ")
    }

    async fn check(quota: &str, script: &str, expected: &str) {
        assert_eq!(play(quota, script).await, expected, "{quota}: {script}");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_save_up_no_more_than_the_burst() {
        let quota = "requests_per_minute = 60";
        check(
            quota,
            "5 +1 5 +0.5 1 +60 5",
            "1 requests, 1 requests, 0 requests, 1 requests",
        )
        .await;
        let quota = "requests_per_minute = 60\nburst = 3";
        check(quota, "5 +2 5 +60 5", "3 requests, 2 requests, 3 requests").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_arrives_exactly_when_due_is_admitted() {
        let quota = "requests_per_minute = 6000\nburst = 1";
        let script = ["1", "+0.01"].repeat(300).join(" ");
        let expected = ["1"; 300].join(", ");
        check(quota, &script, &expected).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_reserves_its_maximum_and_settles_to_what_it_used() {
        let quota = "tokens_per_minute = 1000";
        check(quota, "10:900/100/100", "1 tokens").await;
        check(quota, "10:900/100/100 +6 1:900/0/0", "1 tokens, 1").await;
        check(quota, "1:1001/0/0 +600 1:1001/0/0", "0 tokens, 0 tokens").await;
    }

    #[tokio::test(start_paused = true)]
    async fn output_may_cost_more_than_was_reserved() {
        let quota = "tokens_per_minute = 1000\nburndown = 5";
        check(
            quota,
            "1:500/100/300 1:1/0/0 +36 1:1/0/0 +1 1:1/0/0",
            "1, 0 tokens, 0 tokens, 1",
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_day_refills_the_daily_quota() {
        let quota = "tokens_per_day = 1000";
        check(
            quota,
            "3:400/400/0 +86399 1:400/0/0 +1 1:400/0/0",
            "2 day, 0 day, 1",
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_changes_with_time_and_keeps_what_was_used() {
        let steps = "[[quota]]\nto_s = 60\nrequests_per_minute = 600\n\
                     [[quota]]\nto_s = 120\nrequests_per_minute = 60\n\
                     [[quota]]\nfrom_s = 180\nrequests_per_minute = 120";
        check(
            steps,
            "20 +59 5 +1 5 +60 20 +60 9 +60 9",
            "10 requests, 5, 1 requests, 20, 2 requests, 2 requests",
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn another_tenant_uses_the_quota_in_bursts() {
        let half = "[[quota]]\nrequests_per_minute = 60\nburst = 10\n\
                    [[tenant]]\nrequests_per_minute = 30";
        check(
            half,
            "20 +10 20 +10 20",
            "10 requests, 6 requests, 6 requests",
        )
        .await;
        let bursts = "[[quota]]\nrequests_per_minute = 60\nburst = 10\n\
                      [[tenant]]\nrequests_per_minute = 60\nfrom_s = 20\nevery_s = 20\nfor_s = 10";
        check(
            bursts,
            "20 +10 20 +10 20 +10 20 +10 20",
            "10 requests, 10 requests, 10 requests, 1 requests, 10 requests",
        )
        .await;
        let tokens = "[[quota]]\ntokens_per_minute = 6000\n[[tenant]]\ntokens_per_minute = 3000";
        check(tokens, "6:1000/1000/0 +60 6:1000/1000/0", "6, 3 tokens").await;
    }
}
