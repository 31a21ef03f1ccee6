//! Toggles: pieces of performance advice that an experiment tests, from the embedded `toggles/*.toml`. Unknown keys are refused
//! with their line.
//!
//! A file contains the advice and its source, the stack without and with it, the requests that show the difference, and the
//! deciding signal. How it is measured is the same for all toggles.

mod raw;
mod side;

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use kneepoint_model::experiment::{Expected, Signal};
use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::topology::Topology;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/toggles");

/// The heading under which a toggle is listed, in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToggleGroup {
    /// The application server and its workers.
    Server,
    /// nginx or a balancer in front of the server.
    Proxy,
    /// Caches of responses and data.
    Caching,
    /// The database and its connections.
    Database,
    /// Size and transfer of responses.
    Wire,
    /// Settings of the site's own code.
    Code,
    /// Correctness and availability during changes.
    Safety,
}

impl ToggleGroup {
    /// The heading as shown in lists.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Proxy => "Proxy",
            Self::Caching => "Caching",
            Self::Database => "Database",
            Self::Wire => "Wire",
            Self::Code => "Code",
            Self::Safety => "Safety",
        }
    }
}

/// A source document of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SeedDocument {
    /// 000: web site development with Django, nginx, gunicorn, supervisor and MySQL.
    #[serde(rename = "000")]
    SiteDevelopment,
    /// 001: Django server set-ups, from a laptop to many machines.
    #[serde(rename = "001")]
    ServerSetups,
    /// 002: a back end for high load.
    #[serde(rename = "002")]
    BackEnd,
    /// 003: notes on performance.
    #[serde(rename = "003")]
    PerformanceNotes,
    /// 004: Django in the real world.
    #[serde(rename = "004")]
    RealWorld,
}

impl SeedDocument {
    /// As written in toggle files, e.g. `004`.
    pub const fn number(self) -> &'static str {
        match self {
            Self::SiteDevelopment => "000",
            Self::ServerSetups => "001",
            Self::BackEnd => "002",
            Self::PerformanceNotes => "003",
            Self::RealWorld => "004",
        }
    }
}

/// What a toggle needs besides Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// nginx in front of the server.
    Nginx,
    /// MySQL as database.
    Mysql,
    /// A second MySQL that replicates the first.
    Replica,
    /// Redis as cache or broker.
    Redis,
    /// Memcached as cache.
    Memcached,
    /// Several app servers behind the proxy.
    Servers,
    /// A queue and its worker.
    Queue,
    /// An S3-compatible store.
    Objects,
    /// HAProxy as balancer.
    Haproxy,
    /// The package `django-db-connection-pool` in the site's environment.
    Pool,
    /// Swap space on this machine.
    Swap,
    /// Separate machines, which only the compose driver has.
    Machines,
}

impl Need {
    /// As shown to users.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Mysql => "MySQL",
            Self::Replica => "a replica of the database",
            Self::Redis => "Redis",
            Self::Memcached => "Memcached",
            Self::Servers => "several app servers",
            Self::Queue => "a queue and its worker",
            Self::Objects => "an S3-compatible store",
            Self::Haproxy => "HAProxy",
            Self::Pool => "django-db-connection-pool",
            Self::Swap => "swap space",
            Self::Machines => "separate machines",
        }
    }
}

/// The requests that show the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requests {
    /// These paths in turn. `{fresh}` is replaced by a number that no earlier block has used.
    Routes(Vec<String>),
    /// The name of a built-in scenario.
    Scenario(String),
    /// The text of a scenario.
    Script(String),
}

/// The load of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OfferedLoad {
    /// A number of users, each sending the next request as soon as it has the response.
    Users(u16),
    /// Arrivals per second, independent of the responses.
    Rate(f64),
}

