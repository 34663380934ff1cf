//! What the service was seen to accept, to reject and to answer: a row for each recording or report.

use serde_json::{Value, json};

use super::super::{FinishReason, ModelOutput};
use super::{Object, RETRY, resolve};
use crate::model_ids::find;

/// What a body comes to: `taken`, or the message of the error.
fn verdict(id: &str, body: &Value) -> String {
    let body = body.as_object().unwrap();
    let (base, layout) = resolve(id, body);
    match layout.read(body, base) {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.message.into_owned(),
    }
}

#[track_caller]
fn check(id: &str, body: Value, expected: &str) {
    assert_eq!(verdict(id, &body), expected, "{id} {body}");
}

fn malformed(why: &str) -> String {
    format!("Malformed input request: {why}{RETRY}")
}

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const SONNET_4: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

/// A Messages body with these messages and further keys.
fn claude(messages: Value, more: Value) -> Value {
    let mut body = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 60,
        "messages": messages,
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn hi() -> Value {
    json!([{"role": "user", "content": "Hi"}])
}

fn answer(text: &str, finish: FinishReason) -> ModelOutput {
    ModelOutput {
        thought: String::new(),
        text: text.to_owned(),
        tool_call: None,
        vectors: Vec::new(),
        finish,
        input_tokens: 9,
        output_tokens: 2,
        others: Vec::new(),
    }
}

#[test]
fn a_system_message_may_follow_the_first_turn_where_the_model_takes_it() {
    let late = json!([
        {"role": "user", "content": "Name a moon."},
        {"role": "assistant", "content": "Io."},
        {"role": "user", "content": "Another one."},
        {"role": "system", "content": [{"type": "text", "text": "Answer with one word."}]},
    ]);
    check(
        "us.anthropic.claude-opus-4-8",
        claude(late.clone(), json!({})),
        "taken",
    );
    check(
        HAIKU,
        claude(late, json!({})),
        &malformed("#/messages/3/role: \"system\" is not a valid enum value"),
    );
    let first = json!([{"role": "system", "content": "x"}, {"role": "user", "content": "Hi"}]);
    check(
        "us.anthropic.claude-opus-4-8",
        claude(first, json!({})),
        &malformed("#/messages/0/role: \"system\" is not a valid enum value"),
    );
}

#[test]
fn claude_2_and_instant_respond_to_a_messages_body_in_messages() {
    for id in [
        "anthropic.claude-v2",
        "anthropic.claude-v2:1",
        "anthropic.claude-instant-v1",
    ] {
        let body = claude(hi(), json!({}));
        check(id, body.clone(), "taken");
        let (_, layout) = resolve(id, body.as_object().unwrap());
        let whole = layout.write(&Object::new(), id, &answer("Io", FinishReason::Done));
        for key in ["id", "type", "role", "content", "stop_reason", "usage"] {
            assert!(whole.get(key).is_some(), "{key}: {whole}");
        }
        let chunks = layout.chunks(&Object::new(), id, &answer("Io", FinishReason::Done));
        assert_eq!(chunks.unwrap()[0]["type"], "message_start");
    }
    let plain = json!({"prompt": "Human: Hi\nAssistant:", "max_tokens_to_sample": 9});
    check("anthropic.claude-v2:1", plain, "taken");
    let neither = json!({"max_tokens_to_sample": 9});
    check(
        "anthropic.claude-v2",
        neither,
        &malformed("#: required key [prompt] not found"),
    );
}

#[test]
fn claude_rejects_stop_texts_of_white_space() {
    for stop in ["\n", "   ", "", "\u{a0}"] {
        check(
            HAIKU,
            claude(hi(), json!({"stop_sequences": ["a", stop]})),
            "stop_sequences: each stop sequence must contain non-whitespace",
        );
    }
    check(
        HAIKU,
        claude(hi(), json!({"stop_sequences": ["\na"]})),
        "taken",
    );
}

#[test]
fn claude_rejects_a_prefill_that_ends_in_white_space() {
    let prefill = |content: Value| {
        let messages = json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": content},
        ]);
        claude(messages, json!({}))
    };
    let rejected = "messages: final assistant content cannot end with trailing whitespace";
    check(HAIKU, prefill(json!("Io ")), rejected);
    check(
        HAIKU,
        prefill(json!([{"type": "text", "text": "Io\n"}])),
        rejected,
    );
    check(HAIKU, prefill(json!("Io")), "taken");
    let inner = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Io "},
        {"role": "user", "content": "More"},
    ]);
    check(HAIKU, claude(inner, json!({})), "taken");
}

