//! Answers in chunks, and thoughts in blocks of their own.

use super::super::{FinishReason, ModelOutput};
use super::{CLAUDE, GPT, LLAMA, MISTRAL, NOVA, Object, R1, TITAN, asks, resolve};

const DEEP: &str = r#""thinking":{"type":"enabled","budget_tokens":1024}"#;

/// Streams one answer as a model does and compares the chunks, a line each.
#[track_caller]
fn streams(id: &str, body: &str, thought: &str, expected: &[&str]) {
    let body: Object = serde_json::from_str(body).unwrap();
    let (_, layout) = resolve(id, &body);
    let answer = ModelOutput {
        thought: thought.to_owned(),
        text: "Io or so".to_owned(),
        tool_call: None,
        vectors: Vec::new(),
        finish: FinishReason::Done,
        input_tokens: 9,
        output_tokens: 2,
        others: Vec::new(),
    };
    let chunks = layout.chunks(&body, id, &answer);
    assert_eq!(layout.streams(), chunks.is_some());
    let chunks = chunks.unwrap_or_default();
    let got: Vec<String> = chunks.iter().map(ToString::to_string).collect();
    assert_eq!(got, expected, "{id}");
}

#[test]
fn claude_streams_events_of_blocks() {
    streams(
        CLAUDE,
        "{}",
        "",
        &[
            r#"{"type":"message_start","message":{"id":"msg_bdrk_emulated","type":"message","role":"assistant","model":"anthropic.claude-opus-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Io o"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"r so"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}"#,
            r#"{"type":"message_stop"}"#,
        ],
    );
}

#[test]
fn claude_reasons_in_a_separate_block_with_a_signature() {
    let body: Object = serde_json::from_str("{}").unwrap();
    let (_, layout) = resolve(CLAUDE, &body);
    let answer = ModelOutput {
        thought: "Hm.".to_owned(),
        text: "Io".to_owned(),
        tool_call: None,
        vectors: Vec::new(),
        finish: FinishReason::Done,
        input_tokens: 9,
        output_tokens: 2,
        others: Vec::new(),
    };
    assert_eq!(
        layout.write(&body, CLAUDE, &answer)["content"].to_string(),
        r#"[{"type":"thinking","thinking":"Hm.","signature":"ZW11bGF0ZWQ="},{"type":"text","text":"Io"}]"#
    );
    let chunks = layout.chunks(&body, CLAUDE, &answer).unwrap();
    let got: Vec<String> = chunks[1..8].iter().map(ToString::to_string).collect();
    assert_eq!(
        got,
        [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"ZW11bGF0ZWQ="}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Io"}}"#,
        ]
    );
}

