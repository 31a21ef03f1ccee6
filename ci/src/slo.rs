//! One assertion: `p95 < 300ms`, `error <= 0.1%`, `rps >= 50/s`, `bytes_per_request < 64KiB`.
//!
//! Grammar: metric, comparison, number, unit; blanks between them are free. The unit is checked against the metric, and
//! the comparison against the metric's direction, so that a promise that could never be broken is refused before the run.

use std::fmt;

use kneepoint_model::metric::{Direction, Metric, Unit};
use thiserror::Error;

/// How the figure must stand to the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// All, longest sign first, so that `<=` is not read as `<`.
    const ALL: [Self; 4] = [Self::AtMost, Self::AtLeast, Self::Less, Self::More];

    /// As it is written.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
    /// Does `actual` stand so to `limit`?
    pub fn holds(self, actual: f64, limit: f64) -> bool {
        match self {
            Self::Less => actual < limit,
            Self::AtMost => actual <= limit,
            Self::More => actual > limit,
            Self::AtLeast => actual >= limit,
        }
    }
    const fn direction(self) -> Direction {
        match self {
            Self::Less | Self::AtMost => Direction::Lower,
            Self::More | Self::AtLeast => Direction::Higher,
        }
    }
}

/// The unit that a limit is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the unit of its name; `suffixes` holds how it is written")]
pub enum Scale {
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

impl Scale {
    /// Every unit; of each kind, the usual one first.
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

    /// How it is written; the first is how it is shown.
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
    /// What it counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Micros | Self::Millis | Self::Seconds => Unit::Time,
            Self::Percent => Unit::Ratio,
            Self::PerSecond | Self::PerMinute => Unit::PerSecond,
            Self::One => Unit::Count,
            Self::Bytes | Self::Kib | Self::Mib | Self::Gib | Self::Kb | Self::Mb | Self::Gb => Unit::Bytes,
        }
    }
    /// One of it, in microseconds, shares of one, per second, or bytes.
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
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.suffixes().contains(&text))
    }
}

/// A limit with its unit, as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    number: f64,
    scale: Scale,
}

impl Limit {
    /// In the metric's base unit: microseconds, a share of one, per second, a count, or bytes.
    pub fn base(self) -> f64 {
        self.number * self.scale.factor()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.scale.suffixes()[0])
    }
}

/// One promise about one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assertion {
    metric: Metric,
    comparison: Comparison,
    limit: Limit,
}

impl Assertion {
    /// Of which metric.
    pub const fn metric(&self) -> Metric {
        self.metric
    }
    /// How it must stand.
    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }
    /// To what.
    pub const fn limit(&self) -> Limit {
        self.limit
    }
    /// Does a figure in the base unit keep the promise?
    pub fn holds(&self, actual: f64) -> bool {
        self.comparison.holds(actual, self.limit.base())
    }
    /// Reads an assertion.
    pub fn parse(text: &str) -> Result<Self, SloError> {
        Parser { text, rest: text, metric: None }.assertion()
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison.sign(), self.limit)
    }
}

/// What is wrong with an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SloProblem {
    /// No known metric at its head.
    #[error("`{name}` is not a metric{}; metrics are {}", meant(.suggestion.as_deref()), all_metrics())]
    UnknownMetric {
        /// What was written.
        name: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// No comparison, or one that is not offered.
    #[error("a comparison must follow the metric: one of < <= > >=")]
    Comparison,
    /// The comparison asks for the worse side.
    #[error(
        "{metric} is better when it is {better}, so this could not catch anything getting worse: use `{sign}`"
    )]
    Direction {
        /// The metric.
        metric: Metric,
        /// `lower` or `higher`.
        better: &'static str,
        /// The sign to use.
        sign: &'static str,
    },
    /// No number.
    #[error("a number must follow the comparison (digits, with a point for fractions)")]
    Number,
    /// The unit does not belong to the metric.
    #[error("{metric} is {}, so its unit must be {}, not `{found}`", kind(*.metric), units(*.metric))]
    WrongUnit {
        /// The metric.
        metric: Metric,
        /// What was written.
        found: String,
    },
    /// The unit is missing.
    #[error("{metric} is {}: write its unit after the number ({})", kind(*.metric), units(*.metric))]
    NoUnit {
        /// The metric.
        metric: Metric,
    },
    /// A share above everything.
    #[error("a share cannot be more than 100%")]
    Range,
}

/// Why an assertion was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read assertion `{text}`, column {column}: {problem}; for example `{example}`")]
pub struct SloError {
    /// The assertion, made fit for one line.
    pub text: String,
    /// Where it stops making sense: characters from one.
    pub column: usize,
    /// What is wrong.
    pub problem: SloProblem,
    /// An assertion that is right.
    pub example: String,
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    metric: Option<Metric>,
}

