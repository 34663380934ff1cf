//! Rerankers of Amazon and Cohere: the first text is the query, the others are its documents.
//!
//! Source: Amazon Bedrock user guide, "Supported models for reranking", as of October 2026;
//! whether Amazon's model wants `api_version` is not said there, so it is left out.

use serde_json::Value;

use super::embed::whole;
use super::json::{BodyBuilder, list, misread, text};
use super::layout::{Billed, Counts, Form, Layout, ResponseKind};
use super::vocabulary::texts;
use super::{Misread, Parameters};
use crate::model::{Bill, Metered, Units};
use crate::model::{ParsedReply, Prompt};

pub(super) const LAYOUT: Layout = Layout {
    serves: &["amazon.rerank", "cohere.rerank"],
    form: Form::Texts(2, 1001),
    answer: ResponseKind::Output,
    counts: Counts::InHeaders,
    billed: Billed::ByRequest(bill),
    ..Layout::new("rerank", body, read)
};

/// A query that is billed has up to so many documents, or parts of them. Source: Amazon Bedrock user
/// guide, "Pricing and search units", as of October 2026.
const DOCUMENTS_A_QUERY: u64 = 100;

/// A document of more tokens is cut into parts. Source: Cohere, "Rerank", as of October 2026.
const TOKENS_A_PART: u64 = 510;

/// Cohere's API knows two versions, and only the second is served.
const API_VERSION: u64 = 2;

fn body(prompt: &Prompt, _parameters: &Parameters, base: Option<&str>) -> Value {
    let mut documents = texts(prompt);
    let query = (!documents.is_empty()).then(|| documents.remove(0));
    let is_coheres = base.is_none_or(|base| base.starts_with("cohere."));
    BodyBuilder::default()
        .maybe("query", query)
        .with("documents", documents)
        .maybe("api_version", is_coheres.then_some(API_VERSION))
        .finish()
}

fn read(body: &Value) -> Result<ParsedReply, Misread> {
    list(body, "/results")
        .filter(|results| results.iter().all(|result| result.get("index").is_some()))
        .ok_or_else(|| misread(LAYOUT.name, "`results`, a list with indices", body))?;
    Ok(whole(body))
}

/// At least a query, and no more parts than bytes of the documents make: a token is at least a byte,
/// and each part repeats the query.
fn bill(body: &Value) -> Option<Bill> {
    let documents = list(body, "/documents")?;
    let query = text(body, "/query").map_or(0, str::len) as u64;
    let room = TOKENS_A_PART.saturating_sub(query).max(1);
    let parts = |document: &Value| {
        let text = document.as_str().map(str::len);
        let bytes = text.unwrap_or_else(|| document.to_string().len());
        (bytes as u64).div_ceil(room).max(1)
    };
    let queries = |parts: u64| Units {
        queries: parts.div_ceil(DOCUMENTS_A_QUERY).max(1),
        ..Units::NONE
    };
    Some(Bill {
        tokens: Metered::Free,
        least: queries(documents.len() as u64),
        most: queries(documents.iter().map(parts).sum()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(documents: usize, bytes: usize, least: u64, most: u64) {
        let body =
            json!({"query": "q".repeat(10), "documents": vec!["d".repeat(bytes); documents]});
        let bill = bill(&body).expect("billed");
        assert_eq!((bill.least.queries, bill.most.queries), (least, most));
    }

    #[test]
    fn a_query_has_a_hundred_documents_and_long_ones_count_more_than_once() {
        check(1, 20, 1, 1);
        check(100, 500, 1, 1);
        check(101, 500, 2, 2);
        check(100, 501, 1, 2);
        check(10, 5_000, 1, 1);
        check(1000, 10, 10, 10);
    }
}
