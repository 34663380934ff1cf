//! The way to the service: how much of an answer is taken in, and what a broken way means.

use std::error::Error;

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::{BoxError, SdkError};
use aws_smithy_types::body::SdkBody;
use http_body_util::{LengthLimitError, Limited};

use super::error::{WAYS, causes};
use crate::model::{Category, Fault};

/// The longest answer that is taken in. InvokeModel's own are at most 25,000,000 bytes (its API
/// reference, read 2026-11-22); what is longer was sent by something else.
pub(crate) const LONGEST_ANSWER: usize = 32 << 20;

/// The longest stream that is taken in. Its chunks have at most [`LONGEST_ANSWER`] together, and
/// come with frames, padding and in base64; a chunk is not counted before all of it is there.
const LONGEST_STREAM: usize = 4 * LONGEST_ANSWER;

/// The longest error that is taken in. The service's own are a sentence or two; what is longer is
/// somebody's page, and of every call in flight there may be one.
const LONGEST_ERROR: usize = 1 << 20;

/// Breaks an answer off that is too long, before it fills the memory.
#[derive(Debug)]
pub(crate) struct BoundedAnswer {
    longest: usize,
}

impl BoundedAnswer {
    /// For answers that come whole.
    pub(crate) const WHOLE: Self = Self {
        longest: LONGEST_ANSWER,
    };

    /// For answers that come in chunks.
    pub(crate) const STREAMED: Self = Self {
        longest: LONGEST_STREAM,
    };
}

impl Intercept for BoundedAnswer {
    fn name(&self) -> &'static str {
        "bounded answer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let says = response.headers().get("content-length");
        let says = says.and_then(|length| length.parse().ok()).unwrap_or(0);
        // What says beforehand that it is too long is not begun with.
        let longest = match response.status().is_success() {
            true => self.longest,
            false => LONGEST_ERROR,
        };
        let most = if longest < says { 0 } else { longest };
        let body = Limited::new(response.take_body(), most);
        *response.body_mut() = SdkBody::from_body_1_x(body);
        Ok(())
    }
}

/// What is said of an answer past [`LONGEST_ANSWER`].
pub(crate) fn too_long() -> String {
    let longest = LONGEST_ANSWER >> 20;
    format!("the response is longer than {longest} MiB, more than any model returns")
}

/// Whether an answer or an error was broken off because of its length.
pub(crate) fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    cause::<LengthLimitError>(error).is_some()
}

/// What is said of an error past [`LONGEST_ERROR`].
pub(crate) fn too_long_error(raw: &HttpResponse) -> String {
    let longest = LONGEST_ERROR >> 20;
    format!("{}, of more than {longest} MiB", page(raw))
}

/// What it means that no whole answer came.
pub(crate) fn broken<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: Error + Send + Sync + 'static,
{
    if is_too_long(error) {
        return Fault {
            status_code: error.raw_response().map(|raw| raw.status().as_u16()),
            maybe_billed: true,
            ..Fault::local(Category::BadResponse, too_long())
        };
    }
    let said = unwrapped(error);
    let fault = match said.contains(NO_ADDRESS) {
        true => Fault::on_the_way(&no_address(&said)),
        false => Fault::on_the_way(&said),
    };
    Fault {
        maybe_billed: was_sent(error),
        ..fault
    }
}

/// What hyper and the standard library say where a name has no address.
const NO_ADDRESS: &str = "failed to lookup address information: ";

/// The system's own words come first, and the way to them is left out: they are cut on a terminal.
fn no_address(said: &str) -> String {
    let why = said
        .rsplit_once(NO_ADDRESS)
        .map_or(said, |(_, system)| system);
    format!("dns error: {why}; {WAYS}")
}

/// What the SDK puts before what happened, and says nothing itself.
const WRAPPERS: [&str; 5] = [
    "dispatch failure: ",
    "response error: ",
    "io error: ",
    "other: ",
    "timeout: ",
];

/// What happened, without the SDK's words around it.
pub(crate) fn unwrapped<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + Send + Sync + 'static,
{
    let whole = causes(error);
    let said = WRAPPERS.iter().fold(whole.as_str(), |said, wrapper| {
        said.trim_start_matches(wrapper)
    });
    said.to_owned()
}

/// Whether the service may have begun to work: a connection was there, and the request was not
/// taken back before it was written.
fn was_sent<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: Error + Send + Sync + 'static,
{
    matches!(error, SdkError::ResponseError(_))
        || cause::<hyper::Error>(error).is_some_and(|http| !http.is_canceled() && !http.is_user())
}

/// What an error says that is not in the service's own form: a proxy's page, an empty body.
pub(crate) fn unsigned(raw: &HttpResponse) -> String {
    let page = page(raw);
    format!("{page} and no message, as from a proxy or gateway on the way")
}

fn page(raw: &HttpResponse) -> String {
    let status = raw.status().as_u16();
    let kind = raw.headers().get("content-type").unwrap_or("no content");
    let kind = kind.split(';').next().unwrap_or_default();
    format!("HTTP {status} with {kind}")
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