#[test]
fn claude_rejects_invalid_base64() {
    let with = |data: &str| {
        let source = json!({"type": "base64", "media_type": "image/png", "data": data});
        let content = json!([
            {"type": "text", "text": "What is it?"},
            {"type": "image", "source": source},
        ]);
        claude(json!([{"role": "user", "content": content}]), json!({}))
    };
    let at = "messages.0.content.1.image.source.base64";
    check(HAIKU, with("iVBORw0KGgo="), "taken");
    check(HAIKU, with(""), &format!("{at}: image cannot be empty"));
    for data in ["data:image/png;base64,iVBO", "iVBOR", "iV BO", "[missing]"] {
        check(HAIKU, with(data), &format!("{at}: invalid base64 data"));
    }
    let result = json!([{"type": "tool_result", "tool_use_id": "x", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}},
    ]}]);
    check(
        HAIKU,
        claude(json!([{"role": "user", "content": result}]), json!({})),
        "messages.0.content.0.tool_result.content.0.image.source.base64: invalid base64 data",
    );
}

#[test]
fn claude_rejects_a_tool_choice_without_tools() {
    let choice = |choice: Value| claude(hi(), json!({"tool_choice": choice}));
    check(
        HAIKU,
        choice(json!({"type": "any"})),
        "tool_choice.any may only be specified while providing tools",
    );
    check(
        HAIKU,
        choice(json!({"type": "auto"})),
        "tool_choice.auto may only be specified while providing tools",
    );
    check(
        HAIKU,
        choice(json!({"type": "tool", "name": "label"})),
        "Tool 'label' not found in provided tools",
    );
    check(HAIKU, choice(json!({"type": "none"})), "taken");
}

#[test]
fn claude_rejects_output_forms_that_a_model_lacks() {
    let tools = json!([{"name": "label", "input_schema": {"type": "object"}}]);
    let forced = |thinking: Value| {
        let choice = json!({"type": "tool", "name": "label"});
        let mut more = json!({"tools": tools, "tool_choice": choice, "max_tokens": 4000});
        if !thinking.is_null() {
            more["thinking"] = thinking;
        }
        claude(hi(), more)
    };
    check(HAIKU, forced(Value::Null), "taken");
    check(
        HAIKU,
        forced(json!({"type": "enabled", "budget_tokens": 1024})),
        "Thinking may not be enabled when tool_choice forces tool use.",
    );
    check(
        "us.anthropic.claude-sonnet-5-5",
        forced(Value::Null),
        "tool_choice: type \"tool\" and \"any\" are not supported for this model.",
    );
    let schema = json!({"output_config": {"format": {"type": "json_schema", "schema": {}}}});
    check(HAIKU, claude(hi(), schema.clone()), "taken");
    for id in ["us.anthropic.claude-opus-5", SONNET_4] {
        check(
            id,
            claude(hi(), schema.clone()),
            "output_config.format: Extra inputs are not permitted",
        );
    }
}

#[test]
fn command_r_takes_p_up_to_one() {
    check(
        "cohere.command-r-v1:0",
        json!({"message": "Hi", "p": 1}),
        "taken",
    );
    check(
        "cohere.command-r-v1:0",
        json!({"message": "Hi", "p": 1.1}),
        &malformed("#/p: 1.1 is not less or equal to 1"),
    );
}

#[test]
fn nova_takes_its_parameters_by_both_of_their_names() {
    let body = |config: Value| {
        json!({
            "schemaVersion": "messages-v1",
            "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
            "inferenceConfig": config,
        })
    };
    let nova = "amazon.nova-pro-v1:0";
    let config =
        json!({"max_new_tokens": 10, "temperature": 0.8, "top_p": 1, "stopSequences": ["|"]});
    check(nova, body(config), "taken");
    check(nova, body(json!({"maxTokens": 10, "topP": 1})), "taken");
    check(
        nova,
        body(json!({"max_tokens": 10})),
        &malformed("#/inferenceConfig: extraneous key [max_tokens] is not permitted"),
    );
}

