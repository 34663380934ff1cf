//! What follows the clock: the deadline, if it is a clock time, and windows of limits.

use std::time::Duration;

use jiff::Timestamp;

use super::Plan;
use super::limits::requests_per_minute;
use super::values::wrong;
use crate::job::clock::{ClockTime, LimitWindow, WindowLimits, split, zone};
use crate::job::file::{JobError, LimitsTable, WindowTable};

impl Plan {
    /// How long a run may send that starts at `now`, if that is limited.
    pub fn deadline_in(&self, now: Timestamp, last: Option<Timestamp>) -> Option<Duration> {
        let Some(clock) = &self.clock_deadline else {
            return self.limits.deadline;
        };
        let left = clock.deadline(now, last)?.duration_since(now);
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
    }
}

/// The clock time of `deadline`, if it is one.
pub(super) fn clock_deadline(table: &LimitsTable) -> Result<Option<ClockTime>, JobError> {
    let Some((time, named)) = table.deadline.as_deref().and_then(split) else {
        return Ok(None);
    };
    let zone = zone(named).map_err(|why| wrong("limits.deadline", why))?;
    Ok(Some(ClockTime { time, zone }))
}

/// The windows of the job.
pub(super) fn windows(table: &LimitsTable) -> Result<Vec<LimitWindow>, JobError> {
    let windows = table.window.iter().map(window);
    let windows: Result<Vec<_>, String> = windows.collect();
    windows.map_err(|why| wrong("limits.window", why))
}

fn window(table: &WindowTable) -> Result<LimitWindow, String> {
    let time = |name: &str, typed: &Option<String>| {
        let typed = typed.as_deref().unwrap_or_default();
        match split(typed) {
            Some((time, None)) => Ok(time),
            Some((_, Some(zone))) => Err(format!("write zone = \"{zone}\" beside {name}")),
            None => Err(format!(
                "{name} must be a clock time such as \"08:00\", not \"{typed}\""
            )),
        }
    };
    let (from, to) = (time("from", &table.from)?, time("to", &table.to)?);
    if from == to {
        return Err("from and to are the same time: leave the window out, and set the limit for the whole day".into());
    }
    let limits = WindowLimits {
        requests_per_minute: requests_per_minute(table.requests_per_minute),
        tokens_per_minute: table.tokens_per_minute,
    };
    if limits == WindowLimits::default() {
        return Err("a window needs requests_per_minute or tokens_per_minute, from 1".into());
    }
    Ok(LimitWindow {
        from,
        to,
        zone: zone(table.zone.as_deref())?,
        limits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::limits_at;

    #[test]
    fn of_windows_that_overlap_the_lowest_limit_holds_and_one_may_span_midnight() {
        let window = |from: &str, to: &str, requests| {
            window(&WindowTable {
                from: Some(from.into()),
                to: Some(to.into()),
                zone: Some("UTC".into()),
                requests_per_minute: Some(requests),
                tokens_per_minute: None,
            })
            .unwrap()
        };
        let windows = [
            window("08:00", "18:00", 200),
            window("12:00", "13:00", 50),
            window("22:00", "02:00", 900),
        ];
        for (time, expected) in [
            ("07:59:59", None),
            ("08:00:00", Some(200)),
            ("12:30:00", Some(50)),
            ("18:00:00", None),
            ("23:00:00", Some(900)),
            ("01:59:59", Some(900)),
            ("02:00:00", None),
        ] {
            let limits = limits_at(&windows, format!("2026-12-01T{time}Z").parse().unwrap());
            let requests = limits.requests_per_minute.map(|it| it.0.get());
            assert_eq!(requests, expected, "{time}");
        }
    }
}
