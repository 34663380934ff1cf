//! What becomes of a run: lines on disk, a display for people, a summary at the end.
//!
//! Everything here is told what happened and never asks where it came from.

mod claim;
pub mod display;
mod error;
mod ledger;
pub mod lessons;
mod line;
mod look;
pub(crate) mod past;
pub mod paths;
mod pictures;
mod rate;
pub mod summary;
pub mod tally;
pub(crate) mod text;

pub use claim::{Claim, Existing};
pub use error::LedgerError;
pub use ledger::Ledger;
pub use line::{KeepRaw, Stamp};
pub use look::Look;
pub use past::{Past, PastRow};
pub use paths::OutputPaths;
pub use tally::Tally;
