//! How a call is made, whatever its body: the headers that InvokeModel and
//! InvokeModelWithResponseStream share, and which of the two it is.

use std::time::Duration;

/// What a call asks of the service beside its body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RequestOptions {
    /// The guardrail that checks prompt and answer.
    pub guardrail: Option<Guardrail>,
    /// `ENABLED`, `ENABLED_FULL` or `DISABLED`: whether a guardrail tells what it found.
    pub trace: Option<String>,
    /// `standard` or `optimized`.
    pub latency: Option<String>,
    /// How dear and how quick.
    pub tier: Option<Tier>,
    /// A JSON object of texts that the invocation log keeps with the call.
    pub request_metadata: Option<String>,
}

impl RequestOptions {
    /// Whether calls ask for optimized latency, which has prices of its own.
    pub fn is_optimized(&self) -> bool {
        self.latency.as_deref() == Some("optimized")
    }
}

/// A service tier: which price list a call is billed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tier {
    /// The standard tier.
    #[default]
    Default,
    /// Cheaper and slower.
    Flex,
    /// Dearer and faster.
    Priority,
    /// Capacity paid for in advance: a call has no price of its own.
    Reserved,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Default, Self::Flex, Self::Priority, Self::Reserved];

    /// The service's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Reserved => "reserved",
        }
    }

    /// The tier of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == name)
    }
}

/// A guardrail of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its id or ARN.
    pub id: String,
    /// A version's number, or `DRAFT`.
    pub version: String,
}

/// How answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Whole: InvokeModel.
    Whole,
    /// In chunks: InvokeModelWithResponseStream.
    Streamed {
        /// How long nothing may come before the answer is given up.
        idle: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_found_by_its_own_word_alone() {
        for tier in Tier::ALL {
            assert_eq!(Tier::parse(tier.as_str()), Some(tier));
        }
        assert_eq!(Tier::parse("standard"), None);
        assert_eq!(Tier::parse("Flex"), None);
    }
}
