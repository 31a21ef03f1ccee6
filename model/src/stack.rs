//! `stack.json`: what `up` brought up, and where each tier can be looked at.

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
    /// `docker compose`.
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

/// What a tier's code runs on: decides how it can be profiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// CPython.
    Python,
    /// Native code built without frame pointers.
    Native,
    /// Native code of ours, built with frame pointers.
    FramePointers,
}

/// What a tier can be asked about itself, and where. Passwords are never part of it: this is written into the run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Instrument {
    /// MySQL's or `MariaDB`'s own `performance_schema` and status variables.
    Mysql {
        /// `host:port`.
        address: String,
        /// Who asks.
        user: String,
        /// The site's schema: only its statements are counted.
        schema: String,
    },
    /// Redis' `INFO`.
    Redis {
        /// `host:port`.
        address: String,
    },
    /// Memcached's `stats`.
    Memcached {
        /// `host:port`.
        address: String,
    },
}

/// One tier as it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TierInfo {
    /// Which tier.
    pub tier: Tier,
    /// What it is, e.g. `gunicorn 27.0.1 (2 sync workers) under supervisor`.
    pub what: String,
    /// Root processes; all their descendants belong to the tier too.
    pub roots: Vec<u32>,
    /// What its code runs on.
    pub runtime: Runtime,
    /// Where it listens.
    pub url: Option<Url>,
    /// Workers that can serve at the same time, where that is fixed (processes × threads).
    pub concurrency: Option<u32>,
    /// nginx `stub_status`.
    pub status_url: Option<Url>,
    /// `/debug/pprof/profile`.
    pub pprof_url: Option<Url>,
    /// JSON access log of the proxy.
    pub access_log: Option<String>,
    /// Log files.
    pub logs: Vec<String>,
    /// What it can be asked about itself.
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
    /// How it is run.
    pub driver: Driver,
    /// Name of the topology.
    pub topology: String,
    /// Where the site answers: what is crawled and loaded.
    pub base_url: Url,
    /// `Host` header, where it must differ from the URL.
    pub host_header: Option<String>,
    /// How connections to it are made, where the URL does not say it.
    #[serde(default, skip_serializing_if = "Via::is_plain")]
    pub via: Via,
    /// The tiers, nearest to the visitor first.
    pub tiers: Vec<TierInfo>,
    /// Environment switches of the site (secrets left out).
    pub toggles: BTreeMap<String, String>,
    /// Versions of programs and packages.
    pub versions: BTreeMap<String, String>,
    /// Where the application's probe writes its statements, when there is one.
    pub statements: Option<String>,
    /// True for a throw-away stack of kneepoint's own: writing journeys are allowed.
    pub throw_away: bool,
}

impl StackInfo {
    /// The tier of that name.
    pub fn tier(&self, tier: Tier) -> Option<&TierInfo> {
        self.tiers.iter().find(|info| info.tier == tier)
    }
}
