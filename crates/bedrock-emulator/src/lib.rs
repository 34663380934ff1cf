#![doc = include_str!("../README.md")]
//!
//! # How a call is answered
//!
//! A call passes through these modules in this order; each may reject it:
//!
//! - `wire`: path, presence of a signature, size and type of the body; `request_options`: the other
//!   headers;
//! - `model_ids`: which model an id or ARN names;
//! - `layout`: whether the model accepts the body, and what the body asks for;
//! - `quota`: whether the account's quotas admit the call ([`Quota`]);
//! - `faults`: whether the [`Scenario`] makes it fail ([`FaultRule`]);
//! - `prompt_cache`: how much of the input is cached ([`PromptCache`]);
//! - `generate`: the completion, which depends only on the model and the prompt.
//!
//! Service Quotas and the control plane answer on the same port: with the scenario's quotas, and with
//! the models that a region offers. Both read data of this crate (`data/`); each file begins with its
//! source and date.

mod answers;
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
mod pattern;
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
