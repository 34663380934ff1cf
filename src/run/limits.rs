//! Limits of the user's own: money, time, and how much may go wrong.
//!
//! Money counts calls in flight at their worst case, so that a limit is never overshot: a call
//! that does not fit waits for others to return, and stops the run once none is left that could
//! make room.

use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Replies;
use crate::model::Fault;

/// Rows that have to complete before the share of failures means something.
const SAMPLE: u64 = 50;

/// What the user allows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// What the output may cost in all, in USD.
    pub max_cost_usd: Option<f64>,
    /// What this run may cost, in USD.
    pub max_cost_per_run_usd: Option<f64>,
    /// What the output has cost before this run, with all that may have been billed.
    pub spent_usd: f64,
    /// How long the run may take.
    pub deadline: Option<Duration>,
    /// The share of rows that may fail, from 0 to 1.
    pub max_error_rate: Option<f64>,
    /// What this run did before, where it is one of several in a row.
    pub so_far: SoFar,
}

/// What a run has done in the loops before this one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SoFar {
    /// What it has spent, with all that may have been billed, in USD.
    pub usd: f64,
    /// Rows that completed.
    pub ended: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// The time they took, as far as it counts for the deadline.
    pub time: Duration,
}

impl Limits {
    /// Whether what calls cost is limited.
    pub fn limit_cost(&self) -> bool {
        self.max_cost_usd.is_some() || self.max_cost_per_run_usd.is_some()
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reached {
    /// The next call could cost more than is left.
    Cost {
        /// The limit.
        max_usd: f64,
        /// What was spent, or may have been.
        spent_usd: f64,
        /// What the next call could cost.
        next_usd: f64,
    },
    /// The next call could cost more than is left for this run.
    RunCost {
        /// The limit.
        max_usd: f64,
        /// What this run has spent, or may have.
        spent_usd: f64,
    },
    /// The time is over.
    Deadline(Duration),
    /// Too many rows fail.
    ErrorRate {
        /// Rows that failed.
        failed: u64,
        /// Rows that completed.
        ended: u64,
    },
}

/// Whether a call can be paid for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Affordable {
    /// It can.
    Now,
    /// It can, if calls in flight turn out cheaper than their worst case.
    Later,
    /// It cannot.
    Never(Reached),
}

/// The limits, and what was used of them.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    start: Instant,
    spent_usd: f64,
    /// What calls in flight could cost, and how many they are.
    held_usd: f64,
    in_flight: u64,
    /// The part of it, in this run, that stored rows account for.
    attributed_usd: f64,
    ended: u64,
    failed: u64,
}

impl Budget {
    pub(super) fn new(limits: Limits, start: Instant) -> Self {
        Self {
            limits,
            start,
            spent_usd: limits.spent_usd,
            held_usd: 0.0,
            in_flight: 0,
            attributed_usd: 0.0,
            ended: limits.so_far.ended,
            failed: limits.so_far.failed,
        }
    }

