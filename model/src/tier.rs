//! The tiers of a web stack, as the reference stack names them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One tier of the stack, or the two that stand beside it: the load generator and the host itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Reverse proxy (nginx).
    Proxy,
    /// Application server (gunicorn and Django under supervisor).
    Server,
    /// The decoupled compute engine.
    Engine,
    /// Database (MySQL, `MariaDB` or SQLite).
    Db,
    /// Cache (Redis, Memcached).
    Cache,
    /// Task queue worker.
    Queue,
    /// Object storage with the S3 protocol.
    Objects,
    /// kneepoint's own load generator: it accuses itself first.
    Generator,
    /// The machine as a whole.
    Host,
}

impl Tier {
    /// The name used in files, charts and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Server => "server",
            Self::Engine => "engine",
            Self::Db => "db",
            Self::Cache => "cache",
            Self::Queue => "queue",
            Self::Objects => "objects",
            Self::Generator => "generator",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
