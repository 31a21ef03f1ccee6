//! The command line: clap only. Nothing is believed here; `command` turns it into plans.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use kneepoint_model::load_segment::LoadSegment;
use kneepoint_model::units::{Span, SpanError};
use url::Url;

use crate::config::{DataSize, FailOn, OtlpUrl, SocketPath, StackDb, StackDriver};

/// Bring a web stack up, crawl it, load it, profile every tier, and say where it bends first, why, and what to do.
#[derive(Debug, Parser)]
#[command(name = "kneepoint", version, arg_required_else_help = true, help_expected = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// What holds for every verb.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags of every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Configuration file; otherwise kneepoint.toml is looked for upward from here.
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for runs and caches.
    #[arg(long, global = true, value_name = "DIR", default_value = ".kneepoint", env = "KNEEPOINT_HOME")]
    pub(crate) home: PathBuf,
    /// How results are written to stdout.
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(crate) format: Format,
    /// Warnings and errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more while working.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// Form of results on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// summary.json.
    Json,
    /// GitHub annotations; the Markdown report goes to the step summary.
    Github,
}

/// Verbs, in the order in which they are met.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// The main job: up, smoke, warm, probe, load, profile, down, analyse, gate, report.
    Run(RunArgs),
    /// Write a commented kneepoint.toml here.
    Init {
        /// Write over an existing file.
        #[arg(long)]
        force: bool,
    },
    /// Say what can be measured on this machine, and the command that mends what cannot.
    Doctor,
    /// Bring the reference stack up and leave it running.
    Up(StackArgs),
    /// Take down what `up` left running.
    Down {
        /// Also everything else that kneepoint ever started from this folder.
        #[arg(long)]
        all: bool,
    },
    /// Say what `up` left running.
    Status,
    /// Crawl only: does every page answer?
    Smoke(TargetArgs),
    /// Crawl and warm; or print what keeps a cache warm.
    Warm {
        /// What to warm.
        #[command(flatten)]
        target: TargetArgs,
        /// Print crontab lines with curl, and a systemd timer, instead of a verdict.
        #[arg(long)]
        print_cron: bool,
        /// Minutes between two warmings in what is printed.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=59))]
        every: u32,
    },
    /// Crawl, warm and load, without profiling.
    Load(RunArgs),
    /// Crawl, warm, then load and profile in one phase.
    Profile(RunArgs),
    /// Climb the ladder of topologies with the same workload, and say what each step buys and what ends each rung.
    Ladder(LadderArgs),
    /// Think, judge and report again from a stored run, whole or cut off.
    Report {
        /// Run folder; otherwise the latest.
        run: Option<PathBuf>,
    },
    /// Judge a stored run again by the present [slo].
    Gate {
        /// Run folder; otherwise the latest.
        run: Option<PathBuf>,
        /// A finding of this severity or above fails.
        #[arg(long, value_enum)]
        fail_on: Option<FailOn>,
    },
    /// Put advice to the test: with and without it, in turn, with a verdict.
    ///
    /// Exits with 0 when everything asked for has an answer (that advice hurts is one), 3 when some answers are invalid, 4
    /// when all are, 5 when a stack did not come up, 7 when something named needs what is not there.
    Experiment(ExperimentArgs),
    /// Write a scenario file from an access log, a browser's recording (HAR) or an OpenAPI document.
    Import(ImportArgs),
    /// List the runs of this folder.
    History,
    /// Print a JSON Schema of the public contract.
    Schema {
        /// Which file.
        #[arg(value_enum)]
        which: SchemaName,
    },
    /// Print a completion script.
    Completions {
        /// For which shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// The reference stack's engine (started by `up`).
    #[command(hide = true)]
    Engine {
        /// Where to listen.
        #[arg(long)]
        listen: std::net::SocketAddr,
        /// Books, one JSON object a line.
        #[arg(long)]
        books: PathBuf,
    },
    /// The reference stack's object store (started by `up`).
    #[command(hide = true)]
    Objects {
        /// Where to listen.
        #[arg(long)]
        listen: std::net::SocketAddr,
        /// The folder of the buckets.
        #[arg(long)]
        folder: PathBuf,
    },
    /// Stops what a killed kneepoint left behind (started by `run`).
    #[command(hide = true)]
    Watchdog,
    /// Removes the containers of one stack (started by the watchdog).
    #[command(hide = true)]
    Clean {
        /// The stack's name in Docker.
        project: String,
        /// Where the logs of its containers are kept.
        logs: PathBuf,
    },
}

/// What a scenario is made of.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArgs {
    /// What the file is.
    #[arg(value_enum)]
    pub(crate) kind: ImportKind,
    /// The file; `-` for standard input.
    pub(crate) file: PathBuf,
    /// Where the scenario is written, `-` for standard output; otherwise scenarios/<kind>.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// From an OpenAPI document: also operations that change data.
    #[arg(long)]
    pub(crate) writes: bool,
}

/// What can be made into a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportKind {
    /// Common or combined format (Apache, nginx), or a JSON object a line: the mix that visitors really ask for.
    AccessLog,
    /// What a browser recorded: a journey.
    Har,
    /// OpenAPI 3 or Swagger 2, JSON or YAML: each operation.
    Openapi,
}

/// Files with a published schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// summary.json.
    Summary,
    /// manifest.json.
    Manifest,
    /// site.json.
    Site,
}

