//! Targets that are text or JSON.

use bedrock_emulator::Scenario;
use promptmill::family::Family;
use promptmill::input::{Fields, Record};
use promptmill::model::Fault;
use promptmill::prompt::{PromptSource, PromptSpec, Prompter};
use serde_json::{Map, Value, json};

pub(crate) fn scenario(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let read = Scenario::parse(&text, "scenario");
    read.map_or_else(|error| error.what, |_| "a scenario".to_owned())
}

pub(crate) fn template(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    // minijinja 3.1.0 counts columns in 16 bits, and where it places a syntax error behind the last
    // of them the sum overflows: a panic where that is checked for, as in debug builds only.
    if text
        .lines()
        .any(|line| usize::from(u16::MAX) <= line.chars().count())
    {
        return "a line too long to place errors in".to_owned();
    }
    prompt(
        PromptSource::Template(text),
        &json!({ "prompt": "x", "id": 1, "list": [1, {"a": 2}] }),
    )
}

/// As a field's text, and as the JSON it may be.
pub(crate) fn messages(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let parsed = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let mut said = Vec::new();
    for value in [Value::String(text), parsed] {
        let fields = json!({ "it": value });
        for source in [
            PromptSource::Messages,
            PromptSource::Body,
            PromptSource::Column,
        ] {
            said.push(prompt(source("it".into()), &fields));
        }
    }
    said.join("; ")
}

fn prompt(source: PromptSource, fields: &Value) -> String {
    let fields: Map<String, Value> = fields.as_object().unwrap().clone();
    let names = fields.keys().cloned().collect();
    let spec = PromptSpec {
        source,
        system: None,
    };
    let record = Record {
        row: 1,
        line: 1,
        fields,
    };
    match Prompter::new(&spec, &Fields::Columns(names)) {
        Err(error) => error.to_string(),
        Ok(prompter) => match prompter.prompt(&record) {
            Err(bad) => bad.reason,
            Ok(_) => "a prompt".to_owned(),
        },
    }
}

/// Read by every family there is.
pub(crate) fn reply(bytes: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return "no JSON".to_owned();
    };
    let read = Family::ALL.iter().map(|family| match family.read(&body) {
        Ok(reading) => reading.finish_reason.as_str().to_owned(),
        Err(misread) => misread.to_string(),
    });
    read.collect::<Vec<_>>().join("; ")
}

/// A chunk a line, put together by every family that streams.
pub(crate) fn stream(bytes: &[u8]) -> String {
    let lines = bytes.split(|byte| *byte == b'\n');
    let chunks: Vec<&[u8]> = lines.collect();
    let read = Family::ALL.iter().map(|family| {
        let Some(mut assembly) = family.assemble() else {
            return "does not stream".to_owned();
        };
        for chunk in &chunks {
            if let Err(error) = assembly.push(chunk) {
                return error.to_string();
            }
        }
        let finished = assembly.finish();
        finished.map_or_else(
            |error| error.to_string(),
            |it| it.parsed.finish_reason.as_str().into(),
        )
    });
    read.collect::<Vec<_>>().join("; ")
}

/// Code, status and message, a line each.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (code, status, message) = (next(), next().parse().unwrap_or(500), next());
    let fault = Fault::from_response(Some(code), status, message, None, None);
    format!(
        "{} {:?} {:?}",
        fault.category.as_str(),
        fault.verdict,
        fault.may_be_renewed()
    )
}
