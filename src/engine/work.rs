//! What there is to do before the loop begins, counted while the rows are looked over.

use std::collections::HashMap;

use super::lanes::Lane;
use crate::job::PlannedVariant;
use crate::model::Fingerprint;
use crate::rows::{Changed, Standing, identity, place_of};
use crate::run::Row;

/// What there is to do, by variant.
#[derive(Default)]
pub(super) struct VariantWork {
    of_variants: Vec<WorkOfVariant>,
}

#[derive(Default, Clone)]
struct WorkOfVariant {
    /// Rows that may be sent.
    rows: u64,
    /// Rows that succeeded with the request that they would send now.
    succeeded: u64,
    /// How many rows are to send each request, where identical ones are sent once.
    requests: HashMap<Fingerprint, u64>,
}

impl VariantWork {
    pub(super) fn of(variants: &[PlannedVariant]) -> Self {
        Self {
            of_variants: vec![WorkOfVariant::default(); variants.len()],
        }
    }

    pub(super) fn take(
        &mut self,
        row: &Row,
        standing: Standing<'_>,
        changed: Changed,
        is_sent_once: bool,
    ) {
        let who = identity(row);
        let of = &mut self.of_variants[place_of(who)];
        if !changed.sends(standing) {
            let succeeded = standing.line().is_some_and(|line| !line.failed);
            of.succeeded += u64::from(succeeded);
            return;
        }
        of.rows += 1;
        if let Some(request) = who.fingerprint.filter(|_| is_sent_once) {
            *of.requests.entry(request).or_default() += 1;
        }
    }

    /// Whether rows of this lane may be sent.
    pub(super) fn is_left_in(&self, lane: &Lane) -> bool {
        lane.places
            .iter()
            .any(|place| 0 < self.of_variants[*place].rows)
    }

    /// Whether a row of this lane succeeded with the request that it would send now.
    pub(super) fn has_succeeded_in(&self, lane: &Lane) -> bool {
        let mut places = lane.places.iter();
        places.any(|place| 0 < self.of_variants[*place].succeeded)
    }

    /// How many rows of this lane are to send each request.
    pub(super) fn requests_of(&self, lane: &Lane) -> HashMap<Fingerprint, u64> {
        let mut all = HashMap::new();
        for place in &lane.places {
            for (request, rows) in &self.of_variants[*place].requests {
                *all.entry(*request).or_default() += rows;
            }
        }
        all
    }
}
