//! Answers that are calls of tools, or JSON by a schema: asked for, written, streamed.

use serde_json::{Value, json};

use super::super::{FinishReason, Layout, ModelOutput, ToolCall, completion};
use super::{Object, asks, resolve};

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const NOVA: &str = "amazon.nova-lite-v1:0";
const OSS: &str = "openai.gpt-oss-20b-1:0";
const LARGE: &str = "mistral.mistral-large-2407-v1:0";

fn called() -> ModelOutput {
    ModelOutput {
        thought: String::new(),
        text: String::new(),
        tool_call: Some(ToolCall {
            name: "label".to_owned(),
            input: r#"{"tag":"good"}"#.to_owned(),
        }),
        vectors: Vec::new(),
        finish: FinishReason::ToolCall,
        input_tokens: 9,
        output_tokens: 4,
        others: Vec::new(),
    }
}

fn whole(id: &str, answer: &ModelOutput) -> Value {
    let (_, layout) = resolve(id, &Object::new());
    layout.write(&Object::new(), id, answer)
}

/// The chunks that have something to do with the call, a line each.
fn chunks(id: &str, answer: &ModelOutput) -> Vec<String> {
    let (_, layout) = resolve(id, &Object::new());
    let chunks = layout.chunks(&Object::new(), id, answer).unwrap();
    chunks.iter().map(Value::to_string).collect()
}

