//! From a job to its end: puts the rooms together. Knows neither the command line nor the terminal.
//!
//! [`open`] is the opening that `run`, `plan`, `check` and the library share; [`run`](mod@run) carries a job
//! out and tells what happens, and the caller shows it; [`job`] is the library's door.

mod auto_quota;
mod claim;
mod conclusion;
pub(crate) mod connect;
pub(crate) mod day;
mod failure;
pub(crate) mod finished;
pub(crate) mod job;
pub(crate) mod job_event;
pub(crate) mod job_summary;
mod lane_settings;
pub(crate) mod lanes;
mod limit_use;
mod notes;
pub(crate) mod open;
pub(crate) mod options;
pub(crate) mod plan;
mod resolve_arn;
pub(crate) mod responder;
pub(crate) mod run;
mod steering;
mod sweep_remarks;
pub(crate) mod told;
mod verdict;
mod work;

pub use failure::Failure;
pub(crate) use verdict::stopped;
