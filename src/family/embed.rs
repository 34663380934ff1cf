//! Embeddings: Amazon Titan, Amazon Nova, Cohere and TwelveLabs Marengo.
//!
//! What a row is answered with is what the service sent, counts apart; where rows share a call, see
//! `together`. Dimensions, types and purposes come through `extra`. Source: Amazon Bedrock user guide, "Amazon Titan Embeddings",
//! "Amazon Nova Multimodal Embeddings", "Cohere Embed models" and "TwelveLabs Marengo Embed", as of
//! October 2026.

use serde_json::{Value, json};

use super::json::{BodyBuilder, count, made_no, misread, rest, text};
use super::layout::{Billed, Counts, Form, Images, Layout, Lists, ResponseKind, System};
use super::vocabulary::texts;
use super::{Misread, Parameters};
use crate::model::{Bill, Metered, Units};
use crate::model::{FinishReason, ParsedReply, Prompt, Usage};

pub(super) const TITAN_TEXT: Layout = Layout {
    serves: &["amazon.titan-embed-text", "amazon.titan-embed-g1-text"],
    form: Form::Text(System::Refused),
    answer: ResponseKind::Output,
    ..Layout::new(
        "titan-embed-text",
        |prompt, _, _| {
            BodyBuilder::default()
                .with("inputText", first(prompt))
                .finish()
        },
        |body| read_titan(TITAN_TEXT.name, body),
    )
};

pub(super) const TITAN_IMAGE: Layout = Layout {
    name: "titan-embed-image",
    serves: &["amazon.titan-embed-image"],
    images: Images::InBody,
    billed: Billed::ByRequest(titan_bill),
    read: |body| read_titan(TITAN_IMAGE.name, body),
    ..TITAN_TEXT
};

pub(super) const NOVA: Layout = Layout {
    name: "nova-embed",
    serves: &["amazon.nova-2-multimodal-embeddings"],
    images: Images::InBody,
    counts: Counts::InHeaders,
    billed: Billed::ByRequest(nova_bill),
    body: nova,
    read: |body| vectors(NOVA.name, &["embeddings"], body),
    ..TITAN_TEXT
};

pub(super) const COHERE: Layout = Layout {
    name: "cohere-embed",
    serves: &["cohere.embed"],
    images: Images::InBody,
    form: Form::EachText(Lists {
        most: 96,
        texts: "texts",
        beside: &["images", "inputs"],
        answers: "embeddings",
    }),
    counts: Counts::InHeaders,
    body: cohere,
    read: |body| vectors(COHERE.name, &["embeddings"], body),
    ..TITAN_TEXT
};

pub(super) const MARENGO: Layout = Layout {
    name: "marengo",
    serves: &["twelvelabs.marengo"],
    counts: Counts::InHeaders,
    billed: Billed::ByRequest(marengo_bill),
    body: marengo,
    read: |body| vectors(MARENGO.name, &["data"], body),
    ..TITAN_TEXT
};

fn first(prompt: &Prompt) -> &str {
    prompt.messages.first().map_or("", |message| &message.text)
}

/// Purpose and truncation have no default of the service's.
fn nova(prompt: &Prompt, _parameters: &Parameters, _base: Option<&str>) -> Value {
    json!({
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "text": {"truncationMode": "END", "value": first(prompt)},
        },
    })
}

/// The kind of input has no default of the service's; most texts that are embedded in numbers are
/// documents.
fn cohere(prompt: &Prompt, _parameters: &Parameters, _base: Option<&str>) -> Value {
    BodyBuilder::default()
        .with("texts", texts(prompt))
        .with("input_type", "search_document")
        .finish()
}

/// Marengo 2.7 has the text at the top, later ones in an object of its own.
fn marengo(prompt: &Prompt, _parameters: &Parameters, base: Option<&str>) -> Value {
    let text = first(prompt);
    match base.is_some_and(|base| base.contains("marengo-embed-2-")) {
        true => json!({"inputType": "text", "inputText": text}),
        false => json!({"inputType": "text", "text": {"inputText": text}}),
    }
}

/// Its text by tokens, its image by the piece.
fn titan_bill(body: &Value) -> Option<Bill> {
    let shown = u64::from(text(body, "/inputImage").is_some());
    Some(Bill::of(
        Metered::Billed,
        Units {
            shown,
            ..Units::NONE
        },
    ))
}

/// A text by tokens, an image by the piece; video and sound by the second, and nobody knows how many
/// a file has.
fn nova_bill(body: &Value) -> Option<Bill> {
    let input = body.get("singleEmbeddingParams")?;
    let has = |key: &str| input.get(key).is_some();
    match () {
        () if has("video") || has("audio") => None,
        () if has("image") => Some(one_image()),
        () => Some(Bill::TOKENS),
    }
}

/// A text is a query.
fn marengo_bill(body: &Value) -> Option<Bill> {
    let query = Units {
        queries: 1,
        ..Units::NONE
    };
    match text(body, "/inputType")? {
        "text" => Some(Bill::of(Metered::Free, query)),
        "image" => Some(one_image()),
        _ => None,
    }
}

fn one_image() -> Bill {
    let shown = Units {
        shown: 1,
        ..Units::NONE
    };
    Bill::of(Metered::Free, shown)
}

fn read_titan(name: &str, body: &Value) -> Result<ParsedReply, Misread> {
    match text(body, "/message") {
        Some(problem) => Err(made_no("embedding", problem)),
        None => vectors(name, &["embedding", "embeddingsByType"], body),
    }
}

/// A reply with something under one of `keys`.
fn vectors(name: &str, keys: &[&str], body: &Value) -> Result<ParsedReply, Misread> {
    let holds = |key: &&&str| body.get(**key).is_some_and(holds_something);
    match keys.iter().find(holds) {
        Some(_) => Ok(whole(body)),
        None => Err(misread(name, &format!("`{}`", keys.join("` or `")), body)),
    }
}

/// A reply that is no text: all of it but what is known of it elsewhere, or was only repeated.
pub(super) fn whole(body: &Value) -> ParsedReply {
    ParsedReply {
        output: Some(Value::Object(rest(body, &["inputTextTokenCount", "texts"]))),
        finish_reason: FinishReason::Stop,
        usage: Usage {
            input_tokens: count(body, "/inputTextTokenCount"),
            ..Usage::default()
        },
        ..ParsedReply::default()
    }
}

/// Whether a list or an object has anything in it.
pub(super) fn holds_something(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
