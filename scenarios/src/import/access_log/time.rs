//! Time formats of access logs; all results are milliseconds since the Unix epoch.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// Parses `28/Nov/2026:14:00:00 +0100`, as in Common Log Format.
pub(super) fn parse_clf_time(text: &str) -> Option<i64> {
    strtime::parse("%d/%b/%Y:%H:%M:%S %z", text).ok()?.to_timestamp().ok().map(Timestamp::as_millisecond)
}

/// Parses RFC 3339, e.g. `2026-11-28T14:00:00.5+01:00`.
pub(super) fn parse_rfc3339_time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Interprets a number as seconds, milliseconds, microseconds or nanoseconds: the first unit that gives a time in this millennium.
pub(super) fn parse_numeric_time(number: f64) -> Option<i64> {
    const FIRST: f64 = 946_684_800.0; // 2000-01-01
    const LAST: f64 = 32_503_680_000.0; // 3000-01-01
    let scaled = [1.0, 1e3, 1e6, 1e9].map(|unit| number / unit);
    scaled
        .into_iter()
        .find(|seconds| (FIRST..LAST).contains(seconds))
        .map(|seconds| (seconds * 1e3).round() as i64)
}

/// Formats a time as `2026-11-28 14:00` in UTC; `unix_s` is in seconds.
pub(super) fn format_minute(unix_s: i64) -> String {
    Timestamp::from_second(unix_s)
        .map_or_else(|_| "an unknown time".to_owned(), |at| at.strftime("%F %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_format_is_parsed() {
        assert_eq!(parse_clf_time("10/Oct/2000:13:55:36 -0700"), Some(971_211_336_000));
        assert_eq!(parse_clf_time("31/Feb/2000:13:55:36 -0700"), None);
        assert_eq!(parse_rfc3339_time("2026-11-28T01:00:00.25+01:00"), Some(1_795_824_000_250));
        for number in [1_795_824_000.25, 1_795_824_000_250.0, 1.795_824_000_25e15, 1.795_824_000_25e18] {
            assert_eq!(parse_numeric_time(number), Some(1_795_824_000_250));
        }
        assert_eq!((parse_numeric_time(7.0), parse_numeric_time(f64::NAN)), (None, None));
        assert_eq!(format_minute(1_795_824_030), "2026-11-28 00:00");
    }
}
