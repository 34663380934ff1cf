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
pub(crate) struct Class {
    /// What kind of failure it is.
    pub(crate) category: Category,
    /// How far it reaches.
    pub(crate) scope: Scope,
    /// What to do about it.
    pub(crate) remedy: Remedy,
}

/// What a person can do, by the occasion; `advice` has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
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
    /// Put into the body what the model wants there.
    CompleteBody,
    /// Have answers whole: the model does not stream.
    LeaveStreaming,
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
    /// Set the clock of this machine.
    SetClock,
    /// Trust the certificate, or whoever signed it.
    TrustCertificate,
}

/// One meaning: among which meanings of codes it is looked for, what it is, what it sounds like.
type Meaning = (&'static [Category], Class, &'static [&'static str]);

const INVALID: &[Category] = &[C::InvalidRequest];
const REFUSED: &[Category] = &[C::InvalidRequest, C::AccessDenied, C::NotFound];
const SIGNATURE: &[Category] = &[C::Credentials, C::InvalidRequest, C::AccessDenied];

/// The first row that fits counts.
const TABLE: &[Meaning] = &[
    (
        &[C::Throttled],
        class(C::DailyQuota, Job, Remedy::Usual),
        &["tokens per day", "requests per day"],
    ),
    (
        &[C::Network],
        class(C::Network, Job, Remedy::TrustCertificate),
        &["invalid peer certificate"],
    ),
    (
        SIGNATURE,
        class(C::Credentials, Job, Remedy::SetClock),
        &[
            "signature expired",
            "signature not yet current",
            "request has expired",
            "difference between the request time and the current time",
        ],
    ),
    (
        REFUSED,
        class(C::Credentials, Job, Remedy::Usual),
        &[
            "security token included in the request is",
            "signature we calculated does not match",
            "bearer token has expired",
            "make sure your api key is valid",
        ],
    ),
    (
        INVALID,
        class(C::ContextWindow, Row, Remedy::Usual),
        &[
            "input is too long for requested model",
            "prompt is too long",
            "too many input tokens",
            "maximum context length",
            "exceed context limit",
        ],
    ),
    (
        INVALID,
        class(C::RequestTooLarge, Row, Remedy::Usual),
        &["length less than or equal to 25000000"],
    ),
    (
        INVALID,
        class(C::InvalidRequest, Job, Remedy::UseProfile),
        &["with on-demand throughput isn't supported"],
    ),
    (
        INVALID,
        class(C::InvalidRequest, Job, Remedy::CorrectId),
        &["provided model identifier is invalid"],
    ),
    (
        REFUSED,
        class(C::NotFound, Job, Remedy::ReplaceModel),
        &["reached the end of its life"],
    ),
    (
        REFUSED,
        class(C::AccessDenied, Job, Remedy::ReplaceModel),
        &["marked by provider as legacy"],
    ),
    (
        REFUSED,
        class(C::AccessDenied, Job, Remedy::FillForm),
        &[
            "use case details have not been submitted",
            "ftuformnotfilled",
        ],
    ),
    (
        REFUSED,
        class(C::AccessDenied, Job, Remedy::AwaitMarketplace),
        &["marketplace subscription for this model"],
    ),
    (
        REFUSED,
        class(C::AccessDenied, Job, Remedy::GrantPermission),
        &["is not authorized to perform"],
    ),
    (
        REFUSED,
        class(C::AccessDenied, Job, Remedy::OpenAccess),
        &[
            "don't have access to the model",
            "access to this model is denied",
        ],
    ),
    (
        INVALID,
        class(C::InvalidRequest, Job, Remedy::LowerMaxTokens),
        &[
            "which is the maximum allowed",
            "maximum tokens you requested exceeds",
        ],
    ),
    (
        // What one row shows, another does not.
        INVALID,
        class(C::InvalidRequest, Row, Remedy::Usual),
        &[
            "image input is not supported",
            "document input is not supported",
            "video input is not supported",
            "audio input is not supported",
        ],
    ),
    (
        INVALID,
        class(C::InvalidRequest, Job, Remedy::RemoveParameter),
        &[
            "model doesn't support the",
            "cannot both be specified",
            "is deprecated for this model",
            "is not supported by this model",
            "unsupported parameter",
            "extraneous key",
            "extra inputs are not permitted",
            "unexpected field",
        ],
    ),
    (
        INVALID,
        class(C::InvalidRequest, Job, Remedy::CompleteBody),
        &["required key"],
    ),
    (
        INVALID,
        class(C::InvalidRequest, Job, Remedy::LeaveStreaming),
        &["unsupported for streaming", "does not support streaming"],
    ),
];

const fn class(category: Category, scope: Scope, remedy: Remedy) -> Class {
    Class {
        category,
        scope,
        remedy,
    }
}

/// What `message` says beyond a code that means `category`.
pub(crate) fn class_of(category: Category, message: &str) -> Option<Class> {
    let message = message.to_lowercase().replace('’', "'");
    let says = |fragments: &[&str]| fragments.iter().any(|fragment| message.contains(fragment));
    TABLE
        .iter()
        .find(|(among, _, fragments)| among.contains(&category) && says(fragments))
        .map(|(_, class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fragment_is_found_in_its_own_row() {
        for (among, class, fragments) in TABLE {
            for fragment in *fragments {
                assert_eq!(class_of(among[0], fragment), Some(*class), "{fragment}");
            }
        }
    }
}
