//! Models that were imported into the account: the reply tells by its shape which of the forms of
//! imported models it has.
//!
//! The prompt goes as it is, because the model's own template is not known here. A model that was
//! imported with its chat template also takes `openai-chat`, and a Llama `llama3`.
//!
//! Source: Amazon Bedrock user guide, "Invoke your imported model", as of October 2026.

use super::layout::{Layout, Stream};
use super::{raw, text_completion};

pub(super) const LAYOUT: Layout = Layout {
    name: "imported",
    serves: &[],
    read: raw::read,
    stream: Stream::ByShape,
    ..text_completion::LAYOUT
};