#[test]
fn each_family_has_its_own_way_to_force_a_tool_call() {
    let schema = r#"{"properties":{"tag":{"enum":["good"]}}}"#;
    let calling = r#" by calling label {"properties":{"tag":{"enum":["good"]}},"type":"object"}"#;
    for choice in [r#"{"type":"any"}"#, r#"{"type":"tool","name":"label"}"#] {
        asks(
            HAIKU,
            &format!(
                r#"{{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],"tools":[{{"name":"label","input_schema":{schema}}}],"tool_choice":{choice}}}"#
            ),
            &format!(r#""Hi": 8 in, 9{calling}"#),
        );
    }
    for choice in [r#"{"any":{}}"#, r#"{"tool":{"name":"label"}}"#] {
        asks(
            NOVA,
            &format!(
                r#"{{"messages":[{{"role":"user","content":[{{"text":"Hi"}}]}}],"toolConfig":{{"tools":[{{"toolSpec":{{"name":"label","inputSchema":{{"json":{schema}}}}}}}],"toolChoice":{choice}}}}}"#
            ),
            &format!(r#""Hi": 8 in, 5000{calling}"#),
        );
    }
    for (id, choice, thinks) in [
        (OSS, r#""required""#, " after a block of thought"),
        (
            OSS,
            r#"{"type":"function","function":{"name":"label"}}"#,
            " after a block of thought",
        ),
        (LARGE, r#""any""#, ""),
    ] {
        asks(
            id,
            &format!(
                r#"{{"max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],"tools":[{{"type":"function","function":{{"name":"label","parameters":{schema}}}}}],"tool_choice":{choice}}}"#
            ),
            &format!(r#""Hi": 8 in, 9{thinks}{calling}"#),
        );
    }
    let auto = r#"{"max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"label"}}],"tool_choice":"auto"}"#;
    asks(LARGE, auto, r#""Hi": 8 in, 9"#);
}

#[test]
fn a_schema_for_the_answer_is_read() {
    let schema = r#"{"type":"object","additionalProperties":false}"#;
    asks(
        HAIKU,
        &format!(
            r#"{{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],"output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}}}"#
        ),
        r#""Hi": 8 in, 9 as {"type":"object","additionalProperties":false}"#,
    );
    asks(
        "qwen.qwen3-32b-v1:0",
        &format!(
            r#"{{"max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{schema}}}}}}}"#
        ),
        r#""Hi": 8 in, 9 as {"type":"object","additionalProperties":false}"#,
    );
}

#[test]
fn a_call_is_written_in_each_familys_form() {
    let answer = called();
    let claude = whole(HAIKU, &answer);
    assert_eq!(claude["stop_reason"], "tool_use");
    assert_eq!(
        claude["content"],
        json!([{"type": "tool_use", "id": "toolu_bdrk_emulated", "name": "label", "input": {"tag": "good"}}])
    );
    let nova = whole(NOVA, &answer);
    assert_eq!(nova["stopReason"], "tool_use");
    let tool = json!({"toolUseId": "tooluse_emulated", "name": "label", "input": {"tag": "good"}});
    assert_eq!(
        nova["output"]["message"]["content"],
        json!([{"toolUse": tool}])
    );
    for (id, reason) in [(OSS, "finish_reason"), (LARGE, "stop_reason")] {
        let choice = &whole(id, &answer)["choices"][0];
        assert_eq!(choice[reason], "tool_calls", "{id}");
        let function = &choice["message"]["tool_calls"][0]["function"];
        assert_eq!(
            *function,
            json!({"name": "label", "arguments": r#"{"tag":"good"}"#})
        );
    }
}

#[test]
fn a_call_is_streamed_in_pieces_of_its_input() {
    let answer = called();
    let claude = chunks(HAIKU, &answer);
    assert_eq!(
        claude[1..5],
        [
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_bdrk_emulated","name":"label","input":{}}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"ta"}}"#,
        ]
    );
    let nova = chunks(NOVA, &answer);
    assert_eq!(
        nova[1..3],
        [
            r#"{"contentBlockStart":{"start":{"toolUse":{"toolUseId":"tooluse_emulated","name":"label"}},"contentBlockIndex":0}}"#,
            r#"{"contentBlockDelta":{"delta":{"toolUse":{"input":"{\"ta"}},"contentBlockIndex":0}}"#,
        ]
    );
    let chat: Vec<Value> = chunks(OSS, &answer)
        .iter()
        .map(|chunk| serde_json::from_str(chunk).unwrap())
        .collect();
    let calls = chat
        .iter()
        .filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0"));
    let input: String = calls
        .map(|call| call["function"]["arguments"].as_str().unwrap())
        .collect();
    assert_eq!(input, r#"{"tag":"good"}"#);
    assert_eq!(
        chat[chat.len() - 2]["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[test]
fn a_tool_input_that_is_cut_is_an_empty_object() {
    let mut answer = called();
    answer.finish = FinishReason::Length;
    if let Some(call) = &mut answer.tool_call {
        call.input.truncate(5);
    }
    assert_eq!(whole(HAIKU, &answer)["content"][0]["input"], json!({}));
    assert_eq!(whole(HAIKU, &answer)["stop_reason"], "max_tokens");
    let arguments = "/choices/0/message/tool_calls/0/function/arguments";
    assert_eq!(
        whole(OSS, &answer).pointer(arguments),
        Some(&json!(r#"{"tag"#))
    );
}

#[test]
fn several_completions_are_written_whole_and_in_turn() {
    let text = |text: &str| ModelOutput {
        text: text.to_owned(),
        tool_call: None,
        finish: FinishReason::Done,
        ..called()
    };
    let mut answer = text("first");
    answer.others = vec![text("2")];
    let contents: Vec<_> = whole(OSS, &answer)["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| {
            (
                choice["index"].clone(),
                choice["message"]["content"].clone(),
            )
        })
        .collect();
    assert_eq!(
        contents,
        [(json!(0), json!("first")), (json!(1), json!("2"))]
    );
    let chunks = Layout::Chat.chunks(&Object::new(), OSS, &answer).unwrap();
    let said: Vec<String> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"].get(0))
        .map(|choice| {
            let reason = choice["finish_reason"].as_str().unwrap_or_default();
            let content = choice["delta"]["content"].as_str().unwrap_or_default();
            format!("{}{content}{reason}", choice["index"])
        })
        .collect();
    assert_eq!(said, ["0", "1", "0firs", "12", "0t", "1stop", "0stop"]);
    let generations = completion::write_command(&answer);
    assert_eq!(generations["generations"][1]["text"], "2");
    let body = |key: &str| serde_json::from_value(json!({key: 3})).unwrap();
    assert_eq!(Layout::Chat.completions(&body("n")), 3);
    assert_eq!(Layout::Command.completions(&body("num_generations")), 3);
    assert_eq!(Layout::Claude.completions(&body("n")), 1);
}
