//! When a phase of load is better stopped than carried on: `error > 50%`, `p95 > 5s`, for some seconds in a row. Pure.

use std::fmt;
use std::str::FromStr;

use crate::load::SecondStats;
use crate::units::{Micros, Ratio, Span};

/// So many seconds in a row must be beyond the limit: one bad second is a hiccup.
pub const SECONDS: u32 = 3;
/// A share of errors among fewer requests than this says nothing.
const LEAST_REQUESTS: u64 = 5;

/// A figure of a second, and what it must not exceed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StopWhen {
    /// The share of requests that failed.
    Errors(Ratio),
    /// A response time.
    Time(Percentile, Micros),
}

/// Which response time of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Percentile {
    /// The median.
    P50,
    /// The 95th.
    P95,
    /// The 99th.
    P99,
    /// The longest.
    Max,
}

impl Percentile {
    const ALL: [(&'static str, Self); 4] =
        [("p50", Self::P50), ("p95", Self::P95), ("p99", Self::P99), ("max", Self::Max)];
}

/// A limit that is not one, with valid examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no limit to stop at; write e.g. `error > 50%` or `p95 > 5s` (p50, p95, p99, max)")]
pub struct StopWhenError(String);

impl StopWhen {
    /// Whether a second was beyond it; a second in which nothing ended is not.
    pub fn is_exceeded(&self, second: &SecondStats) -> bool {
        match self {
            Self::Errors(limit) => {
                second.requests >= LEAST_REQUESTS
                    && Ratio::of(second.errors, second.requests).is_some_and(|share| share > *limit)
            }
            Self::Time(percentile, limit) => {
                let time = match percentile {
                    Percentile::P50 => second.p50_us,
                    Percentile::P95 => second.p95_us,
                    Percentile::P99 => second.p99_us,
                    Percentile::Max => second.max_us,
                };
                second.requests > 0 && time > *limit
            }
        }
    }
}

impl FromStr for StopWhen {
    type Err = StopWhenError;

    fn from_str(text: &str) -> Result<Self, StopWhenError> {
        parse(text).ok_or_else(|| StopWhenError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<StopWhen> {
    let (figure, limit) = text.split_once('>')?;
    let (figure, limit) = (figure.trim(), limit.trim());
    if figure == "error" {
        let percent: f64 = limit.strip_suffix('%')?.trim().parse().ok()?;
        return (0.0..100.0).contains(&percent).then_some(StopWhen::Errors(Ratio(percent / 100.0)));
    }
    let (_, percentile) = Percentile::ALL.into_iter().find(|(name, _)| *name == figure)?;
    let limit = Micros::from_duration(limit.parse::<Span>().ok()?.0);
    (limit > Micros::ZERO).then_some(StopWhen::Time(percentile, limit))
}

impl fmt::Display for StopWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors(limit) => write!(f, "error > {}%", limit.0 * 100.0),
            Self::Time(percentile, limit) => {
                let name =
                    Percentile::ALL.iter().find(|(_, own)| own == percentile).map_or("", |(name, _)| name);
                write!(f, "{name} > {}ms", limit.as_millis())
            }
        }
    }
}

/// Counts seconds in a row.
#[derive(Debug, Clone)]
pub struct Guard {
    limits: Vec<(StopWhen, u32)>,
}

impl Guard {
    /// Watches these limits.
    pub fn new(limits: &[StopWhen]) -> Self {
        Self { limits: limits.iter().map(|limit| (*limit, 0)).collect() }
    }

    /// Looks at a second; the limit that was exceeded for long enough, if any.
    pub fn look(&mut self, second: &SecondStats) -> Option<StopWhen> {
        for (limit, seconds) in &mut self.limits {
            *seconds = if limit.is_exceeded(second) { *seconds + 1 } else { 0 };
        }
        self.limits.iter().find(|(_, seconds)| *seconds >= SECONDS).map(|(limit, _)| *limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(requests: u64, errors: u64, p95_ms: u64) -> SecondStats {
        SecondStats { requests, errors, p95_us: Micros(p95_ms * 1_000), ..SecondStats::default() }
    }

    #[test]
    fn limits_are_read_and_written() {
        for (text, limit) in [
            ("error > 50%", StopWhen::Errors(Ratio(0.5))),
            ("p95>5s", StopWhen::Time(Percentile::P95, Micros(5_000_000))),
            ("max > 250 ms", StopWhen::Time(Percentile::Max, Micros(250_000))),
            ("p50 > 0.5m", StopWhen::Time(Percentile::P50, Micros(30_000_000))),
        ] {
            assert_eq!(text.parse(), Ok(limit));
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        for text in
            ["", "error > 50", "error < 5%", "p59 > 1s", "p95 > 5", "p95 > 0s", "p95 > NaNs", "error > 100%"]
        {
            let error = text.parse::<StopWhen>().unwrap_err().to_string();
            assert!(error.contains("write e.g. `error > 50%`"), "{error}");
        }
    }

    #[test]
    fn three_bad_seconds_in_a_row_stop_and_two_do_not() {
        let limits = ["error > 10%", "p95 > 1s"].map(|text| text.parse().unwrap());
        let mut guard = Guard::new(&limits);
        let (good, failing, slow) = (second(100, 0, 20), second(100, 11, 20), second(100, 0, 1_001));
        let seen: Vec<Option<StopWhen>> = [&failing, &failing, &good, &failing, &slow, &slow, &slow]
            .map(|second| guard.look(second))
            .to_vec();
        assert_eq!(seen[..6], [None; 6]);
        assert_eq!(seen[6], Some(limits[1]));
        // Two requests, one failed: that is no share of anything.
        let few = second(2, 1, 20);
        assert!((0..9).all(|_| guard.look(&few).is_none()));
    }
}
