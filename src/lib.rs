//! promptmill runs a file of prompts through a model on Amazon Bedrock: at the speed of the quota,
//! within a budget, without losing a response.
//!
//! This is the library behind the command line. A [`Job`] has the keys of a job file; it is planned
//! without a call, and run; what completed stays in its output, where the next run resumes.
//!
//! ```no_run
//! use promptmill::{Error, Job, JobEvent, RunOptions};
//!
//! async fn label(folder: &str) -> Result<(), Error> {
//!     let job = Job::from_file("jobs/quickstart.toml")?
//!         .set("model.max_tokens", 32)?
//!         .set("output.path", format!("{folder}/labels.jsonl"))?;
//!     let options = RunOptions::default();
//!
//!     let plan = job.plan(&options).await?;
//!     println!(
//!         "{} calls, about ${:.4}",
//!         plan.calls,
//!         plan.cost_usd.expected.unwrap_or(0.0)
//!     );
//!
//!     let summary = job
//!         .run(&options, |event| {
//!             if let JobEvent::Row(row) = event {
//!                 println!(
//!                     "{}: {:?} {}",
//!                     row.row,
//!                     row.status,
//!                     row.completion.unwrap_or("")
//!                 );
//!             }
//!         })
//!         .await?;
//!     println!("{summary}");
//!     assert_eq!(summary.succeeded, 24);
//!     Ok(())
//! }
//! ```
//!
//! # Stability
//!
//! What this page lists is the interface: [`Job`], [`RunOptions`], [`JobEvent`], [`JobPlan`],
//! [`Summary`], [`Error`], and the types in them. As long as the version is 0.x, a minor version may
//! change it, and says so in the changelog; what is on disk and the keys of jobs only ever grow.
//! Modules that are not listed are public for the binary, its tests and its benchmarks alone, and may
//! change with any version.

mod alarm;
#[doc(hidden)]
pub mod bedrock;
mod blocking;
#[doc(hidden)]
pub mod catalog;
#[doc(hidden)]
pub mod cli;
mod engine;
mod event;
#[doc(hidden)]
pub mod exact;
#[doc(hidden)]
pub mod exit;
#[doc(hidden)]
pub mod export;
#[doc(hidden)]
pub mod family;
pub(crate) mod format;
#[doc(hidden)]
pub mod input;
#[doc(hidden)]
pub mod job;
mod json_cost;
#[doc(hidden)]
pub mod model;
mod nearest;
#[doc(hidden)]
pub mod output;
pub(crate) mod percent;
#[doc(hidden)]
pub mod prompt;
mod record_id;
mod replacement;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rows;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod schema;
#[doc(hidden)]
pub mod score;
mod stderr;
#[doc(hidden)]
pub mod url;

pub use engine::Failure as Error;
pub use engine::job::Job;
pub use engine::job_event::{JobEvent, ProgressEvent, RowEvent, RowStatus};
pub use engine::job_summary::{JobPlan, Summary};
pub use engine::options::{RunOptions, StopHandle};
pub use exit::Exit;
pub use output::{Existing, Locks};
pub use rows::forecast::Cases;
pub use rows::{Changed, Only};
