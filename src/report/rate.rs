//! What happened per minute, over a recent window.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The width of the window: long enough to be calm, short enough to be about now.
const WINDOW: Duration = Duration::from_secs(60);

/// What is shorter than this is no silence worth a word.
const SILENCE: Duration = Duration::from_secs(10);

/// Calls and tokens of the last minute, by second.
#[derive(Debug)]
pub(crate) struct Rate {
    start: Instant,
    seconds: VecDeque<Second>,
    /// When a row ended last; at first, the start.
    last: Instant,
    /// The longest time without a row that came to an end.
    longest_silence: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    rows: u64,
    tokens: u64,
}

/// Per-minute figures.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PerMinute {
    /// Rows ended.
    pub rows: f64,
    /// Tokens used, input and output.
    pub tokens: f64,
}

impl Rate {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            seconds: VecDeque::new(),
            last: start,
            longest_silence: Duration::ZERO,
        }
    }

    pub(crate) fn add(&mut self, now: Instant, tokens: u64) {
        self.longest_silence = self.longest_silence.max(now - self.last);
        self.last = now;
        let number = (now - self.start).as_secs();
        if self
            .seconds
            .back()
            .is_none_or(|second| second.number < number)
        {
            self.seconds.push_back(Second {
                number,
                ..Second::default()
            });
        }
        if let Some(second) = self.seconds.back_mut() {
            second.rows += 1;
            second.tokens = second.tokens.saturating_add(tokens);
        }
        self.forget(number);
    }

    /// Scaled to a minute from the window, or from the run's time where that is shorter.
    pub(crate) fn per_minute(&mut self, now: Instant) -> PerMinute {
        let elapsed = now - self.start;
        self.forget(elapsed.as_secs());
        let (rows, tokens) = self
            .seconds
            .iter()
            .fold((0, 0_u64), |(rows, tokens), second| {
                (rows + second.rows, tokens.saturating_add(second.tokens))
            });
        let minutes = elapsed.min(WINDOW).as_secs_f64().max(1.0) / 60.0;
        PerMinute {
            rows: rows as f64 / minutes,
            tokens: tokens as f64 / minutes,
        }
    }

    /// Whether no row has ended for much longer than ever before: the rate is that of the past then.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        SILENCE.max(2 * self.longest_silence) < now - self.last
    }

    fn forget(&mut self, number: u64) {
        while self
            .seconds
            .front()
            .is_some_and(|s| s.number + WINDOW.as_secs() <= number)
        {
            self.seconds.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_about_the_last_minute_only() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(1)).await;
            rate.add(Instant::now(), 100);
        }
        let early = rate.per_minute(Instant::now());
        assert_eq!((early.rows, early.tokens), (60.0, 6000.0));
        tokio::time::advance(Duration::from_secs(120)).await;
        assert_eq!(rate.per_minute(Instant::now()), PerMinute::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_is_stalled_when_it_is_silent_for_much_longer_than_before() {
        let mut rate = Rate::new(Instant::now());
        let stalled_after = |rate: &Rate, seconds| {
            let then = Instant::now() + Duration::from_secs(seconds);
            rate.is_stalled(then)
        };
        tokio::time::advance(Duration::from_secs(1)).await;
        rate.add(Instant::now(), 1);
        assert_eq!([10, 11].map(|s| stalled_after(&rate, s)), [false, true]);
        tokio::time::advance(Duration::from_secs(15)).await;
        rate.add(Instant::now(), 1);
        assert_eq!([30, 31].map(|s| stalled_after(&rate, s)), [false, true]);
    }
}
