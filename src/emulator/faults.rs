//! What goes wrong, and for which calls.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::fault_kind::{Effect, FaultKind};
use super::glob;

/// A fault and the calls it strikes: those for which every condition given holds.
///
/// Conditions apply in the order of the fields below: `model`, `matching` and the time choose
/// among the calls that the quotas admitted, `first` and `every` count the chosen, `times` and
/// `share` decide for each attempt at a prompt. No condition at all strikes every call. Prompts
/// of the same text count as one prompt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Model ids it is for, as in the request's path; `*` stands for any text.
    pub model: Option<String>,
    /// Text that the last user message must contain.
    pub matching: Option<String>,
    /// Seconds after the start from which it strikes.
    pub from_s: Option<f64>,
    /// Seconds after the start until which it strikes.
    pub to_s: Option<f64>,
    /// Strikes this many calls, then no more.
    pub first: Option<u64>,
    /// Strikes every nth call.
    pub every: Option<u64>,
    /// Strikes the first so many attempts at each prompt.
    pub times: Option<u32>,
    /// Strikes this share of attempts, 0 to 1, always the same for the same seed.
    pub share: Option<f64>,
    /// Seconds for the `retry-after` header.
    pub retry_after_s: Option<u32>,
    /// Milliseconds that `slow` adds.
    pub ms: Option<u64>,
}

/// A call, as far as faults tell calls apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Struck<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a str,
    pub(super) digest: u64,
    /// Seconds since the start.
    pub(super) at_s: f64,
}

/// What the rules say to one call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// Milliseconds to add to the latency.
    pub(super) slow_ms: u64,
    /// What goes wrong.
    pub(super) effect: Option<Effect>,
}

/// The rules and what they have counted.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    rules: Vec<FaultRule>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// For each rule, the calls it chose so far.
    chosen: Vec<u64>,
    /// For each prompt, the attempts so far; kept only where a rule asks.
    attempts: HashMap<u64, u32>,
}

impl Faults {
    pub(super) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        let seen = Mutex::new(Seen {
            chosen: vec![0; rules.len()],
            attempts: HashMap::new(),
        });
        Self { seed, rules, seen }
    }

    /// Decides a call's fate and counts it.
    pub(super) fn judge(&self, call: Struck<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        if self.rules.is_empty() {
            return verdict;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = self.attempt(&mut seen, call);
        for (n, rule) in self.rules.iter().enumerate() {
            if !rule.chooses(call) {
                continue;
            }
            seen.chosen[n] += 1;
            let draw = || self.draw(n, call.digest, attempt);
            if !rule.strikes(seen.chosen[n], attempt, draw) {
                continue;
            }
            verdict.slow_ms += rule.ms.unwrap_or_default();
            verdict.effect = rule.kind.effect(rule.retry_after_s);
            if verdict.effect.is_some() {
                break;
            }
        }
        verdict
    }

    /// The number of this attempt at the prompt, from 0.
    fn attempt(&self, seen: &mut Seen, call: Struck<'_>) -> u32 {
        let asked = |rule: &FaultRule| rule.times.is_some() || rule.share.is_some();
        if !self.rules.iter().any(asked) {
            return 0;
        }
        let attempts = seen.attempts.entry(call.digest).or_default();
        *attempts += 1;
        *attempts - 1
    }

    /// A number from 0 to 1 that belongs to this rule and this attempt.
    fn draw(&self, rule: usize, digest: u64, attempt: u32) -> f64 {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15; // the golden ratio, as hashes use it
        let place = (rule as u64) << 32 | u64::from(attempt);
        let mixed = (digest ^ place.wrapping_mul(SPREAD)).wrapping_add(self.seed);
        fastrand::Rng::with_seed(mixed).f64()
    }
}

impl FaultRule {
    fn chooses(&self, call: Struck<'_>) -> bool {
        let model = self.model.as_ref();
        let text = self.matching.as_ref();
        model.is_none_or(|pattern| glob::matches(pattern, call.model))
            && text.is_none_or(|text| call.prompt.contains(text.as_str()))
            && self.from_s.is_none_or(|from| from <= call.at_s)
            && self.to_s.is_none_or(|to| call.at_s < to)
    }

    fn strikes(&self, chosen: u64, attempt: u32, draw: impl Fn() -> f64) -> bool {
        self.first.is_none_or(|first| chosen <= first)
            && self.every.is_none_or(|every| chosen.is_multiple_of(every))
            && self.times.is_none_or(|times| attempt < times)
            && self.share.is_none_or(|share| draw() < share)
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self
            .share
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Err("share is from 0 to 1, such as 0.05");
        }
        if self.every == Some(0) {
            return Err("every is 1 or more: 1 is every call, 10 every tenth");
        }
        if self.kind == FaultKind::Slow && self.ms.is_none() {
            return Err("a slow fault needs ms, the milliseconds to add");
        }
        if self.kind != FaultKind::Slow && self.ms.is_some() {
            return Err("ms is for the kind slow only");
        }
        if self.retry_after_s.is_some() && !self.kind.has_headers() {
            return Err("retry_after_s needs a kind that answers with an error status");
        }
        Ok(())
    }
}
