//! A timer for what usually comes in time.
//!
//! A stream wakes its task for every chunk, and a plain timer would be looked at each time, with
//! all that the runtime keeps for it. This one is looked at when it has rung, and once before, so
//! that it knows whom to wake.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Long enough for never: clocks do not go on for as long as a duration can be.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Rings at its time; until then it can be put off.
#[derive(Debug)]
pub(crate) struct Alarm {
    at: Instant,
    /// When the timer rings: put off alarms ring early, and are set again then.
    rings: Instant,
    timer: Pin<Box<Sleep>>,
    wakes: Option<Waker>,
}

impl Alarm {
    /// Rings after so long.
    pub(crate) fn after(wait: Duration) -> Self {
        let at = Instant::now() + wait.min(NEVER);
        Self {
            at,
            rings: at,
            timer: Box::pin(sleep_until(at)),
            wakes: None,
        }
    }

    /// Puts it off: it rings after so long from now, which is later than before.
    pub(crate) fn put_off(&mut self, wait: Duration) {
        self.at = Instant::now() + wait.min(NEVER);
    }

    /// Waits for `future`, but no longer than until it rings; `None` then.
    ///
    /// It is pinned by the caller: a future that is taken in by value stands twice in the one that
    /// takes it, and a call's is large.
    pub(crate) async fn or<F>(&mut self, mut future: F) -> Option<F::Output>
    where
        F: Future + Unpin,
    {
        std::future::poll_fn(|context| match Pin::new(&mut future).poll(context) {
            Poll::Ready(came) => Poll::Ready(Some(came)),
            Poll::Pending => self.poll(context).map(|()| None),
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let wakes_us = |waker: &Waker| waker.will_wake(context.waker());
        let now = Instant::now();
        if now < self.rings && self.wakes.as_ref().is_some_and(wakes_us) {
            return Poll::Pending;
        }
        if self.rings < self.at {
            self.rings = self.at;
            self.timer.as_mut().reset(self.at);
        }
        self.wakes = Some(context.waker().clone());
        self.timer.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_comes_in_time_is_had_and_what_does_not_is_not() {
        let mut alarm = Alarm::after(SECOND);
        assert_eq!(alarm.or(pin!(async { 7 })).await, Some(7));
        assert_eq!(alarm.or(pin!(sleep(SECOND / 2))).await, Some(()));
        let began = Instant::now();
        assert_eq!(alarm.or(pending::<()>()).await, None);
        assert_eq!(began.elapsed().as_millis(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_is_put_off_rings_later() {
        let mut alarm = Alarm::after(SECOND);
        for _ in 0..10 {
            assert_eq!(alarm.or(pin!(sleep(SECOND * 3 / 4))).await, Some(()));
            alarm.put_off(SECOND);
        }
        let began = Instant::now();
        assert_eq!(alarm.or(pending::<()>()).await, None);
        assert_eq!(began.elapsed().as_millis(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_whoever_waits_last() {
        let mut alarm = Alarm::after(SECOND);
        let polled = alarm.or(pending::<()>());
        let mut polled = pin!(polled);
        let waker = Waker::noop();
        assert!(
            polled
                .as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_pending()
        );
        assert_eq!(tokio::time::timeout(SECOND * 2, polled).await, Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_time_is_never() {
        let mut alarm = Alarm::after(Duration::MAX);
        assert_eq!(alarm.or(pin!(sleep(SECOND * 3600))).await, Some(()));
        alarm.put_off(Duration::MAX);
    }
}
