//! The content of a message: a text, or blocks as Anthropic, OpenAI and Amazon write them.

use serde_json::Value;

use crate::model::{Api, Block, Image};

/// The content of one message.
#[derive(Debug, Default)]
pub(super) struct MessageParts {
    /// Texts and images, in their order.
    pub(super) blocks: Vec<Block>,
    /// What only one API has a place for: whose, and what it is.
    pub(super) special: Option<(Api, String)>,
    /// The content as it was written.
    pub(super) raw: Value,
}

impl MessageParts {
    /// Reads the content of a message.
    pub(super) fn read(content: Option<&Value>) -> Result<Self, String> {
        let mut parts = Self {
            raw: content.cloned().unwrap_or_default(),
            ..Self::default()
        };
        match content {
            Some(Value::String(text)) => parts.blocks.push(Block::Text(text.clone())),
            Some(Value::Array(blocks)) => {
                for block in blocks {
                    parts.take(block)?;
                }
            }
            Some(Value::Object(_) | Value::Bool(_) | Value::Number(_)) => {
                return Err("the content is neither text nor a list of blocks".into());
            }
            Some(Value::Null) | None => {}
        }
        Ok(parts)
    }

    /// Notes what only one API has a place for.
    pub(super) fn is_special(&mut self, api: Api, what: impl Into<String>) -> Result<(), String> {
        let what = what.into();
        match &self.special {
            Some((other, before)) if *other != api => Err(format!(
                "{before} in the form of the {} API beside {what} in the form of the {} API: write all of \
                 the message for one",
                other.name(),
                api.name()
            )),
            Some(_) => Ok(()),
            None => {
                self.special = Some((api, what));
                Ok(())
            }
        }
    }

    fn take(&mut self, block: &Value) -> Result<(), String> {
        let has = |key: &str| block.get(key).is_some_and(|value| !value.is_null());
        reject_address(block)?;
        if has("cache_control") || has("citations") {
            let what = if has("cache_control") {
                "`cache_control`"
            } else {
                "citations"
            };
            self.is_special(Api::Anthropic, what)?;
        }
        if has("cachePoint") {
            self.is_special(Api::Amazon, "`cachePoint`")?;
        }
        let kind = block.get("type").and_then(Value::as_str);
        let text = block.get("text").and_then(Value::as_str);
        if let (Some("text") | None, Some(text)) = (kind, text) {
            reject_unknown_keys(block, TEXT_KEYS)?;
            self.blocks.push(Block::Text(text.to_owned()));
            return Ok(());
        }
        let special = match kind {
            Some(kind) => ANTHROPICS.iter().chain(OPENAIS).find(|it| it.key == kind),
            None => AMAZONS.iter().find(|it| has(it.key)),
        };
        match special {
            Some(special) => self.is_special(special.api, special.what),
            None if has_s3_location(block) => self.is_special(Api::Amazon, "an image in S3"),
            None => {
                let image = image(block)?;
                reject_unknown_keys(block, IMAGE_KEYS)?;
                let detail = block.pointer("/image_url/detail");
                if detail.is_some_and(|it| !is_blank(it)) {
                    self.is_special(Api::OpenAi, "`detail` of an image")?;
                }
                self.blocks.push(Block::Image(image));
                Ok(())
            }
        }
    }
}

/// A kind of block that only one API has.
struct Special {
    api: Api,
    /// Its type, or with Amazon the key that holds it.
    key: &'static str,
    what: &'static str,
}

const fn of(api: Api, key: &'static str, what: &'static str) -> Special {
    Special { api, key, what }
}

/// Source: Anthropic's Messages API, reference of content blocks, as of October 2026.
const ANTHROPICS: &[Special] = &[
    of(Api::Anthropic, "document", "a document"),
    of(Api::Anthropic, "tool_use", "a tool call"),
    of(Api::Anthropic, "tool_result", "a tool's result"),
    of(Api::Anthropic, "thinking", "thinking"),
    of(Api::Anthropic, "redacted_thinking", "thinking"),
    of(Api::Anthropic, "search_result", "a search result"),
];

/// Source: OpenAI's Chat Completions API, reference of content parts, as of October 2026.
const OPENAIS: &[Special] = &[
    of(Api::OpenAi, "input_audio", "sound"),
    of(Api::OpenAi, "file", "a file"),
    of(Api::OpenAi, "refusal", "a refusal"),
];

