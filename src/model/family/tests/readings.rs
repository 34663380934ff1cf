//! What each family's replies say. Shapes are the service's, values are invented.

use super::*;

/// One good reply for each family, for tests that go through all of them.
pub(super) const GOOD: [(Family, &str); 11] = [
    (Family::ClaudeMessages, CLAUDE),
    (Family::Nova, NOVA),
    (Family::OpenaiChat, OPENAI),
    (Family::MistralChat, MISTRAL_CHAT),
    (Family::MistralText, MISTRAL_TEXT),
    (Family::Llama3, LLAMA),
    (Family::Llama4, LLAMA),
    (Family::DeepseekText, DEEPSEEK),
    (Family::TitanText, TITAN),
    (Family::TitanEmbedText, TITAN_EMBED),
    (
        Family::Raw,
        r#"{"generations":[{"id":"g","text":" Io.","finish_reason":"COMPLETE"}]}"#,
    ),
];

const CLAUDE: &str = r#"{"id":"msg_bdrk_01A","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"I"},{"type":"text","text":"o."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":14,"output_tokens":5,"cache_read_input_tokens":100,"cache_creation_input_tokens":20}}"#;
const NOVA: &str = r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"Io."}]}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":3,"totalTokens":12,"cacheReadInputTokenCount":30,"cacheWriteInputTokenCount":0}}"#;
const OPENAI: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"<reasoning>hm</reasoning>Io.","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":80,"completion_tokens":87,"total_tokens":167,"prompt_tokens_details":{"cached_tokens":64}}}"#;
const MISTRAL_CHAT: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Io.","tool_calls":[]},"stop_reason":"length"}]}"#;
const MISTRAL_TEXT: &str = r#"{"outputs":[{"text":" Io.","stop_reason":"stop"}]}"#;
const LLAMA: &str = r#"{"generation":"\n\nIo.","prompt_token_count":9,"generation_token_count":3,"stop_reason":"stop"}"#;
const DEEPSEEK: &str = r#"{"choices":[{"text":"hm, a moon</think>\n\nIo.","stop_reason":"stop"}]}"#;
const TITAN: &str = r#"{"inputTextTokenCount":8,"results":[{"tokenCount":3,"outputText":"\nIo.","completionReason":"FINISH"}]}"#;
const TITAN_EMBED: &str = r#"{"embedding":[0.25,-1.5],"inputTextTokenCount":5}"#;

#[track_caller]
fn check(family: Family, body: &str, said: &str) {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let found = match family.read(&body) {
        Ok(reading) => line(&reading),
        Err(misread) => misread.to_string(),
    };
    assert_eq!(found, said, "{}", family.name());
}

#[test]
fn claude_messages() {
    let claude = Family::ClaudeMessages;
    check(
        claude,
        CLAUDE,
        r#""Io." stop (end_turn) in=134 out=5 read=100 written=20"#,
    );
    let refusal = r#"{"type":"message","content":[],"stop_reason":"refusal","usage":{"input_tokens":14,"output_tokens":0}}"#;
    check(
        claude,
        refusal,
        r#""" content_filter (refusal) in=14 out=0"#,
    );
    let full = r#"{"content":[{"type":"text","text":"Io"}],"stop_reason":"model_context_window_exceeded"}"#;
    check(
        claude,
        full,
        r#""Io" context_window (model_context_window_exceeded)"#,
    );
    let tool =
        r#"{"content":[{"type":"tool_use","name":"f","input":{}}],"stop_reason":"tool_use"}"#;
    check(
        claude,
        tool,
        r#""" tool_calls (tool_use) output=[{"type":"tool_use","name":"f","input":{}}]"#,
    );
}

