//! Counts by group and check.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::check::{CheckOutcome, CheckVerdict};
use super::checks::Checks;
use super::compare::Comparison;
use super::judged::JudgedNumbers;
use super::record::{Place, RecordHash, ScoredRecord};
use super::statistics::{Clusters, pass_at, wilson};
use super::{judged, value};
use crate::nearest::nearest;

/// The status of a record that can be checked.
const SUCCEEDED: &str = "succeeded";

/// Everything counted.
#[derive(Debug)]
pub struct ScoreTally {
    by: Option<String>,
    checks: Vec<String>,
    keep_rows: bool,
    groups: BTreeMap<GroupKey, Group>,
}

/// What groups records: their variant, and the field that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    variant: Option<String>,
    by: Option<String>,
}

impl GroupKey {
    /// Whether it is of this variant; all are of none.
    fn is_of(&self, variant: Option<&str>) -> bool {
        variant.is_none() || self.variant.as_deref() == variant
    }
}

/// A variant that the output does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariant {
    name: String,
    variants: Vec<String>,
}

impl std::fmt::Display for UnknownVariant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.variants.is_empty() {
            return write!(f, "the output has no variants: its job had no [sweep]");
        }
        let near = nearest(&self.name, self.variants.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        let all = self.variants.join(", ");
        write!(f, "no variant `{}`{near} (variants: {all})", self.name)
    }
}

/// What a judge said of a group, one of its numbers.
pub(super) struct JudgedRow<'a> {
    pub(super) variant: Option<&'a str>,
    pub(super) by: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) numbers: &'a JudgedNumbers,
}

/// The records of one group.
#[derive(Debug, Default)]
pub struct Group {
    /// Records that were checked.
    pub succeeded: u64,
    /// Rows that failed: they have no answer.
    pub failed: u64,
    /// Rows that were filtered: their answer was withheld.
    pub filtered: u64,
    cost_usd: f64,
    without_cost: u64,
    latency_ms: u64,
    latencies: u64,
    checks: Vec<Scored>,
    /// Records of which a judge said something.
    judged_records: u64,
    /// Numbers of what a judge said, by name.
    judged: BTreeMap<String, JudgedNumbers>,
}

/// What one check said of a group.
#[derive(Debug, Default)]
pub struct Scored {
    /// Records that passed.
    pub passed: u64,
    /// Records that passed or did not.
    pub n: u64,
    /// Records without the value, or without what it is compared with.
    pub missing: u64,
    /// By row, where rows have several samples or groups are compared.
    rows: BTreeMap<RecordHash, Samples>,
}

/// The samples of one row.
#[derive(Debug, Default)]
struct Samples {
    passed: u32,
    n: u32,
    /// The answers, each with how often it was given and how often it passed.
    votes: Vec<(u64, u32, u32)>,
}

/// A record has samples, and rows are not kept: the counts have to be made again with them.
#[derive(Debug)]
pub struct HasSamples;

impl ScoreTally {
    /// Nothing counted yet. `by` is a kept field; with `keep_rows`, rows are told apart.
    pub fn new(checks: &Checks, by: Option<&str>, keep_rows: bool) -> Self {
        Self {
            by: by.map(str::to_owned),
            checks: checks.names().map(str::to_owned).collect(),
            keep_rows,
            groups: BTreeMap::new(),
        }
    }

    /// Counts a record, and what the checks said of it (nothing of one that did not succeed).
    ///
    /// # Errors
    /// The record is a further sample of its row, and the tally does not keep rows.
    pub fn add(
        &mut self,
        record: &ScoredRecord<'_>,
        verdicts: &[CheckVerdict],
    ) -> Result<(), HasSamples> {
        // A row of a single sample is told apart by nothing.
        if record.sample.is_some_and(|sample| 1 < sample) && !self.keep_rows {
            return Err(HasSamples);
        }
        let by = self.by.as_ref().map(|field| {
            let found = record.value(&Place::Metadata(field.clone()));
            found.as_ref().map_or("(none)".into(), value::text)
        });
        let variant = record.variant.as_ref().map(|text| text.0.to_string());
        let group = self.groups.entry(GroupKey { variant, by }).or_default();
        group.checks.resize_with(self.checks.len(), Scored::default);
        match record.status.0.as_ref() {
            SUCCEEDED => group.succeeded += 1,
            "filtered" => group.filtered += 1,
            _ => group.failed += 1,
        }
        group.judged_records += u64::from(record.judged.is_some());
        for (name, number) in judged::numbers(record.judged) {
            let numbers = group.judged.entry(name).or_default();
            numbers.add(record.row_identity(), number);
        }
        let is_failed = record.status.0 == "failed";
        match record.cost_usd {
            // A failed row may have been paid for: its response broke the schema.
            Some(usd) => group.cost_usd += usd,
            None => group.without_cost += u64::from(!is_failed),
        }
        if !is_failed {
            group.latencies += u64::from(record.latency_ms.is_some());
            group.latency_ms += record.latency_ms.unwrap_or(0);
        }
        for (scored, verdict) in group.checks.iter_mut().zip(verdicts) {
            scored.add(verdict, self.keep_rows.then(|| record.row_identity()));
        }
        Ok(())
    }

