//! The tokens of a call that several rows share, shared out among them; each row costs its own.

use crate::model::Usage;

/// Whole numbers that are to each other as `weights` are, as nearly as whole numbers can, and
/// make exactly `total`: by the largest remainder. Weights of nothing but 0 count alike.
pub(crate) fn apportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let all: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if all == 0 && !weights.is_empty() {
        return apportion(total, &vec![1; weights.len()]);
    }
    // No share is larger than the total, so it fits.
    let part = |weight: &u64| u128::from(total) * u128::from(*weight);
    let mut shares: Vec<u64> = weights.iter().map(|it| (part(it) / all) as u64).collect();
    let missing = total - shares.iter().sum::<u64>();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(part(&weights[*at]) % all));
    for at in by_remainder.into_iter().take(missing as usize) {
        shares[at] += 1;
    }
    shares
}

impl Usage {
    /// Both counts together; what one does not say is not known of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        Self {
            input_tokens: sum(self.input_tokens, other.input_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
            cache_read_input_tokens: sum(
                self.cache_read_input_tokens,
                other.cache_read_input_tokens,
            ),
            cache_write_input_tokens: sum(
                self.cache_write_input_tokens,
                other.cache_write_input_tokens,
            ),
            cache_write_1h_input_tokens: sum(
                self.cache_write_1h_input_tokens,
                other.cache_write_1h_input_tokens,
            ),
        }
    }

    /// The counts shared out by `weights`; together they are these.
    pub(crate) fn apportioned(self, weights: &[u64]) -> Vec<Self> {
        let share = |count: Option<u64>| count.map(|count| apportion(count, weights));
        let input = share(self.input_tokens);
        let output = share(self.output_tokens);
        let cache_read = share(self.cache_read_input_tokens);
        let cache_write = share(self.cache_write_input_tokens);
        let cache_write_1h = share(self.cache_write_1h_input_tokens);
        let of = |counts: &Option<Vec<u64>>, at: usize| counts.as_ref().map(|it| it[at]);
        let shares = (0..weights.len()).map(|at| Self {
            input_tokens: of(&input, at),
            output_tokens: of(&output, at),
            cache_read_input_tokens: of(&cache_read, at),
            cache_write_input_tokens: of(&cache_write, at),
            cache_write_1h_input_tokens: of(&cache_write_1h, at),
        });
        shares.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_their_weights_and_the_largest_remainders_get_what_is_left() {
        assert_eq!(apportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(apportion(10, &[5, 3, 1]), [6, 3, 1]);
        assert_eq!(apportion(2, &[1, 1, 9]), [0, 0, 2]);
        assert_eq!(apportion(3, &[0, 0]), [2, 1]);
        assert_eq!(apportion(7, &[3]), [7]);
        assert!(apportion(7, &[]).is_empty());
    }

    #[test]
    fn shares_make_the_whole_whatever_the_weights() {
        let mut dice = fastrand::Rng::with_seed(1);
        for _ in 0..1_000 {
            let rows = dice.usize(1..97);
            let weights: Vec<u64> = (0..rows).map(|_| dice.u64(0..5_000)).collect();
            let size = dice.u32(1..60);
            let total = dice.u64(0..1 << size);
            let shares = apportion(total, &weights);
            assert_eq!(shares.iter().sum::<u64>(), total, "{weights:?}");
            let all: u64 = weights.iter().sum();
            for (share, weight) in shares.iter().zip(&weights).filter(|_| 0 < all) {
                let exact = u128::from(total) * u128::from(*weight) / u128::from(all);
                assert!((exact..=exact + 1).contains(&u128::from(*share)));
            }
        }
    }

    #[test]
    fn what_is_not_known_of_the_call_is_not_known_of_its_rows() {
        let usage = Usage {
            input_tokens: Some(5),
            ..Usage::default()
        };
        let shares = usage.apportioned(&[1, 1]);
        let inputs: Vec<_> = shares.iter().map(|usage| usage.input_tokens).collect();
        assert_eq!(inputs, [Some(3), Some(2)]);
        assert!(shares.iter().all(|usage| usage.output_tokens.is_none()));
    }

    #[test]
    fn impossible_counts_do_not_overflow() {
        let most = Usage {
            input_tokens: Some(u64::MAX),
            ..Usage::default()
        };
        assert_eq!(most.plus(most).input_tokens, Some(u64::MAX));
        let shares = most.apportioned(&[u64::MAX, 1]);
        assert_eq!(shares[0].plus(shares[1]), most);
    }
}