#[test]
fn nova_rejects_keys_of_blocks_that_it_does_not_know() {
    let with = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let nova = "amazon.nova-micro-v1:0";
    check(
        nova,
        with(json!({"inputText": "Hi"})),
        &malformed("#/messages/0/content/0: required key [toolUse] not found"),
    );
    check(
        nova,
        with(json!({"inputText": "Hi", "toolUse": null})),
        &malformed("#/messages/0/content/0: extraneous key [inputText] is not permitted"),
    );
    check(
        nova,
        with(json!({"text": "Hi", "cachePoint": {"type": "default"}})),
        "taken",
    );
    check(
        nova,
        json!({"system": [{"type": "text", "text": "x"}], "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}),
        &malformed("#/system/0: extraneous key [type] is not permitted"),
    );
}

#[test]
fn gpt_oss_streams_each_piece_of_its_reasoning_in_its_own_tags() {
    let id = "openai.gpt-oss-20b-1:0";
    let contents = |answer: &ModelOutput| -> Vec<(String, Value)> {
        let (_, layout) = resolve(id, &Object::new());
        let chunks = layout.chunks(&Object::new(), id, answer).unwrap();
        let choices = chunks.iter().filter_map(|chunk| chunk["choices"].get(0));
        let content = |choice: &Value| {
            let content = choice["delta"]["content"].as_str().unwrap_or_default();
            (content.to_owned(), choice["finish_reason"].clone())
        };
        choices.map(content).collect()
    };
    let thinks = ModelOutput {
        thought: "They want".to_owned(),
        ..answer("Hi", FinishReason::Done)
    };
    let piece = |text: &str| (text.to_owned(), Value::Null);
    assert_eq!(
        contents(&thinks),
        [
            piece(""),
            piece("<reasoning>They</reasoning>"),
            piece("<reasoning> wan</reasoning>"),
            piece("<reasoning>t</reasoning>"),
            piece("Hi"),
            (String::new(), "stop".into()),
        ]
    );
    let cut = ModelOutput {
        thought: "They w".to_owned(),
        ..answer("", FinishReason::Length)
    };
    assert_eq!(
        contents(&cut),
        [
            piece(""),
            piece("<reasoning>They</reasoning>"),
            ("<reasoning> w</reasoning>".to_owned(), "length".into()),
        ]
    );
    let (_, layout) = resolve(id, &Object::new());
    let whole = layout.write(&Object::new(), id, &thinks);
    let content = &whole["choices"][0]["message"]["content"];
    assert_eq!(content, "<reasoning>They want</reasoning>Hi");
}

#[test]
fn command_streams_in_one_chunk_unless_its_body_says_otherwise() {
    let id = "cohere.command-text-v14";
    let chunks = |body: Value| {
        let body = body.as_object().unwrap();
        let (base, layout) = resolve(id, body);
        layout.check_stream(body, base).unwrap();
        layout.read(body, base).unwrap();
        layout
            .chunks(body, id, &answer("Io or so", FinishReason::Done))
            .unwrap()
    };
    let one = chunks(json!({"prompt": "Hi"}));
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["generations"][0]["text"], " Io or so");
    assert!(3 < chunks(json!({"prompt": "Hi", "stream": true})).len());
    let (_, layout) = resolve(id, &Object::new());
    let streamed = json!({"prompt": "Hi", "stream": true});
    layout
        .check_whole(streamed.as_object().unwrap())
        .unwrap_err();
}

#[test]
fn a_guardrail_responds_without_finish_reason_and_counts() {
    let blocked = answer("Not here.", FinishReason::Blocked);
    let whole = |id: &str| {
        let (_, layout) = resolve(id, &Object::new());
        layout.blocked(id, &blocked).unwrap().to_string()
    };
    let chunks = |id: &str| {
        let (_, layout) = resolve(id, &Object::new());
        layout.blocked_chunks(id, &blocked).unwrap()
    };
    let llama = "us.meta.llama3-3-70b-instruct-v1:0";
    assert_eq!(whole(llama), r#"{"generation":"Not here."}"#);
    assert_eq!(chunks(llama), [json!({"generation": "Not here."})]);
    assert_eq!(
        chunks("amazon.titan-text-express-v1")[0].to_string(),
        r#"{"outputText":"Not here.","index":0.0,"totalOutputTextTokenCount":3.0,"inputTextTokenCount":9.0}"#
    );
    let events = chunks(HAIKU);
    assert_eq!(events[0]["message"]["id"], "bedrock-guardrails-emulated");
    assert_eq!(events[0]["message"]["usage"]["output_tokens"], 0);
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    assert!(whole(HAIKU).contains(r#""stop_reason":"end_turn""#));
    for id in [
        "amazon.nova-lite-v1:0",
        "qwen.qwen3-32b-v1:0",
        "mistral.mistral-large-2407-v1:0",
        "mistral.mistral-7b-instruct-v0:2",
        "us.deepseek.r1-v1:0",
        "cohere.command-r-v1:0",
        "us.twelvelabs.pegasus-1-2-v1:0",
    ] {
        assert!(whole(id).contains("Not here."), "{id}");
        let said: String = chunks(id).iter().map(Value::to_string).collect();
        assert!(
            said.contains("Not here.") && !said.contains("finish_reason"),
            "{id}: {said}"
        );
    }
    let (_, layout) = resolve("amazon.titan-embed-text-v1", &Object::new());
    assert_eq!(layout.blocked("x", &blocked), None);
}

#[test]
fn a_guardrail_responds_in_chunks_in_every_family_that_streams() {
    for id in [
        HAIKU,
        "amazon.nova-lite-v1:0",
        "anthropic.claude-v2",
        "ai21.j2-ultra-v1",
    ] {
        find(id).unwrap();
        let (_, layout) = resolve(id, &Object::new());
        let chunks = layout.blocked_chunks(id, &answer("x", FinishReason::Blocked));
        assert_eq!(chunks.is_some(), layout.streams(), "{id}");
    }
}
