//! The day that `{{ date }}` stands for in paths: that of `--date`, else today.

use clap::ArgMatches;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::json;

use super::print;
use crate::job::JobFile;
use crate::report::display::Style;

/// The day, and whether the time zone was found that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) date: Date,
    /// The time zone of the environment, where nothing is known of it.
    unknown_zone: Option<String>,
}

impl Day {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        match matches.get_one::<Date>("date") {
            Some(date) => Self {
                date: *date,
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

    /// Says that the day is that of another time zone, where a path of the job depends on it.
    pub(super) fn warn(&self, style: Style, job: &JobFile) {
        let Some(zone) = self.unknown_zone.as_deref().filter(|_| job.names_the_day()) else {
            return;
        };
        let date = self.date;
        let warning = format!(
            "TZ={zone}: no such time zone is known here; {{{{ date }}}} in paths is the date in UTC, \
             {date}: set it with --date"
        );
        match style {
            Style::Json | Style::QuietJson => {
                print::noted(&json!({ "event": "note", "message": warning }));
            }
            Style::Live | Style::Lines | Style::Quiet => print::said(&warning),
        }
    }
}

/// Reads the value of `--date`.
pub(super) fn date(typed: &str) -> Result<Date, &'static str> {
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
