//! Bodies in, bodies out.

mod chunked;
mod forms;
mod others;
mod recorded;

use serde_json::json;

use super::super::model_ids::{Entry, find};
use super::{FinishReason, Form, Layout, ModelOutput, Object, Reasoning, Task};

/// Sends a body to a model and compares what it is understood to ask, or why it is refused.
#[track_caller]
fn asks(id: &str, body: &str, expected: &str) {
    let body: Object = serde_json::from_str(body).unwrap();
    let (base, layout) = resolve(id, &body);
    let got = match layout.read(&body, base) {
        Ok(ask) => {
            let task = match ask.task {
                Task::Vectors(count, dimensions) => format!("{count} vectors of {dimensions}"),
                Task::VectorsOf(texts, dimensions) => {
                    format!("{} vectors of {dimensions}", texts.len())
                }
                Task::Images => "pictures".to_owned(),
                Task::Text {
                    max_tokens,
                    stop,
                    reasoning,
                    form,
                } => {
                    let form = match form {
                        Form::Text => String::new(),
                        Form::Json(schema) => format!(" as {schema}"),
                        Form::ToolCall { name, schema } => format!(" by calling {name} {schema}"),
                    };
                    let reasoning = match reasoning {
                        Reasoning::None => "",
                        Reasoning::InText => " after a thought",
                        Reasoning::Separate => " after a block of thought",
                    };
                    let until = match stop.is_empty() {
                        true => String::new(),
                        false => format!(" until {}", stop.join(" or ")),
                    };
                    format!("{max_tokens}{until}{reasoning}{form}")
                }
            };
            format!("{:?}: {} in, {task}", ask.prompt, ask.input_tokens)
        }
        Err(error) => error.message.into_owned(),
    };
    assert_eq!(got, expected);
}

/// Writes one answer as a model does and compares the body.
#[track_caller]
fn writes(id: &str, body: &str, expected: &str) {
    let body: Object = serde_json::from_str(body).unwrap();
    let (_, layout) = resolve(id, &body);
    let answer = ModelOutput {
        thought: String::new(),
        text: "Io".to_owned(),
        tool_call: None,
        vectors: vec![vec![0.6, -0.8]],
        finish: FinishReason::Length,
        input_tokens: 9,
        output_tokens: 1,
        others: Vec::new(),
    };
    assert_eq!(layout.write(&body, id, &answer).to_string(), expected);
}

fn resolve<'a>(id: &'a str, body: &Object) -> (&'a str, Layout) {
    let (base, layout) = match find(id).unwrap() {
        Entry::Base(base, layout) => (base, layout),
        Entry::Opaque => ("", Layout::of_fields(body)),
    };
    (base, layout.for_body(body))
}

const CLAUDE: &str = "anthropic.claude-opus-5";
const NOVA: &str = "amazon.nova-lite-v1:0";
const GPT: &str = "openai.gpt-5.4";
const OSS: &str = "openai.gpt-oss-20b-1:0";
const LLAMA: &str = "us.meta.llama4-scout-17b-instruct-v1:0";
const MISTRAL: &str = "mistral.mistral-large-2402-v1:0";
const R1: &str = "us.deepseek.r1-v1:0";
const TITAN: &str = "amazon.titan-text-lite-v1";
const IMPORTED: &str = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefabcdef";

const RETRY: &str = ", please reformat your input and try again.";

#[test]
fn claude_reads_the_last_user_message() {
    asks(
        CLAUDE,
        r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":300,"system":"Be terse.",
            "stop_sequences":["a","b"],"messages":[{"role":"user","content":"One"},
            {"role":"assistant","content":"1"},
            {"role":"user","content":[{"type":"text","text":"Two"}]}]}"#,
        r#""Two": 11 in, 300 until a or b after a block of thought"#,
    );
}

#[test]
fn claude_rejects_what_the_service_rejects() {
    let malformed = |why: &str| format!("Malformed input request: {why}{RETRY}");
    let body = |rest: &str| format!(r#"{{"anthropic_version":"bedrock-2023-05-31",{rest}}}"#);
    let hello = r#""messages":[{"role":"user","content":"Hi"}]"#;
    let cases = [
        (
            hello.to_owned(),
            malformed("#: required key [max_tokens] not found"),
        ),
        (
            format!(r#""max_tokens":9,"model":"x",{hello}"#),
            malformed("#: extraneous key [model] is not permitted"),
        ),
        (
            r#""max_tokens":9,"messages":[]"#.to_owned(),
            malformed("#/messages: expected minimum item count: 1, found: 0"),
        ),
        (
            r#""max_tokens":9,"messages":[{"role":"assistant","content":"Hi"}]"#.to_owned(),
            "messages: first message must use the \"user\" role".to_owned(),
        ),
        (
            r#""max_tokens":9,"messages":[{"role":"system","content":"Hi"}]"#.to_owned(),
            malformed("#/messages/0/role: \"system\" is not a valid enum value"),
        ),
    ];
    for (rest, expected) in cases {
        asks(CLAUDE, &body(&rest), &expected);
    }
}

#[test]
fn nova_takes_lists_of_blocks_only() {
    asks(
        NOVA,
        r#"{"system":[{"text":"Terse"}],"messages":[{"role":"user","content":[{"text":"Hi"}]}],
            "inferenceConfig":{"maxTokens":9,"stopSequences":["."]}}"#,
        r#""Hi": 9 in, 9 until ."#,
    );
    let malformed = |why: &str| format!("Malformed input request: {why}{RETRY}");
    asks(
        NOVA,
        r#"{"messages":[{"role":"user","content":"Hi"}]}"#,
        &malformed("#/messages/0/content: expected type: JSONArray, found: String"),
    );
    asks(
        NOVA,
        r#"{"system":[],"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#,
        &malformed("#/system: expected minimum item count: 1, found: 0"),
    );
    asks(
        NOVA,
        r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"max":1}}"#,
        &malformed("#/inferenceConfig: extraneous key [max] is not permitted"),
    );
}

