//! What is refused, and in which words.

use super::*;

/// `settings` is a JSON object of parameters.
#[track_caller]
fn check(family: &str, base: Option<&str>, settings: &str, said: &str) {
    let set: Value = serde_json::from_str(settings).unwrap();
    let whole = |key: &str| set[key].as_u64().map(|n| n as u32);
    let parameters = Parameters {
        max_tokens: whole("max_tokens"),
        temperature: set["temperature"].as_f64(),
        top_p: set["top_p"].as_f64(),
        top_k: whole("top_k"),
        stop: vec!["x".into(); set["stop"].as_u64().unwrap_or(0) as usize],
        stream: set["stream"] == true,
        cache: false,
        extra: set["extra"].as_object().cloned().unwrap_or_default(),
        schema: None,
    };
    let family = Family::parse(family).unwrap();
    let found = family.check(&parameters, base, Doubtful::Refused);
    assert_eq!(found.map_or_else(|e| e.to_string(), |()| "ok".into()), said);
    let forced = family.check(&parameters, base, Doubtful::Sent);
    let forced = forced.map_or_else(|e| e.to_string(), |()| String::new());
    assert!(said.starts_with(&forced), "{forced}");
    assert!(
        forced.is_empty() || forced.contains(" takes no "),
        "{forced}"
    );
}

#[test]
fn what_a_family_takes_is_taken() {
    let all = r#"{"max_tokens":9,"temperature":0,"top_p":1,"top_k":1,"stop":1}"#;
    check("claude-messages", None, all, "ok");
    check("nova", Some("amazon.nova-lite-v1:0"), all, "ok");
    check("mistral-text", None, all, "ok");
    check("raw", None, "{}", "ok");
}

#[test]
fn what_a_family_has_no_place_for_is_refused_with_what_it_has() {
    check(
        "llama3",
        None,
        r#"{"top_k":5,"stop":1}"#,
        "llama3 takes no top_k (it takes max_tokens, temperature, top_p); \
         llama3 takes no stop (it takes max_tokens, temperature, top_p)",
    );
    check(
        "titan-embed-text",
        None,
        r#"{"max_tokens":5}"#,
        "titan-embed-text takes no max_tokens \
         (it takes none; what the body needs goes into extra)",
    );
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    check(
        "claude-messages",
        None,
        r#"{"temperature":1.5,"max_tokens":0}"#,
        "max_tokens = 0 is out of range: claude-messages takes 1 or more; \
         temperature = 1.5 is out of range: claude-messages takes 0 to 1",
    );
    check(
        "titan-text",
        None,
        r#"{"top_p":0}"#,
        "top_p = 0 is out of range: titan-text takes above 0, to 1",
    );
    check(
        "deepseek-text",
        None,
        r#"{"stop":11}"#,
        "11 stop texts are too many: deepseek-text takes 0 to 10",
    );
}

#[test]
fn a_model_may_refuse_what_its_family_takes() {
    check(
        "claude-messages",
        Some("anthropic.claude-opus-4-7"),
        r#"{"temperature":0.5,"top_k":3,"max_tokens":128001}"#,
        "anthropic.claude-opus-4-7 takes no temperature, no top_k: remove it; \
         max_tokens = 128001 is too high: anthropic.claude-opus-4-7 generates at most 128000",
    );
    check(
        "claude-messages",
        Some("anthropic.claude-haiku-4-5-20251001-v1:0"),
        r#"{"temperature":0.5,"top_p":0.5}"#,
        "anthropic.claude-haiku-4-5-20251001-v1:0 takes temperature or top_p, not both: \
         remove one",
    );
    check(
        "openai-chat",
        Some("xai.grok-4.7"),
        r#"{"stop":1}"#,
        "xai.grok-4.7 takes no stop: remove it",
    );
}

#[test]
fn what_is_merged_into_the_body_counts_for_its_length() {
    let lite = Some("amazon.nova-lite-v1:0");
    let merged = r#"{"max_tokens":16,"extra":{"inferenceConfig":{"maxTokens":90000}}}"#;
    check(
        "nova",
        lite,
        merged,
        "extra.inferenceConfig.maxTokens = 90000 is too high: amazon.nova-lite-v1:0 generates at most \
         10000",
    );
    let opus = Some("anthropic.claude-opus-4-7");
    let smaller = r#"{"max_tokens":900000,"extra":{"max_tokens":16}}"#;
    check("claude-messages", opus, smaller, "ok");
}

#[test]
fn a_key_that_a_model_refuses_is_refused_before_it_answers_503() {
    let extra = r#"{"extra":{"presence_penalty":0.5,"frequency_penalty":1,"seed":4}}"#;
    check(
        "openai-chat",
        Some("xai.grok-4.7"),
        extra,
        "xai.grok-4.7 takes no extra.presence_penalty, no extra.frequency_penalty: remove it",
    );
    check("openai-chat", Some("qwen.qwen3-32b-v1:0"), extra, "ok");
    check(
        "openai-chat",
        Some("openai.gpt-oss-20b-1:0"),
        r#"{"extra":{"logit_bias":{}}}"#,
        "openai.gpt-oss-20b-1:0 takes no extra.logit_bias: remove it",
    );
}

