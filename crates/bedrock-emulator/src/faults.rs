//! Fault rules: which calls fail, and how.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::fault_kind::{Effect, FaultKind};
use super::glob;

/// A fault and the conditions under which a call gets it: all that are given must hold.
///
/// Conditions are applied in the order of the fields below. `model`, `matching`, `key` and the times
/// select among the calls that the quotas admitted; `first` and `every` count the selected calls; `times`
/// and `share` decide per attempt at a prompt. A rule without conditions applies to every call. Prompts
/// with the same text count as one prompt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The kind of fault.
    pub kind: FaultKind,
    /// Model ids it is for, as in the request's path; `*` stands for any text.
    pub model: Option<String>,
    /// Text that the last user message contains.
    pub matching: Option<String>,
    /// Access key ids that the request is signed with; `*` stands for any text.
    pub key: Option<String>,
    /// Seconds after the start from which it applies.
    pub from_s: Option<f64>,
    /// Seconds after the start until which it applies.
    pub to_s: Option<f64>,
    /// Applies to this many calls, then to no more.
    pub first: Option<u64>,
    /// Applies to every nth call.
    pub every: Option<u64>,
    /// Applies to this many attempts at each prompt, the first ones.
    pub times: Option<u32>,
    /// Applies to this share of attempts, 0 to 1; the same seed selects the same attempts.
    pub share: Option<f64>,
    /// Seconds for the `retry-after` header.
    pub retry_after_s: Option<u32>,
    /// Milliseconds that `slow` adds.
    pub ms: Option<u64>,
}

/// What fault rules know of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a str,
    /// The access key id of its signature; empty without one.
    pub(super) key: &'a str,
    pub(super) digest: u64,
    /// Seconds since the start.
    pub(super) at_s: f64,
}

/// What the rules decide for one call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// Added latency, in milliseconds.
    pub(super) slow_ms: u64,
    /// The kind of fault.
    pub(super) effect: Option<Effect>,
}

/// The rules and their counters.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    rules: Vec<FaultRule>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Calls selected so far, per rule.
    chosen: Vec<u64>,
    /// Attempts so far, per prompt; counted only if a rule needs it.
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

    /// Whether a rule may cut a connection.
    pub(super) fn may_cut(&self) -> bool {
        self.rules.iter().any(|rule| rule.kind.cuts())
    }

    /// Applies the rules to a call and counts it.
    pub(super) fn apply(&self, call: Subject<'_>) -> Verdict {
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
            verdict.effect = rule.kind.effect(rule.retry_after_s, call.model);
            if verdict.effect.is_some() {
                break;
            }
        }
        verdict
    }

    /// The number of this attempt at its prompt, from 0.
    fn attempt(&self, seen: &mut Seen, call: Subject<'_>) -> u32 {
        let asked = |rule: &FaultRule| rule.times.is_some() || rule.share.is_some();
        if !self.rules.iter().any(asked) {
            return 0;
        }
        let attempts = seen.attempts.entry(call.digest).or_default();
        *attempts += 1;
        *attempts - 1
    }

    /// A number from 0 to 1 that is fixed for this rule and attempt.
    fn draw(&self, rule: usize, digest: u64, attempt: u32) -> f64 {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15; // the golden ratio, as hashes use it
        let place = (rule as u64) << 32 | u64::from(attempt);
        let mixed = (digest ^ place.wrapping_mul(SPREAD)).wrapping_add(self.seed);
        fastrand::Rng::with_seed(mixed).f64()
    }
}

impl FaultRule {
    fn chooses(&self, call: Subject<'_>) -> bool {
        let model = self.model.as_ref();
        let text = self.matching.as_ref();
        model.is_none_or(|pattern| glob::matches(pattern, call.model))
            && text.is_none_or(|text| call.prompt.contains(text.as_str()))
            && self
                .key
                .as_ref()
                .is_none_or(|pattern| glob::matches(pattern, call.key))
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
        if self.to_s.is_some_and(|to| to <= self.from_s.unwrap_or(0.0)) {
            return Err("to_s comes after from_s; both count seconds from the start");
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

#[cfg(test)]
mod tests {
    use super::{FaultRule, Faults, Subject};
    use crate::Scenario;

    /// Sends calls `prompt@seconds` in turn: `x` where a fault applies, `.` where none does.
    fn strikes(rules: &str, calls: &str) -> String {
        let scenario = Scenario::parse(rules, "rules").unwrap();
        let faults = Faults::new(scenario.faults, scenario.seed);
        let apply = |call: &str| {
            let (prompt, at_s) = call.split_once('@').unwrap_or((call, "0"));
            let subject = Subject {
                model: "us.amazon.nova-lite-v1:0",
                prompt,
                key: "AKIDOLD",
                digest: prompt
                    .bytes()
                    .fold(7, |sum, byte| sum * 31 + u64::from(byte)),
                at_s: at_s.parse().unwrap(),
            };
            let verdict = faults.apply(subject);
            match (verdict.effect, verdict.slow_ms) {
                (Some(_), _) => "x".to_owned(),
                (None, 0) => ".".to_owned(),
                (None, ms) => format!("+{ms}"),
            }
        };
        calls.split(' ').map(apply).collect()
    }

    #[track_caller]
    fn check(rule: &str, calls: &str, expected: &str) {
        let rules = format!("[[fault]]\nkind = \"unavailable\"\n{rule}");
        assert_eq!(strikes(&rules, calls), expected, "{rule}");
    }

    #[test]
    fn conditions_choose_among_the_calls() {
        check("", "a b", "xx");
        check("model = \"*nova*\"", "a b", "xx");
        check("model = \"*claude*\"", "a b", "..");
        check("matching = \"bad\"", "good bad worse", ".x.");
        check("key = \"AKIDOLD\"", "a", "x");
        check("key = \"AKIDNEW\"", "a", ".");
        check("from_s = 2\nto_s = 4", "a@1.9 a@2 a@3.9 a@4", ".xx.");
    }

    #[test]
    fn conditions_count_the_chosen() {
        check("first = 2", "a b c", "xx.");
        check("every = 3", "a b c d e f", "..x..x");
        check("every = 2\nmatching = \"b\"", "a b a b b", "...x.");
        check("times = 2", "a a b a b b", "xxx.x.");
    }

    #[test]
    fn a_share_selects_the_same_attempts_every_time() {
        let calls = (0..1000)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        let rules = "seed = 7\n[[fault]]\nkind = \"unavailable\"\nshare = 0.1";
        let first = strikes(rules, &calls);
        assert_eq!(strikes(rules, &calls), first);
        let share = first.matches('x').count();
        assert!((70..130).contains(&share), "{share} of 1000");
        let other = strikes(&rules.replace('7', "8"), &calls);
        assert_ne!(other, first);
        let again = strikes(rules, "a ".repeat(1000).trim_end());
        assert!(again.contains("x."), "each attempt has its own chance");
    }

    #[test]
    fn slowness_adds_up_and_later_rules_still_strike() {
        let slow = "[[fault]]\nkind = \"slow\"\nms = 5\n";
        let both = format!("{slow}{slow}[[fault]]\nkind = \"reset\"\nevery = 2");
        assert_eq!(strikes(&both, "a b"), "+10x");
    }

    #[test]
    fn a_rule_without_a_kind_is_rejected() {
        let rejected = toml::from_str::<FaultRule>("share = 0.5").unwrap_err();
        assert_eq!(rejected.message(), "missing field `kind`");
    }
}
