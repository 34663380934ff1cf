//! What the account may use, accounted the way Bedrock says it does.
//!
//! A call reserves `input + max_tokens` before it starts and is refused if they do not fit. When
//! it ends it has cost `input + output × burndown`, and the difference is given or taken back
//! (AWS, "How tokens are counted", autumn 2026). Whether the service's minute slides or is fixed
//! is not documented: here each quota is a bucket that refills evenly. Requests may save up
//! `burst`, tokens a whole minute's worth. A day's tokens are counted from the first call and
//! start again after 24 hours.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use tokio::time::Instant;

use super::bucket::{Bucket, Day, MINUTE_S};
use super::glob;

/// A quota of the account. Each model id it fits has it for itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Model ids it is for, as in the request's path; `*` stands for any text. Default all.
    #[serde(default = "any_model")]
    pub model: String,
    /// Requests a minute. Without it, any number.
    pub requests_per_minute: Option<u32>,
    /// Requests that may come at once after a pause. Default: one second's worth, at least 1.
    pub burst: Option<u32>,
    /// Tokens a minute. Without it, any number.
    pub tokens_per_minute: Option<u64>,
    /// Tokens a day. Without it, any number.
    pub tokens_per_day: Option<u64>,
    /// What one token of output costs of the token quotas. Default 1; 5 to 15 for Claude.
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

/// A call's hold on the quotas. Left unsettled, it stands as reserved.
#[derive(Debug)]
#[must_use = "a reservation is settled when its call ends"]
pub(super) struct Reservation {
    account: Option<String>,
    reserved: f64,
    burndown: f64,
}

/// All accounts' quotas.
#[derive(Debug)]
pub(super) struct Quotas {
    rules: Vec<Quota>,
    accounts: Mutex<HashMap<String, Account>>,
}

/// What one model id has used.
#[derive(Debug)]
struct Account {
    requests: Bucket,
    tokens: Bucket,
    day: Day,
}

impl Quotas {
    pub(super) fn new(rules: Vec<Quota>) -> Self {
        let accounts = Mutex::default();
        Self { rules, accounts }
    }

    /// Admits a call that may use up to `tokens`, or says what is used up.
    pub(super) fn admit(
        &self,
        model: &str,
        now: Instant,
        tokens: u64,
    ) -> Result<Reservation, Limit> {
        let Some(rule) = self
            .rules
            .iter()
            .find(|rule| glob::matches(&rule.model, model))
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
            .or_insert_with(|| Account::new(rule, now));
        account.admit(now, reserved)?;
        Ok(Reservation {
            account: Some(model.to_owned()),
            reserved,
            burndown: rule.burndown,
        })
    }

    /// Settles a call at what it used.
    pub(super) fn settle(&self, hold: Reservation, input: u64, output: u64) {
        let Some(model) = hold.account else {
            return;
        };
        let used = input as f64 + output as f64 * hold.burndown;
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get_mut(&model) {
            account.tokens.give_back(hold.reserved - used);
            account.day.take(used - hold.reserved);
        }
    }
}

impl Account {
    fn new(rule: &Quota, now: Instant) -> Self {
        let per_minute = rule.requests_per_minute.map_or(f64::INFINITY, f64::from);
        let burst = rule
            .burst
            .map_or((per_minute / MINUTE_S).max(1.0), f64::from);
        let tokens = rule.tokens_per_minute.map_or(f64::INFINITY, |n| n as f64);
        Self {
            requests: Bucket::new(burst, per_minute, now),
            tokens: Bucket::new(tokens, tokens, now),
            day: Day::new(rule.tokens_per_day.map_or(f64::INFINITY, |n| n as f64), now),
        }
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
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.requests_per_minute == Some(0) || self.burst == Some(0) {
            return Err("a quota of 0 requests lets nothing through; use a fault instead");
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

    use super::{Limit, Quota, Quotas};

    /// Plays a script against a quota: `+S` waits, `N` admits N calls that end at once,
    /// `N:T/I/O` admits N calls of T tokens at most, which use I and O.
    async fn play(quota: &str, script: &str) -> String {
        let rule: Quota = toml::from_str(quota).unwrap();
        let quotas = Quotas::new(vec![rule]);
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
                    Ok(hold) => {
                        quotas.settle(hold, tokens[1], tokens[2]);
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
    async fn a_call_reserves_its_most_and_settles_at_what_it_used() {
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
    async fn a_day_comes_to_an_end() {
        let quota = "tokens_per_day = 1000";
        check(
            quota,
            "3:400/400/0 +86399 1:400/0/0 +1 1:400/0/0",
            "2 day, 0 day, 1",
        )
        .await;
    }
}
