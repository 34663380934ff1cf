//! The prefix that all requests share and the service's prompt cache may keep: whether it is long
//! enough. One that is too short is not cached, without any message.

use std::time::Duration;

use super::forecast::{BYTES_PER_TOKEN, Cases};
use crate::catalog;
use crate::job::Plan;
use crate::model::SchemaMode;
use crate::run::FirstAlone;

/// A prefix that is shorter than what is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShortPrefix {
    /// Even if it were the densest of texts.
    Surely,
    /// By the usual size of a token.
    Likely,
}

/// How long the first call may take while the service compiles the schema: minutes, as the user guide
/// says of structured output (November 2026).
const COMPILE_TIME: Duration = Duration::from_secs(15 * 60);

impl Plan {
    /// Whether the first call goes alone, and what for.
    pub(crate) fn first_alone(&self) -> FirstAlone {
        match self.compiles_schema() {
            true => FirstAlone::ForGrammar,
            false if self.shares_prefix() => FirstAlone::ForCache,
            false => FirstAlone::No,
        }
    }

    /// How long an attempt may take while it goes alone.
    pub(crate) fn first_timeout(&self) -> Duration {
        match self.compiles_schema() {
            true => self.attempt_timeout.max(COMPILE_TIME),
            false => self.attempt_timeout,
        }
    }

    fn compiles_schema(&self) -> bool {
        let mode = self.schema.as_ref().map(|schema| schema.sent.mode);
        mode == Some(SchemaMode::Native)
    }

    /// Whether all rows begin with the same prefix, which the service caches as far as is known:
    /// then the first call is to fill the cache for the others.
    pub fn shares_prefix(&self) -> bool {
        self.prefix_bytes().is_some() && self.short_prefix() != Some(ShortPrefix::Surely)
    }

    /// Bytes of every prompt that the service has in its cache once a call has written them there: all
    /// of the prefix where it is probably long enough, none of it at worst.
    pub(crate) fn cached_bytes(&self) -> Cases<u64> {
        let prefix = self.prefix_bytes().unwrap_or(0) as u64;
        let unless = |too_short: bool| if too_short { 0 } else { prefix };
        let short = self.short_prefix();
        Cases {
            low: unless(short == Some(ShortPrefix::Surely)),
            expected: unless(short.is_some()),
            worst: 0,
        }
    }

    /// What a person should know of the prefix before it is paid for in full with every call.
    pub fn prefix_remark(&self) -> Option<String> {
        let (least, tokens) = self.prefix()?;
        let how = match self.short_prefix()? {
            ShortPrefix::Surely => "surely too short",
            ShortPrefix::Likely => "probably too short",
        };
        Some(format!(
            "`cache`: the system prompt is {how} to be cached, about {tokens:.0} tokens where `{}` \
             caches {least} or more: leave `cache` out, or move more of the prompt into it",
            self.model
        ))
    }

    fn short_prefix(&self) -> Option<ShortPrefix> {
        let bytes = self.prefix_bytes()? as f64;
        let least = self.prefix()?.0 as f64;
        if bytes / BYTES_PER_TOKEN.worst < least {
            return Some(ShortPrefix::Surely);
        }
        (bytes / BYTES_PER_TOKEN.expected < least).then_some(ShortPrefix::Likely)
    }

    /// The least tokens that the model caches, and about how many there are.
    fn prefix(&self) -> Option<(u64, f64)> {
        let least = catalog::anywhere(self.model.base()?)?.cache_min?;
        let bytes = self.prefix_bytes()? as f64;
        Some((least, bytes / BYTES_PER_TOKEN.expected))
    }

    /// How long the prefix is that all rows share: tools come before the system prompt. `None`
    /// where each row has its own, or nothing is marked.
    fn prefix_bytes(&self) -> Option<usize> {
        let system = self.system.as_ref().filter(|_| self.parameters.cache)?;
        let is_fixed = !system.contains("{{") && !system.contains("{%");
        let tools = self.parameters.extra.get("tools");
        let tools = tools.map_or(0, |tools| tools.to_string().len());
        is_fixed.then_some(system.len() + tools)
    }
}

#[cfg(test)]
mod tests {
    use crate::job::{JobFile, Plan};

    /// Whether the first call goes alone, and what is said, for a system prompt of so many bytes.
    #[track_caller]
    fn check(model: &str, bytes: usize, more: &str, first_alone: bool, said: &str) {
        let job = format!(
            "[input]\npath = \"in.csv\"\n[output]\npath = \"out.jsonl\"\n\
             [prompt]\nsystem = \"{}\"\ncache = true\n[model]\nid = \"{model}\"\n{more}",
            "x".repeat(bytes)
        );
        let job: JobFile = toml::from_str(&job).expect("a job file");
        let today = jiff::civil::date(2026, 11, 22);
        let plan = Plan::new(job, None, today, |_| None).expect("a good job");
        assert_eq!(plan.shares_prefix(), first_alone, "{model} {bytes}");
        assert_eq!(plan.prefix_remark().unwrap_or_default(), said);
    }

    /// 4,096 tokens: surely more than 8,191 bytes, probably more than 14,335.
    #[test]
    fn a_prefix_too_short_to_be_cached_is_said_and_holds_nobody_back() {
        const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
        let remark = |how: &str, tokens: u64, model: &str, least: u64| {
            format!(
                "`cache`: the system prompt is {how} too short to be cached, about {tokens} tokens \
                 where `{model}` caches {least} or more: leave `cache` out, or move more of the \
                 prompt into it"
            )
        };
        check(HAIKU, 8191, "", false, &remark("surely", 2340, HAIKU, 4096));
        check(
            HAIKU,
            8192,
            "",
            true,
            &remark("probably", 2341, HAIKU, 4096),
        );
        check(HAIKU, 14_336, "", true, "");
        let tools = format!("extra.tools = [\"{}\"]", "t".repeat(14_336));
        check(HAIKU, 20, &tools, true, "");
        let opus = "anthropic.claude-opus-5";
        check(opus, 1023, "", false, &remark("surely", 292, opus, 512));
        check(opus, 2000, "", true, "");
        // No source says what Nova caches.
        check("amazon.nova-lite-v1:0", 20, "", true, "");
    }
}
