//! What deserves another attempt, and when: the only place where that is decided.
//!
//! Waits are drawn with full jitter: uniformly between nothing and a bound that doubles from
//! attempt to attempt. It starts at a second, and at a twentieth of that while most attempts succeed:
//! then there is no outage to spare, and a row that waits delays the end of the run. What the service
//! asks for (`Retry-After`) is not undercut, within reason.

use std::time::Duration;

use tokio::time::Instant;

use super::health::Health;
use crate::model::fault::Verdict;
use crate::model::{Category, Fault};

/// How often and for how long rows are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts a row has against transient errors, the first one included.
    pub max_attempts: u32,
    /// How long a row may be throttled before it fails.
    pub throttle_wait: Duration,
}

/// What a row has been through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    /// Attempts that used up patience.
    pub(super) attempts: u32,
    /// Those among them that failed during generation.
    pub(super) expensive: u32,
    /// Attempts before that, together with rows it no longer shares its call with.
    pub(super) shared: u32,
    /// Throttles, which do not.
    pub(super) throttles: u32,
    /// Attempts that timed out after sending (possibly billed).
    pub(super) maybe_billed: u32,
    /// What attempts may have cost beyond what replies say, in USD: each row's equal share.
    pub(super) maybe_billed_usd: f64,
    /// Whether it was ever sent.
    pub(super) was_sent: bool,
    /// When the current run of throttles began.
    pub(super) refused_since: Option<Instant>,
    /// Whether the last fault was a throttle.
    pub(super) was_refused: bool,
    /// Whether it was sent with rows that it no longer shares its call with.
    pub(super) was_shared: bool,
    /// Whether its next attempt is paid from the retry budget.
    pub(super) owes: bool,
    /// Whether its next attempt is the first to ask for a correction.
    pub(super) is_new_correction: bool,
}

/// What to do with a row after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Retry it after this long.
    Retry(Duration),
    /// It has failed.
    Fail,
    /// Everything waits for new credentials; the row is left as it was.
    Hold,
    /// The whole run has to stop; the row is left as it was.
    Stop,
}

/// What the model has worked on is costly to repeat: fewer attempts than for a cheap failure.
const EXPENSIVE_ATTEMPTS: u32 = 3;

/// The longest wait that the service is granted at once: its quotas come back within a minute, and
/// a service that asks for an hour is asked again after this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The longest wait before the first retry: a second; less while most attempts succeed.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const FIRST_BACKOFF_OF_A_GOOD_SERVICE: Duration = Duration::from_millis(50);

/// What the bound of a wait is doubled to.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

impl History {
    /// Its last fault was the service's: it costs the row no attempt after all.
    pub(super) fn forgive(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// Its last fault may have been that of a row it shared the call with: it has all its attempts
    /// before it.
    pub(super) fn start_over(&mut self) {
        self.shared += std::mem::take(&mut self.attempts);
        self.expensive = 0;
        self.refused_since = None;
    }

    /// Its next call is another one, which asks to correct the last response.
    pub(super) fn begin_correction(&mut self) {
        self.start_over();
        self.was_refused = false;
        self.owes = false;
        self.is_new_correction = true;
    }

    /// Whether sending it means sending it again, for another reason than a throttle.
    pub(super) fn is_retry(&self) -> bool {
        self.was_sent && !self.was_refused && !self.is_new_correction
    }
}

impl RetryPolicy {
    /// `fault` with the wait that the service asks for bounded.
    pub(super) fn heeded(&self, fault: Fault) -> Fault {
        let longest = LONGEST_RETRY_AFTER.min(self.throttle_wait);
        Fault {
            retry_after: fault.retry_after.map(|asked| asked.min(longest)),
            ..fault
        }
    }

    /// Takes `fault` into the row's `history` and decides. `draw` is uniform in `0..1`, `health` tells
    /// how the attempts of other rows fare. Where the service as a whole is down, the fault is
    /// `services_fault` and costs the row nothing.
    pub(super) fn after(
        &self,
        fault: &Fault,
        history: &mut History,
        now: Instant,
        draw: f64,
        services_fault: bool,
        health: Health,
    ) -> Next {
        history.was_sent = true;
        history.is_new_correction = false;
        history.was_refused = fault.category == Category::Throttled;
        history.maybe_billed += u32::from(fault.maybe_billed);
        if fault.may_be_renewed() {
            return Next::Hold;
        }
        match fault.verdict {
            Verdict::StopRun => return Next::Stop,
            Verdict::RowFailed => {
                history.attempts += 1;
                return Next::Fail;
            }
            Verdict::Retry => {}
        }
        let refused = matches!(
            fault.category,
            Category::Throttled | Category::ModelNotReady
        );
        history.owes = !refused;
        if services_fault {
            return Next::Retry(Duration::ZERO);
        }
        let wait = if refused {
            self.refused(history, now)
        } else {
            self.failed(fault, history, draw, health)
        };
        match wait {
            Some(wait) => Next::Retry(wait.max(fault.retry_after.unwrap_or_default())),
            None => Next::Fail,
        }
    }