    /// Whether a judge said anything of a record.
    pub(super) fn is_judged(&self) -> bool {
        self.groups.values().any(|group| 0 < group.judged_records)
    }

    /// Whether the record is one that checks look at.
    pub fn is_checked(record: &ScoredRecord<'_>) -> bool {
        record.status.0 == SUCCEEDED
    }

    /// The groups, by variant and field, each with its checks.
    pub(super) fn rows(&self) -> impl Iterator<Item = ScoreRow<'_>> {
        self.groups.iter().flat_map(|(key, group)| {
            let checks = self.checks.iter().zip(&group.checks);
            checks.map(move |(check, scored)| ScoreRow {
                variant: key.variant.as_deref(),
                by: key.by.as_deref(),
                check,
                group,
                scored,
            })
        })
    }

    /// The numbers of what a judge said, by group.
    pub(super) fn judged(&self) -> impl Iterator<Item = JudgedRow<'_>> {
        self.groups.iter().flat_map(|(key, group)| {
            group.judged.iter().map(|(name, numbers)| JudgedRow {
                variant: key.variant.as_deref(),
                by: key.by.as_deref(),
                name,
                numbers,
            })
        })
    }

    /// The numbers of what a judge said, for programs.
    pub fn judged_json(&self) -> Value {
        let rows = self.judged().map(|row| {
            let (mean, interval) = row.numbers.mean();
            json!({
                "variant": row.variant,
                "by": row.by,
                "score": row.name,
                "n": row.numbers.records(),
                "mean": mean,
                "interval_95": interval.map(|(low, high)| [low, high]),
            })
        });
        rows.collect()
    }

    /// Records that could be checked, failed and filtered, over all groups.
    pub fn records(&self) -> u64 {
        let groups = self.groups.values();
        groups
            .map(|group| group.succeeded + group.failed + group.filtered)
            .sum()
    }

    /// The check that passes for the smallest share of a group, and that share; `None` for one of which
    /// no record could be checked, which comes first.
    pub fn lowest(&self) -> Option<(&str, Option<f64>)> {
        let rates = self.rows().map(|row| (row.check, row.scored.rate()));
        let order = |rate: Option<f64>| rate.unwrap_or(-1.0);
        rates.min_by(|(_, a), (_, b)| order(*a).total_cmp(&order(*b)))
    }

    /// Compares each check with what another output's tally says.
    pub fn compare_with(&self, other: &Self) -> Vec<Comparison> {
        let checks = self.checks.iter().enumerate();
        checks
            .map(|(nth, name)| Comparison::of(name, &other.of_check(nth), &self.of_check(nth)))
            .collect()
    }

    /// Compares each check of the variant `one` with that of `other`, row by row.
    ///
    /// # Errors
    /// There is no such variant, or there are none.
    pub fn compare_variants(
        &self,
        one: &str,
        other: &str,
    ) -> Result<Vec<Comparison>, UnknownVariant> {
        for name in [one, other] {
            if !self.groups.keys().any(|key| key.is_of(Some(name))) {
                return Err(UnknownVariant {
                    name: name.to_owned(),
                    variants: self.variants(),
                });
            }
        }
        let checks = self.checks.iter().enumerate();
        let compared = checks.map(|(nth, name)| {
            let (one, other) = (self.rows_of(nth, Some(one)), self.rows_of(nth, Some(other)));
            Comparison::of(name, &other, &one)
        });
        Ok(compared.collect())
    }

    /// The names of the variants.
    fn variants(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .groups
            .keys()
            .filter_map(|key| key.variant.clone())
            .collect();
        names.dedup();
        names
    }

    /// Passed and all samples by row, over all groups.
    fn of_check(&self, check: usize) -> BTreeMap<RecordHash, (u32, u32)> {
        self.rows_of(check, None)
    }

    /// Passed and all samples by row, over the groups of this variant, or over all.
    fn rows_of(&self, check: usize, variant: Option<&str>) -> BTreeMap<RecordHash, (u32, u32)> {
        let mut rows: BTreeMap<_, (u32, u32)> = BTreeMap::new();
        let groups = self.groups.iter();
        for (_, group) in groups.filter(|(key, _)| key.is_of(variant)) {
            for (row, samples) in &group.checks[check].rows {
                let sum = rows.entry(*row).or_default();
                *sum = (sum.0 + samples.passed, sum.1 + samples.n);
            }
        }
        rows
    }

    /// All of it, for programs.
    pub fn json(&self) -> Value {
        self.rows()
            .map(|row| {
                let ScoreRow { group, scored, .. } = row;
                let interval = scored.interval();
                json!({
                    "variant": row.variant,
                    "by": row.by,
                    "check": row.check,
                    "n": scored.n,
                    "passed": scored.passed,
                    "missing": scored.missing,
                    "failed": group.failed,
                    "filtered": group.filtered,
                    "pass_rate": scored.rate(),
                    "interval_95": interval.map(|(low, high)| [low, high]),
                    "interval_method": scored.method(),
                    "cost_usd": group.cost(),
                    "cost_per_pass_usd": row.cost_per_pass(),
                    "mean_cost_usd": group.mean_cost(),
                    "mean_latency_ms": group.mean_latency(),
                    "majority": scored.majority(),
                    "pass_at": scored.pass_at_all(),
                })
            })
            .collect()
    }
}

