//! What single models refuse although their family takes it, and what they call things.
//!
//! The facts are data, `capabilities.json`, each entry with its source; the flags that
//! `prices.json` has are laid together with them.

use std::sync::LazyLock;

use serde::Deserialize;

use super::anywhere;
use crate::model::SchemaMode;

static ENTRIES: LazyLock<Vec<CapabilityEntry>> = LazyLock::new(|| {
    serde_json::from_str::<CapabilitiesFile>(include_str!("capabilities.json"))
        .expect("the catalog is part of the program, and a test parses it")
        .entries
});

#[derive(Deserialize)]
struct CapabilitiesFile {
    #[serde(rename = "_about")]
    _about: serde::de::IgnoredAny,
    entries: Vec<CapabilityEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapabilityEntry {
    models: Vec<String>,
    #[serde(rename = "source")]
    _source: String,
    #[serde(default)]
    no_sampling: bool,
    #[serde(default)]
    one_sampling: bool,
    #[serde(default)]
    no_stop: bool,
    #[serde(default)]
    no_prefill: bool,
    #[serde(default)]
    later_systems: bool,
    #[serde(default)]
    thinking_always_on: bool,
    #[serde(default)]
    thinks_by_default: bool,
    limit_key: Option<String>,
    max_out: Option<u64>,
    stream: Option<bool>,
    served_by: Option<String>,
    structured: Option<String>,
    #[serde(default)]
    refuses_extra: Vec<String>,
    #[serde(default)]
    refuses_reasoning: Vec<String>,
    #[serde(default)]
    needs_extra: Vec<String>,
}

/// What one model can and cannot do. What no source mentions is taken to be possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// It refuses `temperature`, `top_p` and `top_k`.
    pub no_sampling: bool,
    /// It takes `temperature` or `top_p`, not both.
    pub one_sampling: bool,
    /// It refuses texts that end the answer.
    pub no_stop: bool,
    /// It refuses a conversation that ends with its own words.
    pub no_prefill: bool,
    /// It takes system messages after the first turn, which others of its family do not.
    pub later_systems: bool,
    /// It thinks before every answer, and the thinking counts as output.
    pub thinking_always_on: bool,
    /// It thinks before its answers unless it is told not to.
    pub thinks_by_default: bool,
    /// What an OpenAI-style body calls the longest answer, where it is not `max_tokens`.
    pub limit_key: Option<&'static str>,
    /// The longest answer, in tokens.
    pub max_output: Option<u64>,
    /// It is known not to answer InvokeModelWithResponseStream.
    pub no_stream: bool,
    /// The strictest way in which it follows a schema; `None` where that is not known.
    pub schema_mode: Option<SchemaMode>,
}

impl Capabilities {
    /// What is known of the model behind a base id.
    pub fn of(base: &str) -> Self {
        let facts = anywhere(base);
        let flag = |flag: fn(&super::ModelFacts) -> bool| facts.is_some_and(flag);
        let known = Self {
            no_sampling: flag(|facts| facts.no_sampling),
            no_prefill: flag(|facts| facts.no_prefill),
            thinking_always_on: flag(|facts| facts.thinking_always_on),
            max_output: longest_answer(base, facts.and_then(|facts| facts.max_out)),
            ..Self::default()
        };
        entries_about(base).fold(known, Self::and)
    }

