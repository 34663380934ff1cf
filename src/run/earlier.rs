//! The invalid response of a row, while the call that corrects it is made.

use std::sync::Arc;

use super::Outcome;
use crate::model::{Fault, Reply, Request, SchemaError};

/// The invalid response that a call corrects.
#[derive(Debug)]
pub(super) struct Earlier {
    /// The row's own request.
    pub(super) request: Request,
    /// The last response, with what all of them have used and cost.
    pub(super) reply: Reply,
}

impl Earlier {
    /// `reply` with what the responses before it have used and cost, and the part of that in USD which
    /// cannot be added, since what `reply` cost is not known.
    pub(super) fn added_to(self, reply: Reply) -> (Reply, f64) {
        let before = self.reply;
        let cost_usd = before.cost_usd.zip(reply.cost_usd);
        let unadded_usd = match cost_usd {
            Some(_) => 0.0,
            None => before.cost_usd.or(reply.cost_usd).unwrap_or(0.0),
        };
        let mut reply = Reply {
            cost_usd: cost_usd.map(|(before, now)| before + now),
            first_token: before.first_token,
            reasks: before.reasks + 1,
            ..reply
        };
        reply.parsed.usage = before.parsed.usage.plus(reply.parsed.usage);
        (reply, unadded_usd)
    }
}

/// How a row ends with a response.
pub(super) fn outcome(reply: Reply) -> Outcome {
    match reply.parsed.schema_errors().map(<[SchemaError]>::to_vec) {
        Some(errors) => Outcome::Failed(Fault::invalid_output(reply, &errors)),
        None => Outcome::Replied(Arc::new(reply)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{ParsedReply, Usage};

    fn reply(tokens: u64, cost_usd: Option<f64>, first_token_ms: u64) -> Reply {
        Reply {
            parsed: ParsedReply {
                usage: Usage {
                    input_tokens: Some(tokens),
                    ..Usage::default()
                },
                ..ParsedReply::default()
            },
            cost_usd,
            first_token: Some(Duration::from_millis(first_token_ms)),
            ..Reply::default()
        }
    }

    #[test]
    fn a_corrected_response_has_the_usage_of_all_and_the_first_token_of_the_first() {
        for (before, now, cost_usd, unadded_usd) in [
            (Some(0.5), Some(0.25), Some(0.75), 0.0),
            (Some(0.5), None, None, 0.5),
            (None, Some(0.25), None, 0.25),
            (None, None, None, 0.0),
        ] {
            let earlier = Earlier {
                request: Request {
                    body: "{}".into(),
                    ..Request::default()
                },
                reply: reply(3, before, 70),
            };
            let (reply, unadded) = earlier.added_to(reply(4, now, 20));
            assert_eq!((reply.cost_usd, unadded), (cost_usd, unadded_usd));
            assert_eq!(reply.parsed.usage.input_tokens, Some(7));
            assert_eq!(reply.first_token, Some(Duration::from_millis(70)));
            assert_eq!(reply.reasks, 1);
        }
    }
}
