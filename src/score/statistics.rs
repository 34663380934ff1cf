//! Intervals and tests, each by its name.

/// The quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;

/// The Wilson score interval at 95 % of `passed` out of `of`; `None` of nothing.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927;
/// without correction for continuity.
pub fn wilson(passed: u64, of: u64) -> Option<(f64, f64)> {
    if of == 0 {
        return None;
    }
    let n = of as f64;
    let rate = passed as f64 / n;
    let z2 = Z * Z;
    let center = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends the formula is exact on paper, and off by a rounding here.
    let low = if passed == 0 { 0.0 } else { center - half };
    let high = if passed == of { 1.0 } else { center + half };
    Some((low, high))
}

/// What an interval needs of rows that have several samples each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clusters {
    /// Rows.
    clusters: u64,
    /// Samples.
    n: u64,
    /// Samples that passed.
    passed: u64,
    /// Sum over the rows of passed², passed × n, and n².
    passed_squared: f64,
    passed_n: f64,
    n_squared: f64,
}

impl Clusters {
    /// Counts a row of `n` samples, of which `passed` passed.
    pub fn add(&mut self, passed: u64, n: u64) {
        self.clusters += 1;
        self.n += n;
        self.passed += passed;
        let (passed, n) = (passed as f64, n as f64);
        self.passed_squared += passed * passed;
        self.passed_n += passed * n;
        self.n_squared += n * n;
    }

    /// The rate, with an interval at 95 % that takes samples of one row as dependent: the normal
    /// interval with the standard error that is robust to clusters, with the factor
    /// `clusters / (clusters - 1)` for few of them, cut to 0…1. Where it has no width (all passed,
    /// or none), or with a single row, it is the Wilson interval of as many trials as there are rows.
    pub fn interval(&self) -> Option<(f64, f64)> {
        if self.n == 0 {
            return None;
        }
        let rate = self.passed as f64 / self.n as f64;
        if self.clusters < 2 || self.passed == 0 || self.passed == self.n {
            let passed = (rate * self.clusters as f64).round() as u64;
            return wilson(passed, self.clusters);
        }
        // The residuals of a row sum up to passed - rate × n.
        let squares =
            self.passed_squared - 2.0 * rate * self.passed_n + rate * rate * self.n_squared;
        let few = self.clusters as f64 / (self.clusters - 1) as f64;
        let half = Z * (few * squares.max(0.0)).sqrt() / self.n as f64;
        Some(((rate - half).max(0.0), (rate + half).min(1.0)))
    }
}

/// The share of sets of `k` out of `n` samples, `passed` of which passed, that have at least one
/// that passed; `None` if there are fewer than `k`.
///
/// The unbiased estimator of pass@k of M. Chen et al., "Evaluating large language models trained on
/// code", 2021.
pub fn pass_at(k: u64, passed: u64, n: u64) -> Option<f64> {
    if k == 0 || n < k {
        return None;
    }
    if n - passed < k {
        return Some(1.0);
    }
    let none = ((n - passed + 1)..=n).map(|m| 1.0 - k as f64 / m as f64);
    Some(1.0 - none.product::<f64>())
}

/// Differences between two groups, row by row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Paired {
    /// Rows that both have.
    n: u64,
    sum: f64,
    squares: f64,
}

impl Paired {
    /// Counts a row by the share of its samples that passed in the first and in the second group.
    pub fn add(&mut self, first: f64, second: f64) {
        let difference = second - first;
        self.n += 1;
        self.sum += difference;
        self.squares += difference * difference;
    }

    /// Rows counted.
    pub fn rows(&self) -> u64 {
        self.n
    }

    /// The mean difference, second minus first.
    pub fn mean(&self) -> Option<f64> {
        (0 < self.n).then(|| self.sum / self.n as f64)
    }

    /// The normal interval at 95 % of the mean of the differences; `None` of fewer than two rows.
    pub fn interval(&self) -> Option<(f64, f64)> {
        if self.n < 2 {
            return None;
        }
        let n = self.n as f64;
        let mean = self.sum / n;
        let variance = ((self.squares - n * mean * mean) / (n - 1.0)).max(0.0);
        let half = Z * (variance / n).sqrt();
        Some((mean - half, mean + half))
    }
}

/// The exact McNemar test: how likely a split at least as uneven as `first_only` to `second_only`
/// is, of rows that only one of two groups passes, if both groups are as good as each other.
///
/// Two-sided, from the binomial distribution with p = 1/2.
pub fn mcnemar(first_only: u64, second_only: u64) -> f64 {
    let n = first_only + second_only;
    let fewer = first_only.min(second_only);
    if first_only == second_only {
        return 1.0;
    }
    // The terms of the tail, from the largest down, each from the one before.
    let mut term = (log_choose(n, fewer) - n as f64 * std::f64::consts::LN_2).exp();
    let mut tail = 0.0;
    for k in (0..=fewer).rev() {
        tail += term;
        if term < tail * 1e-18 {
            break;
        }
        term *= k as f64 / (n - k + 1) as f64;
    }
    (2.0 * tail).min(1.0)
}

