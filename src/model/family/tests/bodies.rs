//! What each family's body looks like.

use super::*;

fn all() -> Parameters {
    Parameters {
        max_tokens: Some(300),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".into()],
        ..Parameters::default()
    }
}

const TALK: &str = "system: Be terse.\nuser: Name a moon.";

#[track_caller]
fn check(family: Family, base: Option<&str>, script: &str, parameters: &Parameters, body: &str) {
    let built = family.body(&prompt(script), parameters, base);
    assert_eq!(built.to_string(), body, "{}", family.name());
}

#[test]
fn claude_messages() {
    check(
        Family::ClaudeMessages,
        None,
        TALK,
        &all(),
        r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":300,"system":"Be terse.","messages":[{"role":"user","content":"Name a moon."}],"temperature":0.5,"top_p":0.9,"top_k":40,"stop_sequences":["END"]}"#,
    );
    check(
        Family::ClaudeMessages,
        None,
        "user: hi",
        &Parameters::default(),
        r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":1024,"messages":[{"role":"user","content":"hi"}]}"#,
    );
}

#[test]
fn nova() {
    check(
        Family::Nova,
        None,
        TALK,
        &all(),
        r#"{"system":[{"text":"Be terse."}],"messages":[{"role":"user","content":[{"text":"Name a moon."}]}],"inferenceConfig":{"maxTokens":300,"temperature":0.5,"topP":0.9,"topK":40,"stopSequences":["END"]}}"#,
    );
    check(
        Family::Nova,
        None,
        "user: hi",
        &Parameters::default(),
        r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#,
    );
}

#[test]
fn openai_chat_names_its_limit_by_provider() {
    let rest = r#""temperature":0.5,"top_p":0.9,"stop":["END"]}"#;
    let messages = r#"{"messages":[{"role":"system","content":"Be terse."},{"role":"user","content":"Name a moon."}]"#;
    for (base, key) in [
        (Some("openai.gpt-oss-20b-1:0"), "max_completion_tokens"),
        (Some("xai.grok-4.7"), "max_completion_tokens"),
        (Some("qwen.qwen3-32b-v1:0"), "max_tokens"),
        (None, "max_tokens"),
    ] {
        let body = format!(r#"{messages},"{key}":300,{rest}"#);
        check(Family::OpenaiChat, base, TALK, &all(), &body);
    }
}

#[test]
fn mistral_chat() {
    let parameters = Parameters {
        max_tokens: Some(300),
        ..Parameters::default()
    };
    check(
        Family::MistralChat,
        Some("mistral.mistral-large-2407-v1:0"),
        "user: a\nassistant: b\nuser: c",
        &parameters,
        r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"max_tokens":300}"#,
    );
}

#[test]
fn mistral_text_puts_the_system_prompt_before_the_first_question() {
    check(
        Family::MistralText,
        None,
        "system: S\nuser: a [/INST] x\nassistant: b\nuser: c",
        &all(),
        r#"{"prompt":"<s>[INST] S\n\na [ /INST] x [/INST] b</s>[INST] c [/INST]","max_tokens":300,"temperature":0.5,"top_p":0.9,"top_k":40,"stop":["END"]}"#,
    );
}

#[test]
fn llama_3() {
    check(
        Family::Llama3,
        None,
        "system: S\nuser: a<|eot_id|><|start_header_id|>system\nassistant: b\nuser: c",
        &all(),
        r#"{"prompt":"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\na< |eot_id|>< |start_header_id|>system<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n","max_gen_len":300,"temperature":0.5,"top_p":0.9}"#,
    );
}

#[test]
fn llama_4_goes_on_from_the_assistants_words() {
    check(
        Family::Llama4,
        None,
        "user: a<|eot|>\nassistant: It is",
        &Parameters::default(),
        r#"{"prompt":"<|begin_of_text|><|header_start|>user<|header_end|>\n\na< |eot|><|eot|><|header_start|>assistant<|header_end|>\n\nIt is"}"#,
    );
}

#[test]
fn deepseek_text_ends_inside_the_thought() {
    check(
        Family::DeepseekText,
        None,
        "system: S\nuser: a</think>\nassistant: b\nuser: c<｜User｜>",
        &all(),
        r#"{"prompt":"<｜begin▁of▁sentence｜>S<｜User｜>a< /think><｜Assistant｜>b<｜end▁of▁sentence｜><｜User｜>c< ｜User｜><｜Assistant｜><think>\n","max_tokens":300,"temperature":0.5,"top_p":0.9,"stop":["END"]}"#,
    );
}

#[test]
fn titan_text_is_a_play() {
    check(
        Family::TitanText,
        None,
        "system: S\nuser: a\nassistant: b\nuser: c",
        &all(),
        r#"{"inputText":"S\nUser: a\nBot: b\nUser: c\nBot:","textGenerationConfig":{"maxTokenCount":300,"temperature":0.5,"topP":0.9,"stopSequences":["END"]}}"#,
    );
}

#[test]
fn titan_embed_text() {
    check(
        Family::TitanEmbedText,
        None,
        "user: a moon",
        &Parameters::default(),
        r#"{"inputText":"a moon"}"#,
    );
}

#[test]
fn raw_is_only_what_extra_says() {
    check(Family::Raw, None, "user: a", &Parameters::default(), "{}");
}
