//! One assertion: `p95 < 300ms`, `error <= 0.1%`, `rps >= 50/s`, `bytes_per_request < 64KiB`.
//!
//! Grammar: metric, comparison, number, unit; blanks between them are free. The unit is checked against the metric, and
//! the comparison against the metric's direction, so that a promise that could never be broken is refused before the run.

use std::fmt;

use kneepoint_model::metric::{Direction, Metric};

use crate::limit::{Comparison, Limit, Scale};
use crate::refusal::{SloError, SloProblem, example, one_line, suggestion};

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
