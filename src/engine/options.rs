//! What is asked of a run beside its job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::input::Extent;
use crate::job::MaxFailures;
use crate::output::{Existing, Locks};
use crate::rows::{Changed, Only};
use crate::run::{Signal, StopRequest};

/// As `--drain` has it by default: less than the 30 s that systems give a process to end.
const DRAIN: Duration = Duration::from_secs(25);

/// What is asked of a run beside its job. There may be more of it later.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// Only the first so many rows.
    pub limit: Option<u64>,
    /// What to do with existing output.
    pub existing: Existing,
    /// What to do with completed rows whose request has changed.
    pub changed: Changed,
    /// The most completed rows that are sent again because their request or id changed; `None` is 10 %
    /// of them, and 5 in any case.
    pub max_redo: Option<MaxFailures>,
    /// Only these rows, completed ones again.
    pub only: Option<Only>,
    /// How long to wait for another run on the same output.
    pub wait_lock: Option<Duration>,
    /// Which file systems an output may be on.
    pub locks: Locks,
    /// Hosts that are not AWS's and that may have a Bedrock API key, by their names without a port.
    pub trusted_hosts: Vec<String>,
    /// How long calls in flight may take once the run has been asked to stop.
    pub drain: Duration,
    /// A file that keeps figures of the run in the text format of Prometheus.
    pub metrics_file: Option<PathBuf>,
    /// Stops the run from elsewhere.
    pub stop: StopHandle,
}

impl RunOptions {
    /// How much of the input is read.
    pub(super) fn extent(&self) -> Extent {
        match self.limit {
            Some(_) => Extent::Beginning,
            None => Extent::All,
        }
    }
}

impl Default for RunOptions {
    /// Resumes, over all rows, and gives calls in flight 25 s.
    fn default() -> Self {
        Self {
            limit: None,
            existing: Existing::Resume,
            changed: Changed::Refused,
            max_redo: None,
            only: None,
            wait_lock: None,
            locks: Locks::Trusted,
            trusted_hosts: Vec::new(),
            drain: DRAIN,
            metrics_file: None,
            stop: StopHandle::default(),
        }
    }
}

/// Stops a run from elsewhere. Clones stop the same runs.
#[derive(Debug, Clone)]
pub struct StopHandle {
    pub(super) asked: Arc<watch::Sender<StopRequest>>,
}

impl Default for StopHandle {
    fn default() -> Self {
        Self {
            asked: Arc::new(watch::Sender::new(StopRequest::Run)),
        }
    }
}

impl StopHandle {
    /// Stops sending and lets calls in flight finish, for [`RunOptions::drain`] at most. The second time,
    /// does not wait for them. It holds for later runs with the same options too.
    pub fn stop(&self) {
        self.asked
            .send_modify(|asked| *asked = asked.and(Signal::Terminate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_seen_by_whoever_holds_the_options() {
        let handle = StopHandle::default();
        let asked = handle.clone().asked.subscribe();
        handle.stop();
        assert_eq!(*asked.borrow(), StopRequest::Drain(Signal::Terminate));
        handle.stop();
        assert_eq!(*asked.borrow(), StopRequest::Leave(Signal::Terminate));
    }
}
