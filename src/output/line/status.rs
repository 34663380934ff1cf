//! The status of a row, as in its line.

use serde::{Deserialize, Serialize};

use crate::model::FinishReason;
use crate::run::Outcome;

/// The word for it. A word that is none of these is that of an answer: a line of a later version is
/// not taken for a broken one, whose row would be paid for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::output) enum Status {
    /// It failed.
    Failed,
    /// Its response was filtered; it still has a response.
    Filtered,
    /// It succeeded.
    #[serde(other)]
    Succeeded,
}

impl Status {
    pub(in crate::output) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Failed(_) => Self::Failed,
            Outcome::Replied(reply) => Self::of_answer(reply.parsed.finish_reason),
        }
    }

    pub(super) fn of_answer(finish: FinishReason) -> Self {
        match finish {
            FinishReason::ContentFilter | FinishReason::Guardrail => Self::Filtered,
            FinishReason::Stop
            | FinishReason::Length
            | FinishReason::ToolCalls
            | FinishReason::ContextWindow
            | FinishReason::Unknown => Self::Succeeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_disk_stay_what_they_are() {
        for (status, word) in [
            (Status::Succeeded, "\"succeeded\""),
            (Status::Filtered, "\"filtered\""),
            (Status::Failed, "\"failed\""),
        ] {
            assert_eq!(serde_json::to_string(&status).unwrap(), word);
            assert_eq!(serde_json::from_str::<Status>(word).unwrap(), status);
        }
        let later: Status = serde_json::from_str("\"cached\"").unwrap();
        assert_eq!(later, Status::Succeeded);
    }
}
