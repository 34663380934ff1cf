//! Token counts: from bodies in each family's keys, from headers where a body is silent.

use serde_json::Value;

use super::json::count;
use crate::model::Usage;

impl Usage {
    /// The counts of the `x-amzn-bedrock-*-token-count` headers, whose input leaves out what was
    /// read from the prompt cache or written to it.
    pub fn from_headers(
        input: Option<u64>,
        output: Option<u64>,
        cache_read: Option<u64>,
        cache_write: Option<u64>,
    ) -> Self {
        let cached = cache_read
            .unwrap_or(0)
            .saturating_add(cache_write.unwrap_or(0));
        Self {
            input_tokens: input.map(|fresh| fresh.saturating_add(cached)),
            output_tokens: output,
            cache_read_input_tokens: cache_read,
            cache_write_input_tokens: cache_write,
        }
    }

    /// These counts, with those of `other` where there are none.
    pub fn or(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.or(other.input_tokens),
            output_tokens: self.output_tokens.or(other.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .or(other.cache_read_input_tokens),
            cache_write_input_tokens: self
                .cache_write_input_tokens
                .or(other.cache_write_input_tokens),
        }
    }
}

/// OpenAI-style usage: `prompt_tokens` already counts what came from the cache.
pub(super) fn openai(body: &Value) -> Usage {
    Usage {
        input_tokens: count(body, "/usage/prompt_tokens"),
        output_tokens: count(body, "/usage/completion_tokens"),
        cache_read_input_tokens: count(body, "/usage/prompt_tokens_details/cached_tokens"),
        cache_write_input_tokens: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_fill_only_the_gaps_and_count_cached_input_in() {
        let body = Usage {
            output_tokens: Some(7),
            ..Usage::default()
        };
        let headers = Usage::from_headers(Some(10), Some(9), Some(80), None);
        assert_eq!(
            body.or(headers),
            Usage {
                input_tokens: Some(90),
                output_tokens: Some(7),
                cache_read_input_tokens: Some(80),
                cache_write_input_tokens: None,
            }
        );
    }

    #[test]
    fn cached_headers_alone_do_not_make_an_input_count() {
        let headers = Usage::from_headers(None, None, Some(80), None);
        assert_eq!(headers.input_tokens, None);
    }
}