#[test]
fn what_is_merged_into_the_body_is_checked_as_if_it_were_typed() {
    let gpt = Some("openai.gpt-5.5");
    check(
        "openai-chat",
        gpt,
        r#"{"extra":{"temperature":0.5,"max_tokens":9,"logprobs":true}}"#,
        "openai.gpt-5.5 takes no extra.temperature, no extra.logprobs while it reasons: remove \
         it; openai.gpt-5.5 takes no extra.max_tokens: remove it",
    );
    check(
        "openai-chat",
        Some("openai.gpt-5.6-sol"),
        r#"{"extra":{"stop":["x"]}}"#,
        "openai.gpt-5.6-sol takes no extra.stop: remove it",
    );
    check(
        "claude-messages",
        Some("anthropic.claude-opus-5"),
        r#"{"extra":{"temperature":0.5}}"#,
        "anthropic.claude-opus-5 takes no extra.temperature: remove it",
    );
    check(
        "claude-messages",
        Some("anthropic.claude-sonnet-4-5-20250929-v1:0"),
        r#"{"temperature":0.5,"extra":{"top_p":0.5}}"#,
        "anthropic.claude-sonnet-4-5-20250929-v1:0 takes temperature or top_p, not both: \
         remove one",
    );
    check(
        "nova",
        None,
        r#"{"extra":{"inferenceConfig":{"temperature":1.5,"topK":null}}}"#,
        "extra.inferenceConfig.temperature = 1.5 is out of range: nova takes 0 to 1",
    );
    check(
        "deepseek-text",
        None,
        r#"{"max_tokens":9,"extra":{"max_tokens":40000}}"#,
        "extra.max_tokens = 40000 is out of range: deepseek-text takes 1 to 32768",
    );
}

#[test]
fn a_model_that_does_not_reason_samples() {
    let sol = Some("openai.gpt-6-sol");
    let penalty = r#"{"extra":{"presence_penalty":1}}"#;
    let said = "openai.gpt-6-sol takes no extra.presence_penalty while it reasons: remove it";
    check("openai-chat", sol, penalty, said);
    for off in [
        r#""reasoning_effort":"none""#,
        r#""reasoning":{"effort":"none"}"#,
    ] {
        let set = format!(r#"{{"temperature":0.5,"extra":{{"presence_penalty":1,{off}}}}}"#);
        check("openai-chat", sol, &set, "ok");
    }
    let low = r#"{"temperature":0.5,"extra":{"reasoning_effort":"low"}}"#;
    let said = "openai.gpt-6-sol takes no temperature while it reasons: remove it";
    check("openai-chat", sol, low, said);
}

#[test]
fn a_body_that_contradicts_its_call_is_refused() {
    let oss = Some("openai.gpt-oss-20b-1:0");
    check(
        "openai-chat",
        oss,
        r#"{"extra":{"model":"qwen","stream":true}}"#,
        "extra.model = \"qwen\" is not openai.gpt-oss-20b-1:0, which is called: remove it; \
         extra.stream = true, but the job does not stream: set stream in [model] instead",
    );
    let same = r#"{"stream":true,"extra":{"model":"us.openai.gpt-oss-20b-1:0","stream":true}}"#;
    check("openai-chat", oss, same, "ok");
    check(
        "command",
        None,
        r#"{"stream":true,"extra":{"stream":false}}"#,
        "extra.stream = false, but the job streams: remove one of them",
    );
}

#[test]
fn several_completions_are_streamed_where_chunks_tell_them_apart() {
    let several = r#"{"stream":true,"extra":{"n":3}}"#;
    check("openai-chat", None, several, "ok");
    let generations = r#"{"stream":true,"extra":{"num_generations":3}}"#;
    check("command", None, generations, "ok");
    check(
        "jamba",
        None,
        several,
        "extra.n asks for several completions, and jamba streams one: remove it, or do not stream",
    );
    check("jamba", None, r#"{"stream":true,"extra":{"n":1}}"#, "ok");
    check("jamba", None, r#"{"extra":{"n":3}}"#, "ok");
}

#[test]
fn an_imported_model_has_one_limit() {
    check("imported", None, r#"{"extra":{"max_gen_len":9}}"#, "ok");
    check(
        "imported",
        None,
        r#"{"max_tokens":9,"extra":{"max_gen_len":9}}"#,
        "max_tokens and extra.max_gen_len are the same limit: remove one",
    );
}

#[test]
fn claude_has_its_model_in_the_address() {
    check(
        "claude-messages",
        None,
        r#"{"extra":{"model":"x"}}"#,
        "extra.model is rejected by claude-messages on Bedrock: remove it",
    );
    check("openai-chat", None, r#"{"extra":{"model":"x"}}"#, "ok");
}

#[test]
fn the_documents_go_before_the_catalog() {
    let r1 = Some("deepseek.r1-v1:0");
    check("deepseek-text", r1, r#"{"max_tokens":32768}"#, "ok");
    let lite = "amazon.titan-text-lite-v1";
    let said = format!("max_tokens = 5000 is too high: {lite} generates at most 4096");
    check("titan-text", Some(lite), r#"{"max_tokens":5000}"#, &said);
}
