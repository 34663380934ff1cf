//! What an output has to be: text, JSON that satisfies a schema, or a tool call.

use serde_json::Value;

use super::Form;
use crate::schema::Object;
use crate::service_error::ServiceError;

/// A tool that a request offers, and the schema of its input.
type Tool<'a> = (&'a str, &'a Value);

/// The schema of a tool without one.
static ANYTHING: Value = Value::Null;

/// Claude: a forced tool by `tool_choice`, else a schema by `output_config.format`.
pub(super) fn claude(body: &Object) -> Result<Form, ServiceError> {
    let tools = body.get("tools").and_then(Value::as_array);
    let tools: Vec<Tool> = tools
        .into_iter()
        .flatten()
        .filter_map(claude_tool)
        .collect();
    let choice = body.get("tool_choice");
    let kind = choice.and_then(|choice| choice["type"].as_str());
    match kind {
        Some("tool") => {
            let name = choice.and_then(|choice| choice["name"].as_str());
            let name = name.unwrap_or_default();
            let found = tools.iter().find(|(tool, _)| *tool == name);
            let missing =
                || ServiceError::validation(format!("Tool '{name}' not found in provided tools"));
            return found.map(call).ok_or_else(missing);
        }
        Some(kind @ ("any" | "auto")) if tools.is_empty() => {
            let message = format!("tool_choice.{kind} may only be specified while providing tools");
            return Err(ServiceError::validation(message));
        }
        Some("any") => return Ok(tools.first().map_or(Form::Text, call)),
        Some("auto" | "none") | None => {}
        Some(_) => {
            let message = "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'";
            return Err(ServiceError::validation(message));
        }
    }
    let format = body.get("output_config").and_then(|it| it.get("format"));
    let format = format.or_else(|| body.get("output_format"));
    Ok(by_schema(
        format.filter(|it| it["type"] == "json_schema"),
        "schema",
    ))
}

/// Nova: a forced tool by `toolConfig.toolChoice`.
pub(super) fn nova(body: &Object) -> Result<Form, ServiceError> {
    let Some(config) = body.get("toolConfig") else {
        return Ok(Form::Text);
    };
    let tools = config["tools"].as_array();
    let tools: Vec<Tool> = tools.into_iter().flatten().filter_map(nova_tool).collect();
    if tools.is_empty() {
        return Err(ServiceError::malformed(
            "#/toolConfig/tools: expected minimum item count: 1, found: 0",
        ));
    }
    let Some(choice) = config.get("toolChoice") else {
        return Ok(Form::Text);
    };
    if choice.get("any").is_some() {
        return Ok(tools.first().map_or(Form::Text, call));
    }
    let Some(name) = choice.pointer("/tool/name").and_then(Value::as_str) else {
        return Ok(Form::Text);
    };
    let found = tools.iter().find(|(tool, _)| *tool == name);
    let missing = || {
        ServiceError::validation(format!(
            "The tool choice names {name}, which toolConfig.tools does not have."
        ))
    };
    found.map(call).ok_or_else(missing)
}

/// Chat models: a forced tool by `tool_choice`, else a schema by `response_format`. Any tool is `any`
/// for Mistral and `required` for OpenAI.
pub(super) fn chat(body: &Object) -> Result<Form, ServiceError> {
    let tools = body.get("tools").and_then(Value::as_array);
    let tools: Vec<Tool> = tools.into_iter().flatten().filter_map(chat_tool).collect();
    let choice = body.get("tool_choice").unwrap_or(&ANYTHING);
    let named = choice.pointer("/function/name").and_then(Value::as_str);
    let is_any = matches!(choice.as_str(), Some("any" | "required"));
    if (is_any || named.is_some()) && tools.is_empty() {
        let message = "When using `tool_choice`, `tools` must be set.";
        return Err(ServiceError::validation(message));
    }
    if is_any {
        return Ok(tools.first().map_or(Form::Text, call));
    }
    if let Some(name) = named {
        let found = tools.iter().find(|(tool, _)| *tool == name);
        let missing = || {
            let message = format!("Tool choice '{name}' is not among the tools.");
            ServiceError::validation(message)
        };
        return found.map(call).ok_or_else(missing);
    }
    let format = body.get("response_format").unwrap_or(&ANYTHING);
    match format["type"].as_str() {
        Some("json_schema") => Ok(by_schema(format.get("json_schema"), "schema")),
        Some("json_object") => Ok(Form::Json(serde_json::json!({"type": "object"}))),
        Some(_) | None => Ok(Form::Text),
    }
}

fn by_schema(format: Option<&Value>, key: &str) -> Form {
    let schema = format.and_then(|format| format.get(key));
    schema.map_or(Form::Text, |schema| Form::Json(schema.clone()))
}

fn call((name, schema): &Tool) -> Form {
    Form::ToolCall {
        name: (*name).to_owned(),
        schema: object_schema(schema),
    }
}

/// The input of a tool is an object, even if its schema does not say so.
fn object_schema(schema: &Value) -> Value {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    schema.entry("type").or_insert_with(|| "object".into());
    Value::Object(schema)
}

fn claude_tool(tool: &Value) -> Option<Tool<'_>> {
    let schema = tool.get("input_schema").unwrap_or(&ANYTHING);
    Some((tool["name"].as_str()?, schema))
}

fn nova_tool(tool: &Value) -> Option<Tool<'_>> {
    let tool = tool.get("toolSpec")?;
    let schema = tool.pointer("/inputSchema/json").unwrap_or(&ANYTHING);
    Some((tool["name"].as_str()?, schema))
}

fn chat_tool(tool: &Value) -> Option<Tool<'_>> {
    let tool = tool.get("function")?;
    let schema = tool.get("parameters").unwrap_or(&ANYTHING);
    Some((tool["name"].as_str()?, schema))
}
