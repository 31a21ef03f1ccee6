//! Settings of the connection to the site, validated while they are read.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use kneepoint_loadgen::ReadRate;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest path of a unix socket in bytes: `sun_path` has 108 with the final zero, unix(7).
const MAX_SOCKET_PATH: usize = 107;

/// Path of a unix socket, at most 107 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct SocketPath(pub(crate) PathBuf);

impl SocketPath {
    /// Parses a path; the error has a valid example.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| {
            Err(format!("`{}` {why}; write e.g. unix_socket = \"/run/app.sock\"", text.escape_debug()))
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return refuse("is not the path of a unix socket");
        }
        if text.len() > MAX_SOCKET_PATH {
            return refuse("is longer than the 107 bytes that a socket path may have");
        }
        Ok(Self(text.into()))
    }

    /// The path relative to `base`, the folder of the configuration file.
    pub(super) fn resolve(&self, base: &Path) -> Result<PathBuf, String> {
        let path = base.join(&self.0);
        if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
            return Err(format!(
                "site.unix_socket: {} is longer than the {MAX_SOCKET_PATH} bytes that a socket path may have; write a shorter absolute path",
                path.display()
            ));
        }
        Ok(path)
    }
}

impl<'de> Deserialize<'de> for SocketPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Read rate of each connection, as it is written: `64 KiB/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadRateText(pub(crate) ReadRate);

impl<'de> Deserialize<'de> for ReadRateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

impl Serialize for ReadRateText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_is_short_and_printable() {
        assert_eq!(SocketPath::parse("/run/app.sock"), Ok(SocketPath("/run/app.sock".into())));
        let here = SocketPath::parse("app.sock").unwrap();
        assert_eq!(here.resolve(Path::new("/srv/shop")), Ok("/srv/shop/app.sock".into()));
        assert!(here.resolve(Path::new(&format!("/{}", "x".repeat(120)))).is_err());
        for bad in ["", "/run/a\nb", &"x".repeat(108)] {
            let why = SocketPath::parse(bad).expect_err(bad);
            assert!(why.contains("unix_socket = \"/run/app.sock\""), "{why}");
        }
    }
}