fn log_choose(n: u64, k: u64) -> f64 {
    log_factorial(n) - log_factorial(k) - log_factorial(n - k)
}

/// The logarithm of `n!`: the sum itself for few, Stirling's series for many.
fn log_factorial(n: u64) -> f64 {
    if n < 256 {
        return (2..=n).map(|m| (m as f64).ln()).sum();
    }
    let x = n as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    x * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI * x).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        let error = (found - expected).abs() / expected.abs().max(1e-300);
        assert!(
            error < 1e-9 || found == expected,
            "{found} is not {expected}"
        );
    }

    /// Expected values: statsmodels' `proportion_confint(method="wilson")`.
    #[test]
    fn wilson_intervals_equal_those_of_statsmodels() {
        for (passed, of, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_889_26),
            (1, 3, 0.061_491_944_720_396_26, 0.792_340_399_197_952_3),
            (5, 10, 0.236_593_090_512_563_94, 0.763_406_909_487_436_1),
            (90, 100, 0.825_634_338_495_086_5, 0.944_770_862_939_324_9),
            (10, 10, 0.722_467_200_137_110_6, 1.0),
            (337, 1319, 0.232_693_063_938_941_9, 0.279_720_161_622_484),
            (
                999_999,
                1_000_000,
                0.999_994_335_088_195_7,
                0.999_999_823_475_423_3,
            ),
        ] {
            let interval = wilson(passed, of).unwrap();
            close(interval.0, low);
            close(interval.1, high);
        }
        assert_eq!(wilson(0, 0), None);
    }

    /// Expected values: scipy's `binomtest(min(b, c), b + c).pvalue`.
    #[test]
    fn mcnemar_equals_the_binomial_test_of_scipy() {
        for (first, second, p) in [
            (0, 0, 1.0),
            (7, 7, 1.0),
            (0, 5, 0.0625),
            (3, 9, 0.145_996_093_75),
            (12, 10, 0.831_811_904_907_226_6),
            (40, 75, 0.001_412_957_498_607_674),
            (300, 420, 8.807_756_168_615_114e-6),
            (5000, 5300, 0.003_215_819_673_645_259),
        ] {
            close(mcnemar(first, second), p);
        }
    }

    /// Expected values: statsmodels' OLS on a constant with `cov_type="cluster"`, normal intervals.
    #[test]
    fn intervals_of_clusters_equal_those_of_statsmodels() {
        let mut clusters = Clusters::default();
        for (passed, n) in [(0, 3), (1, 3), (3, 3), (2, 3), (1, 2), (4, 5)] {
            clusters.add(passed, n);
        }
        let (low, high) = clusters.interval().unwrap();
        close(low, 0.291_493_649_716_734_7);
        close(high, 0.866_401_087_125_371_1);
    }

    #[test]
    fn clusters_without_spread_are_as_many_trials_as_rows() {
        let mut clusters = Clusters::default();
        assert_eq!(clusters.interval(), None);
        clusters.add(3, 3);
        assert_eq!(clusters.interval(), wilson(1, 1));
        clusters.add(3, 3);
        assert_eq!(clusters.interval(), wilson(2, 2));
        clusters.add(0, 3);
        assert_ne!(clusters.interval(), wilson(2, 3));
    }

    #[test]
    fn pass_at_k_is_the_share_of_sets_with_one_that_passed() {
        assert_eq!(pass_at(1, 1, 4), Some(0.25));
        // Of the six pairs out of four, three have the one that passed.
        assert_eq!(pass_at(2, 1, 4), Some(0.5));
        assert_eq!(pass_at(4, 1, 4), Some(1.0));
        assert_eq!(pass_at(2, 0, 4), Some(0.0));
        assert_eq!(pass_at(5, 1, 4), None);
        assert_eq!(pass_at(0, 1, 4), None);
    }

    /// Expected values: numpy's standard deviation with `ddof=1` and scipy's normal quantile.
    #[test]
    fn paired_differences_have_the_normal_interval_of_their_mean() {
        let mut paired = Paired::default();
        assert_eq!((paired.mean(), paired.interval()), (None, None));
        for (first, second) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (1.0, 0.0),
            (0.0, 1.0),
            (0.5, 1.0),
            (1.0, 1.0),
        ] {
            paired.add(first, second);
        }
        close(paired.mean().unwrap(), 0.25);
        let (low, high) = paired.interval().unwrap();
        close(low, -0.356_745_254_328_250_77);
        close(high, 0.856_745_254_328_250_8);
    }
}
