//! Image models: every image is the same blue pixel.

use serde_json::{Value, json};

use super::{FinishReason, ModelInput, ModelOutput, Task, input_tokens, whole};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

/// One blue pixel, as PNG in base64.
pub(super) const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

const AMAZON_KEYS: [Key; 9] = [
    required("taskType", Kind::Text),
    optional("textToImageParams", Kind::Object),
    optional("imageVariationParams", Kind::Object),
    optional("inPaintingParams", Kind::Object),
    optional("outPaintingParams", Kind::Object),
    optional("colorGuidedGenerationParams", Kind::Object),
    optional("backgroundRemovalParams", Kind::Object),
    optional("imageGenerationConfig", Kind::Object),
    optional("virtualTryOnParams", Kind::Object),
];

const CONFIG_KEYS: [Key; 6] = [
    optional("numberOfImages", Kind::Whole(1, 5)),
    optional("cfgScale", Kind::Number(1.1, 10.0)),
    optional("width", Kind::Any),
    optional("height", Kind::Any),
    optional("seed", Kind::Any),
    optional("quality", Kind::Text),
];

const SDXL_KEYS: [Key; 12] = [
    required("text_prompts", Kind::List),
    optional("width", Kind::Any),
    optional("height", Kind::Any),
    optional("cfg_scale", Kind::Number(0.0, 35.0)),
    optional("clip_guidance_preset", Kind::Text),
    optional("sampler", Kind::Text),
    optional("samples", Kind::Whole(1, 1)),
    optional("seed", Kind::Any),
    optional("steps", Kind::Whole(10, 150)),
    optional("style_preset", Kind::Text),
    optional("init_image", Kind::Text),
    optional("extras", Kind::Any),
];

fn ask(text: &str) -> ModelInput {
    ModelInput {
        prompt: text.to_owned(),
        input_tokens: input_tokens(text.len()),
        task: Task::Images,
    }
}

pub(super) fn read_amazon(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &AMAZON_KEYS, "#")?;
    if let Some(Value::Object(config)) = body.get("imageGenerationConfig") {
        check(config, &CONFIG_KEYS, "#/imageGenerationConfig")?;
    }
    let text = body
        .get("textToImageParams")
        .and_then(|it| it["text"].as_str());
    let is_text = body["taskType"] == "TEXT_IMAGE";
    match text.filter(|text| !text.is_empty()) {
        None if is_text => {
            let reason = "#/textToImageParams: required key [text] not found";
            Err(ServiceError::malformed(reason))
        }
        text => Ok(ask(text.unwrap_or_default())),
    }
}

/// An image that a guardrail or a filter blocked is missing.
pub(super) fn write_amazon(body: &Object, answer: &ModelOutput) -> Value {
    let config = body.get("imageGenerationConfig").and_then(Value::as_object);
    let count = config.map_or(1, |config| whole(config, "numberOfImages", 1));
    let images: Vec<&str> = (0..count.min(5)).map(|_| PIXEL).collect();
    match answer.finish {
        FinishReason::Filtered => json!({"images": [], "error": FILTERED}),
        FinishReason::Blocked => json!({"images": [], "error": answer.text}),
        FinishReason::Done
        | FinishReason::Length
        | FinishReason::Stop(_)
        | FinishReason::ToolCall => {
            json!({"images": images, "error": null})
        }
    }
}

/// The message of Amazon's filter (public logs, October 2026).
const FILTERED: &str = "This request has been blocked by our content filters. Our filters \
    automatically flagged this prompt because it may conflict with our AUP or AWS Responsible AI \
    Policy.";

/// Stability's services accept many keys, which differ between them; only those that all require
/// are checked.
pub(super) fn read_stability(body: &Object) -> Result<ModelInput, ServiceError> {
    let text = body.get("prompt").and_then(Value::as_str);
    let has_image = body.contains_key("image") || body.contains_key("init_image");
    match text {
        None if !has_image => Err(ServiceError::malformed(
            "#: required key [prompt] not found",
        )),
        text => Ok(ask(text.unwrap_or_default())),
    }
}

pub(super) fn write_stability(answer: &ModelOutput) -> Value {
    match answer.finish {
        FinishReason::Filtered => {
            json!({"seeds": [7], "finish_reasons": ["Filter reason: prompt"], "images": []})
        }
        FinishReason::Blocked => json!({"seeds": [], "finish_reasons": [], "images": []}),
        FinishReason::Done
        | FinishReason::Length
        | FinishReason::Stop(_)
        | FinishReason::ToolCall => {
            json!({"seeds": [7], "finish_reasons": [null], "images": [PIXEL]})
        }
    }
}

pub(super) fn read_sdxl(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &SDXL_KEYS, "#")?;
    let text = body["text_prompts"][0]["text"].as_str();
    let missing = || ServiceError::malformed("#/text_prompts/0: required key [text] not found");
    text.map(ask).ok_or_else(missing)
}

/// This model's filter blurs the image instead of removing it.
pub(super) fn write_sdxl(answer: &ModelOutput) -> Value {
    let reason = match answer.finish {
        FinishReason::Filtered => Some("CONTENT_FILTERED"),
        FinishReason::Blocked => None,
        FinishReason::Done
        | FinishReason::Length
        | FinishReason::Stop(_)
        | FinishReason::ToolCall => Some("SUCCESS"),
    };
    let artifact = reason.map(|reason| json!({"seed": 7, "base64": PIXEL, "finishReason": reason}));
    let artifacts: Vec<Value> = artifact.into_iter().collect();
    json!({"result": "success", "artifacts": artifacts})
}