/// Source: Amazon Nova user guide, "Complete request schema", as of October 2026.
const AMAZONS: &[Special] = &[
    of(Api::Amazon, "document", "a document"),
    of(Api::Amazon, "video", "a video"),
    of(Api::Amazon, "audio", "sound"),
    of(Api::Amazon, "toolUse", "a tool call"),
    of(Api::Amazon, "toolResult", "a tool's result"),
    of(Api::Amazon, "reasoningContent", "reasoning"),
    of(Api::Amazon, "cachePoint", "`cachePoint`"),
];

/// Keys of a block of text, by their places in it.
const TEXT_KEYS: &[&str] = &["type", "text", "cache_control", "citations", "cachePoint"];

/// Keys of an image in the form of any API, by their places in the block.
const IMAGE_KEYS: &[&str] = &[
    "type",
    "cache_control",
    "source.type",
    "source.media_type",
    "source.data",
    "image_url.url",
    "image_url.detail",
    "image.format",
    "image.source.bytes",
];

/// Rejects a key of a block that is none of these places: it would not be sent.
fn reject_unknown_keys(block: &Value, known: &[&str]) -> Result<(), String> {
    match unknown_place(block, "", known) {
        None => Ok(()),
        Some(place) => Err(format!(
            "`{place}` of a block would not be sent: remove it, or send such rows with `body`"
        )),
    }
}

/// The first value inside of `value`, which is at `place`, that is not at a known one.
fn unknown_place(value: &Value, place: &str, known: &[&str]) -> Option<String> {
    if known.contains(&place) || is_blank(value) {
        return None;
    }
    let leads_on = |it: &&&str| {
        it.strip_prefix(place)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let is_on_the_way = place.is_empty() || known.iter().any(|it| leads_on(&it));
    match value {
        Value::Object(fields) if is_on_the_way => fields.iter().find_map(|(key, value)| {
            let inner = match place {
                "" => key.clone(),
                _ => format!("{place}.{key}"),
            };
            unknown_place(value, &inner, known)
        }),
        // OpenAI's `image_url` may be the address itself.
        Value::String(_) if place == "image_url" => None,
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => Some(place.to_owned()),
    }
}

/// Whether a key with this value says nothing.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether it is an image that Nova reads from S3 itself.
fn has_s3_location(block: &Value) -> bool {
    block.pointer("/image/source/s3Location").is_some()
}

/// Bedrock fetches nothing: an image or document has to be in the request.
fn reject_address(block: &Value) -> Result<(), String> {
    let text = |pointer| block.pointer(pointer).and_then(Value::as_str);
    let is_document = text("/type") == Some("document");
    let address = text("/source/url").or_else(|| {
        text("/image_url/url")
            .or_else(|| text("/image_url"))
            .filter(|url| !url.starts_with("data:"))
    });
    match address {
        None => Ok(()),
        Some(_) if is_document => Err(
            "a document by its address (URL), which Bedrock does not fetch: give it in base64"
                .into(),
        ),
        Some(_) => Err(
            "an image by its address (URL), which Bedrock does not fetch: give it in base64".into(),
        ),
    }
}

/// Images as Anthropic, OpenAI and Amazon write them, with the file inside.
fn image(block: &Value) -> Result<Image, String> {
    let text = |pointer| block.pointer(pointer).and_then(Value::as_str);
    let anthropics = text("/source/media_type").zip(text("/source/data"));
    let amazons = text("/image/format").zip(text("/image/source/bytes"));
    let openais = text("/image_url/url")
        .and_then(|url| url.strip_prefix("data:"))
        .and_then(|data| data.split_once(";base64,"));
    let found = anthropics.or(amazons).or(openais);
    let Some((media_type, base64)) = found else {
        return Err(match text("/type") {
            Some(kind) if !["text", "image", "image_url"].contains(&kind) => {
                format!("a block of type `{kind}`; send such rows with `body`")
            }
            _ => "a block that is neither text nor an image; send such rows with `body`".into(),
        });
    };
    let format = media_type.trim_start_matches("image/").to_owned();
    match FORMATS.contains(&format.as_str()) {
        true => Ok(Image {
            format,
            base64: base64.to_owned(),
        }),
        false => Err(format!(
            "an image of type `{format}`; types: {}",
            FORMATS.join(", ")
        )),
    }
}

/// The images that models take.
const FORMATS: [&str; 4] = ["png", "jpeg", "gif", "webp"];
