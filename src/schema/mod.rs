//! Structured output, as far as it is a matter of JSON alone: whether a text is a usable schema, what
//! of it is sent to a service, how a response is read and repaired, and whether it is valid.
//!
//! Nothing here knows how a family lays out a request, or what a run does with an invalid response.

mod errors;
mod judge;
mod mode;
mod reduce;
mod references;
mod repair;
mod tolerant;
mod validate;

pub use judge::Judge;
pub use mode::{Choice, ModeInputs, Ways, choose};
pub use reduce::{Reduced, reduce};
pub use repair::{FoundValue, find};
pub use validate::{Schema, SchemaProblem};
