//! Conditions of steps: `book`, `not book`, `kind == 'gift'`, `stock >= 5`, `status == 404`.
//!
//! A comparison with a missing value never holds, not even `!=`. So a step that runs because of a comparison has the value.

use crate::user_context::UserContext;
use crate::values::VarId;

/// A condition whose names are resolved to variables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// The variable has a value or a list.
    Present(VarId),
    /// The variable has neither.
    Missing(VarId),
    /// The operand compares with the literal.
    Compared { operand: Operand, comparison: Comparison, literal: Literal },
}

/// The left side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    /// A variable of the scenario.
    Var(VarId),
    /// The status of the last response of the journey.
    Status,
}

/// The operator of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// In quotation marks.
    Text(String),
    /// A finite number.
    Number(f64),
}

/// A condition whose names are not resolved yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ParsedCondition<'a> {
    /// A name alone: the value must exist.
    Present(&'a str),
    /// `not` and a name: the value must not exist.
    Missing(&'a str),
    /// Name, operator and literal.
    Compared(&'a str, Comparison, Literal),
}

impl Comparison {
    /// All operators with their signs; the longer ones first, so that `<=` is not parsed as `<`.
    const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Less),
        (">", Self::More),
    ];

    #[expect(clippy::float_cmp, reason = "the comparison is exact by definition: 5 equals 5")]
    fn compare(self, value: f64, literal: f64) -> bool {
        match self {
            Self::Equal => value == literal,
            Self::Unequal => value != literal,
            Self::Less => value < literal,
            Self::AtMost => value <= literal,
            Self::More => value > literal,
            Self::AtLeast => value >= literal,
        }
    }
}

impl<'a> ParsedCondition<'a> {
    /// Parses a condition; the error tells what is wrong.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let text = text.trim();
        let Some(at) = text.find(['=', '!', '<', '>']) else {
            let name = text.strip_prefix("not ").map(str::trim);
            return match name.unwrap_or(text) {
                "" => Err("must be a name, `not` and a name, or a comparison such as stock >= 5".to_owned()),
                text if text.contains(char::is_whitespace) => {
                    Err(format!("`{text}` is not one name; only one condition is possible"))
                }
                name_only if name.is_none() => Ok(Self::Present(name_only)),
                missing => Ok(Self::Missing(missing)),
            };
        };
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let found = Comparison::ALL
            .into_iter()
            .find_map(|(sign, comparison)| Some((comparison, rest.strip_prefix(sign)?)));
        let Some((comparison, rest)) = found else {
            return Err("a comparison needs one of == != < <= > >=".to_owned());
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err("a comparison must begin with one name".to_owned());
        }
        let literal = parse_literal(rest.trim())?;
        if matches!(literal, Literal::Text(_))
            && !matches!(comparison, Comparison::Equal | Comparison::Unequal)
        {
            return Err(
                "a text can only be compared with == and !=; the other operators need a number".to_owned()
            );
        }
        Ok(Self::Compared(name, comparison, literal))
    }
}

fn parse_literal(text: &str) -> Result<Literal, String> {
    for mark in ['\'', '"'] {
        if let Some(inside) = text.strip_prefix(mark) {
            return match inside.strip_suffix(mark) {
                Some(inside) if !inside.contains(mark) => Ok(Literal::Text(inside.to_owned())),
                _ => {
                    Err("the text is not closed, or something follows its closing quotation mark".to_owned())
                }
            };
        }
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Literal::Number(number)),
        _ => Err("a comparison must end with a number, or with a text in quotation marks".to_owned()),
    }
}

impl Condition {
    /// The variable that has a single value whenever the condition holds.
    pub(crate) fn guaranteed_var(&self) -> Option<VarId> {
        match self {
            Self::Present(id) | Self::Compared { operand: Operand::Var(id), .. } => Some(*id),
            Self::Missing(_) | Self::Compared { operand: Operand::Status, .. } => None,
        }
    }

