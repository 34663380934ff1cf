//! Why an input and a job do not fit.

use crate::input::InputError;
use crate::prompt::PromptError;

/// Why an input and a job do not fit.
#[derive(Debug, thiserror::Error)]
pub enum MismatchError {
    /// The id field or a kept field.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A model whose body layout is not known.
    #[error(
        "`{model}` has an unknown request format{hint}: give a known one with --family ({families}), \
         or send whole bodies with --body FIELD"
    )]
    NoLayout {
        /// The model id.
        model: String,
        /// The model that may have been meant.
        hint: String,
        /// The families there are.
        families: String,
    },
    /// Several texts for a model that answers one prompt.
    #[error(
        "`texts`: {family} takes one prompt per row; lists of texts are for embedding and rerank models"
    )]
    NoTexts {
        /// The family.
        family: &'static str,
    },
    /// Rows of more than a text, or less, that are to share calls.
    #[error(
        "`model.rows_per_call`: rows that bring {bring} have a call each; only rows of one text, of a \
         template or a column, can share one: leave it out"
    )]
    NotShared {
        /// What the rows bring.
        bring: &'static str,
    },
    /// A model that wants more than a prompt.
    #[error(
        "`{model}` requires {what} besides the prompt: give it in [model.extra] (--extra) if it is \
         the same for all rows, or send whole bodies with --body FIELD; --force sends the prompt alone"
    )]
    Lacks {
        /// The model id.
        model: String,
        /// The keys it wants.
        what: String,
    },
    /// One variant of a sweep.
    #[error("variant {variant}: {mismatch}")]
    Variant {
        /// Its name.
        variant: String,
        /// What does not fit.
        mismatch: Box<MismatchError>,
    },
    /// A key that asks something of the model beside bodies that are sent as they are.
    #[error("`{key}`: bodies are sent as they are; write it into the bodies")]
    IdleKey {
        /// The key.
        key: &'static str,
    },
}

impl MismatchError {
    /// The mismatch itself, whichever variant of a sweep it is of.
    pub(crate) fn of_variant(&self) -> &Self {
        if let Self::Variant { mismatch, .. } = self {
            return mismatch.of_variant();
        }
        self
    }
}
