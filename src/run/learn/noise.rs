//! Throttles that the rate gives no reason for.
//!
//! A few calls in a hundred may be refused at any rate: others use the model too, and are many. A
//! pace that believed each of these throttles would sink without end, and one that believed none
//! would find no ceiling. So their share is estimated where the rate is below what was let in for
//! certain, and what they bring together by chance is no overrun.

use super::seen::CLOSE_CALLS;

/// The share that is taken for noise before anything is known (BBR puts up with as much loss
/// for the same reason: IETF draft draft-ietf-ccwg-bbr, "BBR.LossThresh").
const EXPECTED: f64 = 0.02;

/// From this share on, a throttle at a ceiling says nothing either. Two throttles in the calls that
/// are remembered come to this.
const RIFE: f64 = 0.008;
const REMEMBERED_CALLS: f64 = 200.0;

/// The share that a service may refuse whatever the rate, where the job says what the quota is: a
/// quota that is smaller by more than that soon shows.
const EXPECTED_OF_A_NAMED_QUOTA: f64 = 0.1;

/// What happens less often than this is no noise.
const UNLIKELY: f64 = 0.02;

/// The share of calls that are throttled whatever the rate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Noise {
    share: f64,
}

impl Noise {
    /// A call starts at a rate that is no reason to refuse it.
    pub(super) fn tries(&mut self) {
        self.share -= self.share / REMEMBERED_CALLS;
    }

    /// Such a call was throttled.
    pub(super) fn fails(&mut self) {
        self.share += 1.0 / REMEMBERED_CALLS;
    }

    /// Whether there is so much noise that one throttle says nothing.
    pub(super) fn is_rife(&self) -> bool {
        RIFE <= self.share
    }

    /// Whether so many throttles, and no call let in, are no noise.
    pub(super) fn is_shut(&self, refused: f64) -> bool {
        self.expected().powf(refused) <= UNLIKELY
    }

    /// How many throttles close together are no noise, where they may be taken for an overrun by
    /// mistake once in so many calls.
    pub(super) fn overrun(&self, calls_between: f64) -> usize {
        overrun(self.expected(), calls_between)
    }

    /// Like [`overrun`](Self::overrun), at a rate that the job names.
    pub(super) fn overrun_of_a_named_quota(&self, calls_between: f64) -> usize {
        overrun(self.share.max(EXPECTED_OF_A_NAMED_QUOTA), calls_between)
    }

    fn expected(&self) -> f64 {
        self.share.max(EXPECTED)
    }
}

/// How many throttles within [`CLOSE_CALLS`] chance brings together less than once in `calls_between`
/// calls, of which `share` are throttled.
fn overrun(share: f64, calls_between: f64) -> usize {
    // How many of the calls before a throttle were throttled too: Poisson's law.
    let mean = share * (CLOSE_CALLS as f64 - 1.0);
    let mut just_so_many = (-mean).exp();
    let mut at_least = 1.0;
    let mut before: u32 = 0;
    while 1.0 < calls_between * share * at_least && u64::from(before) + 1 < CLOSE_CALLS {
        at_least -= just_so_many;
        before += 1;
        just_so_many *= mean / f64::from(before);
    }
    before as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the last many calls, so many in a hundred had noise.
    fn noise(percent: u32) -> Noise {
        let mut noise = Noise::default();
        for call in 0..5_000 {
            noise.tries();
            if call * percent / 100 < (call + 1) * percent / 100 {
                noise.fails();
            }
        }
        noise
    }

    #[test]
    fn the_more_noise_there_is_the_more_throttles_make_an_overrun() {
        let overruns = |noise: Noise| [115.0, 1_150.0, 11_500.0].map(|calls| noise.overrun(calls));
        assert_eq!(overruns(Noise::default()), [3, 5, 6]);
        assert_eq!(overruns(noise(1)), [3, 5, 6], "as much as is expected");
        assert_eq!(overruns(noise(5)), [5, 8, 9]);
        assert_eq!(overruns(noise(10)), [9, 11, 14]);
        assert_eq!(
            overruns(noise(100)),
            [40, 40, 40],
            "never more than are looked at"
        );
    }

    #[test]
    fn admitting_nothing_is_noise_only_if_there_is_much_noise() {
        assert!(Noise::default().is_shut(1.0));
        assert!(!noise(5).is_shut(1.0));
        assert!(noise(5).is_shut(2.0));
        assert!(!noise(20).is_shut(2.0));
    }
}
