//! Which parameters there are places for, and in what range.
//!
//! Only ranges that the service's documents insist on are in the families' files: what they do not
//! limit is left to the service.

use super::Family;
use super::Parameter;

/// Answers are cut here unless the job says otherwise: Bedrock reserves all of it from the
/// tokens-per-minute quota for every call in flight, so a generous default costs pace.
pub(super) const DEFAULT_MAX_TOKENS: u32 = 1024;

/// A parameter that a family takes, and the values it may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranges {
    /// Which parameter.
    pub parameter: Parameter,
    /// The least and the greatest value, where the service insists on them.
    pub range: Option<(f64, f64)>,
}

pub(super) const fn any(parameter: Parameter) -> Ranges {
    Ranges {
        parameter,
        range: None,
    }
}

pub(super) const fn within(parameter: Parameter, least: f64, most: f64) -> Ranges {
    Ranges {
        parameter,
        range: Some((least, most)),
    }
}

impl Family {
    /// The parameters this family takes. What the documents do not limit is left to the service.
    pub fn takes(self) -> &'static [Ranges] {
        self.layout().takes
    }
}
