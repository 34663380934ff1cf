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
mod connection;
mod control_plane;
mod event_body;
mod event_stream;
mod fault_kind;
mod faults;
mod generate;
mod glob;
mod in_process;
mod instance;
mod layout;
mod measures;
mod model_ids;
mod prompt_cache;
mod quota;
mod quota_names;
mod regions;
mod reply;
mod reply_body;
mod request_options;
mod scenario;
mod schema;
mod server;
mod service;
mod service_error;
mod service_quotas;
mod stats;
mod tenant;
mod wire;

pub use control_plane::ControlPlane;
pub use fault_kind::FaultKind;
pub use faults::FaultRule;
pub use in_process::{InProcess, Reply};
pub use measures::{Latency, Output};
pub use prompt_cache::PromptCache;
pub use quota::Quota;
pub use reply_body::HangUp;
pub use request_options::{Filter, Guardrail};
pub use scenario::{Scenario, ScenarioError};
pub use server::{BindError, Emulator, EmulatorHandle};
pub use service_quotas::ServiceQuotas;
pub use stats::{Counts, Stats};
pub use tenant::Tenant;

#[cfg(test)]
mod tests;
