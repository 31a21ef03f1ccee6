//! How connections to the site are made, where its URL alone does not say it.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way to the site. The URL still gives the scheme, the `Host` header and the name in certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Via {
    /// A unix socket that takes all connections, instead of the URL's host and port; no name is looked up then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<PathBuf>,
    /// PEM file of the certificate authorities that are trusted, and no others; without it, those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Via {
    /// Whether the URL says it all.
    pub const fn is_plain(&self) -> bool {
        self.unix_socket.is_none() && self.ca_file.is_none()
    }
}

impl fmt::Display for Via {
    /// ` over /run/app.sock`, to follow an address; nothing where the address says it all.
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
    fn a_plain_way_leaves_no_word_and_no_key() {
        assert_eq!(serde_json::to_string(&Via::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Via>("{}").unwrap(), Via::default());
        assert_eq!(Via::default().to_string(), "");
        let via = Via { unix_socket: Some("/run/app.sock".into()), ca_file: None };
        assert_eq!(via.to_string(), " over /run/app.sock");
        assert!(!via.is_plain());
    }
}
