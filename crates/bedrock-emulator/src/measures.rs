//! How long outputs are, and how long they take.

use std::time::Duration;

use serde::Deserialize;

/// Latency of responses.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Milliseconds until the first token. Default 250.
    pub first_token_ms: f64,
    /// Milliseconds for each token of output. Default 8.
    pub per_token_ms: f64,
    /// The share by which a call may be slower or faster, from 0 to 1. Default 0.2.
    pub jitter: f64,
}

/// Lengths of completions, before the request's own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// The shortest completion, in tokens. Default 12; the digest alone takes 5.
    pub min_tokens: usize,
    /// Approximate mean, in tokens: most are shorter, a few much longer. Default 80.
    pub mean_tokens: usize,
    /// The longest completion, in tokens. Default 400.
    pub max_tokens: usize,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            first_token_ms: 250.0,
            per_token_ms: 8.0,
            jitter: 0.2,
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self {
            min_tokens: 12,
            mean_tokens: 80,
            max_tokens: 400,
        }
    }
}

impl Latency {
    /// How long an output of `tokens` takes; `chance` is a random number from 0 to 1.
    pub(super) fn draw(&self, tokens: u64, chance: f64) -> Duration {
        let plain_ms = self.first_token_ms + self.per_token_ms * tokens as f64;
        let ms = plain_ms * (1.0 + self.jitter * (2.0 * chance - 1.0));
        Duration::from_secs_f64(ms / 1_000.0)
    }

    /// Rejects values that contradict each other, with the reason.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let day = 0.0..=86_400_000.0;
        if !day.contains(&self.first_token_ms) || !day.contains(&self.per_token_ms) {
            return Err("a latency is from 0 to a day of milliseconds");
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err("jitter is a share from 0 to 1, such as 0.2");
        }
        Ok(())
    }
}

impl Output {
    /// The length of a completion in tokens; `chance` is a random number from 0 to 1.
    pub(super) fn draw(&self, chance: f64) -> usize {
        let above = self.mean_tokens.saturating_sub(self.min_tokens) as f64;
        let drawn = -above * (1.0 - chance).max(f64::MIN_POSITIVE).ln();
        (self.min_tokens + drawn as usize).min(self.max_tokens)
    }

    /// Rejects values that contradict each other, with the reason.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.mean_tokens < self.min_tokens || self.max_tokens < self.mean_tokens {
            return Err("lengths go up: min_tokens, mean_tokens, max_tokens");
        }
        if 1_000_000 < self.max_tokens {
            return Err("max_tokens is at most 1000000");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, Output};

    #[test]
    fn a_latency_grows_with_the_answer_and_varies_by_the_jitter() {
        let latency = Latency::default();
        let ms = |tokens, chance| latency.draw(tokens, chance).as_millis();
        assert_eq!([ms(0, 0.5), ms(100, 0.5)], [250, 1050]);
        assert_eq!([ms(100, 0.0), ms(100, 1.0)], [840, 1260]);
    }

    #[test]
    fn lengths_stay_within_their_bounds_and_near_their_mean() {
        let output = Output::default();
        assert_eq!([output.draw(0.0), output.draw(1.0)], [12, 400]);
        let sum: usize = (0..1000).map(|n| output.draw(f64::from(n) / 1000.0)).sum();
        assert_eq!(sum / 1000, 79);
    }
}
