//! `stack.json`: the stack that `up` started, and where each tier can be measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::tier::Tier;
use crate::via::Via;

/// How the stack is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Child processes on this machine.
    Native,
    /// Containers of `docker compose`.
    Compose,
    /// A site that already runs; kneepoint neither starts nor stops anything.
    Attach,
}

impl Driver {
    /// The name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Compose => "compose",
            Self::Attach => "attach",
        }
    }
}

/// What a tier's code runs on, which decides how it can be profiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// CPython, which py-spy can read.
    Python,
    /// Native code built without frame pointers.
    Native,
    /// Native code that is part of kneepoint and built with frame pointers.
    FramePointers,
}

/// An interface through which a tier reports its own counters. Never contains a password, because it is written into the run
/// folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Instrument {
    /// MySQL's or `MariaDB`'s own `performance_schema` and status variables.
    Mysql {
        /// The address as `host:port`.
        address: String,
        /// The database user that kneepoint connects as.
        user: String,
        /// The site's schema: only its statements are counted.
        schema: String,
    },
    /// The `INFO` command of Redis.
    Redis {
        /// The address as `host:port`.
        address: String,
    },
    /// The `stats` command of Memcached.
    Memcached {
        /// The address as `host:port`.
        address: String,
    },
}

/// One tier as it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TierInfo {
    /// The tier of the reference stack that it plays.
    pub tier: Tier,
    /// A description, e.g. `gunicorn 27.0.1 (2 sync workers) under supervisor`.
    pub what: String,
    /// Root processes; all their descendants belong to the tier too.
    pub roots: Vec<u32>,
    /// What its code runs on.
    pub runtime: Runtime,
    /// The URL on which it listens; `None` for tiers without one.
    pub url: Option<Url>,
    /// Workers that can serve at the same time, where that is fixed (processes × threads).
    pub concurrency: Option<u32>,
    /// URL of nginx `stub_status`, where there is one.
    pub status_url: Option<Url>,
    /// URL of `/debug/pprof/profile`, where there is one.
    pub pprof_url: Option<Url>,
    /// JSON access log of the proxy.
    pub access_log: Option<String>,
    /// Paths of its log files.
    pub logs: Vec<String>,
    /// The interfaces through which it reports its own counters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<Instrument>,
    /// Names of the containers it runs in; empty outside of compose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
}

/// The stack as it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackInfo {
    /// Version of this file's format.
    pub format_version: u32,
    /// The driver that runs it.
    pub driver: Driver,
    /// Name of the topology.
    pub topology: String,
    /// The URL of the site that is crawled and loaded.
    pub base_url: Url,
    /// `Host` header, where it must differ from the URL.
    pub host_header: Option<String>,
    /// How connections to it are made, where that does not follow from the URL.
    #[serde(default, skip_serializing_if = "Via::is_plain")]
    pub via: Via,
    /// The tiers, nearest to the user first.
    pub tiers: Vec<TierInfo>,
    /// Environment switches of the site (secrets excluded).
    pub toggles: BTreeMap<String, String>,
    /// Versions of programs and packages.
    pub versions: BTreeMap<String, String>,
    /// The file to which the application's probe writes its statements; `None` without a probe.
    pub statements: Option<String>,
    /// True for a disposable stack that kneepoint made: journeys that write are allowed.
    pub throw_away: bool,
}

impl StackInfo {
    /// The entry of this tier; `None` when the stack has none.
    pub fn tier(&self, tier: Tier) -> Option<&TierInfo> {
        self.tiers.iter().find(|info| info.tier == tier)
    }
}
