//! What the variants of a sweep take together.

use super::{Case, Cases, Estimate, Forecast, PaceEstimate};

impl Forecast {
    /// What these take, of which there is at least one, one after another. What single variants are
    /// measured by is that of the first.
    pub fn sum(of: &[Self]) -> Self {
        let total = |figure: fn(&Self) -> &Estimate| {
            let sum = |case: Case| of.iter().map(|it| figure(it).of(case)).sum::<Option<f64>>();
            Cases::each(|case| sum(case).map(|sum| sum + 0.0))
        };
        let seconds = total(|it| &it.pace.seconds);
        let expected = |it: &&Self| it.pace.seconds.expected.or(it.pace.seconds.worst);
        let slowest = of.iter().max_by(|one, other| {
            expected(one)
                .partial_cmp(&expected(other))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        Self {
            rows: of.iter().map(|it| it.rows).sum(),
            calls: of.iter().map(|it| it.calls).sum(),
            measured_on: of.iter().map(|it| it.measured_on).sum(),
            answers: of.iter().map(|it| it.answers).sum(),
            input: total(|it| &it.input),
            cache_read: total(|it| &it.cache_read),
            output: total(|it| &it.output),
            quota: total(|it| &it.quota),
            largest_reservation: of
                .iter()
                .map(|it| it.largest_reservation)
                .fold(0.0, f64::max),
            on_demand: total(|it| &it.on_demand),
            flex: total(|it| &it.flex),
            batch: total(|it| &it.batch),
            in_tier: total(|it| &it.in_tier),
            pace: PaceEstimate {
                seconds,
                bound: slowest.and_then(|it| it.pace.bound),
            },
            max_tokens: None,
            ..of[0].clone()
        }
    }
}
