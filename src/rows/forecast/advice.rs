//! What `max_tokens` should be, judging by the answers so far.

use crate::output::statistics::Statistics;

/// What answers say of `max_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxTokens {
    /// What each call reserves; `None` where each row says for itself.
    pub reserved: Option<u64>,
    /// How many answers there are.
    pub answers: u64,
    /// Half of them have no more tokens.
    pub p50: u64,
    /// 99 of 100 have no more tokens.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// Answers that were cut off.
    pub cut_off: u64,
    /// A better limit, where there is one.
    pub better: Option<u64>,
}

impl MaxTokens {
    /// What `statistics` say of a limit that the job sets, if it does: `reserved`. It may be as high as
    /// `most`, and leaves `thought` tokens for thinking.
    pub(super) fn new(
        statistics: &Statistics,
        reserved: Option<u32>,
        most: Option<u64>,
        thought: u64,
    ) -> Option<Self> {
        let lengths = &statistics.output_tokens;
        let (p50, p99) = (lengths.percentile(50)?, lengths.percentile(99)?);
        let reserved = reserved.map(u64::from);
        Some(Self {
            reserved,
            answers: lengths.count(),
            p50,
            p99,
            max: lengths.max(),
            cut_off: statistics.cut_off,
            better: reserved.and_then(|reserved| match statistics.cut_off {
                0 => statistics.lower_limit(reserved, thought),
                _ => higher(reserved, most),
            }),
        })
    }
}

/// If completions were cut off, their full length is unknown: twice the limit is a next
/// try, as far as it goes.
fn higher(reserved: u64, most: Option<u64>) -> Option<u64> {
    let next = most.unwrap_or(u64::MAX).min(2 * reserved);
    (reserved < next).then_some(next)
}
