//! How long the service asks us to wait, as the headers of its refusal say it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// Reads what `header` finds: milliseconds in `x-amz-retry-after` (botocore's Retry 2.1), which is the
/// more exact, or `retry-after` with seconds or the date that is waited for (RFC 9110, 10.2.3). A date
/// is measured by the service's own clock, if it tells it.
pub(crate) fn retry_after<'a>(
    header: impl Fn(&'static str) -> Option<&'a str>,
    now: Timestamp,
) -> Option<Duration> {
    let number = |name| header(name)?.trim().parse::<u64>().ok();
    if let Some(milliseconds) = number("x-amz-retry-after") {
        return Some(Duration::from_millis(milliseconds));
    }
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    let then = header("retry-after").and_then(date)?;
    let now = header("date").and_then(date).unwrap_or(now);
    // What lies in the past is over.
    Some(Duration::try_from(then.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default())
}

fn date(text: &str) -> Option<Timestamp> {
    Some(rfc2822::parse(text.trim()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Option<Duration>) {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name);
        let found = retry_after(|name| header(name).map(|(_, value)| *value), now);
        assert_eq!(found, expected, "{headers:?}");
    }

    #[test]
    fn seconds_milliseconds_and_dates_are_read_and_nothing_else() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        check(&[], None);
        check(&[("retry-after", "7")], seconds(7));
        check(&[("retry-after", " 7 ")], seconds(7));
        check(
            &[("retry-after", "18446744073709551615")],
            seconds(u64::MAX),
        );
        check(&[("retry-after", "18446744073709551616")], None);
        check(&[("retry-after", "-1")], None);
        check(&[("retry-after", "soon")], None);
        check(
            &[("x-amz-retry-after", "1500")],
            Some(Duration::from_millis(1500)),
        );
        check(
            &[("retry-after", "9"), ("x-amz-retry-after", "20")],
            Some(Duration::from_millis(20)),
        );
        check(
            &[("retry-after", "9"), ("x-amz-retry-after", "?")],
            seconds(9),
        );
        let then = ("retry-after", "Sun, 22 Nov 2026 10:00:30 GMT");
        check(&[then], seconds(30));
        check(
            &[then, ("date", "Sun, 22 Nov 2026 10:00:20 GMT")],
            seconds(10),
        );
        check(
            &[then, ("date", "Sun, 22 Nov 2026 10:01:00 GMT")],
            seconds(0),
        );
    }
}
