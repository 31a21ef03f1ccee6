//! How connections to the site are made, where that does not follow from its URL.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Socket and trust of connections to the site. Scheme, `Host` header and certificate name still come from the URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Via {
    /// A unix socket for all connections, instead of the URL's host and port; no name is resolved then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<PathBuf>,
    /// PEM file with the only certificate authorities that are trusted; `None` means those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Via {
    /// Whether connections follow from the URL alone.
    pub const fn is_plain(&self) -> bool {
        self.unix_socket.is_none() && self.ca_file.is_none()
    }
}

impl fmt::Display for Via {
    /// ` over /run/app.sock`, to be written after an address; empty without a socket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unix_socket {
            Some(path) => write!(f, " over {}", path.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_via_has_no_text_and_no_json_key() {
        assert_eq!(serde_json::to_string(&Via::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Via>("{}").unwrap(), Via::default());
        assert_eq!(Via::default().to_string(), "");
        let via = Via { unix_socket: Some("/run/app.sock".into()), ca_file: None };
        assert_eq!(via.to_string(), " over /run/app.sock");
        assert!(!via.is_plain());
    }
}