#[test]
fn claude_reasons_if_requested_and_checks_the_budget() {
    let body = |rest: &str| {
        format!(
            r#"{{"anthropic_version":"bedrock-2023-05-31","messages":[{{"role":"user","content":"Hi"}}],{rest}}}"#
        )
    };
    let deep = |rest: &str| body(&format!("{DEEP},{rest}"));
    let thinks = r#""Hi": 8 in, 2000 after a block of thought"#;
    asks(CLAUDE, &deep(r#""max_tokens":2000"#), thinks);
    let adaptive = r#""thinking":{"type":"adaptive"},"max_tokens":2000"#;
    asks(CLAUDE, &body(adaptive), thinks);
    let off = r#""thinking":{"type":"disabled"},"max_tokens":2000"#;
    asks(CLAUDE, &body(off), r#""Hi": 8 in, 2000"#);
    asks(
        CLAUDE,
        &deep(r#""max_tokens":1024"#),
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
    );
    asks(
        CLAUDE,
        &deep(r#""max_tokens":2000,"temperature":0.5"#),
        "`temperature` may only be set to 1 when thinking is enabled.",
    );
    let little = r#""thinking":{"type":"enabled","budget_tokens":9},"max_tokens":2000"#;
    asks(
        CLAUDE,
        &body(little),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    );
}

#[test]
fn nova_reasons_in_separate_blocks_if_requested() {
    let body = |rest: &str| {
        format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"Hi"}}]}}],{rest}}}"#)
    };
    let config = r#""reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}"#;
    let thinks = r#""Hi": 8 in, 5000 after a block of thought"#;
    asks(NOVA, &body(config), thinks);
    asks(
        NOVA,
        &body(&format!(r#""inferenceConfig":{{{config}}}"#)),
        thinks,
    );
    let off = r#""reasoningConfig":{"type":"disabled"}"#;
    asks(NOVA, &body(off), r#""Hi": 8 in, 5000"#);
    streams(
        NOVA,
        "{}",
        "Hm.",
        &[
            r#"{"messageStart":{"role":"assistant"}}"#,
            r#"{"contentBlockDelta":{"delta":{"reasoningContent":{"reasoningText":{"text":"Hm."}}},"contentBlockIndex":0}}"#,
            r#"{"contentBlockStop":{"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"delta":{"text":"Io o"},"contentBlockIndex":1}}"#,
            r#"{"contentBlockStop":{"contentBlockIndex":1}}"#,
            r#"{"contentBlockDelta":{"delta":{"text":"r so"},"contentBlockIndex":2}}"#,
            r#"{"contentBlockStop":{"contentBlockIndex":2}}"#,
            r#"{"messageStop":{"stopReason":"end_turn"}}"#,
            r#"{"metadata":{"usage":{"inputTokens":9,"outputTokens":2,"cacheReadInputTokenCount":0,"cacheWriteInputTokenCount":0},"metrics":{},"trace":{}}}"#,
        ],
    );
}

#[test]
fn each_other_model_streams_in_its_own_shape() {
    let prompt = r#"{"prompt":""}"#;
    streams(
        LLAMA,
        prompt,
        "",
        &[
            r#"{"generation":"\n\nIo","prompt_token_count":9,"generation_token_count":1,"stop_reason":null}"#,
            r#"{"generation":" or ","prompt_token_count":null,"generation_token_count":2,"stop_reason":null}"#,
            r#"{"generation":"so","prompt_token_count":null,"generation_token_count":2,"stop_reason":"stop"}"#,
        ],
    );
    streams(
        MISTRAL,
        prompt,
        "",
        &[
            r#"{"outputs":[{"text":" Io ","stop_reason":null}]}"#,
            r#"{"outputs":[{"text":"or s","stop_reason":null}]}"#,
            r#"{"outputs":[{"text":"o","stop_reason":"stop"}]}"#,
        ],
    );
    streams(
        MISTRAL,
        r#"{"messages":[]}"#,
        "",
        &[
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Io o"},"stop_reason":null}]}"#,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"r so"},"stop_reason":"stop"}]}"#,
        ],
    );
    streams(
        R1,
        prompt,
        "",
        &[
            r#"{"choices":[{"text":"Io o","stop_reason":null}]}"#,
            r#"{"choices":[{"text":"r so","stop_reason":"stop"}]}"#,
        ],
    );
    streams(
        TITAN,
        "{}",
        "",
        &[
            r#"{"outputText":"\nIo ","index":0,"totalOutputTextTokenCount":null,"completionReason":null,"inputTextTokenCount":9}"#,
            r#"{"outputText":"or s","index":0,"totalOutputTextTokenCount":null,"completionReason":null,"inputTextTokenCount":null}"#,
            r#"{"outputText":"o","index":0,"totalOutputTextTokenCount":2,"completionReason":"FINISH","inputTextTokenCount":null}"#,
        ],
    );
    streams(
        "anthropic.claude-v2:1",
        prompt,
        "",
        &[
            r#"{"completion":" Io ","stop_reason":null,"stop":null}"#,
            r#"{"completion":"or s","stop_reason":null,"stop":null}"#,
            r#"{"completion":"o","stop_reason":"stop_sequence","stop":"\n\nHuman:"}"#,
        ],
    );
    streams(
        "cohere.command-text-v14",
        r#"{"prompt":"","stream":true}"#,
        "",
        &[
            r#"{"text":" Io ","is_finished":false,"index":0}"#,
            r#"{"text":"or s","is_finished":false,"index":0}"#,
            r#"{"text":"o","is_finished":false,"index":0}"#,
            r#"{"is_finished":true,"finish_reason":"COMPLETE","index":0}"#,
        ],
    );
    streams(
        "cohere.command-r-plus-v1:0",
        "{}",
        "",
        &[
            r#"{"event_type":"stream-start","is_finished":false}"#,
            r#"{"event_type":"text-generation","text":"Io o","is_finished":false}"#,
            r#"{"event_type":"text-generation","text":"r so","is_finished":false}"#,
            r#"{"event_type":"stream-end","is_finished":true,"finish_reason":"COMPLETE","response":{"response_id":"emulated","text":"Io or so","generation_id":"emulated-1","chat_history":[],"finish_reason":"COMPLETE"}}"#,
        ],
    );
    streams(
        "us.twelvelabs.pegasus-1-2-v1:0",
        "{}",
        "",
        &[
            r#"{"message":"Io o","finishReason":null}"#,
            r#"{"message":"r so","finishReason":"stop"}"#,
        ],
    );
    streams(
        "us.writer.palmyra-x5-v1:0",
        prompt,
        "",
        &[
            r#"{"id":"cmpl-emulated","object":"text_completion","choices":[{"index":0,"text":"Io o","finish_reason":null,"stop_reason":null}],"usage":null}"#,
            r#"{"id":"cmpl-emulated","object":"text_completion","choices":[{"index":0,"text":"r so","finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
            "\"[DONE]\"",
        ],
    );
    streams(
        GPT,
        "{}",
        "",
        &[
            r#"{"id":"chatcmpl-emulated","object":"chat.completion.chunk","created":1763800000,"model":"openai.gpt-5.4","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-emulated","object":"chat.completion.chunk","created":1763800000,"model":"openai.gpt-5.4","choices":[{"index":0,"delta":{"content":"Io o"},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-emulated","object":"chat.completion.chunk","created":1763800000,"model":"openai.gpt-5.4","choices":[{"index":0,"delta":{"content":"r so"},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-emulated","object":"chat.completion.chunk","created":1763800000,"model":"openai.gpt-5.4","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"id":"chatcmpl-emulated","object":"chat.completion.chunk","created":1763800000,"model":"openai.gpt-5.4","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}}}"#,
        ],
    );
}

#[test]
fn embeddings_images_rerankers_and_jurassic_do_not_stream() {
    for id in [
        "ai21.j2-ultra-v1",
        "amazon.titan-embed-text-v1",
        "amazon.titan-embed-text-v2:0",
        "amazon.titan-embed-image-v1",
        "amazon.nova-2-multimodal-embeddings-v1:0",
        "cohere.embed-v4:0",
        "us.twelvelabs.marengo-embed-3-0-v1:0",
        "amazon.rerank-v1:0",
        "amazon.nova-canvas-v1:0",
        "stability.stable-image-core-v1:1",
        "stability.stable-diffusion-xl-v1",
    ] {
        streams(id, "{}", "", &[]);
    }
}
