//! Golden tables, and what holds for all families.

use serde_json::{Value, json};

use super::*;

mod chunkings;
pub(super) mod golden;

#[test]
fn a_family_is_found_by_its_name() {
    for family in Family::ALL.iter().copied() {
        assert_eq!(Family::parse(family.name()), Ok(family));
    }
    let error = Family::parse("claude-message").expect_err("no such name");
    let error = error.to_string();
    let hint = "no model family `claude-message`; did you mean `claude-messages`? (families: ";
    assert!(error.starts_with(hint), "{error}");
}

#[test]
fn no_two_families_claim_the_same_ids() {
    let serves = |family: &Family| family.layout().serves.iter().copied();
    let mut all: Vec<&str> = Family::ALL.iter().flat_map(serves).collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
}

#[test]
fn a_seed_is_written_where_the_family_has_a_place_for_it_and_nowhere_else() {
    let sown = |family: &str, body: Value| {
        let family = Family::parse(family).unwrap();
        let mut body = body;
        family.sow(&mut body, 7);
        body
    };
    for family in [
        "openai-chat",
        "command-r",
        "stability-image",
        "stable-diffusion-xl",
    ] {
        assert_eq!(
            sown(family, json!({"a": 1})),
            json!({"a": 1, "seed": 7}),
            "{family}"
        );
    }
    let image = json!({"imageGenerationConfig": {"seed": 7}});
    assert_eq!(sown("amazon-image", json!({})), image);
    let config = |config: Value| json!({"imageGenerationConfig": config});
    let both = config(json!({"width": 9, "seed": 7}));
    assert_eq!(sown("amazon-image", config(json!({"width": 9}))), both);
    assert_eq!(sown("amazon-image", config(json!("x"))), config(json!("x")));
    for family in [
        Family::ClaudeMessages,
        Family::Nova,
        Family::MistralChat,
        Family::Jamba,
        Family::Llama3,
    ] {
        assert!(!family.takes_a_seed(), "{}", family.name());
        assert_eq!(sown(family.name(), json!({})), json!({}));
    }
    let brings = |family: Family, extra: Value| family.brings_a_seed(extra.as_object().unwrap());
    assert!(brings(Family::OpenaiChat, json!({"seed": 1})));
    assert!(brings(Family::AmazonImage, image));
    assert!(!brings(Family::AmazonImage, json!({"seed": 1})));
    assert!(!brings(Family::Nova, json!({"seed": 1})));
}

#[test]
fn extra_is_merged_into_the_body() {
    let extra = json!({"inferenceConfig": {"topK": 9}, "toolConfig": {"tools": []}});
    let parameters = Parameters {
        max_tokens: Some(5),
        extra: extra.as_object().cloned().unwrap_or_default(),
        ..Parameters::default()
    };
    assert_eq!(
        Family::Nova
            .body(&golden::prompt("user: hi"), &parameters, None)
            .to_string(),
        r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":5,"topK":9},"toolConfig":{"tools":[]}}"#
    );
}

