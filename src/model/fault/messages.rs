//! Messages that tell more than their code, in one table.
//!
//! Fragments are lower case, with `'` for every apostrophe, and long enough to mean one thing:
//! "too many tokens" is a throttle, "too many input tokens" is a prompt that is too long.
//!
//! Source: texts in the user guide, in public logs and in the sources of public clients,
//! collected in November 2026.

use super::Scope::{self, Job, Row};
use super::{Category, Category as C};

/// What a message says beyond its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// What kind of failure it is.
    pub(super) category: Category,
    /// How far it reaches.
    pub(super) scope: Scope,
    /// What to do about it.
    pub(super) remedy: Remedy,
}

/// What a person can do, by the occasion; `advice` has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// What the category says by itself.
    Usual,
    /// Name an inference profile instead of the model.
    UseProfile,
    /// Correct the model's id.
    CorrectId,
    /// Lower `max_tokens`.
    LowerMaxTokens,
    /// Take the parameter out, or the key.
    RemoveParameter,
    /// Take another model: this one is retired.
    ReplaceModel,
    /// Hand in Anthropic's form.
    FillForm,
    /// Wait for the Marketplace.
    AwaitMarketplace,
    /// Open the model for the account.
    OpenAccess,
    /// Grant the permission.
    GrantPermission,
}

/// (what the code says, what the message says, what it means). The first row that fits counts.
const TABLE: &[(&[Category], &str, Class)] = &[
    (
        &[C::Throttled],
        "tokens per day",
        class(C::DailyQuota, Job, Remedy::Usual),
    ),
    (
        &[C::Throttled],
        "requests per day",
        class(C::DailyQuota, Job, Remedy::Usual),
    ),
    // Credentials, whatever the code.
    (
        REFUSED,
        "security token included in the request is",
        class(C::Credentials, Job, Remedy::Usual),
    ),
    (
        REFUSED,
        "signature expired",
        class(C::Credentials, Job, Remedy::Usual),
    ),
    (
        REFUSED,
        "signature we calculated does not match",
        class(C::Credentials, Job, Remedy::Usual),
    ),
    (
        REFUSED,
        "bearer token has expired",
        class(C::Credentials, Job, Remedy::Usual),
    ),
    (
        REFUSED,
        "make sure your api key is valid",
        class(C::Credentials, Job, Remedy::Usual),
    ),
    // Too much of a row.
    (
        INVALID,
        "input is too long for requested model",
        class(C::ContextWindow, Row, Remedy::Usual),
    ),
    (
        INVALID,
        "prompt is too long",
        class(C::ContextWindow, Row, Remedy::Usual),
    ),
    (
        INVALID,
        "too many input tokens",
        class(C::ContextWindow, Row, Remedy::Usual),
    ),
    (
        INVALID,
        "maximum context length",
        class(C::ContextWindow, Row, Remedy::Usual),
    ),
    (
        INVALID,
        "exceed context limit",
        class(C::ContextWindow, Row, Remedy::Usual),
    ),
    (
        INVALID,
        "length less than or equal to 25000000",
        class(C::RequestTooLarge, Row, Remedy::Usual),
    ),
    // The job's model.
    (
        INVALID,
        "with on-demand throughput isn't supported",
        class(C::InvalidRequest, Job, Remedy::UseProfile),
    ),
    (
        INVALID,
        "provided model identifier is invalid",
        class(C::InvalidRequest, Job, Remedy::CorrectId),
    ),
    (
        REFUSED,
        "reached the end of its life",
        class(C::NotFound, Job, Remedy::ReplaceModel),
    ),
    (
        REFUSED,
        "marked by provider as legacy",
        class(C::AccessDenied, Job, Remedy::ReplaceModel),
    ),
    (
        REFUSED,
        "use case details have not been submitted",
        class(C::AccessDenied, Job, Remedy::FillForm),
    ),
    (
        REFUSED,
        "ftuformnotfilled",
        class(C::AccessDenied, Job, Remedy::FillForm),
    ),
    (
        REFUSED,
        "marketplace subscription for this model",
        class(C::AccessDenied, Job, Remedy::AwaitMarketplace),
    ),
    (
        REFUSED,
        "is not authorized to perform",
        class(C::AccessDenied, Job, Remedy::GrantPermission),
    ),
    (
        REFUSED,
        "don't have access to the model",
        class(C::AccessDenied, Job, Remedy::OpenAccess),
    ),
    (
        REFUSED,
        "access to this model is denied",
        class(C::AccessDenied, Job, Remedy::OpenAccess),
    ),
    // The job's parameters.
    (
        INVALID,
        "which is the maximum allowed",
        class(C::InvalidRequest, Job, Remedy::LowerMaxTokens),
    ),
    (
        INVALID,
        "maximum tokens you requested exceeds",
        class(C::InvalidRequest, Job, Remedy::LowerMaxTokens),
    ),
    (
        INVALID,
        "model doesn't support the",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "cannot both be specified",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "is deprecated for this model",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "unsupported parameter",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "extraneous key",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "extra inputs are not permitted",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "unexpected field",
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
    ),
    (
        INVALID,
        "required key",
        class(C::InvalidRequest, Job, Remedy::Usual),
    ),
];

const INVALID: &[Category] = &[C::InvalidRequest];
const REFUSED: &[Category] = &[C::InvalidRequest, C::AccessDenied, C::NotFound];

const fn class(category: Category, scope: Scope, remedy: Remedy) -> Class {
    Class {
        category,
        scope,
        remedy,
    }
}

/// What `message` says beyond a code that means `category`.
pub(super) fn class_of(category: Category, message: &str) -> Option<Class> {
    let message = message.to_lowercase().replace('’', "'");
    TABLE
        .iter()
        .find(|(among, says, _)| among.contains(&category) && message.contains(says))
        .map(|(_, _, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_written_as_they_are_looked_for() {
        for (among, says, _) in TABLE {
            assert_eq!(*says, says.to_lowercase().replace('’', "'"));
            assert_eq!(class_of(among[0], says).map(|_| ()), Some(()), "{says}");
        }
    }
}
