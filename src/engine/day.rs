//! The day that `{{ date }}` stands for in paths: that of `--date`, else today.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::job::JobFile;

/// The day, and whether the time zone was found that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) date: Date,
    /// The time zone of the environment, where nothing is known of it.
    unknown_zone: Option<String>,
}

impl Day {
    /// The day that was named, else today.
    pub(crate) fn of(named: Option<Date>) -> Self {
        match named {
            Some(date) => Self {
                date,
                unknown_zone: None,
            },
            None => Self::today(),
        }
    }

    fn today() -> Self {
        match TimeZone::try_system() {
            Ok(zone) => Self {
                date: Timestamp::now().to_zoned(zone).date(),
                unknown_zone: None,
            },
            Err(_) => Self {
                date: Zoned::now().date(),
                unknown_zone: std::env::var("TZ").ok().filter(|zone| !zone.is_empty()),
            },
        }
    }

    /// Said if the day is that of another time zone, and a path of the job depends on it.
    pub(super) fn warning(&self, job: &JobFile) -> Option<String> {
        let zone = self.unknown_zone.as_deref()?;
        let date = self.date;
        job.names_the_day().then(|| {
            format!(
                "TZ={zone}: no such time zone is known here; {{{{ date }}}} in paths is the date in UTC, \
                 {date}: set it with --date"
            )
        })
    }
}

/// Reads the value of `--date`.
pub(crate) fn date(typed: &str) -> Result<Date, &'static str> {
    let date = typed.parse::<Date>().ok();
    date.filter(|date| date.to_string() == typed)
        .ok_or("it takes a date such as 2026-11-30")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_in_one_way() {
        assert_eq!(date("2026-11-30"), Ok(jiff::civil::date(2026, 11, 30)));
        for typed in ["2026-11-31", "20261130", "2026-11-30T10:00", "today", ""] {
            assert!(date(typed).is_err(), "{typed}");
        }
    }
}
