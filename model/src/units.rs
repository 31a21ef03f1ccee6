//! Units as types: a number that crosses a function boundary carries what it counts.
//!
//! All are plain newtypes with public named constructors; JSON holds the bare number, and the field's name ends in the
//! unit (`_us`, `_bytes`, `_rps`).

mod span;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use span::{Span, SpanError};

macro_rules! integer_unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The value 0.
            pub const ZERO: Self = Self(0);
            /// The bare number.
            pub const fn get(self) -> u64 {
                self.0
            }
            /// The bare number as a float, for ratios and charts.
            pub fn as_f64(self) -> f64 {
                self.0 as f64
            }
            /// The difference, at least zero: counters may be read slightly out of order.
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.saturating_sub(other)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Add::add)
            }
        }
    };
}

integer_unit! {
    /// A duration in whole microseconds.
    Micros
}
integer_unit! {
    /// A size in bytes.
    Bytes
}
integer_unit! {
    /// A moment: milliseconds since the Unix epoch, the one clock of a run folder.
    UnixMillis
}

impl Micros {
    /// From a standard duration; saturates after 584,000 years.
    pub fn from_duration(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
    /// From milliseconds as `Server-Timing` writes them; negative and non-finite values are zero.
    pub fn from_millis_f64(millis: f64) -> Self {
        if millis.is_finite() && millis > 0.0 { Self((millis * 1000.0).round() as u64) } else { Self(0) }
    }
    /// As a standard duration.
    pub const fn to_duration(self) -> Duration {
        Duration::from_micros(self.0)
    }
    /// The value in milliseconds.
    pub fn as_millis(self) -> f64 {
        self.as_f64() / 1000.0
    }
    /// The value in seconds.
    pub fn as_secs(self) -> f64 {
        self.as_f64() / 1_000_000.0
    }
}

impl UnixMillis {
    /// The current time of the wall clock.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..=999 => write!(f, "{} µs", self.0),
            1_000..=9_999 => write!(f, "{:.2} ms", self.as_millis()),
            10_000..=99_999 => write!(f, "{:.1} ms", self.as_millis()),
            100_000..=999_999 => write!(f, "{:.0} ms", self.as_millis()),
            _ => write!(f, "{:.2} s", self.as_secs()),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: f64 = 1024.0;
        match self.as_f64() {
            b if b < KIB => write!(f, "{} B", self.0),
            b if b < KIB * KIB => write!(f, "{:.1} KiB", b / KIB),
            b if b < KIB * KIB * KIB => write!(f, "{:.1} MiB", b / KIB / KIB),
            b => write!(f, "{:.2} GiB", b / KIB / KIB / KIB),
        }
    }
}

/// A rate per second.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PerSecond(pub f64);

impl PerSecond {
    /// `count` divided by `duration`; zero for an empty duration.
    pub fn from_count(count: u64, duration: Duration) -> Self {
        let seconds = duration.as_secs_f64();
        if seconds > 0.0 { Self(count as f64 / seconds) } else { Self(0.0) }
    }
}

impl fmt::Display for PerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 10.0 { write!(f, "{:.2}/s", self.0) } else { write!(f, "{:.1}/s", self.0) }
    }
}

/// A share between 0 and 1, unless the field's name states another range.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Ratio(pub f64);

impl Ratio {
    /// `part` divided by `whole`; `None` when `whole` is zero.
    pub fn from_parts(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then(|| Self(part as f64 / whole as f64))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        if percent != 0.0 && percent.abs() < 1.0 {
            write!(f, "{percent:.2} %")
        } else {
            write!(f, "{percent:.1} %")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_displayed_with_a_suitable_unit() {
        let shown: Vec<String> =
            [950, 1_500, 25_400, 250_000, 2_500_000].map(|us| Micros(us).to_string()).into();
        assert_eq!(shown, ["950 µs", "1.50 ms", "25.4 ms", "250 ms", "2.50 s"]);
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(Ratio::from_parts(0, 0), None);
        assert_eq!(Ratio::from_parts(1, 4), Some(Ratio(0.25)));
    }

    #[test]
    fn differences_stop_at_zero() {
        assert_eq!(Micros(1) - Micros(2), Micros(0));
    }
}