#[test]
fn chat_models_limit_their_answers_by_their_own_key() {
    let body = |key: &str| format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],{key}}}"#);
    asks(
        GPT,
        &body(r#""max_completion_tokens":5"#),
        r#""Hi": 8 in, 5"#,
    );
    asks(
        GPT,
        &body(r#""max_tokens":5"#),
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
         'max_completion_tokens' instead.",
    );
    asks(
        OSS,
        &body(r#""max_tokens":5"#),
        r#""Hi": 8 in, 5 after a block of thought"#,
    );
    asks(
        OSS,
        &body(r#""stream":true"#),
        "stream must be false for InvokeModel; use InvokeModelWithResponseStream.",
    );
}

#[test]
fn raw_prompts_are_read_between_their_markers() {
    asks(
        LLAMA,
        r#"{"prompt":"<|begin_of_text|><|header_start|>user<|header_end|>\n\nHi<|eot|><|header_start|>assistant<|header_end|>\n\n"}"#,
        r#""Hi": 33 in, 512"#,
    );
    asks(
        MISTRAL,
        r#"{"prompt":"<s>[INST] One [/INST] 1</s>[INST] Two [/INST]","max_tokens":7}"#,
        r#""Two": 19 in, 7"#,
    );
    asks(
        R1,
        r#"{"prompt":"<｜begin▁of▁sentence｜>Terse<｜User｜>Hi<｜Assistant｜><think>\n"}"#,
        r#""Hi": 26 in, 32768 after a thought"#,
    );
    asks(
        R1,
        r#"{"prompt":" as it is "}"#,
        r#""as it is": 10 in, 32768"#,
    );
}

#[test]
fn raw_prompts_have_at_most_ten_stop_sequences() {
    let stops = format!(r#"{{"prompt":"a","stop":{:?}}}"#, ["x"; 11]);
    let why = "#/stop: expected maximum item count: 10, found: 11";
    for model in [MISTRAL, R1] {
        asks(
            model,
            &stops,
            &format!("Malformed input request: {why}{RETRY}"),
        );
    }
}

#[test]
fn a_chat_body_names_the_model_of_its_path_and_jamba_has_a_low_limit() {
    let body = |more: &str| format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],{more}}}"#);
    let same = body(&format!(r#""max_tokens":5,"model":"{OSS}""#));
    asks(OSS, &same, r#""Hi": 8 in, 5 after a block of thought"#);
    for other in ["qwen", "xopenai.gpt-oss-20b-1:0"] {
        asks(
            OSS,
            &body(&format!(r#""model":"{other}""#)),
            "The model in the body does not match the model in the path.",
        );
    }
    let why = "#/max_tokens: 4097 is not less or equal to 4096";
    asks(
        "ai21.jamba-1-5-mini-v1:0",
        &body(r#""max_tokens":4097"#),
        &format!("Malformed input request: {why}{RETRY}"),
    );
}

#[test]
fn each_family_accepts_its_own_cache_checkpoint_only() {
    let claude = |mark: &str| {
        format!(
            r#"{{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],"thinking":{{"type":"disabled"}},"system":[{{"type":"text","text":"S","{mark}":{{}}}}]}}"#
        )
    };
    let nova = |mark: &str| {
        format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"Hi","{mark}":{{}}}}]}}]}}"#)
    };
    let rejected = |at: &str| format!("Malformed input request: {at} is not permitted{RETRY}");
    asks(CLAUDE, &claude("cache_control"), r#""Hi": 8 in, 9"#);
    asks(
        CLAUDE,
        &claude("cachePoint"),
        &rejected("#/system/0: extraneous key [cachePoint]"),
    );
    asks(NOVA, &nova("cachePoint"), r#""Hi": 8 in, 5000"#);
    asks(
        NOVA,
        &nova("cache_control"),
        &rejected("#/messages/0/content/0: extraneous key [cache_control]"),
    );
}

#[test]
fn titan_reads_a_dialogue_or_a_plain_text() {
    let dialogue = r#"{"inputText":"User: One\nBot: 1\nUser: Two\nBot:"}"#;
    asks(TITAN, dialogue, r#""Two": 15 in, 512"#);
    let plain = r#"{"inputText":"The User: who?"}"#;
    asks(TITAN, plain, r#""The User: who?": 11 in, 512"#);
}

#[test]
fn titan_rejects_more_than_its_limit() {
    asks(
        TITAN,
        r#"{"inputText":"User: Hi\nBot:"}"#,
        r#""Hi": 11 in, 512"#,
    );
    asks(
        TITAN,
        r#"{"inputText":"Hi","textGenerationConfig":{"maxTokenCount":4097}}"#,
        &format!(
            "Malformed input request: #/textGenerationConfig/maxTokenCount: 4097 is not less or \
             equal to 4096{RETRY}"
        ),
    );
}

#[test]
fn embeddings_have_the_requested_dimensions() {
    asks(
        "amazon.titan-embed-text-v1",
        r#"{"inputText":"Hi"}"#,
        r#""Hi": 8 in, 1 vectors of 1536"#,
    );
    let v2 = "amazon.titan-embed-text-v2:0";
    asks(
        v2,
        r#"{"inputText":"Hi"}"#,
        r#""Hi": 8 in, 1 vectors of 1024"#,
    );
    asks(
        v2,
        r#"{"inputText":"Hi","dimensions":256}"#,
        r#""Hi": 8 in, 1 vectors of 256"#,
    );
    asks(
        v2,
        r#"{"inputText":"Hi","dimensions":300}"#,
        &format!("Malformed input request: #/dimensions: 300 is not a valid enum value{RETRY}"),
    );
}

#[test]
fn each_layout_responds_in_its_own_shape() {
    writes(
        CLAUDE,
        "{}",
        r#"{"id":"msg_bdrk_emulated","type":"message","role":"assistant","model":"anthropic.claude-opus-5","content":[{"type":"text","text":"Io"}],"stop_reason":"max_tokens","stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}"#,
    );
    writes(
        NOVA,
        "{}",
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"Io"}]}},"stopReason":"max_tokens","usage":{"inputTokens":9,"outputTokens":1,"totalTokens":10,"cacheReadInputTokenCount":0,"cacheWriteInputTokenCount":0}}"#,
    );
    writes(
        GPT,
        "{}",
        r#"{"id":"chatcmpl-emulated","object":"chat.completion","created":1763800000,"model":"openai.gpt-5.4","choices":[{"index":0,"message":{"role":"assistant","content":"Io","refusal":null},"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0}},"service_tier":"default"}"#,
    );
    writes(
        LLAMA,
        "{}",
        r#"{"generation":"\n\nIo","prompt_token_count":9,"generation_token_count":1,"stop_reason":"length"}"#,
    );
    writes(
        R1,
        "{}",
        r#"{"choices":[{"text":"Io","stop_reason":"length"}]}"#,
    );
    writes(
        TITAN,
        "{}",
        r#"{"inputTextTokenCount":9,"results":[{"tokenCount":1,"outputText":"\nIo","completionReason":"LENGTH"}]}"#,
    );
}