    /// Evaluates the condition for the user's current values.
    pub(crate) fn holds(&self, context: &UserContext) -> bool {
        match self {
            Self::Present(id) => context.values.has(*id),
            Self::Missing(id) => !context.values.has(*id),
            Self::Compared { operand: Operand::Status, comparison, literal: Literal::Number(number) } => {
                context.status.is_some_and(|status| comparison.compare(f64::from(status), *number))
            }
            // Validation rejects a comparison of the status with a text.
            Self::Compared { operand: Operand::Status, .. } => false,
            Self::Compared { operand: Operand::Var(id), comparison, literal } => {
                let Some(value) = context.values.get(*id) else { return false };
                let value = value.text();
                match literal {
                    Literal::Text(text) => (value == text.as_str()) == (*comparison == Comparison::Equal),
                    Literal::Number(number) => match value.trim().parse::<f64>() {
                        Ok(value) => comparison.compare(value, *number),
                        // A value that is not a number is unequal to every number, and neither less nor more.
                        Err(_) => *comparison == Comparison::Unequal,
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    fn condition(text: &str) -> Condition {
        match ParsedCondition::parse(text).expect(text) {
            ParsedCondition::Present(_) => Condition::Present(VarId(0)),
            ParsedCondition::Missing(_) => Condition::Missing(VarId(0)),
            ParsedCondition::Compared("status", comparison, literal) => {
                Condition::Compared { operand: Operand::Status, comparison, literal }
            }
            ParsedCondition::Compared(_, comparison, literal) => {
                Condition::Compared { operand: Operand::Var(VarId(0)), comparison, literal }
            }
        }
    }

    fn holds(text: &str, value: Option<Value>) -> bool {
        let mut context = UserContext::new(1, 1);
        context.values.set(VarId(0), value);
        context.status = Some(404);
        condition(text).holds(&context)
    }

    #[test]
    fn conditions_are_evaluated_with_values_and_the_status() {
        let text = |text: &str| Some(Value::Text(text.into()));
        let number = |number| Some(Value::Number(number));
        for (condition, value, expected) in [
            ("kind", text("gift"), true),
            ("kind", None, false),
            ("not kind", None, true),
            ("not kind", text("gift"), false),
            ("kind == 'gift'", text("gift"), true),
            ("kind == \"gift\"", text("card"), false),
            ("kind != 'gift'", text("card"), true),
            ("kind == ''", text("x"), false),
            ("kind == '5'", number(5), true),
            ("stock == 5", text("5"), true),
            ("stock == 5", text(" 5.0 "), true),
            ("stock != 5", text("many"), true),
            ("stock == 5", text("many"), false),
            ("stock<5", number(4), true),
            ("stock <= 5", number(5), true),
            ("stock > -1.5", number(-1), true),
            ("stock >= 5", text("four"), false),
            ("status == 404", None, true),
            ("status >= 500", None, false),
        ] {
            assert_eq!(holds(condition, value.clone()), expected, "{condition} for {value:?}");
        }
        // A missing value makes every comparison false.
        for condition in ["x == 'a'", "x != 'a'", "x < 1", "x >= 1", "x != 1"] {
            assert!(!holds(condition, None), "{condition}");
        }
    }

    #[test]
    fn invalid_conditions_are_rejected() {
        for (text, expected) in [
            ("", "must be a name"),
            ("a and b", "only one condition"),
            ("a = 1", "needs one of == !="),
            ("a =! 1", "needs one of == !="),
            ("== 1", "must begin with one name"),
            ("a b == 1", "must begin with one name"),
            ("a == b", "must end with a number"),
            ("a == 'b", "not closed"),
            ("a == 'b' or c", "not closed"),
            ("a < 'b'", "== and !="),
            ("a < inf", "must end with a number"),
            ("a == ", "must end with a number"),
        ] {
            let error = ParsedCondition::parse(text).map(|_| ()).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_a_guaranteed_value_exists(text in "\\PC{0,30}", value in prop::option::of("[a-c0-9.]{0,3}")) {
            drop(ParsedCondition::parse(&text));
            let value = value.map(Value::Text);
            for known in ["x", "not x", "x == 'a'", "x != 'a'", "x < 5", "x != 5", "status == 404"] {
                let mut context = UserContext::new(1, 1);
                context.values.set(VarId(0), value.clone());
                let condition = condition(known);
                if condition.holds(&context) && condition.guaranteed_var().is_some() {
                    prop_assert!(context.values.get(VarId(0)).is_some(), "{}", known);
                }
            }
        }
    }
}
