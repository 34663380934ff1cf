//! A process watched from outside, by what Linux tells of it in `/proc`.

use std::fs::read_to_string;
use std::process::{Child, Command};
use std::time::Duration;

use tokio::time::{Instant, interval};

use crate::broken::{self, Broken};

/// How often a process is looked at: the error of its wall clock, and what may be missed of its
/// peak at the very end.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The unit of CPU time in `/proc/PID/stat`: `USER_HZ`, 100 on every Linux (man 5 proc).
const TICK: Duration = Duration::from_millis(10);

/// What a process took from its start to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// From just before it was started.
    pub(crate) wall: Duration,
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// The most memory it had resident, in KiB.
    pub(crate) peak_kib: u64,
}

/// A process that does not outlive its owner.
pub(crate) struct Guarded(pub(crate) Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Where it has ended already there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `command` to its end.
pub(crate) async fn watch(side: &'static str, command: &mut Command) -> Result<Took, Broken> {
    let start = Instant::now();
    let child = command.spawn().map_err(broken::io("start a side"))?;
    let mut child = Guarded(child);
    let stat = format!("/proc/{}/stat", child.0.id());
    let status = format!("/proc/{}/status", child.0.id());
    let mut look = interval(LOOK_EVERY);
    let mut peak_kib = 0;
    loop {
        look.tick().await;
        let stat = read_to_string(&stat).map_err(broken::io("look at a side"))?;
        let (ended, cpu) = read_stat(&stat);
        if !ended {
            let status = read_to_string(&status).map_err(broken::io("look at a side"))?;
            peak_kib = read_peak(&status).unwrap_or(peak_kib);
            continue;
        }
        let wall = start.elapsed();
        let status = child.0.wait().map_err(broken::io("wait for a side"))?;
        if !status.success() {
            return Err(Broken::Side { side, status });
        }
        return Ok(Took {
            wall,
            cpu,
            peak_kib,
        });
    }
}

/// Whether the process has ended, and its CPU time: fields 3, 14 and 15. A process that has ended
/// keeps them until it is waited for.
fn read_stat(stat: &str) -> (bool, Duration) {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
    let cpu = TICK * (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0));
    (fields.first() == Some(&"Z"), cpu)
}

fn read_peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