#[test]
fn two_mistral_models_respond_in_the_layout_of_the_request() {
    writes(
        MISTRAL,
        r#"{"prompt":""}"#,
        r#"{"outputs":[{"text":" Io","stop_reason":"length"}]}"#,
    );
    writes(
        MISTRAL,
        r#"{"messages":[]}"#,
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Io","tool_calls":[]},"stop_reason":"length"}]}"#,
    );
}

#[test]
fn an_imported_model_responds_in_the_layout_of_the_request() {
    let starts = |body: serde_json::Value, expected: Layout| {
        let body: Object = serde_json::from_value(body).unwrap();
        assert_eq!(resolve(IMPORTED, &body).1, expected);
    };
    starts(json!({"prompt": "Hi", "max_gen_len": 5}), Layout::Llama);
    starts(json!({"prompt": "Hi", "max_tokens": 5}), Layout::Completion);
    starts(json!({"messages": [], "max_tokens": 5}), Layout::Chat);
    starts(
        json!({"messages": [{"content": [{"text": "Hi"}]}]}),
        Layout::Nova,
    );
    starts(
        json!({"anthropic_version": "x", "messages": []}),
        Layout::Claude,
    );
}

#[test]
fn vectors_come_in_the_requested_types() {
    let v2 = "amazon.titan-embed-text-v2:0";
    writes(
        "amazon.titan-embed-text-v1",
        "{}",
        r#"{"embedding":[0.6000000238418579,-0.800000011920929],"inputTextTokenCount":9}"#,
    );
    writes(
        v2,
        r#"{"embeddingTypes":["binary"]}"#,
        r#"{"inputTextTokenCount":9,"embeddingsByType":{"binary":[1,0]}}"#,
    );
}
