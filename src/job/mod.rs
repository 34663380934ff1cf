//! The job: as it is typed, and as it will be run.
//!
//! [`keys`] lists every key once; the flags, the help, the check of a job file and the reference
//! in the README all come from it. [`file`](mod@file) is what was typed, silly or not; [`Plan`] is
//! complete and checked, and nothing downstream has to ask again.

pub mod clock;
pub mod expand;
pub mod file;
pub mod keys;
mod plan;
pub mod small;
mod sweep;

pub use clock::{LimitWindow, WindowLimits, limits_at};
pub use file::{JobError, JobFile, PinnedPath};
pub use plan::{
    Endpoint, MaxFailures, Plan, QuotaSource, RowsPerCall, SchemaPlan, is_share, is_url, region,
    rows_or_share, shown_url, time, url_advice,
};
pub use sweep::{OnRefused, PlannedVariant, SweepCells, SweepPlan, VariantJob};