    /// A throttle is the pace's business: the row goes back to the front and waits for no more than
    /// the pace, which sees to a model that is not ready too.
    fn refused(&self, history: &mut History, now: Instant) -> Option<Duration> {
        history.throttles += 1;
        let since = *history.refused_since.get_or_insert(now);
        if self.throttle_wait <= now - since {
            history.attempts += 1;
            return None;
        }
        Some(Duration::ZERO)
    }

    fn failed(
        &self,
        fault: &Fault,
        history: &mut History,
        draw: f64,
        health: Health,
    ) -> Option<Duration> {
        history.attempts += 1;
        history.refused_since = None;
        let is_expensive = matches!(
            fault.category,
            Category::ModelTimeout
                | Category::ModelError
                | Category::AttemptTimeout
                | Category::BadResponse
        );
        history.expensive += u32::from(is_expensive);
        if self.max_attempts <= history.attempts
            || is_expensive && EXPENSIVE_ATTEMPTS <= history.expensive
        {
            return None;
        }
        let first = match health.is_good() {
            true => FIRST_BACKOFF_OF_A_GOOD_SERVICE,
            false => FIRST_BACKOFF,
        };
        Some(full_jitter(history.attempts, first, draw))
    }
}

/// Uniform between nothing and `first`, twice that, four times … up to [`LONGEST_BACKOFF`].
fn full_jitter(nth: u32, first: Duration, draw: f64) -> Duration {
    let bound = first * (1 << nth.saturating_sub(1).min(10));
    bound.min(LONGEST_BACKOFF).mul_f64(draw)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 6,
        throttle_wait: Duration::from_secs(600),
    };

    fn fault(category: Category) -> Fault {
        Fault::local(category, "said the service")
    }

