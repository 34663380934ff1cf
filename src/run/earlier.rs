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
