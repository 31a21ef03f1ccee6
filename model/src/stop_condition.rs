//! Conditions that stop a phase of load early: `error > 50%` or `p95 > 5s` for some seconds in a row. Pure.

use std::fmt;
use std::str::FromStr;

use crate::load::SecondStats;
use crate::units::{Micros, Ratio, Span};

/// The limit must be exceeded for this number of seconds in a row; a single bad second does not stop a phase.
pub const CONSECUTIVE_SECONDS: u32 = 3;
/// Among fewer requests a share of errors means nothing.
const MIN_REQUESTS: u64 = 5;

/// A figure of one second and its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StopCondition {
    /// The share of failed requests in a second.
    Errors(Ratio),
    /// A response time of a second.
    Time(Percentile, Micros),
}

/// The response time of a second that a condition limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Percentile {
    /// Half of the requests were faster.
    P50,
    /// 95 % of the requests were faster.
    P95,
    /// 99 % of the requests were faster.
    P99,
    /// The slowest request.
    Max,
}

impl Percentile {
    const ALL: [(&'static str, Self); 4] =
        [("p50", Self::P50), ("p95", Self::P95), ("p99", Self::P99), ("max", Self::Max)];
}

/// A text that is no stop condition; the message gives valid examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stop condition; write e.g. `error > 50%` or `p95 > 5s` (p50, p95, p99, max)")]
pub struct StopConditionError(String);

impl StopCondition {
    /// Whether a second exceeds the limit; a second in which no request ended does not.
    pub fn is_exceeded(&self, second: &SecondStats) -> bool {
        match self {
            Self::Errors(limit) => {
                second.requests >= MIN_REQUESTS
                    && Ratio::from_parts(second.errors, second.requests).is_some_and(|share| share > *limit)
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

impl FromStr for StopCondition {
    type Err = StopConditionError;

    fn from_str(text: &str) -> Result<Self, StopConditionError> {
        parse(text).ok_or_else(|| StopConditionError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<StopCondition> {
    let (figure, limit) = text.split_once('>')?;
    let (figure, limit) = (figure.trim(), limit.trim());
    if figure == "error" {
        let percent: f64 = limit.strip_suffix('%')?.trim().parse().ok()?;
        return (0.0..100.0).contains(&percent).then_some(StopCondition::Errors(Ratio(percent / 100.0)));
    }
    let (_, percentile) = Percentile::ALL.into_iter().find(|(name, _)| *name == figure)?;
    let limit = Micros::from_duration(limit.parse::<Span>().ok()?.0);
    (limit > Micros::ZERO).then_some(StopCondition::Time(percentile, limit))
}

impl fmt::Display for StopCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors(limit) => write!(f, "error > {}%", limit.0 * 100.0),
            Self::Time(percentile, limit) => {
                let name = Percentile::ALL
                    .iter()
                    .find(|(_, candidate)| candidate == percentile)
                    .map_or("", |(name, _)| name);
                write!(f, "{name} > {}ms", limit.as_millis())
            }
        }
    }
}

/// Counts for each condition the seconds in a row that exceed its limit.
#[derive(Debug, Clone)]
pub struct StopMonitor {
    limits: Vec<(StopCondition, u32)>,
}

impl StopMonitor {
    /// Monitors these conditions.
    pub fn new(limits: &[StopCondition]) -> Self {
        Self { limits: limits.iter().map(|limit| (*limit, 0)).collect() }
    }

    /// Takes the figures of the next second; returns the condition that has been met for long enough, if any.
    pub fn observe(&mut self, second: &SecondStats) -> Option<StopCondition> {
        for (limit, seconds) in &mut self.limits {
            *seconds = if limit.is_exceeded(second) { *seconds + 1 } else { 0 };
        }
        self.limits.iter().find(|(_, seconds)| *seconds >= CONSECUTIVE_SECONDS).map(|(limit, _)| *limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(requests: u64, errors: u64, p95_ms: u64) -> SecondStats {
        SecondStats { requests, errors, p95_us: Micros(p95_ms * 1_000), ..SecondStats::default() }
    }

    #[test]
    fn conditions_are_parsed_and_displayed() {
        for (text, limit) in [
            ("error > 50%", StopCondition::Errors(Ratio(0.5))),
            ("p95>5s", StopCondition::Time(Percentile::P95, Micros(5_000_000))),
            ("max > 250 ms", StopCondition::Time(Percentile::Max, Micros(250_000))),
            ("p50 > 0.5m", StopCondition::Time(Percentile::P50, Micros(30_000_000))),
        ] {
            assert_eq!(text.parse(), Ok(limit));
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        for text in
            ["", "error > 50", "error < 5%", "p59 > 1s", "p95 > 5", "p95 > 0s", "p95 > NaNs", "error > 100%"]
        {
            let error = text.parse::<StopCondition>().unwrap_err().to_string();
            assert!(error.contains("write e.g. `error > 50%`"), "{error}");
        }
    }

    #[test]
    fn three_bad_seconds_in_a_row_stop_and_two_do_not() {
        let limits = ["error > 10%", "p95 > 1s"].map(|text| text.parse().unwrap());
        let mut monitor = StopMonitor::new(&limits);
        let (good, failing, slow) = (second(100, 0, 20), second(100, 11, 20), second(100, 0, 1_001));
        let stopped: Vec<Option<StopCondition>> = [&failing, &failing, &good, &failing, &slow, &slow, &slow]
            .map(|second| monitor.observe(second))
            .to_vec();
        assert_eq!(stopped[..6], [None; 6]);
        assert_eq!(stopped[6], Some(limits[1]));
        // One of two requests failed: too few for a share.
        let few = second(2, 1, 20);
        assert!((0..9).all(|_| monitor.observe(&few).is_none()));
    }
}
