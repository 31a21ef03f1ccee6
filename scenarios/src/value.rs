//! The value of one placeholder.

use std::borrow::Cow;

/// A text or a whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Sent as a string in JSON bodies.
    Text(String),
    /// Sent as a number in JSON bodies, when it is the whole string.
    Number(i64),
}

impl Value {
    /// The value as written in a path or a form field.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}