#[test]
fn an_imported_model_is_given_the_limit_that_the_job_merges_alone() {
    let extra = json!({"max_gen_len": 9});
    let extra = extra.as_object().cloned().unwrap_or_default();
    assert_eq!(Family::Imported.default_max_tokens(None, &extra), None);
    let parameters = Parameters {
        max_tokens: Some(5),
        extra,
        ..Parameters::default()
    };
    let body = Family::Imported.body(&golden::prompt("user: hi"), &parameters, None);
    assert_eq!(body.to_string(), r#"{"prompt":"hi","max_gen_len":9}"#);
}

/// One good reply of each family.
fn replies() -> impl Iterator<Item = (Family, Value)> {
    let reply = |family: &Family| Some((*family, golden::first(*family, "reply")?.body()));
    Family::ALL.iter().filter_map(reply)
}

#[test]
fn a_guardrail_goes_before_what_the_model_says() {
    for (family, mut body) in replies() {
        body["amazon-bedrock-guardrailAction"] = json!("NONE");
        let free = family.read(&body).expect("readable").finish_reason;
        assert_ne!(free, FinishReason::Guardrail, "{}", family.name());
        body["amazon-bedrock-guardrailAction"] = json!("INTERVENED");
        let stopped = family.read(&body).expect("readable").finish_reason;
        assert_eq!(stopped, FinishReason::Guardrail, "{}", family.name());
    }
    let bare = json!({"amazon-bedrock-guardrailAction": "INTERVENED"});
    let reading = Family::Nova.read(&bare).expect("an empty answer");
    assert_eq!(golden::line(&reading), r#""" guardrail (-)"#);
}

#[test]
fn what_a_guardrail_has_seen_is_kept() {
    let trace = json!({"guardrail": {"inputAssessment": {}}});
    for action in ["NONE", "INTERVENED"] {
        let body = json!({
            "generation": "Io.",
            "amazon-bedrock-guardrailAction": action,
            "amazon-bedrock-trace": trace,
        });
        let reading = Family::Llama3.read(&body).expect("readable");
        assert_eq!(reading.guardrail_trace.as_ref(), Some(&trace), "{action}");
        let chunks = [body, json!({"generation": "", "stop_reason": "stop"})];
        let streamed = golden::assembled(Family::Llama3, &chunks).expect("it has its end");
        assert_eq!(streamed.guardrail_trace.as_ref(), Some(&trace), "{action}");
    }
    let silent = Family::Llama3.read(&json!({"generation": "Io."}));
    assert_eq!(silent.expect("readable").guardrail_trace, None);
}

#[test]
fn what_nobody_knows_the_family_of_is_read_by_its_shape() {
    let llama = json!({"generation": "Io.", "stop_reason": "stop"});
    let read = |body: &Value| Family::OpenaiChat.read_any_shape(body);
    assert_eq!(read(&llama), Family::Llama3.read(&llama));
    assert!(
        Family::OpenaiChat.read(&llama).is_err(),
        "its family is known"
    );
    let failed = json!({"choices": [{"message": {"content": "I"}, "finish_reason": "error"}]});
    assert_eq!(read(&failed), Family::OpenaiChat.read(&failed));
    let strange = json!({"what": "is this"});
    assert_eq!(read(&strange), Family::OpenaiChat.read(&strange));
}

#[test]
fn raw_reads_every_reply_and_stream_as_its_family_does() {
    for (family, body) in replies() {
        let (raw, own) = (Family::Raw.read(&body), family.read(&body));
        assert_eq!(raw, own, "{}", family.name());
    }
    for family in Family::ALL.iter().copied() {
        let Some(stream) = golden::first(family, "stream") else {
            continue;
        };
        let raw = golden::assembled(Family::Raw, &stream.chunks());
        let own = golden::assembled(family, &stream.chunks());
        assert_eq!(raw, own, "{}", family.name());
    }
}

/// Every reply of the tables, with each of its values replaced by something unexpected.
#[test]
fn no_reply_makes_a_reader_panic() {
    for (_, body) in replies() {
        for mutant in mutants(&body) {
            for family in Family::ALL.iter().copied() {
                let read = family.read(&mutant);
                let text = read.as_ref().map_or(0, |it| golden::line(it).len());
                assert!(read.is_err() || 0 < text, "{mutant}");
            }
        }
    }
}

/// `body` with each of its values replaced by something unexpected.
fn mutants(body: &Value) -> Vec<Value> {
    let strange = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!("x"),
        json!([]),
        json!([null]),
        json!({}),
    ];
    let replaced = |pointer: String| {
        strange.iter().map(move |value| {
            let mut mutant = body.clone();
            if let Some(place) = mutant.pointer_mut(&pointer) {
                *place = value.clone();
            }
            mutant
        })
    };
    let all = pointers(body, "").into_iter();
    all.flat_map(|pointer| replaced(pointer).collect::<Vec<_>>())
        .collect()
}

/// JSON pointers to a value and everything in it.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, value)| (n.to_string(), value))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let deeper = inside
        .iter()
        .flat_map(|(key, value)| pointers(value, &format!("{at}/{key}")));
    [at.to_owned()].into_iter().chain(deeper).collect()
}
