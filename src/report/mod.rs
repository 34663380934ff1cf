//! What people see of a run: the live display, its figures, and the summary at its end.

pub mod display;
pub(crate) mod failures;
pub mod metrics;
pub(crate) mod page;
pub mod progress;
mod rate;
pub mod summary;
mod timeline;
