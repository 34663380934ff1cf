//! Thinking that a job asks for through `extra`: what it may then not ask beside it, and how long
//! answers may then be.
//!
//! Source: Amazon Bedrock user guide, "Anthropic Claude Messages API", and Amazon Nova 2 user guide,
//! as of October 2026.

use serde_json::{Map, Value};

use super::layout::Thinking;
use super::{Family, Parameters};

/// The least that Claude may be given to think.
const LEAST_BUDGET: u64 = 1024;

/// Where Nova 2 is told how hard to think.
const EFFORTS: [&[&str]; 2] = [
    &["reasoningConfig", "maxReasoningEffort"],
    &["inferenceConfig", "reasoningConfig", "maxReasoningEffort"],
];

/// Where Nova's other parameters stand, by their names in job files.
const SETTLED_BY_EFFORT: [(&str, &str); 3] = [
    ("max_tokens", "maxTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
];

impl Family {
    /// What the model would refuse beside the thinking that is asked for.
    pub(super) fn refuses_beside_thinking(self, parameters: &Parameters) -> Vec<String> {
        match self.layout().thinking {
            Thinking::Budget => beside_budget(parameters),
            Thinking::Effort if self.settles_length(&parameters.extra) => {
                beside_effort(parameters).into_iter().collect()
            }
            Thinking::Effort | Thinking::None => Vec::new(),
        }
    }

    /// The tokens of thought that count as a part of the answer, where `extra` asks for them.
    pub(super) fn budget(self, extra: &Map<String, Value>) -> Option<u32> {
        let budget = enabled(extra)?.get("budget_tokens")?.as_u64()?;
        let is_counted = self.layout().thinking == Thinking::Budget;
        u32::try_from(budget).ok().filter(|_| is_counted)
    }

    /// Whether what `extra` asks for leaves the length of answers to the model alone: Nova 2 at its
    /// hardest refuses a limit.
    pub(super) fn settles_length(self, extra: &Map<String, Value>) -> bool {
        let is_high = |path: &&[&str]| {
            let (first, rest) = (path.first()?, path.get(1..)?);
            let effort = rest
                .iter()
                .try_fold(extra.get(*first)?, |it, key| it.get(key));
            Some(effort? == "high")
        };
        self.layout().thinking == Thinking::Effort
            && EFFORTS.iter().any(|path| is_high(path) == Some(true))
    }
}

/// Claude's switch, turned on with a budget.
fn enabled(extra: &Map<String, Value>) -> Option<&Value> {
    extra.get("thinking").filter(|it| it["type"] == "enabled")
}

/// Whether `extra` turns off what the model does unless it is told not to.
pub(super) fn thinks_not(extra: &Map<String, Value>) -> bool {
    let says = |pointer: &[&str], word: &str| {
        let first = pointer.first().and_then(|key| extra.get(*key));
        let rest = pointer.iter().skip(1);
        let found = rest.fold(first, |it, key| it?.get(key));
        found.is_some_and(|found| found == word)
    };
    says(&["thinking", "type"], "disabled")
        || says(&["reasoning_effort"], "none")
        || says(&["reasoning", "effort"], "none")
}

/// Whether `extra` leaves it to Claude how long it thinks.
pub(super) fn thinks_as_it_likes(extra: &Map<String, Value>) -> bool {
    extra
        .get("thinking")
        .is_some_and(|it| it["type"] == "adaptive")
}

impl Parameters {
    /// The most tokens that they let Claude think for, where they say so; 0 where they do not.
    pub fn thought(&self) -> u64 {
        let thinking = enabled(&self.extra);
        thinking
            .and_then(|it| it["budget_tokens"].as_u64())
            .unwrap_or(0)
    }
}

fn beside_budget(parameters: &Parameters) -> Vec<String> {
    let Some(thinking) = enabled(&parameters.extra) else {
        return Vec::new();
    };
    let Some(budget) = thinking["budget_tokens"].as_u64() else {
        let missing = "extra.thinking is enabled without budget_tokens: give it, 1024 or more";
        return vec![missing.to_owned()];
    };
    let mut problems = Vec::new();
    if budget < LEAST_BUDGET {
        problems.push(format!(
            "extra.thinking.budget_tokens = {budget} is too little: give {LEAST_BUDGET} or more"
        ));
    }
    let own = |key: &str| parameters.extra.get(key);
    let max_tokens = own("max_tokens").and_then(Value::as_u64);
    match max_tokens.or(parameters.max_tokens.map(u64::from)) {
        Some(most) if most <= budget => problems.push(format!(
            "max_tokens = {most} leaves no room for a completion after {budget} thinking tokens: give \
             more than budget_tokens"
        )),
        Some(_) | None => {}
    }
    let temperature = own("temperature").and_then(Value::as_f64);
    match temperature.or(parameters.temperature) {
        Some(given) if given != 1.0 => problems.push(format!(
            "temperature = {given} is rejected while thinking is enabled: remove it"
        )),
        Some(_) | None => {}
    }
    problems
}

fn beside_effort(parameters: &Parameters) -> Option<String> {
    let given: Vec<_> = parameters.given().map(|(it, _)| it.name()).collect();
    let own = parameters.extra.get("inferenceConfig");
    let own = |key: &str| own.is_some_and(|own| own.get(key).is_some());
    let settled = SETTLED_BY_EFFORT
        .iter()
        .filter(|(name, key)| given.contains(name) || own(key));
    let settled: Vec<_> = settled.map(|(name, _)| *name).collect();
    (!settled.is_empty()).then(|| {
        format!(
            "a maxReasoningEffort of \"high\" takes no {}: remove it",
            settled.join(", no ")
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Doubtful;
    use super::*;

    #[track_caller]
    fn check(family: Family, parameters: &Parameters, said: &str) {
        let found = family.check(parameters, None, Doubtful::Refused);
        assert_eq!(found.map_or_else(|e| e.to_string(), |()| "ok".into()), said);
        let forced = family.check(parameters, None, Doubtful::Sent);
        assert_eq!(forced, Ok(()), "the service may know better");
    }

    fn asking(extra: &Value) -> Parameters {
        Parameters {
            extra: extra.as_object().cloned().unwrap_or_default(),
            ..Parameters::default()
        }
    }

    #[test]
    fn claude_thinks_within_its_limit_and_at_its_own_temperature() {
        let thinking = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
        let given = |budget, max_tokens, temperature| Parameters {
            max_tokens: Some(max_tokens),
            temperature,
            ..asking(&json!({"thinking": thinking(budget)}))
        };
        let claude = Family::ClaudeMessages;
        check(claude, &given(1024, 1025, None), "ok");
        check(claude, &given(1024, 1025, Some(1.0)), "ok");
        check(
            claude,
            &given(1023, 2000, None),
            "extra.thinking.budget_tokens = 1023 is too little: give 1024 or more",
        );
        check(
            claude,
            &given(4000, 4000, Some(0.0)),
            "max_tokens = 4000 leaves no room for a completion after 4000 thinking tokens: give more \
             than budget_tokens; temperature = 0 is rejected while thinking is enabled: remove it",
        );
        let own = json!({"thinking": thinking(4000), "max_tokens": 3000, "temperature": 0.5});
        check(
            claude,
            &Parameters {
                max_tokens: Some(9000),
                ..asking(&own)
            },
            "max_tokens = 3000 leaves no room for a completion after 4000 thinking tokens: give more \
             than budget_tokens; temperature = 0.5 is rejected while thinking is enabled: remove it",
        );
        check(
            claude,
            &asking(&json!({"thinking": {"type": "enabled"}})),
            "extra.thinking is enabled without budget_tokens: give it, 1024 or more",
        );
        check(
            claude,
            &asking(&json!({"thinking": {"type": "adaptive"}})),
            "ok",
        );
    }

    #[test]
    fn a_thought_is_added_to_the_usual_length_of_an_answer() {
        let thinking = json!({"type": "enabled", "budget_tokens": 4000});
        let extra = asking(&json!({"thinking": thinking})).extra;
        let sonnet = Some("anthropic.claude-sonnet-4-5-20250929-v1:0");
        let usual = Family::ClaudeMessages.default_max_tokens(sonnet, &Map::new());
        let thoughtful = Family::ClaudeMessages.default_max_tokens(sonnet, &extra);
        assert_eq!((usual, thoughtful), (Some(1024), Some(5024)));
    }

    #[test]
    fn who_thinks_unless_told_not_to_has_room_for_it() {
        let usual = |family: Family, base, extra: Value| {
            family.default_max_tokens(Some(base), &asking(&extra).extra)
        };
        let claude = Family::ClaudeMessages;
        let (opus, gpt) = ("anthropic.claude-opus-5", "openai.gpt-5.5");
        assert_eq!(usual(claude, opus, json!({})), Some(4096));
        assert_eq!(
            usual(claude, opus, json!({"thinking": {"type": "disabled"}})),
            Some(1024)
        );
        assert_eq!(usual(Family::OpenaiChat, gpt, json!({})), Some(4096));
        assert_eq!(
            usual(Family::OpenaiChat, gpt, json!({"reasoning_effort": "none"})),
            Some(1024)
        );
        let sonnet = "anthropic.claude-sonnet-4-6";
        assert_eq!(usual(claude, sonnet, json!({})), Some(1024));
        assert_eq!(
            usual(claude, sonnet, json!({"thinking": {"type": "adaptive"}})),
            Some(4096)
        );
    }

    #[test]
    fn nova_at_its_hardest_settles_its_own_length_and_sampling() {
        let nova = Family::Nova;
        let effort = |effort: &str| json!({"type": "enabled", "maxReasoningEffort": effort});
        let nested = json!({"inferenceConfig": {"reasoningConfig": effort("high")}});
        for extra in [json!({"reasoningConfig": effort("high")}), nested] {
            let high = asking(&extra);
            check(nova, &high, "ok");
            assert_eq!(nova.default_max_tokens(None, &high.extra), None);
            let limited = Parameters {
                max_tokens: Some(9),
                temperature: Some(0.5),
                top_k: Some(4),
                ..high
            };
            check(
                nova,
                &limited,
                "a maxReasoningEffort of \"high\" takes no max_tokens, no temperature: remove it",
            );
        }
        let own = json!({"reasoningConfig": effort("high"), "inferenceConfig": {"topP": 0.5}});
        check(
            nova,
            &asking(&own),
            "a maxReasoningEffort of \"high\" takes no top_p: remove it",
        );
        let low = asking(&json!({"reasoningConfig": effort("low")}));
        assert_eq!(nova.default_max_tokens(None, &low.extra), Some(1024));
    }
}
