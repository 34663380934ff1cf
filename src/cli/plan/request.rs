//! The first request, as it would go out.

use std::fmt::Write as _;

use serde_json::Value;

use crate::family::Family;
use crate::format::{count, one_line};
use crate::job::Plan;
use crate::model::{Delivery, Tier};
use crate::percent::segment;
use crate::rows::forecast::FirstCall;

/// Longer texts are cut.
const LONGEST_TEXT: usize = 300;

/// Longer lists are cut.
const LONGEST_LIST: usize = 12;

/// More lines than this of a body are left out: the answer is to fit on a screen.
const MOST_LINES: usize = 30;

/// The path of the operation that the job calls, as the SDK writes it.
pub(super) fn path(plan: &Plan) -> String {
    let operation = match plan.delivery {
        Delivery::Whole => "invoke",
        Delivery::Streamed { .. } => "invoke-with-response-stream",
    };
    format!("/model/{}/{operation}", segment(plan.model.as_str()))
}

/// The headers that the job has a say in, as the SDK sends them (aws-sdk-bedrockruntime 1.153,
/// `ser_invoke_model_headers` and `ser_invoke_model_with_response_stream_headers`).
pub(super) fn headers(plan: &Plan) -> Vec<(&'static str, &str)> {
    let terms = &plan.terms;
    let guardrail = terms.guardrail.as_ref();
    // A stream's own type is settled; this is the type of what comes in it.
    let accept = match plan.delivery {
        Delivery::Whole => "accept",
        Delivery::Streamed { .. } => "X-Amzn-Bedrock-Accept",
    };
    let headers = [
        ("content-type", Some(plan.content_type.as_str())),
        (accept, Some(plan.accept.as_str())),
        ("X-Amzn-Bedrock-Trace", terms.trace.as_deref()),
        (
            "X-Amzn-Bedrock-GuardrailIdentifier",
            guardrail.map(|it| it.id.as_str()),
        ),
        (
            "X-Amzn-Bedrock-GuardrailVersion",
            guardrail.map(|it| it.version.as_str()),
        ),
        (
            "X-Amzn-Bedrock-PerformanceConfig-Latency",
            terms.latency.as_deref(),
        ),
        ("X-Amzn-Bedrock-Service-Tier", terms.tier.map(Tier::as_str)),
        (
            "X-Amzn-Bedrock-Request-Metadata",
            terms.request_metadata.as_deref(),
        ),
    ];
    let sent = headers.into_iter();
    sent.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// What goes out: the row's body, or the one that it shares with others.
pub(super) fn bytes(family: Family, first: &FirstCall) -> Vec<u8> {
    let alone = first.bodies.first().map(|body| body.to_vec());
    if first.bodies.len() < 2 {
        return alone.unwrap_or_default();
    }
    let bodies: Vec<&[u8]> = first.bodies.iter().map(AsRef::as_ref).collect();
    let joined = family.join(&bodies).map(|joined| joined.body);
    joined.ok().or(alone).unwrap_or_default()
}

/// The whole body, or its text where it is not JSON.
pub(super) fn body(bytes: &[u8]) -> Value {
    let text = || String::from_utf8_lossy(bytes).into_owned().into();
    serde_json::from_slice(bytes).unwrap_or_else(|_| text())
}

/// The body's lines, shortened for people.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let mut body = body(bytes);
    shorten(&mut body);
    let pretty = serde_json::to_string_pretty(&body).expect("a value is JSON");
    let mut lines: Vec<_> = pretty
        .lines()
        .map(|line| one_line(line, 2 * LONGEST_TEXT))
        .collect();
    let left_out = lines.len().saturating_sub(MOST_LINES);
    if 0 < left_out {
        lines.truncate(MOST_LINES);
        lines.push(format!(
            "… {} lines more: see --json",
            count(left_out as u64)
        ));
    }
    lines
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            if LONGEST_TEXT < length {
                let mut cut: String = text.chars().take(LONGEST_TEXT).collect();
                // Writing to a String cannot fail.
                let _ = write!(cut, "… ({} characters)", count(length as u64));
                *text = cut;
            }
        }
        Value::Array(list) => {
            let left_out = list.len().saturating_sub(LONGEST_LIST);
            list.truncate(LONGEST_LIST);
            list.iter_mut().for_each(shorten);
            if 0 < left_out {
                list.push(format!("… {} more", count(left_out as u64)).into());
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_in_a_path_is_what_the_sdk_sends() {
        assert_eq!(segment("amazon.nova-lite-v1:0"), "amazon.nova-lite-v1%3A0");
        let arn = "arn:aws:bedrock:eu-west-1:1:imported-model/a";
        assert_eq!(
            segment(arn),
            "arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aimported-model%2Fa"
        );
    }

    #[test]
    fn long_texts_and_lists_are_cut_for_people() {
        let body = format!(
            r#"{{"text":"{}","list":{:?}}}"#,
            "x".repeat(1000),
            vec![0; 20]
        );
        let lines = lines(body.as_bytes());
        assert_eq!(
            lines[1],
            format!(r#"  "text": "{}… (1,000 characters)","#, "x".repeat(300))
        );
        assert_eq!(lines[15], r#"    "… 8 more""#);
    }
}
