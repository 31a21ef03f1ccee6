//! Segments of a load schedule: stretches of a phase in which the rate of arrivals or the number of users goes evenly from one
//! value to another. Pure: text, JSON and the figures of each segment.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::histogram::Quantiles;
use crate::units::{Micros, PerSecond, Span};

/// Arrivals per second; a higher rate is a typing error.
const MAX_RATE: f64 = 1_000_000.0;
/// The shortest segment that is accepted.
const MIN_LENGTH: Duration = Duration::from_millis(1);

/// A stretch of an open phase in which the rate of arrivals goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateSegment {
    /// Arrivals (journeys) per second at its beginning.
    pub from: PerSecond,
    /// Arrivals per second at its end.
    pub to: PerSecond,
    /// How long it lasts.
    pub length_us: Micros,
}

/// A text that is no segment of a rate schedule; the message gives a valid example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}; write `hold 20/s for 30s` or `ramp 20/s to 80/s over 1m`")]
pub struct RateSegmentError {
    text: String,
    why: &'static str,
}

impl RateSegment {
    /// A segment with a constant rate.
    pub const fn hold(rate: PerSecond, length: Micros) -> Self {
        Self { from: rate, to: rate, length_us: length }
    }

    /// The mean of the rates at both ends.
    pub const fn mean(&self) -> PerSecond {
        PerSecond(f64::midpoint(self.from.0, self.to.0))
    }

    /// How long it lasts, as a standard duration.
    pub const fn length(&self) -> Duration {
        Duration::from_micros(self.length_us.0)
    }
}

impl FromStr for RateSegment {
    type Err = RateSegmentError;

    /// `hold 20/s for 30s`, `ramp 20/s to 80/s over 1m`.
    fn from_str(text: &str) -> Result<Self, RateSegmentError> {
        let refuse = |why| RateSegmentError { text: text.to_owned(), why };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to, length) = match words.as_slice() {
            ["hold", rate, "for", length] => (*rate, *rate, *length),
            ["ramp", from, "to", to, "over", length] => (*from, *to, *length),
            _ => return Err(refuse("is not a segment of a rate schedule")),
        };
        let rate =
            |text| parse_rate(text).ok_or_else(|| refuse("has an invalid rate (allowed: 0/s to 1000000/s)"));
        let length = length.parse::<Span>().ok().filter(|length| length.0 >= MIN_LENGTH);
        let Span(length) = length.ok_or_else(|| refuse("has an invalid length (allowed: 1ms to 24h)"))?;
        Ok(Self { from: rate(from)?, to: rate(to)?, length_us: Micros::from_duration(length) })
    }
}

impl fmt::Display for RateSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.length().as_secs_f64();
        if self.from == self.to {
            write!(f, "hold {}/s for {seconds}s", self.from.0)
        } else {
            write!(f, "ramp {}/s to {}/s over {seconds}s", self.from.0, self.to.0)
        }
    }
}

fn parse_rate(text: &str) -> Option<PerSecond> {
    let number: f64 = text.strip_suffix("/s")?.parse().ok()?;
    (0.0..=MAX_RATE).contains(&number).then_some(PerSecond(number))
}

/// A higher number of users is a typing error.
const MAX_USERS: u32 = 100_000;

/// A stretch of a closed phase in which the number of users goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserSegment {
    /// Users at its beginning.
    pub users_from: u32,
    /// Users at its end.
    pub users_to: u32,
    /// How long it lasts.
    pub length_us: Micros,
}

/// A text that is no segment of a user schedule; the message gives a valid example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}; write `hold 20 users for 30s` or `ramp 0 to 20 users over 1m`")]
pub struct UserSegmentError {
    text: String,
    why: &'static str,
}

impl UserSegment {
    /// How long it lasts, as a standard duration.
    pub const fn length(&self) -> Duration {
        Duration::from_micros(self.length_us.0)
    }

    /// The larger number of users.
    pub fn peak(&self) -> u32 {
        self.users_from.max(self.users_to)
    }

    /// Active users after a share (0 to 1) of its length; fractions are rounded down.
    pub(crate) fn users_at(&self, share: f64) -> u32 {
        let (from, to) = (f64::from(self.users_from), f64::from(self.users_to));
        // The small addition makes up for rounding: a user is active at exactly the moment that was computed for it.
        (share.clamp(0.0, 1.0).mul_add(to - from, from) + 1e-6).floor() as u32
    }

    /// The earliest share of its length, from `share` on, at which at least `wanted` users are active.
    pub(crate) fn share_with_users(&self, wanted: u32, share: f64) -> Option<f64> {
        if self.users_at(share) >= wanted {
            return Some(share);
        }
        if self.users_to < wanted || self.users_to <= self.users_from {
            return None;
        }
        let (from, to) = (f64::from(self.users_from), f64::from(self.users_to));
        Some(((f64::from(wanted) - from) / (to - from)).max(share))
    }
}

impl FromStr for UserSegment {
    type Err = UserSegmentError;

