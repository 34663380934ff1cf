//! Streams, chunk by chunk.

use super::*;

/// What the chunks make together, or why they make nothing.
fn assembled(family: Family, chunks: &[Value]) -> String {
    let mut assembly = family.assemble().expect("it streams");
    for chunk in chunks {
        if let Err(error) = assembly.push(chunk) {
            return error.to_string();
        }
    }
    match assembly.finish() {
        Ok(assembled) => line(&assembled.reading),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(family: Family, chunks: &str, said: &str) {
    let chunks = chunks
        .lines()
        .map(|chunk| serde_json::from_str(chunk).expect("JSON"));
    assert_eq!(assembled(family, &chunks.collect::<Vec<_>>()), said);
}

#[test]
fn claude() {
    check(
        Family::ClaudeMessages,
        r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":14,"output_tokens":1}}}
{"type":"ping"}
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I"}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"o."}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}
{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":14,"outputTokenCount":5,"invocationLatency":700,"firstByteLatency":400}}"#,
        r#""Io." stop (end_turn) in=14 out=5"#,
    );
}
