//! A value from the environment that must not appear in messages, logs or reports.

use std::fmt;
use std::sync::Arc;

/// A value from the environment. It is sent in requests; elsewhere it is only compared, so that addresses that contain it are not
/// stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(Arc<str>);

impl Secret {
    pub(crate) fn new(value: &str) -> Self {
        Self(value.into())
    }

    /// The ways it can occur in a URL: verbatim and percent-encoded. Empty for values of fewer than four characters, which would
    /// match everywhere.
    pub fn url_forms(&self) -> Vec<String> {
        if self.0.chars().count() < 4 {
            return Vec::new();
        }
        let form: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        let mut forms = vec![self.0.to_string(), form.replace('+', "%20"), form];
        forms.dedup();
        forms
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
    fn debug_output_hides_it_and_every_url_form_is_listed() {
        let secret = Secret::new("a b/c+d");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.url_forms(), ["a b/c+d", "a%20b%2Fc%2Bd", "a+b%2Fc%2Bd"]);
        assert_eq!(Secret::new("plain").url_forms(), ["plain"]);
        assert!(Secret::new("yes").url_forms().is_empty());
    }
}