    /// `hold 20 users for 30s`, `ramp 0 to 20 users over 1m`.
    fn from_str(text: &str) -> Result<Self, UserSegmentError> {
        let refuse = |why| UserSegmentError { text: text.to_owned(), why };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, to, length) = match words.as_slice() {
            ["hold", users, "users" | "user", "for", length] => (*users, *users, *length),
            ["ramp", from, "to", to, "users" | "user", "over", length] => (*from, *to, *length),
            _ => return Err(refuse("is not a segment of a user schedule")),
        };
        let users = |text: &str| {
            let number = text.parse().ok().filter(|number| *number <= MAX_USERS);
            number.ok_or_else(|| refuse("has an invalid number of users (allowed: 0 to 100000)"))
        };
        let length = length.parse::<Span>().ok().filter(|length| length.0 >= MIN_LENGTH);
        let Span(length) = length.ok_or_else(|| refuse("has an invalid length (allowed: 1ms to 24h)"))?;
        Ok(Self { users_from: users(from)?, users_to: users(to)?, length_us: Micros::from_duration(length) })
    }
}

impl fmt::Display for UserSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.length().as_secs_f64();
        if self.users_from == self.users_to {
            write!(f, "hold {} users for {seconds}s", self.users_from)
        } else {
            write!(f, "ramp {} to {} users over {seconds}s", self.users_from, self.users_to)
        }
    }
}

/// A segment of either load model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LoadSegment {
    /// For the open model.
    Rate(RateSegment),
    /// For the closed model.
    Users(UserSegment),
}

impl LoadSegment {
    /// How long it lasts, as a standard duration.
    pub const fn length(&self) -> Duration {
        match self {
            Self::Rate(segment) => segment.length(),
            Self::Users(segment) => segment.length(),
        }
    }
}

/// A text that is a segment of neither load model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub enum LoadSegmentError {
    /// It resembles a segment of a rate schedule.
    Rate(#[from] RateSegmentError),
    /// It resembles a segment of a user schedule.
    Users(#[from] UserSegmentError),
}

impl FromStr for LoadSegment {
    type Err = LoadSegmentError;

    fn from_str(text: &str) -> Result<Self, LoadSegmentError> {
        if text.contains("user") { Ok(Self::Users(text.parse()?)) } else { Ok(Self::Rate(text.parse()?)) }
    }
}

impl fmt::Display for LoadSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(segment) => segment.fmt(f),
            Self::Users(segment) => segment.fmt(f),
        }
    }
}

/// The figures of one segment of a phase. A request belongs to the segment in which it was due, whenever it ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentStats {
    /// The segment as it was configured.
    #[serde(rename = "stage")]
    pub segment: LoadSegment,
    /// Requests per second that became due in it.
    pub offered_rps: PerSecond,
    /// Requests that were due in it and ended.
    pub requests: u64,
    /// Of those, not `ok`.
    pub errors: u64,
    /// From the intended start; successes and failures alike.
    pub response_us: Quantiles,
    /// From the moment of sending.
    pub service_us: Quantiles,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(from: f64, to: f64, seconds: f64) -> RateSegment {
        let length_us = Micros::from_duration(Duration::from_secs_f64(seconds));
        RateSegment { from: PerSecond(from), to: PerSecond(to), length_us }
    }

    #[test]
    fn rate_segments_are_parsed_and_displayed() {
        for (text, same) in [
            ("hold 20/s for 30s", segment(20.0, 20.0, 30.0)),
            ("ramp 0.5/s  to 80/s over 1m", segment(0.5, 80.0, 60.0)),
            ("ramp 80/s to 0/s over 500ms", segment(80.0, 0.0, 0.5)),
        ] {
            let read: RateSegment = text.parse().unwrap();
            assert_eq!(read, same);
            assert_eq!(read.to_string().parse::<RateSegment>(), Ok(same));
        }
        for (text, why) in [
            (
                "20/s for 30s",
                "`20/s for 30s` is not a segment of a rate schedule; write `hold 20/s for 30s` or `ramp 20/s to 80/s over 1m`",
            ),
            ("hold 20 for 30s", "has an invalid rate"),
            ("hold -1/s for 30s", "has an invalid rate"),
            ("hold NaN/s for 30s", "has an invalid rate"),
            ("hold 20/s for 30", "has an invalid length"),
            ("hold 20/s for 0s", "has an invalid length"),
            ("hold 20/s for 25h", "has an invalid length"),
        ] {
            let error = text.parse::<RateSegment>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn user_segments_are_parsed_and_displayed() {
        for text in ["hold 20 users for 30s", "ramp 0 to 20 users over 60s"] {
            let segment: UserSegment = text.parse().expect("a segment");
            assert_eq!(text.parse(), Ok(LoadSegment::Users(segment)));
            assert_eq!(segment.to_string(), text);
            let json = serde_json::to_string(&LoadSegment::Users(segment)).expect("json");
            assert_eq!(
                serde_json::from_str::<LoadSegment>(&json).expect("json"),
                LoadSegment::Users(segment)
            );
        }
        for text in [
            "",
            "hold 20/s for 3s",
            "hold x users for 3s",
            "ramp 1 to 100001 users over 3s",
            "hold 2 users for 0s",
        ] {
            let error = text.parse::<UserSegment>().expect_err(text).to_string();
            assert!(error.contains("write `hold 20 users for 30s`"), "{error}");
        }
        let rate: LoadSegment = "hold 5/s for 1s".parse().expect("a segment");
        assert_eq!(rate, LoadSegment::Rate("hold 5/s for 1s".parse().expect("a segment")));
        let json = serde_json::to_string(&rate).expect("json");
        assert_eq!(serde_json::from_str::<LoadSegment>(&json).expect("json"), rate);
    }

    proptest! {
        #[test]
        fn any_text_is_a_segment_or_an_error(text: String) {
            let _ = text.parse::<LoadSegment>();
            let _ = text.parse::<RateSegment>();
            let _ = text.parse::<UserSegment>();
        }
    }
}
