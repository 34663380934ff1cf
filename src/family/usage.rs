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
            cache_write_1h_input_tokens: None,
        }
    }

    /// The counts of a body, with those of the service around it where the body has none.
    ///
    /// A body that says nothing of the cache may count fresh input only. Where the service knows
    /// that some came from the cache, its input counts, which has that in it.
    pub fn or(self, other: Self) -> Self {
        let unsaid = |body: Option<u64>, service: Option<u64>| service.filter(|_| body.is_none());
        let cached = [
            unsaid(self.cache_read_input_tokens, other.cache_read_input_tokens),
            unsaid(
                self.cache_write_input_tokens,
                other.cache_write_input_tokens,
            ),
        ];
        let cached = cached.into_iter().flatten().fold(0, u64::saturating_add);
        let input_tokens = match self.input_tokens {
            Some(fresh) if 0 < cached => {
                // All input is never less than what of it was cached.
                let in_all = if fresh < cached {
                    fresh.saturating_add(cached)
                } else {
                    fresh
                };
                Some(other.input_tokens.unwrap_or(in_all))
            }
            said => said.or(other.input_tokens),
        };
        Self {
            input_tokens,
            output_tokens: self.output_tokens.or(other.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .or(other.cache_read_input_tokens),
            cache_write_input_tokens: self
                .cache_write_input_tokens
                .or(other.cache_write_input_tokens),
            cache_write_1h_input_tokens: self
                .cache_write_1h_input_tokens
                .or(other.cache_write_1h_input_tokens),
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
        cache_write_1h_input_tokens: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::family::Family;

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
                cache_write_1h_input_tokens: None,
            }
        );
    }

    /// What Nova's body and the service around it say, and what comes of it: input in all, and read
    /// from the cache.
    #[track_caller]
    fn nova(usage: &Value, service: Usage, expected: (u64, u64)) {
        let body = json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "Io."}]}},
            "stopReason": "end_turn",
            "usage": usage,
        });
        let usage = Family::Nova.read(&body).unwrap().usage.or(service);
        let found = (usage.input_tokens, usage.cache_read_input_tokens);
        assert_eq!(found, (Some(expected.0), Some(expected.1)), "{body}");
    }

    #[test]
    fn cached_input_that_only_the_service_speaks_of_is_input_too() {
        let service = |input| Usage::from_headers(input, Some(3), Some(1000), Some(0));
        let silent = json!({"inputTokens": 9, "outputTokens": 3});
        nova(&silent, service(Some(9)), (1009, 1000));
        nova(&silent, service(None), (1009, 1000));
        let says_so = json!({"inputTokens": 9, "cacheReadInputTokenCount": 500});
        nova(&says_so, service(Some(9)), (509, 500));
        let counted_in = json!({"inputTokens": 1009});
        nova(&counted_in, service(Some(9)), (1009, 1000));
    }

    #[test]
    fn a_stream_counts_cached_input_as_a_whole_answer_does() {
        let mut answer = Family::Nova.assemble().unwrap();
        for chunk in [
            json!({"messageStart": {"role": "assistant"}}),
            json!({"contentBlockDelta": {"delta": {"text": "Io."}, "contentBlockIndex": 0}}),
            json!({"messageStop": {"stopReason": "end_turn"}}),
            json!({
                "metadata": {"usage": {"inputTokens": 9, "outputTokens": 3}},
                "amazon-bedrock-invocationMetrics": {
                    "inputTokenCount": 9,
                    "outputTokenCount": 3,
                    "cacheReadInputTokenCount": 1000,
                    "cacheWriteInputTokenCount": 0,
                    "invocationLatency": 9,
                },
            }),
        ] {
            answer.push(chunk.to_string().as_bytes()).unwrap();
        }
        let usage = answer.finish().unwrap().parsed.usage;
        let expected = Usage::from_headers(Some(9), Some(3), Some(1000), Some(0));
        assert_eq!(usage, expected);
    }

    #[test]
    fn claude_tells_what_is_cached_for_an_hour() {
        let body = json!({
            "content": [],
            "usage": {
                "input_tokens": 5,
                "output_tokens": 1,
                "cache_creation_input_tokens": 30,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 10,
                    "ephemeral_1h_input_tokens": 20,
                },
            },
        });
        let usage = Family::ClaudeMessages.read(&body).unwrap().usage;
        assert_eq!(usage.input_tokens, Some(35));
        assert_eq!(usage.cache_write_1h_input_tokens, Some(20));
    }

    #[test]
    fn cached_headers_alone_do_not_make_an_input_count() {
        let headers = Usage::from_headers(None, None, Some(80), None);
        assert_eq!(headers.input_tokens, None);
    }

    #[test]
    fn impossible_counts_do_not_overflow() {
        let most = Usage::from_headers(Some(u64::MAX), Some(1), Some(u64::MAX), Some(u64::MAX));
        let body = Usage {
            input_tokens: Some(u64::MAX - 1),
            ..Usage::default()
        };
        assert_eq!(body.or(most).input_tokens, Some(u64::MAX));
        let silent = Usage {
            input_tokens: None,
            ..most
        };
        assert_eq!(body.or(silent).input_tokens, Some(u64::MAX));
    }
}
