//! The right-hand side of an assertion: comparison, number and unit.

use std::fmt;

use kneepoint_model::metric::{Direction, Unit};

/// The comparison between a figure and its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`: the figure must be below the limit.
    Less,
    /// `<=`: the figure may equal the limit.
    AtMost,
    /// `>`: the figure must be above the limit.
    More,
    /// `>=`: the figure may equal the limit.
    AtLeast,
}

impl Operator {
    /// All operators, longest first, so that `<=` is not parsed as `<`.
    pub(crate) const ALL: [Self; 4] = [Self::AtMost, Self::AtLeast, Self::Less, Self::More];

    /// The operator as it is written in an assertion.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
    /// Compares a figure with a limit in the same unit.
    pub fn holds(self, actual: f64, limit: f64) -> bool {
        match self {
            Self::Less => actual < limit,
            Self::AtMost => actual <= limit,
            Self::More => actual > limit,
            Self::AtLeast => actual >= limit,
        }
    }
    pub(crate) const fn direction(self) -> Direction {
        match self {
            Self::Less | Self::AtMost => Direction::Lower,
            Self::More | Self::AtLeast => Direction::Higher,
        }
    }
}

/// The unit that a limit is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the unit of its name; `suffixes` returns how it is written")]
pub enum LimitUnit {
    Micros,
    Millis,
    Seconds,
    Percent,
    PerSecond,
    PerMinute,
    One,
    Bytes,
    Kib,
    Mib,
    Gib,
    Kb,
    Mb,
    Gb,
}

impl LimitUnit {
    /// All units; the usual one of each kind first.
    pub const ALL: [Self; 14] = [
        Self::Millis,
        Self::Micros,
        Self::Seconds,
        Self::Percent,
        Self::PerSecond,
        Self::PerMinute,
        Self::One,
        Self::Kib,
        Self::Bytes,
        Self::Mib,
        Self::Gib,
        Self::Kb,
        Self::Mb,
        Self::Gb,
    ];

    /// Accepted spellings; the first one is used for output.
    pub const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Micros => &["us", "µs", "μs"],
            Self::Millis => &["ms"],
            Self::Seconds => &["s"],
            Self::Percent => &["%"],
            Self::PerSecond => &["/s"],
            Self::PerMinute => &["/min"],
            Self::One => &[""],
            Self::Bytes => &["B"],
            Self::Kib => &["KiB"],
            Self::Mib => &["MiB"],
            Self::Gib => &["GiB"],
            Self::Kb => &["kB", "KB"],
            Self::Mb => &["MB"],
            Self::Gb => &["GB"],
        }
    }
    /// The kind of quantity.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Micros | Self::Millis | Self::Seconds => Unit::Time,
            Self::Percent => Unit::Ratio,
            Self::PerSecond | Self::PerMinute => Unit::PerSecond,
            Self::One => Unit::Count,
            Self::Bytes | Self::Kib | Self::Mib | Self::Gib | Self::Kb | Self::Mb | Self::Gb => Unit::Bytes,
        }
    }
    /// Factor to the base unit: microseconds, a share of one, per second, or bytes.
    const fn factor(self) -> f64 {
        match self {
            Self::Micros | Self::PerSecond | Self::One | Self::Bytes => 1.0,
            Self::Millis | Self::Kb => 1e3,
            Self::Seconds | Self::Mb => 1e6,
            Self::Percent => 0.01,
            Self::PerMinute => 1.0 / 60.0,
            Self::Kib => 1024.0,
            Self::Mib => 1024.0 * 1024.0,
            Self::Gib => 1024.0 * 1024.0 * 1024.0,
            Self::Gb => 1e9,
        }
    }
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.suffixes().contains(&text))
    }
}

/// A limit with its unit, as written in the assertion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    pub(crate) number: f64,
    pub(crate) unit: LimitUnit,
}

impl Limit {
    /// The limit in the metric's base unit: microseconds, a share of one, per second, a count, or bytes.
    pub fn in_base_unit(self) -> f64 {
        self.number * self.unit.factor()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.unit.suffixes()[0])
    }
}
