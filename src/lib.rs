//! promptmill runs a file of prompts through a model on Amazon Bedrock.
//!
//! Prompts come in as an iterator of records ([`input`]); a template turns each into a prompt
//! ([`prompt`]), the model's family lays it out ([`family`]), and a row that can be sent leaves
//! [`rows`]; one loop owns everything that moves and turns every outcome into an event ([`run`]);
//! readers take each event: the store on disk ([`output`]), the display and the summary
//! ([`report`]). The network is behind [`model::Model`] ([`bedrock`]), the disk behind
//! [`run::Store`], and time is tokio's clock, so that the loop can be watched in paused time.
//!
//! ARCHITECTURE.md at the top of the repository says what each room holds and what it does not know.

mod alarm;
pub mod bedrock;
pub mod catalog;
pub mod cli;
pub mod exact;
pub mod exit;
pub mod family;
pub(crate) mod format;
pub mod input;
pub mod job;
pub mod model;
mod nearest;
pub mod output;
pub(crate) mod percent;
pub mod prompt;
pub mod report;
pub mod rows;
pub mod run;
pub mod url;
