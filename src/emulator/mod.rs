//! A Bedrock Runtime endpoint on loopback, for trying, testing and rehearsing.
//!
//! Any AWS SDK can point at it. A call passes through these, in this order, and each may refuse:
//!
//! - [`wire`]: the path, the signature's presence, the size and type of the body; [`terms`]: the
//!   other headers;
//! - [`directory`]: what the model id or ARN names;
//! - [`layout`]: whether the body is one that model takes, and what it asks;
//! - [`quota`]: whether the account's requests and tokens still allow it;
//! - [`faults`]: whether the [`Scenario`] wants it to fail;
//! - [`prompt_cache`]: what of its input was there already;
//! - [`words`]: the answer, the same for the same model and prompt.
//!
//! Service Quotas answers on the same port, with the scenario's quotas: [`service_quotas`]; so does
//! the control plane, with the models that a region has: [`control_plane`].
//!
//! The emulator is the other side of the wire: it shares no code with the runner's families or
//! its reading of model ids, so that each checks the other. It is deterministic in everything but
//! request ids and the order in which calls arrive.

mod bucket;
mod control_plane;
mod directory;
mod event_stream;
mod fault_kind;
mod faults;
mod glob;
mod layout;
mod line;
mod measure;
mod prompt_cache;
mod quota;
mod refusal;
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
pub use server::{BindError, Emulator};
pub use service_quotas::ServiceQuotas;
pub use stats::{Counts, Stats};
pub use tenant::Tenant;
pub use terms::Guardrail;

#[cfg(test)]
mod tests;
