//! Whether the next call may start: money, memory, credentials and every quota are asked, and all or none give.

use tokio::time::Instant;

use super::attempt::Attempt;
use super::limits::Affordable;
use super::pace::Refusal;
use super::state::{Admitted, State, Step};
use super::{Row, Stop, WaitReason};
use crate::model::Model;

impl<M, R, E> State<M, R>
where
    M: Model,
    R: Iterator<Item = Result<Row, E>>,
    E: std::error::Error,
{
    /// While everything waits for new credentials: until when, if this call has to wait too.
    fn held(&self, now: Instant) -> Option<Option<Instant>> {
        let probe = self.credential_hold.next_probe()?;
        if !self.in_flight.is_empty() {
            return Some(None);
        }
        let ends = self.hold_ends().map(|(ends, _)| ends);
        (now < probe).then(|| ends.into_iter().chain([probe]).min())
    }

    /// A call starts if it can be paid for and every quota has room for it.
    pub(super) fn admit(&mut self, mut attempt: Attempt, now: Instant) -> Step {
        if let Some(until) = self.held(now) {
            self.put_back(attempt, now);
            return self.commit_or_wait(WaitReason::Credentials, until, now);
        }
        if 1 < attempt.rows() && self.settings.sharing.bytes < attempt.bytes() {
            return self.admit_half(attempt, now);
        }
        let held = self.bytes.of(&attempt);
        if !self.bytes.has_room(held) {
            self.put_back(attempt, now);
            return self.commit_or_wait(WaitReason::Memory, None, now);
        }
        let worst_usd = attempt.worst_cost_usd() + attempt.reserve_usd();
        let (why, until) = match self.budget.affords(worst_usd) {
            Affordable::Never(reached) => {
                return self.send_less(attempt, Stop::Limit(reached), now);
            }
            Affordable::Later => (WaitReason::Budget, None),
            Affordable::Now => match self.pace.admit(&attempt, self.in_flight.len(), now) {
                Ok(admission) => {
                    self.waiting.pay(&mut attempt, now);
                    return Step::Send(Box::new(Admitted {
                        attempt,
                        admission,
                        held,
                    }));
                }
                Err(Refusal::Day) => return self.send_less(attempt, Stop::TokensPerDay, now),
                Err(Refusal::Wait(why, until)) => (why, until),
            },
        };
        self.put_back(attempt, now);
        self.commit_or_wait(why, until, now)
    }

    /// What is left of a limit is too little for this call; a call of fewer rows may fit.
    fn send_less(&mut self, attempt: Attempt, stop: Stop, now: Instant) -> Step {
        match attempt.rows() {
            1 if attempt.is_correction() => Step::EndCorrection(Box::new(attempt)),
            1 => Step::Stop(stop),
            _ => self.admit_half(attempt, now),
        }
    }

    fn admit_half(&mut self, attempt: Attempt, now: Instant) -> Step {
        let rows = attempt.rows();
        let [first, second] = attempt.part(rows / 2);
        self.waiting.insert(now, second);
        self.admit(first, now)
    }

    fn put_back(&mut self, attempt: Attempt, now: Instant) {
        // A correction waits among the retries, where the end of the run finds what it has already.
        let is_new = !attempt.history.was_sent && !attempt.is_correction();
        if is_new && self.head.is_none() {
            self.head = Some(attempt);
        } else {
            self.waiting.insert(now, attempt);
        }
    }
}
