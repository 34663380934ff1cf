//! What follows the clock of a place: a deadline such as `06:30 Europe/Berlin`, and windows of the day
//! with limits of their own.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::run::RequestsPerMinute;

/// A clock deadline that passed less than this long ago still holds for a run that resumes: long enough
/// for the restarts of a night, short enough to be over by the next evening.
const SAME_NIGHT: SignedDuration = SignedDuration::from_hours(12);

/// A time of the day in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockTime {
    pub(super) time: Time,
    pub(super) zone: TimeZone,
}

/// A part of the day with limits of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitWindow {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) zone: TimeZone,
    pub(super) limits: WindowLimits,
}

/// Limits that override those of the job; `None` leaves them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowLimits {
    /// Calls started per minute.
    pub requests_per_minute: Option<RequestsPerMinute>,
    /// Tokens per minute.
    pub tokens_per_minute: Option<u64>,
}

impl ClockTime {
    /// When it is this time next, after `now`.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        (0..3)
            .filter_map(|days| self.on_day(now, days))
            .find(|at| now < *at)
    }

    /// Until when a run may send that starts at `now`. `last` is the deadline of the run before it, if
    /// that did not complete: one of the same night still holds, so that a restart does not get a day
    /// more.
    pub fn deadline(&self, now: Timestamp, last: Option<Timestamp>) -> Option<Timestamp> {
        let of_last_night = last.filter(|last| {
            let passed = *last <= now && now.duration_since(*last) < SAME_NIGHT;
            passed && (-2..1).any(|days| self.on_day(now, days) == Some(*last))
        });
        of_last_night.or_else(|| self.next_after(now))
    }

    /// This time, so many days after the day of `now`. A time that the day does not have, as when clocks
    /// go forward, is as much later.
    fn on_day(&self, now: Timestamp, days: i64) -> Option<Timestamp> {
        let today = now.to_zoned(self.zone.clone()).date();
        let day = today.checked_add(days.days()).ok()?;
        let at = day.to_datetime(self.time).to_zoned(self.zone.clone());
        at.ok().map(|at| at.timestamp())
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.time.strftime("%H:%M"))?;
        match self.zone.iana_name() {
            Some(zone) => write!(f, " {zone}"),
            None => f.write_str(" local time"),
        }
    }
}

impl LimitWindow {
    fn holds_at(&self, now: Timestamp) -> bool {
        let time = now.to_zoned(self.zone.clone()).time();
        match self.from < self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        }
    }
}

/// The limits that these windows set at `now`: of several, the lowest.
pub fn limits_at(windows: &[LimitWindow], now: Timestamp) -> WindowLimits {
    let open = || windows.iter().filter(|window| window.holds_at(now));
    let requests = open().filter_map(|window| window.limits.requests_per_minute);
    WindowLimits {
        requests_per_minute: requests.min_by_key(|requests| requests.0),
        tokens_per_minute: open()
            .filter_map(|window| window.limits.tokens_per_minute)
            .min(),
    }
}

/// `06:30`, and the time zone behind it, if there is one.
pub(super) fn split(typed: &str) -> Option<(Time, Option<&str>)> {
    let typed = typed.trim();
    let (time, zone) = match typed.split_once(' ') {
        Some((time, zone)) => (time, Some(zone.trim())),
        None => (typed, None),
    };
    let (hour, minute) = time.split_once(':')?;
    let is_short = |digits: &str| {
        (1..=2).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit())
    };
    if !is_short(hour) || minute.len() != 2 || !is_short(minute) {
        return None;
    }
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some((time, zone))
}

/// Whether this is written as a clock time, whatever zone it names.
pub(super) fn is_clock_time(typed: &str) -> bool {
    split(typed).is_some()
}

/// The zone of this name, or that of the machine.
pub(super) fn zone(named: Option<&str>) -> Result<TimeZone, String> {
    let Some(name) = named else {
        return local(TimeZone::try_system().ok(), std::env::var("TZ").ok());
    };
    TimeZone::get(name).map_err(|_| {
        format!("no time zone `{name}` is known: name one such as Europe/Berlin, America/New_York or UTC")
    })
}

