//! How many rows share a call: what the job asks for, and what model, rows and quota let it have.

use super::MismatchError;
use crate::family::{Family, Parameters};
use crate::prompt::PromptSource;
use crate::run::Sharing;

/// The most bytes of bodies that share a call. 96 texts of the 2,048 characters that Cohere Embed
/// v3 takes fit in it (Amazon Bedrock user guide, "Cohere Embed models", as of October 2026);
/// where texts are longer, the tokens per minute are used up long before the requests are.
const MOST_BYTES: usize = 256 << 10;

/// What a job says about rows that share a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsPerCall {
    /// Nothing: as many as the model takes.
    Most(usize),
    /// This many.
    Asked(usize),
}

impl RowsPerCall {
    /// Holds what was `asked` against what the family takes.
    ///
    /// # Errors
    /// Why so many rows cannot share a call, and what to do.
    pub(crate) fn settle(
        asked: Option<u32>,
        family: Family,
        parameters: &Parameters,
        is_guarded: bool,
    ) -> Result<Self, String> {
        let most = match is_guarded {
            // What it finds in one text would be said of all.
            true => 1,
            false => family.most_rows_in_a_call(&parameters.extra),
        };
        let Some(asked) = asked.and_then(|asked| usize::try_from(asked).ok()) else {
            return Ok(Self::Most(most));
        };
        if asked <= most {
            return Ok(Self::Asked(asked));
        }
        let name = family.name();
        Err(match family.most_rows_in_a_call(&Default::default()) {
            1 => format!("`{name}` answers one row a call: leave it out"),
            _ if is_guarded => {
                "a guardrail judges a call as a whole, so each row has its own: leave it out".into()
            }
            _ if most == 1 => format!(
                "`extra` puts more than the rows' texts into each call of `{name}`, so each row has \
                 its own: leave it out"
            ),
            most => format!("`{name}` takes {most} rows a call at most"),
        })
    }

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
