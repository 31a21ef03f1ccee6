//! The only pair of keys. They protect nothing of value: the store is deleted with its stack and holds generated covers.

use std::fmt;

use crate::ObjectsError;

const KEY: &str = "KNEEPOINT_OBJECTS_KEY";
const SECRET: &str = "KNEEPOINT_OBJECTS_SECRET";

/// The access key and the secret of the only writer.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key, sent with each signed request.
    pub(crate) key: String,
    /// The secret that signs, never sent.
    pub(crate) secret: String,
}

impl Keys {
    /// Reads `KNEEPOINT_OBJECTS_KEY` and `KNEEPOINT_OBJECTS_SECRET` by `variable`. The defaults for unset and empty
    /// variables are those of the site.
    ///
    /// # Errors
    /// `Key` when one cannot be part of a request header.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ObjectsError> {
        let read = |name: &'static str, default: &str| {
            let text = variable(name).filter(|text| !text.is_empty()).unwrap_or_else(|| default.to_owned());
            validate_key(name, text)
        };
        Ok(Self { key: read(KEY, "kneepoint")?, secret: read(SECRET, "throw-away-objects")? })
    }
}

/// Slashes and commas separate fields of the `Authorization` header, so a key must not contain them.
fn validate_key(name: &'static str, text: String) -> Result<String, ObjectsError> {
    if text.len() > 128 {
        return Err(ObjectsError::Key { name, why: "longer than 128 characters" });
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)) {
        return Err(ObjectsError::Key { name, why: "not plain text" });
    }
    Ok(text)
}

impl fmt::Debug for Keys {
    /// Leaves the secret out, so that it does not reach logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_override_defaults_and_empty_means_unset() {
        let given = |name: &str| match name {
            KEY => Some("me".to_owned()),
            _ => Some(String::new()),
        };
        let keys = Keys::from_variables(given).unwrap();
        assert_eq!((keys.key.as_str(), keys.secret.as_str()), ("me", "throw-away-objects"));
    }

    #[test]
    fn a_key_that_would_break_the_header_is_refused_by_name() {
        for bad in ["a/b", "a b", "ä", &"x".repeat(129)] {
            let error = Keys::from_variables(|name| (name == SECRET).then(|| bad.to_owned())).unwrap_err();
            assert!(error.to_string().contains("KNEEPOINT_OBJECTS_SECRET is"), "{error}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let keys = Keys::from_variables(|_| None).unwrap();
        assert!(!format!("{keys:?}").contains("throw-away"), "{keys:?}");
    }
}