/// What is looked at.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TargetArgs {
    /// A site that already runs, instead of the reference stack.
    #[arg(long, value_name = "URL")]
    pub(crate) attach: Option<Url>,
    /// A unix socket that takes the connections to that site; its address still gives the Host header.
    #[arg(long, value_name = "PATH", value_parser = SocketPath::parse)]
    pub(crate) unix_socket: Option<SocketPath>,
    /// Certificate authorities (PEM) to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// I may load this target although it is neither loopback nor private.
    #[arg(long = "i-own-this-target")]
    pub(crate) own_target: bool,
    /// The reference stack.
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// How the reference stack is built.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StackArgs {
    /// Child processes on this machine, or containers.
    #[arg(long, value_enum)]
    pub(crate) driver: Option<StackDriver>,
    /// A rung of the ladder (runserver, gunicorn, nginx, multi-app, db-apart, …), or auto.
    #[arg(long, value_name = "NAME")]
    pub(crate) topology: Option<String>,
    /// The database, where the topology leaves the choice.
    #[arg(long, value_enum)]
    pub(crate) db: Option<StackDb>,
    /// Size of the data.
    #[arg(long, value_enum)]
    pub(crate) size: Option<DataSize>,
    /// Seed of data and load.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Python (3.11 or later) for the reference stack; otherwise the first on PATH that will do.
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// A switch of the bookstore, e.g. KP_FAULTS=n_plus_one; may be given several times.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) env: Vec<(String, String)>,
}

/// Who is told of load while it runs, beside the console.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WatchArgs {
    /// A full-screen view while it runs: rate, response times, errors, endpoints, CPU. `q` stops cleanly.
    #[arg(long)]
    pub(crate) watch: bool,
    /// A collector of OpenTelemetry metrics that is told each second, e.g. http://127.0.0.1:4318; headers by
    /// OTEL_EXPORTER_OTLP_HEADERS.
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<OtlpUrl>,
}

/// What a run may change of the configuration.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunArgs {
    /// Who is told meanwhile.
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    /// What is looked at.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Load with HTTP/2: by ALPN within TLS, with prior knowledge without.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Users of the closed phase.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: Option<u32>,
    /// Journeys per second of the open phase: `auto` or `50/s`.
    #[arg(long)]
    pub(crate) rate: Option<String>,
    /// A stage of load, e.g. 'ramp 0/s to 50/s over 1m' (open model) or 'hold 50 users for 2m' (closed); may be given several
    /// times.
    #[arg(long = "stage", value_name = "STAGE")]
    pub(crate) stages: Vec<LoadSegment>,
    /// An access log whose requests are the open phase, each at its own moment.
    #[arg(long, value_name = "LOG")]
    pub(crate) replay: Option<PathBuf>,
    /// How much faster than in the log they come.
    #[arg(long, value_name = "TIMES")]
    pub(crate) speed: Option<f64>,
    /// A finding of this severity or above fails the run.
    #[arg(long, value_enum)]
    pub(crate) fail_on: Option<FailOn>,
}

/// What a climb may change of the configuration.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LadderArgs {
    /// Who is told meanwhile.
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    /// Rungs to climb (runserver, gunicorn, nginx, …), lowest first in any case; otherwise all.
    #[arg(value_name = "RUNG")]
    pub(crate) rungs: Vec<String>,
    /// What a rung must keep while its rate is raised, e.g. 'p95 < 250ms'.
    #[arg(long, value_name = "PROMISE")]
    pub(crate) slo: Option<String>,
    /// Think about a stored climb and report it again, whole or cut off; without a name the latest.
    #[arg(long, value_name = "ID", num_args = 0..=1, conflicts_with_all = ["rungs", "slo"])]
    #[expect(
        clippy::option_option,
        reason = "absent, without a name, and with one are three different wishes"
    )]
    pub(crate) report: Option<Option<PathBuf>>,
    /// Users of the closed phase.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: Option<u32>,
    /// Journeys per second at which all rungs are held against each other: `auto` or `20/s`.
    #[arg(long)]
    pub(crate) rate: Option<String>,
    /// The reference stack; its topologies are the rungs.
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// Which advice, and how long it is measured.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ExperimentArgs {
    /// Names of toggles; --list shows them.
    #[arg(value_name = "TOGGLE", conflicts_with_all = ["all", "list"])]
    pub(crate) toggles: Vec<String>,
    /// Everything that there is: the table of what is advised and what it did here.
    #[arg(long, conflicts_with = "list")]
    pub(crate) all: bool,
    /// Show the toggles, with what each advises and needs.
    #[arg(long)]
    pub(crate) list: bool,
    /// Pairs of blocks for each comparison; at least 8.
    #[arg(long, value_parser = clap::value_parser!(u32).range(8..=200))]
    pub(crate) pairs: Option<u32>,
    /// Length of a block, e.g. `1s`.
    #[arg(long, value_parser = block)]
    pub(crate) block: Option<Duration>,
    /// The reference stack.
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

fn block(text: &str) -> Result<Duration, String> {
    let Span(length) = text.parse().map_err(|error: SpanError| error.to_string())?;
    let fits = (Duration::from_millis(100)..=Duration::from_mins(1)).contains(&length);
    fits.then_some(length).ok_or_else(|| format!("`{text}` is no length of 100ms to 60s; write `1s`"))
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE; e.g. KP_FAULTS=n_plus_one")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
