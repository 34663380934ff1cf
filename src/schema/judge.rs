//! Whether a response is valid against the schema of the job.

use std::sync::Arc;

use serde_json::Value;

use super::repair::{FoundValue, find};
use super::validate::Schema;
use crate::json_cost;
use crate::model::{FinishReason, ParsedReply, SchemaCheck, SchemaError, ToolInput};

/// Judges responses.
#[derive(Debug, Clone)]
pub struct Judge {
    /// What responses are validated against.
    pub schema: Arc<Schema>,
    /// Whether a text that is not JSON is repaired.
    pub repairs: bool,
    /// The longest completion that is asked for, in tokens, for the advice to raise it.
    pub max_tokens: Option<u32>,
}

impl Judge {
    /// `reading` with the value that it brought, and whether that is valid. `called` is what the tool
    /// was called with that stands for the schema, if it was.
    pub fn judge(&self, called: Option<ToolInput>, reading: ParsedReply) -> ParsedReply {
        let is_cut_off = matches!(
            reading.finish_reason,
            FinishReason::Length | FinishReason::ContextWindow
        );
        let (text, whole) = match called {
            Some(ToolInput::Value(value)) => (value.to_string(), Some(value)),
            Some(ToolInput::Text(text)) => (text, None),
            None => (reading.completion.clone().unwrap_or_default(), None),
        };
        let found = match whole {
            // Where a call was cut off, optional fields may be missing.
            Some(value) => (!is_cut_off && self.schema.is_valid(&value)).then_some(FoundValue {
                value,
                repair: None,
            }),
            None => self.found(&text, is_cut_off),
        };
        let (output, schema) = match found {
            Some(FoundValue { value, repair }) => (Some(value), SchemaCheck::Valid { repair }),
            None => (None, SchemaCheck::Invalid(self.errors(&text, &reading))),
        };
        ParsedReply {
            completion: Some(text),
            output,
            schema: Some(schema),
            ..reading
        }
    }

    fn found(&self, text: &str, is_cut_off: bool) -> Option<FoundValue> {
        json_cost::check(text.as_bytes()).ok()?;
        let is_valid = |value: &Value| {
            // A number or a word may have been cut off and still be one.
            let is_closed = value.is_object() || value.is_array();
            (is_closed || !is_cut_off) && self.schema.is_valid(value)
        };
        if self.repairs && !is_cut_off {
            return find(text, is_valid);
        }
        let value = serde_json::from_str(text.trim()).ok();
        let value = value.filter(is_valid)?;
        Some(FoundValue {
            value,
            repair: None,
        })
    }

    /// What is wrong with a text in which nothing valid was found. At least one.
    fn errors(&self, text: &str, reading: &ParsedReply) -> Vec<SchemaError> {
        let one = |keyword: &str, message: String| vec![SchemaError::of_all(keyword, message)];
        match reading.finish_reason {
            FinishReason::Length => {
                let limit = self.max_tokens;
                let limit = limit.map_or_else(String::new, |most| format!(" = {most}"));
                let message = format!("cut off at max_tokens{limit}: raise max_tokens");
                return one("max_tokens", message);
            }
            FinishReason::ContextWindow => {
                let message =
                    "cut off at the end of the model's context window: shorten the prompt";
                return one("max_tokens", message.to_owned());
            }
            FinishReason::Stop
            | FinishReason::ToolCalls
            | FinishReason::ContentFilter
            | FinishReason::Guardrail
            | FinishReason::Unknown => {}
        }
        if text.trim().is_empty() {
            return one("json", "the response has no text".to_owned());
        }
        if let Err(error) = json_cost::check(text.as_bytes()) {
            return one("json", error.to_string());
        }
        // What would be taken if the schema did not matter says best what is wrong.
        let strict = || {
            let value = serde_json::from_str(text.trim()).ok()?;
            Some(FoundValue {
                value,
                repair: None,
            })
        };
        let best = match self.repairs {
            true => find(text, |value| value.is_object() || value.is_array()).or_else(strict),
            false => strict(),
        };
        match best {
            Some(found) => {
                let errors = self.schema.errors(&found.value);
                match errors.is_empty() {
                    false => errors,
                    true => one("json", "only a part of the response is valid".to_owned()),
                }
            }
            None => {
                let why = serde_json::from_str::<Value>(text.trim()).err();
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                one("json", format!("the response is not JSON{why}"))
            }
        }
    }
}
