//! When nothing comes back but transient errors, the service is down: rows wait, they do not fail.
//! Calls that time out are among them, for each may be billed, and the fewer of them
//! are sent the better; but a few rows that never are answered in time are to blame themselves.
//!
//! One bad call in five is noise, twenty in a row are an outage; and so are fewer, if a row is
//! about to fail because of them and other rows fail as well. From then on a single call at a time finds
//! out whether it is over; it costs its row no attempt. A single row that always breaks the service
//! is not an outage: it fails. What the service asks for meanwhile (`Retry-After`) is not undercut.
//!
//! A model that is not ready says so at the first call, and it says so to all: AWS loads an imported
//! model that was not used for a while when it is called, which takes about five minutes.

use std::time::Duration;

use tokio::time::Instant;

use super::WaitReason;
use super::probes::Probes;
use crate::model::Fault;

/// Consecutive faults without a response that make an outage.
const IN_A_ROW: u32 = 20;

/// Rows with consecutive faults, without a response between them, before one of them is about to fail.
const ROWS_IN_A_ROW: usize = 3;

/// Whether the service responds at all.
#[derive(Debug, Default)]
pub(super) struct Outage {
    in_a_row: u32,
    /// The first few rows among them.
    rows: Vec<u64>,
    /// While it does not: since when, and when the next probe may go.
    down: Option<Down>,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    why: WaitReason,
    probes: Probes,
}

impl Outage {
    /// The service responded: a success, or a throttle, which shows that it is up.
    pub(super) fn responded(&mut self) {
        *self = Self::default();
    }

    /// A transient error of this row came back. True if it belongs to an outage and not to its row.
    pub(super) fn fault(&mut self, row: u64, fault: &Fault, now: Instant) -> bool {
        self.in_a_row += 1;
        if self.rows.len() < ROWS_IN_A_ROW && !self.rows.contains(&row) {
            self.rows.push(row);
        }
        if self.is_still_down(fault, now) {
            return true;
        }
        if self.in_a_row < IN_A_ROW {
            return false;
        }
        self.begin(WaitReason::Outage, fault, now);
        true
    }

    /// The model is not ready.
    pub(super) fn not_ready(&mut self, fault: &Fault, now: Instant) {
        if !self.is_still_down(fault, now) {
            self.begin(WaitReason::NotReady, fault, now);
        }
    }

    /// A call came back with nothing. True if that was to be expected: the next probe is later.
    fn is_still_down(&mut self, fault: &Fault, now: Instant) -> bool {
        let Some(down) = &mut self.down else {
            return false;
        };
        down.probes.failed(now);
        down.probes.not_before(asked(fault, now));
        true
    }

    /// A row is about to fail because of transient errors. True if others fail as well.
    pub(super) fn is_to_blame(&mut self, fault: &Fault, now: Instant) -> bool {
        if self.rows.len() < ROWS_IN_A_ROW {
            return false;
        }
        self.begin(WaitReason::Outage, fault, now);
        true
    }

    fn begin(&mut self, why: WaitReason, fault: &Fault, now: Instant) {
        let mut probes = Probes::new(now);
        probes.not_before(asked(fault, now));
        self.down = Some(Down { why, probes });
    }

    /// How long the service has been down.
    pub(super) fn lasts(&self, now: Instant) -> Option<Duration> {
        self.down.map(|down| now - down.probes.since())
    }

    /// While the service is down: why, and when the next probe may go. One call at a time.
    pub(super) fn next_probe(&self) -> Option<(WaitReason, Instant)> {
        self.down.map(|down| (down.why, down.probes.next()))
    }
}

/// Until when the service asks to be left alone.
fn asked(fault: &Fault, now: Instant) -> Instant {
    now + fault.retry_after.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Category;

    fn broken() -> Fault {
        Fault::local(Category::ServerError, "broken")
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_consecutive_faults_are_an_outage_and_one_response_ends_it() {
        let now = Instant::now();
        let mut outage = Outage::default();
        let counted: Vec<bool> = (0..20)
            .map(|row| outage.fault(row, &broken(), now))
            .collect();
        assert_eq!(counted.iter().filter(|outage| **outage).count(), 1);
        assert!(outage.next_probe().is_some());
        outage.responded();
        assert!(outage.next_probe().is_none());
        assert!(!outage.fault(1, &broken(), now));
    }

    #[tokio::test(start_paused = true)]
    async fn probes_become_rarer_but_never_rarer_than_a_quarter_of_a_minute() {
        let mut now = Instant::now();
        let mut outage = Outage::default();
        for _ in 0..20 {
            outage.fault(1, &broken(), now);
        }
        let mut waits = Vec::new();
        for _ in 0..6 {
            let (_, probe) = outage.next_probe().unwrap();
            waits.push((probe - now).as_secs());
            now = probe;
            outage.fault(1, &broken(), now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 15]);
        assert_eq!(outage.lasts(now), Some(Duration::from_secs(45)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_fails_alone_is_at_fault_and_one_that_fails_among_others_is_not() {
        let now = Instant::now();
        let mut outage = Outage::default();
        for _ in 0..6 {
            outage.fault(1, &broken(), now);
        }
        assert!(!outage.is_to_blame(&broken(), now));
        outage.fault(2, &broken(), now);
        outage.fault(3, &broken(), now);
        assert!(outage.is_to_blame(&broken(), now));
        assert!(outage.next_probe().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_does_not_undercut_what_the_service_asks_for() {
        let mut now = Instant::now();
        let asks = |seconds| Fault {
            retry_after: Some(Duration::from_secs(seconds)),
            ..broken()
        };
        let mut outage = Outage::default();
        for row in 0..20 {
            outage.fault(row, &asks(30), now);
        }
        let mut waits = Vec::new();
        for asked in [1, 60, 0] {
            let (_, probe) = outage.next_probe().unwrap();
            waits.push((probe - now).as_secs());
            now = probe;
            outage.fault(1, &asks(asked), now);
        }
        assert_eq!(waits, [30, 2, 60]);
    }
}
