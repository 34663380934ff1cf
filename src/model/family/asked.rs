//! What a body that a row brought asks for.

use serde::Deserialize;

/// The limit of the answer that a body names, in any family's words.
pub fn max_tokens_of(body: &[u8]) -> Option<u32> {
    let limits: Limits = serde_json::from_slice(body).ok()?;
    let nested = limits.nova.max_tokens.or(limits.titan.max_token_count);
    limits.top.or(nested)
}

#[derive(Deserialize)]
struct Limits {
    #[serde(
        alias = "max_tokens",
        alias = "max_completion_tokens",
        alias = "max_gen_len",
        alias = "max_tokens_to_sample",
        alias = "maxTokens",
        default
    )]
    top: Option<u32>,
    #[serde(rename = "inferenceConfig", default)]
    nova: Nova,
    #[serde(rename = "textGenerationConfig", default)]
    titan: Titan,
}

#[derive(Deserialize, Default)]
struct Nova {
    #[serde(rename = "maxTokens", alias = "max_new_tokens", default)]
    max_tokens: Option<u32>,
}

#[derive(Deserialize, Default)]
struct Titan {
    #[serde(rename = "maxTokenCount", default)]
    max_token_count: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_familys_word_for_the_limit_is_known() {
        for body in [
            r#"{"max_tokens":7}"#,
            r#"{"max_completion_tokens":7,"messages":[{"max_tokens":9}]}"#,
            r#"{"prompt":"","max_gen_len":7}"#,
            r#"{"max_tokens_to_sample":7}"#,
            r#"{"inferenceConfig":{"maxTokens":7}}"#,
            r#"{"textGenerationConfig":{"maxTokenCount":7}}"#,
        ] {
            assert_eq!(max_tokens_of(body.as_bytes()), Some(7), "{body}");
        }
        assert_eq!(max_tokens_of(b"{\"inputText\":\"x\"}"), None);
        assert_eq!(max_tokens_of(b"[]"), None);
    }
}