#[test]
fn nova() {
    check(
        Family::Nova,
        NOVA,
        r#""Io." stop (end_turn) in=39 out=3 read=30 written=0"#,
    );
    let cut = r#"{"output":{"message":{"content":[{"text":"I"}]}},"stopReason":"max_tokens"}"#;
    check(Family::Nova, cut, r#""I" length (max_tokens)"#);
}

#[test]
fn openai_chat_drops_inline_reasoning() {
    let openai = Family::OpenaiChat;
    check(openai, OPENAI, r#""Io." stop (stop) in=80 out=87 read=64"#);
    let cut =
        r#"{"choices":[{"message":{"content":"<reasoning>hm, a"},"finish_reason":"length"}]}"#;
    check(openai, cut, r#""" length (length)"#);
    let late = r#"{"choices":[{"message":{"content":"see <reasoning>"},"finish_reason":"stop"}]}"#;
    check(openai, late, r#""see <reasoning>" stop (stop)"#);
}

#[test]
fn openai_chat_without_content_is_an_empty_answer_if_it_has_a_reason() {
    let openai = Family::OpenaiChat;
    let null = r#"{"choices":[{"message":{"content":null},"finish_reason":"length"}]}"#;
    check(openai, null, r#""" length (length)"#);
    let refused =
        r#"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}"#;
    check(openai, refused, r#""" content_filter (stop)"#);
    let tools =
        r#"{"choices":[{"message":{"tool_calls":[{"id":"1"}]},"finish_reason":"tool_calls"}]}"#;
    check(
        openai,
        tools,
        r#""" tool_calls (tool_calls) output=[{"id":"1"}]"#,
    );
    let nothing = r#"{"choices":[{"message":{}}]}"#;
    check(
        openai,
        nothing,
        "the reply is not shaped as openai-chat: expected `choices[0].message`, with `content` \
         or a finish reason, came `choices`",
    );
}

#[test]
fn mistral() {
    check(
        Family::MistralChat,
        MISTRAL_CHAT,
        r#""Io." length (length)"#,
    );
    check(Family::MistralText, MISTRAL_TEXT, r#""Io." stop (stop)"#);
}

#[test]
fn llama() {
    check(Family::Llama3, LLAMA, r#""Io." stop (stop) in=9 out=3"#);
}

#[test]
fn deepseek_text_drops_the_thought() {
    check(Family::DeepseekText, DEEPSEEK, r#""Io." stop (stop)"#);
    let cut = r#"{"choices":[{"text":"hm, a moon","stop_reason":"length"}]}"#;
    check(Family::DeepseekText, cut, r#""" length (length)"#);
}

#[test]
fn titan() {
    check(
        Family::TitanText,
        TITAN,
        r#""Io." stop (FINISH) in=8 out=3"#,
    );
    let embedding = r#""-" stop (-) in=5 output={"embedding":[0.25,-1.5]}"#;
    check(Family::TitanEmbedText, TITAN_EMBED, embedding);
}

#[test]
fn raw_reads_every_family_as_the_family_does() {
    for (family, reply) in GOOD {
        let body: Value = serde_json::from_str(reply).expect("JSON");
        assert_eq!(
            Family::Raw.read(&body),
            family.read(&body),
            "{}",
            family.name()
        );
    }
}

#[test]
fn raw_reads_families_that_are_not_built() {
    for (reply, said) in [
        (
            r#"{"generations":[{"text":" Io.","finish_reason":"COMPLETE"}]}"#,
            r#""Io." stop (COMPLETE)"#,
        ),
        (
            r#"{"text":"Io.","finish_reason":"MAX_TOKENS"}"#,
            r#""Io." length (MAX_TOKENS)"#,
        ),
        (
            r#"{"completions":[{"data":{"text":"Io."},"finishReason":{"reason":"endoftext"}}]}"#,
            r#""Io." stop (endoftext)"#,
        ),
        (
            r#"{"completion":" Io.","stop_reason":"stop_sequence"}"#,
            r#""Io." stop (stop_sequence)"#,
        ),
        (
            r#"{"choices":[{"text":" Io","finish_reason":"length"}],"usage":{"prompt_tokens":4,"completion_tokens":1}}"#,
            r#"" Io" length (length) in=4 out=1"#,
        ),
        (
            r#"{"message":"A moon.","finishReason":"stop"}"#,
            r#""A moon." stop (stop)"#,
        ),
        (
            r#"{"id":"1","embeddings":[[0.5]]}"#,
            r#""-" stop (-) output={"id":"1","embeddings":[[0.5]]}"#,
        ),
        (
            r#"{"results":[{"index":1}]}"#,
            r#""-" stop (-) output={"results":[{"index":1}]}"#,
        ),
    ] {
        check(Family::Raw, reply, said);
    }
}

#[test]
fn a_reply_of_another_shape_is_misread_with_its_keys() {
    check(
        Family::ClaudeMessages,
        LLAMA,
        "the reply is not shaped as claude-messages: expected `content`, a list of blocks, came \
         `generation`, `prompt_token_count`, `generation_token_count`, `stop_reason`",
    );
    check(
        Family::Raw,
        "\"[DONE]\"",
        "the reply is not shaped as any family known: expected text, an embedding or a list of \
         results, came a bare string",
    );
}
