//! Exactly what `kneepoint.toml` says: nothing is believed here, and nothing unknown is taken.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kneepoint_loadgen::ContentCoding;
use kneepoint_model::finding::Severity;
use kneepoint_model::load::HttpVersion;
use kneepoint_model::units::Span;
use serde::{Deserialize, Serialize};
use url::Url;

use super::value::{
    AssertionText, AtLeastOne, OtlpUrl, Port, PromiseText, Rate, Spread, StageText, StopText, WakeText,
};
use super::wire::{ReadRateText, SocketPath};

/// The file. Every key may be absent: what is absent is taken from the defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawConfig {
    pub(crate) site: Site,
    pub(crate) stack: Stack,
    pub(crate) crawl: Crawl,
    pub(crate) warm: Warm,
    pub(crate) probe: Probe,
    pub(crate) load: Load,
    pub(crate) profile: Profile,
    pub(crate) ladder: Ladder,
    pub(crate) experiment: Experiment,
    pub(crate) slo: Slo,
    pub(crate) report: Report,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name { $(pub(crate) $field: Option<$type>),* }
    };
}

section! {
    /// A site that already runs.
    Site {
        url: Url,
        host_header: String,
        unix_socket: SocketPath,
        ca_file: PathBuf,
        allow_hosts: Vec<String>,
        access_log: PathBuf,
        server_pids: Vec<u32>,
        pprof_url: Url,
    }
}
section! {
    /// The reference stack.
    Stack {
        driver: StackDriver,
        topology: String,
        db: StackDb,
        size: DataSize,
        seed: u64,
        port: Port,
        workers: u32,
        env: BTreeMap<String, String>,
    }
}
section! {
    /// The smoke crawl.
    Crawl {
        max_pages: AtLeastOne,
        max_depth: u32,
        per_template: AtLeastOne,
        concurrency: AtLeastOne,
        timeout: Span,
        max_time: Span,
        paths: Vec<String>,
        ignore: Vec<String>,
    }
}
section! {
    /// Warming.
    Warm { pages: AtLeastOne, max_rounds: AtLeastOne, max_time: Span }
}
section! {
    /// Probing.
    Probe { repeats: AtLeastOne, max_routes: AtLeastOne, max_time: Span }
}
section! {
    /// Load.
    Load {
        http: HttpVersion,
        users: AtLeastOne,
        closed: Span,
        open: Span,
        rate: Rate,
        stages: Vec<StageText>,
        arrivals: Spread,
        replay: PathBuf,
        speed: f64,
        warmup: Span,
        timeout: Span,
        max_in_flight: AtLeastOne,
        connect_ahead: u32,
        shed_after: Span,
        wake: WakeText,
        accept_encoding: Vec<ContentCoding>,
        read_rate: ReadRateText,
        stop_when: Vec<StopText>,
        threads: AtLeastOne,
        pin: bool,
        think: f64,
        scenarios: BTreeMap<String, u32>,
    }
}
section! {
    /// Profiling.
    Profile { time: Span, hz: AtLeastOne }
}
section! {
    /// The climb of the ladder.
    Ladder {
        slo: PromiseText,
        rungs: Vec<String>,
        closed: Span,
        step: Span,
        steps: AtLeastOne,
        equal: Span,
        rate: Rate,
        warmup: Span,
    }
}
section! {
    /// Advice put to the test.
    Experiment { pairs: AtLeastOne, spare: u32, block: Span, size: DataSize }
}
section! {
    /// Assertions.
    Slo {
        assert: Vec<AssertionText>,
        fail_on: FailOn,
        endpoint: BTreeMap<String, Vec<AssertionText>>,
    }
}

section! {
    /// Who else is told.
    Report { otlp: OtlpUrl }
}

/// How the reference stack is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StackDriver {
    /// Child processes on this machine.
    Native,
    /// Containers, by `docker compose`.
    Compose,
}

impl StackDriver {
    /// The name in the manifest and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Compose => "compose",
        }
    }
}

/// The database of the reference stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StackDb {
    /// SQLite natively, MySQL in compose, or what the topology says.
    Auto,
    /// A file.
    Sqlite,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

/// Size of the reference data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum DataSize {
    /// 500 books.
    #[value(name = "S")]
    S,
    /// 5,000 books.
    #[value(name = "M")]
    M,
    /// 50,000 books.
    #[value(name = "L")]
    L,
}

impl DataSize {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::M => "M",
            Self::L => "L",
        }
    }
}

/// From which severity on a finding fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    /// Never.
    None,
    /// Any finding.
    Hint,
    /// Likely or proven.
    Likely,
    /// Proven only.
    Proven,
}

impl FailOn {
    /// As the gate wants it.
    pub(crate) const fn severity(self) -> Option<Severity> {
        match self {
            Self::None => None,
            Self::Hint => Some(Severity::Hint),
            Self::Likely => Some(Severity::Likely),
            Self::Proven => Some(Severity::Proven),
        }
    }
}
