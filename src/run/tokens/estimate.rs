//! A mean that follows the recent past.

/// How many replies the estimates are about; until there are so many, all of them.
const REPLIES: f64 = 32.0;

/// A mean of what was seen last.
#[derive(Debug)]
pub(super) struct Estimate {
    pub(super) value: f64,
    seen: f64,
}

impl Estimate {
    /// A guess, which counts for nothing once something was seen.
    pub(super) fn new(guess: f64) -> Self {
        Self {
            value: guess,
            seen: 0.0,
        }
    }

    pub(super) fn learn(&mut self, seen: f64) {
        self.seen = (self.seen + 1.0).min(REPLIES);
        self.value += (seen - self.value) / self.seen;
    }
}
