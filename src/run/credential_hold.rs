//! When the credentials have expired everything waits: no row is to blame, and new ones may come.
//!
//! Calls in flight are awaited. Then one call at a time finds out whether the credentials, which
//! the model resolves again, are good again; it costs its row no attempt. A person can log in
//! meanwhile in another terminal. After a while the run stops, and sooner if nothing ever
//! succeeded, since the credentials were then never valid.

use std::time::Duration;

use tokio::time::Instant;

use super::probes::Probes;
use crate::model::Fault;

/// How long credentials are tried that never were good: long enough for a login that is being
/// written, and not so long that a mistake goes unnoticed.
const NEVER_GOOD: Duration = Duration::from_secs(5);

/// Whether calls wait for new credentials.
#[derive(Debug, Default)]
pub(super) struct CredentialHold(Option<HoldState>);

#[derive(Debug)]
struct HoldState {
    probes: Probes,
    fault: Box<Fault>,
}

impl CredentialHold {
    /// The credentials were rejected.
    pub(super) fn refused(&mut self, fault: &Fault, now: Instant) {
        match &mut self.0 {
            Some(held) => held.probes.failed(now),
            None => {
                self.0 = Some(HoldState {
                    probes: Probes::new(now),
                    fault: Box::new(fault.clone()),
                });
            }
        }
    }

    /// Something else came of a call that was sent at this time: if that was a probe, it is over.
    pub(super) fn passed(&mut self, sent: Instant) {
        if self
            .0
            .as_ref()
            .is_some_and(|held| held.probes.since() < sent)
        {
            self.0 = None;
        }
    }

    /// While calls wait: when the next may go, alone.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        self.0.as_ref().map(|held| held.probes.next())
    }

    /// When it has lasted too long, and what it came from.
    pub(super) fn ends(&self, patience: Duration, were_good: bool) -> Option<(Instant, &Fault)> {
        let held = self.0.as_ref()?;
        let patience = if were_good {
            patience
        } else {
            patience.min(NEVER_GOOD)
        };
        Some((held.probes.since() + patience, &held.fault))
    }
}
