//! Where each family's bodies take a JSON Schema, and where its responses have the value.
//!
//! Source: Amazon Bedrock user guide, "Structured output", Anthropic Messages, Nova "Tool use", Mistral
//! chat completion, as of November 2026.

use serde_json::{Map, Value, json};

use super::json::{Json as _, merge_into, text};
use super::layout::SchemaForm as Form;
use super::{Family, ParsedReply};
use crate::model::{Message, Prompt, Role, SchemaMode, SentSchema, ToolInput, Written};

/// What a model is told of the tool, unless the schema describes itself.
const TOOL: &str = "Give the answer as the input of this tool.";

/// What of a body says that a schema is to be followed: setting one of these by hand would have it
/// replaced.
const OWN_KEYS: &[&str] = &[
    "tools",
    "tool_choice",
    "toolConfig",
    "response_format",
    "output_format",
];

/// What several completions of one prompt are asked for with.
const SEVERAL: [&str; 3] = ["n", "num_generations", "numResults"];

impl Family {
    fn schema_form(self) -> Form {
        self.layout().schema
    }

    /// Whether its models are known to reject schemas of too many optional properties, or of too many with
    /// several types, in native mode.
    pub fn limits_schema_size(self) -> bool {
        self.schema_form() == Form::Claude
    }

    /// Whether its bodies have a place for a schema in this mode.
    pub fn takes_schema(self, mode: SchemaMode) -> bool {
        match (mode, self.schema_form()) {
            (SchemaMode::Prompt, _) => self.writes_text(),
            (SchemaMode::Native, Form::Claude | Form::OpenAi) => true,
            (SchemaMode::Tool, Form::Claude | Form::OpenAi | Form::Nova | Form::Mistral) => true,
            (SchemaMode::Native, Form::Nova | Form::Mistral | Form::None)
            | (SchemaMode::Tool, Form::None) => false,
        }
    }

    /// The key of `extra` that contradicts a schema of the job.
    pub fn contradicts_schema(extra: &Map<String, Value>) -> Option<String> {
        let format = extra.get("output_config").and_then(|it| it.get("format"));
        if format.is_some() {
            return Some("output_config.format".to_owned());
        }
        let several = SEVERAL.iter().find(|key| {
            let number = extra.get(**key).and_then(Value::as_f64);
            number.is_some_and(|number| 1.0 < number)
        });
        let own = OWN_KEYS.iter().find(|key| extra.contains_key(**key));
        several.or(own).map(|key| (*key).to_owned())
    }

    /// Whether `extra` asks Claude to think, beside which no tool can be forced.
    pub fn thinks_by_request(self, extra: &Map<String, Value>) -> bool {
        let kind = extra.get("thinking").and_then(|it| it.get("type"));
        let is_on = kind.is_some_and(|kind| kind == "enabled" || kind == "adaptive");
        self.schema_form() == Form::Claude && is_on
    }

