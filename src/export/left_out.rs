//! Why records are left out of training data.

/// Why a record is not exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Its row was filtered.
    Filtered,
    /// A condition does not hold.
    Where,
    /// It did not pass a check, or has no verdict.
    Passed,
    /// It has no completion.
    NoCompletion,
    /// Its prompt has images, documents or tools.
    MoreThanText,
    /// Its prompt has instructions after the first turn.
    LateInstructions,
    /// User and assistant do not alternate in its prompt.
    Turns,
}

impl LeftOut {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filtered => "filtered",
            Self::Where => "where",
            Self::Passed => "passed",
            Self::NoCompletion => "no_completion",
            Self::MoreThanText => "more_than_text",
            Self::LateInstructions => "late_instructions",
            Self::Turns => "turns",
        }
    }

    /// What a person is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::Filtered => "filtered",
            Self::Where => "left out by --where",
            Self::Passed => "left out by --passed",
            Self::NoCompletion => "left out without a completion",
            Self::MoreThanText => "left out with more than text in the prompt",
            Self::LateInstructions => "left out with instructions after the first turn",
            Self::Turns => "left out because user and assistant do not alternate",
        }
    }
}