    /// What serves the model behind a base id, where InvokeModel does not reach it: the end of a
    /// sentence.
    pub fn served_by(base: &str) -> Option<&'static str> {
        entries_about(base).find_map(|entry| entry.served_by.as_deref())
    }

    /// The keys of a body that the model behind a base id refuses.
    pub fn refuses_extra(base: &str) -> impl Iterator<Item = &'static str> {
        entries_about(base).flat_map(|entry| entry.refuses_extra.iter().map(String::as_str))
    }

    /// The keys of a body that the model behind a base id refuses while it reasons.
    pub fn refuses_reasoning(base: &str) -> impl Iterator<Item = &'static str> {
        entries_about(base).flat_map(|entry| entry.refuses_reasoning.iter().map(String::as_str))
    }

    /// The keys of a body that the model behind a base id wants beside the prompt.
    pub fn needs_extra(base: &str) -> impl Iterator<Item = &'static str> {
        entries_about(base).flat_map(|entry| entry.needs_extra.iter().map(String::as_str))
    }

    fn and(self, entry: &'static CapabilityEntry) -> Self {
        Self {
            no_sampling: self.no_sampling || entry.no_sampling,
            one_sampling: self.one_sampling || entry.one_sampling,
            no_stop: self.no_stop || entry.no_stop,
            no_prefill: self.no_prefill || entry.no_prefill,
            later_systems: self.later_systems || entry.later_systems,
            thinking_always_on: self.thinking_always_on || entry.thinking_always_on,
            thinks_by_default: self.thinks_by_default || entry.thinks_by_default,
            limit_key: entry.limit_key.as_deref().or(self.limit_key),
            max_output: self.max_output,
            no_stream: self.no_stream || entry.stream == Some(false),
            schema_mode: entry
                .structured
                .as_deref()
                .and_then(SchemaMode::parse)
                .or(self.schema_mode),
        }
    }
}

/// The longest answer of the model behind a base id, in tokens. Where the service's own documents
/// differ from what the price list says, which is `listed`, they are right.
pub(super) fn longest_answer(base: &str, listed: Option<u64>) -> Option<u64> {
    entries_about(base).fold(listed, |most, entry| entry.max_out.or(most))
}

