//! The output of a run on disk: its lines, what earlier runs left, the lock, repair.
//!
//! It receives completed rows and does not know where they come from.

mod claim;
mod disk;
mod earlier_replies;
mod error;
mod holder;
mod images;
mod inspect;
mod journal;
mod ledger;
mod line;
mod lock;
mod mode;
mod mount;
mod old_lines;
mod pace_file;
pub mod paths;
mod read_back;
mod records;
mod repair;
mod reparse;
pub(crate) mod resume;
mod rewrite;
mod row_name;
mod run_file;
mod scan;
mod standing;
mod state;
pub mod statistics;
mod status;
pub mod tally;

pub use claim::{Claim, Existing, Locks};
pub use earlier_replies::{EarlierReply, earlier_replies};
pub use error::LedgerError;
pub use holder::Holder;
pub use inspect::Inspection;
pub use ledger::{Durability, InFlight, Ledger, LedgerSettings};
pub use line::{KeepRaw, RecordError, Stamp};
pub use mode::Mode;
pub use mount::lock_remark;
pub use old_lines::{OldLine, old_lines};
pub use pace_file::{PaceFile, PaceRecord, left_of_day};
pub use paths::OutputPaths;
pub use read_back::read_back;
pub use records::{NotARecord, RecordFigures, RecordLine, each_record, each_record_line};
pub use repair::{RemovedLines, Repaired, repair};
pub use reparse::{KeptBody, Reparsed, Reread, Understood, reparse};
pub use resume::{EarlierRow, EarlierRows, EarlierVariant, TailFix, TornTail};
pub use row_name::RowName;
pub use run_file::{LastRun, OnlyRun, RecordedSettings, last_run, write_run_file};
pub use standing::{RunFilePlace, killed, stop};
pub use state::RecordedState;
pub use status::{OutputStatus, RunCondition, run_files};
pub use tally::Tally;
