//! Keys that say how the site is spoken to, checked while they are read.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use kneepoint_loadgen::ReadRate;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest path of a unix socket (`sun_path` has room for 108 bytes with the last, a zero: unix(7)).
const LONGEST: usize = 107;

/// Where a unix socket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct SocketPath(pub(crate) PathBuf);

impl SocketPath {
    /// Reads it; the error has a valid example. For the command line too.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let no = |why: &str| {
            Err(format!("`{}` {why}; write e.g. unix_socket = \"/run/app.sock\"", text.escape_debug()))
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return no("is not the path of a unix socket");
        }
        if text.len() > LONGEST {
            return no("is longer than the 107 bytes that a socket's path may have");
        }
        Ok(Self(text.into()))
    }

    /// The path from `base`, where the file that names it is.
    pub(super) fn seen_from(&self, base: &Path) -> Result<PathBuf, String> {
        let path = base.join(&self.0);
        if path.as_os_str().as_bytes().len() > LONGEST {
            return Err(format!(
                "site.unix_socket: {} is longer than the {LONGEST} bytes that a socket's path may have; write it absolute, or start from nearer",
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

/// How fast visitors read, as it is written: `64 KiB/s`.
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
    fn a_socket_s_path_is_short_and_plain() {
        assert_eq!(SocketPath::parse("/run/app.sock"), Ok(SocketPath("/run/app.sock".into())));
        let here = SocketPath::parse("app.sock").unwrap();
        assert_eq!(here.seen_from(Path::new("/srv/shop")), Ok("/srv/shop/app.sock".into()));
        assert!(here.seen_from(Path::new(&format!("/{}", "x".repeat(120)))).is_err());
        for bad in ["", "/run/a\nb", &"x".repeat(108)] {
            let why = SocketPath::parse(bad).expect_err(bad);
            assert!(why.contains("unix_socket = \"/run/app.sock\""), "{why}");
        }
    }
}