    /// Adds to a body what asks for `sent`. What `extra` has put beside it stays.
    pub(super) fn add_schema(self, body: &mut Value, sent: &SentSchema) {
        let SentSchema { mode, name, schema } = sent;
        let description = schema.get("description").and_then(Value::as_str);
        let description = description.unwrap_or(TOOL);
        let more = match (mode, self.schema_form()) {
            (SchemaMode::Prompt, _) | (_, Form::None) => return,
            (SchemaMode::Native, Form::Claude) => {
                json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}})
            }
            (SchemaMode::Native, _) => json!({"response_format": {
                "type": "json_schema", "json_schema": {"name": name, "schema": schema}}}),
            (SchemaMode::Tool, Form::Claude) => json!({
                "tools": [{"name": name, "description": description, "input_schema": schema}],
                "tool_choice": {"type": "tool", "name": name}}),
            (SchemaMode::Tool, Form::Nova) => json!({"toolConfig": {
                "tools": [{"toolSpec": {"name": name, "description": description,
                    "inputSchema": {"json": schema}}}],
                "toolChoice": {"tool": {"name": name}}}}),
            (SchemaMode::Tool, form) => {
                let choice = match form {
                    // It names no tool; there is only one.
                    Form::Mistral => json!("any"),
                    Form::Claude | Form::Nova | Form::OpenAi | Form::None => {
                        json!({"type": "function", "function": {"name": name}})
                    }
                };
                json!({
                    "tools": [{"type": "function", "function": {
                        "name": name, "description": description, "parameters": schema}}],
                    "tool_choice": choice})
            }
        };
        if let (Value::Object(body), Value::Object(more)) = (body, more) {
            merge_into(body, &more);
        }
    }

    /// What the model called the tool of this name with, in the shape of any family.
    pub fn tool_input(reading: &ParsedReply, name: &str) -> Option<ToolInput> {
        let calls = reading.output.as_ref()?.as_array()?;
        let input = |call: &Value| {
            for (named, input) in [
                ("/name", "/input"),
                ("/toolUse/name", "/toolUse/input"),
                ("/function/name", "/function/arguments"),
            ] {
                if text(call, named) == Some(name)
                    && let Some(input) = call.pointer(input)
                {
                    return Some(match input.text() {
                        Some(text) => ToolInput::Text(text.to_owned()),
                        None => ToolInput::Value(input.clone()),
                    });
                }
            }
            None
        };
        calls.iter().find_map(input)
    }
}