impl Parser<'_> {
    fn assertion(mut self) -> Result<Assertion, SloError> {
        let metric = self.metric()?;
        self.metric = Some(metric);
        let comparison = self.comparison(metric)?;
        self.blanks();
        let number = self.number()?;
        self.blanks();
        let limit = self.limit(metric, number)?;
        Ok(Assertion { metric, comparison, limit })
    }

    fn metric(&mut self) -> Result<Metric, SloError> {
        self.blanks();
        let length = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let name = &self.rest[..length];
        let metric = Metric::from_name(name).ok_or_else(|| {
            self.refuse(SloProblem::UnknownMetric { name: one_line(name), suggestion: suggestion(name) })
        })?;
        self.rest = &self.rest[length..];
        self.blanks();
        Ok(metric)
    }

    fn comparison(&mut self, metric: Metric) -> Result<Comparison, SloError> {
        let found = Comparison::ALL.into_iter().find(|sign| self.rest.starts_with(sign.sign()));
        let comparison = found.ok_or_else(|| self.refuse(SloProblem::Comparison))?;
        let after = &self.rest[comparison.sign().len()..];
        if after.starts_with(['<', '>', '=']) {
            return Err(self.refuse(SloProblem::Comparison));
        }
        if comparison.direction() != metric.direction() {
            let (better, sign) = match metric.direction() {
                Direction::Lower => ("lower", "<"),
                Direction::Higher => ("higher", ">"),
            };
            return Err(self.refuse(SloProblem::Direction { metric, better, sign }));
        }
        self.rest = after;
        Ok(comparison)
    }

    fn number(&mut self) -> Result<f64, SloError> {
        let length = self.rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(self.rest.len());
        let number = self.rest[..length].parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| self.refuse(SloProblem::Number))?;
        self.rest = &self.rest[length..];
        Ok(number)
    }

    fn limit(&self, metric: Metric, number: f64) -> Result<Limit, SloError> {
        let written = self.rest.trim_end();
        match Scale::parse(written).filter(|scale| scale.unit() == metric.unit()) {
            Some(Scale::Percent) if number > 100.0 => Err(self.refuse(SloProblem::Range)),
            Some(scale) => Ok(Limit { number, scale }),
            None if written.is_empty() => Err(self.refuse(SloProblem::NoUnit { metric })),
            None => Err(self.refuse(SloProblem::WrongUnit { metric, found: one_line(written) })),
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn refuse(&self, problem: SloProblem) -> SloError {
        let before = self.text.len() - self.rest.len();
        let metric = self.metric.or_else(|| match &problem {
            SloProblem::UnknownMetric { suggestion, .. } => suggestion.as_deref().and_then(Metric::from_name),
            SloProblem::Direction { metric, .. } => Some(*metric),
            _ => None,
        });
        SloError {
            text: one_line(self.text),
            column: self.text[..before].chars().count() + 1,
            problem,
            example: example(metric.unwrap_or(Metric::P95)).to_owned(),
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect()
}

/// Words that people use for a metric.
const ALIASES: [(&str, Metric); 8] = [
    ("latency", Metric::P95),
    ("response_time", Metric::P95),
    ("median", Metric::P50),
    ("avg", Metric::Mean),
    ("throughput", Metric::Rps),
    ("failures", Metric::Error),
    ("size", Metric::BytesPerRequest),
    ("hit_ratio", Metric::CacheHit),
];

fn suggestion(name: &str) -> Option<String> {
    const CLOSE: f64 = 0.75;
    let name = name.to_ascii_lowercase();
    if let Some((_, metric)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Some(metric.name().to_owned());
    }
    closest(&name, Metric::ALL.iter().map(|metric| metric.name()), CLOSE)
}

/// The candidate most like a name, if any is like enough (Jaro-Winkler, 0 to 1).
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
    close: f64,
) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= close)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

fn all_metrics() -> String {
    Metric::ALL.map(Metric::name).join(", ")
}

const fn kind(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Time => "a time",
        Unit::Ratio => "a share",
        Unit::PerSecond => "a rate",
        Unit::Count => "a count",
        Unit::Bytes => "a size",
    }
}

fn units(metric: Metric) -> String {
    let own = Scale::ALL.into_iter().filter(|scale| scale.unit() == metric.unit());
    let names: Vec<&str> = own.map(|scale| scale.suffixes()[0]).collect();
    if names == [""] { "left out".to_owned() } else { names.join(", ") }
}