/// The zone of the machine. Without any setting it is UTC, as everywhere else on such a machine.
fn local(system: Option<TimeZone>, variable: Option<String>) -> Result<TimeZone, String> {
    let variable = variable.filter(|variable| !variable.is_empty());
    match (system, variable) {
        (Some(zone), _) => Ok(zone),
        (None, None) => Ok(TimeZone::UTC),
        (None, Some(unknown)) => Err(format!(
            "it has no time zone, and TZ={unknown} is unknown here: add one after the time, such as \
             \"06:30 Europe/Berlin\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn clock(typed: &str) -> ClockTime {
        let (time, named) = split(typed).unwrap();
        let zone = zone(named).unwrap();
        ClockTime { time, zone }
    }

    #[test]
    fn a_clock_time_is_hours_and_minutes_with_a_zone_or_without() {
        for typed in ["06:30", "6:30", "06:30 Europe/Berlin", "23:59 UTC"] {
            assert!(is_clock_time(typed), "{typed}");
        }
        for typed in [
            "24:00", "06:60", "6", "06:3", "6h", "-1:30", "06:30:00", "", "006:30",
        ] {
            assert!(!is_clock_time(typed), "{typed}");
        }
        let unknown = zone(Some("Europe/Berln")).unwrap_err();
        assert!(
            unknown.starts_with("no time zone `Europe/Berln` is known"),
            "{unknown}"
        );
    }

    #[test]
    fn without_a_zone_it_is_that_of_the_machine_and_utc_where_nothing_is_set() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(local(Some(berlin.clone()), None), Ok(berlin));
        assert_eq!(local(None, None), Ok(TimeZone::UTC));
        assert_eq!(local(None, Some(String::new())), Ok(TimeZone::UTC));
        assert!(
            local(None, Some("Nowhere".into()))
                .unwrap_err()
                .contains("TZ=Nowhere")
        );
    }

    #[test]
    fn the_deadline_is_the_next_time_the_clock_shows_it_there() {
        for (typed, now, expected) in [
            ("06:30 UTC", "2026-11-30T22:00:00Z", "2026-12-01T06:30:00Z"),
            ("06:30 UTC", "2026-12-01T06:29:59Z", "2026-12-01T06:30:00Z"),
            ("06:30 UTC", "2026-12-01T06:30:00Z", "2026-12-02T06:30:00Z"),
            (
                "06:30 Europe/Berlin",
                "2026-11-30T22:00:00Z",
                "2026-12-01T05:30:00Z",
            ),
            // The clocks go forward at 02:00 that night, and back at 03:00.
            (
                "02:30 Europe/Berlin",
                "2027-03-27T23:30:00Z",
                "2027-03-28T01:30:00Z",
            ),
            (
                "06:30 Europe/Berlin",
                "2026-10-24T22:30:00Z",
                "2026-10-25T05:30:00Z",
            ),
        ] {
            let deadline = clock(typed).deadline(at(now), None);
            assert_eq!(deadline, Some(at(expected)), "{typed} after {now}");
        }
    }

    #[test]
    fn a_restart_of_the_same_night_keeps_the_deadline_and_the_next_night_has_its_own() {
        let clock = clock("06:30 UTC");
        let last = Some(at("2026-12-01T06:30:00Z"));
        for (now, expected) in [
            ("2026-12-01T05:00:00Z", "2026-12-01T06:30:00Z"),
            ("2026-12-01T06:30:00Z", "2026-12-01T06:30:00Z"),
            ("2026-12-01T10:00:00Z", "2026-12-01T06:30:00Z"),
            ("2026-12-01T22:00:00Z", "2026-12-02T06:30:00Z"),
        ] {
            assert_eq!(clock.deadline(at(now), last), Some(at(expected)), "{now}");
        }
        // That of another job file says nothing.
        let other = Some(at("2026-12-01T05:00:00Z"));
        let now = at("2026-12-01T07:00:00Z");
        assert_eq!(clock.deadline(now, other), Some(at("2026-12-02T06:30:00Z")));
    }
}
