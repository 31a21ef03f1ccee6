//! A value that must not be shown.

use std::fmt;
use std::sync::Arc;

/// A value of the environment. It is sent, and otherwise only compared, so that whatever holds it is not kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(Arc<str>);

impl Secret {
    pub(crate) fn new(value: &str) -> Self {
        Self(value.into())
    }

    /// How it may be written in an address: as it is, and percent-encoded. Values of fewer than four characters are no secrets,
    /// and would be found everywhere.
    pub fn written(&self) -> Vec<String> {
        if self.0.chars().count() < 4 {
            return Vec::new();
        }
        let form: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        let mut ways = vec![self.0.to_string(), form.replace('+', "%20"), form];
        ways.dedup();
        ways
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown_and_known_however_it_is_written() {
        let secret = Secret::new("a b/c+d");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.written(), ["a b/c+d", "a%20b%2Fc%2Bd", "a+b%2Fc%2Bd"]);
        assert_eq!(Secret::new("plain").written(), ["plain"]);
        assert!(Secret::new("yes").written().is_empty());
    }
}
