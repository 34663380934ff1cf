//! Exports of an output: its records in the order of the input, in the shape that somebody reads.
//!
//! A first pass notes where each record is (sixteen bytes) and which fields there are; a second one reads
//! the records in order and writes them. The bytes depend on the records alone, not on the order in which
//! they completed. The output is only read.

mod conversation;
mod csv_cells;
mod error;
mod fields;
mod filter;
mod index;
mod left_out;
mod lines;
mod read;
mod record;
mod scores;
mod split;
mod table;
mod target;
mod training;

pub use csv_cells::Formulas;
pub use error::ExportError;
pub use filter::Condition;
pub use index::Order;
pub use left_out::LeftOut;
pub use split::DatasetSplit;
pub use table::{ExportCounts, ExportFormat, Failed, Table};
pub use target::ExportTarget;
pub use training::{Training, TrainingCounts, TrainingShape};
