//! What a guardrail of the account says in a response.
//!
//! Where it blocks, it answers in the model's place, and leaves out what only the model could say:
//! why it stopped, often the token counts. Where it masks, the response is the model's, with some
//! words replaced. Both call it an intervention; the trace, where there is one, tells them apart.
//!
//! Source: responses recorded in August 2025 (Titan) and September 2026 (Llama, Claude), and the
//! Amazon Bedrock user guide, "Use guardrails with the inference APIs", as of October 2026.

use serde_json::Value;

use super::json::{Json, text};

/// Where it says whether it has intervened.
const ACTION: &str = "/amazon-bedrock-guardrailAction";

/// What it has seen, where the call asked for that.
pub(super) const TRACE: &str = "amazon-bedrock-trace";

/// Whether it has intervened.
pub(super) fn has_intervened(body: &impl Json) -> bool {
    text(body, ACTION) == Some("INTERVENED")
}

/// Whether the trace says that it has blocked; `None` where there is no trace that says what was
/// done.
pub(super) fn blocks(body: &Value) -> Option<bool> {
    let trace = body.get(TRACE)?;
    let mut actions = Vec::new();
    gather(trace, &mut actions);
    let says = |word: &str| actions.iter().any(|action| action.contains(word));
    match (says("block"), says("anonymi") || says("mask")) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// What was done for each policy, and for all together, in small letters.
fn gather(trace: &Value, actions: &mut Vec<String>) {
    match trace {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(word) if key == "action" || key == "actionReason" => {
                        actions.push(word.to_ascii_lowercase());
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                    Value::Array(_) | Value::Object(_) => gather(value, actions),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, actions)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trace_tells_a_block_from_a_mask() {
        let blocks = |trace: Value| blocks(&json!({"amazon-bedrock-trace": {"guardrail": trace}}));
        let topic = json!({"topics": [{"name": "t", "type": "DENY", "action": "BLOCKED"}]});
        let name = json!({"piiEntities": [{"type": "NAME", "match": "x", "action": "ANONYMIZED"}]});
        let blocked = json!({"input": {"g": {"topicPolicy": topic}}});
        let masked = json!({"outputs": [{"g": {"sensitiveInformationPolicy": name}}]});
        let both = json!({"input": blocked["input"], "outputs": masked["outputs"]});
        assert_eq!(blocks(blocked), Some(true));
        assert_eq!(blocks(masked), Some(false));
        assert_eq!(blocks(both), Some(true));
        assert_eq!(
            blocks(json!({"actionReason": "Guardrail blocked."})),
            Some(true)
        );
        assert_eq!(
            blocks(json!({"actionReason": "Guardrail masked."})),
            Some(false)
        );
        assert_eq!(blocks(json!({"input": {"g": {"topics": []}}})), None);
        assert_eq!(super::blocks(&json!({"generation": "action"})), None);
    }
}
