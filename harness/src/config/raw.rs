//! The sections of `kneepoint.toml` as written: unknown keys are refused, nothing is validated across keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kneepoint_loadgen::ContentCoding;
use kneepoint_model::finding::Severity;
use kneepoint_model::load::HttpVersion;
use kneepoint_model::units::Span;
use serde::{Deserialize, Serialize};
use url::Url;

use super::connection::{ReadRateText, SocketPath};
use super::value::{
    ArrivalSpread, AssertionText, AtLeastOne, ObjectiveText, OtlpUrl, PacingText, Port, Rate, SegmentText,
    StopLimitText,
};

/// The whole file; an absent key takes its default.
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
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name { $($(#[$attribute])* pub(crate) $field: Option<$type>),* }
    };
}

section! {
    /// `[site]`: a site that already runs.
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
    /// `[stack]`: the reference stack.
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
    /// `[crawl]`: the smoke crawl.
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
    /// `[warm]`: the warm stage.
    Warm { pages: AtLeastOne, max_rounds: AtLeastOne, max_time: Span }
}
section! {
    /// `[probe]`: the probe stage.
    Probe { repeats: AtLeastOne, max_routes: AtLeastOne, max_time: Span }
}
section! {
    /// `[load]`: load phases and transport.
    Load {
        http: HttpVersion,
        users: AtLeastOne,
        closed: Span,
        open: Span,
        rate: Rate,
        #[serde(alias = "stages")]
        segments: Vec<SegmentText>,
        arrivals: ArrivalSpread,
        replay: PathBuf,
        speed: f64,
        warmup: Span,
        timeout: Span,
        max_in_flight: AtLeastOne,
        connect_ahead: u32,
        shed_after: Span,
        wake: PacingText,
        accept_encoding: Vec<ContentCoding>,
        read_rate: ReadRateText,
        stop_when: Vec<StopLimitText>,
        threads: AtLeastOne,
        pin: bool,
        think: f64,
        scenarios: BTreeMap<String, u32>,
    }
}
section! {
    /// `[profile]`: the profile stage.
    Profile { time: Span, hz: AtLeastOne }
}
section! {
    /// `[ladder]`: objective, phases and rungs.
    Ladder {
        slo: ObjectiveText,
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
    /// `[experiment]`: pairs and blocks.
    Experiment { pairs: AtLeastOne, spare: u32, block: Span, size: DataSize }
}
section! {
    /// `[slo]`: assertions for the gate.
    Slo {
        assert: Vec<AssertionText>,
        fail_on: FailOn,
        endpoint: BTreeMap<String, Vec<AssertionText>>,
    }
}

section! {
    /// `[report]`: outputs beside the run folder.
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
    /// Name in the manifest and on the command line.
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
    /// The database of the topology, or SQLite (native) and MySQL (compose).
    Auto,
    /// A file; no server process.
    Sqlite,
    /// A MySQL server.
    Mysql,
    /// A MariaDB server.
    Mariadb,
}

/// Size of the reference data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum DataSize {
    /// 500 books (small).
    #[value(name = "S")]
    S,
    /// 5,000 books (medium).
    #[value(name = "M")]
    M,
    /// 50,000 books (large).
    #[value(name = "L")]
    L,
}

impl DataSize {
    /// Name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::M => "M",
            Self::L => "L",
        }
    }
}

/// Lowest severity of a finding that fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    /// No finding fails the run.
    None,
    /// Any finding fails the run.
    Hint,
    /// Likely and proven findings fail the run.
    Likely,
    /// Only proven findings fail the run.
    Proven,
}

impl FailOn {
    /// The gate's own type; `None` when no finding fails.
    pub(crate) const fn severity(self) -> Option<Severity> {
        match self {
            Self::None => None,
            Self::Hint => Some(Severity::Hint),
            Self::Likely => Some(Severity::Likely),
            Self::Proven => Some(Severity::Proven),
        }
    }
}
