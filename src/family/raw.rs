//! No layout of its own: the row brings the body, and the answer is found by its shape.
//!
//! Serves opaque ARNs, models that are newer than this program, and imported models, which answer in
//! one of several shapes whatever their name.

use serde_json::Value;

use super::chunk::Chunk;
use super::embed::{holds_something, whole};
use super::json::{BodyBuilder, at, list, misread};
use super::layout::{Form, Images, Layout, Several, Stream};
use super::{Family, Misread};
use crate::model::ParsedReply;

pub(super) const LAYOUT: Layout = Layout {
    form: Form::Body,
    images: Images::InBody,
    stream: Stream::ByShape,
    several: Several::Streamed,
    ..Layout::new("raw", |_, _, _| BodyBuilder::default().finish(), read)
};

/// What only one family's replies have, most telling first.
const REPLIES: [(&str, Family); 20] = [
    ("/choices/0/message", Family::OpenaiChat),
    ("/choices/0/text", Family::TextCompletion),
    ("/output/message", Family::Nova),
    ("/generation", Family::Llama3),
    ("/generations/0/text", Family::Command),
    ("/completions/0/data/text", Family::Jurassic),
    ("/outputs/0/text", Family::MistralText),
    ("/results/0/outputText", Family::TitanText),
    // What a filter leaves of a reply may be its reason alone.
    ("/stopReason", Family::Nova),
    ("/generations/0/finish_reason", Family::Command),
    ("/results/0/completionReason", Family::TitanText),
    ("/embedding", Family::TitanEmbedText),
    ("/embeddingsByType", Family::TitanEmbedText),
    ("/artifacts", Family::StableDiffusionXl),
    ("/finish_reasons", Family::StabilityImage),
    ("/images", Family::AmazonImage),
    ("/content", Family::ClaudeMessages),
    ("/completion", Family::ClaudeText),
    // Many an error says `message` or `text`; only these say why they stopped beside it.
    ("/finishReason", Family::Pegasus),
    ("/finish_reason", Family::CommandR),
];

/// What only one family's chunks have, most telling first.
const CHUNKS: [(&str, Family); 15] = [
    ("/outputText", Family::TitanText),
    ("/event_type", Family::CommandR),
    ("/type", Family::ClaudeMessages),
    ("/messageStart", Family::Nova),
    ("/contentBlockStart", Family::Nova),
    ("/contentBlockDelta", Family::Nova),
    ("/messageStop", Family::Nova),
    ("/choices/0/text", Family::TextCompletion),
    ("/choices", Family::OpenaiChat),
    ("/outputs", Family::MistralText),
    ("/generation", Family::Llama3),
    ("/completion", Family::ClaudeText),
    ("/is_finished", Family::Command),
    ("/message", Family::Pegasus),
    ("/finishReason", Family::Pegasus),
];

/// The family whose chunks look like this one.
pub(super) fn family_of(chunk: &Chunk<'_>) -> Option<Family> {
    let has = |(pointer, _): &&(&str, Family)| at(chunk, pointer).is_some();
    CHUNKS.iter().find(has).map(|(_, family)| *family)
}

/// Whether nothing can be told from a chunk: any server may send choices that are none before the
/// first, or behind the last.
pub(super) fn tells_no_shape(chunk: &Chunk<'_>) -> bool {
    family_of(chunk) == Some(Family::OpenaiChat)
        && list(chunk, "/choices").is_some_and(<[_]>::is_empty)
}

/// Keys of replies that are no text and whose family they do not tell.
const OUTPUTS: [&str; 3] = ["embeddings", "data", "results"];

/// The families whose responses look like this one, the likeliest first.
fn families_of_reply(body: &Value) -> impl Iterator<Item = Family> {
    let has = |(pointer, _): &&(&str, Family)| body.pointer(pointer).is_some();
    REPLIES.iter().filter(has).map(|(_, family)| *family)
}

/// The family that reads this response.
pub(super) fn family_of_reply(body: &Value) -> Option<Family> {
    families_of_reply(body).find(|family| (family.layout().read)(body).is_ok())
}

/// Reads a response of any family.
pub(super) fn read(body: &Value) -> Result<ParsedReply, Misread> {
    families_of_reply(body)
        .find_map(|family| (family.layout().read)(body).ok())
        .or_else(|| output(body))
        .ok_or_else(|| {
            misread(
                "any family known",
                "text, an embedding or a list of results",
                body,
            )
        })
}

fn output(body: &Value) -> Option<ParsedReply> {
    let holds = |key: &&&str| body.get(**key).is_some_and(holds_something);
    OUTPUTS.iter().find(holds).map(|_| whole(body))
}
