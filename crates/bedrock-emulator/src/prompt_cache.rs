//! The prompt cache: prefixes that requests mark with a checkpoint, kept for five minutes after
//! their last use.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::generate::Fingerprint;
use super::layout::tokens_of;
use super::schema::Object;

/// Lifetime of an entry after its last use (user guide, "Prompt caching", October 2026).
const LIVES: Duration = Duration::from_secs(300);

/// The shortest prefix that Claude models cache, in tokens, by the beginning of the base id; the first
/// match counts. Source: user guide, "Prompt caching", and the models' pages, October 2026.
const SHORTEST: [(&str, u64); 11] = [
    ("anthropic.claude-opus-4-5", 4096),
    ("anthropic.claude-opus-4-6", 4096),
    ("anthropic.claude-haiku-4-5", 4096),
    ("anthropic.claude-opus-4-7", 4096),
    ("anthropic.claude-3-5-haiku", 2048),
    ("anthropic.claude-sonnet-5-5", 512),
    ("anthropic.claude-sonnet-5", 1024),
    ("anthropic.claude-opus-5", 512),
    ("anthropic.claude-haiku-5", 512),
    ("anthropic.claude-fable-5", 512),
    ("anthropic.claude-mythos-5", 512),
];

/// The shortest prefix of all other models, in tokens.
const SHORTEST_ELSEWHERE: u64 = 1024;

/// What the prompt cache keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptCache {
    /// The shortest cached prefix, in tokens, for every model. A shorter prefix is not cached, without
    /// an error. Without this key, each model has its own minimum.
    pub min_tokens: Option<u64>,
}

/// The account's cache.
#[derive(Debug)]
pub(super) struct Entries {
    min_tokens: Option<u64>,
    used: Mutex<HashMap<u64, Instant>>,
}

/// The part of a request before its cache checkpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    key: u64,
    tokens: u64,
    /// The shortest prefix that its model caches, in tokens.
    shortest: u64,
}

/// Input tokens that were read from the cache, or written to it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cached {
    pub(super) read: u64,
    pub(super) written: u64,
}

impl Prefix {
    /// The system prompt up to its last checkpoint: `cache_control` of Claude, `cachePoint` of Nova.
    pub(super) fn of(model: &str, base: &str, body: &Object) -> Option<Self> {
        let blocks = body.get("system")?.as_array()?;
        let marked = |block: &Value| {
            block.get("cache_control").is_some() || block.get("cachePoint").is_some()
        };
        let last = blocks.iter().rposition(marked)?;
        let texts = blocks[..=last].iter().filter_map(|it| it["text"].as_str());
        let text: String = texts.collect();
        Some(Self {
            key: Fingerprint::new(model, &text).seed,
            tokens: tokens_of(text.len()),
            shortest: shortest(base),
        })
    }
}

fn shortest(base: &str) -> u64 {
    let of_model = SHORTEST.iter().find(|(name, _)| base.starts_with(name));
    of_model.map_or(SHORTEST_ELSEWHERE, |(_, tokens)| *tokens)
}

impl Entries {
    pub(super) fn new(settings: PromptCache) -> Self {
        Self {
            min_tokens: settings.min_tokens,
            used: Mutex::default(),
        }
    }

    /// What a request that starts now reads from the cache or writes to it.
    pub(super) fn look(&self, prefix: Option<Prefix>) -> Cached {
        let is_long = |prefix: &Prefix| self.min_tokens.unwrap_or(prefix.shortest) <= prefix.tokens;
        let Some(prefix) = prefix.filter(is_long) else {
            return Cached::default();
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match used.get_mut(&prefix.key) {
            Some(last) if now - *last < LIVES => {
                *last = now;
                Cached {
                    read: prefix.tokens,
                    written: 0,
                }
            }
            Some(_) | None => Cached {
                read: 0,
                written: prefix.tokens,
            },
        }
    }

    /// Stores a prefix once its response has begun.
    pub(super) fn keep(&self, prefix: Option<Prefix>) {
        if let Some(prefix) = prefix {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.insert(prefix.key, Instant::now());
        }
    }
}

impl Cached {
    /// Tokens read and written, which the count of input tokens leaves out.
    pub(super) fn tokens(self) -> u64 {
        self.read + self.written
    }

    /// Adds the counts to the usage of a body or chunk.
    pub(super) fn say(self, body: &mut Value) {
        if self.tokens() == 0 {
            return;
        }
        for place in ["/usage", "/message/usage", "/metadata/usage"] {
            let Some(usage) = body.pointer_mut(place).and_then(Value::as_object_mut) else {
                continue;
            };
            for (key, value) in usage.iter_mut() {
                *value = match (key.as_str(), value.as_u64()) {
                    ("input_tokens" | "inputTokens", Some(all)) => {
                        all.saturating_sub(self.tokens()).into()
                    }
                    ("cache_read_input_tokens" | "cacheReadInputTokenCount", _) => self.read.into(),
                    ("cache_creation_input_tokens" | "cacheWriteInputTokenCount", _) => {
                        self.written.into()
                    }
                    _ => continue,
                };
            }
        }
    }
}