/// How users handle connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connections {
    /// Kept open for further requests.
    #[default]
    KeepAlive,
    /// Closed after each response.
    Close,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// A description of this side.
    pub what: String,
    /// What is brought up.
    pub topology: Topology,
    /// Switches that override those of the topology.
    pub env: BTreeMap<String, String>,
    /// How users handle connections.
    pub connections: Connections,
    /// Whether each page is requested once before the load, as a cron job with curl does.
    pub warmed: bool,
}

impl Variant {
    /// Whether one stack can serve both sides, which then differ only in the load.
    pub fn same_stack(&self, other: &Self) -> bool {
        self.topology == other.topology && self.env == other.env
    }
}

/// Two variants, and how they are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Without the advice.
    pub without: Variant,
    /// With the advice.
    pub with: Variant,
    /// The same for both sides.
    pub requests: Requests,
    /// The same for both sides.
    pub load: OfferedLoad,
    /// The deciding signal.
    pub signal: Signal,
    /// The smallest relevant effect: a fraction for ratios, else in the unit of the signal.
    pub min_effect: f64,
    /// Signals that show an effect too small for the deciding one.
    pub proofs: Vec<Signal>,
    /// Whether two kinds of concurrency are compared.
    pub concurrency: bool,
    /// Whether a cache might leak pages between users: then two logged-in users and an anonymous user check it.
    pub user_isolation: bool,
}

/// Experiments with their own procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Special {
    /// Isolation level × code of the purchase, on one contended row.
    LostUpdate,
    /// Servers are replaced one by one under load.
    RollingRestart,
    /// Users are switched to a second set of servers under load.
    BlueGreen,
    /// First requests of new workers compared with warm ones.
    ColdStart,
    /// More memory than available, with and without swap space.
    Swap,
}

/// How a toggle is tested.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// By alternating blocks of both sides.
    Pairs(Box<Comparison>),
    /// By its own procedure.
    Special(Special),
}

/// A piece of advice and its test.
#[derive(Debug, Clone, PartialEq)]
pub struct Toggle {
    /// The name of its file.
    pub name: String,
    /// The heading under which it is listed.
    pub group: ToggleGroup,
    /// The advice in one line.
    pub advice: String,
    /// The documents that give the advice.
    pub seeds: Vec<SeedDocument>,
    /// What must be available.
    pub needs: Vec<Need>,
    /// How it is tested.
    pub test: Test,
    /// The verdict of earlier measurements.
    pub expected: Expected,
    /// The effect of earlier measurements: a ratio (with / without) or a difference, depending on the signal.
    pub expected_effect: Option<f64>,
    /// A description of the earlier measurement.
    pub measured: Option<String>,
    /// What a reader of the result must know.
    pub notes: Vec<String>,
}

impl Toggle {
    /// Parses a toggle file.
    ///
    /// # Errors
    /// `BadToggle` with line, column and reason.
    pub fn parse(name: &str, text: &str) -> Result<Self, StackError> {
        raw::parse_toggle(name, text)
    }

    /// The embedded toggle of this name.
    ///
    /// # Errors
    /// `UnknownToggle` with the known names.
    pub fn named(name: &str) -> Result<Self, StackError> {
        let file = FILES.get_file(format!("{name}.toml")).and_then(|file| file.contents_utf8());
        let unknown = || StackError::UnknownToggle { name: name.to_owned(), known: Self::names().join(", ") };
        Self::parse(name, file.ok_or_else(unknown)?)
    }

    /// The names of the embedded toggles.
    pub fn names() -> Vec<String> {
        let stem = |file: &include_dir::File<'_>| {
            file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned())
        };
        let mut names: Vec<String> = FILES.files().filter_map(stem).collect();
        names.sort();
        names
    }

    /// Every embedded toggle, by heading and name.
    ///
    /// # Errors
    /// Never with the embedded files, which a test parses.
    pub fn all() -> Result<Vec<Self>, StackError> {
        let all: Result<Vec<Self>, StackError> = Self::names().iter().map(|name| Self::named(name)).collect();
        let mut all = all?;
        all.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
