//! Why no prompt can be made of any record.

use crate::input::InputError;

/// A prompt specification that does not fit its input, or itself.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The template engine cannot read it.
    #[error("{what} line {line}: {problem}{hint}")]
    Syntax {
        /// `template` or `system`.
        what: &'static str,
        /// Where, from 1.
        line: usize,
        /// What the engine said.
        problem: String,
        /// How a name that is not an identifier is written.
        hint: String,
    },
    /// A variable that no record has.
    #[error("{what} line {line}: no column `{name}`{hint}; columns here: {columns}")]
    UnknownVariable {
        /// `template` or `system`.
        what: &'static str,
        /// Where, from 1.
        line: usize,
        /// The variable.
        name: String,
        /// The nearest column, or how a name that is not an identifier is written.
        hint: String,
        /// The columns there are.
        columns: String,
    },
    /// The column that the job names is not there.
    #[error(transparent)]
    Column(#[from] InputError),
    /// The job does not say where prompts come from, and the input has no usual column.
    #[error(
        "the input has no `prompt` column; columns here: {columns}; \
         say which with --column NAME or write --template '{{{{ NAME }}}}'{advice}"
    )]
    NoSource {
        /// The columns there are.
        columns: String,
        /// Where prompts may be inside of them, as `; …`.
        advice: String,
    },
    /// A system prompt beside bodies that are sent as they are.
    #[error(
        "`system` cannot be added to a body that is sent as it is; put it in the bodies, or use `messages`"
    )]
    SystemBesideBody,
}
