//! The process that holds the lock of an output, as the lock file names it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    process: u32,
    host: String,
    started_at: String,
}

impl Holder {
    /// The id of the process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// The name of its machine.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is the process that asks.
    pub(super) fn is_this_process(&self) -> bool {
        let this = Self::this_process();
        (self.process, &self.host) == (this.process, &this.host)
    }

    /// The process that asks.
    pub fn this_process() -> Self {
        let host = rustix::system::uname();
        let now = Timestamp::now();
        Self {
            process: std::process::id(),
            host: host.nodename().to_string_lossy().into_owned(),
            started_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            host,
            started_at,
        } = self;
        write!(f, "process {process} on {host}, since {started_at}")
    }
}
