//! Responses that break the schema of the job: the model is asked to correct them.
//!
//! A correction is a call like any other: it is paced, paid from the budget, and retried. Until its row
//! completes, the row keeps a slot, so that a crash repeats no more rows than there are slots; and
//! whatever keeps the correction from being sent, the row completes with the response that it has,
//! which is paid for.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::earlier::{Earlier, outcome};
use super::state::State;
use super::{Event, Outcome, Row};
use crate::model::{Fault, Model, Reply, Request, SchemaCheck, SchemaError};

/// Makes the request that asks for the correction of a response. `None` if there is none.
type Correct = dyn Fn(&Request, &Reply) -> Option<Request> + Send + Sync;

/// Whether and how invalid responses are corrected.
#[derive(Clone)]
pub struct Reasks {
    /// How often a row is corrected at most.
    pub most: u32,
    /// Makes the request for it, from the row's own request and the invalid response.
    pub correct: Arc<Correct>,
}

impl fmt::Debug for Reasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reasks")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Attempt {
    /// Whether the row has an invalid response, which this call corrects.
    pub(super) fn is_correction(&self) -> bool {
        self.earlier.is_some()
    }

    /// How the row ends with this response.
    pub(super) fn outcome_of(&mut self, reply: Reply) -> Outcome {
        outcome(self.with_earlier_usage(reply))
    }

    /// `reply` with what the responses before it have used and cost.
    fn with_earlier_usage(&mut self, reply: Reply) -> Reply {
        let Some(earlier) = self.earlier.take() else {
            return reply;
        };
        let (reply, unadded_usd) = earlier.added_to(reply);
        self.history.maybe_billed_usd += unadded_usd;
        reply
    }
}

/// Whether another response may be better: one that was cut off would be cut off again.
fn may_be_corrected(errors: &[SchemaError]) -> bool {
    !errors.iter().any(|error| error.keyword == "max_tokens")
}

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    /// The request that asks for a correction of `reply`, if it is to be asked for.
    pub(super) fn correction(&self, attempt: &Attempt, reply: &Reply) -> Option<Request> {
        let reasks = self.settings.reasks.as_ref()?;
        let errors = reply.parsed.schema_errors()?;
        let before = attempt.earlier.as_ref();
        let made = before.map_or(0, |earlier| earlier.reply.reasks + 1);
        if reasks.most <= made || self.stop.is_some() || !may_be_corrected(errors) {
            return None;
        }
        let own = before.map_or(&attempt.first.request, |earlier| &earlier.request);
        let request = (reasks.correct)(own, reply)?;
        Some(Request {
            // What is reserved beyond the call itself is for the corrections after it.
            reserve_usd: own.reserve_usd * f64::from(reasks.most - made - 1)
                / f64::from(reasks.most),
            ..request
        })
    }

    /// Queues the call that corrects `reply`.
    pub(super) fn queue_correction(
        &mut self,
        mut attempt: Attempt,
        reply: Reply,
        correction: Request,
        now: Instant,
        tell: &mut impl FnMut(&Event<'_>),
    ) {
        tell(&Event::Reasked {
            identity: attempt.identity(),
        });
        let own = attempt.earlier.as_ref().map(|it| it.request.clone());
        let reply = match attempt.earlier.is_some() {
            true => attempt.with_earlier_usage(reply),
            false => reply,
        };
        let call = std::mem::replace(&mut attempt.first.request, correction);
        let request = own.unwrap_or(call);
        attempt.earlier = Some(Box::new(Earlier { request, reply }));
        attempt.history.begin_correction();
        self.waiting.insert(now, attempt);
    }

    /// A row whose correction does not come completes with the response that it has, because of
    /// `fault` or since the run stops.
    pub(super) fn end_uncorrected(
        &mut self,
        mut attempt: Attempt,
        fault: Option<&Fault>,
        sent: Instant,
        returned_at: Instant,
    ) {
        let Some(earlier) = attempt.earlier.take() else {
            return;
        };
        let mut reply = earlier.reply;
        if let (Some(SchemaCheck::Invalid(errors)), Some(fault)) = (&mut reply.parsed.schema, fault)
        {
            let category = fault.category.as_str();
            let message = format!("the correction failed with {category}: {fault}");
            errors.push(SchemaError::of_all("reask", message));
        }
        self.end(attempt, sent, returned_at, std::iter::once(outcome(reply)));
    }

    /// A row whose correction is queued and cannot be sent completes with the response that it has.
    pub(super) fn end_waiting(
        &mut self,
        attempt: Attempt,
        now: Instant,
        tell: &mut impl FnMut(&Event<'_>),
    ) {
        tell(&Event::Uncorrected {
            identity: attempt.identity(),
        });
        self.end_uncorrected(attempt, None, now, now);
    }
}