/// `prompt` with the sentence that asks for a schema behind the user's last words; what a tool returned is
/// none of them.
pub(super) fn with_sentence(prompt: &Prompt, sentence: &str) -> Prompt {
    let mut prompt = prompt.clone();
    let of_tool = |written: &Option<Written>| match written {
        Some(Written::As { value, .. }) => value["role"] == "tool",
        Some(Written::Blocks(_)) | None => false,
    };
    let users = prompt.messages.iter_mut().rev();
    let mut users = users.filter(|it| it.role == Role::User && !of_tool(&it.written));
    let has_taken = users.any(|Message { text, written, .. }| match written {
        Some(written) => {
            let has_taken = written.end_with(sentence);
            if has_taken {
                // The text beside it is for estimates.
                text.push_str(sentence);
            }
            has_taken
        }
        None => {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(sentence);
            true
        }
    });
    if !has_taken {
        prompt.messages.push(Message {
            role: Role::User,
            text: sentence.to_owned(),
            images: Vec::new(),
            written: None,
        });
    }
    prompt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Parameters;
    use std::sync::Arc;

    fn sent(mode: SchemaMode) -> SentSchema {
        SentSchema {
            mode,
            name: "label".to_owned(),
            schema: json!({"type": "object", "properties": {"a": {"type": "string"}}}),
        }
    }

    fn prompt() -> Prompt {
        Prompt {
            messages: vec![Message {
                role: Role::User,
                text: "Hi".to_owned(),
                images: Vec::new(),
                written: None,
            }],
            ..Prompt::default()
        }
    }

    #[test]
    fn the_sentence_goes_to_the_user_and_not_into_what_a_tool_returned() {
        let of_tool = json!({"role": "tool", "tool_call_id": "c", "content": "42"});
        let tool = Message {
            role: Role::User,
            text: "42".to_owned(),
            images: Vec::new(),
            written: Some(Written::As {
                api: crate::model::Api::OpenAi,
                value: of_tool.clone(),
                what: "a tool's result".to_owned(),
            }),
        };
        let mut asked = prompt();
        asked.messages.push(tool.clone());
        let sent = with_sentence(&asked, "As JSON.");
        assert_eq!(sent.messages[0].text, "Hi\n\nAs JSON.");
        assert_eq!(sent.messages[1], tool);
        let sent = with_sentence(
            &Prompt {
                messages: vec![tool],
                ..Prompt::default()
            },
            "As JSON.",
        );
        assert_eq!(sent.messages.len(), 2);
        assert_eq!(sent.messages[1].text, "As JSON.");
    }

    fn body(family: Family, mode: SchemaMode, extra: &Value) -> Value {
        let parameters = Parameters {
            extra: extra.as_object().cloned().unwrap_or_default(),
            schema: Some(Arc::new(sent(mode))),
            ..Parameters::default()
        };
        family.body(&prompt(), &parameters, None)
    }

    #[test]
    fn each_family_asks_for_a_schema_in_its_own_words() {
        let schema = sent(SchemaMode::Tool).schema;
        for (family, mode, key, value) in [
            (
                Family::ClaudeMessages,
                SchemaMode::Native,
                "output_config",
                json!({"format": {"type": "json_schema", "schema": schema}}),
            ),
            (
                Family::ClaudeMessages,
                SchemaMode::Tool,
                "tool_choice",
                json!({"type": "tool", "name": "label"}),
            ),
            (
                Family::OpenaiChat,
                SchemaMode::Native,
                "response_format",
                json!({"type": "json_schema", "json_schema": {"name": "label", "schema": schema}}),
            ),
            (
                Family::OpenaiChat,
                SchemaMode::Tool,
                "tool_choice",
                json!({"type": "function", "function": {"name": "label"}}),
            ),
            (
                Family::MistralChat,
                SchemaMode::Tool,
                "tool_choice",
                json!("any"),
            ),
            (
                Family::Nova,
                SchemaMode::Tool,
                "toolConfig",
                json!({"tools": [{"toolSpec": {"name": "label", "description": TOOL,
                    "inputSchema": {"json": schema}}}], "toolChoice": {"tool": {"name": "label"}}}),
            ),
        ] {
            assert_eq!(
                body(family, mode, &json!({}))[key],
                value,
                "{family:?} {mode:?}"
            );
        }
    }

    #[test]
    fn an_effort_beside_the_format_stays() {
        let extra = json!({"output_config": {"effort": "low"}});
        let body = body(Family::ClaudeMessages, SchemaMode::Native, &extra);
        assert_eq!(body["output_config"]["effort"], "low");
        assert_eq!(body["output_config"]["format"]["type"], "json_schema");
    }

    #[test]
    fn in_prompt_mode_every_family_that_writes_text_has_the_sentence_once() {
        let sentence = sent(SchemaMode::Prompt).sentence();
        for family in Family::ALL.iter().copied().filter(|it| it.writes_text()) {
            if family == Family::Raw {
                continue;
            }
            assert!(family.takes_schema(SchemaMode::Prompt), "{family:?}");
            let body = body(family, SchemaMode::Prompt, &json!({})).to_string();
            let inside = Value::from(sentence.as_str()).to_string();
            let inside = inside.trim_matches('"');
            assert_eq!(body.matches(inside).count(), 1, "{family:?}: {body}");
        }
    }

    #[test]
    fn a_call_of_the_tool_is_found_in_the_shape_of_each_family() {
        let reading = |output: Value| ParsedReply {
            output: Some(output),
            ..ParsedReply::default()
        };
        let value = json!({"a": "x"});
        let text = r#"{"a":"x"}"#;
        for (output, found) in [
            (
                json!([{"type": "tool_use", "name": "label", "input": value}]),
                Some(ToolInput::Value(value.clone())),
            ),
            (
                json!([{"toolUse": {"name": "other", "input": {}}}, {"toolUse": {"name": "label", "input": value}}]),
                Some(ToolInput::Value(value.clone())),
            ),
            (
                json!([{"function": {"name": "label", "arguments": text}}]),
                Some(ToolInput::Text(text.to_owned())),
            ),
            (json!([{"name": "other", "input": value}]), None),
            (json!({"name": "label"}), None),
        ] {
            assert_eq!(
                Family::tool_input(&reading(output.clone()), "label"),
                found,
                "{output}"
            );
        }
    }

    #[test]
    fn what_would_be_replaced_or_answered_several_times_contradicts_a_schema() {
        let found = |extra: Value| Family::contradicts_schema(extra.as_object().unwrap());
        assert_eq!(found(json!({"tools": []})).as_deref(), Some("tools"));
        assert_eq!(found(json!({"n": 2})).as_deref(), Some("n"));
        assert_eq!(
            found(json!({"n": 1, "output_config": {"effort": "low"}})),
            None
        );
        let format = json!({"output_config": {"format": {}}});
        assert_eq!(found(format).as_deref(), Some("output_config.format"));
    }
}
