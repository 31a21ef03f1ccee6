//! Conditions of steps: `book`, `not book`, `kind == 'gift'`, `stock >= 5`, `status == 404`.
//!
//! A comparison with a value that is not there never holds, not even `!=`: so within the step that asks, the value is there.

use crate::values::{VarId, Visit};

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// The value was found.
    There(VarId),
    /// It was not.
    Missing(VarId),
    /// The value compared.
    Compared { what: Operand, order: Order, with: Literal },
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    /// A value.
    Var(VarId),
    /// The status of the journey's last answer.
    Status,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// With what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// In quotation marks.
    Text(String),
    /// A number.
    Number(f64),
}

/// A condition whose names have no numbers yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written<'a> {
    /// A name.
    There(&'a str),
    /// `not` and a name.
    Missing(&'a str),
    /// A comparison.
    Compared(&'a str, Order, Literal),
}

impl Order {
    /// With their signs; the longer ones first, so that `<=` is not read as `<`.
    const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Less),
        (">", Self::More),
    ];

    #[expect(clippy::float_cmp, reason = "what was written is what is asked: 5 is 5")]
    fn holds(self, value: f64, with: f64) -> bool {
        match self {
            Self::Equal => value == with,
            Self::Unequal => value != with,
            Self::Less => value < with,
            Self::AtMost => value <= with,
            Self::More => value > with,
            Self::AtLeast => value >= with,
        }
    }
}

impl<'a> Written<'a> {
    /// Reads a condition; the words say what is wrong with it.
    pub(crate) fn read(text: &'a str) -> Result<Self, String> {
        let text = text.trim();
        let Some(at) = text.find(['=', '!', '<', '>']) else {
            let name = text.strip_prefix("not ").map(str::trim);
            return match name.unwrap_or(text) {
                "" => Err("must be a name, `not` and a name, or a comparison".to_owned()),
                words if words.contains(char::is_whitespace) => {
                    Err(format!("`{words}` is not one name; only one condition can be asked"))
                }
                name_only if name.is_none() => Ok(Self::There(name_only)),
                missing => Ok(Self::Missing(missing)),
            };
        };
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let found = Order::ALL.into_iter().find_map(|(sign, order)| Some((order, rest.strip_prefix(sign)?)));
        let Some((order, rest)) = found else {
            return Err("a comparison is one of == != < <= > >=".to_owned());
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err("a comparison begins with one name".to_owned());
        }
        let with = literal(rest.trim())?;
        if matches!(with, Literal::Text(_)) && !matches!(order, Order::Equal | Order::Unequal) {
            return Err("texts are compared with == and !=; the others compare numbers".to_owned());
        }
        Ok(Self::Compared(name, order, with))
    }
}

fn literal(text: &str) -> Result<Literal, String> {
    for mark in ['\'', '"'] {
        if let Some(inside) = text.strip_prefix(mark) {
            return match inside.strip_suffix(mark) {
                Some(inside) if !inside.contains(mark) => Ok(Literal::Text(inside.to_owned())),
                _ => Err("the text is not closed, or something follows it".to_owned()),
            };
        }
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Literal::Number(number)),
        _ => Err("a comparison ends with a number, or with a text in quotation marks".to_owned()),
    }
}

impl Condition {
    /// The value that is there when the condition holds.
    pub(crate) fn sure(&self) -> Option<VarId> {
        match self {
            Self::There(id) | Self::Compared { what: Operand::Var(id), .. } => Some(*id),
            Self::Missing(_) | Self::Compared { what: Operand::Status, .. } => None,
        }
    }

    /// Does it hold now?
    pub(crate) fn holds(&self, visit: &Visit) -> bool {
        match self {
            Self::There(id) => visit.values.has(*id),
            Self::Missing(id) => !visit.values.has(*id),
            Self::Compared { what: Operand::Status, order, with: Literal::Number(number) } => {
                visit.status.is_some_and(|status| order.holds(f64::from(status), *number))
            }
            // Validation compares the status with numbers only.
            Self::Compared { what: Operand::Status, .. } => false,
            Self::Compared { what: Operand::Var(id), order, with } => {
                let Some(value) = visit.values.get(*id) else { return false };
                let value = value.text();
                match with {
                    Literal::Text(text) => (value == text.as_str()) == (*order == Order::Equal),
                    Literal::Number(number) => match value.trim().parse::<f64>() {
                        Ok(value) => order.holds(value, *number),
                        // Not a number: unequal to every number, and neither more nor less.
                        Err(_) => *order == Order::Unequal,
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
    use crate::values::Value;

    fn condition(text: &str) -> Condition {
        match Written::read(text).expect(text) {
            Written::There(_) => Condition::There(VarId(0)),
            Written::Missing(_) => Condition::Missing(VarId(0)),
            Written::Compared("status", order, with) => {
                Condition::Compared { what: Operand::Status, order, with }
            }
            Written::Compared(_, order, with) => {
                Condition::Compared { what: Operand::Var(VarId(0)), order, with }
            }
        }
    }

    fn holds(text: &str, value: Option<Value>) -> bool {
        let mut visit = Visit::new(1, 1);
        visit.values.set(VarId(0), value);
        visit.status = Some(404);
        condition(text).holds(&visit)
    }

    #[test]
    fn conditions_hold_when_they_say_so() {
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
        // What is not there compares with nothing.
        for condition in ["x == 'a'", "x != 'a'", "x < 1", "x >= 1", "x != 1"] {
            assert!(!holds(condition, None), "{condition}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, expected) in [
            ("", "must be a name"),
            ("a and b", "only one condition"),
            ("a = 1", "one of == !="),
            ("a =! 1", "one of == !="),
            ("== 1", "begins with one name"),
            ("a b == 1", "begins with one name"),
            ("a == b", "ends with a number"),
            ("a == 'b", "not closed"),
            ("a == 'b' or c", "not closed"),
            ("a < 'b'", "== and !="),
            ("a < inf", "ends with a number"),
            ("a == ", "ends with a number"),
        ] {
            let refused = Written::read(text).map(|_| ()).expect_err(text);
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_what_is_sure_is_there(text in "\\PC{0,30}", value in prop::option::of("[a-c0-9.]{0,3}")) {
            drop(Written::read(&text));
            let value = value.map(Value::Text);
            for known in ["x", "not x", "x == 'a'", "x != 'a'", "x < 5", "x != 5", "status == 404"] {
                let mut visit = Visit::new(1, 1);
                visit.values.set(VarId(0), value.clone());
                let condition = condition(known);
                if condition.holds(&visit) && condition.sure().is_some() {
                    prop_assert!(visit.values.get(VarId(0)).is_some(), "{}", known);
                }
            }
        }
    }
}
