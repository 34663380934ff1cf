//! How many rows share a call: what the job asks for, and what model, rows and quota let it have.

use super::MismatchError;
use crate::job::RowsPerCall;
use crate::prompt::PromptSource;
use crate::run::Sharing;

/// The most bytes of bodies that share a call. 96 texts of the 2,048 characters that Cohere Embed
/// v3 takes fit in it (Amazon Bedrock user guide, "Cohere Embed models", as of October 2026);
/// where texts are longer, the tokens per minute are used up long before the requests are.
const MOST_BYTES: usize = 256 << 10;

impl RowsPerCall {
    /// How many rows may share a call where prompts come from `source`.
    ///
    /// # Errors
    /// Rows that do not bring one text each were asked to share calls.
    pub(crate) fn of(self, source: &PromptSource) -> Result<usize, MismatchError> {
        let bring = match source {
            PromptSource::Template(_) | PromptSource::Column(_) => None,
            PromptSource::Messages(_) => Some("conversations"),
            PromptSource::Texts(_) => Some("lists of texts"),
            PromptSource::Body(_) => Some("whole bodies"),
        };
        match (bring, self) {
            (None, Self::Most(rows) | Self::Asked(rows)) => Ok(rows),
            (Some(_), Self::Most(_) | Self::Asked(1)) => Ok(1),
            (Some(bring), Self::Asked(_)) => Err(MismatchError::NotShared { bring }),
        }
    }
}

/// How `rows` rows at most may share a call under a quota of so many tokens a minute. No call of
/// several rows is larger than the minute: a token is at least a byte.
pub(crate) fn sharing(rows: usize, tokens_per_minute: Option<u64>) -> Sharing {
    let minute = tokens_per_minute.and_then(|tokens| usize::try_from(tokens).ok());
    Sharing {
        rows,
        bytes: MOST_BYTES.min(minute.unwrap_or(MOST_BYTES)),
    }
}
