//! Scores of an output: checks on every record, counted by group, without a call.
//!
//! A file of checks says what is right ([`Checks`]). Each record that succeeded is checked; failed
//! and filtered rows, and records without the value that a check needs, are counted apart and never
//! as wrong. What is counted is kept per group and, where one row has several samples or two groups
//! are compared, per row: some bytes each.

mod check;
mod checks;
mod compare;
mod file;
mod judged;
mod number;
mod record;
pub mod statistics;
mod table;
mod tally;
mod value;

pub use check::{CheckOutcome, CheckVerdict};
pub use checks::{Checks, ChecksError};
pub use compare::Comparison;
pub use file::{ScoreError, Scores, score};
pub use judged::{Judged, JudgedError};
pub use table::table;
pub use tally::{Group, ScoreTally, Scored, UnknownVariant};
