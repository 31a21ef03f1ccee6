//! Moments as logs write them, in milliseconds since the epoch.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// `28/Nov/2026:14:00:00 +0100`.
pub(super) fn parse_clf(text: &str) -> Option<i64> {
    strtime::parse("%d/%b/%Y:%H:%M:%S %z", text).ok()?.to_timestamp().ok().map(Timestamp::as_millisecond)
}

/// RFC 3339: `2026-11-28T14:00:00.5+01:00`.
pub(super) fn parse_iso(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// A number that may be seconds, milliseconds, microseconds or nanoseconds: what makes it a moment of this millennium.
pub(super) fn from_number(number: f64) -> Option<i64> {
    const FIRST: f64 = 946_684_800.0; // 2000-01-01
    const LAST: f64 = 32_503_680_000.0; // 3000-01-01
    let scaled = [1.0, 1e3, 1e6, 1e9].map(|unit| number / unit);
    scaled
        .into_iter()
        .find(|seconds| (FIRST..LAST).contains(seconds))
        .map(|seconds| (seconds * 1e3).round() as i64)
}

/// A minute, as people write it.
pub(super) fn minute(at_s: i64) -> String {
    Timestamp::from_second(at_s)
        .map_or_else(|_| "an unknown time".to_owned(), |at| at.strftime("%F %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(parse_clf("10/Oct/2000:13:55:36 -0700"), Some(971_211_336_000));
        assert_eq!(parse_clf("31/Feb/2000:13:55:36 -0700"), None);
        assert_eq!(parse_iso("2026-11-28T01:00:00.25+01:00"), Some(1_795_824_000_250));
        for number in [1_795_824_000.25, 1_795_824_000_250.0, 1.795_824_000_25e15, 1.795_824_000_25e18] {
            assert_eq!(from_number(number), Some(1_795_824_000_250));
        }
        assert_eq!((from_number(7.0), from_number(f64::NAN)), (None, None));
        assert_eq!(minute(1_795_824_030), "2026-11-28 00:00");
    }
}