    #[test]
    fn the_bound_of_a_wait_doubles_from_the_first_to_half_a_minute() {
        let bounds = |first| {
            [0, 1, 2, 5, 6, 9, 10, 11, u32::MAX].map(|nth| full_jitter(nth, first, 1.0).as_millis())
        };
        assert_eq!(
            bounds(FIRST_BACKOFF),
            [
                1_000, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000
            ]
        );
        assert_eq!(
            bounds(FIRST_BACKOFF_OF_A_GOOD_SERVICE),
            [50, 50, 100, 800, 1_600, 12_800, 25_600, 30_000, 30_000]
        );
        for (draw, wait_ms) in [(0.0, 0), (0.25, 2000), (0.5, 4000)] {
            let wait = full_jitter(4, FIRST_BACKOFF, draw);
            assert_eq!(wait.as_millis(), wait_ms, "{draw}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_waits_less_while_most_attempts_succeed() {
        let now = Instant::now();
        let mut good = Health::default();
        good.succeeded();
        for (health, waits_ms) in [(Health::default(), [1_000, 2_000]), (good, [50, 100])] {
            let mut history = History::default();
            let broken = fault(Category::ServerError);
            for wait_ms in waits_ms {
                let next = POLICY.after(&broken, &mut history, now, 1.0, false, health);
                assert_eq!(next, Next::Retry(Duration::from_millis(wait_ms)));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cheap_errors_use_up_none_of_the_attempts_at_expensive_ones() {
        let now = Instant::now();
        let mut history = History::default();
        let mut after = |category| {
            let fault = fault(category);
            POLICY.after(&fault, &mut history, now, 0.0, false, Health::default())
        };
        for category in [
            Category::ServerError,
            Category::Network,
            Category::ModelError,
        ] {
            assert_eq!(after(category), Next::Retry(Duration::ZERO), "{category:?}");
        }
        assert_eq!(after(Category::ModelTimeout), Next::Retry(Duration::ZERO));
        assert_eq!(after(Category::BadResponse), Next::Fail);
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_has_its_attempts_and_fewer_where_one_is_dear() {
        let now = Instant::now();
        for (category, attempts) in [
            (Category::ServerError, 6),
            (Category::Unavailable, 6),
            (Category::Network, 6),
            (Category::ModelTimeout, 3),
            (Category::ModelError, 3),
            (Category::AttemptTimeout, 3),
            (Category::InvalidRequest, 1),
        ] {
            let mut history = History::default();
            let mut after = || {
                POLICY.after(
                    &fault(category),
                    &mut history,
                    now,
                    1.0,
                    false,
                    Health::default(),
                )
            };
            let retries = std::iter::from_fn(|| matches!(after(), Next::Retry(_)).then_some(()));
            assert_eq!(1 + retries.count(), attempts, "{category:?}");
            assert_eq!(history.attempts as usize, attempts, "{category:?}");
        }
        let once = RetryPolicy {
            max_attempts: 1,
            ..POLICY
        };
        let mut history = History::default();
        let next = once.after(
            &fault(Category::ModelError),
            &mut history,
            now,
            1.0,
            false,
            Health::default(),
        );
        assert_eq!(next, Next::Fail, "no more than the job allows");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_is_counted_and_costs_an_attempt_only_once_it_lasted_too_long() {
        let start = Instant::now();
        let mut history = History::default();
        let mut at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            let next = POLICY.after(
                &fault(Category::Throttled),
                &mut history,
                now,
                1.0,
                false,
                Health::default(),
            );
            (next, history.throttles, history.attempts)
        };
        assert_eq!(at(0), (Next::Retry(Duration::ZERO), 1, 0));
        assert_eq!(at(599), (Next::Retry(Duration::ZERO), 2, 0));
        assert_eq!(at(600), (Next::Fail, 3, 1));
        // Another fault in between ends the run of throttles.
        let mut history = History::default();
        let throttled = fault(Category::Throttled);
        POLICY.after(
            &throttled,
            &mut history,
            start,
            1.0,
            false,
            Health::default(),
        );
        assert_eq!(history.refused_since, Some(start));
        let broken = fault(Category::ServerError);
        POLICY.after(&broken, &mut history, start, 1.0, false, Health::default());
        assert_eq!(history.refused_since, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resend_counts_as_a_retry_unless_the_last_fault_was_a_throttle() {
        let now = Instant::now();
        let mut history = History::default();
        assert!(!history.is_retry(), "it was never sent");
        for (category, is_retry, owes) in [
            (Category::Throttled, false, false),
            (Category::ModelNotReady, true, false),
            (Category::ServerError, true, true),
            (Category::Throttled, false, false),
        ] {
            POLICY.after(
                &fault(category),
                &mut history,
                now,
                1.0,
                false,
                Health::default(),
            );
            assert_eq!(history.is_retry(), is_retry, "{category:?}");
            assert_eq!(history.owes, owes, "{category:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_of_the_service_costs_the_row_nothing_and_waits_for_nothing() {
        let mut history = History::default();
        let asked = Fault {
            retry_after: Some(Duration::from_secs(7)),
            maybe_billed: true,
            ..fault(Category::Unavailable)
        };
        let now = Instant::now();
        let next = POLICY.after(&asked, &mut history, now, 1.0, true, Health::default());
        assert_eq!(next, Next::Retry(Duration::ZERO));
        assert_eq!((history.attempts, history.maybe_billed), (0, 1));
        // What the service asks for is not undercut where the row itself waits.
        let next = POLICY.after(&asked, &mut history, now, 0.0, false, Health::default());
        assert_eq!(next, Next::Retry(Duration::from_secs(7)));
        assert_eq!((history.attempts, history.maybe_billed), (1, 2));
        let next = POLICY.after(
            &fault(Category::Unavailable),
            &mut history,
            now,
            1.0,
            false,
            Health::default(),
        );
        assert_eq!(next, Next::Retry(Duration::from_secs(2)));
        history.forgive();
        assert_eq!(history.attempts, 1);
    }

    #[test]
    fn a_wait_that_the_service_asks_for_is_kept_for_at_most_five_minutes_or_throttle_wait() {
        let heeded = |asked, throttle_wait| {
            let policy = RetryPolicy {
                throttle_wait: Duration::from_secs(throttle_wait),
                ..POLICY
            };
            let fault = Fault {
                retry_after: Some(Duration::from_secs(asked)),
                ..fault(Category::Throttled)
            };
            policy.heeded(fault).retry_after.map(|wait| wait.as_secs())
        };
        assert_eq!(heeded(299, 600), Some(299));
        assert_eq!(heeded(3600, 600), Some(300));
        assert_eq!(heeded(3600, 20), Some(20));
        assert_eq!(POLICY.heeded(fault(Category::Throttled)).retry_after, None);
    }

    #[test]
    fn a_row_that_starts_over_keeps_count_of_its_attempts() {
        let mut history = History {
            attempts: 2,
            shared: 3,
            ..History::default()
        };
        history.start_over();
        assert_eq!((history.attempts, history.shared), (0, 5));
        history.forgive();
        assert_eq!(history.attempts, 0, "there is nothing to forgive");
    }
}
