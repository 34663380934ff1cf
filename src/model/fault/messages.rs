//! Messages that tell more than their code, in one table.
//!
//! Fragments are lower case, with `'` for every apostrophe, and long enough to mean one thing:
//! "too many tokens" is a throttle, "too many input tokens" is a prompt that is too long.
//!
//! Source: texts in the user guide, in public logs and in the sources of public clients,
//! collected in November 2026.

use super::{Category, Category as C, Verdict};

/// What a message says beyond its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// What kind of failure it is.
    pub(crate) category: Category,
    /// What happens next.
    pub(crate) verdict: Verdict,
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
    /// Leave the service tier out.
    RemoveTier,
    /// Leave the latency mode out.
    RemoveLatency,
    /// Correct the guardrail's identifier or version.
    CorrectGuardrail,
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
    /// Trust the certificate, or the authority that signed it.
    TrustCertificate,
}

/// One meaning: among which meanings of codes it is looked for, what it is, what it sounds like.
type Meaning = (&'static [Category], Class, &'static [&'static str]);

const INVALID: &[Category] = &[C::InvalidRequest];
const BUSY: &[Category] = &[
    C::Throttled,
    C::Unavailable,
    C::ServerError,
    C::ModelError,
    C::InvalidRequest,
];
const REFUSED: &[Category] = &[C::InvalidRequest, C::AccessDenied, C::NotFound];
const SIGNATURE: &[Category] = &[C::Credentials, C::InvalidRequest, C::AccessDenied];

/// The first row that fits counts.
const TABLE: &[Meaning] = &[
    (
        &[C::Throttled, C::Unavailable],
        of_job(C::DailyQuota, Remedy::Usual),
        &["tokens per day", "requests per day"],
    ),
    (
        // Some throttles come with the code and the status of something else.
        BUSY,
        of_row(C::Throttled, Remedy::Usual),
        &[
            "is getting throttled",
            "is being throttled",
            "too many requests",
            "too many tokens, please wait",
            "request rate is too high",
            "rate exceeded",
            "rate limit exceeded",
        ],
    ),
    (
        &[C::Network],
        of_job(C::Network, Remedy::TrustCertificate),
        &["invalid peer certificate"],
    ),
    (
        SIGNATURE,
        of_job(C::Credentials, Remedy::SetClock),
        &[
            "signature expired",
            "signature not yet current",
            "request has expired",
            "difference between the request time and the current time",
        ],
    ),
    (
        REFUSED,
        of_job(C::Credentials, Remedy::Usual),
        &[
            "security token included in the request is",
            "signature we calculated does not match",
            "bearer token has expired",
            "make sure your api key is valid",
        ],
    ),
    (
        INVALID,
        of_row(C::ContextWindow, Remedy::Usual),
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
        of_row(C::RequestTooLarge, Remedy::Usual),
        &["length less than or equal to 25000000"],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::UseProfile),
        &["with on-demand throughput isn't supported"],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::CorrectId),
        &["provided model identifier is invalid"],
    ),
    (
        REFUSED,
        of_job(C::NotFound, Remedy::ReplaceModel),
        &["reached the end of its life"],
    ),
    (
        REFUSED,
        of_job(C::AccessDenied, Remedy::ReplaceModel),
        &["marked by provider as legacy"],
    ),
    (
        REFUSED,
        of_job(C::AccessDenied, Remedy::FillForm),
        &[
            "use case details have not been submitted",
            "ftuformnotfilled",
        ],
    ),
    (
        REFUSED,
        of_job(C::AccessDenied, Remedy::AwaitMarketplace),
        &["marketplace subscription for this model"],
    ),
    (
        REFUSED,
        of_job(C::AccessDenied, Remedy::GrantPermission),
        &["is not authorized to perform"],
    ),
    (
        REFUSED,
        of_job(C::AccessDenied, Remedy::OpenAccess),
        &[
            "don't have access to the model",
            "access to this model is denied",
        ],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::LowerMaxTokens),
        &[
            "which is the maximum allowed",
            "maximum tokens you requested exceeds",
        ],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::RemoveTier),
        &[
            "service tier is not",
            "service tier isn't",
            "service tier not supported",
            "unsupported service tier",
            "invalid service tier",
            "support the service tier",
            "support service tier",
            "available in the service tier",
            "supported in the service tier",
        ],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::RemoveLatency),
        &[
            "latency performance configuration",
            "performance configuration is not supported",
            "support latency optimized",
            "support optimized latency",
        ],
    ),
    (
        &[C::InvalidRequest, C::NotFound],
        of_job(C::InvalidRequest, Remedy::CorrectGuardrail),
        &["guardrail identifier"],
    ),
    (
        // What one row shows, another does not.
        INVALID,
        of_row(C::InvalidRequest, Remedy::Usual),
        &[
            "image input is not supported",
            "document input is not supported",
            "video input is not supported",
            "audio input is not supported",
        ],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::RemoveParameter),
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
        of_job(C::InvalidRequest, Remedy::CompleteBody),
        &["required key"],
    ),
    (
        INVALID,
        of_job(C::InvalidRequest, Remedy::LeaveStreaming),
        &["unsupported for streaming", "does not support streaming"],
    ),
];

/// What is wrong with one row, and may not be with others.
const fn of_row(category: Category, remedy: Remedy) -> Class {
    Class {
        category,
        verdict: category.verdict(),
        remedy,
    }
}

/// What every row of the job would share.
const fn of_job(category: Category, remedy: Remedy) -> Class {
    Class {
        category,
        verdict: Verdict::StopRun,
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
