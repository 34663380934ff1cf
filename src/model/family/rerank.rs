//! Rerankers of Amazon and Cohere: the first text is the query, the others are its documents.
//!
//! Source: Amazon Bedrock user guide, "Supported models for reranking", as of October 2026;
//! whether Amazon's model wants `api_version` is not said there, so it is left out.

use serde_json::Value;

use super::embed::whole;
use super::json::{Body, list, misread};
use super::layout::{Answer, Counts, Form, Images, Layout, Stream};
use super::words::texts;
use super::{Misread, Parameters};
use crate::model::Reading;
use crate::prompt::Prompt;

pub(super) const LAYOUT: Layout = Layout {
    name: "rerank",
    serves: &["amazon.rerank", "cohere.rerank"],
    takes: &[],
    form: Form::Texts(2, 1001),
    images: Images::None,
    answer: Answer::Output,
    counts: Counts::InHeaders,
    body,
    read,
    stream: Stream::None,
};

/// Cohere's API knows two versions, and only the second is served.
const API_VERSION: u64 = 2;

fn body(prompt: &Prompt, _parameters: &Parameters, base: Option<&str>) -> Value {
    let mut documents = texts(prompt);
    let query = (!documents.is_empty()).then(|| documents.remove(0));
    let is_coheres = base.is_none_or(|base| base.starts_with("cohere."));
    Body::default()
        .maybe("query", query)
        .with("documents", documents)
        .maybe("api_version", is_coheres.then_some(API_VERSION))
        .finish()
}

fn read(body: &Value) -> Result<Reading, Misread> {
    list(body, "/results")
        .filter(|results| results.iter().all(|result| result.get("index").is_some()))
        .ok_or_else(|| misread(LAYOUT.name, "`results`, a list with indices", body))?;
    Ok(whole(body))
}
