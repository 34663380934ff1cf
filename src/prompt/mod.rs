//! From a record to a prompt: a template, a column, a list of messages, or a body as it is.
//!
//! A [`PromptSpec`] says where prompts come from; a [`Prompter`] is one that was checked against the
//! fields of the input, and turns each record into [`crate::model::Content`]. What the data holds is never read
//! as a template. Knows nothing of model families: how a prompt is laid out is theirs.

mod blocks;
mod error;
mod field;
mod messages;
mod names;
mod prompter;
mod template;

pub use error::PromptError;
pub use prompter::{PromptSource, PromptSpec, Prompter};
