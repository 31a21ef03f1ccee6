//! Pieces of advice that can be put to the test: `toggles/*.toml`, embedded, typed, unknown keys refused with their line.
//!
//! A file says what is advised and by whom, what stands without and with it, which requests show the difference, and which
//! signal decides. It says nothing of how the measurement is made: that is the same for all.

mod raw;
mod side;

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use kneepoint_model::experiment::{Expected, Signal};
use serde::{Deserialize, Serialize};

use crate::error::StackError;
use crate::topology::Topology;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/toggles");

/// Under which heading a piece of advice is listed; the order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// What runs the site.
    Server,
    /// What stands in front of it.
    Proxy,
    /// What remembers answers.
    Caching,
    /// What remembers everything.
    Database,
    /// What travels between visitor and site.
    Wire,
    /// How the site's own code is set.
    Code,
    /// Correctness and uptime while things change.
    Safety,
}

impl Group {
    /// Its heading.
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

/// A seed document: where the advice comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Seed {
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

impl Seed {
    /// Its number.
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

/// What must be there beside Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// nginx.
    Nginx,
    /// MySQL.
    Mysql,
    /// A second MySQL that follows the first, or stands for one.
    Replica,
    /// Redis.
    Redis,
    /// Memcached.
    Memcached,
    /// Several app servers behind the proxy.
    Servers,
    /// A queue and its worker.
    Queue,
    /// An S3-compatible store.
    Objects,
    /// HAProxy.
    Haproxy,
    /// The package `django-db-connection-pool` in the site's environment.
    Pool,
    /// Swap space.
    Swap,
    /// Machines of their own, which the compose driver has.
    Machines,
}

impl Need {
    /// In words.
    pub const fn words(self) -> &'static str {
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
            Self::Machines => "machines of their own",
        }
    }
}

/// Which requests show the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requests {
    /// These addresses, one after the other. `{fresh}` stands for a number that no block before has used.
    Routes(Vec<String>),
    /// A scenario of the library.
    Scenario(String),
    /// The text of a scenario of its own.
    Script(String),
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Visitors {
    /// So many users, each asking again as soon as the answer is there.
    Users(u16),
    /// Visitors who come at this rate per second, whatever the answers do.
    Rate(f64),
}

/// How visitors treat connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connections {
    /// Kept.
    #[default]
    KeepAlive,
    /// Closed after each answer.
    Close,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// What stands here, in words.
    pub what: String,
    /// The stack.
    pub topology: Topology,
    /// Switches of the site, beyond those of the topology.
    pub env: BTreeMap<String, String>,
    /// How visitors treat connections.
    pub connections: Connections,
    /// Whether the pages are asked for once before visitors come (a cron job with curl does that).
    pub warmed: bool,
}

impl Variant {
    /// Whether the same stack serves both: then only the visitors differ, and one stack is enough.
    pub fn same_stack(&self, other: &Self) -> bool {
        self.topology == other.topology && self.env == other.env
    }
}

/// Two variants, and how they are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// As it was before.
    pub without: Variant,
    /// As the advice has it.
    pub with: Variant,
    /// What is asked for.
    pub requests: Requests,
    /// By whom.
    pub visitors: Visitors,
    /// What decides.
    pub signal: Signal,
    /// The least effect that matters: a share for ratios, else in the unit of the signal.
    pub min_effect: f64,
    /// What shows an effect that is too small for the deciding signal.
    pub proofs: Vec<Signal>,
    /// Whether two ways of doing things at the same time are compared.
    pub concurrency: bool,
    /// Whether visitors could come to see each other's pages: then two readers and a stranger look.
    pub visitors_apart: bool,
}

/// Experiments of their own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Special {
    /// Isolation level × purchase code on one hot row.
    LostUpdate,
    /// Servers replaced one by one under load.
    RollingRestart,
    /// A second set of servers, and a switch.
    BlueGreen,
    /// The first requests of fresh workers against those of warm ones.
    ColdStart,
    /// Memory beyond what there is, with and without swap space.
    Swap,
}

/// How it is put to the test.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// In alternating blocks.
    Pairs(Box<Comparison>),
    /// In a way of its own.
    Special(Special),
}

/// A piece of advice.
#[derive(Debug, Clone, PartialEq)]
pub struct Toggle {
    /// Its name: that of its file.
    pub name: String,
    /// Its heading.
    pub group: Group,
    /// The advice, in a sentence.
    pub advice: String,
    /// Who gives it.
    pub seeds: Vec<Seed>,
    /// What it needs.
    pub needs: Vec<Need>,
    /// How it is put to the test.
    pub test: Test,
    /// What was found before.
    pub expected: Expected,
    /// How large it was: a ratio (with / without) or a difference, as the signal has it.
    pub expected_effect: Option<f64>,
    /// What was measured then, in words.
    pub measured: Option<String>,
    /// What to know when reading the result.
    pub notes: Vec<String>,
}

impl Toggle {
    /// Reads a toggle from the text of its file.
    ///
    /// # Errors
    /// `BadToggle` with line, column and reason.
    pub fn parse(name: &str, text: &str) -> Result<Self, StackError> {
        raw::read(name, text)
    }

    /// An embedded toggle.
    ///
    /// # Errors
    /// `UnknownToggle`, naming those that there are.
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
    /// None with the embedded files, which a test reads.
    pub fn all() -> Result<Vec<Self>, StackError> {
        let all: Result<Vec<Self>, StackError> = Self::names().iter().map(|name| Self::named(name)).collect();
        let mut all = all?;
        all.sort_by(|a, b| (a.group, &a.name).cmp(&(b.group, &b.name)));
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