/// A group and one of its checks.
pub(super) struct ScoreRow<'a> {
    pub(super) variant: Option<&'a str>,
    pub(super) by: Option<&'a str>,
    pub(super) check: &'a str,
    pub(super) group: &'a Group,
    pub(super) scored: &'a Scored,
}

impl ScoreRow<'_> {
    /// What the group cost for each record that passed; `None` if a cost is unknown or none passed.
    pub(super) fn cost_per_pass(&self) -> Option<f64> {
        let passed = self.scored.passed;
        (0 < passed).then_some(self.group.cost()? / passed as f64)
    }
}

impl Group {
    /// The sum, where all is known.
    fn cost(&self) -> Option<f64> {
        (self.without_cost == 0).then_some(self.cost_usd)
    }

    pub(super) fn mean_cost(&self) -> Option<f64> {
        let n = self.succeeded + self.filtered;
        (0 < n).then_some(self.cost()? / n as f64)
    }

    pub(super) fn mean_latency(&self) -> Option<f64> {
        (0 < self.latencies).then(|| self.latency_ms as f64 / self.latencies as f64)
    }
}

impl Scored {
    fn add(&mut self, verdict: &CheckVerdict, row: Option<RecordHash>) {
        let passed = match verdict.outcome {
            CheckOutcome::Missing => {
                self.missing += 1;
                return;
            }
            CheckOutcome::Passed => 1,
            CheckOutcome::NotPassed => 0,
        };
        self.n += 1;
        self.passed += u64::from(passed);
        let Some(row) = row else { return };
        let samples = self.rows.entry(row).or_default();
        samples.n += 1;
        samples.passed += passed;
        let mut hasher = DefaultHasher::new();
        verdict.value.hash(&mut hasher);
        let answer = hasher.finish();
        match samples
            .votes
            .iter_mut()
            .find(|(known, ..)| *known == answer)
        {
            Some((_, given, right)) => {
                *given += 1;
                *right += passed;
            }
            None => samples.votes.push((answer, 1, passed)),
        }
    }

    /// The share of records that passed.
    pub fn rate(&self) -> Option<f64> {
        (0 < self.n).then(|| self.passed as f64 / self.n as f64)
    }

    /// Whether a row has several samples.
    fn is_sampled(&self) -> bool {
        (self.rows.len() as u64) < self.n && !self.rows.is_empty()
    }

    /// How [`Self::interval`] is made.
    fn method(&self) -> &'static str {
        match self.is_sampled() {
            true => "normal, clustered by row",
            false => "wilson",
        }
    }

    /// The interval of the rate at 95 %.
    pub fn interval(&self) -> Option<(f64, f64)> {
        if !self.is_sampled() {
            return wilson(self.passed, self.n);
        }
        let mut clusters = Clusters::default();
        for samples in self.rows.values() {
            clusters.add(samples.passed.into(), samples.n.into());
        }
        clusters.interval()
    }

    /// The share of rows whose most frequent answer passes. Of answers that are equally frequent,
    /// each counts for its share.
    pub fn majority(&self) -> Option<f64> {
        if !self.is_sampled() {
            return None;
        }
        let right = |samples: &Samples| {
            let most = samples.votes.iter().map(|(_, given, _)| *given).max();
            let first = samples
                .votes
                .iter()
                .filter(|(_, given, _)| Some(*given) == most);
            let (all, passed) = first.fold((0u32, 0.0), |(all, passed), (_, given, right)| {
                (all + 1, passed + f64::from(*right) / f64::from(*given))
            });
            passed / f64::from(all.max(1))
        };
        Some(self.rows.values().map(right).sum::<f64>() / self.rows.len() as f64)
    }

    /// pass@k for k from 1 to the most samples that every row has; of single samples, none.
    pub fn pass_at_all(&self) -> Vec<f64> {
        if !self.is_sampled() {
            return Vec::new();
        }
        let most = self
            .rows
            .values()
            .map(|samples| samples.n)
            .min()
            .unwrap_or(0);
        let at = |k: u32| {
            let of = |samples: &Samples| pass_at(k.into(), samples.passed.into(), samples.n.into());
            self.rows.values().filter_map(of).sum::<f64>() / self.rows.len() as f64
        };
        (1..=most).map(at).collect()
    }
}