    /// When the time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let left = self
            .limits
            .deadline?
            .saturating_sub(self.limits.so_far.time);
        Some(self.start + left)
    }

    /// Whether the time is over, or too much has gone wrong.
    pub(super) fn reached(&self, now: Instant) -> Option<Reached> {
        if let Some(deadline) = self.limits.deadline
            && deadline <= now - self.start + self.limits.so_far.time
        {
            return Some(Reached::Deadline(deadline));
        }
        let rate = self.limits.max_error_rate?;
        let (failed, ended) = (self.failed, self.ended);
        let too_many = SAMPLE <= ended && rate * (ended as f64) < failed as f64;
        too_many.then_some(Reached::ErrorRate { failed, ended })
    }

    /// Whether a call can be paid for at its worst.
    pub(super) fn affords(&self, worst_usd: f64) -> Affordable {
        let fits = |spent_usd: f64, max_usd: f64| spent_usd + self.held_usd + worst_usd <= max_usd;
        let of_output = self.limits.max_cost_usd;
        let of_run = self.limits.max_cost_per_run_usd;
        let of_run_usd = self.limits.so_far.usd + self.spent_usd - self.limits.spent_usd;
        let reached = match (of_output, of_run) {
            (Some(max_usd), _) if !fits(self.spent_usd, max_usd) => Reached::Cost {
                max_usd,
                spent_usd: self.spent_usd,
                next_usd: worst_usd,
            },
            (_, Some(max_usd)) if !fits(of_run_usd, max_usd) => Reached::RunCost {
                max_usd,
                spent_usd: of_run_usd,
            },
            _ => return Affordable::Now,
        };
        match self.in_flight {
            0 => Affordable::Never(reached),
            _ => Affordable::Later,
        }
    }

    /// A call starts.
    pub(super) fn hold(&mut self, worst_usd: f64) {
        self.held_usd += worst_usd;
        self.in_flight += 1;
    }

    /// A call is over. One whose cost is unknown is counted at its worst if it may have been
    /// billed: returns that much, in USD.
    ///
    /// `reserve_usd` was held beside it for corrections, each of which is held again as its own call.
    pub(super) fn returned(
        &mut self,
        worst_usd: f64,
        reserve_usd: f64,
        outcome: &Result<Replies, Fault>,
    ) -> f64 {
        self.in_flight = self.in_flight.saturating_sub(1);
        // With nothing in flight, what is left of the sum is the noise of floating point.
        self.held_usd = match self.in_flight {
            0 => 0.0,
            _ => (self.held_usd - worst_usd - reserve_usd).max(0.0),
        };
        let (known, unknown) = match outcome {
            Ok(replies) => match replies.cost_usd() {
                Some(cost) => (cost, 0.0),
                // A guardrail responded instead of the model, and no tokens are counted.
                None if replies.are_blocked() => (0.0, 0.0),
                None => (0.0, worst_usd),
            },
            Err(fault) if fault.maybe_billed => (0.0, worst_usd),
            Err(_) => (0.0, 0.0),
        };
        self.spent_usd += known + unknown;
        unknown
    }

    /// A row was stored, and with it what it cost.
    pub(super) fn attribute(&mut self, usd: f64) {
        self.attributed_usd += usd;
    }

    /// What this run may have paid for and no row tells of: calls in flight, and attempts of rows
    /// that are left. `None` where there is nothing but the noise of floating point.
    pub(super) fn unattributed_usd(&self) -> Option<f64> {
        let counted_usd = self.spent_usd - self.limits.spent_usd + self.held_usd;
        let unattributed_usd = counted_usd - self.attributed_usd;
        (1e-9 < unattributed_usd).then_some(unattributed_usd)
    }

    /// A row has completed.
    pub(super) fn ended(&mut self, failed: bool) {
        self.ended += 1;
        self.failed += u64::from(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_limit_of_a_run_counts_what_this_run_spends_and_that_of_the_output_all_of_it() {
        let limits = |output, run| Limits {
            max_cost_usd: output,
            max_cost_per_run_usd: run,
            spent_usd: 7.0,
            ..Limits::default()
        };
        for (output, run, expected) in [
            (None, Some(2.0), Affordable::Now),
            (Some(9.0), Some(2.0), Affordable::Now),
            (
                None,
                Some(1.5),
                Affordable::Never(Reached::RunCost {
                    max_usd: 1.5,
                    spent_usd: 0.0,
                }),
            ),
            (
                Some(8.5),
                Some(5.0),
                Affordable::Never(Reached::Cost {
                    max_usd: 8.5,
                    spent_usd: 7.0,
                    next_usd: 2.0,
                }),
            ),
        ] {
            let mut budget = Budget::new(limits(output, run), Instant::now());
            assert_eq!(budget.affords(2.0), expected, "{output:?} {run:?}");
            budget.hold(0.5);
            let waits = [Affordable::Later, Affordable::Later];
            assert_eq!([budget.affords(8.0), budget.affords(2.0)], waits);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_run_did_in_earlier_loops_counts_in_the_next() {
        let so_far = SoFar {
            usd: 1.5,
            ended: 45,
            failed: 9,
            time: Duration::from_secs(40),
        };
        let limits = Limits {
            max_cost_per_run_usd: Some(2.0),
            spent_usd: 7.0,
            deadline: Some(Duration::from_secs(60)),
            max_error_rate: Some(0.19),
            so_far,
            ..Limits::default()
        };
        let start = Instant::now();
        let mut budget = Budget::new(limits, start);
        assert_eq!(budget.affords(0.5), Affordable::Now);
        let reached = Reached::RunCost {
            max_usd: 2.0,
            spent_usd: 1.5,
        };
        assert_eq!(budget.affords(0.6), Affordable::Never(reached));
        assert_eq!(budget.unattributed_usd(), None, "it stands in lines by now");
        assert_eq!(budget.deadline(), Some(start + Duration::from_secs(20)));
        assert_eq!(budget.reached(start + Duration::from_secs(19)), None);
        let over = Reached::Deadline(Duration::from_secs(60));
        assert_eq!(budget.reached(start + Duration::from_secs(20)), Some(over));
        (0..4).for_each(|_| budget.ended(false));
        assert_eq!(budget.reached(start), None, "50 rows tell, and not 49");
        budget.ended(true);
        let rate = Reached::ErrorRate {
            failed: 10,
            ended: 50,
        };
        assert_eq!(budget.reached(start), Some(rate));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_held_once_nothing_is_in_flight_despite_rounding() {
        let limits = Limits {
            max_cost_usd: Some(100_000.0),
            ..Limits::default()
        };
        let mut budget = Budget::new(limits, Instant::now());
        // Of their sum 1.4e-14 is left when they are taken from it one by one.
        let calls: Vec<f64> = (1..=10).map(|n| 99.9 / f64::from(n)).collect();
        let expensive = 100_000.0;
        calls.iter().for_each(|worst| budget.hold(*worst));
        assert_eq!(budget.affords(expensive), Affordable::Later);
        let lost = || Err(Fault::local(crate::model::Category::Network, "lost"));
        for worst in calls.iter().rev() {
            budget.returned(*worst, 0.0, &lost());
        }
        assert_eq!(
            (budget.held_usd, budget.affords(expensive)),
            (0.0, Affordable::Now)
        );
        assert!(matches!(budget.affords(100_000.1), Affordable::Never(_)));
    }
}
