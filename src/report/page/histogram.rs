//! A histogram of numbers from 1 to any, in bounded memory: figures are within 5 %.

/// Buckets per doubling: the middle of one is within 5 % of what is in it.
const PER_DOUBLING: f64 = 8.0;

/// How many numbers there are of each size.
#[derive(Debug, Clone, Default)]
pub(crate) struct SizeHistogram {
    buckets: Vec<u64>,
    zeros: u64,
    count: u64,
    sum: f64,
    most: u64,
}

impl SizeHistogram {
    /// Takes in a number.
    pub(crate) fn add(&mut self, number: u64) {
        self.count += 1;
        self.sum += number as f64;
        self.most = self.most.max(number);
        if number == 0 {
            self.zeros += 1;
            return;
        }
        let bucket = ((number as f64).log2() * PER_DOUBLING) as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
    }

    /// How many numbers there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The largest.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// Their mean.
    pub(crate) fn mean(&self) -> Option<f64> {
        (0 < self.count).then(|| self.sum / self.count as f64)
    }

    /// The number that this share of them does not exceed, from 0 to 1.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = self.zeros;
        if wanted <= seen {
            return Some(0.0);
        }
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if wanted <= seen {
                let middle = 2f64.powf((bucket as f64 + 0.5) / PER_DOUBLING);
                return Some(middle.min(self.most as f64));
            }
        }
        Some(self.most as f64)
    }

    /// The numbers in at most so many bars of equal width on a logarithmic scale: the upper end of each,
    /// and how many are in it. Empty bars at the ends are left out.
    pub(crate) fn bars(&self, most: usize) -> Vec<(f64, u64)> {
        let first = self.buckets.iter().position(|count| 0 < *count);
        let Some(first) = first else {
            return Vec::new();
        };
        let used = &self.buckets[first..];
        let width = used.len().div_ceil(most.max(1)).max(1);
        let bars = used.chunks(width).enumerate().map(|(bar, counts)| {
            let end = first + (bar + 1) * width;
            (2f64.powf(end as f64 / PER_DOUBLING), counts.iter().sum())
        });
        bars.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_five_percent_of_the_numbers_themselves() {
        let mut histogram = SizeHistogram::default();
        (1..=10_000).for_each(|number| histogram.add(number));
        for (share, exact) in [
            (0.5, 5_000.0),
            (0.95, 9_500.0),
            (0.99, 9_900.0),
            (1.0, 10_000.0),
        ] {
            let found = histogram.quantile(share).unwrap();
            assert!((found - exact).abs() <= 0.05 * exact, "{share}: {found}");
        }
        assert_eq!((histogram.count(), histogram.most()), (10_000, 10_000));
        assert_eq!(histogram.mean(), Some(5_000.5));
        let bars = histogram.bars(20);
        assert!(bars.len() <= 20);
        assert_eq!(bars.iter().map(|(_, count)| count).sum::<u64>(), 10_000);
    }

    #[test]
    fn nothing_has_no_quantile_and_zeros_are_counted() {
        let mut histogram = SizeHistogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.mean()), (None, None));
        assert!(histogram.bars(10).is_empty());
        histogram.add(0);
        assert_eq!(histogram.quantile(0.5), Some(0.0));
        histogram.add(u64::MAX);
        assert_eq!(histogram.quantile(1.0), Some(u64::MAX as f64));
    }
}
