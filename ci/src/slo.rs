//! One assertion: `p95 < 300ms`, `error <= 0.1%`, `rps >= 50/s`, `bytes_per_request < 64KiB`.
//!
//! Grammar: metric, operator, number, unit, with optional blanks between them. The unit must match the metric, and the
//! operator its direction, so that an assertion that cannot fail is refused before the run.

use std::fmt;

use kneepoint_model::metric::{Direction, Metric};
use kneepoint_model::text::single_line;

use crate::limit::{Limit, LimitUnit, Operator};
use crate::refusal::{MAX_SHOWN, SloError, SloProblem, example, suggest_metric};

/// One assertion about one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assertion {
    metric: Metric,
    operator: Operator,
    limit: Limit,
}

impl Assertion {
    /// The metric that it limits.
    pub const fn metric(&self) -> Metric {
        self.metric
    }
    /// The operator between figure and limit.
    pub const fn operator(&self) -> Operator {
        self.operator
    }
    /// The limit as it was written.
    pub const fn limit(&self) -> Limit {
        self.limit
    }
    /// True when a figure in the base unit meets the assertion.
    pub fn holds(&self, actual: f64) -> bool {
        self.operator.holds(actual, self.limit.in_base_unit())
    }
    /// Parses an assertion.
    pub fn parse(text: &str) -> Result<Self, SloError> {
        Parser { text, rest: text, metric: None }.parse_assertion()
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.operator.sign(), self.limit)
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    metric: Option<Metric>,
}

impl Parser<'_> {
    fn parse_assertion(mut self) -> Result<Assertion, SloError> {
        let metric = self.parse_metric()?;
        self.metric = Some(metric);
        let operator = self.parse_operator(metric)?;
        self.skip_blanks();
        let number = self.parse_number()?;
        self.skip_blanks();
        let limit = self.parse_limit(metric, number)?;
        Ok(Assertion { metric, operator, limit })
    }

    fn parse_metric(&mut self) -> Result<Metric, SloError> {
        self.skip_blanks();
        let length = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let name = &self.rest[..length];
        let metric = Metric::from_name(name).ok_or_else(|| {
            self.refuse(SloProblem::UnknownMetric {
                name: single_line(name, MAX_SHOWN),
                suggestion: suggest_metric(name),
            })
        })?;
        self.rest = &self.rest[length..];
        self.skip_blanks();
        Ok(metric)
    }

    fn parse_operator(&mut self, metric: Metric) -> Result<Operator, SloError> {
        let found = Operator::ALL.into_iter().find(|operator| self.rest.starts_with(operator.sign()));
        let operator = found.ok_or_else(|| self.refuse(SloProblem::Operator))?;
        let after = &self.rest[operator.sign().len()..];
        if after.starts_with(['<', '>', '=']) {
            return Err(self.refuse(SloProblem::Operator));
        }
        if operator.direction() != metric.direction() {
            let (better, sign) = match metric.direction() {
                Direction::Lower => ("lower", "<"),
                Direction::Higher => ("higher", ">"),
            };
            return Err(self.refuse(SloProblem::Direction { metric, better, sign }));
        }
        self.rest = after;
        Ok(operator)
    }

    fn parse_number(&mut self) -> Result<f64, SloError> {
        let length = self.rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(self.rest.len());
        let number = self.rest[..length].parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| self.refuse(SloProblem::Number))?;
        self.rest = &self.rest[length..];
        Ok(number)
    }

    fn parse_limit(&self, metric: Metric, number: f64) -> Result<Limit, SloError> {
        let written = self.rest.trim_end();
        match LimitUnit::parse(written).filter(|unit| unit.unit() == metric.unit()) {
            Some(LimitUnit::Percent) if number > 100.0 => Err(self.refuse(SloProblem::Range)),
            Some(unit) => Ok(Limit { number, unit }),
            None if written.is_empty() => Err(self.refuse(SloProblem::NoUnit { metric })),
            None => {
                Err(self.refuse(SloProblem::WrongUnit { metric, found: single_line(written, MAX_SHOWN) }))
            }
        }
    }

    fn skip_blanks(&mut self) {
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
            text: single_line(self.text, MAX_SHOWN),
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
    fn every_example_is_parsed_and_printed_unchanged() {
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
            let found = Assertion::parse(text).expect(text).limit().in_base_unit();
            assert!((found - base).abs() < 1e-9, "{text}: {found}");
        }
    }

    #[test]
    fn refusals_contain_the_column_a_suggestion_and_an_example() {
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
    fn an_assertion_that_cannot_fail_is_refused() {
        assert!(matches!(refused("p95 > 300ms").problem, SloProblem::Direction { sign: "<", .. }));
        assert!(matches!(refused("rps < 50/s").problem, SloProblem::Direction { sign: ">", .. }));
        assert_eq!(refused("error < 150%").problem, SloProblem::Range);
    }

    #[test]
    fn other_operators_and_numbers_are_refused() {
        for text in ["p95 = 300ms", "p95 == 300ms", "p95 <> 3ms", "p95 << 3ms", "p95", "p95 300ms"] {
            assert_eq!(refused(text).problem, SloProblem::Operator, "{text}");
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
        fn printing_and_parsing_gives_the_same_assertion(
            metric in 0..Metric::ALL.len(),
            strict in any::<bool>(),
            number in 0.0f64..100.0,
            pick in any::<prop::sample::Index>(),
        ) {
            let metric = Metric::ALL[metric];
            let units: Vec<LimitUnit> = LimitUnit::ALL.into_iter().filter(|unit| unit.unit() == metric.unit()).collect();
            let operator = match (metric.direction(), strict) {
                (Direction::Lower, true) => Operator::Less,
                (Direction::Lower, false) => Operator::AtMost,
                (Direction::Higher, true) => Operator::More,
                (Direction::Higher, false) => Operator::AtLeast,
            };
            let assertion = Assertion { metric, operator, limit: Limit { number, unit: *pick.get(&units) } };
            prop_assert_eq!(Assertion::parse(&assertion.to_string()), Ok(assertion));
        }

        #[test]
        fn no_input_makes_it_panic(text in any::<String>()) {
            if let Err(error) = Assertion::parse(&text) {
                prop_assert!(error.column <= text.chars().count() + 1);
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