/// A valid assertion about a metric.
pub const fn example(metric: Metric) -> &'static str {
    match metric {
        Metric::P50 => "p50 < 100ms",
        Metric::P90 => "p90 < 200ms",
        Metric::P95 => "p95 < 300ms",
        Metric::P99 => "p99 < 800ms",
        Metric::P999 => "p999 < 2s",
        Metric::Max => "max < 5s",
        Metric::Mean => "mean < 150ms",
        Metric::TtfbP95 => "ttfb_p95 < 200ms",
        Metric::Error => "error < 0.1%",
        Metric::Rps => "rps >= 50/s",
        Metric::CpuPerRequest => "cpu_per_request < 20ms",
        Metric::QueriesPerRequest => "queries_per_request <= 4",
        Metric::BytesPerRequest => "bytes_per_request < 64KiB",
        Metric::CacheHit => "cache_hit > 90%",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> SloError {
        Assertion::parse(text).expect_err(text)
    }

    #[test]
    fn every_example_is_read_and_shown_as_it_is_written() {
        for metric in Metric::ALL {
            let text = example(metric);
            let assertion = Assertion::parse(text).expect(text);
            assert_eq!((assertion.metric(), assertion.to_string()), (metric, text.to_owned()));
        }
    }

    #[test]
    fn limits_are_in_the_base_unit() {
        for (text, base) in [
            ("p95<1.5s", 1_500_000.0),
            ("p95 < 800 µs", 800.0),
            ("error<0.1%", 0.001),
            ("rps >= 120/min", 2.0),
            ("queries_per_request <= 4", 4.0),
            ("bytes_per_request < 64KiB", 65_536.0),
            ("bytes_per_request<1MB", 1_000_000.0),
        ] {
            let found = Assertion::parse(text).expect(text).limit().base();
            assert!((found - base).abs() < 1e-9, "{text}: {found}");
        }
    }

    #[test]
    fn refusals_name_the_place_the_word_and_an_example() {
        let error = refused("p59 < 300ms");
        assert_eq!(error.column, 1);
        assert!(error.to_string().contains("did you mean `p"), "{error}");
        let error = refused("throughput > 5/s");
        assert!(
            error.to_string().contains("did you mean `rps`") && error.example == "rps >= 50/s",
            "{error}"
        );
        let error = refused("p95 < 300");
        assert_eq!((error.column, error.problem.clone()), (10, SloProblem::NoUnit { metric: Metric::P95 }));
        assert!(error.to_string().ends_with("(ms, us, s); for example `p95 < 300ms`"), "{error}");
        let error = refused("error < 10ms");
        assert!(error.to_string().contains("error is a share, so its unit must be %, not `ms`"), "{error}");
        assert_eq!(refused("queries_per_request < 4ms").column, 24);
    }

    #[test]
    fn what_could_not_catch_anything_is_refused() {
        assert!(matches!(refused("p95 > 300ms").problem, SloProblem::Direction { sign: "<", .. }));
        assert!(matches!(refused("rps < 50/s").problem, SloProblem::Direction { sign: ">", .. }));
        assert_eq!(refused("error < 150%").problem, SloProblem::Range);
    }

    #[test]
    fn other_comparisons_and_numbers_are_refused() {
        for text in ["p95 = 300ms", "p95 == 300ms", "p95 <> 3ms", "p95 << 3ms", "p95", "p95 300ms"] {
            assert_eq!(refused(text).problem, SloProblem::Comparison, "{text}");
        }
        for text in ["p95 < ms", "p95 < -3ms", "p95 < 1.2.3ms", "p95 < .", "p95 <"] {
            assert_eq!(refused(text).problem, SloProblem::Number, "{text}");
        }
        for text in ["p95 < 1e3ms", "p95 < 3ms or so", "p95 < 3MS"] {
            assert!(matches!(refused(text).problem, SloProblem::WrongUnit { .. }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shown_and_read_again_is_the_same(
            metric in 0..Metric::ALL.len(),
            strict in any::<bool>(),
            number in 0.0f64..100.0,
            pick in any::<prop::sample::Index>(),
        ) {
            let metric = Metric::ALL[metric];
            let scales: Vec<Scale> = Scale::ALL.into_iter().filter(|scale| scale.unit() == metric.unit()).collect();
            let comparison = match (metric.direction(), strict) {
                (Direction::Lower, true) => Comparison::Less,
                (Direction::Lower, false) => Comparison::AtMost,
                (Direction::Higher, true) => Comparison::More,
                (Direction::Higher, false) => Comparison::AtLeast,
            };
            let assertion = Assertion { metric, comparison, limit: Limit { number, scale: *pick.get(&scales) } };
            prop_assert_eq!(Assertion::parse(&assertion.to_string()), Ok(assertion));
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            if let Err(error) = Assertion::parse(&text) {
                prop_assert!(error.column <= text.chars().count() + 1);
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
