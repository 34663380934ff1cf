//! Two groups beside each other, row by row.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::record::RecordHash;
use super::statistics::{Paired, mcnemar};

/// What a check says of two groups, over the rows that both have.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The check.
    pub check: String,
    /// Differences of the rows' pass rates, second minus first.
    pub paired: Paired,
    /// Rows of single samples that only the first, and only the second group passes, and the exact
    /// McNemar test on them; `None` where rows have several samples.
    pub only: Option<(u64, u64, f64)>,
}

impl Comparison {
    pub(super) fn of(
        check: &str,
        first: &BTreeMap<RecordHash, (u32, u32)>,
        second: &BTreeMap<RecordHash, (u32, u32)>,
    ) -> Self {
        let mut paired = Paired::default();
        let (mut first_only, mut second_only, mut single) = (0, 0, true);
        for (row, (passed, n)) in first {
            let Some((other_passed, other_n)) = second.get(row) else {
                continue;
            };
            let rate = |passed: u32, n: u32| f64::from(passed) / f64::from(n);
            paired.add(rate(*passed, *n), rate(*other_passed, *other_n));
            single &= *n == 1 && *other_n == 1;
            first_only += u64::from(passed > other_passed);
            second_only += u64::from(passed < other_passed);
        }
        let only = single.then(|| (first_only, second_only, mcnemar(first_only, second_only)));
        Self {
            check: check.to_owned(),
            paired,
            only,
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "check": self.check,
            "rows": self.paired.rows(),
            "difference": self.paired.mean(),
            "interval_95": self.paired.interval().map(|(low, high)| [low, high]),
            "first_only": self.only.map(|(first, ..)| first),
            "second_only": self.only.map(|(_, second, _)| second),
            "mcnemar_p": self.only.map(|(.., p)| p),
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mean) = self.paired.mean() else {
            return write!(f, "{}: no row is in both", self.check);
        };
        let points = |share: f64| format!("{:+.1}", 100.0 * share);
        write!(
            f,
            "{}: {} points over {} rows",
            self.check,
            points(mean),
            self.paired.rows()
        )?;
        if let Some((low, high)) = self.paired.interval() {
            write!(f, " (95 %: {} to {})", points(low), points(high))?;
        }
        match self.only {
            Some((first, second, p)) => {
                write!(
                    f,
                    "; {first} passed only there, {second} only here; McNemar p = {p:.3}"
                )
            }
            None => Ok(()),
        }
    }
}