fn entries_about(base: &str) -> impl Iterator<Item = &'static CapabilityEntry> {
    let about =
        move |entry: &&CapabilityEntry| entry.models.iter().any(|it| base.starts_with(it.as_str()));
    ENTRIES.iter().filter(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_flags_are_laid_together() {
        let sol = Capabilities::of("openai.gpt-6-sol");
        assert_eq!(sol.limit_key, Some("max_completion_tokens"));
        assert!(sol.no_stop);
        let opus = Capabilities::of("anthropic.claude-opus-4-7");
        assert!(opus.no_sampling && opus.no_prefill);
        assert!(Capabilities::of("meta.llama4-scout-17b-instruct-v1:0").no_stream);
        assert_eq!(
            Capabilities::of("unknown.model"),
            Capabilities::default(),
            "what no source mentions is possible"
        );
    }

    #[test]
    fn what_holds_for_a_generation_holds_for_ids_that_are_newer_than_the_list() {
        for base in [
            "anthropic.claude-opus-5-6",
            "anthropic.claude-haiku-5-20261101-v1:0",
            "anthropic.claude-opus-4-7-20260101-v1:0",
        ] {
            let model = Capabilities::of(base);
            assert!(model.no_sampling && model.no_prefill, "{base}");
            assert_eq!(model.thinks_by_default, !base.contains("4-7"), "{base}");
        }
        let sonnet = Capabilities::of("anthropic.claude-sonnet-4-6-20260101-v1:0");
        assert!(sonnet.no_prefill && !sonnet.no_sampling);
        assert!(Capabilities::of("openai.gpt-5.7").no_sampling);
    }

    #[test]
    fn models_that_invoke_model_does_not_reach_are_known_with_what_serves_them() {
        for (base, word) in [
            ("openai.gpt-5.4", "bedrock-mantle"),
            ("openai.gpt-5.5", "bedrock-mantle"),
            ("openai.gpt-5.6-sol", "Converse"),
            ("openai.gpt-6-astra", "Converse"),
            ("openai.gpt-6-luna", "Chat Completions"),
            ("openai.gpt-6.1-sol", "Chat Completions"),
            ("xai.grok-4.3", "Chat Completions"),
            ("anthropic.claude-mythos-5", "Anthropic Messages"),
            ("anthropic.claude-mythos-preview", "Anthropic Messages"),
        ] {
            let served_by = Capabilities::served_by(base).unwrap_or_default();
            assert!(served_by.contains(word), "{base}: {served_by}");
        }
        for base in [
            "openai.gpt-oss-20b-1:0",
            "openai.gpt-oss-safeguard-120b",
            "xai.grok-4.6",
            "moonshotai.kimi-k3",
            "anthropic.claude-opus-5",
            "twelvelabs.marengo-embed-3-0-v1:0",
        ] {
            assert_eq!(Capabilities::served_by(base), None, "{base}");
        }
    }

    #[test]
    fn the_documents_go_before_the_price_list() {
        let most = |base| Capabilities::of(base).max_output;
        assert_eq!(most("amazon.titan-text-premier-v1:0"), Some(3072));
        assert_eq!(most("deepseek.r1-v1:0"), Some(32_768));
        assert_eq!(most("mistral.mixtral-8x22b"), Some(4096), "not listed");
    }

    #[test]
    fn the_longest_answer_that_the_documents_name_is_among_the_facts_too() {
        let mut named = 0;
        for id in crate::catalog::ids() {
            let base = crate::catalog::id::strip_geo(id).1;
            if let Some(most) = longest_answer(base, None) {
                let facts = crate::catalog::lookup(id, None).expect("listed");
                assert_eq!(facts.max_out, Some(most), "{id}");
                named += 1;
            }
        }
        assert!(8 < named, "{named}");
    }

    #[test]
    fn every_model_that_edits_images_wants_one() {
        let prices = include_str!("prices.json").lines();
        let edits = prices.filter(|line| line.contains(r#""mode":"image_edit""#));
        let ids: Vec<_> = edits.filter_map(|line| line.split('"').nth(1)).collect();
        assert!(24 < ids.len(), "{ids:?}");
        for id in ids {
            let base = crate::catalog::id::strip_geo(id).1;
            assert!(Capabilities::needs_extra(base).next().is_some(), "{id}");
        }
        let generates = Capabilities::needs_extra("stability.stable-image-core-v1:1");
        assert_eq!(generates.count(), 0);
    }

    #[test]
    fn how_a_model_follows_a_schema_is_that_of_the_last_entry_about_it() {
        for (base, mode) in [
            (
                "anthropic.claude-haiku-4-5-20251001-v1:0",
                Some(SchemaMode::Native),
            ),
            ("anthropic.claude-opus-4-6-v1", Some(SchemaMode::Native)),
            (
                "anthropic.claude-opus-4-1-20250805-v1:0",
                Some(SchemaMode::Tool),
            ),
            (
                "anthropic.claude-3-haiku-20240307-v1:0",
                Some(SchemaMode::Tool),
            ),
            ("anthropic.claude-opus-5", Some(SchemaMode::Tool)),
            ("anthropic.claude-opus-5-5", Some(SchemaMode::Prompt)),
            ("anthropic.claude-fable-5-1", Some(SchemaMode::Prompt)),
            ("anthropic.claude-v2:1", Some(SchemaMode::Prompt)),
            ("amazon.nova-micro-v1:0", Some(SchemaMode::Tool)),
            ("openai.gpt-oss-120b-1:0", Some(SchemaMode::Native)),
            ("openai.gpt-oss-safeguard-20b", None),
            (
                "mistral.mistral-large-3-675b-instruct",
                Some(SchemaMode::Native),
            ),
            ("mistral.mistral-large-2407-v1:0", Some(SchemaMode::Tool)),
            ("meta.llama3-3-70b-instruct-v1:0", Some(SchemaMode::Prompt)),
            ("deepseek.r1-v1:0", Some(SchemaMode::Prompt)),
            ("deepseek.v3-v1:0", None),
            ("newlab.model", None),
        ] {
            assert_eq!(Capabilities::of(base).schema_mode, mode, "{base}");
        }
        for entry in ENTRIES.iter() {
            let word = entry.structured.as_deref();
            assert!(
                word.is_none_or(|it| SchemaMode::parse(it).is_some()),
                "{word:?}"
            );
        }
    }

    #[test]
    fn every_entry_is_about_ids_of_known_providers() {
        for model in ENTRIES.iter().flat_map(|entry| &entry.models) {
            let id = format!("{model}x");
            assert!(crate::catalog::id::ModelId::parse(&id).is_ok(), "{model}");
        }
    }
}
