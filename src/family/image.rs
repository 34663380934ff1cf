//! Images: Amazon Titan Image and Nova Canvas, Stability's models, and Stable Diffusion XL.
//!
//! What is asked beside the text (size, seed, what is not to be seen, an image to begin from) comes
//! through `extra`. Source: Amazon Bedrock user guide, "Amazon Titan Image Generator", "Stability.ai
//! Diffusion models", and Amazon Nova user guide, "Image generation access and usage", as of October
//! 2026.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Misread;
use super::json::{BodyBuilder, count, list, made_no, misread, rest, text};
use super::layout::{Billed, Counts, Form, Images, Layout, ResponseKind, System};
use super::vocabulary::{means_filtered, one_text};
use crate::model::{Bill, Metered, Units};
use crate::model::{FinishReason, GeneratedImage, ParsedReply};

pub(super) const AMAZON: Layout = Layout {
    serves: &["amazon.titan-image", "amazon.nova-canvas"],
    form: Form::Text(System::Refused),
    images: Images::InBody,
    answer: ResponseKind::Images,
    counts: Counts::Nowhere,
    seed: &["imageGenerationConfig", "seed"],
    billed: Billed::ByRequest(|body| {
        Some(images(count(body, "/imageGenerationConfig/numberOfImages")))
    }),
    ..Layout::new(
        "amazon-image",
        |prompt, _, _| json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": one_text(prompt)}}),
        read_amazon,
    )
};

pub(super) const STABILITY: Layout = Layout {
    name: "stability-image",
    seed: &["seed"],
    serves: &["stability."],
    billed: Billed::ByRequest(|_| Some(images(None))),
    body: |prompt, _, _| {
        BodyBuilder::default()
            .with("prompt", one_text(prompt))
            .finish()
    },
    read: read_stability,
    ..AMAZON
};

pub(super) const SDXL: Layout = Layout {
    name: "stable-diffusion-xl",
    seed: &["seed"],
    serves: &["stability.stable-diffusion-xl"],
    billed: Billed::ByRequest(|body| Some(images(count(body, "/samples")))),
    body: |prompt, _, _| json!({"text_prompts": [{"text": one_text(prompt)}]}),
    read: read_sdxl,
    ..AMAZON
};

/// What these models read and write is not billed by tokens.
pub(super) const TOKENS: Metered = Metered::Free;

/// One image, if no other number is asked for.
fn images(asked: Option<u64>) -> Bill {
    let made = asked.unwrap_or(1);
    Bill::of(
        TOKENS,
        Units {
            made,
            ..Units::NONE
        },
    )
}

/// An error comes in place of images, or of those a filter held back, with the status of a success.
fn read_amazon(body: &Value) -> Result<ParsedReply, Misread> {
    let problem = text(body, "/error").filter(|problem| !problem.is_empty());
    let coded = list(body, "/images");
    let pictures = pictures(AMAZON.name, coded.into_iter().flatten())?;
    match problem {
        None if pictures.is_empty() => Err(misread(AMAZON.name, "`images`, a list", body)),
        Some(problem) if pictures.is_empty() && !speaks_of_a_filter(problem) => {
            Err(made_no("image", problem))
        }
        problem => Ok(made(body, pictures, problem)),
    }
}

/// A filter names itself in place of the reason to stop.
fn read_stability(body: &Value) -> Result<ParsedReply, Misread> {
    let coded = list(body, "/images").into_iter().flatten();
    let pictures = pictures(STABILITY.name, coded)?;
    let words = list(body, "/finish_reasons").into_iter().flatten();
    let words = words.filter_map(Value::as_str);
    judged(body, pictures, words, names_a_filter)
        .ok_or_else(|| misread(STABILITY.name, "`images`, a list", body))
}

/// Source: Amazon Bedrock user guide, "Stability.ai Diffusion models", as of October 2026.
fn names_a_filter(word: &str) -> bool {
    const FILTER: &str = "filter reason";
    let beginning = word.get(..FILTER.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(FILTER))
}

fn read_sdxl(body: &Value) -> Result<ParsedReply, Misread> {
    let wrong = || misread(SDXL.name, "`artifacts`, a list of images", body);
    let artifacts = list(body, "/artifacts").ok_or_else(wrong)?;
    let coded = artifacts.iter().filter_map(|it| it.get("base64"));
    let pictures = pictures(SDXL.name, coded)?;
    let words = artifacts.iter().filter_map(|it| text(it, "/finishReason"));
    judged(body, pictures, words, means_filtered).ok_or_else(wrong)
}

/// What came, by the words that came with it: one that is a filter's goes before all others. A word
/// that is neither that nor a success stays unknown, which [`super::Family::read`] takes for the
/// model's failure where no image came. `None` where nothing came, and no word for it.
fn judged<'v>(
    body: &Value,
    pictures: Vec<GeneratedImage>,
    words: impl Iterator<Item = &'v str>,
    is_filters: fn(&str) -> bool,
) -> Option<ParsedReply> {
    let unusual: Vec<&str> = words
        .filter(|word| !word.eq_ignore_ascii_case("success"))
        .collect();
    let filtered = unusual.iter().copied().find(|word| is_filters(word));
    match filtered.or(unusual.first().copied()) {
        None if pictures.is_empty() => None,
        None => Some(made(body, pictures, None)),
        Some(word) if filtered.is_some() => Some(made(body, pictures, Some(word))),
        Some(word) => Some(ParsedReply {
            finish_reason: FinishReason::Unknown,
            ..made(body, pictures, Some(word))
        }),
    }
}

/// What came, with `held_back` as the service's word where not all came that was asked for.
fn made(body: &Value, pictures: Vec<GeneratedImage>, held_back: Option<&str>) -> ParsedReply {
    let rest = rest(body, &["images", "artifacts", "error", "finish_reasons"]);
    ParsedReply {
        output: (!rest.is_empty()).then_some(Value::Object(rest)),
        finish_reason: match held_back {
            Some(_) => FinishReason::ContentFilter,
            None => FinishReason::Stop,
        },
        stop_reason: held_back.map(str::to_owned),
        images: pictures,
        ..ParsedReply::default()
    }
}

fn speaks_of_a_filter(problem: &str) -> bool {
    let problem = problem.to_lowercase();
    ["filter", "policy", "policies", "blocked"]
        .iter()
        .any(|word| problem.contains(word))
}

fn pictures<'v>(
    name: &str,
    coded: impl Iterator<Item = &'v Value>,
) -> Result<Vec<GeneratedImage>, Misread> {
    let is_there = |coded: &&Value| !coded.is_null() && coded.as_str() != Some("");
    let coded = coded.filter(is_there);
    let decode = |coded: &Value| {
        let bytes = coded.as_str().and_then(|coded| STANDARD.decode(coded).ok());
        let wrong = || Misread(format!("an image of {name} is not base64"));
        bytes
            .map(|bytes| GeneratedImage::new(bytes.into()))
            .ok_or_else(wrong)
    };
    coded.map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;

    #[test]
    fn images_are_billed_by_how_many_are_asked_for() {
        for (family, body, made) in [
            (
                "amazon-image",
                json!({"imageGenerationConfig": {"numberOfImages": 3}}),
                3,
            ),
            ("amazon-image", json!({}), 1),
            ("stability-image", json!({"samples": 3}), 1),
            ("stable-diffusion-xl", json!({"samples": 3}), 3),
        ] {
            let bill = Family::parse(family).unwrap().bill(&body);
            assert_eq!(bill, Some(images(Some(made))), "{family}: {body}");
        }
    }
}
