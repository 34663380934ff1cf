//! Models that make images: every one of them the same small square.

use serde_json::{Value, json};

use super::{Ask, Wants, input_tokens, whole};
use crate::emulator::refusal::Refusal;
use crate::emulator::schema::{Key, Kind, Object, check, optional, required};

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

fn ask(text: &str) -> Ask {
    Ask {
        prompt: text.to_owned(),
        input_tokens: input_tokens(text.len()),
        wants: Wants::Pictures,
    }
}

pub(super) fn read_amazon(body: &Object) -> Result<Ask, Refusal> {
    check(body, &AMAZON_KEYS, "#")?;
    let text = body
        .get("textToImageParams")
        .and_then(|it| it["text"].as_str());
    let is_text = body["taskType"] == "TEXT_IMAGE";
    match text.filter(|text| !text.is_empty()) {
        None if is_text => {
            let reason = "#/textToImageParams: required key [text] not found";
            Err(Refusal::malformed(reason))
        }
        text => Ok(ask(text.unwrap_or_default())),
    }
}

pub(super) fn write_amazon(body: &Object) -> Value {
    let config = body.get("imageGenerationConfig").and_then(Value::as_object);
    let count = config.map_or(1, |config| whole(config, "numberOfImages", 1));
    let images: Vec<&str> = (0..count.min(5)).map(|_| PIXEL).collect();
    json!({"images": images, "error": null})
}

/// Stability's services take many keys, which differ between them; what all want is checked.
pub(super) fn read_stability(body: &Object) -> Result<Ask, Refusal> {
    let text = body.get("prompt").and_then(Value::as_str);
    let has_image = body.contains_key("image") || body.contains_key("init_image");
    match text {
        None if !has_image => Err(Refusal::malformed("#: required key [prompt] not found")),
        text => Ok(ask(text.unwrap_or_default())),
    }
}

pub(super) fn write_stability() -> Value {
    json!({"seeds": [7], "finish_reasons": [null], "images": [PIXEL]})
}

pub(super) fn read_sdxl(body: &Object) -> Result<Ask, Refusal> {
    check(body, &SDXL_KEYS, "#")?;
    let text = body["text_prompts"][0]["text"].as_str();
    let missing = || Refusal::malformed("#/text_prompts/0: required key [text] not found");
    text.map(ask).ok_or_else(missing)
}

pub(super) fn write_sdxl() -> Value {
    json!({
        "result": "success",
        "artifacts": [{"seed": 7, "base64": PIXEL, "finishReason": "SUCCESS"}],
    })
}
