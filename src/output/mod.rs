//! What becomes of a run: lines on disk, a display for people, a summary at the end.
//!
//! Everything here is told what happened and never asks where it came from.

mod claim;
mod disk;
pub mod display;
mod error;
mod ledger;
pub mod lessons;
mod line;
mod lock;
mod look;
mod mode;
mod mount;
pub(crate) mod past;
pub mod paths;
mod pictures;
pub mod progress;
mod rate;
mod repair;
mod reparse;
mod rewrite;
mod run_file;
mod scan;
mod standing;
pub mod summary;
pub mod tally;
pub(crate) mod text;

pub use claim::{Claim, Existing, Locks};
pub use error::LedgerError;
pub use ledger::{Durability, InFlight, Ledger, Manner};
pub use line::{KeepRaw, Stamp};
pub use lock::Holder;
pub use look::Look;
pub use mode::Mode;
pub use past::{Mended, Past, PastRow, TornTail};
pub use paths::OutputPaths;
pub use repair::{Repaired, TakenLines, repair};
pub use reparse::{KeptBody, Reparsed, Understood, reparse};
pub use standing::{Place, State, killed};
pub use tally::Tally;
