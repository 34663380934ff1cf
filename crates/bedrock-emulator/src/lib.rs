#![doc = include_str!("../README.md")]
//!
//! # How a call is answered
//!
//! A call passes through these, in this order, and each may refuse it:
//!
//! - `wire`: the path, the presence of a signature, the size and type of the body; `terms`: the
//!   other headers;
//! - `directory`: what the model id or ARN names;
//! - `layout`: whether the body is one that model takes, and what it asks;
//! - `quota`: whether the account's requests and tokens still allow it ([`Quota`]);
//! - `faults`: whether the [`Scenario`] wants it to fail ([`FaultRule`]);
//! - `prompt_cache`: what of its input is cached ([`PromptCache`]);
//! - `words`: the completion, which depends on the model and the prompt alone.
//!
//! Service Quotas answers on the same port, with the scenario's quotas; so does the control plane,
//! with the models that a region has. Both read data of this crate (`data/`), source and date at
//! their top.

mod bucket;
mod control_plane;
mod directory;
mod event_stream;
mod fault_kind;
mod faults;
mod glob;
mod instance;
mod layout;
mod line;
mod measure;
mod prompt_cache;
mod quota;
mod quota_names;
mod refusal;
mod regions;
mod rehearsal;
mod reply;
mod scenario;
mod schema;
mod sent;
mod server;
mod service;
mod service_quotas;
mod stats;
mod streamed;
mod tenant;
mod terms;
mod wire;
mod words;

pub use control_plane::ControlPlane;
pub use fault_kind::FaultKind;
pub use faults::FaultRule;
pub use measure::{Latency, Output};
pub use prompt_cache::PromptCache;
pub use quota::Quota;
pub use rehearsal::{Answered, Rehearsal};
pub use scenario::{Scenario, ScenarioError};
pub use sent::HangUp;
pub use server::{BindError, Emulator, EmulatorHandle};
pub use service_quotas::ServiceQuotas;
pub use stats::{Counts, Stats};
pub use tenant::Tenant;
pub use terms::Guardrail;

#[cfg(test)]
mod tests;
