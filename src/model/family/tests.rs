//! Golden tables: for each family, what is asked and answered, as text on both sides.

use serde_json::{Value, json};

use super::*;
use crate::prompt::{Message, Role};

mod bodies;
mod readings;
mod streams;

/// A prompt written as `role: text` lines.
fn prompt(script: &str) -> Prompt {
    let mut prompt = Prompt::default();
    for line in script.lines() {
        let (role, text) = line.split_once(": ").expect("role: text");
        let text = text.replace("\\n", "\n");
        let role = match role {
            "system" => {
                prompt.system = Some(text);
                continue;
            }
            "user" => Role::User,
            _ => Role::Assistant,
        };
        prompt.messages.push(Message { role, text });
    }
    prompt
}

/// A reading in one line: the completion, then whatever else is known.
fn line(reading: &Reading) -> String {
    let count = |name: &str, count: Option<u64>| count.map(|n| format!(" {name}={n}"));
    let usage = [
        count("in", reading.usage.input_tokens),
        count("out", reading.usage.output_tokens),
        count("read", reading.usage.cache_read_input_tokens),
        count("written", reading.usage.cache_write_input_tokens),
        reading
            .output
            .as_ref()
            .map(|output| format!(" output={output}")),
    ];
    format!(
        "{:?} {} ({}){}",
        reading.completion.as_deref().unwrap_or("-"),
        reading.finish_reason.as_str(),
        reading.stop_reason.as_deref().unwrap_or("-"),
        usage.into_iter().flatten().collect::<String>()
    )
}

#[test]
fn a_family_is_found_by_its_name() {
    for family in Family::ALL.iter().copied() {
        assert_eq!(Family::parse(family.name()), Ok(family));
    }
    assert_eq!(
        Family::parse("claude-message")
            .expect_err("no such name")
            .to_string(),
        "no model family `claude-message`; did you mean `claude-messages`? (families: \
         claude-messages, claude-text, nova, titan-text, openai-chat, mistral-chat, mistral-text, \
         llama2, llama3, llama4, deepseek-text, jamba, jurassic, command, command-r, palmyra, \
         text-completion, imported, pegasus, titan-embed-text, raw)"
    );
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
            .body(&prompt("user: hi"), &parameters, None)
            .to_string(),
        r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":5,"topK":9},"toolConfig":{"tools":[]}}"#
    );
}

#[test]
fn a_guardrail_goes_before_what_the_model_says() {
    for (family, shape) in readings::GOOD {
        let mut body: Value = serde_json::from_str(shape).expect("JSON");
        body["amazon-bedrock-guardrailAction"] = json!("NONE");
        let free = family.read(&body).expect("readable").finish_reason;
        assert_ne!(free, FinishReason::Guardrail, "{}", family.name());
        body["amazon-bedrock-guardrailAction"] = json!("INTERVENED");
        let stopped = family.read(&body).expect("readable").finish_reason;
        assert_eq!(stopped, FinishReason::Guardrail, "{}", family.name());
    }
    let bare = json!({"amazon-bedrock-guardrailAction": "INTERVENED"});
    let reading = Family::Nova.read(&bare).expect("an empty answer");
    assert_eq!(line(&reading), r#""" guardrail (-)"#);
}

/// Every reply of the tables, with each of its values replaced by something unexpected.
#[test]
fn no_reply_makes_a_reader_panic() {
    let strange = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!("x"),
        json!([]),
        json!([null]),
        json!({}),
    ];
    for (_, shape) in readings::GOOD {
        let body: Value = serde_json::from_str(shape).expect("JSON");
        for pointer in pointers(&body, "") {
            for value in &strange {
                let mut mutant = body.clone();
                if let Some(place) = mutant.pointer_mut(&pointer) {
                    *place = value.clone();
                }
                for family in Family::ALL {
                    let read = family.read(&mutant);
                    let text = read.as_ref().map_or(0, |it| line(it).len());
                    assert!(read.is_err() || 0 < text, "{pointer}");
                }
            }
        }
    }
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
